package provenance

import (
	"crypto/sha256"
	"encoding/hex"
)

// Keys of the state map that stand alone (SPEC(STA-3)).
const (
	StateRules      = "rules"
	StatePolicy     = "policy"
	StateGovernance = "governance"
)

// StateProviderKey returns the state map's key of a provider.
func StateProviderKey(id string) string { return "provider/" + id }

// StateStreamKey returns the state map's key of a stream's head.
func StateStreamKey(issuer, stream string) string { return "stream/" + issuer + "/" + stream }

// StateValidatorKey returns the state map's key of a validator, by the 20-byte
// address that the engine gives it.
func StateValidatorKey(address []byte) string { return "validator/" + hex.EncodeToString(address) }

// Rules is the value under "rules": the version that holds, and the one that a
// height was set for, 0 where none was.
type Rules struct {
	Version int64 `cbor:"1,keyasint"`
	Next    int64 `cbor:"2,keyasint,omitempty"`
	From    int64 `cbor:"3,keyasint,omitempty"` // height from which Next holds
}

// VersionAt returns the rule version that holds at a height (SPEC(STA-5)).
func (r Rules) VersionAt(height int64) int64 {
	if r.Next != 0 && height >= r.From {
		return r.Next
	}
	return r.Version
}

// KnownRules reports whether this code has a rule version.
func KnownRules(version int64) bool { return version >= 1 && version <= RuleVersion }

// Governance is the value under "governance": the keys of which Threshold
// together may sign acts, and the sequence of the next one.
type Governance struct {
	Threshold int64    `cbor:"1,keyasint"`
	Keys      [][]byte `cbor:"2,keyasint"` // COSE_Keys, ascending
	Sequence  int64    `cbor:"3,keyasint"`
}

// ProviderStatus says whether a provider may submit.
type ProviderStatus int64

// Statuses of a provider.
const (
	ProviderActive    ProviderStatus = 1
	ProviderSuspended ProviderStatus = 2
	ProviderRetired   ProviderStatus = 3
)

// String returns the status's name in the specification.
func (s ProviderStatus) String() string { return name(s, "", "active", "suspended", "retired") }

// Provider is the value under "provider/<id>".
type Provider struct {
	ID            string         `cbor:"1,keyasint"`
	Name          string         `cbor:"2,keyasint"`
	Jurisdictions []string       `cbor:"3,keyasint"`
	Keys          []ProviderKey  `cbor:"4,keyasint"`
	Status        ProviderStatus `cbor:"5,keyasint"`
	Streams       int64          `cbor:"6,keyasint,omitempty"` // opened
	Equivocations int64          `cbor:"7,keyasint,omitempty"` // streams closed by one
	Acts          int64          `cbor:"8,keyasint,omitempty"` // its own so far: the sequence of the next
}

// ProviderKey is a key of a provider and the heights at which it may sign:
// from From until before Until, without end where Until is nil. Entries are
// indices in the log.
type ProviderKey struct {
	Alg          int64  `cbor:"1,keyasint"`
	Key          []byte `cbor:"2,keyasint"` // COSE_Key, KEY-1
	From         int64  `cbor:"3,keyasint"`
	Until        *int64 `cbor:"4,keyasint,omitempty"`
	Added        *int64 `cbor:"5,keyasint,omitempty"` // entry of the act that added it; nil: genesis
	Revoked      *int64 `cbor:"6,keyasint,omitempty"` // entry of the act that revoked it; nil: it is not
	StolenSince  *int64 `cbor:"7,keyasint,omitempty"` // ms; nil: not known as stolen
	StolenHeight *int64 `cbor:"8,keyasint,omitempty"` // that of the first block not before StolenSince
}

// ValidAt reports whether the key may sign at a height: it is not revoked, and
// the height is one of its own.
func (k *ProviderKey) ValidAt(height int64) bool {
	return k.Revoked == nil && k.From <= height && (k.Until == nil || height < *k.Until)
}

// KeyByID returns the provider's key with the thumbprint kid, whatever its
// heights and whether it was revoked. It points into p.
func (p *Provider) KeyByID(kid Hash) (*ProviderKey, bool) {
	for i := range p.Keys {
		if sha256.Sum256(p.Keys[i].Key) == kid {
			return &p.Keys[i], true
		}
	}
	return nil, false
}

// KeyAt returns the provider's key with the thumbprint kid, if it has one that
// may sign at height.
func (p *Provider) KeyAt(kid Hash, height int64) (PublicKey, bool) {
	for i := range p.Keys {
		k := &p.Keys[i]
		if sha256.Sum256(k.Key) != kid || !k.ValidAt(height) {
			continue
		}
		key, err := ParsePublicKeyCOSE(k.Key)
		return key, err == nil
	}
	return PublicKey{}, false
}

// StreamHead is the value under "stream/<issuer>/<stream>".
type StreamHead struct {
	Sequence  int64  `cbor:"1,keyasint"`           // of the newest statement
	Statement Hash   `cbor:"2,keyasint"`           // its id
	Index     int64  `cbor:"3,keyasint"`           // of its entry in the log
	Status    int64  `cbor:"4,keyasint"`           // StreamOpen or StreamClosed
	Closed    *int64 `cbor:"5,keyasint,omitempty"` // entry that closed it
}

// Statuses of a stream.
const (
	StreamOpen   int64 = 1 // takes statements
	StreamClosed int64 = 2 // by equivocation: takes no more
)

// Validator is the value under "validator/<address>".
type Validator struct {
	Type  string `cbor:"1,keyasint"` // "ed25519"
	Key   []byte `cbor:"2,keyasint"`
	Power int64  `cbor:"3,keyasint"`
}

// Address returns the engine's address of the validator: the first 20 bytes of
// the SHA-256 of its key.
func (v Validator) Address() []byte {
	h := sha256.Sum256(v.Key)
	return h[:20]
}
