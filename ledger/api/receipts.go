package api

import (
	"fmt"
	"sync"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// anchorCache holds the anchor of the newest head that was asked for: many
// receipts are made on one.
type anchorCache struct {
	mu     sync.Mutex
	head   ledger.Head       // guarded by mu
	anchor provenance.Anchor // guarded by mu; its light block is never changed
}

// anchor returns what makes a receipt of the log at head trustworthy.
func (a *api) anchor(head ledger.Head) (provenance.Anchor, error) {
	c := &a.anchors
	c.mu.Lock()
	defer c.mu.Unlock() // also while reading: others wait for the same block
	if c.head == head && c.anchor.LightBlock != nil {
		return c.anchor, nil
	}
	// SPEC(RCP-2), SPEC(STA-4): the header of the next height carries the app hash.
	block, err := a.Headers.LightBlock(head.Height + 1)
	if err != nil {
		return provenance.Anchor{}, nodeError{fmt.Errorf("signed header %d: %w", head.Height+1, err)}
	}
	anchor := provenance.Anchor{Preimage: head.Preimage(), LightBlock: block}
	if head.Height >= c.head.Height {
		c.head, c.anchor = head, anchor
	}
	return anchor, nil
}

// receipt makes the receipt of an entry in the log of s (SPEC(RCP-1)).
func (a *api) receipt(s Snapshot, e *ledger.Entry) ([]byte, error) {
	head := s.Head()
	anchor, err := a.anchor(head)
	if err != nil {
		return nil, err
	}
	proof, err := s.Inclusion(e.Index, head.Size)
	if err != nil {
		return nil, nodeError{fmt.Errorf("receipt of entry %d: %w", e.Index, err)}
	}
	receipt, err := a.signer.Sign(e.ID, *proof, anchor)
	if err != nil {
		return nil, nodeError{fmt.Errorf("receipt of entry %d: %w", e.Index, err)}
	}
	a.metrics.receipts.Inc()
	return receipt, nil
}

// getKeys lists the keys that receipts are signed with.
func (a *api) getKeys(w *response, _ *request) error {
	return write(w, cborType, provenance.EncodeKeySet(a.public))
}

// getKey answers with one of them, by its thumbprint.
func (a *api) getKey(w *response, r *request) error {
	kid := r.PathValue("kid")
	if kid != keyName(a.public) {
		return refuse(codeNotFound, "kid", "this node has no key %.80q; its key is %s", kid, keyName(a.public))
	}
	return write(w, cborType, a.public.COSE())
}
