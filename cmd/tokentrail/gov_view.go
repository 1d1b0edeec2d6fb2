package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// A govView is what a ledger's state says of who governs it, as far as an act
// needs it. Governance, rules, policy, and each provider and validator that an act
// names are proven up to the validators of the genesis document. That there are no
// other providers and validators is the node's word. One goroutine uses it; judging
// an act changes it.
type govView struct {
	nodes   *nodes
	chain   string
	height  int64                     // of the next block
	signed  int64                     // of the newest header that proves something here
	headers map[int64]provenance.Hash // app hashes of proven headers

	governance *provenance.Governance // nil where nobody governs
	rules      provenance.Rules
	policy     provenance.Policy
	providers  map[string]*provenance.Provider // those that were asked for; nil: not in the registry
	owners     map[provenance.Hash]string      // providers of keys; nil: not asked for
	validators map[string]provenance.Validator // by state key; nil: not asked for
}

// newGovView reads who governs, and by which rules.
func newGovView(ctx context.Context, n *nodes) (*govView, error) {
	v := &govView{nodes: n, headers: map[int64]provenance.Hash{}, providers: map[string]*provenance.Provider{}}
	v.chain = strings.Split(n.origin, "/")[1]
	var err error
	if v.governance, err = provenState[provenance.Governance](ctx, v, provenance.StateGovernance); err != nil {
		return nil, err
	}
	rules, err := provenState[provenance.Rules](ctx, v, provenance.StateRules)
	if err != nil {
		return nil, err
	}
	policy, err := provenState[provenance.Policy](ctx, v, provenance.StatePolicy)
	if err != nil {
		return nil, err
	}
	if rules == nil || policy == nil {
		return nil, fmt.Errorf("the ledger %s has no rules or no policy in its state map: it is none of this kind", n.origin)
	}
	v.rules, v.policy = *rules, *policy
	return v, nil
}

// version is the rule version that holds for the next block.
func (v *govView) version() int64 { return v.rules.VersionAt(v.height) }

// provenState returns what stands under a key of the state map, nil for nothing,
// proven under a header that validators signed to whom the genesis document leads.
// SPEC(CLI-45)
func provenState[T provenance.StateValue](ctx context.Context, v *govView, key string) (value *T, err error) {
	err = v.nodes.try(ctx, noStatement, func(c *client) error {
		raw, height, preimage, err := c.provedState(ctx, key)
		if err == nil {
			err = v.prove(ctx, c, height, preimage)
		}
		if err != nil || raw == nil {
			value = nil
			return err
		}
		parsed, err := provenance.ParseStateValue[T](raw)
		if err != nil {
			return refutedError{fmt.Errorf("the state %s of the node at %s: %w", key, c.base, err)}
		}
		value = &parsed
		return nil
	})
	return value, err
}

// prove holds a preimage against the signed header that is to carry its hash.
func (v *govView) prove(ctx context.Context, c *client, height int64, preimage provenance.Preimage) error {
	app, known := v.headers[height]
	if !known {
		header, err := v.header(ctx, c, height)
		if err != nil {
			return err
		}
		app = header.AppHash
		v.headers[height] = app
	}
	if preimage.AppHash() != app {
		return refutedError{fmt.Errorf("the state of the node at %s is not that of header %d, whose app hash is %s", c.base, height, app)}
	}
	if height < v.signed {
		// SPEC(CLI-45)
		return couldNotf("the node at %s gives the state of header %d behind that of header %d: it goes back; ask it again later, or another one", c.base, height, v.signed)
	}
	// The header's block is there; what is decided next comes behind it.
	v.signed = max(v.signed, height)
	v.height = max(v.height, height+1)
	return nil
}

// header returns the proven header of a height.
func (v *govView) header(ctx context.Context, c *client, height int64) (*verify.Header, error) {
	blocks, err := changesOf{c}.Headers(ctx, height, 1)
	if err != nil {
		return nil, err
	}
	if len(blocks) != 1 {
		return nil, couldNotf("the node at %s has no signed header of height %d", c.base, height)
	}
	header, err := v.nodes.founders.OpenFollowing(ctx, changesOf{c}, blocks[0])
	if errors.Is(err, light.ErrOtherValidators) { // a change or a lie: SPEC(JRN-6)
		return nil, refutedError{couldNotf("header %d of the node at %s could not be checked: %w", height, c.base, err)}
	}
	if err != nil {
		return nil, refutedError{fmt.Errorf("header %d of the node at %s: %w", height, c.base, err)}
	}
	if header.Height != height {
		return nil, refutedError{fmt.Errorf("the node at %s gives header %d for header %d", c.base, header.Height, height)}
	}
	return header, nil
}

// timeOf returns the time of a height's block.
func (v *govView) timeOf(ctx context.Context, height int64) (at time.Time, err error) {
	err = v.nodes.try(ctx, noStatement, func(c *client) error {
		header, err := v.header(ctx, c, height)
		if err == nil {
			at = header.Time
		}
		return err
	})
	return at, err
}

// provider returns a provider of the registry, nil where there is none.
func (v *govView) provider(ctx context.Context, id string) (*provenance.Provider, error) {
	if p, asked := v.providers[id]; asked {
		return p, nil
	}
	p, err := provenState[provenance.Provider](ctx, v, provenance.StateProviderKey(id))
	if err == nil {
		v.providers[id] = p
	}
	return p, err
}

// load reads what an act is about.
func (v *govView) load(ctx context.Context, act *provenance.Act) error {
	if act.Provider != "" {
		if _, err := v.provider(ctx, act.Provider); err != nil {
			return err
		}
	}
	for i := range act.Actions {
		x := &act.Actions[i]
		var err error
		switch x.Type {
		case provenance.ProviderAdmit, provenance.KeyAdd:
			err = v.loadOwners(ctx)
		case provenance.ValidatorSet:
			err = v.loadValidators(ctx, x.Validator)
		}
		if err == nil && x.ID != "" {
			_, err = v.provider(ctx, x.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
