package ledger

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"tokentrail/provenance"
)

// The vectors of acts, equivocation and statements under rule version 3: one
// submission, or those of one block in order.

type entryVector struct {
	vector
	Items  []string
	Given  entryGiven
	Expect entryExpected
}

type entryGiven struct {
	Chain   string
	Height  int64
	Time    int64
	LogSize int64 `json:"log_size"`
	State   []struct{ Key, Value string }

	BlockBytes   int64 `json:"block_bytes"`
	BlockContent int64 `json:"block_content"`
	BlockChanged int   `json:"block_changed"`
}

type entryExpected struct {
	EntryID   string `json:"entry_id"`
	Index     int64
	Leaf      string
	LeafHash  string `json:"leaf_hash"`
	State     []struct{ Key, Value string }
	StateRoot string `json:"state_root"`
}

// TestEntryVectors admits what each vector has on the state that it is given,
// and holds the entry and the whole state map behind it to what it expects.
func TestEntryVectors(t *testing.T) {
	for _, name := range []string{"admission_act", "admission_equivocation", "admission_v3", "admission_sequence", "admission_room"} {
		for _, v := range vectors[entryVector](t, name) {
			t.Run(name+"/"+v.Name, func(t *testing.T) { v.run(t) })
		}
	}
}

func (v *entryVector) run(t *testing.T) {
	view := v.view(t)
	submissions := [][]byte{v.input(t)}
	if v.Items != nil {
		submissions = nil
		for _, item := range v.Items {
			submissions = append(submissions, unhex(t, item))
		}
	}
	last := len(submissions) - 1
	for i, b := range submissions[:last] {
		c, _ := Check(b) // its error comes back from admit
		if err := view.admit(c); err != nil {
			t.Fatalf("item %d: %v", i, err)
		}
	}
	before, size := view.state().rootHash(), view.size
	c, _ := Check(submissions[last])
	err := v.admit(view, c)
	if (err == nil) != v.OK || provenance.CodeOf(err) != provenance.Code(v.Error) {
		t.Fatalf("%v, wanted %q", err, v.Error)
	}
	if e := (*provenance.Error)(nil); v.Path != nil && (!errors.As(err, &e) || e.Path != *v.Path) {
		t.Errorf("%v, wanted the path %q", err, *v.Path)
	}
	if err != nil {
		if view.state().rootHash() != before || view.size != size {
			t.Error("what was refused has changed the state")
		}
		return
	}
	v.compare(t, view, c)
}

// admit admits c as the next of a block, where there is room.
func (v *entryVector) admit(w *view, c *Checked) error {
	left := newRoom()
	left.bytes, left.expanded = left.bytes-v.Given.BlockBytes, left.expanded-v.Given.BlockContent
	if c.err == nil && !left.take(c) {
		return noRoom()
	}
	return w.admit(c)
}

func (v *entryVector) view(t *testing.T) *view {
	t.Helper()
	var state []stateChange
	for _, e := range v.Given.State {
		state = append(state, stateChange{e.Key, unhex(t, e.Value)})
	}
	w, err := newView(stateTree{}.update(state), v.Given.LogSize, v.Given.Height, time.UnixMilli(v.Given.Time))
	if err != nil {
		t.Fatal(err)
	}
	w.chainID, w.changed = v.Given.Chain, v.Given.BlockChanged
	return w
}

// state is the state map as the entries so far have left it.
func (v *view) state() stateTree {
	var changes []stateChange
	for key, value := range v.changes {
		changes = append(changes, stateChange{key, value})
	}
	return v.tree.update(changes)
}

func (v *entryVector) compare(t *testing.T, w *view, c *Checked) {
	t.Helper()
	want := v.Expect
	if leaf := hex.EncodeToString(c.Leaf()); leaf != want.Leaf {
		t.Errorf("the leaf is %s, wanted %s", leaf, want.Leaf)
	}
	if h := provenance.LeafHash(c.Leaf()); h.String() != want.LeafHash {
		t.Errorf("the leaf hash is %s, wanted %s", h, want.LeafHash)
	}
	if c.id.String() != want.EntryID || w.size != want.Index+1 {
		t.Errorf("entry %d has the id %s, wanted %d and %s", w.size-1, c.id, want.Index, want.EntryID)
	}
	state := w.state()
	for _, e := range want.State {
		if got, ok := state.get(e.Key); !ok || hex.EncodeToString(got) != e.Value {
			t.Errorf("%s is %x, wanted %s", e.Key, got, e.Value)
		}
	}
	if root := state.rootHash(); root.String() != want.StateRoot {
		t.Errorf("the state root is %s, wanted %s", root, want.StateRoot)
	}
}
