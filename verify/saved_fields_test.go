package verify

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// fates says of each field of what a replay is made of what becomes of it in a saved
// audit: it is saved, or it is made again, by what stands behind it.
var fates = map[reflect.Type]string{
	reflect.TypeFor[replay](): `tree saved, registry values, heights itself, issuers saved, totals saved, notices saved, unlooked saved, moved saved,
		sets saved, ages saved, aged saved, blind saved, corrections saved, forgotten saved, settled saved, stolenSums saved, marks saved,
		streams values, doc genesis, guesses registry, timeOf headers, step findings, expected findings, clock now, terms registry, flows sums,
		begun tree, uninspected inspector`,
	reflect.TypeFor[heights](): `next saved, now saved, floor saved, ends saved, apps saved, wrong saved, asked saved, mute saved, loose saved,
		history headers, top status, first genesis`,
	reflect.TypeFor[registry]():   `removed saved, state values, rules values, policy values, governance values, providers values, validators values, owners values`,
	reflect.TypeFor[frontier]():   `size saved, roots saved, chunks saved`,
	reflect.TypeFor[correction](): `entry saved, index saved, issuer saved, by saved, Correction saved, told settled`,
	reflect.TypeFor[stolenKey]():  `provider saved, kid saved, since saved, sinceTime saved, first saved, last saved, declared saved, entries saved, records saved`,
	reflect.TypeFor[Totals](): `Entries saved, Acts saved, Equivocations saved, Records saved, Kinds saved,
		Headers headers, Streams streams, Providers issuers, Stolen stolenSums, Millis now, PerSecond now`,
	reflect.TypeFor[Finding]():  `Code saved, Place saved, Want saved, Got saved, How saved, Against saved, Provider saved`,
	reflect.TypeFor[Notice]():   `Kind saved, Provider saved, Entry saved, Stream saved, Sequence saved, Key saved, Since saved, Entries saved, Records saved, Says saved, Finding saved`,
	reflect.TypeFor[ageBound](): `height saved, latest saved, index saved, last saved, limit saved`,
}

// TestEveryFieldIsSaved: who adds to a replay says here what a saved audit does with
// it. SPEC(VER-40)
func TestEveryFieldIsSaved(t *testing.T) {
	for of, said := range fates {
		var names []string
		for fate := range strings.SplitSeq(said, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(fate), " ")
			names = append(names, name)
		}
		for i := range of.NumField() {
			name := of.Field(i).Name
			if at := slices.Index(names, name); at >= 0 {
				names = slices.Delete(names, at, at+1)
				continue
			}
			t.Errorf("%s.%s: it is neither saved nor said to be made again; see verify/saved_replay.go", of, name)
		}
		if len(names) > 0 {
			t.Errorf("%s has no %v", of, names)
		}
	}
}
