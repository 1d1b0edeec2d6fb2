package main

import (
	"context"
	"fmt"
	"math"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
	"tokentrail/verify"
)

// maxPlanned is how many corrections of an input are held against the ledger
// before they are signed.
const maxPlanned = 10_000

// A plannedCorrection is a correction in an input.
type plannedCorrection struct {
	number int64 // of the record in the input, from 1
	*provenance.Correction
}

// A signedCorrection is a correction that was signed and has no receipt yet: the
// ledger may have it or not.
type signedCorrection struct {
	id       provenance.Hash // of the correcting record
	sequence int64
	*provenance.Correction
}

// A correctable is a record that an input corrects, and what still counts of it.
type correctable struct {
	found    *foundRecord
	left     *verify.Corrected
	reversed int64 // by which record of the input; 0 for none
}

// checkCorrections holds the corrections that come behind the first signed
// records of the input against what they correct. The ledger takes any, but one
// without effect stands in it for ever, and every audit finds it. SPEC(CLI-13)
func (s *submitter) checkCorrections(ctx context.Context, signed int64) error {
	if s.in.unplanned {
		s.ledger.notice(fmt.Sprintf("only the first %s corrections of %s are held against the ledger", thousands(maxPlanned), printable(s.in.name)))
	}
	all := s.in.corrections
	for len(all) > 0 && all[0].number <= signed {
		all = all[1:]
	}
	if len(all) == 0 {
		return nil
	}
	before, err := s.signedCorrections()
	if err != nil {
		return err
	}
	known := map[provenance.Hash]*correctable{}
	for _, c := range all {
		if err := s.checkCorrection(ctx, c, known, before); err != nil {
			says := "that would not hold"
			if exitCode(err) == exitCouldNot {
				says = "of which it could not be told whether it would hold"
			}
			return fmt.Errorf("%s: record %s is a correction %s: %w; nothing of the file was signed in this run", s.in.name, thousands(c.number), says, err)
		}
	}
	return nil
}

// signedCorrections returns the corrections of the journal's submissions without a
// receipt, in the order of the stream, by what they correct. They go to the ledger
// before anything else does, of whatever input they are. SPEC(CLI-13)
func (s *submitter) signedCorrections() (map[provenance.Hash][]signedCorrection, error) {
	out := map[provenance.Hash][]signedCorrection{}
	for _, n := range s.journal.pending {
		sub, _, err := s.journal.submission(n)
		if err != nil {
			return nil, err
		}
		records, _, err := sub.CheckRecords(provenance.FormatLimits())
		if err != nil {
			return nil, s.journal.damaged(n, subSuffix, err)
		}
		h := sub.Statement.Header()
		for i, raw := range records {
			r, err := provenance.ParseRecord(raw)
			if err != nil {
				return nil, s.journal.damaged(n, subSuffix, err)
			}
			if r.Correction != nil {
				of := provenance.Hash(r.Correction.Record)
				out[of] = append(out[of], signedCorrection{provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, raw), n, r.Correction})
			}
		}
	}
	return out, nil
}

func (s *submitter) checkCorrection(ctx context.Context, c plannedCorrection, known map[provenance.Hash]*correctable, before map[provenance.Hash][]signedCorrection) error {
	id := provenance.Hash(c.Record)
	of := known[id]
	if of == nil {
		found, err := s.ledger.record(ctx, provenance.ByID(id), id.String())
		if err != nil {
			return err
		}
		if found.issuer != s.flags.issuer {
			return fmt.Errorf("%s is a record of %s, which alone can correct it, not %s", id, found.issuer, s.flags.issuer)
		}
		of = &correctable{found: found}
		if of.left, _, err = s.ledger.stillCounts(ctx, found, before[id]); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		known[id] = of
	}
	if err := of.correct(c); err != nil {
		return fmt.Errorf("%s: %w", id, err)
	}
	return nil
}

// correct takes a correction as made, if it would hold (record.md REC-18).
func (of *correctable) correct(c plannedCorrection) error {
	left := of.left.Counts()
	switch {
	case of.reversed > 0:
		return fmt.Errorf("record %s of the file reverses it: there is nothing left to correct", thousands(of.reversed))
	case c.Entry != of.found.entry:
		return fmt.Errorf("it is in entry %d, not in %d: make the correction with tokentrail correct", of.found.entry, c.Entry)
	case c.Action == provenance.Reverses && c.Deltas != negated(left):
		return fmt.Errorf("to reverse it is to take back %s, all that is left of it: make the correction with tokentrail correct", sumsText(intake.View(left).(intake.Object)))
	case c.Action == provenance.Amends:
		if _, err := checkAmended(of.found.Record, left, c.Deltas); err != nil {
			return err
		}
	}
	// Its entry is to come, behind all that are there.
	if err := of.left.Apply(of.found.issuer, math.MaxInt64, c.Correction); err != nil {
		return fmt.Errorf("%w: make the correction with tokentrail correct", err)
	}
	if c.Action == provenance.Reverses {
		of.reversed = c.number
	}
	return nil
}
