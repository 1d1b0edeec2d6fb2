package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"tokentrail/provenance"
)

// maxRegistryPages bounds how much of a registry is read, a thousand providers a
// page.
const maxRegistryPages = 1000

// loadOwners asks whose keys there are.
func (v *govView) loadOwners(ctx context.Context) error {
	if v.owners != nil {
		return nil
	}
	providers, err := v.registry(ctx)
	if err != nil {
		return err
	}
	v.owners = map[provenance.Hash]string{}
	for _, p := range providers {
		for _, k := range p.Keys {
			v.owners[k.KID] = p.ID
		}
	}
	return nil
}

// A listedProvider is a provider in the node's words (spec/api.md, API-8).
type listedProvider struct {
	ID            string      `json:"id"`
	Name          string      `json:"name"`
	Jurisdictions []string    `json:"jurisdictions"`
	Status        string      `json:"status"`
	Acts          int64       `json:"acts"`
	Opened        int64       `json:"opened"`
	Equivocated   int64       `json:"equivocated"`
	StreamCount   int64       `json:"stream_count"`
	Keys          []listedKey `json:"keys"`
}

// A listedKey is a key of a provider in the node's words.
type listedKey struct {
	Key          string          `json:"key"`
	KID          provenance.Hash `json:"kid"`
	Valid        bool            `json:"valid"`
	From         int64           `json:"from"`
	Until        *int64          `json:"until,omitempty"`
	Added        *int64          `json:"added,omitempty"`
	Revoked      *int64          `json:"revoked,omitempty"`
	StolenSince  *int64          `json:"stolen_since,omitempty"`
	StolenHeight *int64          `json:"stolen_height,omitempty"`
}

// registry returns all providers, in the node's words.
func (v *govView) registry(ctx context.Context) (all []listedProvider, err error) {
	after := ""
	for range maxRegistryPages {
		query := url.Values{"limit": {strconv.Itoa(1000)}}
		if after != "" {
			query.Set("after", after)
		}
		var page struct {
			Providers []listedProvider `json:"providers"`
			More      bool             `json:"more"`
		}
		err := v.nodes.try(ctx, noStatement, func(c *client) error { return c.getJSON(ctx, "/v1/providers", query, &page) })
		if err != nil {
			return nil, err
		}
		all = append(all, page.Providers...)
		if !page.More || len(page.Providers) == 0 {
			return all, nil
		}
		after = page.Providers[len(page.Providers)-1].ID
	}
	return nil, couldNotf("the registry goes on behind %q: more providers than are read", after)
}

// A listedValidator is a validator in the node's words.
type listedValidator struct {
	Address string `json:"address"`
	Key     string `json:"key"`
	Power   int64  `json:"power"`
}

// loadValidators asks who validates, and has it proven for one of them.
func (v *govView) loadValidators(ctx context.Context, key []byte) error {
	if v.validators == nil {
		if err := v.listValidators(ctx); err != nil {
			return err
		}
	}
	if key == nil {
		return nil
	}
	state := validatorState(key)
	proven, err := provenState[provenance.Validator](ctx, v, state)
	switch {
	case err != nil:
		return err
	case proven == nil:
		delete(v.validators, state)
	default:
		v.validators[state] = *proven
	}
	return nil
}

func (v *govView) listValidators(ctx context.Context) error {
	var answer struct {
		Validators []listedValidator `json:"validators"`
	}
	err := v.nodes.try(ctx, noStatement, func(c *client) error { return c.getJSON(ctx, "/v1/validators", nil, &answer) })
	if err != nil {
		return err
	}
	v.validators = map[string]provenance.Validator{}
	for _, x := range answer.Validators {
		key, err := parseValidatorKey(x.Key)
		if err != nil || x.Power < 1 {
			return couldNotf("the node's answer about validators is not what spec/api.md says: %.80q with power %d", x.Key, x.Power)
		}
		v.validators[validatorState(key)] = provenance.Validator{Type: "ed25519", Key: key, Power: x.Power}
	}
	return nil
}

func validatorState(key []byte) string {
	return provenance.StateValidatorKey(provenance.Validator{Key: key}.Address())
}

// parseValidatorKey reads a validator's key in text. It may be no point: such a
// one can be removed.
func parseValidatorKey(text string) ([]byte, error) {
	b64, ok := strings.CutPrefix(text, "ed25519:")
	key, err := base64.RawURLEncoding.Strict().DecodeString(b64)
	if !ok || err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%.80q is no validator's key: wanted ed25519: and 32 bytes in base64url, as tokentraild show prints it", text)
	}
	return key, nil
}

// validatorText is a validator's key in text.
func validatorText(key []byte) string { return "ed25519:" + base64.RawURLEncoding.EncodeToString(key) }
