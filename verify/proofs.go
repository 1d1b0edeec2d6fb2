package verify

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tokentrail/provenance"
)

// askEarly asks for what is signed or summed over a head of the node's choice,
// before the node is asked for its head.
func (a *audit) askEarly() {
	e := &a.early
	raw, err := a.src.Keys(a.ctx)
	if err != nil {
		e.keysErr = fmt.Errorf("the node's keys: %w", err)
	} else if e.keys, err = provenance.ParseKeySet(raw); err != nil {
		e.keysErr = NewFinding(CodeKeys, "scitt-keys", "a COSE Key Set", err.Error())
	}
	e.checkpoint, e.checkpointErr = a.askCheckpoint()
	queries := a.opts.Flows
	if queries == nil {
		queries = []provenance.FlowQuery{{}, {By: []string{"day", "provider", "model", "label", "basis"}}}
	}
	for i, q := range queries {
		f := &flowSum{place: fmt.Sprintf("flows[%d]", i), query: q}
		if f.sums, f.err = provenance.NewFlows(q); f.err == nil {
			f.err = f.ask(a.ctx, a.src)
		}
		e.flows = append(e.flows, f)
	}
}

// askCheckpoint returns the node's checkpoint once one of its keys signed it.
func (a *audit) askCheckpoint() (*provenance.Checkpoint, error) {
	raw, err := a.src.Checkpoint(a.ctx)
	if err != nil {
		return nil, fmt.Errorf("the checkpoint: %w", err)
	}
	if a.early.keysErr != nil {
		return nil, a.early.keysErr
	}
	// The origin is not known yet: it is the checkpoint's own, compared later.
	origin, _, _ := strings.Cut(string(raw), "\n")
	last := errors.New("the node lists no Ed25519 key")
	for _, key := range a.early.keys {
		public, ok := key.Crypto().(ed25519.PublicKey)
		if !ok {
			continue
		}
		// SPEC(CHK-1)
		cp, err := provenance.OpenCheckpoint(raw, origin, public)
		if err == nil {
			a.early.note = raw
			return cp, nil
		}
		last = err
	}
	return nil, NewFinding(CodeCheckpointSignature, "checkpoint", "a note signed by a key that the node lists", last.Error())
}

// checkCheckpoint holds the checkpoint and a consistency proof against our tree. SPEC(VER-15)
func (a *audit) checkCheckpoint() {
	s, cp := a.checkpoint, a.early.checkpoint
	if a.early.checkpointErr != nil {
		s.stop(a.early.checkpointErr)
		return
	}
	if a.ours == nil {
		s.because("no log root of our own that a trusted header covers")
		return
	}
	s.begin()
	s.Checked++
	if cp.Origin != a.origin {
		s.finding(CodeCheckpoint, "checkpoint.origin", a.origin, cp.Origin)
		return
	}
	if cp.Size > a.ours.Size {
		s.because(fmt.Sprintf("it is for %d entries, the audited log has %d", cp.Size, a.ours.Size))
		return
	}
	// Of a size that an earlier audit had passed the root is not known: that the
	// checkpoint's leads to ours, the consistency proof shows. SPEC(VER-49)
	root := cp.Root
	if mark := a.replay.marks[cp.Size]; mark != nil {
		root = mark.LogRoot
	}
	// SPEC(CHK-2)
	if cp.Root != root {
		s.finding(CodeCheckpoint, "checkpoint.root", fmt.Sprintf("that of the first %d entries, %s", cp.Size, root), cp.Root.String())
	}
	// From the checkpoint on, or where nothing came after it from the middle.
	from := cp.Size
	if from == a.ours.Size {
		from, root = a.middle, a.replay.marks[a.middle].LogRoot
	}
	s.Checked++
	if err := a.checkConsistency(from, root); err != nil {
		s.stop(err)
	}
}

func (a *audit) checkConsistency(from int64, root provenance.Hash) error {
	to := a.ours.Size
	place := fmt.Sprintf("consistency[%d:%d]", from, to)
	raw, err := a.src.Consistency(a.ctx, from, to)
	if err != nil {
		return a.lack(CodeConsistency, place, "a consistency proof", err)
	}
	proof, err := provenance.ParseConsistency(raw)
	if err != nil {
		return NewFinding(CodeConsistency, place, "a consistency proof", err.Error())
	}
	// SPEC(PRF-1)
	if proof.Older != from || proof.Newer != to {
		return NewFinding(CodeConsistency, place, fmt.Sprintf("a proof from %d to %d", from, to), fmt.Sprintf("from %d to %d", proof.Older, proof.Newer))
	}
	if err := proof.Verify(root, a.ours.LogRoot); err != nil {
		return NewFinding(CodeConsistency, place, fmt.Sprintf("a path from %s to %s", root, a.ours.LogRoot), err.Error())
	}
	return nil
}

// lack tells a node that says it has no such thing, though it must, from one
// that could not be asked.
func (a *audit) lack(code Code, place, want string, err error) error {
	if errors.Is(err, ErrMissing) && !a.status.CatchingUp {
		return NewFinding(code, place, want, "nothing: "+err.Error())
	}
	return fmt.Errorf("%s: %w", place, err)
}

// sample draws places of a list: all, or as many as were asked for, in
// ascending order; the first and the last are always among them.
func (a *audit) sample(size int64) []int64 {
	n := int64(a.opts.Receipts)
	if n == 0 {
		n = defaultReceipts
	}
	if n < 0 || n >= size {
		n = size
	}
	drawn := map[int64]bool{}
	if n == size {
		for i := range size {
			drawn[i] = true
		}
	} else {
		drawn[size-1] = true
		if n > 1 {
			drawn[0] = true
		}
		for int64(len(drawn)) < n {
			drawn[a.draw.Int64N(size)] = true
		}
	}
	return slices.Sorted(maps.Keys(drawn))
}

// sortedKeys returns a map's keys in ascending order.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
