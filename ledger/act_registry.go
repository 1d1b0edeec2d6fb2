package ledger

import (
	"crypto/sha256"
	"fmt"

	"tokentrail/provenance"
)

// registered returns a copy of the provider that the action names, with keys of
// its own: the action may change all of it.
func (x *action) registered() (*provenance.Provider, error) {
	p, ok, err := stateValue[provenance.Provider](x, provenance.StateProviderKey(x.ID))
	if err == nil && !ok {
		// SPEC(GOV-14)
		err = x.refuse(CodeRegistry, "id", "%q is not in this ledger's registry", x.ID)
	}
	return &p, err
}

func (a *acting) setProvider(p *provenance.Provider) error {
	return setState(a.changes, provenance.StateProviderKey(p.ID), *p)
}

// changeProvider lets change work on a registered provider.
func (a *acting) changeProvider(id string, change func(p *provenance.Provider)) error {
	p, _, err := stateValue[provenance.Provider](a, provenance.StateProviderKey(id))
	if err != nil {
		return err
	}
	change(&p)
	return a.setProvider(&p)
}

// admitProvider does provider-admit: SPEC(GOV-13).
func (x *action) admitProvider() error {
	if _, there := x.get(provenance.StateProviderKey(x.ID)); there {
		return x.refuse(CodeRegistry, "id", "%q is in this ledger's registry already", x.ID)
	}
	p := &provenance.Provider{ID: x.ID, Name: x.Name, Jurisdictions: x.Jurisdictions, Status: provenance.ProviderActive}
	for i, key := range x.Keys {
		if err := x.giveKey(p, fmt.Sprintf("keys[%d]", i), provenance.ProviderKey{Key: key}); err != nil {
			return err
		}
	}
	return x.setProvider(p)
}

// giveKey adds a key to those of p, where it is nobody's yet.
func (x *action) giveKey(p *provenance.Provider, field string, key provenance.ProviderKey) error {
	kid := provenance.Hash(sha256.Sum256(key.Key))
	if owner, taken := x.owner(kid); taken {
		return x.refuse(CodeRegistry, field, "the key %s is already one of %q, in force or not; a key belongs to one provider, once", kid, owner)
	}
	public, err := provenance.ParsePublicKeyCOSE(key.Key)
	if err != nil {
		return err // its form was checked with the act's
	}
	key.Alg, key.Added = public.Alg(), new(x.v.size)
	p.Keys = append(p.Keys, key)
	x.added.owners[kid] = p.ID
	return nil
}

// owner returns whose a key is, or was.
func (a *acting) owner(kid provenance.Hash) (string, bool) {
	for _, owners := range []map[provenance.Hash]string{a.added.owners, a.v.added.owners, a.known.owners} {
		if id, ok := owners[kid]; ok {
			return id, true
		}
	}
	return "", false
}

// describeProvider does provider-describe: SPEC(GOV-14).
func (x *action) describeProvider() error {
	p, err := x.registered()
	if err != nil {
		return err
	}
	if x.Name != "" {
		p.Name = x.Name
	}
	if x.Jurisdictions != nil {
		p.Jurisdictions = x.Jurisdictions
	}
	return x.setProvider(p)
}

// setStatus does provider-status: SPEC(GOV-14).
func (x *action) setStatus() error {
	p, err := x.registered()
	switch {
	case err != nil:
		return err
	case p.Status == x.Status:
		return x.refuse(CodeRegistry, "status", "%q is %s already", x.ID, p.Status)
	case p.Status == provenance.ProviderRetired:
		return x.refuse(CodeRegistry, "status", "%q is %s, for good; admit it under another id", x.ID, p.Status)
	}
	p.Status = x.Status
	return x.setProvider(p)
}
