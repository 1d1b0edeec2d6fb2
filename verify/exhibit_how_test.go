package verify_test

import (
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// TestExhibitSaysHowInTheFile: whoever has a file and no network is told which part of
// the file to look at, and what no file shows. SPEC(BND-14), SPEC(BND-15)
func TestExhibitSaysHowInTheFile(t *testing.T) {
	l := small(t)
	for part, spoil := range map[string]func(e *verify.Exhibit){
		"part 1": func(e *verify.Exhibit) { e.Genesis = append(slices.Clone(e.Genesis), ' ') },
		"part 2": func(e *verify.Exhibit) { e.Entry = []byte{0xd2, 0x84} },
		"part 3": func(e *verify.Exhibit) { e.Receipt = e.Entry },
		"part 7": func(e *verify.Exhibit) { e.States[0].Preimage.StateRoot = provenance.Hash{} },
	} {
		e := l.exhibit("1")
		spoil(e)
		r := l.show(e)
		if len(r.Findings()) == 0 {
			t.Errorf("%s: nothing was found", part)
			continue
		}
		for _, f := range r.Findings() {
			if !strings.Contains(f.How, "bundle (spec/bundle.md BND-3") {
				t.Errorf("%s: %s at %s: %s", part, f.Code, f.Place, f.How)
			}
		}
		if how := r.Findings()[0].How; !strings.Contains(how, strings.TrimPrefix(part, "part ")) {
			t.Errorf("%s: %s", part, how)
		}
	}
	if said := text(l.show(l.exhibit("1"))); !strings.Contains(said, "corrected later") || !strings.Contains(said, "issuer's word") {
		t.Errorf("what an exhibit does not show:\n%s", said)
	}
}
