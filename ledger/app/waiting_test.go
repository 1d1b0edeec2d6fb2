package app

import (
	"bytes"
	"crypto"
	"errors"
	"testing"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// statementAt signs a statement of one record at a place of a stream; salt makes
// different ones of one place.
func statementAt(t *testing.T, key crypto.Signer, stream string, sequence int64, salt int64) *ledger.Checked {
	t.Helper()
	var previous *provenance.Hash
	if sequence > 0 {
		previous = &provenance.Hash{1}
	}
	return signedAt(t, key, stream, sequence, previous, salt)
}

// signedAt is statementAt for a place behind a statement.
func signedAt(t *testing.T, key crypto.Signer, stream string, sequence int64, previous *provenance.Hash, salt int64) *ledger.Checked {
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

func testKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// room is a waiting room with a clock and a ledger of the test's own.
type room struct {
	*waitingRoom
	t    *testing.T
	time time.Time
	head int64 // the sequence of the stream's next entry
}

func newRoom(t *testing.T) *room {
	r := &room{t: t, time: time.Unix(1_000_000, 0)}
	r.waitingRoom = newWaitingRoom(func() time.Time { return r.time })
	return r
}

// comes wants c to be let in, held or refused with a code.
func (r *room) comes(c *ledger.Checked, in bool, code provenance.Code) {
	r.t.Helper()
	got, err := r.enter(c, r.head)
	if got != in || provenance.CodeOf(err) != code {
		r.t.Errorf("sequence %d: in %t, %v; wanted %t, %q", placeOf(c).sequence, got, err, in, code)
	}
}

// goesOn wants these to be released.
func (r *room) goesOn(want ...*ledger.Checked) {
	r.t.Helper()
	got, _ := r.release(func(stream) int64 { return r.head })
	if len(got) != len(want) {
		r.t.Fatalf("%d go on, wanted %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			r.t.Errorf("sequence %d goes on, wanted %d", placeOf(got[i]).sequence, placeOf(want[i]).sequence)
		}
	}
}

func TestWaitingRoomHoldsWhatIsEarly(t *testing.T) {
	r, key := newRoom(t), testKey(t)
	at := make([]*ledger.Checked, 5)
	for i := range at {
		at[i] = statementAt(t, key, "s", int64(i), 0)
	}
	r.comes(at[2], false, "")
	r.comes(at[1], false, "")
	r.comes(statementAt(t, key, "s", 2, 7), false, ledger.CodeFork)
	r.goesOn()
	r.comes(at[0], true, "")
	r.comes(statementAt(t, key, "s", 0, 7), false, ledger.CodeFork)
	r.goesOn(at[1])
	r.comes(at[1], true, "")
	r.goesOn(at[2])
	r.comes(at[2], true, "")
	r.comes(at[4], false, "")

	// The block holds 0 and 1; 2 is asked about again, and stays.
	r.head = 2
	r.reset(at[:2])
	if !r.stay(at[2], r.head) {
		t.Error("what follows the head has to leave")
	}
	r.comes(at[3], true, "")
	r.goesOn(at[4])

	// A block from elsewhere leaves a gap before what is in the mempool.
	r.reset(nil)
	if r.stay(at[3], r.head) {
		t.Error("what does not follow may stay")
	}
	r.head = 3
	r.reset([]*ledger.Checked{at[2]})
	r.goesOn(at[3])
}

// TestWaitingRoomTellsWhoLost: what waits for a place that another statement gets is
// not forgotten without a word.
func TestWaitingRoomTellsWhoLost(t *testing.T) {
	r, key := newRoom(t), testKey(t)
	first, other := statementAt(t, key, "s", 0, 0), statementAt(t, key, "s", 0, 7)
	second, third := statementAt(t, key, "s", 1, 0), statementAt(t, key, "s", 2, 0)
	rival := statementAt(t, key, "s", 1, 7)
	r.comes(first, true, "")
	r.comes(third, false, "")
	if got := r.rival(other); !bytes.Equal(got, first.Raw()) || r.rival(first) != nil || r.rival(second) != nil {
		t.Error("the rival of what waits is not known")
	}
	if lost := r.reset([]*ledger.Checked{first}); len(lost) != 0 {
		t.Errorf("%d lost their place to themselves", len(lost))
	}
	r.head = 1
	r.comes(second, true, "")
	lost := r.reset([]*ledger.Checked{rival, statementAt(t, key, "s", 2, 7)})
	if len(lost) != 2 || !bytes.Equal(lost[0].raw, second.Raw()) || lost[0].by != rival || !bytes.Equal(lost[1].raw, third.Raw()) {
		t.Errorf("%d lost their places", len(lost))
	}

	// The ledger is faster than the room.
	r.comes(third, false, "")
	r.head = 3
	if ready, late := r.release(func(stream) int64 { return r.head }); len(ready) != 0 || len(late) != 1 || late[0] != third {
		t.Errorf("%d are ready, %d late", len(ready), len(late))
	}
	if len(r.places) != 0 {
		t.Error("what is late is held")
	}
}

func TestWaitingRoomForgetsWhatWaitsInVain(t *testing.T) {
	r, key := newRoom(t), testKey(t)
	orphan := statementAt(t, key, "s", 5, 0)
	r.comes(orphan, false, "")
	r.time = r.time.Add(waitingTime / 2)
	r.comes(orphan, false, "") // again, which gives it no more time
	r.time = r.time.Add(waitingTime/2 + time.Second)
	r.goesOn()
	if len(r.places) != 0 || r.held != (load{}) || len(r.byIssuer) != 0 {
		t.Errorf("left behind: %v, %v, %v", r.places, r.held, r.byIssuer)
	}
	other := statementAt(t, key, "s", 5, 7)
	r.comes(other, false, "")
	r.leave(orphan)
	r.leave(variant(t, other))
	if len(r.places) != 1 {
		t.Error("what is held had to leave for what was refused")
	}
	r.leave(other)
	if len(r.places) != 0 {
		t.Error("what was refused did not leave")
	}
}

// variant returns the same statement with a frame that is not the same bytes.
func variant(t *testing.T, c *ledger.Checked) *ledger.Checked {
	t.Helper()
	raw := bytes.Clone(c.Raw())
	raw[len(raw)-1] ^= 1 // of the frame's checksum
	v, err := ledger.Check(raw)
	if err != nil {
		t.Fatal(err)
	}
	if v.ID() != c.ID() {
		t.Fatal("another statement")
	}
	return v
}

// TestWaitingRoomLeavesSlack: no more is let into the mempool than it holds for
// certain; what is refused for that may come again, and what is held stays held.
func TestWaitingRoomLeavesSlack(t *testing.T) {
	r, key := newRoom(t), testKey(t)
	first, second := statementAt(t, key, "s", 0, 0), statementAt(t, key, "s", 1, 0)
	r.comes(second, false, "")
	r.pool = load{count: poolCount}
	if in, err := r.enter(first, r.head); in || !errors.Is(err, errPoolFull) {
		t.Errorf("in %t, %v", in, err)
	}
	r.reset(nil)
	r.comes(first, true, "")
	r.pool = load{count: poolCount}
	r.goesOn(second)
	if in, err := r.enter(second, r.head); in || !errors.Is(err, errPoolFull) || r.held.count != 1 {
		t.Errorf("in %t, %v, %d held", in, err, r.held.count)
	}
	r.time = r.time.Add(2 * waitingTime)
	r.goesOn(second) // it is ready, however long it has waited
	r.reset([]*ledger.Checked{first})
	r.head = 1
	r.comes(second, true, "")
}

// TestWaitingRoomIsBounded: one issuer cannot fill the room.
func TestWaitingRoomIsBounded(t *testing.T) {
	r, key := newRoom(t), testKey(t)
	for i := range waitingCountIssuer {
		r.places[place{stream{batches, "acme", "other"}, int64(i)}] = waiting{}
	}
	r.byIssuer["acme"] = load{count: waitingCountIssuer}
	r.comes(statementAt(t, key, "s", 1, 0), false, ledger.CodeGap)
	r.comes(statementAt(t, key, "s", 0, 0), true, "")
}

// TestCheckedCache wants one decoding of the same bytes, wherever they lie, and
// bounded memory.
func TestCheckedCache(t *testing.T) {
	key := testKey(t)
	first, second := statementAt(t, key, "s", 0, 0).Raw(), statementAt(t, key, "s", 0, 1).Raw()
	known := func(c *checkedCache, raw []byte) *ledger.Checked {
		checked := c.check(raw)
		c.remember(checked)
		return checked
	}
	a, err := ledger.Check(first)
	if err != nil {
		t.Fatal(err)
	}
	c := newCheckedCache(weight(a) * 3 / 2)
	if once := c.check(first); once == c.check(first) {
		t.Error("what nobody judged is remembered")
	}
	a = known(c, first)
	if c.check(first) != a || c.check(append([]byte{}, first...)) != a {
		t.Error("the same bytes are decoded again")
	}
	b := known(c, second)
	if c.used > c.limit || len(c.byKey) != 1 || len(c.byAddress) != 1 {
		t.Errorf("%d bytes in %d and %d places, the limit is %d", c.used, len(c.byKey), len(c.byAddress), c.limit)
	}
	c.drop([]*ledger.Checked{b})
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
