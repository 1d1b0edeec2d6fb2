package verify

import "tokentrail/provenance"

// Coverage is what an inspection looked at, and how far what it looked for is there
// (spec/verify.md, "Inspection"). Rows are sorted by their names; where there are
// more than an inspection keeps, the others are summed in one whose names are "*".
type Coverage struct {
	Records int64            `json:"records"`           // looked at
	Labels  []LabelCoverage  `json:"labels,omitempty"`  // SPEC(VER-71)
	Basis   []BasisCoverage  `json:"basis,omitempty"`   // SPEC(VER-73)
	Energy  []EnergyCoverage `json:"energy,omitempty"`  // SPEC(VER-74)
	Rules   []RuleCoverage   `json:"rules,omitempty"`   // SPEC(VER-75)
	Mirrors *Mirrors         `json:"mirrors,omitempty"` // SPEC(VER-78); nil where nobody asked
}

// LabelCoverage counts records by what came of their label.
type LabelCoverage struct {
	Profile     string `json:"profile"` // empty where none is due
	Provider    string `json:"provider"`
	Model       string `json:"model"`
	Destination string `json:"destination"`
	Labelled    int64  `json:"labelled"`
	Unlabelled  int64  `json:"unlabelled"`
	Failed      int64  `json:"failed"`
	Unknown     int64  `json:"unknown"` // nobody can tell whether a label is due
	Out         int64  `json:"out"`     // the profile asks nothing
	// Shares of the first three, in parts per million.
	UnlabelledShare int64 `json:"unlabelled_share"`
	FailedShare     int64 `json:"failed_share"`
}

// BasisCoverage counts transfers from a country to another.
type BasisCoverage struct {
	Provider string `json:"provider"`
	From     string `json:"from"` // serving
	To       string `json:"to"`   // using
	With     int64  `json:"with"` // a legal basis
	Missing  int64  `json:"missing"`
	Expired  int64  `json:"expired"` // of those with
	Unknown  int64  `json:"unknown"` // of those with
	Free     int64  `json:"free"`    // none is asked for
}

// EnergyCoverage counts records by what is known of their energy.
type EnergyCoverage struct {
	Provider   string `json:"provider"`
	With       int64  `json:"with"`
	Without    int64  `json:"without"`
	Judged     int64  `json:"judged"` // of those with, held against what accelerators can draw
	Impossible int64  `json:"impossible"`
	Above      int64  `json:"above"`
	Boundary   int64  `json:"boundary"` // within none that is accepted
}

// RuleCoverage counts records by what came of a rule of the auditor's own.
type RuleCoverage struct {
	ID     string `json:"id"`
	Says   string `json:"says"`
	Asked  int64  `json:"asked"` // records of which the rule expects something
	Broken int64  `json:"broken"`
	Errors int64  `json:"errors"` // records of which nobody can tell
	First  string `json:"first_error,omitempty"`
}

// Mirrors are transfers as both sides recorded them, by pair of countries.
type Mirrors struct {
	Pairs []MirrorPair `json:"pairs"`
}

// A MirrorPair sums the transfers from one country to another. Output tokens go that
// way, input tokens back.
type MirrorPair struct {
	From      string       `json:"from"` // serving
	To        string       `json:"to"`   // using
	Matched   MirrorAmount `json:"matched"`
	Unequal   MirrorAmount `json:"unequal"`
	Exporters MirrorAmount `json:"only_exporters"`
	Importers MirrorAmount `json:"only_importers"`
	Ambiguous MirrorAmount `json:"ambiguous"`
	// Of matched and unequal, what the importers recorded less what the exporters did,
	// in parts per million of the latter; nil where these recorded nothing.
	InputDifference  *int64 `json:"input_difference"`
	OutputDifference *int64 `json:"output_difference"`
}

// MirrorAmount is what exporters and importers recorded.
type MirrorAmount struct {
	Records        int64          `json:"records"` // of both
	ExporterInput  provenance.Sum `json:"exporter_input"`
	ExporterOutput provenance.Sum `json:"exporter_output"`
	ImporterInput  provenance.Sum `json:"importer_input"`
	ImporterOutput provenance.Sum `json:"importer_output"`
}
