//go:build !tokentrail_rules2

package provenance

// RuleVersion is the newest version of the admission rules; this code knows all
// from 1 on (SPEC(ADM-16)).
//
// With the build tag tokentrail_rules2 it is 2: such a build stands in for an
// older release where a rolling upgrade is tested. Nothing else depends on the tag.
const RuleVersion = 3
