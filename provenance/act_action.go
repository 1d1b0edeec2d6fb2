package provenance

import "fmt"

// ActionType is what one action of an act does.
type ActionType int64

// Types of actions (SPEC(GOV-5)).
const (
	ProviderAdmit    ActionType = 1
	ProviderDescribe ActionType = 2
	ProviderSet      ActionType = 3 // "provider-status"
	KeyAdd           ActionType = 4
	KeyExpire        ActionType = 5
	KeyRevoke        ActionType = 6
	KeyStolen        ActionType = 7
	ValidatorSet     ActionType = 8 // "validator"
	PolicySet        ActionType = 9 // "policy"
	GovernanceSet    ActionType = 10
	RulesSet         ActionType = 11
)

// actionRows is the table of SPEC(GOV-5): for each type its name, and which keys
// must and may be there beside the type, as bits.
var actionRows = [...]struct {
	name      string
	must, may uint64
}{
	ProviderAdmit:    {"provider-admit", 1<<2 | 1<<3 | 1<<4 | 1<<5, 0},
	ProviderDescribe: {"provider-describe", 1 << 2, 1<<3 | 1<<4},
	ProviderSet:      {"provider-status", 1<<2 | 1<<6, 0},
	KeyAdd:           {"key-add", 1<<2 | 1<<7, 1<<8 | 1<<9},
	KeyExpire:        {"key-expire", 1<<2 | 1<<9 | 1<<10, 0},
	KeyRevoke:        {"key-revoke", 1<<2 | 1<<10, 0},
	KeyStolen:        {"key-stolen", 1<<2 | 1<<10 | 1<<11 | 1<<12, 0},
	ValidatorSet:     {"validator", 1<<13 | 1<<14, 0},
	PolicySet:        {"policy", 1 << 15, 0},
	GovernanceSet:    {"governance", 1<<16 | 1<<17, 0},
	RulesSet:         {"rules", 1<<18 | 1<<19, 0},
}

func (t ActionType) known() bool { return t >= ProviderAdmit && int(t) < len(actionRows) }

// String returns the type's name in the specification.
func (t ActionType) String() string {
	if !t.known() {
		return fmt.Sprintf("unknown(%d)", int64(t))
	}
	return actionRows[t].name
}

// ParseActionType returns the type with a name of the specification.
func ParseActionType(name string) (ActionType, error) {
	for t := ProviderAdmit; t.known(); t++ {
		if t.String() == name {
			return t, nil
		}
	}
	return 0, fail(CodeUnknownKind, "type", "%.80q is no type of action", name)
}

// MarshalText returns the type's name, for JSON.
func (t ActionType) MarshalText() ([]byte, error) {
	if !t.known() {
		return nil, fail(CodeUnknownKind, "type", "there is no type of action %d", int64(t))
	}
	return []byte(t.String()), nil
}

// UnmarshalText reads the type's name.
func (t *ActionType) UnmarshalText(b []byte) (err error) {
	*t, err = ParseActionType(string(b))
	return err
}

// An Action is one change that an act makes. Which fields are used follows from
// Type (GOV-5); the others stay at their zero values. Keys are COSE_Keys (KEY-1)
// but Validator's, which is a plain Ed25519 key of 32 bytes.
type Action struct {
	Type ActionType

	ID            string   // of the provider
	Name          string   // of the provider, for people
	Jurisdictions []string // of the provider: countries
	Keys          [][]byte // of a new provider
	Status        ProviderStatus

	Key         []byte // to be added
	From, Until *int64 // heights, Until exclusive; nil where they are not given
	KID         Hash   // thumbprint of the key that expires, is revoked or stolen
	Since       int64  // stolen since, ms
	SinceHeight int64  // that of the first block which is not before Since

	Validator []byte
	Power     int64 // 0 removes the validator

	Policy *Policy // the whole one

	Threshold int64
	Governors [][]byte // ascending, distinct

	Rules     int64 // rule version
	RulesFrom int64 // height from which it holds
}
