package ledger

import (
	"crypto/sha256"

	"tokentrail/provenance"
)

// prove returns the proof of what stands, or that nothing stands, under key
// (SPEC(STA-2)): the leaf at which the path of the key's hash ends and the
// siblings from the root down.
func (t stateTree) prove(key string) *provenance.StateProof {
	kh := provenance.Hash(sha256.Sum256([]byte(key)))
	p := &provenance.StateProof{}
	leaf := t.find(&kh, func(sibling *stateNode) {
		p.Siblings = append(p.Siblings, sibling.hashOf())
	})
	if leaf != nil {
		p.Leaf = &provenance.StateLeaf{KeyHash: leaf.keyHash, ValueHash: leaf.valueHash}
	}
	return p
}
