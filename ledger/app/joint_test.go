package app

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"
	"github.com/fxamacker/cbor/v2"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// jointChain is a chain of one validator, and the joint of the last height but one,
// all made by hand.
type jointChain struct {
	genesis []byte
	key     cmted25519.PrivKey
	set     *types.ValidatorSet // at the last height
	blocks  [][]byte            // the light block of height h at h
	commits map[string][]byte   // the hash of the commit of the block with a hash
	carry   []int64             // heights whose blocks carry evidence
	encoded encodedJoint
}

// newJointChain is a chain of three heights.
func newJointChain(t testing.TB) *jointChain { return newJointChainOf(t, 3) }

// newJointChainOf is a chain of so many heights; the blocks of some carry evidence.
func newJointChainOf(t testing.TB, heights int64, carry ...int64) *jointChain {
	t.Helper()
	c := &jointChain{key: cmted25519.GenPrivKeyFromSecret([]byte("validator")), commits: map[string][]byte{}, carry: carry}
	pub := c.key.PubKey()
	began := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	raw, err := Genesis{
		ChainID: "joint-1", Time: began, AppState: []byte(`{"format": 1, "providers": []}`),
		Validators: []Validator{{PubKey: pub.Bytes(), Power: 10, Name: "v"}},
	}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	c.genesis = raw
	l, err := ledger.Open(t.TempDir(), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	appHash, err := l.InitGenesis([]byte(`{"format": 1, "providers": []}`), []provenance.Validator{{Type: "ed25519", Key: pub.Bytes(), Power: 10}}, "joint-1")
	if err != nil {
		t.Fatal(err)
	}
	c.set = types.NewValidatorSet([]*types.Validator{types.NewValidator(pub, 10)})
	var last types.BlockID
	c.blocks = make([][]byte, heights+1)
	for h := int64(1); h <= heights; h++ {
		now := began.Add(time.Duration(h) * time.Second)
		c.blocks[h], last = c.block(t, h, now, last, appHash)
		app := NewApplication(l, nil)
		if _, err := app.FinalizeBlock(t.Context(), &abci.RequestFinalizeBlock{Height: h, Time: now}); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Commit(t.Context(), &abci.RequestCommit{}); err != nil {
			t.Fatal(err)
		}
		_, appHash = l.Info()
		if h == heights-1 {
			f, err := l.Snapshot().Frontier()
			if err != nil {
				t.Fatal(err)
			}
			c.encoded.Frontier = f.Encode()
		}
	}
	c.encoded.Format, c.encoded.Last, c.encoded.Current = jointFormat, c.blocks[heights-1], c.blocks[heights]
	c.encoded.Validators = c.validators(t, c.set)
	c.encoded.Next = c.validators(t, c.set.CopyIncrementProposerPriority(1))
	return c
}

// block makes the light block of a height.
func (c *jointChain) block(t testing.TB, h int64, now time.Time, last types.BlockID, appHash provenance.Hash) ([]byte, types.BlockID) {
	t.Helper()
	doc, err := types.GenesisDocFromJSON(c.genesis)
	if err != nil {
		t.Fatal(err)
	}
	lastCommit := c.commits[string(last.Hash)]
	if lastCommit == nil {
		lastCommit = make([]byte, 32)
	}
	evidence := types.EvidenceList{}.Hash()
	if slices.Contains(c.carry, h) {
		evidence = bytes.Repeat([]byte{7}, 32)
	}
	header := &types.Header{
		Version: cmtversion.Consensus{Block: version.BlockProtocol, App: 1}, ChainID: "joint-1", Height: h, Time: now, LastBlockID: last,
		LastCommitHash: lastCommit, DataHash: make([]byte, 32), EvidenceHash: evidence, LastResultsHash: make([]byte, 32),
		ValidatorsHash: c.set.Hash(), NextValidatorsHash: c.set.Hash(), ConsensusHash: doc.ConsensusParams.Hash(),
		AppHash: appHash[:], ProposerAddress: c.key.PubKey().Address(),
	}
	id := types.BlockID{Hash: header.Hash(), PartSetHeader: types.PartSetHeader{Total: 1, Hash: make([]byte, 32)}}
	vote := &cmtproto.Vote{
		Type: cmtproto.PrecommitType, Height: h, BlockID: id.ToProto(), Timestamp: now, ValidatorAddress: c.key.PubKey().Address(),
	}
	signature, err := c.key.Sign(types.VoteSignBytes("joint-1", vote))
	if err != nil {
		t.Fatal(err)
	}
	commit := &types.Commit{Height: h, BlockID: id, Signatures: []types.CommitSig{{
		BlockIDFlag: types.BlockIDFlagCommit, ValidatorAddress: c.key.PubKey().Address(), Timestamp: now, Signature: signature,
	}}}
	c.commits[string(id.Hash)] = commit.Hash()
	block, err := (&types.LightBlock{SignedHeader: &types.SignedHeader{Header: header, Commit: commit}, ValidatorSet: c.set}).ToProto()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := block.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw, id
}

func (c *jointChain) validators(t testing.TB, set *types.ValidatorSet) []byte {
	t.Helper()
	pb, err := set.ToProto()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pb.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (e encodedJoint) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := cbor.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestJoint begins stores at a joint, and wants them to be of its height.
func TestJoint(t *testing.T) {
	c := newJointChain(t)
	j, err := ParseJoint(c.encoded.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := j.CheckGenesis(c.genesis); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if _, err := InitHome(home, NodeConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := InstallGenesis(home, c.genesis); err != nil {
		t.Fatal(err)
	}
	if err := Bootstrap(home, j, nil); err != nil {
		t.Fatal(err)
	}
	if err := Bootstrap(home, j, nil); err == nil {
		t.Error("stores that are there are made again")
	}
	l, err := ledger.Open(LedgerDir(home), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if height, appHash := l.Info(); height != 2 || !bytes.Equal(appHash[:], j.Current.AppHash) {
		t.Errorf("the ledger is at height %d with app hash %s", height, appHash)
	}
	e := openEngine(t, EngineDir(home))
	defer e.Close()
	states, blocks := sm.NewStore(e.Store("state"), sm.StoreOptions{}), store.NewBlockStore(e.Store("blockstore"))
	for range 2 { // as often as it starts before there is a block
		state, tip, err := goOnWithoutBlocks(states, blocks)
		if err != nil || tip != 2 || state.LastBlockHeight != 2 || !bytes.Equal(state.AppHash, j.Current.AppHash) {
			t.Errorf("%v: the engine is at height %d: %+v", err, tip, state)
		}
		if at, err := states.GetOfflineStateSyncHeight(); at != 2 {
			t.Errorf("the engine goes on from height %d: %v", at, err)
		}
		if err := states.SetOfflineStateSyncHeight(0); err != nil { // as the engine does
			t.Fatal(err)
		}
	}
	if commit := blocks.LoadSeenCommit(2); commit == nil || !commit.BlockID.Equals(j.Current.LastBlockID) {
		t.Errorf("the commit of the height is %v", commit)
	}
}

// TestJointRefused wants the reason for each joint whose parts do not belong
// together.
func TestJointRefused(t *testing.T) {
	c := newJointChain(t)
	stranger := cmted25519.GenPrivKeyFromSecret([]byte("stranger")).PubKey()
	other := types.NewValidatorSet([]*types.Validator{types.NewValidator(stranger, 10)})
	two := types.NewValidatorSet([]*types.Validator{types.NewValidator(c.key.PubKey(), 10), types.NewValidator(stranger, 10)})
	late, _ := c.block(t, 2, time.Date(2026, 11, 1, 12, 0, 9, 0, time.UTC), types.BlockID{}, provenance.Hash{})
	unsigned := func(raw []byte) []byte {
		b, err := parseLightBlock(raw)
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Replace(raw, b.Commit.Signatures[0].Signature, make([]byte, 64), 1)
	}
	for _, x := range []struct {
		name   string
		change func(e *encodedJoint)
		want   string
	}{
		{"format", func(e *encodedJoint) { e.Format = 2 }, "its format is 2"},
		{"frontier", func(e *encodedJoint) { e.Frontier = e.Frontier[:20] }, "frontier"},
		{"light block", func(e *encodedJoint) { e.Last = []byte{1, 2, 3} }, "light block"},
		{"no light block", func(e *encodedJoint) { e.Current = nil }, "lacks header"},
		{"heights", func(e *encodedJoint) { e.Last, e.Current = e.Current, e.Last }, "not of the frontier's height"},
		{"time", func(e *encodedJoint) { e.Last = late }, "its time is not"},
		{"a commit without signatures", func(e *encodedJoint) { e.Last = unsigned(e.Last) }, "wrong signature"},
		{"the next one's", func(e *encodedJoint) { e.Current = unsigned(e.Current) }, "wrong signature"},
		{"validators", func(e *encodedJoint) { e.Validators = c.validators(t, other) }, "the validators are not"},
		{"next validators", func(e *encodedJoint) { e.Next = c.validators(t, two) }, "the next validators are not"},
		{"no validators", func(e *encodedJoint) { e.Validators = nil }, "validators"},
		{"garbage for validators", func(e *encodedJoint) { e.Next = []byte("garbage") }, "next validators"},
	} {
		e := c.encoded
		x.change(&e)
		if _, err := ParseJoint(e.bytes(t)); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v", x.name, err)
		}
	}
	whole := c.encoded.bytes(t)
	for n := range len(whole) {
		if _, err := ParseJoint(whole[:n]); err == nil {
			t.Fatalf("%d of %d bytes are taken", n, len(whole))
		}
	}
	if _, err := ParseJoint(append(whole, 0)); err == nil {
		t.Error("something behind it is taken")
	}
}

// TestJointFlips flips each byte: what is taken all the same says the same of all
// that a header covers.
func TestJointFlips(t *testing.T) {
	c := newJointChain(t)
	whole := c.encoded.bytes(t)
	right, err := ParseJoint(whole)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		j, err := ParseJoint(b)
		if err != nil {
			continue
		}
		// The signature is for the light client; priorities and the bytes of names
		// that protobuf passes over are nobody's.
		if j.Head() != right.Head() || !bytes.Equal(j.Validators.Hash(), right.Validators.Hash()) || !bytes.Equal(j.Next.Hash(), right.Next.Hash()) ||
			!bytes.Equal(j.Current.AppHash, right.Current.AppHash) {
			t.Errorf("byte %d: another joint is taken", i)
		}
	}
}

// TestJointPriorities: a set by whose priorities the block's proposer had no turn
// is refused.
func TestJointPriorities(t *testing.T) {
	a, b := cmted25519.GenPrivKeyFromSecret([]byte("a")).PubKey(), cmted25519.GenPrivKeyFromSecret([]byte("b")).PubKey()
	set := types.NewValidatorSet([]*types.Validator{types.NewValidator(a, 10), types.NewValidator(b, 10)})
	first := set.GetProposer().Address
	second := set.CopyIncrementProposerPriority(1).GetProposer().Address
	if bytes.Equal(first, second) {
		t.Fatal("the turn does not change")
	}
	for _, x := range []struct {
		proposer []byte
		round    int32
		want     bool
	}{{first, 0, true}, {second, 0, false}, {second, 1, true}, {first, 1, true}, {[]byte("nobody"), 5, false}} {
		j := &Joint{Validators: set, Current: &types.LightBlock{SignedHeader: &types.SignedHeader{
			Header: &types.Header{ProposerAddress: x.proposer}, Commit: &types.Commit{Round: x.round},
		}}}
		if got := j.hadTurn(); got != x.want {
			t.Errorf("%X in round %d: %v", x.proposer, x.round, got)
		}
	}
}

func FuzzParseJoint(f *testing.F) {
	c := newJointChain(f)
	f.Add(c.encoded.bytes(f))
	for _, change := range []func(e *encodedJoint){
		func(e *encodedJoint) { e.Frontier = nil },
		func(e *encodedJoint) { e.Last, e.Current = e.Current, e.Last },
		func(e *encodedJoint) { e.Validators = []byte("garbage") },
	} {
		e := c.encoded
		change(&e)
		f.Add(e.bytes(f))
	}
	f.Add([]byte{0x86, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		j, err := ParseJoint(b)
		if err != nil {
			return
		}
		_ = j.CheckGenesis(c.genesis)
		if len(j.state(&types.GenesisDoc{ConsensusParams: types.DefaultConsensusParams()}).Bytes()) == 0 {
			t.Error("there is no state")
		}
	})
}
