package provenance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"
)

// Genesis is the app_state of the genesis document (spec/state.md, GEN-1).
type Genesis struct {
	Format    int64             `json:"format"` // 1
	Providers []GenesisProvider `json:"providers"`
	Policy    Policy            `json:"policy"`
	RuleSet   int64             `json:"rules,omitempty"` // rule version; 0 where it is left out, which is 1

	Governance *GenesisGovernance `json:"governance,omitempty"` // nil: nobody governs
}

// GenesisGovernance says who governs from the beginning.
type GenesisGovernance struct {
	Threshold int64    `json:"threshold"` // how many of the keys sign an act
	Keys      []string `json:"keys"`      // in text, KEY-2, in any order
}

// Rules returns the rules that hold from the first block on.
func (g *Genesis) Rules() Rules { return Rules{Version: max(g.RuleSet, 1)} }

// GenesisProvider is a provider that is admitted from the beginning.
type GenesisProvider struct {
	ID            string   `json:"id"`
	Name          string   `json:"name"`
	Jurisdictions []string `json:"jurisdictions"`
	Keys          []string `json:"keys"` // in text, KEY-2
}

// ParseGenesis decodes an app_state and checks it. Unknown members are refused,
// and so are members that stand twice or are written in another case.
func ParseGenesis(appState []byte) (*Genesis, error) {
	if !utf8.Valid(appState) {
		return nil, fail(CodeUTF8, "app_state", "it is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(appState))
	d.DisallowUnknownFields()
	g := &Genesis{}
	if err := d.Decode(g); err != nil {
		return nil, fail(CodeValue, "app_state", "%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fail(CodeTrailingBytes, "app_state", "something follows it")
	}
	if err := checkMembers(json.NewDecoder(bytes.NewReader(appState)), genesisMembers); err != nil {
		return nil, within("app_state", err)
	}
	// SPEC(GEN-1): 0 is no ceiling, though it means an absent one in Policy, and no
	// rule version; null, which leaves a Go integer as it was, is neither.
	var given struct {
		Policy     map[string]int64 // a genesis has no other kinds of members there
		Rules      json.RawMessage  // nil where it is left out
		Governance json.RawMessage
	}
	if err := json.Unmarshal(appState, &given); err != nil {
		return nil, fail(CodeValue, "app_state.policy", "%v", err)
	}
	switch {
	case string(given.Rules) == "null":
		return nil, fail(CodeValue, "app_state.rules", "null, wanted a rule version or no such member, which means 1")
	case string(given.Governance) == "null":
		return nil, fail(CodeValue, "app_state.governance", "null, wanted a threshold and keys, or no such member where nobody governs")
	case given.Rules != nil && g.RuleSet < 1:
		return nil, fail(CodeVersion, "app_state.rules", "%d, this program knows rule versions 1 to %d", g.RuleSet, RuleVersion)
	}
	for _, name := range slices.Sorted(maps.Keys(given.Policy)) {
		if !slices.Contains(genesisCeilings, name) {
			return nil, fail(CodeValue, "app_state.policy."+name, "a genesis sets %v; the rest of a policy is for acts", genesisCeilings)
		}
		if given.Policy[name] < 1 {
			return nil, fail(CodeValue, "app_state.policy."+name, "%d, wanted at least 1", given.Policy[name])
		}
	}
	if _, err := g.State(nil); err != nil {
		return nil, err
	}
	return g, nil
}

// genesisMembers are the names of all members of an app_state.
var genesisMembers = append([]string{
	"format", "providers", "policy", "rules", "governance", "id", "name", "jurisdictions", "keys", "threshold",
}, genesisCeilings...)

// genesisCeilings are the members of a genesis's policy.
var genesisCeilings = []string{"records", "record_bytes", "frame_bytes", "expanded_bytes", "statement_bytes", "cells"}

// checkMembers walks one JSON value, which was decoded before, and refuses what
// encoding/json lets pass: a name twice in one object, and a name that is none of
// members, one in another case for example; nil stands for any.
func checkMembers(d *json.Decoder, members []string) error {
	token, err := d.Token()
	if err != nil {
		return fail(CodeValue, "", "%v", err)
	}
	opened, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if opened == '{' {
			member, err := d.Token()
			name, _ := member.(string)
			if err != nil || seen[name] || members != nil && !slices.Contains(members, name) {
				return fail(CodeValue, "", "the member %q is unknown or stands twice", name)
			}
			seen[name] = true
		}
		if err := checkMembers(d, members); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// State returns the state map before the first block: what stands under each
// key (SPEC(GEN-2)).
func (g *Genesis) State(validators []Validator) (map[string][]byte, error) {
	if g.Format != 1 {
		return nil, fail(CodeVersion, "app_state.format", "%d, this version knows 1", g.Format)
	}
	state := map[string][]byte{}
	put := func(key string, value []byte, err error) error {
		if err != nil {
			return within("app_state", within(key, err))
		}
		if _, there := state[key]; there {
			return fail(CodeValue, "app_state", "%s stands twice", key)
		}
		state[key] = value
		return nil
	}
	if !KnownRules(g.Rules().Version) {
		// SPEC(GEN-1)
		return nil, fail(CodeVersion, "app_state.rules", "%d, this program knows rule versions 1 to %d", g.RuleSet, RuleVersion)
	}
	rules, err := EncodeStateValue(g.Rules())
	if err := put(StateRules, rules, err); err != nil {
		return nil, err
	}
	policy, err := EncodeStateValue(g.Policy)
	if err := put(StatePolicy, policy, err); err != nil {
		return nil, err
	}
	if g.Governance != nil {
		governance, err := g.Governance.value()
		if err != nil {
			return nil, within("app_state.governance", err)
		}
		value, err := EncodeStateValue(*governance)
		if err := put(StateGovernance, value, err); err != nil {
			return nil, err
		}
	}
	owners := map[string]string{}
	for i := range g.Providers {
		p, err := g.Providers[i].provider(owners)
		if err != nil {
			return nil, within(fmt.Sprintf("app_state.providers[%d]", i), err)
		}
		value, err := EncodeStateValue(*p)
		if err := put(StateProviderKey(p.ID), value, err); err != nil {
			return nil, err
		}
	}
	for _, v := range validators {
		value, err := EncodeStateValue(v)
		if err := put(StateValidatorKey(v.Address()), value, err); err != nil {
			return nil, err
		}
	}
	return state, nil
}

// provider returns the registry's entry; owners tells whose each key is.
func (g *GenesisProvider) provider(owners map[string]string) (*Provider, error) {
	p := &Provider{ID: g.ID, Name: g.Name, Jurisdictions: g.Jurisdictions, Status: ProviderActive}
	for i, text := range g.Keys {
		key, err := ParsePublicKey(text)
		if err != nil {
			return nil, within(fmt.Sprintf("keys[%d]", i), err)
		}
		if owner, taken := owners[key.String()]; taken {
			return nil, fail(CodeValue, fmt.Sprintf("keys[%d]", i), "the key is already that of %s", owner)
		}
		owners[key.String()] = g.ID
		p.Keys = append(p.Keys, ProviderKey{Alg: key.Alg(), Key: key.COSE()})
	}
	return p, nil
}

// value returns what stands under "governance" at first: the keys in their order,
// sequence 0. SPEC(GEN-2)
func (g *GenesisGovernance) value() (*Governance, error) {
	out := &Governance{Threshold: g.Threshold}
	seen := map[string]bool{}
	for i, text := range g.Keys {
		key, err := ParsePublicKey(text)
		if err == nil && seen[text] { // a key has one text
			err = fail(CodeValue, "", "the key stands twice")
		}
		if err != nil {
			return nil, within(fmt.Sprintf("keys[%d]", i), err)
		}
		seen[text] = true
		out.Keys = append(out.Keys, key.COSE())
	}
	slices.SortFunc(out.Keys, bytes.Compare)
	if out.Threshold < 1 || len(out.Keys) < 1 || len(out.Keys) > MaxGovernors {
		return nil, fail(CodeValue, "", "a threshold of %d and %d keys, wanted 1 to %d keys and a threshold from 1 to their number", out.Threshold, len(out.Keys), MaxGovernors)
	}
	return out, checkThreshold(out.Threshold, len(out.Keys))
}
