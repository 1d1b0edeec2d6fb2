package provenance

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func queryGen(t *rapid.T) RecordQuery {
	hash := func() Hash { return Hash(bytesGen(32, 32).Draw(t, "hash")) }
	form := rapid.IntRange(0, 5).Draw(t, "form")
	switch form {
	case 0:
		return ByID(hash())
	case 1:
		return ByContent(hash())
	case 2:
		return ByID(hash()).Children()
	}
	issuer := rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,63}`).Draw(t, "issuer")
	if form == 3 {
		return Corrections(issuer, hash())
	}
	q := ByRef(issuer, bytesGen(1, 32).Draw(t, "ref"))
	if rapid.Bool().Draw(t, "children") {
		q = q.Children()
	}
	return q
}

// TestQueriesAsParameters: SPEC(API-6).
func TestQueriesAsParameters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := queryGen(t)
		name, value := q.Param()
		got, err := ParseRecordQuery(name, value)
		if err != nil || !reflect.DeepEqual(got, q) {
			t.Fatalf("%s=%s: %+v, %v, wanted %+v", name, value, got, err, q)
		}
	})
	id := strings.Repeat("0a", 32)
	for want, q := range map[string]RecordQuery{
		"id=" + id:       ByID(Hash(unhex(id))),
		"content=" + id:  ByContent(Hash(unhex(id))),
		"parent=" + id:   ByID(Hash(unhex(id))).Children(),
		"ref=acme/0aff":  ByRef("acme", []byte{0x0a, 0xff}),
		"parent=acme/0a": ByRef("acme", []byte{0x0a}).Children(),

		"correction=acme/" + id: Corrections("acme", Hash(unhex(id))),
	} {
		if name, value := q.Param(); name+"="+value != want {
			t.Errorf("%s=%s, wanted %s", name, value, want)
		}
	}
}

func TestQueriesRefused(t *testing.T) {
	id := strings.Repeat("0a", 32)
	for _, c := range [][2]string{
		{"id", ""}, {"id", id[1:]}, {"id", strings.ToUpper(id)}, {"id", id + "0"}, {"id", "acme/0a"}, {"id", strings.Repeat("xx", 32)},
		{"content", ""}, {"content", "acme/0a"}, {"content", id[2:]},
		{"ref", ""}, {"ref", id}, {"ref", "acme"}, {"ref", "acme/"}, {"ref", "acme/0"}, {"ref", "acme/0A"}, {"ref", "Acme/0a"}, {"ref", "/0a"},
		{"ref", "acme/" + id + "0a"}, {"ref", "acme/0a/0a"}, {"ref", "acme/zz"},
		{"parent", ""}, {"parent", id[2:]}, {"parent", "acme/"}, {"parent", strings.ToUpper(id)},
		{"correction", ""}, {"correction", id}, {"correction", "acme/" + id[2:]}, {"correction", "acme/" + id + "0a"},
		{"correction", "Acme/" + id}, {"correction", "/" + id}, {"correction", "acme/" + strings.ToUpper(id)}, {"correction", "acme/" + id + "/"},
		{"", id}, {"trace", id},
	} {
		q, err := ParseRecordQuery(c[0], c[1])
		if CodeOf(err) != CodeValue || !strings.Contains(err.Error(), "is not") {
			t.Errorf("%s=%s: %+v, %v", c[0], c[1], q, err)
		}
	}
}

func FuzzParseRecordQuery(f *testing.F) {
	f.Add("id", strings.Repeat("0a", 32))
	f.Add("content", strings.Repeat("0a", 32))
	f.Add("ref", "acme/0a")
	f.Add("parent", "acme/0a")
	f.Add("correction", "acme/"+strings.Repeat("0a", 32))
	f.Fuzz(func(t *testing.T, name, value string) {
		q, err := ParseRecordQuery(name, value)
		if refused(t, err) {
			return
		}
		if n, v := q.Param(); n != name || v != value {
			t.Fatalf("%s=%s becomes %s=%s", name, value, n, v)
		}
	})
}

// TestMatches holds Matches to each form of query, with all others beside it.
func TestMatches(t *testing.T) {
	self, other := hashOf("self"), hashOf("other")
	content, parent, corrected := hashOf("content"), hashOf("parent"), hashOf("corrected")
	refs := References{
		Ref: []byte("r"), Contents: []Hash{other, content}, Corrects: &corrected,
		Parents: []Parent{{ID: other[:]}, {ID: parent[:]}, {Issuer: "beta", Ref: []byte("p")}},
	}
	for name, c := range map[string]struct {
		q    RecordQuery
		want bool
	}{
		"its id":                    {ByID(self), true},
		"another's id":              {ByID(parent), false},
		"its ref":                   {ByRef("acme", []byte("r")), true},
		"its ref, another's":        {ByRef("beta", []byte("r")), false},
		"a parent's ref":            {ByRef("beta", []byte("p")), false},
		"its content":               {ByContent(content), true},
		"its first content":         {ByContent(other), true},
		"a parent as content":       {ByContent(parent), false},
		"a child":                   {ByID(parent).Children(), true},
		"a correction":              {Corrections("acme", corrected), true},
		"another's correction":      {Corrections("beta", corrected), false},
		"a correction of another":   {Corrections("acme", parent), false},
		"a correction as child":     {ByID(corrected).Children(), false},
		"its own child":             {ByID(self).Children(), false},
		"content as parent":         {ByID(content).Children(), false},
		"a child by ref":            {ByRef("beta", []byte("p")).Children(), true},
		"a child by another's ref":  {ByRef("acme", []byte("p")).Children(), false},
		"a child by its own ref":    {ByRef("acme", []byte("r")).Children(), false},
		"a child by a longer ref":   {ByRef("beta", []byte("pp")).Children(), false},
		"the empty ref of a nobody": {ByRef("", nil).Children(), false},
	} {
		if got := c.q.Matches("acme", self, refs); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if (RecordQuery{Issuer: "acme"}).Matches("acme", self, References{}) {
		t.Error("no ref is a ref")
	}
}
