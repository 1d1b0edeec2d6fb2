package provenance

import (
	"crypto/sha256"
	"sync"
)

// Ceilings of an act (SPEC(GOV-1), SPEC(GOV-4)).
const (
	MaxActBytes      = MaxLeafBytes // the whole COSE_Sign
	MaxActSignatures = 64
	MaxActions       = 64
	MaxActKeys       = 128 // COSE_Keys of all actions together
	MaxReasonBytes   = 500
)

// An Act changes who may sign, who validates and by which rules: what its
// signers signed (SPEC(GOV-4)). NewAct puts it into its envelope.
type Act struct {
	Chain      string // id of the chain that it is for
	Provider   string // whose act it is; "" where governance's
	Sequence   int64  // number of acts of governance, or of this provider, before it
	LastHeight int64  // in later blocks it is not admitted; 0: no such height
	Reason     string // for people; may be empty
	Actions    []Action
}

// wireAct is the payload as it is encoded, in CBOR and in JSON.
//
// The CBOR keys must never be changed: acts are signed.
type wireAct struct {
	Version    int64        `cbor:"1,keyasint" json:"version"`
	Chain      string       `cbor:"2,keyasint" json:"chain"`
	Provider   *string      `cbor:"3,keyasint,omitempty" json:"provider,omitempty"`
	Sequence   int64        `cbor:"4,keyasint" json:"sequence"`
	LastHeight *int64       `cbor:"5,keyasint,omitempty" json:"last_height,omitempty"`
	Reason     *string      `cbor:"6,keyasint,omitempty" json:"reason,omitempty"`
	Actions    []wireAction `cbor:"7,keyasint" json:"actions"`
}

var actShape = sync.OnceValue(func() *shape {
	return shapeOf(
		must(1, "version", withCode(CodeVersion, integerIn(1, 1))),
		must(2, "chain", textThat(ValidChainID, "a chain id: 1 to 50 of A-Z, a-z, 0-9, '.', '_', '-'")),
		may(3, "provider", nameID),
		must(4, "sequence", amount),
		may(5, "last-height", integerIn(1, 1<<63-1)),
		may(6, "reason", textOf(MaxReasonBytes)),
		must(7, "actions", arrayOf(1, MaxActions, actionForm)),
	)
})

// ActID returns the id of the act with this payload (SPEC(GOV-3)), whoever signed
// it.
func ActID(payload []byte) Hash {
	h := sha256.New()
	h.Write([]byte("tokentrail/act/v1\x00"))
	h.Write(payload)
	return Hash(h.Sum(nil))
}

// Encode returns the payload's one encoding, and refuses what is no act: a field
// that the type of its action does not have, for one.
func (a *Act) Encode() ([]byte, error) {
	b, err := marshal(a.wire())
	if err != nil {
		return nil, err
	}
	return b, checkActPayload(b)
}

// ParseActPayload decodes the payload of an act.
func ParseActPayload(b []byte) (*Act, error) {
	if err := checkActPayload(b); err != nil {
		return nil, err
	}
	var w wireAct
	if err := unmarshal(b, &w); err != nil {
		return nil, err
	}
	return w.act(), nil
}

func checkActPayload(b []byte) error {
	if len(b) > MaxActBytes {
		return fail(CodeSize, "", "%d bytes, an act has at most %d", len(b), MaxActBytes)
	}
	return parse(b, actShape().check)
}

func (a *Act) wire() *wireAct {
	w := &wireAct{
		Version: 1, Chain: a.Chain, Sequence: a.Sequence, Provider: given(a.Provider, false),
		LastHeight: given(a.LastHeight, false), Reason: given(a.Reason, false), Actions: make([]wireAction, len(a.Actions)),
	}
	for i := range a.Actions {
		w.Actions[i] = a.Actions[i].wire()
	}
	return w
}

func (w *wireAct) act() *Act {
	a := &Act{
		Chain: w.Chain, Provider: orZero(w.Provider), Sequence: w.Sequence,
		LastHeight: orZero(w.LastHeight), Reason: orZero(w.Reason), Actions: make([]Action, len(w.Actions)),
	}
	for i := range w.Actions {
		a.Actions[i] = w.Actions[i].action()
	}
	return a
}

// given returns what is encoded of v: nothing where it is the zero value, unless
// it must be there.
func given[T comparable](v T, must bool) *T {
	var zero T
	if v == zero && !must {
		return nil
	}
	return &v
}

func orZero[T any](v *T) (zero T) {
	if v == nil {
		return zero
	}
	return *v
}
