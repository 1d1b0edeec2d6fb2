package verify

import (
	"context"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// A TransferSource is where a check of a transfer gets its evidence from: a node. If
// it is a Source as well, it is asked for what the registry says now, where acts may
// have changed that. Nothing it says is believed.
type TransferSource interface {
	RecordSource
	ReceiptSource
	// Exhibit returns what proves an entry, all its records, and one of them by its
	// index. Its error is a *Finding where what the node gave cannot be read.
	Exhibit(ctx context.Context, entry, record int64) (*Exhibit, error)
}

// A TransferWanted says which crossing is checked: a record of one side where a
// look-up found it, and the other side's.
type TransferWanted struct {
	Record       provenance.Hash // id
	Entry, Index int64
	Mirror       *provenance.RecordQuery // nil: the one that a record names
}

// Limits of a check of a transfer.
const (
	maxCrossed   = 8 // transfers that are joined
	maxSameNamed = 16
)

// Steps of a check of a transfer.
const (
	stepRecord      = "record"
	stepMirror      = "mirror"
	stepCorrections = "corrections"
	stepCrossing    = "crossing"
)

// CheckTransfer checks both sides of one crossing: each side's record as an exhibit,
// what was corrected of it, and the two against each other. Options.Inspect pairs
// them, as package inspect does; headers decides which light blocks are trusted.
// SPEC(VER-95)
func CheckTransfer(ctx context.Context, src TransferSource, headers HeaderVerifier, trust Trust, what TransferWanted, o Options) *Report {
	c := &transferCheck{
		ctx: ctx, src: src, headers: headers, trust: trust, what: what, inspector: o.Inspect, sides: newCrossing(),
		Narrow: NewNarrow(ctx, NewExhibits(headers, trust), o, [2]string{stepRecord, "records"}, [2]string{stepMirror, "records"},
			[2]string{stepCorrections, "corrections"}, [2]string{stepCrossing, "transfers"}),
	}
	c.run()
	return c.Conclude()
}

// transferCheck is one check. Its methods belong to one goroutine.
type transferCheck struct {
	*Narrow
	ctx       context.Context
	src       TransferSource
	headers   HeaderVerifier
	trust     Trust
	what      TransferWanted
	inspector Inspector

	prover  EntryProver
	sides   *crossing
	genesis []byte
	named   []*crossedRecord // that the auditor named as the other side

	lied     bool // an answer about records did not hold
	unproven bool // a record that is joined is not proven
}

func (c *transferCheck) run() {
	asked := c.prove(stepRecord, "record", c.what.Entry, c.what.Index, c.what.Record)
	if asked == nil {
		for _, step := range []string{stepMirror, stepCorrections, stepCrossing} {
			c.Because(step, "the record is not proven, see the step record")
		}
		return
	}
	if why := noSide(asked.record); why != "" {
		for _, step := range []string{stepMirror, stepCorrections, stepCrossing} {
			c.Because(step, "the record is "+why+": only transfers that say exporter or importer, and are no relay, have another side")
		}
		return
	}
	var err error
	if c.prover, err = NewEntryProver(c.ctx, c.genesis, c.trust, c.headers, c.src); err != nil {
		c.Stop(stepCorrections, err)
		return
	}
	c.sides.join(asked)
	c.Begin(stepCorrections, 0)
	if err := c.gather(asked); err != nil {
		c.Stop(stepCorrections, err)
	}
	c.judge(asked)
	// SPEC(VER-96)
	c.Assume("that there are no other corrections of these records is the node's word, and so is that it has no record which is asked for: one that it withholds cannot be told from one that nobody made")
	c.Assume("no look-up finds a third record with the same crossing id, or one that names either side as its mirror: an audit does (tokentrail mirror)")
}

// prove checks the exhibit of an entry and takes its records; nil where that does not
// prove the record, which the step then says.
func (c *transferCheck) prove(step, name string, entry, index int64, id provenance.Hash) *crossedRecord {
	e, err := c.src.Exhibit(c.ctx, entry, index)
	if isFinding(err) {
		c.Stop(step, within(name, err)) // what the node gave cannot even be read
		return nil
	}
	if err != nil {
		c.Because(step, fmt.Sprintf("%s, entry %d: %s", name, entry, err))
		return nil
	}
	r := c.Narrow.Exhibit(step, name, entry, e)
	if r.Verdict != Holds {
		return nil
	}
	// SPEC(VER-62)
	if !r.Proves(id) || r.Exhibit.Entry != entry {
		c.Find(step, NewFinding(CodeLookUp, fmt.Sprintf("%s.entries[%d].records[%d]", name, entry, index), "the record "+id.String()+", as the look-up has it", "another"))
		return nil
	}
	statement, err := provenance.ParseStatement(e.Entry)
	if err != nil {
		c.Stop(step, err) // it was parsed before
		return nil
	}
	sub := provenance.Submission{Statement: statement, Frame: e.Frame}
	records, _, err := sub.CheckRecords(provenance.FormatLimits())
	if err != nil || index >= int64(len(records)) {
		c.Because(step, fmt.Sprintf("%s, entry %d: not all its records are there", name, entry))
		return nil
	}
	c.genesis = e.Genesis
	c.sides.takeEntry(entry, statement, records)
	return c.sides.known[id]
}

// gather looks up the other side and what corrects both, and goes on with all that is
// joined with them. SPEC(VER-96)
func (c *transferCheck) gather(asked *crossedRecord) error {
	if err := c.lookUp(provenance.ByID(asked.id)); err != nil {
		return err
	}
	if c.what.Mirror != nil {
		if err := c.lookUp(*c.what.Mirror); err != nil {
			return err
		}
		c.named = c.sides.answers(*c.what.Mirror)
	}
	for next := c.sides.next(); next != nil; next = c.sides.next() {
		if len(c.sides.members) >= maxCrossed {
			return fmt.Errorf("more than %d transfers are joined with the record; an audit holds them all against each other: tokentrail mirror", maxCrossed)
		}
		switch {
		case next.raw != nil: // with another of its entry
			c.Begin(stepMirror, 1)
		case c.prove(stepMirror, fmt.Sprintf("mirror %d", len(c.sides.members)), next.entry, next.index, next.id) == nil:
			c.unproven = true
			return errors.New("the other side is not proven, see the step mirror")
		}
		c.sides.join(next)
		if err := c.lookUp(provenance.ByID(next.id)); err != nil {
			return err
		}
	}
	return nil
}

// lookUp asks for the records of a query, for what corrects them, and for the mirrors
// that they name. What an answer has wrong is found here. SPEC(TRC-3), SPEC(TRC-5)
func (c *transferCheck) lookUp(q provenance.RecordQuery) error {
	g, err := Trace(c.ctx, c.src, c.prover, q, Bounds{Up: -1, Down: -1, Breadth: maxSameNamed, Nodes: maxNodes})
	if err != nil {
		return err
	}
	for _, f := range g.Findings {
		c.lied = true
		// SPEC(VER-28): validators to whom nothing leads are no evidence.
		if f.Code == CodeValidators {
			c.Because(stepCorrections, f.Error())
			continue
		}
		c.Find(stepCorrections, LookUpFinding(f))
	}
	for _, n := range g.Nodes {
		if n.Record != nil {
			c.sides.takeNode(n)
		}
	}
	return nil
}
