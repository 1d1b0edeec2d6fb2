package provenance

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"

	"pgregory.net/rapid"
)

// Acts for several tests.

// coseOf returns the COSE_Key of a test key.
func coseOf(alg int64, name string) []byte { return publicOf(testKey(alg, name)).COSE() }

func ascendingKeys(keys ...[]byte) [][]byte {
	slices.SortFunc(keys, bytes.Compare)
	return keys
}

func samplePolicy() *Policy {
	return &Policy{
		Records: 2048, RecordBytes: 2048, FrameBytes: 1 << 19, ExpandedBytes: 4 << 20, StatementBytes: 32768, Cells: 256,
		Streams: 16, Age: 86_400_000, Skew: 60_000, Jurisdictions: []string{"CN", "DE", "US"},
		Bases:  []string{"cn:standard-contract", "eu:46-2-c:m3", "us"},
		Energy: &EnergyPolicy{Most: 4_000_000, Boundaries: []int64{2, 4}, Wanted: 1},
		Labels: []LabelPolicy{{Using: "CN", Profile: "cn-gb45438-2025"}, {Using: "DE", Profile: "c2pa"}, {Using: "DE", Profile: "eu-aia-50"}},
	}
}

// sampleActions has each type of action, fields that may be there included.
func sampleActions() []Action {
	kid := publicOf(testKey(AlgEdDSA, "provider")).Thumbprint()
	validator := coseOf(AlgEdDSA, "validator")[8:]
	return []Action{
		{Type: ProviderAdmit, ID: "acme", Name: "Acme Inference", Jurisdictions: []string{"US", "DE"},
			Keys: [][]byte{coseOf(AlgEdDSA, "provider"), coseOf(AlgES256, "provider")}},
		{Type: ProviderDescribe, ID: "acme", Name: "Acme", Jurisdictions: []string{"US"}},
		{Type: ProviderDescribe, ID: "acme", Name: "Acme"},
		{Type: ProviderSet, ID: "globex", Status: ProviderSuspended},
		{Type: KeyAdd, ID: "acme", Key: coseOf(AlgES256, "new"), From: new(int64(0)), Until: new(int64(9000))},
		{Type: KeyAdd, ID: "acme", Key: coseOf(AlgEdDSA, "newer")},
		{Type: KeyExpire, ID: "acme", KID: kid, Until: new(int64(1200))},
		{Type: KeyRevoke, ID: "acme", KID: kid},
		{Type: KeyStolen, ID: "acme", KID: kid, Since: 0, SinceHeight: 44},
		{Type: ValidatorSet, Validator: validator, Power: 10},
		{Type: ValidatorSet, Validator: make([]byte, 32), Power: 0},
		{Type: PolicySet, Policy: samplePolicy()},
		{Type: PolicySet, Policy: &Policy{}},
		{Type: GovernanceSet, Threshold: 2, Governors: ascendingKeys(coseOf(AlgEdDSA, "g1"), coseOf(AlgES256, "g2"), coseOf(AlgEdDSA, "g3"))},
		{Type: RulesSet, Rules: 3, RulesFrom: 5000},
	}
}

func sampleAct() *Act {
	return &Act{Chain: "chain-1", Sequence: 7, LastHeight: 900, Reason: "règle <3> & so on", Actions: sampleActions()}
}

// signedAct is the sample with a signature of each name and algorithm.
func signedAct(a *Act, signers ...crypto.Signer) *UnverifiedAct {
	u := must1(NewAct(a))
	for _, s := range signers {
		u = must1(u.Sign(s))
	}
	return u
}

func governor(i int) crypto.Signer {
	alg := AlgEdDSA
	if i%2 == 1 {
		alg = AlgES256
	}
	return testKey(alg, fmt.Sprintf("governor %d", i))
}

func policyGen(t *rapid.T) *Policy {
	lists := func(label string, g *rapid.Generator[string]) []string {
		if !rapid.Bool().Draw(t, "has "+label) {
			return nil
		}
		all := rapid.SliceOfNDistinct(g, 1, 5, rapid.ID[string]).Draw(t, label)
		slices.Sort(all)
		return all
	}
	p := &Policy{
		Records: maybe(t, "records", rapid.Int64Range(1, MaxRecords)), Cells: maybe(t, "cells", rapid.Int64Range(1, MaxCells)),
		Streams: maybe(t, "streams", rapid.Int64Range(1, MaxStreams)), Age: maybe(t, "age", rapid.Int64Range(1, 1<<62)),
		Skew:          maybe(t, "skew", rapid.Int64Range(1, 1<<62)),
		Jurisdictions: lists("jurisdictions", countryGen()), Bases: lists("bases", rapid.StringMatching(`[a-z0-9:.-]{1,48}`)),
	}
	if rapid.Bool().Draw(t, "energy") {
		p.Energy = &EnergyPolicy{Most: maybe(t, "most", rapid.Int64Range(1, 1<<62)), Wanted: maybe(t, "wanted", rapid.Just(int64(1)))}
		p.Energy.Boundaries = slices.Compact([]int64{rapid.Int64Range(1, 2).Draw(t, "b1"), rapid.Int64Range(2, 4).Draw(t, "b2")})
	}
	for _, c := range p.Jurisdictions {
		p.Labels = append(p.Labels, LabelPolicy{Using: c, Profile: "p"}, LabelPolicy{Using: c, Profile: "p.2"})
	}
	return p
}

// actGen draws acts of governance or of a provider.
func actGen() *rapid.Generator[*Act] {
	return rapid.Custom(func(t *rapid.T) *Act {
		a := &Act{
			Chain: rapid.StringMatching(`[A-Za-z0-9._-]{1,50}`).Draw(t, "chain"), Provider: maybe(t, "provider", rapid.Just("acme")),
			Sequence: amountGen().Draw(t, "sequence"), LastHeight: maybe(t, "last", rapid.Int64Range(1, 1<<62)),
			Reason: maybe(t, "reason", textGen()),
		}
		for range rapid.IntRange(1, 5).Draw(t, "actions") {
			action := rapid.SampledFrom(sampleActions()).Draw(t, "action")
			switch action.Type {
			case PolicySet:
				action.Policy = policyGen(t)
			case ProviderDescribe:
				action.Name = textGen().Draw(t, "name")
			case KeyStolen:
				action.Since, action.SinceHeight = timeGen().Draw(t, "since"), rapid.Int64Range(1, 1<<62).Draw(t, "height")
			case ValidatorSet:
				action.Power = rapid.Int64Range(0, 1).Draw(t, "power") * rapid.Int64Range(0, MaxPower).Draw(t, "weight")
				if action.Power > 0 {
					action.Validator = coseOf(AlgEdDSA, "validator")[8:]
				}
			}
			a.Actions = append(a.Actions, action)
		}
		return a
	})
}
