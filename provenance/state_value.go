package provenance

import (
	"fmt"
	"sync"
)

// A StateValue is one of the values of the state map.
type StateValue interface {
	Rules | Policy | Governance | Provider | StreamHead | Validator
}

// EncodeStateValue returns the one encoding of a value of the state map.
func EncodeStateValue[T StateValue](v T) ([]byte, error) {
	b, err := marshal(v)
	if err != nil {
		return nil, err
	}
	return b, parse(b, stateForm[T]())
}

// ParseStateValue decodes a value of the state map.
func ParseStateValue[T StateValue](b []byte) (T, error) {
	var v T
	if err := parse(b, stateForm[T]()); err != nil {
		return v, err
	}
	err := unmarshal(b, &v)
	return v, err
}

func stateForm[T StateValue]() check {
	var v T
	return stateForms()[fmt.Sprintf("%T", v)]
}

// stateForms is the grammar of SPEC(STA-3), by type. What only newer ledgers
// write is accepted always: when to write it is the ledger's to know.
var stateForms = sync.OnceValue(func() map[string]check {
	version, height, count := integerIn(1, 1<<31), integerIn(1, 1<<63-1), integerIn(1, 1<<63-1)
	rules := shapeOf(must(1, "version", version), may(2, "next", version), may(3, "from", height))
	provider := shapeOf(
		must(1, "id", nameID), must(2, "name", textOf(128)),
		must(3, "jurisdictions", arrayOf(1, 32, country)),
		must(4, "keys", arrayOf(1, 64, providerKeyForm())), must(5, "status", integerIn(1, 3)),
		may(6, "streams", count), may(7, "equivocations", count), may(8, "acts", count))
	head := shapeOf(
		must(1, "sequence", amount), must(2, "statement", hash32), must(3, "index", amount),
		must(4, "status", integerIn(StreamOpen, StreamClosed)), may(5, "closed", amount))
	validator := shapeOf(
		must(1, "type", exactly("ed25519")), must(2, "key", bytesOf(32, 32)), must(3, "power", amount))
	governance := shapeOf(
		must(1, "threshold", integerIn(1, MaxGovernors)), must(2, "keys", governors), must(3, "sequence", amount))
	return map[string]check{
		fmt.Sprintf("%T", Rules{}):      rules.and(rulesTogether),
		fmt.Sprintf("%T", Policy{}):     policyShape(false).check,
		fmt.Sprintf("%T", Governance{}): governance.and(thresholdReached),
		fmt.Sprintf("%T", Provider{}):   provider.check,
		fmt.Sprintf("%T", StreamHead{}): head.and(closedWhereClosed),
		fmt.Sprintf("%T", Validator{}):  validator.check,
	}
})

// providerKeyForm is a key of a provider.
func providerKeyForm() check {
	s := shapeOf(
		must(1, "alg", oneOf(AlgEdDSA, AlgES256)), must(2, "key", bytesOf(1, 128)),
		must(3, "from", amount), may(4, "until", amount), may(5, "added", amount), may(6, "revoked", amount),
		may(7, "stolen-since", instant), may(8, "stolen-height", integerIn(1, 1<<63-1)))
	return s.and(func(present uint64, _ []byte) error {
		since, height := present&(1<<7) != 0, present&(1<<8) != 0
		// SPEC(STA-3)
		switch {
		case since && !height:
			return fail(CodeMissingField, "stolen-height", "there is a time since which the key is stolen (key 7), and no height (key 8)")
		case height && !since:
			return fail(CodeMissingField, "stolen-since", "there is a height since which the key is stolen (key 8), and no time (key 7)")
		case since && present&(1<<6) == 0:
			return fail(CodeMissingField, "revoked", "a stolen key is revoked (key 6)")
		}
		return nil
	})
}

// rulesTogether holds the next version against its height. SPEC(STA-3)
func rulesTogether(present uint64, _ []byte) error {
	next, from := present&(1<<2) != 0, present&(1<<3) != 0
	switch {
	case next && !from:
		return fail(CodeMissingField, "from", "there is a next version (key 2), and no height from which it holds (key 3)")
	case from && !next:
		return fail(CodeMissingField, "next", "there is a height (key 3), and no version that holds from it (key 2)")
	}
	return nil
}

// closedWhereClosed holds the entry that closed a stream against its status.
// SPEC(STA-3)
func closedWhereClosed(present uint64, b []byte) error {
	var h StreamHead
	if err := unmarshal(b, &h); err != nil {
		return err
	}
	there := present&(1<<5) != 0
	switch {
	case h.Status == StreamClosed && !there:
		return fail(CodeMissingField, "closed", "the stream is closed, and by which entry (key 5) is not said")
	case h.Status != StreamClosed && there:
		return fail(CodeForbiddenField, "closed", "an entry closed the stream (key 5), which is open")
	}
	return nil
}

// MaxGovernors is how many keys govern a ledger at most (SPEC(STA-3)).
const MaxGovernors = 32

// governors wants the keys of governance.
func governors(c *cursor) error { return ascending(MaxGovernors, coseKey, stringInside)(c) }

// thresholdReached wants no more signatures than there are keys. SPEC(STA-3)
func thresholdReached(_ uint64, b []byte) error {
	var g Governance
	if err := unmarshal(b, &g); err != nil {
		return err
	}
	return checkThreshold(g.Threshold, len(g.Keys))
}

func checkThreshold(threshold int64, keys int) error {
	if threshold > int64(keys) {
		return fail(CodeValue, "threshold", "%d, and there are %d keys", threshold, keys)
	}
	return nil
}
