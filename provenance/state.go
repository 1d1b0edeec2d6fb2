package provenance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
)

// RuleVersion is the newest version of the admission rules; this code knows all
// from 1 on (SPEC(ADM-16)).
const RuleVersion = 2

// Keys of the state map that stand alone (SPEC(STA-3)).
const (
	StateRules  = "rules"
	StatePolicy = "policy"
)

// StateProviderKey returns the state map's key of a provider.
func StateProviderKey(id string) string { return "provider/" + id }

// StateStreamKey returns the state map's key of a stream's head.
func StateStreamKey(issuer, stream string) string { return "stream/" + issuer + "/" + stream }

// StateValidatorKey returns the state map's key of a validator, by the 20-byte
// address that the engine gives it.
func StateValidatorKey(address []byte) string { return "validator/" + hex.EncodeToString(address) }

// Rules is the value under "rules".
type Rules struct {
	Version int64 `cbor:"1,keyasint"`
}

// Known reports whether this code has the rules.
func (r Rules) Known() bool { return r.Version >= 1 && r.Version <= RuleVersion }

// Policy is the value under "policy": ceilings lowered by policy, 0 where the
// format's own holds.
type Policy struct {
	Records        int64 `cbor:"1,keyasint,omitempty" json:"records,omitempty"`
	RecordBytes    int64 `cbor:"2,keyasint,omitempty" json:"record_bytes,omitempty"`
	FrameBytes     int64 `cbor:"3,keyasint,omitempty" json:"frame_bytes,omitempty"`
	ExpandedBytes  int64 `cbor:"4,keyasint,omitempty" json:"expanded_bytes,omitempty"`
	StatementBytes int64 `cbor:"5,keyasint,omitempty" json:"statement_bytes,omitempty"`
	Cells          int64 `cbor:"6,keyasint,omitempty" json:"cells,omitempty"`
}

// Limits returns what holds under the policy and a rule version.
func (p Policy) Limits(rules Rules) Limits {
	l := FormatLimits()
	l.Rules = int(rules.Version)
	lower := func(to *int, v int64) {
		if v > 0 && v < int64(*to) {
			*to = int(v)
		}
	}
	lower(&l.Records, p.Records)
	lower(&l.RecordBytes, p.RecordBytes)
	lower(&l.FrameBytes, p.FrameBytes)
	lower(&l.ExpandedBytes, p.ExpandedBytes)
	lower(&l.StatementBytes, p.StatementBytes)
	lower(&l.Cells, p.Cells)
	return l
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
}

// ProviderKey is a key of a provider and the heights at which it may sign:
// from From until before Until, without end where Until is nil.
type ProviderKey struct {
	Alg   int64  `cbor:"1,keyasint"`
	Key   []byte `cbor:"2,keyasint"` // COSE_Key, KEY-1
	From  int64  `cbor:"3,keyasint"`
	Until *int64 `cbor:"4,keyasint,omitempty"`
}

// ValidAt reports whether the key may sign at a height.
func (k *ProviderKey) ValidAt(height int64) bool {
	return k.From <= height && (k.Until == nil || height < *k.Until)
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
	Sequence  int64 `cbor:"1,keyasint"` // of the newest statement
	Statement Hash  `cbor:"2,keyasint"` // its id
	Index     int64 `cbor:"3,keyasint"` // of its entry in the log
	Status    int64 `cbor:"4,keyasint"` // 1 open
}

// StreamOpen is the status of a stream that takes statements.
const StreamOpen int64 = 1

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

// A StateValue is one of the values of the state map.
type StateValue interface {
	Rules | Policy | Provider | StreamHead | Validator
}

// EncodeStateValue returns the one encoding of a value of the state map.
func EncodeStateValue[T StateValue](v T) ([]byte, error) {
	b, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return b, parse(b, stateShape[T]().check)
}

// ParseStateValue decodes a value of the state map.
func ParseStateValue[T StateValue](b []byte) (T, error) {
	var v T
	if err := parse(b, stateShape[T]().check); err != nil {
		return v, err
	}
	err := unmarshal(b, &v)
	return v, err
}

func stateShape[T StateValue]() *shape {
	var v T
	shapes := stateShapes()
	return shapes[fmt.Sprintf("%T", v)]
}

// stateShapes is the grammar of SPEC(STA-3), by type.
var stateShapes = sync.OnceValue(func() map[string]*shape {
	ceiling := func(most int64) check { return integerIn(1, most) }
	blob := bytesOf(1, 128)
	key := shapeOf(
		must(1, "alg", oneOf(AlgEdDSA, AlgES256)), must(2, "key", blob),
		must(3, "from", amount), may(4, "until", amount))
	return map[string]*shape{
		fmt.Sprintf("%T", Rules{}): shapeOf(must(1, "version", integerIn(1, 1<<31))),
		fmt.Sprintf("%T", Policy{}): shapeOf(
			may(1, "records", ceiling(MaxRecords)), may(2, "record-bytes", ceiling(MaxRecordBytes)),
			may(3, "frame-bytes", ceiling(MaxFrameBytes)), may(4, "expanded-bytes", ceiling(MaxExpandedBytes)),
			may(5, "statement-bytes", ceiling(MaxStatementBytes)), may(6, "cells", ceiling(MaxCells))),
		fmt.Sprintf("%T", Provider{}): shapeOf(
			must(1, "id", nameID), must(2, "name", textOf(128)),
			must(3, "jurisdictions", arrayOf(1, 32, country)),
			must(4, "keys", arrayOf(1, 64, key.check)), must(5, "status", integerIn(1, 3))),
		fmt.Sprintf("%T", StreamHead{}): shapeOf(
			must(1, "sequence", amount), must(2, "statement", hash32),
			must(3, "index", amount), must(4, "status", integerIn(1, 1))),
		fmt.Sprintf("%T", Validator{}): shapeOf(
			must(1, "type", exactly("ed25519")), must(2, "key", bytesOf(32, 32)), must(3, "power", amount)),
	}
})
