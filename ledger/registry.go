package ledger

import (
	"crypto/sha256"
	"maps"

	"tokentrail/provenance"
)

// registry is what many values of a state map say together, which acts are held
// against: reading it out of the map takes a walk over all of it. It never
// changes once it is made.
type registry struct {
	owners     map[provenance.Hash]string // of provider keys, by thumbprint: also those that are no more in force
	validators int
	power      int64 // of all validators
}

// registryChange is what entries have added to a registry.
type registryChange struct {
	owners     map[provenance.Hash]string // only looked up and merged
	validators int
	power      int64
}

// newRegistry walks the state map.
func newRegistry(tree stateTree) (*registry, error) {
	r := &registry{owners: map[provenance.Hash]string{}}
	providers, err := statesUnder[provenance.Provider](tree, provenance.StateProviderKey(""))
	if err != nil {
		return nil, err
	}
	for _, p := range providers {
		for i := range p.Keys {
			r.owners[sha256.Sum256(p.Keys[i].Key)] = p.ID
		}
	}
	validators, err := statesUnder[provenance.Validator](tree, provenance.StateValidatorKey(nil))
	for _, v := range validators {
		r.validators++
		r.power += v.Power
	}
	return r, err
}

// with returns the registry after a change, itself where there is none.
func (r *registry) with(c registryChange) *registry {
	if len(c.owners) == 0 && c.validators == 0 && c.power == 0 {
		return r
	}
	owners := maps.Clone(r.owners)
	maps.Copy(owners, c.owners)
	return &registry{owners, r.validators + c.validators, r.power + c.power}
}

// and returns both changes, one after the other.
func (c registryChange) and(next registryChange) registryChange {
	owners := maps.Clone(next.owners)
	if owners == nil {
		owners = map[provenance.Hash]string{}
	}
	maps.Copy(owners, c.owners)
	return registryChange{owners, c.validators + next.validators, c.power + next.power}
}

// registryOf returns the registry of the snapshot's state. It is made when it is
// first asked for, and handed on to the snapshots that follow.
func (s *Snapshot) registryOf() (*registry, error) {
	if r := s.registry.Load(); r != nil {
		return r, nil
	}
	r, err := newRegistry(s.tree)
	if err == nil {
		s.registry.Store(r) // two that make it at once make the same
	}
	return r, err
}
