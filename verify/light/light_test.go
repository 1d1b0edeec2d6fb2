package light

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// chain is a chain of one validator, as a source that knows headers only.
type chain struct {
	verify.Source
	genesis []byte
	blocks  [][]byte
	asked   int
}

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func hash(s string) []byte { h := provenance.LeafHash([]byte(s)); return h[:] }

// newChain signs n headers, 10 s apart.
func newChain(t testing.TB, n int) *chain {
	key := ed25519.GenPrivKeyFromSecret([]byte("validator"))
	vals := types.NewValidatorSet([]*types.Validator{types.NewValidator(key.PubKey(), 1)})
	c := &chain{genesis: fmt.Appendf(nil, `{"genesis_time":%q,"chain_id":"c","initial_height":"1","validators":[{"pub_key":{"type":"tendermint/PubKeyEd25519","value":%q},"power":"1"}],"app_hash":""}`,
		start.Format(time.RFC3339), base64Of(key.PubKey().Bytes()))}
	last := types.BlockID{}
	for h := int64(1); h <= int64(n); h++ {
		header := &types.Header{
			Version: version.Consensus{Block: 11}, ChainID: "c", Height: h, Time: start.Add(time.Duration(h-1) * 10 * time.Second), LastBlockID: last,
			LastCommitHash: hash("a"), DataHash: hash("b"), ValidatorsHash: vals.Hash(), NextValidatorsHash: vals.Hash(),
			ConsensusHash: hash("c"), AppHash: hash(fmt.Sprint("app", h/10)), LastResultsHash: hash("d"), EvidenceHash: hash("e"),
			ProposerAddress: key.PubKey().Address(),
		}
		last = types.BlockID{Hash: header.Hash(), PartSetHeader: types.PartSetHeader{Total: 1, Hash: hash("parts")}}
		vote := &types.Vote{Type: cmtproto.PrecommitType, Height: h, BlockID: last, Timestamp: header.Time, ValidatorAddress: key.PubKey().Address()}
		sig, err := key.Sign(types.VoteSignBytes("c", vote.ToProto()))
		if err != nil {
			t.Fatal(err)
		}
		vote.Signature = sig
		block := types.LightBlock{
			SignedHeader: &types.SignedHeader{Header: header, Commit: &types.Commit{Height: h, BlockID: last, Signatures: []types.CommitSig{vote.CommitSig()}}},
			ValidatorSet: vals,
		}
		pb, err := block.ToProto()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := pb.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		c.blocks = append(c.blocks, raw)
	}
	return c
}

func (c *chain) Headers(_ context.Context, from int64, limit int) ([][]byte, error) {
	c.asked++
	if from < 1 || from > int64(len(c.blocks)) {
		return nil, verify.ErrMissing
	}
	return c.blocks[from-1 : min(int(from)-1+limit, len(c.blocks))], nil
}

func (c *chain) at(height int, period time.Duration) verify.Trust {
	block, err := readBlock(c.blocks[height-1], "c", "")
	if err != nil {
		panic(err)
	}
	return verify.Trust{Height: int64(height), Hash: provenance.Hash(block.Header.Hash()), Period: period}
}

func clock(d time.Duration) func() time.Time { return func() time.Time { return start.Add(d) } }

func codeOf(err error) verify.Code {
	var f *verify.Finding
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}

func TestFromGenesis(t *testing.T) {
	c := newChain(t, 1234)
	v := FromGenesis(c, clock(24*time.Hour))
	ctx := context.Background()
	if err := v.Start(ctx, c.genesis); err != nil {
		t.Fatal(err)
	}
	for _, height := range []int64{1, 777, 777, 1234, 5} {
		h, err := v.Header(ctx, height)
		if err != nil || h.Height != height || h.Hash != c.at(int(height), 0).Hash || h.AppHash != provenance.Hash(hash(fmt.Sprint("app", height/10))) {
			t.Errorf("%d: %+v, %v", height, h, err)
		}
	}
	if v.Verified() != 1234 || c.asked != 1+2+1 {
		t.Errorf("%d headers in %d questions", v.Verified(), c.asked)
	}
	if n := len(v.History()); n != 1234/10+1 {
		t.Errorf("%d app hashes", n)
	}
	h, err := v.Open(ctx, c.blocks[99])
	if err != nil || h.Height != 100 {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := v.Header(ctx, 1235); codeOf(err) != verify.CodeHeaderMissing {
		t.Error(err)
	}
	if _, err := v.Header(ctx, 0); codeOf(err) != verify.CodeHeaderHeight {
		t.Error(err)
	}
}

func TestFromHeader(t *testing.T) {
	c := newChain(t, 1000)
	ctx := context.Background()
	const day = 24 * time.Hour
	for _, from := range []int{1, 500, 1000} {
		v := FromHeader(c, c.at(from, day), clock(5*time.Hour))
		if err := v.Start(ctx, c.genesis); err != nil {
			t.Fatal(err)
		}
		for _, height := range []int64{1000, int64(from), 999} {
			h, err := v.Header(ctx, height)
			if err != nil || h.Height != height || h.Hash != c.at(int(height), 0).Hash {
				t.Errorf("from %d: %d: %+v, %v", from, height, h, err)
			}
		}
		if n := v.Verified(); n > 600 || v.History() != nil {
			t.Errorf("%d headers were looked at", n)
		}
	}
}

// TestExpiryIsNotEvidence: an old trust is told from a wrong one, at the start
// and later.
func TestExpiryIsNotEvidence(t *testing.T) {
	c := newChain(t, 100)
	ctx := context.Background()
	v := FromHeader(c, c.at(1, time.Hour), clock(time.Hour))
	if err := v.Start(ctx, c.genesis); !errors.Is(err, verify.ErrExpired) || codeOf(err) != "" {
		t.Error(err)
	}
	now := start.Add(59 * time.Minute)
	v = FromHeader(c, c.at(1, time.Hour), func() time.Time { return now })
	if err := v.Start(ctx, c.genesis); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Minute)
	if _, err := v.Header(ctx, 100); !errors.Is(err, verify.ErrExpired) || codeOf(err) != "" {
		t.Error(err)
	}
}

func TestOffline(t *testing.T) {
	c := newChain(t, 3)
	ctx := context.Background()
	v := Offline(verify.Trust{}, clock(time.Hour))
	if err := v.Start(ctx, c.genesis); err != nil {
		t.Fatal(err)
	}
	if h, err := v.Open(ctx, c.blocks[2]); err != nil || h.Height != 3 || v.Verified() != 1 || v.History() != nil {
		t.Errorf("%+v, %v", h, err)
	}
	if _, err := v.Header(ctx, 3); err == nil || codeOf(err) != "" {
		t.Error(err)
	}
	v = Offline(verify.Trust{}, clock(-time.Hour))
	_ = v.Start(ctx, c.genesis)
	if _, err := v.Open(ctx, c.blocks[2]); codeOf(err) != verify.CodeHeaderTime {
		t.Error(err)
	}
}

// TestFounders: a light block is opened once for all receipts that share it, and
// only under the validators of the genesis document.
func TestFounders(t *testing.T) {
	c := newChain(t, maxOpened+10)
	f, err := NewFounders(c.genesis)
	if err != nil {
		t.Fatal(err)
	}
	if want := provenance.Origin("c", sha256.Sum256(c.genesis)); f.Origin() != want {
		t.Errorf("%s, wanted %s", f.Origin(), want)
	}
	first, err := f.Open(c.blocks[0])
	if err != nil || first.Height != 1 || first.Hash != c.at(1, 0).Hash {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := f.Open(bytes.Clone(c.blocks[0])); err != nil || again != first {
		t.Errorf("it was verified again: %v", err)
	}
	for _, raw := range c.blocks {
		if _, err := f.Open(raw); err != nil {
			t.Error(err)
		}
	}
	if n := len(f.opened); n > maxOpened {
		t.Errorf("%d headers are remembered", n)
	}
	bad := bytes.Clone(c.blocks[1])
	bad[len(bad)/2] ^= 1
	for range 2 { // what is wrong is not remembered
		if _, err := f.Open(bad); codeOf(err) == "" || errors.Is(err, ErrOtherValidators) {
			t.Error(err)
		}
	}
	other := bytes.Replace(c.genesis, []byte(base64Of(mustRead(c.blocks[0]).ValidatorSet.Validators[0].PubKey.Bytes())), []byte(base64Of(make([]byte, 32))), 1)
	if f, err = NewFounders(other); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Open(c.blocks[0]); codeOf(err) != verify.CodeValidators || !errors.Is(err, ErrOtherValidators) {
		t.Error(err)
	}
	if _, err := NewFounders([]byte("{}")); codeOf(err) != verify.CodeGenesisForm {
		t.Error(err)
	}
}

// TestOfflineAgain uses one verifier for several exhibits: of the same ledger,
// and of another.
func TestOfflineAgain(t *testing.T) {
	c := newChain(t, 3)
	ctx := context.Background()
	v := Offline(verify.Trust{}, clock(time.Hour)).(*offline)
	var founders *Founders
	for i := range 3 {
		if err := v.Start(ctx, c.genesis); err != nil || v.Verified() != 0 {
			t.Fatal(v.Verified(), err)
		}
		if i > 0 && v.founders != founders {
			t.Error("the genesis document was read again")
		}
		founders = v.founders
		if _, err := v.Open(ctx, c.blocks[i]); err != nil || v.Verified() != 1 {
			t.Error(v.Verified(), err)
		}
	}
	other := bytes.Replace(c.genesis, []byte(`"chain_id":"c"`), []byte(`"chain_id":"d"`), 1)
	if err := v.Start(ctx, other); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(ctx, c.blocks[0]); codeOf(err) != verify.CodeChainID {
		t.Error(err)
	}
	if err := v.Start(ctx, []byte("{}")); codeOf(err) != verify.CodeGenesisForm {
		t.Error(err)
	}
}

func BenchmarkFounders(b *testing.B) {
	c := newChain(b, 1)
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := NewFounders(c.genesis); err != nil {
				b.Fatal(err)
			}
		}
	})
	f, err := NewFounders(c.genesis)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			clear(f.opened)
			if _, err := f.Open(c.blocks[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			if _, err := f.Open(c.blocks[0]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func TestBadGenesis(t *testing.T) {
	for _, bad := range []string{"", "{}", `{"chain_id":"c"}`, `{"chain_id":"c","initial_height":"2","genesis_time":"2026-01-01T00:00:00Z"}`,
		`{"chain_id":"c","validators":[{"pub_key":{"type":"tendermint/PubKeyEd25519","value":"AA=="},"power":"1"}]}`,
		`{"chain_id":"c","validators":[{"pub_key":{"type":"tendermint/PubKeyEd25519","value":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"power":"9223372036854775807"}]}`} {
		if err := FromGenesis(nil, time.Now).Start(context.Background(), []byte(bad)); codeOf(err) != verify.CodeGenesisForm {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// FuzzReadBlock: no bytes make the engine's code fail unseen, and only signed
// blocks come through.
func FuzzReadBlock(f *testing.F) {
	c := newChain(f, 2)
	f.Add(c.blocks[0])
	f.Add(c.blocks[1])
	f.Add([]byte{})
	f.Add(c.blocks[1][:len(c.blocks[1])-1])
	f.Fuzz(func(t *testing.T, raw []byte) {
		block, err := readBlock(raw, "c", "here")
		if err != nil {
			if codeOf(err) == "" {
				t.Errorf("%v is not a finding", err)
			}
			return
		}
		if known := c.blocks[min(block.Height, 2)-1]; !bytes.Equal(block.Header.Hash(), mustRead(known).Header.Hash()) {
			t.Errorf("a header that nobody signed: %v", block.Header)
		}
	})
}

func mustRead(raw []byte) *types.LightBlock {
	block, err := readBlock(raw, "c", "")
	if err != nil {
		panic(err)
	}
	return block
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }
