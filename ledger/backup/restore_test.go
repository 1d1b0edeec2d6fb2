package backup

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// TestRestoredLedgerIsTheSame: what is restored answers as the ledger that was
// backed up, also where the restore was interrupted anywhere.
func TestRestoredLedgerIsTheSame(t *testing.T) {
	c, dir := backedUp(t, 5, 40, 0, 30)
	b, p, err := whole(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	store := t.TempDir()
	l, err := ledger.Open(store, ledger.Options{ReserveBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	app := b.Header().AppHash
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Restore(ctx, l, p, app, nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("an interrupted restore: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLedger(t, store)
	if err := b.Restore(t.Context(), l, p, app, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Restore(t.Context(), l, p, app, nil); err != nil {
		t.Errorf("once more: %v", err)
	}
	sameLedger(t, l, c)
	if err := l.Scrub(t.Context(), ledger.Scrubbing{Found: func(err error) { t.Error(err) }}); err != nil {
		t.Error(err)
	}
}

// sameLedger compares all that two ledgers answer.
func sameLedger(t *testing.T, l *ledger.Ledger, c *chain) {
	t.Helper()
	got, want := l.Snapshot(), c.ledger.Snapshot()
	if got.Head() != want.Head() {
		t.Fatalf("the head is %+v, wanted %+v", got.Head(), want.Head())
	}
	if from, to := l.Missing(); from != to {
		t.Errorf("the entries from %d to %d are missing", from, to)
	}
	size := want.Head().Size
	for i := range size {
		a, err := want.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		e, err := got.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		f, err := got.EntryFrame(e)
		if err != nil {
			t.Fatal(err)
		}
		g, err := want.EntryFrame(a)
		if err != nil {
			t.Fatal(err)
		}
		if e.Height != a.Height || !bytes.Equal(e.Statement, a.Statement) || !bytes.Equal(f, g) {
			t.Errorf("entry %d differs", i)
		}
		proof, err := got.Inclusion(i, size)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Verify(want.Head().LogRoot, e.LeafHash()); err != nil {
			t.Error(err)
		}
	}
	for h, block := range c.headers {
		if b, err := l.ArchivedHeader(int64(h) + 1); err != nil || !bytes.Equal(b, block) {
			t.Errorf("light block %d: %v", h+1, err)
		}
	}
}

// TestRestoreWantsTheTrustedHash: the frontier's own word is not enough.
func TestRestoreWantsTheTrustedHash(t *testing.T) {
	_, dir := backedUp(t, 5)
	b, p, err := whole(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, t.TempDir())
	if err := b.Restore(t.Context(), l, p, provenance.Hash{1}, nil); err == nil {
		t.Error("another app hash is taken")
	}
	if l.Snapshot().ChainID() != "" {
		t.Error("something was restored")
	}
}

// TestEntryAndProof: a single entry of a backup comes with its proof.
func TestEntryAndProof(t *testing.T) {
	c, dir := backedUp(t, 5, 40)
	b, err := Open(dir, 0, testReading)
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.Verify(t.Context(), VerifyOptions{Prove: []int64{0, 17, 44}})
	if err != nil {
		t.Fatal(err)
	}
	for _, index := range []int64{0, 17, 44} {
		e, err := b.Entry(index)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := p.Inclusion(index)
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Verify(c.ledger.Snapshot().Head().LogRoot, provenance.LeafHash(e.Statement)); err != nil {
			t.Error(err)
		}
		if err := c.ledger.Repair(index, e.Received(), proof); err != nil {
			t.Error(err)
		}
	}
	for _, index := range []int64{-1, 45} {
		if _, err := b.Entry(index); err == nil {
			t.Errorf("there is an entry %d", index)
		}
	}
}
