package verify_test

import (
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// noLabel is a profile that wants a label, whatever it says.
func noLabel(id, issuer string, r *provenance.Record) (fails string, known bool) {
	if id != "wants-label" {
		return "", false
	}
	if r.Label == nil {
		return "no label of " + issuer, true
	}
	return "", true
}

// under is a governed ledger with a policy, and an entry of acme behind it whose
// record is made by change.
func under(p provenance.Policy, change func(r *provenance.Record)) func(t testing.TB) *ledger {
	return func(t testing.TB) *ledger {
		l := governed(t)
		l.commit(l.one("acme", "us"), l.act(provenance.Action{Type: provenance.PolicySet, Policy: &p}))
		r, err := provenance.ParseRecord(l.records(1, "US", "CN")[0])
		check(t, err)
		change(r)
		b, err := r.Encode()
		check(t, err)
		l.commit(l.batch("acme", "us", [][]byte{b}))
		l.commit()
		return l
	}
}

func asIs(*provenance.Record) {}

// draws is a record with energy.
func draws(amount, boundary int64) func(r *provenance.Record) {
	return func(r *provenance.Record) {
		r.Energy = &provenance.Energy{MicroWattHours: amount, Method: 1, Boundary: boundary}
	}
}

// produces makes the record a production.
func produces(r *provenance.Record) {
	r.Kind, r.Side, r.Using = provenance.Production, nil, nil
}

func policyLies() []lie {
	const at = "entries[2].statement.totals[0]"
	return []lie{
		{name: "jurisdiction that nobody knows", want: verify.CodeJurisdiction, place: at, build: under(provenance.Policy{Jurisdictions: []string{"US"}}, asIs)},
		{name: "legal basis that nobody knows", want: verify.CodeBasis, place: at, build: under(provenance.Policy{Bases: []string{"cn:standard-contract"}}, func(r *provenance.Record) { r.Basis = []provenance.Basis{{Code: "eu:46-2-c:m3"}} })},
		{name: "energy above what is expected", want: verify.CodeEnergy, place: at, build: under(provenance.Policy{Energy: &provenance.EnergyPolicy{Most: 1000}}, draws(108, 2))},
		{name: "energy within another boundary", want: verify.CodeEnergy, place: at, build: under(provenance.Policy{Energy: &provenance.EnergyPolicy{Boundaries: []int64{3, 4}}}, draws(100, 2))},
		{name: "production without energy", want: verify.CodeEnergy, place: at, build: under(provenance.Policy{Energy: &provenance.EnergyPolicy{Wanted: 1}}, produces)},
		{name: "no label where one is due", want: verify.CodeLabel, place: "entries[2].records[0].label", build: under(provenance.Policy{Labels: []provenance.LabelPolicy{{Using: "CN", Profile: "wants-label"}}}, asIs)},
		{name: "further ahead than the policy's skew", want: verify.CodeFuture, place: "entries[2].statement.period", build: func(t testing.TB) *ledger {
			ahead := newLedger(t).options().Now().UnixMilli() + 2000
			return under(provenance.Policy{Skew: 1000}, func(r *provenance.Record) { r.Time = ahead })(t)
		}},
	}
}

// TestPolicyThatIsKept: nothing is found where providers keep to the policy, nor
// in what stands before it.
func TestPolicyThatIsKept(t *testing.T) {
	policy := provenance.Policy{
		Jurisdictions: []string{"CN", "US"}, Bases: []string{"cn:standard-contract"}, Skew: 1 << 62,
		Energy: &provenance.EnergyPolicy{Most: 1000, Boundaries: []int64{2}, Wanted: 1},
		Labels: []provenance.LabelPolicy{{Using: "CN", Profile: "wants-label"}, {Using: "IN", Profile: "unheard-of"}},
	}
	l := under(policy, func(r *provenance.Record) {
		draws(107, 2)(r) // of 107 tokens
		r.Basis, r.Label = []provenance.Basis{{Code: "cn:standard-contract"}}, &provenance.Label{Status: 1}
	})(t)
	o := l.options()
	o.Profile = noLabel
	if r := l.auditWith(o); r.Verdict != verify.Holds || tells(r, "not checked") {
		t.Error(text(r))
	}
	// Nobody to look at labels: said, and no verdict.
	if r := l.audit(); r.Verdict != verify.Holds || !tells(r, `the label profile "wants-label", which this program cannot look at`) {
		t.Error(text(r))
	}
	l = under(provenance.Policy{Labels: []provenance.LabelPolicy{{Using: "CN", Profile: "unheard-of"}}}, asIs)(t)
	if r := l.auditWith(o); r.Verdict != verify.Holds || !tells(r, "unheard-of") {
		t.Error(text(r))
	}
}
