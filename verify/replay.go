package verify

import (
	"fmt"
	"time"

	"tokentrail/provenance"
)

// A replay is the ledger built again from its entries, one after another: our
// own log tree, our own state map, each stream's head, and the sums. One
// goroutine owns it, but for guesses.
type replay struct {
	doc  *genesisDoc
	tree frontier
	*registry
	heights
	guesses guesses
	timeOf  func(height int64) (time.Time, error) // of a block; nil where headers were skipped

	streams map[string]*provenance.StreamHead // by state key
	issuers map[string]bool
	totals  Totals
	step    *Step
	notices notices

	clock    time.Time  // the auditor's
	terms    *terms     // that hold for the entry that is judged; nil where the policy has changed
	expected *Step      // what policy wants to hear of
	unlooked string     // a profile of the policy that could not be looked at
	moved    bool       // validators changed in the block under way
	sets     []setOf    // validators by the state map: who is to sign from which header on
	ages     []ageBound // where headers were skipped: 40 bytes a block
	aged     bool       // an age could not be judged
	blind    bool       // the state map rests on a height that is not known

	corrections []*correction
	forgotten   int64 // corrections beyond maxCorrections
	settled     int64 // corrections, from the first, that were held against their records
	stolenSums  stolenSums

	begun       int64 // entry that was the first to be replayed here
	uninspected int64 // statements that no inspector was shown

	flows []*flowSum
	marks map[int64]*provenance.Preimage // filled in when the log has that size
}

func newReplay(doc *genesisDoc, step, expected *Step) (*replay, error) {
	reg, err := newRegistry(doc.initial)
	if err != nil {
		return nil, err
	}
	r := &replay{
		doc: doc, registry: reg, step: step, expected: expected, heights: heights{next: 1, asked: map[int64]bool{}},
		streams: map[string]*provenance.StreamHead{}, issuers: map[string]bool{},
		totals: Totals{Kinds: map[string]*KindTotals{}}, marks: map[int64]*provenance.Preimage{},
	}
	r.heights.first = r.preimage().AppHash()
	r.sets = []setOf{{1, setHash(reg.validators)}}
	for _, p := range reg.providers {
		r.teach(p)
	}
	r.terms = &terms{reg.policy.Limits(reg.rules.Version), reg.policy.Labels, reg.policy}
	r.guesses.terms.Store(r.terms)
	return r, nil
}

// teach tells the workers a provider's keys.
func (r *replay) teach(p *registered) {
	for kid, key := range p.keys {
		r.guesses.keys.LoadOrStore(kid, key.public)
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
	return provenance.Preimage{Size: r.tree.size, LogRoot: r.tree.root(), StateRoot: r.registry.state.root()}
}

// add puts the next entry behind the others, judged by what they left. An error
// means that the replay cannot go on. SPEC(GOV-20)
func (r *replay) add(c *checkedEntry) error {
	r.openBlock(c)
	if err := r.prepare(c.index); err != nil {
		return err
	}
	for _, f := range c.findings {
		r.step.find(f)
	}
	// SPEC(LOG-1): whatever its bytes say, they are the next leaf.
	r.tree.add(c.leaf)
	r.totals.Entries++
	r.step.Checked++
	switch {
	case c.header != nil:
		r.judgeStatement(c)
		r.sum(c)
		r.remember(c.corrections, c.by)
		r.inspected(c)
		r.sampled(c)
	case c.act != nil:
		r.judgeAct(c)
	case c.equivocation != nil:
		r.judgeEquivocation(c)
	case c.kind == provenance.LeafStatement:
		r.uninspected++
		r.sampled(c)
	}
	r.settle()
	if mark := r.marks[r.tree.size]; mark != nil {
		*mark = r.preimage()
	}
	return nil
}

// version returns the rule version that holds for the entry that is judged, and
// whether that is known. SPEC(STA-5)
func (r *replay) version() (version int64, known bool) {
	if r.registry.rules.Next == 0 {
		return r.registry.rules.Version, true
	}
	holds, known := r.since(r.registry.rules.From)
	r.blind = r.blind || !known && r.history == nil
	if holds {
		return r.registry.rules.Next, true
	}
	return r.registry.rules.Version, known
}

// prepare learns what holds for the next entry. Rules that this auditor does not
// have are no evidence. SPEC(VER-19)
func (r *replay) prepare(index int64) error {
	version, _ := r.version()
	if !provenance.KnownRules(version) {
		return fmt.Errorf("entries[%d]: rule version %d holds from here on, this program knows 1 to %d; audit with a release that has it", index, version, provenance.RuleVersion)
	}
	if r.terms == nil || int64(r.terms.limits.Rules) != version {
		r.terms = &terms{r.registry.policy.Limits(version), r.registry.policy.Labels, r.registry.policy}
		r.guesses.terms.Store(r.terms)
	}
	return nil
}

// openBlock learns the height of the next entry; where headers were skipped a
// greater one ends the block before.
func (r *replay) openBlock(c *checkedEntry) {
	before := r.now
	if f := r.enter(c); f != nil {
		r.step.find(f)
	}
	if r.history == nil && before != 0 && r.now > before {
		r.endBlock(before)
	}
}

// settle ends the block under way where a header says so: the app hash after a
// block's last entry is that of the header after the block (SPEC(STA-4)).
func (r *replay) settle() {
	if r.next >= len(r.history) || r.preimage().AppHash() != r.history[r.next].AppHash {
		return
	}
	for _, w := range r.wrong {
		// SPEC(VER-8)
		r.step.finding(CodeHeight, fmt.Sprintf("entries[%d].height", w.index), fmt.Sprint(r.now), fmt.Sprint(w.claim))
	}
	r.wrong = r.wrong[:0]
	r.endBlock(r.now)
	r.next++
}

// endBlock notes what a block left.
func (r *replay) endBlock(height int64) {
	r.ends = append(r.ends, blockEnd{height, r.tree.size})
	if r.history == nil {
		r.apps = append(r.apps, r.preimage().AppHash())
	}
	if r.moved {
		// SPEC(GOV-17)
		r.sets, r.moved = append(r.sets, setOf{height + 2, setHash(r.validators)}), false
		if r.history == nil {
			r.asked[height+1] = true
		}
	}
}

// finish ends the last block, where headers were skipped: no more entries come.
func (r *replay) finish() {
	if r.history == nil && r.now != 0 && !r.mute {
		r.endBlock(r.now)
		r.floor, r.now = max(r.floor, r.now), 0 // an audit that goes on from here finds later blocks
	}
}

// remember keeps the corrections of an entry, as many as there is room for, and
// who signed them.
func (r *replay) remember(of []*correction, by string) {
	for _, c := range of {
		c.by = by
	}
	room := min(maxCorrections-len(r.corrections), len(of))
	r.corrections = append(r.corrections, of[:room]...)
	r.forgotten += int64(len(of) - room)
}

// sum counts the statement's cells.
func (r *replay) sum(c *checkedEntry) {
	r.totals.Records += int64(c.header.Count)
	for i := range c.header.Totals {
		cell := &c.header.Totals[i]
		countCell(r.totals.Kinds, cell)
		for _, f := range r.flows {
			f.add(c.index, c.header.Issuer, cell)
		}
	}
}

// countCell adds a cell to the sums of its kind.
func countCell(kinds map[string]*KindTotals, cell *provenance.Cell) {
	kind := kinds[cell.Kind.String()]
	if kind == nil {
		kind = &KindTotals{}
		kinds[cell.Kind.String()] = kind
	}
	kind.Records = kind.Records.AddInt(cell.Records)
	kind.Input = kind.Input.AddInt(cell.Input)
	kind.Output = kind.Output.AddInt(cell.Output)
}
