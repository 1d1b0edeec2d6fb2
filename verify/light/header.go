package light

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/light/provider"
	"github.com/cometbft/cometbft/light/store/db"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// FromHeader returns a verifier that begins with a header known by height and
// hash and goes on by CometBFT's light client, within the trusting period.
func FromHeader(src verify.Source, trust verify.Trust, now func() time.Time) verify.HeaderVerifier {
	return &trusted{src: src, trust: trust, now: now}
}

// trusted is safe for use by several goroutines: one at a time gets on.
type trusted struct {
	src   verify.Source
	trust verify.Trust
	now   func() time.Time

	mu     sync.Mutex
	client *light.Client
	node   *node
	opened provenance.Hash // of the last light block that Open found good
}

func (t *trusted) Start(ctx context.Context, raw []byte) (err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	doc, err := readGenesis(raw)
	if err != nil {
		return err
	}
	t.node = &node{src: t.src, chainID: doc.ChainID, blocks: map[int64]*types.LightBlock{}}
	anchor, err := t.node.LightBlock(ctx, t.trust.Height)
	if err != nil {
		return t.explain(err)
	}
	// SPEC(VER-3)
	if got := provenance.Hash(anchor.Header.Hash()); got != t.trust.Hash {
		return verify.NewFinding(verify.CodeTrustHash, placeOf(t.trust.Height), "the trusted header, "+t.trust.Hash.String(), got.String())
	}
	if expires := anchor.Time.Add(t.trust.Period); !expires.After(t.now()) {
		return fmt.Errorf("%w: header %d is of %s, the trusting period of %s ended on %s; get a newer trusted header from somebody you trust, or audit from genesis",
			verify.ErrExpired, t.trust.Height, anchor.Time.UTC().Format(time.RFC3339), t.trust.Period, expires.UTC().Format(time.RFC3339))
	}
	options := light.TrustOptions{Period: t.trust.Period, Height: t.trust.Height, Hash: t.trust.Hash[:]}
	t.client, err = light.NewClient(ctx, doc.ChainID, options, t.node, []provider.Provider{t.node},
		db.New(dbm.NewMemDB(), "tokentrail"), light.MaxClockDrift(maxClockDrift), light.MaxBlockLag(0), light.PruningSize(0))
	if err != nil {
		return t.explain(err)
	}
	return nil
}

func (t *trusted) History() []verify.Change { return nil }

func (t *trusted) Sets() []verify.SetChange { return nil }

func (t *trusted) Verified() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.node == nil {
		return 0
	}
	return int64(t.node.count())
}

func (t *trusted) Header(ctx context.Context, height int64) (*verify.Header, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.header(ctx, height)
}

func (t *trusted) header(ctx context.Context, height int64) (h *verify.Header, err error) {
	defer func() {
		// The light client is known to panic on inconsistent answers.
		if r := recover(); r != nil {
			h, err = nil, verify.NewFinding(verify.CodeHeaderForm, placeOf(height), "a light block", fmt.Sprintf("one on which the light client fails: %v", r))
		}
	}()
	if height < 1 {
		return nil, verify.NewFinding(verify.CodeHeaderHeight, placeOf(height), "a height from 1 on", fmt.Sprint(height))
	}
	block, err := t.client.VerifyLightBlockAtHeight(ctx, height, t.now())
	if err != nil {
		return nil, t.explain(err)
	}
	h = headerOf(block)
	return h, future(h, t.now())
}

func (t *trusted) Open(ctx context.Context, raw []byte) (*verify.Header, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := provenance.LeafHash(raw)
	block, err := openBlock(raw, t.node.chainID, sum == t.opened)
	if err != nil {
		return nil, err
	}
	h, err := t.header(ctx, block.Height)
	if err != nil {
		return nil, err
	}
	if err := sameHeader(headerOf(block), h); err != nil {
		return nil, err
	}
	t.opened = sum
	return h, nil
}

// explain tells evidence from trouble. What our own provider met is more exact
// than what the light client made of it.
func (t *trusted) explain(err error) error {
	if met := t.node.met(); met != nil {
		return met
	}
	var expired light.ErrOldHeaderExpired
	if errors.As(err, &expired) {
		return fmt.Errorf("%w: %v; get a newer trusted header from somebody you trust, or audit from genesis", verify.ErrExpired, err)
	}
	var failed light.ErrVerificationFailed
	if errors.As(err, &failed) {
		return verify.NewFinding(verify.CodeHeaderTrust, placeOf(failed.To), fmt.Sprintf("a header that follows from the trusted one of height %d", failed.From), failed.Reason.Error())
	}
	var invalid light.ErrInvalidHeader
	if errors.As(err, &invalid) || errors.Is(err, light.ErrLightClientAttack) {
		return verify.NewFinding(verify.CodeHeaderTrust, "headers", "headers that follow from the trusted one", err.Error())
	}
	return fmt.Errorf("light client: %w", err)
}

// A node is the source as a provider of CometBFT's light client: primary and
// witness alike. It remembers its answers, so that both say the same.
type node struct {
	src     verify.Source
	chainID string

	mu     sync.Mutex
	blocks map[int64]*types.LightBlock
	err    error // the first thing that went wrong
}

// ChainID implements provider.Provider.
func (n *node) ChainID() string { return n.chainID }

// ReportEvidence implements provider.Provider. There is nobody to report to:
// the report is for the auditor.
func (n *node) ReportEvidence(context.Context, types.Evidence) error { return nil }

// LightBlock implements provider.Provider.
func (n *node) LightBlock(ctx context.Context, height int64) (*types.LightBlock, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b := n.blocks[height]; b != nil {
		return b, nil
	}
	b, err := n.fetch(ctx, height)
	if err != nil {
		if n.err == nil {
			n.err = err
		}
		return nil, provider.ErrLightBlockNotFound
	}
	n.blocks[height] = b
	return b, nil
}

func (n *node) fetch(ctx context.Context, height int64) (*types.LightBlock, error) {
	page, err := n.src.Headers(ctx, height, 1)
	if err == nil && len(page) != 1 {
		err = fmt.Errorf("%w: an answer of %d light blocks", verify.ErrMissing, len(page))
	}
	if err != nil {
		return nil, missing(height, err)
	}
	b, err := readBlock(page[0], n.chainID, placeOf(height))
	if err == nil && b.Height != height {
		err = verify.NewFinding(verify.CodeHeaderHeight, placeOf(height), fmt.Sprint(height), fmt.Sprint(b.Height))
	}
	return b, err
}

func (n *node) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.blocks)
}

// met returns what went wrong first, once.
func (n *node) met() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	err := n.err
	n.err = nil
	return err
}
