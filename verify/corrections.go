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
	if a.ours == nil {
		s.because("no log of our own that a trusted header covers")
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
	if a.replay.forgotten > 0 {
		s.because(fmt.Sprintf("there are %d corrections, of which only the first %d are remembered", s.Checked+a.replay.forgotten, maxCorrections))
	}
}

// checkCorrected checks the corrections of the records of one entry, in the order
// of the log. An error means that it cannot go on; what is wrong with a
// correction is a finding.
func (a *audit) checkCorrected(of []*correction) error {
	for len(of) > 0 && of[0].Entry >= of[0].entry {
		a.corrections.finding(CodeCorrection, of[0].place(), fmt.Sprintf("an entry before %d", of[0].entry), fmt.Sprintf("entry %d", of[0].Entry))
		of = of[1:] // the log goes on, and others may come behind the entry
	}
	if len(of) == 0 {
		return nil
	}
	records, err := a.recordsOf(of[0].Entry)
	if err != nil {
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

// A correctedEntry is an entry whose records are corrected.
type correctedEntry struct {
	issuer  string
	records map[provenance.Hash][]byte // by id
}

// recordsOf reads an entry again, with the records that its statement signs:
// without that a node could give others, and have a provider look guilty.
func (a *audit) recordsOf(index int64) (*correctedEntry, error) {
	place := fmt.Sprintf("entries[%d]", index)
	entry, s, err := a.entryAgain(place, index)
	if err != nil {
		return nil, err
	}
	if err := a.askInclusion(place, index, s); err != nil {
		return nil, err
	}
	sub := provenance.Submission{Statement: s, Frame: entry.Frame}
	records, _, err := sub.CheckRecords(a.doc.limits)
	if err != nil {
		return nil, NewFinding(recordsCode(err), place+".records", "the same records as before", err.Error())
	}
	h := s.Header()
	e := &correctedEntry{h.Issuer, make(map[provenance.Hash][]byte, len(records))}
	for i, raw := range records {
		e.records[provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, raw)] = raw
	}
	return e, nil
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
	case c.issuer != e.issuer:
		return NewFinding(CodeCorrection, c.place(), "a correction by the record's own issuer, "+e.issuer, c.issuer)
	case reversed[id] != nil:
		return NewFinding(CodeCorrection, c.place(), "a record that still counts", "it was reversed by "+reversed[id].place())
	case c.Cell != cell.CellKey:
		return NewFinding(CodeCorrection, c.place()+".correction.cell", fmt.Sprintf("%+v", cell.CellKey), fmt.Sprintf("%+v", c.Cell))
	case !cell.Sums.Add(c.Deltas) || cell.Sums.Least() < 0:
		return NewFinding(CodeCorrection, c.place()+".correction.deltas", "sums of the record that stay at 0 or above", fmt.Sprintf("%+v", cell.Sums))
	case c.Action == provenance.Reverses && cell.Sums != provenance.Sums{}:
		return NewFinding(CodeCorrection, c.place()+".correction.deltas", "all that the record counts taken back", fmt.Sprintf("%+v is left", cell.Sums))
	case !countable(&cell.Sums):
		return NewFinding(CodeCorrection, c.place()+".correction.deltas", "sums that a record can have (REC-5, REC-13)", fmt.Sprintf("%+v", cell.Sums))
	}
	if c.Action == provenance.Reverses {
		reversed[id] = c
	}
	return nil
}

// countable reports whether sums, none below 0, are those that a record can have:
// parts are no more than the whole, and a relay counts no tokens. SPEC(REC-5),
// SPEC(REC-13)
func countable(s *provenance.Sums) bool {
	switch {
	case s.Records == 0 && *s != provenance.Sums{Energy: s.Energy}:
		return false
	case s.CacheRead > s.Input || s.CacheWrite > s.Input-s.CacheRead:
		return false
	}
	return s.Reasoning <= s.Output
}

// countsAs finds the record with an id and returns its cell.
func (e *correctedEntry) countsAs(id provenance.Hash) (*provenance.Cell, error) {
	if raw := e.records[id]; raw != nil {
		return provenance.CountsAs(raw)
	}
	return nil, fmt.Errorf("none of its %d records has this id", len(e.records))
}
