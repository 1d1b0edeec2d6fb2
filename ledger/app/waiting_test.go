package app

import (
	"crypto"
	"testing"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// statementAt signs a statement of one record at a place of a stream; salt makes
// different ones of one place.
func statementAt(t *testing.T, key crypto.Signer, stream string, sequence int64, salt int64) *ledger.Checked {
	t.Helper()
	r := &provenance.Record{
		Kind: provenance.Consumption, Time: 1700158546680 + salt,
		Usage: &provenance.Usage{Input: 1, Output: 1},
		Using: &provenance.Place{Country: "US", Known: provenance.Asserted},
	}
	raw, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var previous *provenance.Hash
	if sequence > 0 {
		previous = &provenance.Hash{1}
	}
	h, err := provenance.NewBatch("acme", stream, sequence, previous, [][]byte{raw})
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, [][]byte{raw})
	if err != nil {
		t.Fatal(err)
	}
	c, err := ledger.Check(sub.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWaitingRoom(t *testing.T) {
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_000_000, 0)
	w := newWaitingRoom(func() time.Time { return now })
	must := func(what string, err error, code provenance.Code) {
		t.Helper()
		if got := provenance.CodeOf(err); got != code {
			t.Errorf("%s: %v, want the code %q", what, err, code)
		}
	}
	second := statementAt(t, key, "s", 1, 0)
	third := statementAt(t, key, "s", 2, 0)
	fork := statementAt(t, key, "s", 2, 7)
	must("a statement whose predecessor is not here", w.enter(third), "")
	must("the same again", w.enter(third), "")
	must("another one at its place", w.enter(fork), ledger.CodeFork)

	now = now.Add(waitingTime - time.Second)
	must("shortly before its time is over", w.stay(third, 1), "")
	must("its predecessor", w.enter(second), "")
	must("its predecessor, which is next", w.stay(second, 1), "")
	must("with its predecessor", w.stay(third, 1), "")
	now = now.Add(waitingTime - time.Second)
	must("long after it came, not long after it was led", w.stay(third, 1), "")
	w.leave(second)
	now = now.Add(waitingTime)
	must("without a predecessor for too long", w.stay(third, 1), ledger.CodeGap)
	must("another one, now that the place is free", w.enter(fork), "")
	must("the next of its stream", w.stay(fork, 2), "")
	now = now.Add(100 * waitingTime)
	must("the next of its stream, however long", w.stay(fork, 2), "")
}

// TestWaitingRoomIsBounded fills the room with what nobody asks for again.
func TestWaitingRoomIsBounded(t *testing.T) {
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_000_000, 0)
	w := newWaitingRoom(func() time.Time { return now })
	for i := range waitingPlaces {
		w.places[place{"acme", "old", int64(i)}] = waiting{provenance.Hash{}, now}
	}
	now = now.Add(waitingTime)
	if err := w.enter(statementAt(t, key, "s", 1, 0)); err != nil || len(w.places) != 1 {
		t.Errorf("%d places are taken, want 1: %v", len(w.places), err)
	}
}

// TestCheckedCache wants one decoding of the same bytes, wherever they lie, and
// bounded memory.
func TestCheckedCache(t *testing.T) {
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	first, second := statementAt(t, key, "s", 0, 0).Raw(), statementAt(t, key, "s", 0, 1).Raw()
	c := newCheckedCache(len(first) + len(second)/2)
	a := c.check(first)
	if c.check(first) != a || c.check(append([]byte{}, first...)) != a {
		t.Error("the same bytes are decoded again")
	}
	c.check(second)
	if c.used > c.limit || len(c.byKey) != 1 || len(c.byAddress) != 1 {
		t.Errorf("%d bytes in %d and %d places, the limit is %d", c.used, len(c.byKey), len(c.byAddress), c.limit)
	}
	c.drop([][]byte{second})
	if c.used != 0 || len(c.byKey) != 0 || len(c.byAddress) != 0 {
		t.Errorf("after dropping all, %d bytes are left", c.used)
	}
	if garbage := c.check([]byte("garbage")); garbage.Err() == nil || len(c.byKey) != 0 {
		t.Error("garbage is remembered")
	}
	if c.check(nil).Err() == nil {
		t.Error("nothing is a submission")
	}
}
