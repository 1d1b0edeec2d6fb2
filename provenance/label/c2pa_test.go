package label

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// box makes a box of ISO 19566-5.
func box(kind string, parts ...[]byte) []byte {
	b := append(make([]byte, 4), kind...)
	for _, p := range parts {
		b = append(b, p...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}

// superbox makes one with a type of JUMBF's family, named by four characters.
func superbox(kind, label string, parts ...[]byte) []byte {
	d := append([]byte(kind), 0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71, 3)
	d = append(append(d, label...), 0)
	return box("jumb", append([][]byte{box("jumd", d)}, parts...)...)
}

func cborBox(v any) []byte {
	b, err := cbor.Marshal(v)
	if err != nil {
		panic(err) // a fixture
	}
	return box("cbor", b)
}

type obj = map[string]any

// manifest makes one with a claim and an assertion.
func manifest(label, claim string, claimed any, assertion string, asserted any) []byte {
	return superbox("c2ma", label,
		superbox("c2as", "c2pa.assertions",
			superbox("json", "stds.schema-org.CreativeWork", box("json", []byte("{}"))),
			superbox("cbor", assertion, cborBox(asserted))),
		superbox("c2cl", claim, cborBox(claimed)),
		superbox("c2cs", "c2pa.signature", box("cbor", []byte{0xd2, 0x84})))
}

// sampleStore has two manifests, of the first and the second version of C2PA.
func sampleStore() []byte {
	return superbox("c2pa", "c2pa", firstManifest(), secondManifest())
}

func firstManifest() []byte {
	return manifest("urn:uuid:1", "c2pa.claim",
		obj{"claim_generator": "tool/1.0", "claim_generator_info": []any{obj{"name": "tool", "version": "1.0"}, obj{"name": "lib"}}},
		"c2pa.actions", obj{"actions": []any{
			obj{"action": "c2pa.created", "digitalSourceType": trained, "softwareAgent": "Old Agent", "when": cbor.Tag{Number: 0, Content: "2026-01-01T00:00:00Z"}},
		}})
}

func secondManifest() []byte {
	return manifest("urn:c2pa:2", "c2pa.claim.v2",
		obj{"instanceID": "x", "claim_generator_info": obj{"name": "New Tool", "version": "2", "icon": obj{}}},
		"c2pa.actions.v2__1", obj{"allActionsIncluded": true, "actions": []any{
			obj{"action": "c2pa.opened", "softwareAgent": obj{"name": "Agent", "version": "3"}, "parameters": obj{"x": []any{1}}},
			obj{"action": "c2pa.edited", "digitalSourceType": composite, "softwareAgent": nil},
		}})
}

// SPEC(LBL-18)
func TestParseManifestStore(t *testing.T) {
	first := &C2PA{1, "urn:uuid:1", []string{"tool 1.0", "lib"}, []Action{{"c2pa.created", trained, "Old Agent"}}}
	second := &C2PA{2, "urn:c2pa:2", []string{"New Tool 2"}, []Action{{"c2pa.opened", "", "Agent 3"}, {"c2pa.edited", composite, ""}}}
	bare := &C2PA{1, "m", []string{"tool/1.0"}, nil}
	for name, test := range map[string]struct {
		store []byte
		want  *C2PA
	}{
		"first version": {superbox("c2pa", "c2pa", firstManifest()), first},
		"two manifests": {sampleStore(), second},
		"generator's string alone": {superbox("c2pa", "c2pa",
			manifest("m", "c2pa.claim", obj{"claim_generator": "tool/1.0", "claim_generator_info": nil}, "c2pa.hash.data", obj{})), bare},
		"free space": {superbox("c2pa", "c2pa", firstManifest(), box("free", make([]byte, 9))), first},
	} {
		if got, err := parseManifestStore(test.store); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	// A length of 0 reaches to the end, one of 1 has 64 bits behind it.
	open := sampleStore()
	binary.BigEndian.PutUint32(open, 0)
	long := append([]byte{0, 0, 0, 1, 'j', 'u', 'm', 'b', 0, 0, 0, 0, 0, 0, 0, 0}, sampleStore()[8:]...)
	binary.BigEndian.PutUint64(long[8:], uint64(len(long)))
	for _, store := range [][]byte{open, long} {
		if got, err := parseManifestStore(store); err != nil || !reflect.DeepEqual(got, second) {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

func nested(depth int) []byte {
	b := superbox("c2ma", "x")
	for range depth {
		b = superbox("c2ma", "x", b)
	}
	return b
}

// deepCBOR is an array in an array, so many times.
func deepCBOR(depth int) []byte {
	return box("cbor", []byte(strings.Repeat("\x81", depth)+"\x00"))
}

var badStores = map[string]struct {
	store []byte
	kind  ErrorKind
	want  string
}{
	"empty":               {nil, Malformed, "not one superbox"},
	"another type":        {superbox("c2ma", "c2pa"), Malformed, "not one superbox"},
	"two stores":          {append(sampleStore(), sampleStore()...), Malformed, "not one superbox"},
	"foreign type":        {box("jumb", box("jumd", []byte("c2pa0000000000000"))), Malformed, "not one superbox"},
	"trailing bytes":      {append(sampleStore(), 0, 0), Malformed, "2 bytes are left"},
	"no manifest":         {superbox("c2pa", "c2pa"), Malformed, "no manifest"},
	"no description":      {box("jumb", box("cbor")), Malformed, "start with its description"},
	"short description":   {box("jumb", box("jumd", make([]byte, 16))), Malformed, "too few for its type"},
	"endless label":       {box("jumb", box("jumd", append(make([]byte, 16), 3, 'x'))), Malformed, "label of a superbox"},
	"label of controls":   {superbox("c2pa", "\x1b[2J"), Malformed, "label of a superbox"},
	"long label":          {superbox("c2pa", strings.Repeat("x", 1001)), Malformed, "label of a superbox"},
	"lying length":        {[]byte("\xff\xff\xff\xffjumb"), Malformed, "says that it has 4294967295"},
	"length below head":   {[]byte("\x00\x00\x00\x07jumb"), Malformed, "says that it has 7"},
	"long length cut off": {[]byte("\x00\x00\x00\x01jumb1234"), Malformed, "ends within its length"},
	"long length lies":    {[]byte("\x00\x00\x00\x01jumb\xff\xff\xff\xff\xff\xff\xff\xff"), Malformed, "says that it has 18446744073709551615"},
	"deep":                {nested(maxNesting), TooLarge, "nested more than 32"},
	"many boxes":          {superbox("c2pa", "c2pa", []byte(strings.Repeat("\x00\x00\x00\x08free", maxPieces))), TooLarge, "more than 100000 boxes"},
	"large":               {make([]byte, maxManifest+1), TooLarge, "at most 16777216"},
	"compressed":          {superbox("c2pa", "c2pa", superbox("c2cm", "m", box("brob"))), Unsupported, "compressed"},
	"unknown manifest":    {superbox("c2pa", "c2pa", superbox("c2xx", "m")), Malformed, "no type that C2PA knows"},
	"no claim":            {superbox("c2pa", "c2pa", superbox("c2ma", "m")), Malformed, "no claim"},
	"no assertions":       {superbox("c2pa", "c2pa", superbox("c2ma", "m", superbox("c2cl", "c2pa.claim", cborBox(obj{})))), Malformed, "no assertion store"},
	"claim of JSON":       {superbox("c2pa", "c2pa", superbox("c2ma", "m", superbox("c2cl", "c2pa.claim", box("json")))), Unsupported, "does not hold CBOR"},
	"claim cut off":       {withClaim(box("cbor", []byte{0xa1, 0x61})), Malformed, "c2pa.claim"},
	"claim is no map":     {withClaim(cborBox(7)), Malformed, "its CBOR"},
	"twice in the claim":  {withClaim(box("cbor", []byte("\xa2\x61a\x01\x61a\x01"))), Malformed, "duplicate"},
	"generator a number":  {withClaim(cborBox(obj{"claim_generator_info": 7})), Malformed, "neither a map nor"},
	"many generators":     {withClaim(cborBox(obj{"claim_generator_info": make([]obj, 101)})), TooLarge, "at most 100"},
	"deep CBOR":           {withClaim(deepCBOR(100)), Malformed, "nested"},
	"huge count":          {withClaim(box("cbor", []byte("\x9b\x00\x00\x00\x7f\xff\xff\xff\xff"))), Malformed, "its CBOR"},
	"action of no name":   {withActions(obj{"actions": []any{obj{}}}), Malformed, "action 0 has no name"},
	"action a number":     {withActions(obj{"actions": []any{1}}), Malformed, "its CBOR"},
	"agent a number":      {withActions(obj{"actions": []any{obj{"action": "a", "softwareAgent": 1}}}), Malformed, "software agent of action 0"},
	"many actions":        {withActions(obj{"actions": make([]any, maxActions+1)}), Malformed, "exceeded max number of elements"},
}

func withClaim(content []byte) []byte {
	return superbox("c2pa", "c2pa", superbox("c2ma", "m", superbox("c2cl", "c2pa.claim", content)))
}

func withActions(v any) []byte {
	return superbox("c2pa", "c2pa", manifest("m", "c2pa.claim", obj{}, "c2pa.actions", v))
}

func TestParseManifestStoreRefuses(t *testing.T) {
	for name, test := range badStores {
		_, err := parseManifestStore(test.store)
		t.Run(name, func(t *testing.T) { wantFileError(t, err, test.kind, test.want) })
	}
	store := sampleStore()
	for i := range store {
		if _, err := parseManifestStore(store[:i]); err == nil {
			t.Fatalf("cut off at byte %d it is read", i)
		}
	}
}

// The limit holds for all assertions of a manifest together.
func TestActionsAreCountedTogether(t *testing.T) {
	actions := obj{"actions": make([]obj, maxActions/2+1)}
	for i := range actions["actions"].([]obj) {
		actions["actions"].([]obj)[i] = obj{"action": "a"}
	}
	store := superbox("c2pa", "c2pa", superbox("c2ma", "m",
		superbox("c2cl", "c2pa.claim", cborBox(obj{})),
		superbox("c2as", "c2pa.assertions", superbox("cbor", "c2pa.actions", cborBox(actions)), superbox("cbor", "c2pa.actions__1", cborBox(actions)))))
	_, err := parseManifestStore(store)
	wantFileError(t, err, TooLarge, "more than 10000 actions")
}

func FuzzManifestStore(f *testing.F) {
	f.Add(sampleStore())
	for _, test := range badStores {
		if len(test.store) < 4096 {
			f.Add(test.store)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseManifestStore(b)
		if err == nil && (c.Manifests < 1 || len(c.Actions) > maxActions) {
			t.Fatalf("%+v", c)
		}
	})
}
