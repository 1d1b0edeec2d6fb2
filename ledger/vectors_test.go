package ledger

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tokentrail/provenance"
)

// The vectors of spec/vectors, which know nothing of this package, as far as
// they concern what the ledger builds and admits.

type vector struct {
	Name     string
	Hex      *string
	HexParts []struct {
		Hex    string
		Repeat int
	} `json:"hex_parts"`
	OK     bool
	Error  string
	Path   *string
	Given  vectorValues
	Expect vectorValues
}

type vectorValues struct {
	Key       string
	State     []struct{ Key, Value string }
	StateKey  string `json:"state_key"`
	StateRoot string `json:"state_root"`
	Value     *string
	LogSize   int64  `json:"log_size"`
	LogRoot   string `json:"log_root"`
	AppHash   string `json:"app_hash"`
	Height    int64
	Index     int64

	StatementID string `json:"statement_id"`
}

func vectors[T any](t *testing.T, name string) []T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../spec/vectors", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []T }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatalf("%s: no vectors", name)
	}
	return file.Vectors
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (v *vector) input(t *testing.T) []byte {
	if v.Hex != nil {
		return unhex(t, *v.Hex)
	}
	var out []byte
	for _, p := range v.HexParts {
		out = append(out, bytes.Repeat(unhex(t, p.Hex), p.Repeat)...)
	}
	return out
}

// TestAdmissionVectors admits each submission on the state that it is given.
func TestAdmissionVectors(t *testing.T) {
	for _, v := range vectors[vector](t, "admission") {
		var state []stateChange
		for _, e := range v.Given.State {
			state = append(state, stateChange{e.Key, unhex(t, e.Value)})
		}
		view, err := newView(stateTree{}.update(state), v.Given.LogSize, v.Given.Height, blockTime)
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		c, _ := Check(v.input(t)) // its error comes back from admit
		err = view.admit(c)
		if (err == nil) != v.OK || provenance.CodeOf(err) != provenance.Code(v.Error) {
			t.Errorf("%s: %v, wanted %q", v.Name, err, v.Error)
		}
		if e := (*provenance.Error)(nil); v.Path != nil && (!errors.As(err, &e) || e.Path != *v.Path) {
			t.Errorf("%s: %v, wanted the path %q", v.Name, err, *v.Path)
		}
		if err != nil {
			continue
		}
		h := c.sub.Statement.Header()
		head, ok, err := view.streamHead(h.Issuer, h.Stream)
		if err != nil || !ok || head.Index != v.Expect.Index || head.Statement.String() != v.Expect.StatementID {
			t.Errorf("%s: the stream's head is %+v, %v", v.Name, head, err)
		}
	}
}

// TestSubmissionVectors admits each submission to a ledger that knows the key
// and has the stream's statement before.
func TestSubmissionVectors(t *testing.T) {
	for _, v := range vectors[vector](t, "submission") {
		c, _ := Check(v.input(t)) // its error comes back from admit
		err := viewFor(t, c, v.Given.Key).admit(c)
		want := provenance.Code(v.Error)
		if want == provenance.CodeKID {
			want = CodeUnknownKey // the registry finds no such key
		}
		if (err == nil) != v.OK || provenance.CodeOf(err) != want {
			t.Errorf("%s: %v, wanted %q", v.Name, err, want)
		}
	}
}

func viewFor(t *testing.T, c *Checked, key string) *view {
	t.Helper()
	changes, err := genesisState([]byte(`{"format":1}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.sub != nil {
		changes = append(changes, registryFor(t, c, key)...)
	}
	v, err := newView(stateTree{}.update(changes), 1, 1, blockTime)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// registryFor is the batch's issuer with the key, and the stream with the
// statement before.
func registryFor(t *testing.T, c *Checked, key string) []stateChange {
	t.Helper()
	h := c.sub.Statement.Header()
	public, err := provenance.ParsePublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := provenance.EncodeStateValue(provenance.Provider{
		ID: h.Issuer, Name: h.Issuer, Jurisdictions: []string{"US"}, Status: provenance.ProviderActive,
		Keys: []provenance.ProviderKey{{Alg: public.Alg(), Key: public.COSE()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	changes := []stateChange{{provenance.StateProviderKey(h.Issuer), provider}}
	if h.Previous != nil {
		head, err := provenance.EncodeStateValue(provenance.StreamHead{Sequence: h.Sequence - 1, Statement: *h.Previous, Status: provenance.StreamOpen})
		if err != nil {
			t.Fatal(err)
		}
		changes = append(changes, stateChange{provenance.StateStreamKey(h.Issuer, h.Stream), head})
	}
	return changes
}

func TestStateRootVectors(t *testing.T) {
	for _, v := range vectors[vector](t, "state_root") {
		var bulk []stateChange
		var tree stateTree
		for _, e := range v.Given.State {
			c := stateChange{e.Key, unhex(t, e.Value)}
			bulk = append(bulk, c)
			tree = tree.update([]stateChange{c})
		}
		for _, got := range []stateTree{tree, stateTree{}.update(bulk)} {
			if root := got.rootHash(); root.String() != v.Expect.StateRoot {
				t.Errorf("%s: %s, wanted %s", v.Name, root, v.Expect.StateRoot)
			}
		}
	}
}

// TestStateProofVectors builds again what the good vectors hold. Their map is
// what they show to be present under the root that most of them have.
func TestStateProofVectors(t *testing.T) {
	trees := map[string]stateTree{}
	all := vectors[vector](t, "state_proof")
	for _, v := range all {
		if v.OK && v.Given.Value != nil {
			c := stateChange{v.Given.StateKey, unhex(t, *v.Given.Value)}
			trees[v.Given.StateRoot] = trees[v.Given.StateRoot].update([]stateChange{c})
		}
	}
	built := 0
	for _, v := range all {
		tree := trees[v.Given.StateRoot]
		if !v.OK || tree.rootHash().String() != v.Given.StateRoot {
			continue
		}
		built++
		if got := tree.prove(v.Given.StateKey).Encode(); !bytes.Equal(got, v.input(t)) {
			t.Errorf("%s: %x, wanted %x", v.Name, got, v.input(t))
		}
	}
	if built < 8 {
		t.Errorf("only %d proofs could be built again", built)
	}
}

func TestAppHashVectors(t *testing.T) {
	for _, v := range vectors[vector](t, "apphash") {
		if !v.OK {
			continue
		}
		logRoot, stateRoot := provenance.Hash(unhex(t, v.Expect.LogRoot)), provenance.Hash(unhex(t, v.Expect.StateRoot))
		h := newHead(1, 0, v.Expect.LogSize, logRoot, stateRoot)
		if h.AppHash.String() != v.Expect.AppHash || !bytes.Equal(h.Preimage().Encode(), v.input(t)) {
			t.Errorf("%s: %s over %x", v.Name, h.AppHash, h.Preimage().Encode())
		}
	}
}
