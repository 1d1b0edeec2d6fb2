package verify

import (
	"fmt"
	"slices"

	"tokentrail/provenance"
)

// maxCorrections bounds the corrections that an audit remembers (SPEC(VER-18)).
const maxCorrections = 100_000

// A correction is one that the log holds, and where.
type correction struct {
	entry  int64 // its own
	index  int   // of its record in the batch
	issuer string
	*provenance.Correction
}

func (c *correction) place() string { return fmt.Sprintf("entries[%d].records[%d]", c.entry, c.index) }

// target is the corrected record's id. The format has it that there are 32 bytes.
func (c *correction) target() provenance.Hash { return provenance.Hash(c.Record) }

// correctionsIn returns the corrections among the records of an entry.
func correctionsIn(entry int64, h *provenance.BatchHeader, records [][]byte) []*correction {
	if !slices.ContainsFunc(h.Totals, func(c provenance.Cell) bool { return c.Kind == provenance.Corrected }) {
		return nil
	}
	var found []*correction
	for i, raw := range records {
		if r, err := provenance.ParseRecord(raw); err == nil && r.Correction != nil {
			found = append(found, &correction{entry, i, h.Issuer, r.Correction})
		}
	}
	return found
}

// checkCorrections holds each correction against the record that it corrects.
// SPEC(VER-23), SPEC(REC-18)
func (a *audit) checkCorrections() {
	s := a.corrections
	switch {
	case a.ours == nil:
		s.because("no log of our own that a trusted header covers")
		return
	case a.replay.forgotten > 0:
		s.because(fmt.Sprintf("there are %d corrections, of which only %d are remembered", len(a.replay.corrections)+int(a.replay.forgotten), maxCorrections))
		return
	}
	s.begin()
	// By the corrected entry, so that each is read once; those of one record stay
	// in the order of the log.
	all := slices.Clone(a.replay.corrections)
	slices.SortStableFunc(all, func(x, y *correction) int { return int(min(1, max(-1, x.Entry-y.Entry))) })
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Entry == all[0].Entry {
			n++
		}
		if err := a.checkCorrected(all[:n]); err != nil {
			s.stop(err)
			return
		}
		s.Checked += int64(n)
		all = all[n:]
	}
}

// checkCorrected checks the corrections of the records of one entry. An error
// means that it cannot go on; what is wrong with a correction is a finding.
func (a *audit) checkCorrected(of []*correction) error {
	records, err := a.recordsOf(of[0])
	if err != nil || records == nil {
		return err
	}
	left := map[provenance.Hash]*provenance.Cell{} // what still counts of each
	reversed := map[provenance.Hash]*correction{}
	for _, c := range of {
		if f := applyTo(records, left, reversed, c); f != nil {
			a.corrections.find(f)
		}
	}
	return nil
}

// corrected is an entry whose records are corrected.
type correctedEntry struct {
	header  *provenance.BatchHeader
	records [][]byte
}

// recordsOf reads the entry that a correction names; nil where it is not before
// the correction's own, which is a finding.
func (a *audit) recordsOf(c *correction) (*correctedEntry, error) {
	if c.Entry >= c.entry {
		a.corrections.finding(CodeCorrection, c.place(), fmt.Sprintf("an entry before %d", c.entry), fmt.Sprintf("entry %d", c.Entry))
		return nil, nil
	}
	place := fmt.Sprintf("entries[%d]", c.Entry)
	entry, s, err := a.entryAgain(place, c.Entry)
	if err != nil {
		return nil, err
	}
	if err := a.askInclusion(place, c.Entry, s); err != nil {
		return nil, err
	}
	records, err := provenance.ExpandRecords(entry.Frame, s.Header().Count, a.doc.limits)
	if err != nil {
		return nil, NewFinding(CodeRecords, place+".records", "the same records as before", err.Error())
	}
	return &correctedEntry{s.Header(), records}, nil
}

// applyTo holds one correction against its record and against those before it.
func applyTo(e *correctedEntry, left map[provenance.Hash]*provenance.Cell, reversed map[provenance.Hash]*correction, c *correction) *Finding {
	id := c.target()
	if left[id] == nil {
		cell, err := e.countsAs(id)
		if err != nil {
			return NewFinding(CodeCorrection, c.place(), fmt.Sprintf("record %s in entry %d", id, c.Entry), err.Error())
		}
		left[id] = cell
	}
	cell := left[id]
	switch {
	case c.issuer != e.header.Issuer:
		return NewFinding(CodeCorrection, c.place(), "a correction by the record's own issuer, "+e.header.Issuer, c.issuer)
	case reversed[id] != nil:
		return NewFinding(CodeCorrection, c.place(), "a record that still counts", "it was reversed by "+reversed[id].place())
	case c.Cell != cell.CellKey:
		return NewFinding(CodeCorrection, c.place()+".correction.cell", fmt.Sprintf("%+v", cell.CellKey), fmt.Sprintf("%+v", c.Cell))
	case !cell.Sums.Add(c.Deltas) || cell.Sums.Least() < 0:
		return NewFinding(CodeCorrection, c.place()+".correction.deltas", "sums of the record that stay at 0 or above", fmt.Sprintf("%+v", cell.Sums))
	case c.Action == provenance.Reverses && cell.Sums != provenance.Sums{}:
		return NewFinding(CodeCorrection, c.place()+".correction.deltas", "all that the record counts taken back", fmt.Sprintf("%+v is left", cell.Sums))
	}
	if c.Action == provenance.Reverses {
		reversed[id] = c
	}
	return nil
}

// countsAs finds the record with an id and returns its cell.
func (e *correctedEntry) countsAs(id provenance.Hash) (*provenance.Cell, error) {
	h := e.header
	for i, raw := range e.records {
		if provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, raw) == id {
			return provenance.CountsAs(raw)
		}
	}
	return nil, fmt.Errorf("none of its %d records has this id", len(e.records))
}
