package verify

import (
	"fmt"

	"tokentrail/provenance"
)

// A replay is the ledger built again from its entries, one after another: our
// own log tree, our own state map, each stream's head, and the sums. One
// goroutine owns it.
type replay struct {
	doc     *genesisDoc
	tree    frontier
	state   *stateMap
	streams map[string]*provenance.StreamHead // by state key
	issuers map[string]bool
	totals  Totals
	step    *Step

	// history holds the headers at which the app hash changes, and next is the
	// first one not reached yet: with it each entry's height is known.
	history []Change
	next    int
	waiting []waitingKey // of entries whose height is not known yet
	unknown bool         // a key's validity depends on heights that are not known

	corrections []*correction
	forgotten   int64 // corrections beyond maxCorrections

	flows []*flowSum
	marks map[int64]*provenance.Preimage // filled in when the log has that size
}

func newReplay(doc *genesisDoc, step *Step) *replay {
	return &replay{
		doc: doc, state: newStateMap(doc.state), step: step, next: 1,
		streams: map[string]*provenance.StreamHead{}, issuers: map[string]bool{},
		totals: Totals{Kinds: map[string]*KindTotals{}}, marks: map[int64]*provenance.Preimage{},
	}
}

// mark asks for the preimage at a size of the log, now or when it is reached.
func (r *replay) mark(size int64) {
	if r.marks[size] != nil || size < r.tree.size {
		return
	}
	r.marks[size] = &provenance.Preimage{}
	if size == r.tree.size {
		*r.marks[size] = r.preimage()
	}
}

// preimage returns that of the app hash after the entries so far.
func (r *replay) preimage() provenance.Preimage {
	return provenance.Preimage{Size: r.tree.size, LogRoot: r.tree.root(), StateRoot: r.state.root()}
}

// add puts the next entry behind the others.
func (r *replay) add(c *checkedEntry) {
	for _, f := range c.findings {
		r.step.find(f)
	}
	// SPEC(LOG-1): whatever its bytes say, they are the next leaf.
	r.tree.add(c.leaf)
	r.totals.Entries++
	r.step.Checked++
	if c.header != nil {
		r.chain(c)
		r.sum(c)
		r.remember(c.corrections)
	}
	r.settle(c)
	if mark := r.marks[r.tree.size]; mark != nil {
		*mark = r.preimage()
	}
}

// chain holds a statement against its stream's head and becomes the new head.
func (r *replay) chain(c *checkedEntry) {
	h := c.header
	key := provenance.StateStreamKey(h.Issuer, h.Stream)
	var before *provenance.BatchHeader
	var previous provenance.Hash
	if head := r.streams[key]; head != nil {
		before = &provenance.BatchHeader{Issuer: h.Issuer, Stream: h.Stream, Sequence: head.Sequence}
		previous = head.Statement
	}
	// SPEC(BAT-7), SPEC(ADM-8), SPEC(ADM-9)
	if err := h.Follows(before, previous); err != nil {
		want := "the first statement of the stream, sequence 0"
		if before != nil {
			want = fmt.Sprintf("sequence %d behind statement %s", before.Sequence+1, previous)
		}
		r.step.finding(CodeChain, fmt.Sprintf("entries[%d].statement, stream %s/%s", c.index, h.Issuer, h.Stream), want, err.Error())
	}
	// Even if it does not follow, what comes after is held against it: one break
	// is one finding. The state then differs from the ledger's anyway.
	head := &provenance.StreamHead{Sequence: h.Sequence, Statement: c.id, Index: c.index, Status: provenance.StreamOpen}
	value, err := provenance.EncodeStateValue(*head)
	if err != nil {
		r.step.finding(CodeStatementForm, fmt.Sprintf("entries[%d].statement", c.index), "a head of the stream", err.Error())
		return
	}
	r.streams[key] = head
	r.issuers[h.Issuer] = true
	// SPEC(ADM-12)
	r.state.set(key, value)
}

// remember keeps the corrections of an entry, as many as there is room for.
func (r *replay) remember(of []*correction) {
	room := min(maxCorrections-len(r.corrections), len(of))
	r.corrections = append(r.corrections, of[:room]...)
	r.forgotten += int64(len(of) - room)
}

// sum counts the statement's cells.
func (r *replay) sum(c *checkedEntry) {
	r.totals.Records += int64(c.header.Count)
	for i := range c.header.Totals {
		cell := &c.header.Totals[i]
		kind := r.totals.Kinds[cell.Kind.String()]
		if kind == nil {
			kind = &KindTotals{}
			r.totals.Kinds[cell.Kind.String()] = kind
		}
		kind.Records = kind.Records.AddInt(cell.Records)
		kind.Input = kind.Input.AddInt(cell.Input)
		kind.Output = kind.Output.AddInt(cell.Output)
		for _, f := range r.flows {
			f.add(c.index, c.header.Issuer, cell)
		}
	}
}

// settle finds out at which height entries were committed: the app hash after a
// block's last entry is that of the header after the block (SPEC(STA-4)). SPEC(VER-8)
func (r *replay) settle(c *checkedEntry) {
	if c.key != nil && !c.key.always() {
		if r.history == nil {
			r.unknown = true // heights were skipped
		} else {
			r.waiting = append(r.waiting, waitingKey{c.index, c.key})
		}
	}
	if r.next >= len(r.history) || r.preimage().AppHash() != r.history[r.next].AppHash {
		return
	}
	height := r.history[r.next].Height - 1
	for _, w := range r.waiting {
		// SPEC(ADM-6)
		if !w.key.ValidAt(height) {
			r.step.finding(CodeKey, fmt.Sprintf("entries[%d].statement.kid", w.index),
				fmt.Sprintf("a key that is valid at height %d", height), w.key.public.String())
		}
	}
	r.waiting = r.waiting[:0]
	r.next++
}

// waitingKey is a key that is not valid at every height, and an entry under it.
type waitingKey struct {
	index int64
	key   *registeredKey
}
