//go:build tokentrail_rules2

package provenance

// RuleVersion is that of an older release, for the test of a rolling upgrade:
// this build behaves as if version 3 were not known, and is for nothing else.
const RuleVersion = 2
