package verify

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"tokentrail/provenance"
)

// A setOf is the hash of a set of validators and the first height whose header it
// is to sign.
type setOf struct {
	from int64
	hash provenance.Hash
}

// setHash is the engine's hash of a set of validators: the root of an RFC 9162
// tree over the protobuf SimpleValidator of each, by descending power, then
// ascending address.
func setHash(set map[string]provenance.Validator) provenance.Hash {
	order := slices.SortedFunc(maps.Values(set), func(x, y provenance.Validator) int {
		return cmp.Or(cmp.Compare(y.Power, x.Power), bytes.Compare(x.Address(), y.Address()))
	})
	var tree frontier
	for _, v := range order {
		key := append([]byte{0x0a, byte(len(v.Key))}, v.Key...) // PublicKey.ed25519
		leaf := append([]byte{0x0a, byte(len(key))}, key...)    // SimpleValidator.pub_key
		leaf = binary.AppendUvarint(append(leaf, 0x10), uint64(v.Power))
		tree.add(provenance.LeafHash(leaf))
	}
	return tree.root()
}

// setAt returns the set of a list that holds at a height.
func setAt(sets []setOf, height int64) provenance.Hash {
	var hash provenance.Hash
	for _, s := range sets {
		if s.from <= height {
			hash = s.hash
		}
	}
	return hash
}

// checkValidators holds the validators of the headers against the state map: what
// block h leaves there signs from header h+2 on. SPEC(VER-27)
func (a *audit) checkValidators() {
	s, r := a.validators, a.replay
	if a.head == nil || a.ours == nil {
		s.because("no state map of our own that a trusted header covers")
		return
	}
	s.begin()
	var signed []setOf
	for _, set := range a.headers.Sets() {
		signed = append(signed, setOf{set.Height, set.ValidatorsHash})
	}
	heights := map[int64]bool{}
	if r.history == nil {
		signed = []setOf{{a.head.Height, a.head.ValidatorsHash}}
		heights[a.head.Height] = true
		if r.mute && (len(r.sets) > 1 || r.moved) {
			s.because("acts changed the validators, and the node does not tell at which heights; audit from genesis")
			return
		}
	} else {
		for _, set := range slices.Concat(signed, r.sets) {
			heights[set.from] = true
		}
	}
	for _, height := range sortedKeys(heights) {
		if height > a.head.Height {
			continue
		}
		s.Checked++
		// SPEC(GOV-17)
		if want, got := setAt(r.sets, height), setAt(signed, height); want != got {
			s.finding(CodeGovernedValidators, fmt.Sprintf("headers[%d].validators_hash", height),
				fmt.Sprintf("the validators of the state map after block %d, %s", max(0, height-2), want), got.String())
		}
	}
}
