package verify

import (
	"fmt"
	"math/bits"
	"slices"

	"tokentrail/provenance"
)

// terms are what holds for the records of an entry: ceilings and rules, and which
// profile what goes where has to meet. They are compared by their address: the
// replay makes new ones where they change.
type terms struct {
	limits provenance.Limits
	labels []provenance.LabelPolicy
	policy provenance.Policy
}

// LabelCheck holds a record to a label profile, by the profile's id: fails says
// what it fails by, empty where it does not; known is false where there is no such
// profile here. It is called by several goroutines.
type LabelCheck func(id, issuer string, r *provenance.Record) (fails string, known bool)

// judgePolicy looks for what the ledger's policy wants to hear of: it refuses
// nothing, so that it is about what providers said, not about the ledger.
// SPEC(STA-6), SPEC(VER-29)
func (r *replay) judgePolicy(c *checkedEntry) {
	p := &r.registry.policy
	if p.Jurisdictions == nil && p.Bases == nil && p.Energy == nil && p.Labels == nil {
		return
	}
	r.expected.Checked++
	told := map[Code]bool{}
	find := func(code Code, at, want, got string) {
		if !told[code] { // one of a kind an entry
			r.expected.find(ProviderFinding(c.by, code, fmt.Sprintf("entries[%d]%s", c.index, at), want, got))
		}
		told[code] = true
	}
	for i := range c.header.Totals {
		cell := &c.header.Totals[i]
		if cell.Kind == provenance.Corrected || cell.Records <= 0 {
			continue
		}
		at := fmt.Sprintf(".statement.totals[%d]", i)
		for _, country := range []string{cell.Serving, cell.Using} {
			if p.Jurisdictions != nil && country != "" && !slices.Contains(p.Jurisdictions, country) {
				find(CodeJurisdiction, at, "a jurisdiction that the ledger's policy knows", country)
			}
		}
		if p.Bases != nil && cell.Basis != "" && !slices.Contains(p.Bases, cell.Basis) {
			find(CodeBasis, at, "a legal basis that the ledger's policy knows", cell.Basis)
		}
		if p.Energy != nil {
			if want, got := energyWrong(p.Energy, cell); want != "" {
				find(CodeEnergy, at, want, got)
			}
		}
	}
	for _, wrong := range c.labels {
		find(CodeLabel, fmt.Sprintf(".records[%d].label", wrong.record), wrong.want, wrong.got)
	}
}

// energyWrong holds the energy of a cell against the policy. SPEC(STA-6)
func energyWrong(p *provenance.EnergyPolicy, cell *provenance.Cell) (want, got string) {
	if cell.Boundary == 0 {
		if p.Wanted == 1 && cell.Kind == provenance.Production {
			return "energy of every production", fmt.Sprintf("%d without", cell.Records)
		}
		return "", ""
	}
	if p.Boundaries != nil && !slices.Contains(p.Boundaries, cell.Boundary) {
		return fmt.Sprintf("a boundary that the ledger's policy accepts, of %v", p.Boundaries), fmt.Sprint(cell.Boundary)
	}
	if p.Most == 0 || cell.Energy <= 0 || cell.Input < 0 || cell.Output < 0 {
		return "", ""
	}
	// Both sides are beyond 64 bits.
	tokens := uint64(cell.Input) + uint64(cell.Output)
	drawnHigh, drawn := bits.Mul64(uint64(cell.Energy), 1000)
	mostHigh, most := bits.Mul64(uint64(p.Most), tokens)
	if tokens > 0 && (drawnHigh > mostHigh || drawnHigh == mostHigh && drawn > most) {
		return fmt.Sprintf("at most %d µWh for 1,000 tokens", p.Most), fmt.Sprintf("%d µWh for %d tokens", cell.Energy, tokens)
	}
	return "", ""
}

// A wrongLabel is a record that does not meet the profile of where it goes.
type wrongLabel struct {
	record    int
	want, got string
}

// checkLabels holds records to the profiles of where they go. unknown are profiles
// that could not be looked at.
func (g *guesses) checkLabels(issuer string, records [][]byte, labels []provenance.LabelPolicy) (wrong []wrongLabel, unknown string) {
	if len(labels) == 0 {
		return nil, ""
	}
	for i, raw := range records {
		record, err := provenance.ParseRecord(raw)
		if err != nil || record.Using == nil {
			continue // the one is told elsewhere, the other goes nowhere
		}
		for _, l := range labels {
			if l.Using != record.Using.Country {
				continue
			}
			if g.profile == nil {
				return nil, l.Profile
			}
			fails, known := g.profile(l.Profile, issuer, record)
			switch {
			case !known:
				unknown = l.Profile
			case fails != "" && len(wrong) == 0:
				wrong = append(wrong, wrongLabel{i, "what goes to " + l.Using + " to meet " + l.Profile, fails})
			}
		}
	}
	return wrong, unknown
}
