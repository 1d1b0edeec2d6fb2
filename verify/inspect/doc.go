// Package inspect looks at what providers said and the ledger rightly kept: labels,
// legal bases, energy, rules of the auditor's own, and whether both sides of a
// crossing recorded the same (spec/verify.md, "Inspection").
//
//	inspector, err := inspect.New(inspect.Options{Rules: rules})
//	report := light.Audit(ctx, node, trust, verify.Options{Inspect: inspector, …})
//	report.Coverage // who labelled how much of what goes where
//
// It is an Inspector of an audit: what it is shown was read, judged and put into a
// log of our own, and what it found is told only if that log is the one that
// validators signed. So each finding speaks against the provider that signed the
// record, not against the ledger.
//
// What must be trusted beyond that is the auditor's own: the rules, the limits, and
// that a profile says what its law does (package profile). A rule that could not be
// evaluated has not passed, and nothing here says that a law is kept.
//
// Nothing here reads a clock, a file or the network. Where there are more transfers
// to pair than memory should hold, the caller gives a place for them (Spill).
package inspect
