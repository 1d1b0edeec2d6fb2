package provenance

// Policy is the value under "policy" (SPEC(STA-6)): what one ledger lowers,
// limits or wants to hear of. 0 and nil do not bind. The first eight refuse;
// the others raise findings.
//
// The CBOR keys must never be changed: acts that hold them are signed.
type Policy struct {
	Records        int64 `cbor:"1,keyasint,omitempty" json:"records,omitempty"`
	RecordBytes    int64 `cbor:"2,keyasint,omitempty" json:"record_bytes,omitempty"`
	FrameBytes     int64 `cbor:"3,keyasint,omitempty" json:"frame_bytes,omitempty"`
	ExpandedBytes  int64 `cbor:"4,keyasint,omitempty" json:"expanded_bytes,omitempty"`
	StatementBytes int64 `cbor:"5,keyasint,omitempty" json:"statement_bytes,omitempty"`
	Cells          int64 `cbor:"6,keyasint,omitempty" json:"cells,omitempty"`

	Streams       int64         `cbor:"7,keyasint,omitempty" json:"streams,omitempty"`        // that a provider may open
	Age           int64         `cbor:"8,keyasint,omitempty" json:"age,omitempty"`            // of a statement, ms
	Skew          int64         `cbor:"9,keyasint,omitempty" json:"skew,omitempty"`           // ahead of a clock, ms
	Jurisdictions []string      `cbor:"10,keyasint,omitempty" json:"jurisdictions,omitempty"` // known ones, ascending
	Bases         []string      `cbor:"11,keyasint,omitempty" json:"bases,omitempty"`         // known legal bases, ascending
	Energy        *EnergyPolicy `cbor:"12,keyasint,omitempty" json:"energy,omitempty"`
	Labels        []LabelPolicy `cbor:"13,keyasint,omitempty" json:"labels,omitempty"` // ascending
}

// EnergyPolicy says what a ledger expects of the energy in records.
type EnergyPolicy struct {
	Most       int64   `cbor:"1,keyasint,omitempty" json:"most,omitempty"`       // µWh for 1,000 tokens; 0: any
	Boundaries []int64 `cbor:"2,keyasint,omitempty" json:"boundaries,omitempty"` // that are accepted, ascending; nil: any
	Wanted     int64   `cbor:"3,keyasint,omitempty" json:"wanted,omitempty"`     // 1: of every production
}

// LabelPolicy says which profile meets what goes to a country.
type LabelPolicy struct {
	_       struct{} `cbor:",toarray"`
	Using   string   `json:"using"`   // country
	Profile string   `json:"profile"` // its id
}

// MaxStreams is how many streams a provider may open (ADM-18); policy lowers it.
const MaxStreams = 1024

// Limits returns what holds under the policy and a rule version.
func (p Policy) Limits(version int64) Limits {
	l := FormatLimits()
	l.Rules = int(version)
	lower := func(to *int, v int64) {
		if v > 0 && v < int64(*to) {
			*to = int(v)
		}
	}
	lower(&l.Records, p.Records)
	lower(&l.RecordBytes, p.RecordBytes)
	lower(&l.FrameBytes, p.FrameBytes)
	lower(&l.ExpandedBytes, p.ExpandedBytes)
	lower(&l.StatementBytes, p.StatementBytes)
	lower(&l.Cells, p.Cells)
	return l
}

// policyShape is the grammar of SPEC(STA-6). Closed, as in an act (SPEC(GOV-5)),
// none of its maps has other keys; in the state map they are as SPEC(ENC-20) has
// them.
func policyShape(closed bool) *shape {
	ceiling := func(most int64) check { return integerIn(1, most) }
	count := integerIn(1, 1<<63-1)
	energy := shapeOf(
		may(1, "most", count),
		may(2, "boundaries", ascending(16, integerIn(1, 4), func(item []byte) []byte { return item })),
		may(3, "wanted", oneOf(1)))
	policy := shapeOf(
		may(1, "records", ceiling(MaxRecords)), may(2, "record-bytes", ceiling(MaxRecordBytes)),
		may(3, "frame-bytes", ceiling(MaxFrameBytes)), may(4, "expanded-bytes", ceiling(MaxExpandedBytes)),
		may(5, "statement-bytes", ceiling(MaxStatementBytes)), may(6, "cells", ceiling(MaxCells)),
		may(7, "streams", ceiling(MaxStreams)), may(8, "age", count), may(9, "skew", count),
		may(10, "jurisdictions", ascending(300, country, stringInside)),
		may(11, "bases", ascending(300, textThat(isCode, "a code for a legal basis"), stringInside)),
		may(12, "energy", energy.check),
		may(13, "labels", ascending(300, tuple(country, nameID), countryAndProfile)))
	energy.closed, policy.closed = closed, closed
	return policy
}

// countryAndProfile returns both texts of a pair behind each other; the first
// has two bytes.
func countryAndProfile(item []byte) []byte {
	c := &cursor{b: item}
	var both []byte
	_ = c.each(func(int) error { // accepted before
		s, err := c.text()
		both = append(both, s...)
		return err
	})
	return both
}
