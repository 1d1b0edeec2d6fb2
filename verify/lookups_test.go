package verify_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// serveRecords answers a look-up by looking through all entries.
func (l *ledger) serveRecords(values url.Values) []byte {
	a := &provenance.RecordsAnswer{Size: l.head().Size}
	offset, _ := strconv.Atoi(values.Get("offset"))
	limit, _ := strconv.Atoi(values.Get("limit"))
	for _, name := range []string{"id", "ref", "content", "parent", "correction"} {
		if !values.Has(name) {
			continue
		}
		q, err := provenance.ParseRecordQuery(name, values.Get(name))
		check(l.t, err)
		found := l.find(q)
		a.More = len(found) > offset+limit
		a.Hits = found[min(offset, len(found)):min(offset+limit, len(found))]
	}
	return a.Encode()
}

// find returns all records that a query asks for.
func (l *ledger) find(q provenance.RecordQuery) []provenance.RecordHit {
	var found []provenance.RecordHit
	for _, e := range l.entries[:min(int64(len(l.entries)), l.head().Size)] {
		s, err := provenance.ParseStatement(e.Statement)
		if err != nil {
			continue
		}
		h := s.Header()
		records, err := provenance.ExpandRecords(e.Frame, h.Count, provenance.FormatLimits())
		if err != nil {
			continue
		}
		for i, raw := range records {
			refs, err := provenance.ReferencesOf(raw)
			if err != nil || !q.Matches(h.Issuer, provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, raw), refs) {
				continue
			}
			proof, err := provenance.ParseRecordProof((&ledger{t: l.t, entries: []verify.Entry{e}}).serveRecord("0", strconv.Itoa(i)))
			check(l.t, err)
			found = append(found, provenance.RecordHit{Entry: e.Index, Statement: e.Statement, Proof: proof})
		}
	}
	return found
}

// named is a ledger whose records have refs, contents, parents of both forms and a
// correction. Many name the first one: more than an auditor remembers.
func named(t testing.TB) *ledger { return namedBy(t, 110) }

// namedBy is such a ledger of three entries of so many records, besides two.
func namedBy(t testing.TB, each int) *ledger {
	l := newLedgerWith(t, func(_ *ledger, g *provenance.Genesis) { g.Policy = provenance.Policy{} })
	first := l.records(1, "US", "CN")
	root := provenance.RecordID("acme", "us", 0, 0, first[0])
	l.commit(l.batch("acme", "us", first))
	for batch := range 3 {
		var records [][]byte
		for i, raw := range l.records(each, "DE", "US") {
			r, err := provenance.ParseRecord(raw)
			check(t, err)
			n := uint64(batch*each + i)
			r.Ref = binary.BigEndian.AppendUint64(nil, n/2)
			r.Parents = []provenance.Parent{{ID: root[:]}, {Issuer: "acme", Ref: []byte{byte(n % 5)}}}
			r.Content = []provenance.Content{{Role: 2, Algorithm: provenance.AlgHMACSHA256, Value: append(make([]byte, 24), r.Ref...), Profile: "text-v1"}}
			raw, err = r.Encode()
			check(t, err)
			records = append(records, raw)
		}
		l.commit(l.batch("beta", "eu", records))
	}
	l.commit(l.batch("acme", "us", [][]byte{l.correctionRecord(reversal(t, root, first[0]))}))
	l.commit()
	return l
}

// onLookUp changes the answers to look-ups by a kind of name.
func onLookUp(name string, change func(a *provenance.RecordsAnswer)) func(l *ledger) {
	return func(l *ledger) {
		l.answer = func(path string, b []byte) []byte {
			if !strings.HasPrefix(path, "/v1/records?") || !parseURL(l.t, path).Query().Has(name) {
				return b
			}
			a, err := provenance.ParseRecordsAnswer(b)
			check(l.t, err)
			change(a)
			return a.Encode()
		}
	}
}

// lookUpLies are those of look-ups.
func lookUpLies() []lie {
	var all []lie
	add := func(name, of string, want verify.Code, change func(a *provenance.RecordsAnswer)) {
		all = append(all, lie{name: "look-up by " + of + ": " + name, want: want, place: "records?" + of + "=", build: named, do: onLookUp(of, change)})
	}
	for _, of := range []string{"id", "ref", "content", "parent", "correction"} {
		add("nothing", of, verify.CodeLookUpMissing, func(a *provenance.RecordsAnswer) { a.Hits, a.More = nil, false })
		add("the last one left out", of, verify.CodeLookUpMissing, func(a *provenance.RecordsAnswer) {
			a.Hits, a.More = a.Hits[:max(0, len(a.Hits)-1)], false
		})
		add("as another record", of, verify.CodeLookUp, func(a *provenance.RecordsAnswer) {
			p := *a.Hits[0].Proof
			p.Record = slices.Concat(p.Record[:len(p.Record)-1], []byte{p.Record[len(p.Record)-1] ^ 1})
			a.Hits[0].Proof = &p
		})
	}
	add("the first one left out", "parent", verify.CodeLookUpMissing, func(a *provenance.RecordsAnswer) { a.Hits = a.Hits[1:] })
	add("one in the middle left out", "parent", verify.CodeLookUpMissing, func(a *provenance.RecordsAnswer) {
		a.Hits = slices.Delete(a.Hits, len(a.Hits)/2, len(a.Hits)/2+1)
	})
	add("in a later entry", "ref", verify.CodeLookUpMissing, func(a *provenance.RecordsAnswer) { a.Hits[len(a.Hits)-1].Entry++ })
	add("in an earlier entry", "correction", verify.CodeLookUp, func(a *provenance.RecordsAnswer) { a.Hits[0].Entry-- })
	add("one beyond the log that was not asked for", "content", verify.CodeLookUp, func(a *provenance.RecordsAnswer) {
		a.Size = 1 << 20
		other := *a.Hits[0].Proof
		other.Count++
		a.Hits = append(a.Hits, provenance.RecordHit{Entry: 1<<20 - 1, Statement: a.Hits[0].Statement, Proof: &other})
	})
	all = append(all, lie{name: "look-up by parent: a page again", want: verify.CodeLookUp, place: "records?parent=", build: named, do: samePage},
		lie{name: "look-ups withheld", want: verify.CodeLookUpMissing, place: "records?", do: on("/v1/records", func([]byte) []byte { return nil })},
		lie{name: "a look-up finds what nobody signed", want: verify.CodeLookUp, place: "records?content=", build: named, do: invented},
		lie{name: "a look-up's statement is signed by another", want: verify.CodeLookUp, place: "records?id=", build: named, do: func(l *ledger) {
			onLookUp("id", func(a *provenance.RecordsAnswer) {
				s, err := provenance.ParseStatement(a.Hits[0].Statement)
				check(l.t, err)
				signed, err := s.Header().Sign(ed25519.NewKeyFromSeed(seed("thief")))
				check(l.t, err)
				a.Hits[0].Statement = signed.Raw()
			})(l)
		}})
	return all
}

// samePage answers with the first page, whichever is asked for.
func samePage(l *ledger) {
	l.answer = func(path string, b []byte) []byte {
		u := parseURL(l.t, path)
		if u.Path != "/v1/records" || !u.Query().Has("parent") {
			return b
		}
		a, err := provenance.ParseRecordsAnswer(l.honest(parseURL(l.t, strings.Replace(path, "offset=100", "offset=0", 1))))
		check(l.t, err)
		a.More = true
		return a.Encode()
	}
}

// invented adds records of a statement that is not in the log to answers.
func invented(l *ledger) {
	onLookUp("content", func(a *provenance.RecordsAnswer) {
		p := *a.Hits[0].Proof
		p.Index, p.Count, p.Path = 0, 1, []provenance.Hash{}
		s := l.batch("beta", "lies", [][]byte{p.Record})
		a.Hits = append(a.Hits, provenance.RecordHit{Entry: a.Size - 1, Statement: s.Statement, Proof: &p})
	})(l)
}

// TestLookUpsHold: what an honest node answers is what the log has, for every kind
// of name, and also where the auditor skips headers or draws few names.
func TestLookUpsHold(t *testing.T) {
	l := named(t)
	for _, most := range []int{0, 1, 3, 1000} {
		kinds := map[string]int{}
		l.answer = func(path string, b []byte) []byte {
			if u := parseURL(t, path); u.Path == "/v1/records" && u.Query().Get("offset") == "0" {
				kinds[kindOf(u.Query())]++
			}
			return b
		}
		o := l.options()
		o.LookUps = most
		r := l.auditWith(o)
		if s := stepOf(r, "look-ups"); r.Verdict != verify.Holds || s.Outcome != verify.Passed || s.Checked == 0 {
			t.Fatalf("%d names a kind:\n%s", most, text(r))
		}
		if most == 0 {
			most = 64
		}
		// 5 entries, 165 refs and contents of two records each, a parent by id and five by
		// ref, one corrected record.
		want := map[string]int{"id": min(most, 5), "ref": min(most, 165), "content": min(most, 165), "parent": 1, "parent by ref": min(most, 5), "correction": 1}
		for name, n := range want {
			// The records beside those that are made here may have names too.
			if kinds[name] < n || kinds[name] > most {
				t.Errorf("%d look-ups by %s, wanted %d of at most %d", kinds[name], name, n, most)
			}
		}
	}
}

// kindOf is the kind of a look-up.
func kindOf(values url.Values) string {
	for _, name := range []string{"id", "ref", "content", "parent", "correction"} {
		switch {
		case name == "parent" && strings.Contains(values.Get(name), "/"):
			return "parent by ref"
		case values.Has(name):
			return name
		}
	}
	return ""
}

// withoutLookUps is a source that cannot be asked for records.
type withoutLookUps struct{ verify.Source }

// TestLookUpsNotChecked: what could not be looked up is not checked, and never
// evidence.
func TestLookUpsNotChecked(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(l *ledger)
		says string
		exit int
	}{
		"an index behind":      {onLookUp("ref", func(a *provenance.RecordsAnswer) { cutTo(a, 2) }), "looked through 2 of 5 entries", 2},
		"an index of nothing":  {onLookUp("id", func(a *provenance.RecordsAnswer) { cutTo(a, 0) }), "looked through 0 of 5 entries", 2},
		"pages without an end": {onLookUp("correction", func(a *provenance.RecordsAnswer) { a.Hits, a.More = nil, true }), "more than 16 pages", 2},
		"not in its form":      {on("/v1/records", garbage), "not in the form", 2},
		"an index behind lies": {onLookUp("parent", func(a *provenance.RecordsAnswer) { cutTo(a, 3); a.Hits = a.Hits[:0] }), "record 0 of entry 1", 1},
	} {
		l := named(t)
		c.do(l)
		r := l.audit()
		if r.Exit() != c.exit || !strings.Contains(stepOf(r, "look-ups").Reason+fmt.Sprint(stepOf(r, "look-ups").Findings), c.says) {
			t.Errorf("%s: exit %d, wanted %d and %q:\n%s", name, r.Exit(), c.exit, c.says, text(r))
		}
	}
	l := named(t)
	o := l.options()
	for name, r := range map[string]*verify.Report{
		"no route": light.Audit(t.Context(), withoutLookUps{l.node()}, verify.Trust{}, o),
		"not asked for": func() *verify.Report {
			o.LookUps = -1
			return l.auditWith(o)
		}(),
	} {
		if s := stepOf(r, "look-ups"); r.Verdict != verify.Holds || s.Outcome != verify.NotChecked || !s.Optional {
			t.Errorf("%s:\n%s", name, text(r))
		}
	}
}

// cutTo has an answer search so many entries.
func cutTo(a *provenance.RecordsAnswer, size int64) {
	a.Size = size
	a.Hits = slices.DeleteFunc(a.Hits, func(h provenance.RecordHit) bool { return h.Entry >= size })
}

// growing is a node whose log has grown since its status: look-ups find more.
type growing struct {
	*remote.Node
	later *remote.Node
}

// Records answers from the longer log.
func (g growing) Records(ctx context.Context, q provenance.RecordQuery, offset, limit int) (*provenance.RecordsAnswer, error) {
	return g.later.Records(ctx, q, offset, limit)
}

// TestLookUpsOfALongerLog: records behind the audited log are no evidence; those
// before are still wanted.
func TestLookUpsOfALongerLog(t *testing.T) {
	l, later := named(t), named(t)
	var more [][]byte
	for _, raw := range later.records(5, "DE", "US") {
		r, err := provenance.ParseRecord(raw)
		check(t, err)
		r.Ref, r.Parents = make([]byte, 8), []provenance.Parent{{Issuer: "acme", Ref: []byte{1}}}
		raw, err = r.Encode()
		check(t, err)
		more = append(more, raw)
	}
	later.commit(later.batch("beta", "eu", more))
	later.commit()
	src := growing{l.node(), later.node()}
	if r := light.Audit(t.Context(), src, verify.Trust{}, l.options()); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
	onLookUp("ref", func(a *provenance.RecordsAnswer) { a.Hits = a.Hits[1:] })(later)
	if r := light.Audit(t.Context(), src, verify.Trust{}, l.options()); r.Exit() != 1 {
		t.Error(text(r))
	}
}

var errDown = errors.New("the node is down")

// waiting is a node whose index catches up while it is asked.
type waiting struct {
	*remote.Node
	asked int
}

// Records answers as of an index that is behind, the first times.
func (w *waiting) Records(ctx context.Context, q provenance.RecordQuery, offset, limit int) (*provenance.RecordsAnswer, error) {
	a, err := w.Node.Records(ctx, q, offset, limit)
	if w.asked++; w.asked < 3 && err == nil {
		cutTo(a, 1)
	}
	if w.asked == 100 {
		return nil, errDown
	}
	return a, err
}

// TestLookUpsWait: an index that catches up within the auditor's patience is waited
// for; a node that fails in between is not checked.
func TestLookUpsWait(t *testing.T) {
	l := named(t)
	o := l.options()
	o.Patience, o.LookUps = 0, 4
	if r := light.Audit(t.Context(), &waiting{Node: l.node()}, verify.Trust{}, o); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
	o.LookUps = 1000
	if r := light.Audit(t.Context(), &waiting{Node: l.node()}, verify.Trust{}, o); r.Exit() != 2 || !tells(r, errDown.Error()) {
		t.Error(text(r))
	}
}
