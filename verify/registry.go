package verify

import (
	"fmt"
	"strings"

	"tokentrail/provenance"
)

// A registry is what the state map says of who may sign, by which rules and under
// which policy: the state map itself, and what its values mean. The replay's
// goroutine owns it; each entry is judged by what those before it left.
type registry struct {
	state      *stateMap
	rules      provenance.Rules
	policy     provenance.Policy
	governance *provenance.Governance // nil where nobody governs
	providers  map[string]*registered
	validators map[string]provenance.Validator // by state key
	removed    map[string]bool                 // state keys of validators that were there
	owners     map[provenance.Hash]string      // provider of each key there ever was, by thumbprint
}

// registered is a provider and its keys, by thumbprint.
type registered struct {
	provider provenance.Provider
	keys     map[provenance.Hash]registeredKey
}

// A registeredKey is a key of a provider and its place among the others.
type registeredKey struct {
	public provenance.PublicKey
	at     int
}

// key returns what the registry says of a provider's key; nil where it has none.
func (p *registered) key(kid provenance.Hash) (*provenance.ProviderKey, provenance.PublicKey) {
	k, ok := p.keys[kid]
	if !ok {
		return nil, provenance.PublicKey{}
	}
	return &p.provider.Keys[k.at], k.public
}

// newRegistry reads the values of a state map.
func newRegistry(values map[string][]byte) (*registry, error) {
	g := &registry{
		state: newStateMap(values), providers: map[string]*registered{}, validators: map[string]provenance.Validator{},
		removed: map[string]bool{}, owners: map[provenance.Hash]string{},
	}
	for _, key := range sortedKeys(values) {
		if err := g.read(key, values[key]); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return g, nil
}

// read takes a value for what it means. Stream heads are the replay's.
func (g *registry) read(key string, value []byte) (err error) {
	switch {
	case key == provenance.StateRules:
		g.rules, err = provenance.ParseStateValue[provenance.Rules](value)
	case key == provenance.StatePolicy:
		g.policy, err = provenance.ParseStateValue[provenance.Policy](value)
	case key == provenance.StateGovernance:
		var v provenance.Governance
		v, err = provenance.ParseStateValue[provenance.Governance](value)
		g.governance = &v
	case strings.HasPrefix(key, "provider/"):
		var v provenance.Provider
		if v, err = provenance.ParseStateValue[provenance.Provider](value); err == nil {
			err = g.know(v)
		}
	case strings.HasPrefix(key, "validator/"):
		g.validators[key], err = provenance.ParseStateValue[provenance.Validator](value)
	}
	return err
}

// know takes a provider's keys for its own.
func (g *registry) know(p provenance.Provider) error {
	r := &registered{provider: p, keys: map[provenance.Hash]registeredKey{}}
	for i := range p.Keys {
		public, err := provenance.ParsePublicKeyCOSE(p.Keys[i].Key)
		if err != nil {
			return err
		}
		kid := public.Thumbprint()
		r.keys[kid], g.owners[kid] = registeredKey{public, i}, p.ID
	}
	g.providers[p.ID] = r
	return nil
}

// put sets a value in the state map; what cannot stand there is an error.
func put[T provenance.StateValue](g *registry, key string, v T) error {
	value, err := provenance.EncodeStateValue(v)
	if err == nil {
		g.state.set(key, value)
	}
	return err
}

// setProvider replaces a provider's value.
func (g *registry) setProvider(p provenance.Provider) error {
	if err := put(g, provenance.StateProviderKey(p.ID), p); err != nil {
		return err
	}
	return g.know(p)
}

// setValidator sets a validator's power; 0 removes it.
func (g *registry) setValidator(key string, v provenance.Validator) error {
	if v.Power == 0 {
		delete(g.validators, key)
		g.removed[key] = true
		g.state.remove(key)
		return nil
	}
	if err := put(g, key, v); err != nil {
		return err
	}
	delete(g.removed, key)
	g.validators[key] = v
	return nil
}

// mayChange reports whether acts can ever change who may sign.
func (g *registry) mayChange() bool {
	return g.governance != nil || max(g.rules.Version, g.rules.Next) >= actRules
}

// Rule versions that the replay goes by (SPEC(ADM-16)).
const (
	streamRules = 3 // new streams are counted, and bounded; age
	actRules    = 3 // acts of providers without governance; equivocation
)
