package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// pollPause is how long to wait before asking again for a receipt, where the
// node does not say.
const pollPause = 200 * time.Millisecond

// errDropped says that a node no longer knows a submission that it took.
var errDropped = errors.New("the node took the submission and then dropped it")

// send delivers a submission until the ledger has accepted it, and returns the
// receipt that proves it. Sending again what was accepted gives the same entry.
func (n *nodes) send(ctx context.Context, body []byte, s *provenance.UnverifiedStatement) (receipt *provenance.Receipt, raw []byte, err error) {
	sequence := s.Header().Sequence
	err = n.try(ctx, sequence, func(c *client) error {
		n.waits(sequence, fmt.Sprintf("statement %d is sent, and the node at %s has not answered", sequence, c.base), nil)
		got, err := c.post(ctx, body)
		if err == nil && got.status == http.StatusAccepted {
			n.waits(sequence, fmt.Sprintf("the ledger has taken statement %d and not committed it", sequence), nil)
			got, err = c.awaitReceipt(ctx, got, s.ID())
		}
		if err != nil {
			return patient(err)
		}
		receipt, err = n.prove(ctx, c, got.body, s)
		switch {
		case errors.Is(err, light.ErrOtherValidators):
			return refutedError{couldNotf("the receipt that the node at %s gives could not be checked, so that the submission is kept: %w", c.base, err)}
		case err != nil:
			return refutedError{fmt.Errorf("the receipt that the node at %s gives does not hold, so that the submission is kept for another node (--node): %w", c.base, err)}
		}
		raw = got.body
		return nil
	})
	return receipt, raw, err
}

// prove returns the receipt that a node gave if it shows that validators to whom
// the genesis document leads committed the statement. SPEC(JRN-6)
func (n *nodes) prove(ctx context.Context, c *client, raw []byte, s *provenance.UnverifiedStatement) (*provenance.Receipt, error) {
	return n.proveEntry(ctx, c, raw, s.ID(), s.Raw())
}

// proveEntry is prove for an entry of any kind: its id and its leaf's data.
func (n *nodes) proveEntry(ctx context.Context, c *client, raw []byte, id provenance.Hash, leaf []byte) (*provenance.Receipt, error) {
	r, err := provenance.ParseReceipt(raw)
	if err != nil {
		return nil, err
	}
	if err := r.CheckEntry(n.origin, id, leaf); err != nil {
		return nil, err
	}
	header, err := n.founders.OpenFollowing(ctx, changesOf{c}, r.Anchor.LightBlock)
	if err != nil {
		return nil, err
	}
	// SPEC(RCP-2)
	if got := r.Anchor.Preimage.AppHash(); got != header.AppHash {
		return nil, verify.NewFinding(verify.CodeReceiptAppHash, "receipt.anchor", fmt.Sprintf("the preimage of the app hash in header %d, %s", header.Height, header.AppHash), got.String())
	}
	return r, nil
}

// patient turns the refusals that pass by themselves into transient ones: a gap
// closes when the statements before arrive, what was dropped is sent again.
func patient(err error) error {
	var refused *problemError
	if errors.As(err, &refused) && refused.Code == "gap" || errors.Is(err, errDropped) {
		return &exitError{exitCouldNot, transientError{err}}
	}
	return err
}

// A transientError hides a refusal from transient, which goes by its status.
type transientError struct{ error }

// awaitReceipt polls where the node said that the receipt will be.
func (c *client) awaitReceipt(ctx context.Context, accepted *answer, id provenance.Hash) (*answer, error) {
	path := "/entries/" + id.String()
	if u, err := url.Parse(accepted.location); err == nil && strings.HasPrefix(u.Path, "/") && (u.Host == "" || u.Host == c.base.Host) {
		path = strings.TrimPrefix(u.Path, c.base.Path)
	}
	pause := accepted.retryAfter
	for end := time.Now().Add(commitTimeout); time.Now().Before(end); {
		if pause <= 0 {
			pause = pollPause
		}
		if err := sleep(ctx, min(pause, longPause)); err != nil {
			return nil, err
		}
		got, err := c.get(ctx, path, nil, maxReceiptBody)
		var refused *problemError
		switch {
		case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
			return nil, errDropped
		case err != nil:
			return nil, err
		case got.status == http.StatusOK:
			return got, nil
		}
		pause = got.retryAfter
	}
	return nil, errDropped
}
