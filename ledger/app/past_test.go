package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/evidence"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"
)

// bootstrapped makes a home that begins at the chain's joint.
func (c *jointChain) bootstrapped(t testing.TB) (home string, j *Joint) {
	t.Helper()
	j, err := ParseJoint(c.encoded.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	home = t.TempDir()
	if _, err := InitHome(home, NodeConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := InstallGenesis(home, c.genesis); err != nil {
		t.Fatal(err)
	}
	if err := Bootstrap(home, j, nil); err != nil {
		t.Fatal(err)
	}
	return home, j
}

// get gives the chain's light blocks, at most some at once, and tells which were
// asked for.
func (c *jointChain) get(most int, asked *[]int64) LightBlocks {
	return func(_ context.Context, from int64, limit int) ([][]byte, error) {
		if asked != nil {
			*asked = append(*asked, from)
		}
		return c.blocks[from : from+int64(min(most, limit))], nil
	}
}

// withEngine calls do with a home's stores and the engine's judge of evidence.
func withEngine(t *testing.T, home string, do func(p *past, pool *evidence.Pool)) {
	t.Helper()
	engine := openEngine(t, EngineDir(home))
	defer engine.Close()
	p := &past{engine, sm.NewStore(engine.Store("state"), sm.StoreOptions{}), store.NewBlockStore(engine.Store("blockstore"))}
	pool, err := evidence.NewPool(dbm.NewMemDB(), p.states, p.blocks)
	if err != nil {
		t.Fatal(err)
	}
	do(p, pool)
}

// doubleVote is evidence that a validator voted twice at a height.
func (c *jointChain) doubleVote(t testing.TB, height int64, key cmted25519.PrivKey) *types.DuplicateVoteEvidence {
	t.Helper()
	b, err := parseLightBlock(c.blocks[height])
	if err != nil {
		t.Fatal(err)
	}
	ev, err := types.NewMockDuplicateVoteEvidenceWithValidator(height, b.Time, types.NewMockPVWithParams(key, false, false), b.ChainID)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// forgedHeader is evidence that the validators signed another block of a height,
// for light clients: equivocation, or a lunatic's where common is below it.
func (c *jointChain) forgedHeader(t testing.TB, common, height int64) *types.LightClientAttackEvidence {
	t.Helper()
	base, err := parseLightBlock(c.blocks[common])
	if err != nil {
		t.Fatal(err)
	}
	forged, err := parseLightBlock(c.blocks[height])
	if err != nil {
		t.Fatal(err)
	}
	if common == height {
		forged.DataHash = bytes.Repeat([]byte{7}, 32)
	} else {
		forged.AppHash = bytes.Repeat([]byte{7}, 32)
	}
	id := types.BlockID{Hash: forged.Header.Hash(), PartSetHeader: types.PartSetHeader{Total: 1, Hash: make([]byte, 32)}}
	forged.Commit.BlockID = id
	vote := &cmtproto.Vote{Type: cmtproto.PrecommitType, Height: height, BlockID: id.ToProto(), Timestamp: forged.Time, ValidatorAddress: c.key.PubKey().Address()}
	if forged.Commit.Signatures[0].Signature, err = c.key.Sign(types.VoteSignBytes(forged.ChainID, vote)); err != nil {
		t.Fatal(err)
	}
	return &types.LightClientAttackEvidence{
		ConflictingBlock: forged, CommonHeight: common, ByzantineValidators: base.ValidatorSet.Copy().Validators,
		TotalVotingPower: base.ValidatorSet.TotalVotingPower(), Timestamp: base.Time,
	}
}

// TestEvidenceFromBeforeTheJoint lets the engine judge evidence of heights of which
// it has no block: what holds is taken and what does not is refused, at each
// height and in each of the two kinds.
func TestEvidenceFromBeforeTheJoint(t *testing.T) {
	c := newJointChainOf(t, 12) // the joint is at 11
	home, j := c.bootstrapped(t)
	withEngine(t, home, func(p *past, pool *evidence.Pool) {
		err := pool.CheckEvidence(types.EvidenceList{c.doubleVote(t, 5, c.key)})
		if err == nil || !strings.Contains(err.Error(), "don't have header #5") {
			t.Errorf("evidence of a height that is not there: %v", err)
		}
		// The joint's own height is there at once.
		if err := pool.CheckEvidence(types.EvidenceList{c.doubleVote(t, 11, c.key)}); err != nil {
			t.Error(err)
		}
	})
	if err := FillPast(t.Context(), home, c.get(4, nil), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	stranger := cmted25519.GenPrivKeyFromSecret([]byte("stranger"))
	withEngine(t, home, func(p *past, pool *evidence.Pool) {
		for h := int64(1); h <= j.Last.Height; h++ {
			if err := pool.CheckEvidence(types.EvidenceList{c.doubleVote(t, h, c.key)}); err != nil {
				t.Errorf("a double vote of height %d: %v", h, err)
			}
			if err := pool.CheckEvidence(types.EvidenceList{c.forgedHeader(t, h, h)}); err != nil {
				t.Errorf("another block of height %d: %v", h, err)
			}
			if err := pool.CheckEvidence(types.EvidenceList{c.doubleVote(t, h, stranger)}); err == nil {
				t.Errorf("a double vote of a stranger at height %d is taken", h)
			}
			unsigned := c.doubleVote(t, h, c.key)
			unsigned.VoteB.Signature = make([]byte, 64)
			if err := pool.CheckEvidence(types.EvidenceList{unsigned}); err == nil {
				t.Errorf("a double vote without a signature at height %d is taken", h)
			}
			early := c.doubleVote(t, h, c.key)
			early.Timestamp = early.Timestamp.Add(time.Nanosecond)
			if err := pool.CheckEvidence(types.EvidenceList{early}); err == nil {
				t.Errorf("a double vote with another time than height %d is taken", h)
			}
			same := c.forgedHeader(t, h, h)
			if block, err := parseLightBlock(c.blocks[h]); err != nil {
				t.Fatal(err)
			} else if same.ConflictingBlock = block; pool.CheckEvidence(types.EvidenceList{same}) == nil {
				t.Errorf("the chain's own block of height %d is taken for a forged one", h)
			}
		}
		if err := pool.CheckEvidence(types.EvidenceList{c.forgedHeader(t, 3, 7)}); err != nil {
			t.Errorf("a lunatic's header of height 7 on 3: %v", err)
		}
		checkNoBlocks(t, p.blocks)
	})
}

// checkNoBlocks: headers are no blocks to the engine.
func checkNoBlocks(t testing.TB, blocks *store.BlockStore) {
	t.Helper()
	if blocks.Base() != 0 || blocks.Height() != 0 || !blocks.IsEmpty() || blocks.LoadBaseMeta() != nil || blocks.LoadBlock(5) != nil {
		t.Errorf("the engine takes headers for blocks: %d to %d", blocks.Base(), blocks.Height())
	}
}

// TestPastPages wants what a page had to stay when the next fails, the next call
// to go on below, and nothing to be asked for where evidence is too old.
func TestPastPages(t *testing.T) {
	c := newJointChainOf(t, 2*pastPage+20)
	top := int64(2*pastPage + 19)
	home, _ := c.bootstrapped(t)
	log := slog.New(slog.DiscardHandler)
	lost := errors.New("lost")
	var asked []int64
	get := c.get(300, &asked)
	err := FillPast(t.Context(), home, func(ctx context.Context, from int64, limit int) ([][]byte, error) {
		if from < top-pastPage {
			return nil, lost
		}
		return get(ctx, from, limit)
	}, log)
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	withEngine(t, home, func(p *past, pool *evidence.Pool) {
		if span, err := p.span(); err != nil || span == nil || *span != (pastSpan{top - pastPage, top}) {
			t.Errorf("%v: the engine has the headers %+v", err, span)
		}
		if err := pool.CheckEvidence(types.EvidenceList{c.doubleVote(t, top-pastPage, c.key)}); err != nil {
			t.Error(err)
		}
	})
	asked = nil
	if err := FillPast(t.Context(), home, get, log); err != nil {
		t.Fatal(err)
	}
	if want := top - 2*pastPage; len(asked) == 0 || asked[0] != want {
		t.Errorf("asked for %v, wanted %d first", asked, want)
	}
	withEngine(t, home, func(p *past, _ *evidence.Pool) {
		for h := int64(1); h <= top; h++ {
			set, err := p.states.LoadValidators(h)
			if err != nil || !bytes.Equal(set.Hash(), c.set.Hash()) || p.blocks.LoadBlockCommit(h) == nil && h < top || p.blocks.LoadBlockMeta(h) == nil {
				t.Fatalf("height %d is not whole: %v", h, err)
			}
		}
	})
	asked = nil
	if err := FillPast(t.Context(), home, get, log); err != nil || len(asked) > 0 {
		t.Errorf("%v: asked for %v though nothing is missing", err, asked)
	}
}

// TestPastOldEvidence: no page is fetched of what is too old to be committed.
func TestPastOldEvidence(t *testing.T) {
	c := newJointChainOf(t, 2*pastPage)
	for from, to := range map[string]string{
		`"max_age_num_blocks": "100000"`:        `"max_age_num_blocks": "1"`,
		`"max_age_duration": "604800000000000"`: `"max_age_duration": "1"`,
	} {
		if !bytes.Contains(c.genesis, []byte(from)) {
			t.Fatalf("the genesis document lacks %s", from)
		}
		c.genesis = bytes.Replace(c.genesis, []byte(from), []byte(to), 1)
	}
	home, _ := c.bootstrapped(t)
	var asked []int64
	if err := FillPast(t.Context(), home, c.get(pastPage, &asked), slog.New(slog.DiscardHandler)); err != nil || len(asked) != 1 {
		t.Errorf("%v: asked for %v", err, asked)
	}
}

// inRound is a light block whose commit says that it is of another round, in which
// nobody signed.
func inRound(t testing.TB, raw []byte, round int32) []byte {
	t.Helper()
	b, err := parseLightBlock(raw)
	if err != nil {
		t.Fatal(err)
	}
	b.Commit.Round = round
	pb, err := b.ToProto()
	if err != nil {
		t.Fatal(err)
	}
	if raw, err = pb.Marshal(); err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestPastCommittedEvidence: what a block before the joint carried is not taken
// again. The headers end with the highest such block, whose evidence is of heights
// below it.
func TestPastCommittedEvidence(t *testing.T) {
	for _, carry := range [][]int64{{4, 8}, {11}} { // the joint is at 11
		c := newJointChainOf(t, 12, carry...)
		home, _ := c.bootstrapped(t)
		for range 2 {
			if err := FillPast(t.Context(), home, c.get(3, nil), slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
		}
		withEngine(t, home, func(p *past, pool *evidence.Pool) {
			low := carry[len(carry)-1]
			for h := int64(1); h <= 11; h++ {
				err := pool.CheckEvidence(types.EvidenceList{c.doubleVote(t, h, c.key)})
				if (err == nil) != (h >= low) {
					t.Errorf("blocks %d carry evidence: a double vote of height %d: %v", carry, h, err)
				}
			}
			if above, err := p.above(); above != nil || err != nil {
				t.Errorf("blocks %d carry evidence: there is more to come below %v (%v)", carry, above, err)
			}
		})
	}
}

// TestPastRefused wants nothing to be written of a page of which one light block is
// not the chain's.
func TestPastRefused(t *testing.T) {
	c := newJointChainOf(t, 12)
	other := newJointChainOf(t, 12)
	other.key = cmted25519.GenPrivKeyFromSecret([]byte("stranger"))
	home, _ := c.bootstrapped(t)
	log := slog.New(slog.DiscardHandler)
	recommit := func(raw []byte) []byte { // signed, and not by the commit that the chain has
		b, err := parseLightBlock(raw)
		if err != nil {
			t.Fatal(err)
		}
		at := b.Time.Add(time.Millisecond)
		vote := &cmtproto.Vote{Type: cmtproto.PrecommitType, Height: b.Height, BlockID: b.Commit.BlockID.ToProto(), Timestamp: at, ValidatorAddress: c.key.PubKey().Address()}
		b.Commit.Signatures[0].Timestamp = at
		if b.Commit.Signatures[0].Signature, err = c.key.Sign(types.VoteSignBytes(b.ChainID, vote)); err != nil {
			t.Fatal(err)
		}
		pb, err := b.ToProto()
		if err != nil {
			t.Fatal(err)
		}
		raw, err = pb.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for _, x := range []struct {
		name   string
		change func(page [][]byte) [][]byte
		want   string
	}{
		{"garbage", func(p [][]byte) [][]byte { p[4] = []byte("garbage"); return p }, "height 5"},
		{"nothing", func([][]byte) [][]byte { return nil }, "0 light blocks"},
		{"an empty one", func(p [][]byte) [][]byte { p[0] = nil; return p }, "height 1"},
		{"too many", func(p [][]byte) [][]byte { return append(p, p...) }, "20 light blocks"},
		{"another order", func(p [][]byte) [][]byte { p[2], p[3] = p[3], p[2]; return p }, "height 3"},
		{"another header", func(p [][]byte) [][]byte {
			p[6], _ = c.block(t, 7, time.Date(2026, 11, 1, 13, 0, 0, 0, time.UTC), types.BlockID{}, [32]byte{})
			return p
		}, "next one names"},
		{"another commit", func(p [][]byte) [][]byte { p[6] = recommit(p[6]); return p }, "the next block carries"},
		{"another round", func(p [][]byte) [][]byte { p[6] = inRound(t, p[6], 1); return p }, "the commit of height 7"},
		{"a stranger's", func(p [][]byte) [][]byte {
			p[9], _ = other.block(t, 10, time.Date(2026, 11, 1, 12, 0, 10, 0, time.UTC), types.BlockID{}, [32]byte{})
			return p
		}, "next one names"},
	} {
		err := FillPast(t.Context(), home, func(_ context.Context, from int64, limit int) ([][]byte, error) {
			page := make([][]byte, limit)
			copy(page, c.blocks[from:])
			return x.change(page), nil
		}, log)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, wanted %q", x.name, err, x.want)
		}
	}
	withEngine(t, home, func(p *past, _ *evidence.Pool) {
		if span, err := p.span(); err != nil || *span != (pastSpan{11, 11}) {
			t.Errorf("%v: the engine has the headers %+v", err, span)
		}
		for h := int64(1); h < 11; h++ {
			if p.blocks.LoadBlockMeta(h) != nil || p.blocks.LoadBlockCommit(h) != nil {
				t.Errorf("height %d is written", h)
			}
			if _, err := p.states.LoadValidators(h); err == nil {
				t.Errorf("the validators of height %d are written", h)
			}
		}
	})
}

// TestPastDropped: the headers stay as long as the engine's first block, and go
// with it.
func TestPastDropped(t *testing.T) {
	c := newJointChainOf(t, 12)
	home, _ := c.bootstrapped(t)
	if err := FillPast(t.Context(), home, c.get(500, nil), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	withEngine(t, home, func(p *past, _ *evidence.Pool) {
		for _, base := range []int64{0, 1, 12} {
			if err := p.drop(base); err != nil || p.blocks.LoadBlockMeta(1) == nil {
				t.Fatalf("%v: headers go while the engine's first block is %d", err, base)
			}
		}
		for range 2 {
			if err := p.drop(13); err != nil {
				t.Fatal(err)
			}
		}
		for h := int64(1); h <= 11; h++ {
			if p.blocks.LoadBlockMeta(h) != nil {
				t.Errorf("header %d stays", h)
			}
			if _, err := p.states.LoadValidators(h); err == nil {
				t.Errorf("the validators of height %d stay", h)
			}
		}
		if _, err := p.states.LoadValidators(12); err != nil {
			t.Error(err)
		}
		if span, err := p.span(); span != nil || err != nil {
			t.Errorf("%v: the engine has the headers %+v", err, span)
		}
	})
}

// TestPastValidators: each height has its own validators, whether they changed
// there, between, or where the engine wants a whole set.
func TestPastValidators(t *testing.T) {
	sets := make([]*types.ValidatorSet, 2)
	for i, name := range []string{"a", "b"} {
		sets[i] = types.NewValidatorSet([]*types.Validator{types.NewValidator(cmted25519.GenPrivKeyFromSecret([]byte(name)).PubKey(), 10)})
		sets[i].Validators[0].ProposerPriority = 1<<63 - 1 // of a liar
	}
	setOf := func(h int64) *types.ValidatorSet {
		if h < setInterval+4 && h != setInterval-2 {
			return sets[0]
		}
		return sets[1]
	}
	first, last := int64(setInterval-5), int64(setInterval+8)
	var blocks []*types.LightBlock
	for h := first; h <= last; h++ {
		blocks = append(blocks, &types.LightBlock{
			SignedHeader: &types.SignedHeader{Header: &types.Header{Height: h, ValidatorsHash: setOf(h).Hash()}, Commit: &types.Commit{Height: h}},
			ValidatorSet: setOf(h),
		})
	}
	withEngine(t, t.TempDir(), func(p *past, _ *evidence.Pool) {
		b := p.newPastBatch()
		b.span(&pastSpan{last + 1, last + 1})
		if err := b.write(); err != nil {
			t.Fatal(err)
		}
		if err := p.write(blocks); err != nil {
			t.Fatal(err)
		}
		for h := first; h <= last; h++ {
			set, err := p.states.LoadValidators(h)
			if err != nil || !bytes.Equal(set.Hash(), setOf(h).Hash()) {
				t.Errorf("height %d has other validators: %v", h, err)
			}
		}
		if err := p.write(blocks); err == nil {
			t.Error("heights that do not end below those that are there are written")
		}
	})
}

// FuzzLinkPast: of what comes from outside nothing is taken but the chain's own
// headers and commits.
func FuzzLinkPast(f *testing.F) {
	c := newJointChainOf(f, 5)
	above, err := parseLightBlock(c.blocks[4])
	if err != nil {
		f.Fatal(err)
	}
	want, err := parseLightBlock(c.blocks[3])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(c.blocks[2], c.blocks[3])
	f.Add(c.blocks[3], c.blocks[2])
	f.Add(c.blocks[2], inRound(f, c.blocks[3], 1))
	f.Add([]byte("garbage"), c.blocks[3])
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, low, high []byte) {
		blocks, err := linkPast(above.Header, [][]byte{low, high})
		if err != nil {
			return
		}
		if got := blocks[1]; !bytes.Equal(got.Header.Hash(), want.Header.Hash()) || !bytes.Equal(got.Commit.Hash(), want.Commit.Hash()) || got.Commit.Round != want.Commit.Round || !bytes.Equal(got.ValidatorSet.Hash(), want.ValidatorSet.Hash()) {
			t.Error("another light block is taken")
		}
		b := (&past{}).newPastBatch()
		if b.lightBlocks(blocks); b.err != nil {
			t.Error(b.err)
		}
	})
}
