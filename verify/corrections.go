package verify

import (
	"errors"
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
	by     string // the issuer, where it is known to have signed it
	told   bool   // it was held against its record by an earlier audit
	*provenance.Correction
}

func (c *correction) place() string { return fmt.Sprintf("entries[%d].records[%d]", c.entry, c.index) }

// finding makes one about it.
func (c *correction) finding(at, want, got string) *Finding {
	return ProviderFinding(c.by, CodeCorrection, c.place()+at, want, got)
}

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
			found = append(found, &correction{entry: entry, index: i, issuer: h.Issuer, Correction: r.Correction})
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
	s.Checked = 0
	for i, c := range a.replay.corrections {
		c.told = int64(i) < a.replay.settled
	}
	// By the corrected entry, so that each is read once; those of one record stay
	// in the order of the log.
	all := slices.Clone(a.replay.corrections)
	slices.SortStableFunc(all, func(x, y *correction) int { return int(min(1, max(-1, x.Entry-y.Entry))) })
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Entry == all[0].Entry {
			n++
		}
		if !slices.ContainsFunc(all[:n], func(c *correction) bool { return !c.told }) {
			s.Checked += int64(n)
			all = all[n:]
			continue
		}
		if err := a.checkCorrected(all[:n]); err != nil {
			s.stop(err)
			return
		}
		s.Checked += int64(n)
		all = all[n:]
	}
	a.replay.settled = int64(len(a.replay.corrections))
	if a.replay.forgotten > 0 {
		s.because(fmt.Sprintf("there are %d corrections, of which only the first %d are remembered", s.Checked+a.replay.forgotten, maxCorrections))
	}
}

// checkCorrected checks the corrections of the records of one entry, in the order
// of the log. An error means that it cannot go on; what is wrong with a
// correction is a finding.
func (a *audit) checkCorrected(of []*correction) error {
	for len(of) > 0 && of[0].Entry >= of[0].entry {
		a.tellCorrection(of[0], of[0].finding("", fmt.Sprintf("an entry before %d", of[0].entry), fmt.Sprintf("entry %d", of[0].Entry)))
		of = of[1:] // the log goes on, and others may come behind the entry
	}
	if len(of) == 0 {
		return nil
	}
	records, err := a.recordsOf(of[0].Entry)
	if err != nil {
		return err
	}
	corrected := map[provenance.Hash]*Corrected{}
	for _, c := range of {
		if f := applyTo(records, corrected, c); f != nil {
			a.tellCorrection(c, f)
		}
	}
	return nil
}

// tellCorrection keeps a finding about a correction that no earlier audit told, and
// tells who inspects that it changes nothing.
func (a *audit) tellCorrection(c *correction, f *Finding) {
	if in, asks := a.opts.Inspect.(CorrectionInspector); asks {
		in.Refuse(c.entry, c.index)
	}
	if !c.told {
		a.corrections.find(f)
	}
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
	entry, err := a.entryAgain(place, index)
	if err != nil {
		return nil, err
	}
	if err := a.askInclusion(place, index, provenance.LeafHash(entry.Statement)); err != nil {
		return nil, err
	}
	// An act or an equivocation has no records: whoever corrects one is wrong, and
	// nobody else.
	if kind, _ := provenance.LeafKindOf(entry.Statement); kind != provenance.LeafStatement {
		return &correctedEntry{}, nil
	}
	s, err := provenance.ParseStatement(entry.Statement)
	if err != nil {
		return nil, NewFinding(CodeStatementForm, place+".statement", "the same statement as before", err.Error())
	}
	sub := provenance.Submission{Statement: s, Frame: entry.Frame}
	// Under which rules and policy it was admitted, the replay has judged.
	records, _, err := sub.CheckRecords(provenance.FormatLimits())
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
func applyTo(e *correctedEntry, of map[provenance.Hash]*Corrected, c *correction) *Finding {
	id := c.target()
	if of[id] == nil {
		r, err := e.corrected(id, c.Entry)
		if err != nil {
			return c.finding("", fmt.Sprintf("record %s in entry %d", id, c.Entry), err.Error())
		}
		of[id] = r
	}
	var wrong *CorrectionError
	if errors.As(of[id].Apply(c.issuer, c.entry, c.Correction), &wrong) {
		return c.finding(wrong.Field, wrong.Want, wrong.Got)
	}
	return nil
}

// corrected finds the record with an id, before any correction.
func (e *correctedEntry) corrected(id provenance.Hash, entry int64) (*Corrected, error) {
	if raw := e.records[id]; raw != nil {
		return NewCorrected(e.issuer, entry, raw)
	}
	return nil, fmt.Errorf("none of its %d records has this id", len(e.records))
}
