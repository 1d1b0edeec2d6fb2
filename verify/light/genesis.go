package light

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sort"
	"sync"
	"time"

	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

const (
	headerPage    = 500              // light blocks asked for at once
	maxClockDrift = 10 * time.Second // of the auditor's clock and the validators'
)

// FromGenesis returns a verifier that begins with the genesis document's
// validators and verifies every header in order. It keeps 40
// bytes a header, and as much for each that has another app hash.
func FromGenesis(src verify.Source, now func() time.Time) verify.HeaderVerifier {
	return &genesis{src: src, now: now}
}

// genesis is safe for use by several goroutines: one at a time gets on.
type genesis struct {
	src verify.Source
	now func() time.Time

	mu      sync.Mutex
	doc     *types.GenesisDoc
	last    *types.LightBlock   // the newest verified
	headers []verify.SeenHeader // by height, from 1
	apps    []verify.Change     // app hashes
	vals    []run               // validator sets
	opened  provenance.Hash     // of the last light block that Open found good
}

// A run is the hash of the validators from a height on.
type run struct {
	from int64
	hash provenance.Hash
}

func (g *genesis) Start(_ context.Context, raw []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	doc, err := readGenesis(raw)
	g.doc = doc
	return err
}

func (g *genesis) History() []verify.Change {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.apps[:len(g.apps):len(g.apps)]
}

func (g *genesis) Sets() []verify.SetChange {
	g.mu.Lock()
	defer g.mu.Unlock()
	var sets []verify.SetChange
	for _, v := range g.vals {
		sets = append(sets, verify.SetChange{Height: v.from, ValidatorsHash: v.hash})
	}
	return sets
}

func (g *genesis) Verified() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return int64(len(g.headers))
}

func (g *genesis) Header(ctx context.Context, height int64) (*verify.Header, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.header(ctx, height)
}

func (g *genesis) header(ctx context.Context, height int64) (*verify.Header, error) {
	if height < 1 {
		return nil, verify.NewFinding(verify.CodeHeaderHeight, placeOf(height), "a height from 1 on", fmt.Sprint(height))
	}
	for next := int64(len(g.headers)) + 1; next <= height; next = int64(len(g.headers)) + 1 {
		limit := int(min(headerPage, height-next+1))
		page, err := g.src.Headers(ctx, next, limit)
		if err == nil && len(page) == 0 {
			err = fmt.Errorf("%w: an empty answer", verify.ErrMissing)
		}
		if err != nil {
			return nil, missing(next, err)
		}
		if len(page) > limit {
			return nil, fmt.Errorf("%s: %w: %d light blocks, asked for %d", placeOf(next), verify.ErrAnswer, len(page), limit)
		}
		for i, read := range g.readPage(page, next) {
			if read.err != nil {
				return nil, read.err
			}
			if err := g.link(next+int64(i), read.block); err != nil {
				return nil, err
			}
		}
	}
	s := g.headers[height-1]
	return &verify.Header{
		ChainID: g.doc.ChainID, Height: height, Time: time.Unix(0, s.At).UTC(), Hash: s.Hash,
		AppHash:        g.apps[before(len(g.apps), func(i int) bool { return g.apps[i].Height > height })].AppHash,
		ValidatorsHash: g.vals[before(len(g.vals), func(i int) bool { return g.vals[i].from > height })].hash,
	}, nil
}

// before returns the last of n places before those that are beyond.
func before(n int, beyond func(i int) bool) int { return sort.Search(n, beyond) - 1 }

type readResult struct {
	block *types.LightBlock
	err   error
}

// readPage checks the blocks of a page each by itself, on all processors: the
// signatures are what takes the time.
func (g *genesis) readPage(page [][]byte, from int64) []readResult {
	out := make([]readResult, len(page))
	workers := min(runtime.GOMAXPROCS(0), len(page))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(page); i += workers {
				out[i].block, out[i].err = readBlock(page[i], g.doc.ChainID, placeOf(from+int64(i)))
			}
		})
	}
	wg.Wait()
	return out
}

// link checks that the block is the next one, signed by the validators that the
// one before announced.
func (g *genesis) link(height int64, b *types.LightBlock) error {
	place := placeOf(height)
	find := func(code verify.Code, at, want, got string) error {
		return verify.NewFinding(code, place+at, want, got)
	}
	// SPEC(VER-4), each in turn
	if b.Height != height {
		return find(verify.CodeHeaderHeight, ".height", fmt.Sprint(height), fmt.Sprint(b.Height))
	}
	announced, parent := g.doc.ValidatorHash(), types.BlockID{}
	if g.last != nil {
		announced, parent = g.last.NextValidatorsHash, g.last.Commit.BlockID
	}
	if !bytes.Equal(b.ValidatorsHash, announced) {
		return find(verify.CodeValidators, ".validators_hash", fmt.Sprintf("the validators announced before, %X", announced), b.ValidatorsHash.String())
	}
	if !b.LastBlockID.Equals(parent) {
		return find(verify.CodeHeaderLink, ".last_block_id", parent.String(), b.LastBlockID.String())
	}
	switch {
	case g.last == nil && !b.Time.Equal(g.doc.GenesisTime):
		return find(verify.CodeHeaderTime, ".time", "the genesis time, "+g.doc.GenesisTime.UTC().Format(time.RFC3339Nano), b.Time.UTC().Format(time.RFC3339Nano))
	case g.last != nil && !b.Time.After(g.last.Time):
		return find(verify.CodeHeaderTime, ".time", "after "+g.last.Time.UTC().Format(time.RFC3339Nano), b.Time.UTC().Format(time.RFC3339Nano))
	}
	header := headerOf(b)
	if err := future(header, g.now()); err != nil {
		return err
	}
	g.keep(b, header)
	return nil
}

// keep adds a verified header.
func (g *genesis) keep(b *types.LightBlock, h *verify.Header) {
	g.last = b
	g.headers = append(g.headers, verify.SeenHeader{Hash: h.Hash, At: h.Time.UnixNano()})
	if n := len(g.apps); n == 0 || g.apps[n-1].AppHash != h.AppHash {
		g.apps = append(g.apps, verify.Change{Height: h.Height, AppHash: h.AppHash})
	}
	if n := len(g.vals); n == 0 || g.vals[n-1].hash != h.ValidatorsHash {
		g.vals = append(g.vals, run{h.Height, h.ValidatorsHash})
	}
}

func (g *genesis) Open(ctx context.Context, raw []byte) (*verify.Header, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	// Most receipts of one moment share their anchor.
	sum := provenance.LeafHash(raw)
	block, err := openBlock(raw, g.doc.ChainID, sum == g.opened)
	if err != nil {
		return nil, err
	}
	trusted, err := g.header(ctx, block.Height)
	if err != nil {
		return nil, err
	}
	opened := headerOf(block) // with what is not kept of each
	if err := sameHeader(opened, trusted); err != nil {
		return nil, err
	}
	g.opened = sum
	return opened, nil
}

// openBlock reads a light block that came with a receipt; known says that its
// signatures were verified before.
func openBlock(raw []byte, chainID string, known bool) (*types.LightBlock, error) {
	if known {
		return decodeBlock(raw, "light block")
	}
	return readBlock(raw, chainID, "light block")
}
