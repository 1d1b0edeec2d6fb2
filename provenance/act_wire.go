package provenance

import (
	"crypto/ed25519"
	"encoding/base64"
	"math/bits"
	"strings"
	"sync"
)

// wireAction is an action as it is encoded, in CBOR and in JSON; nil is what is
// not there.
//
// The CBOR keys must never be changed: acts are signed.
type wireAction struct {
	Type          ActionType   `cbor:"1,keyasint" json:"type"`
	ID            *string      `cbor:"2,keyasint,omitempty" json:"id,omitempty"`
	Name          *string      `cbor:"3,keyasint,omitempty" json:"name,omitempty"`
	Jurisdictions []string     `cbor:"4,keyasint,omitempty" json:"jurisdictions,omitempty"`
	Keys          []wireKey    `cbor:"5,keyasint,omitempty" json:"keys,omitempty"`
	Status        *wireStatus  `cbor:"6,keyasint,omitempty" json:"status,omitempty"`
	Key           wireKey      `cbor:"7,keyasint,omitempty" json:"key,omitempty"`
	From          *int64       `cbor:"8,keyasint,omitempty" json:"from,omitempty"`
	Until         *int64       `cbor:"9,keyasint,omitempty" json:"until,omitempty"`
	KID           *Hash        `cbor:"10,keyasint,omitempty" json:"kid,omitempty"`
	Since         *int64       `cbor:"11,keyasint,omitempty" json:"since,omitempty"`
	SinceHeight   *int64       `cbor:"12,keyasint,omitempty" json:"since_height,omitempty"`
	Validator     wirePlainKey `cbor:"13,keyasint,omitempty" json:"validator,omitempty"`
	Power         *int64       `cbor:"14,keyasint,omitempty" json:"power,omitempty"`
	Policy        *Policy      `cbor:"15,keyasint,omitempty" json:"policy,omitempty"`
	Threshold     *int64       `cbor:"16,keyasint,omitempty" json:"threshold,omitempty"`
	Governors     []wireKey    `cbor:"17,keyasint,omitempty" json:"governors,omitempty"`
	Rules         *int64       `cbor:"18,keyasint,omitempty" json:"rules,omitempty"`
	RulesFrom     *int64       `cbor:"19,keyasint,omitempty" json:"rules_from,omitempty"`
}

var actionShape = sync.OnceValue(func() *shape {
	height := integerIn(1, 1<<63-1)
	return shapeOf(
		must(1, "type", func(c *cursor) error {
			start := c.off
			v, err := c.integer()
			if err == nil && !ActionType(v).known() {
				return c.errorAt(start, CodeUnknownKind, "action type %d is not known to this version", v)
			}
			return err
		}),
		may(2, "id", nameID), may(3, "name", textOf(128)), may(4, "jurisdictions", arrayOf(1, 32, country)),
		may(5, "keys", arrayOf(1, 64, coseKey)), may(6, "status", integerIn(1, 3)),
		may(7, "key", coseKey), may(8, "from", amount), may(9, "until", amount), may(10, "kid", hash32),
		may(11, "since", instant), may(12, "since-height", height),
		may(13, "validator", bytesOf(ed25519.PublicKeySize, ed25519.PublicKeySize)),
		may(14, "power", integerIn(0, MaxPower)),
		may(15, "policy", policyShape(true).check),
		may(16, "threshold", integerIn(1, MaxGovernors)), may(17, "governors", governors),
		may(18, "rules", integerIn(1, 1<<31)), may(19, "rules-from", height),
	).exact()
})

// MaxPower is the greatest voting power that an act gives a validator.
const MaxPower = 1_000_000_000_000

// actionForm wants an action: exactly the keys of its type's row, and what they
// say together. SPEC(GOV-5)
func actionForm(c *cursor) error { return actionShape().and(checkAction)(c) }

func checkAction(present uint64, b []byte) error {
	var w wireAction
	if err := unmarshal(b, &w); err != nil {
		return err
	}
	row := actionRows[w.Type]
	names := actionShape().fields
	if missing := row.must &^ present; missing != 0 {
		key := bits.TrailingZeros64(missing)
		return fail(CodeMissingField, names[key].name, "an action %s has the field (key %d)", w.Type, key)
	}
	if extra := present &^ (row.must | row.may | 1<<1); extra != 0 {
		key := bits.TrailingZeros64(extra)
		return fail(CodeForbiddenField, names[key].name, "an action %s does not have the field (key %d)", w.Type, key)
	}
	switch {
	case w.Type == ProviderDescribe && w.Name == nil && w.Jurisdictions == nil:
		return fail(CodeValue, "", "neither a name nor jurisdictions: there is nothing to change")
	case w.Type == KeyAdd && w.Until != nil && *w.Until <= orZero(w.From):
		return fail(CodeValue, "until", "valid until height %d, which is not above %d, from which it is valid", *w.Until, orZero(w.From))
	case w.Type == ValidatorSet && *w.Power > 0 && !validEd25519Point(w.Validator):
		// SPEC(KEY-3): anybody could sign under such a key.
		return fail(CodeKey, "validator", "the key is not the canonical encoding of a point that is not of small order")
	case w.Type == GovernanceSet:
		return checkThreshold(*w.Threshold, len(w.Governors))
	}
	return nil
}

func (a *Action) wire() wireAction {
	var must uint64
	if a.Type.known() {
		must = actionRows[a.Type].must
	}
	has := func(key int) bool { return must&(1<<key) != 0 }
	return wireAction{
		Type: a.Type, ID: given(a.ID, has(2)), Name: given(a.Name, has(3)), Jurisdictions: a.Jurisdictions,
		Keys: wireKeys(a.Keys), Status: given(wireStatus(a.Status), has(6)), Key: a.Key, From: a.From, Until: a.Until,
		KID: given(a.KID, has(10)), Since: given(a.Since, has(11)), SinceHeight: given(a.SinceHeight, has(12)),
		Validator: a.Validator, Power: given(a.Power, has(14)), Policy: a.Policy,
		Threshold: given(a.Threshold, has(16)), Governors: wireKeys(a.Governors),
		Rules: given(a.Rules, has(18)), RulesFrom: given(a.RulesFrom, has(19)),
	}
}

func (w *wireAction) action() Action {
	return Action{
		Type: w.Type, ID: orZero(w.ID), Name: orZero(w.Name), Jurisdictions: w.Jurisdictions,
		Keys: plainKeys(w.Keys), Status: ProviderStatus(orZero(w.Status)), Key: w.Key, From: w.From, Until: w.Until,
		KID: orZero(w.KID), Since: orZero(w.Since), SinceHeight: orZero(w.SinceHeight),
		Validator: w.Validator, Power: orZero(w.Power), Policy: w.Policy,
		Threshold: orZero(w.Threshold), Governors: plainKeys(w.Governors),
		Rules: orZero(w.Rules), RulesFrom: orZero(w.RulesFrom),
	}
}

// wireKey is a COSE_Key: a byte string in CBOR, KEY-2's text in JSON.
type wireKey []byte

func wireKeys(keys [][]byte) (out []wireKey) {
	for _, k := range keys {
		out = append(out, k)
	}
	return out
}

func plainKeys(keys []wireKey) (out [][]byte) {
	for _, k := range keys {
		out = append(out, k)
	}
	return out
}

// MarshalText returns the key in text (SPEC(KEY-2)).
func (k wireKey) MarshalText() ([]byte, error) {
	key, err := ParsePublicKeyCOSE(k)
	return []byte(key.String()), err
}

// UnmarshalText reads a key in text.
func (k *wireKey) UnmarshalText(b []byte) error {
	key, err := ParsePublicKey(string(b))
	*k = key.cbr
	return err
}

// wirePlainKey is a validator's key: a byte string in CBOR, "ed25519:…" in JSON,
// where it may be no point: one that stands in the registry can be removed.
type wirePlainKey []byte

// MarshalText returns the key in text.
func (k wirePlainKey) MarshalText() ([]byte, error) {
	return []byte("ed25519:" + base64.RawURLEncoding.EncodeToString(k)), nil
}

// UnmarshalText reads a key in text.
func (k *wirePlainKey) UnmarshalText(b []byte) (err error) {
	text, ok := strings.CutPrefix(string(b), "ed25519:")
	*k, err = base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || !ok || len(*k) != ed25519.PublicKeySize {
		return fail(CodeKey, "validator", "%.80q is not ed25519: and 32 bytes in base64url without padding", b)
	}
	return nil
}

// wireStatus is a provider's status: an integer in CBOR, its name in JSON.
type wireStatus ProviderStatus

// MarshalText returns the status's name.
func (s wireStatus) MarshalText() ([]byte, error) { return []byte(ProviderStatus(s).String()), nil }

// UnmarshalText reads the status's name.
func (s *wireStatus) UnmarshalText(b []byte) error {
	for status := ProviderActive; status <= ProviderRetired; status++ {
		if status.String() == string(b) {
			*s = wireStatus(status)
			return nil
		}
	}
	return fail(CodeValue, "status", "%.80q is no status: active, suspended or retired", b)
}
