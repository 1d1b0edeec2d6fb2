package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// maxHeaderBody bounds one light block, of however many validators.
const maxHeaderBody = 17 << 20

// changesOf is a node that is asked who the validators since genesis are. Its
// receipts are proven that way, so that none of its answers is believed.
// SPEC(VER-28)
type changesOf struct{ *client }

// ValidatorChanges implements light.ChangeSource.
func (c changesOf) ValidatorChanges(ctx context.Context, from int64) ([]int64, error) {
	got, err := c.get(ctx, "/v1/validators/changes", url.Values{"from": {strconv.FormatInt(from, 10)}}, maxJSONBody)
	if err != nil {
		return nil, err
	}
	return verify.DecodeChanges(got.body, from)
}

// Headers implements light.ChangeSource.
func (c changesOf) Headers(ctx context.Context, from int64, limit int) ([][]byte, error) {
	got, err := c.get(ctx, "/v1/headers", url.Values{"from": {strconv.FormatInt(from, 10)}, "limit": {strconv.Itoa(limit)}}, maxHeaderBody)
	if err != nil {
		return nil, err
	}
	return verify.DecodeHeaders(got.body, limit)
}

// findFounders learns who the ledger's first validators are: from the genesis
// document in the journal, else from a node, once. Either is held against the
// hash in the origin, so that a damaged document is only fetched again.
// SPEC(JRN-7)
func (s *submitter) findFounders(ctx context.Context) error {
	origin := s.doc.Origin
	kept, err := os.ReadFile(filepath.Join(s.journal.dir, journalDoc))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("journal: %w", err)
	}
	if err == nil {
		if founders, err := foundersOf(origin, kept); err == nil {
			s.ledger.founders = founders
			return nil
		}
	}
	if kept == nil && s.ledger.genesis == nil {
		s.ledger.notice(fmt.Sprintf("first use of the ledger %s by this stream: it is the node that says that this is the one you mean; "+
			"compare the genesis document's SHA-256 with one from elsewhere, or name it: --genesis %s", printable(origin), origin[strings.LastIndexByte(origin, '/')+1:]))
	}
	raw, err := s.ledger.fetchGenesis(ctx, origin)
	if err != nil {
		return err
	}
	if err := writeDurable(s.journal.dir, journalDoc, raw); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// fetchGenesis gets the genesis document of an origin, and the founders with it.
func (n *nodes) fetchGenesis(ctx context.Context, origin string) (raw []byte, err error) {
	err = n.try(ctx, noStatement, func(c *client) error {
		got, err := c.get(ctx, "/v1/genesis", nil, maxJSONBody)
		if err != nil {
			return err
		}
		founders, err := foundersOf(origin, got.body)
		if err != nil {
			return refutedError{fmt.Errorf("the genesis document of the node at %s is not that of the ledger: %w", c.base, err)}
		}
		raw, n.founders = got.body, founders
		return nil
	})
	return raw, err
}

// anotherLedger says that a node is not of the ledger that --genesis names.
func anotherLedger(node, origin string, genesis provenance.Hash) error {
	return fmt.Errorf("the node at %s serves the ledger %q, --genesis names the one with the genesis document %s", node, origin, genesis)
}

// foundersOf reads a genesis document that must be the one of an origin.
func foundersOf(origin string, genesis []byte) (*light.Founders, error) {
	founders, err := light.NewFounders(genesis)
	if err != nil {
		return nil, err
	}
	if got := founders.Origin(); got != origin {
		return nil, fmt.Errorf("it gives the origin %q, wanted %q", got, origin)
	}
	return founders, nil
}
