package verify

import (
	"fmt"

	"tokentrail/provenance"
)

// A Corrected is a record and what its corrections have left of it. They are
// applied in the order of the log; one that does not hold changes nothing.
type Corrected struct {
	issuer   string
	entry    int64
	left     provenance.Cell
	reversed int64 // entry of what reversed it; -1 where nothing did
}

// NewCorrected begins with an encoded record of an issuer in an entry, before any
// correction.
func NewCorrected(issuer string, entry int64, record []byte) (*Corrected, error) {
	cell, err := provenance.CountsAs(record)
	if err != nil {
		return nil, err
	}
	return &Corrected{issuer, entry, *cell, -1}, nil
}

// Counts returns what still counts of the record.
func (r *Corrected) Counts() provenance.Sums { return r.left.Sums }

// A CorrectionError says why a correction changes nothing.
type CorrectionError struct {
	Field     string // of the correcting record, such as ".correction.cell"; empty for all of it
	Want, Got string
	Says      string // in words
}

// Error says it in words.
func (e *CorrectionError) Error() string { return e.Says }

// Apply takes a correction by an issuer, in an entry of its own, off what is left
// of the record. The error is a *CorrectionError: the correction changes nothing.
// SPEC(VER-23), SPEC(REC-18)
func (r *Corrected) Apply(issuer string, entry int64, c *provenance.Correction) error {
	left := r.left.Sums
	sums := fmt.Sprintf("%+v", left)
	const deltas = ".correction.deltas"
	switch {
	case issuer != r.issuer:
		return &CorrectionError{"", "a correction by the record's own issuer, " + r.issuer, issuer, "by " + issuer + ", which is not its issuer"}
	case c.Entry != r.entry || entry <= c.Entry:
		return &CorrectionError{".correction.entry", fmt.Sprintf("entry %d, before %d", r.entry, entry), fmt.Sprintf("entry %d", c.Entry), fmt.Sprintf("it names the entry %d", c.Entry)}
	case r.reversed >= 0:
		return &CorrectionError{"", "a record that still counts", fmt.Sprintf("it was reversed in entry %d", r.reversed), "it was reversed before"}
	case c.Cell != r.left.CellKey:
		return &CorrectionError{".correction.cell", fmt.Sprintf("%+v", r.left.CellKey), fmt.Sprintf("%+v", c.Cell), "the record does not count where it says"}
	case !left.Add(c.Deltas) || left.Least() < 0:
		return &CorrectionError{deltas, "no more taken back than the record counts, " + sums, fmt.Sprintf("%+v", c.Deltas), "it takes back more than the record counts"}
	case c.Action == provenance.Reverses && left != provenance.Sums{}:
		return &CorrectionError{deltas, "all that the record counts taken back", fmt.Sprintf("%+v is left", left), "it does not take back all that the record counts"}
	case !countable(&left):
		return &CorrectionError{deltas, "sums that a record can have (REC-5, REC-13)", fmt.Sprintf("%+v", left), "it leaves what no record can count"}
	}
	r.left.Sums = left
	if c.Action == provenance.Reverses {
		r.reversed = entry
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
