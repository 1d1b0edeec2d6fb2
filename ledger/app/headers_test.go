package app

import (
	"errors"
	"testing"
	"time"

	"github.com/cometbft/cometbft/light"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
)

// verifyHeaders decodes every signed header of n and verifies each against the
// one before it, as an auditor would, and returns the last.
func verifyHeaders(t *testing.T, n *Node, chainID string) *types.Header {
	t.Helper()
	var trusted *types.LightBlock
	tip := n.LatestSigned()
	for h := int64(1); h <= tip; h++ {
		raw, err := n.LightBlock(h)
		if err != nil {
			t.Fatal(err)
		}
		var pb cmtproto.LightBlock
		if err := pb.Unmarshal(raw); err != nil {
			t.Fatal(err)
		}
		b, err := types.LightBlockFromProto(&pb)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.ValidateBasic(chainID); err != nil {
			t.Fatalf("block %d: %v", h, err)
		}
		if h == 1 {
			err = b.ValidatorSet.VerifyCommitLight(chainID, b.Commit.BlockID, h, b.Commit)
		} else {
			err = light.VerifyAdjacent(trusted.SignedHeader, b.SignedHeader, b.ValidatorSet, time.Hour, time.Now(), 10*time.Second)
		}
		if err != nil || b.Height != h {
			t.Fatalf("block %d: %v", h, err)
		}
		trusted = b
	}
	if trusted == nil {
		t.Fatal("no signed header")
	}
	return trusted.Header
}

func TestLightBlockBounds(t *testing.T) {
	noLeaks(t)
	n := start(t, single(t), &counter{})
	if err := n.WaitHeight(timeout(t), 1); err != nil {
		t.Fatal(err)
	}
	for _, h := range []int64{-1, 0, n.LatestSigned() + 1, 1 << 60} {
		if b, err := n.LightBlock(h); b != nil || !errors.Is(err, ErrNoHeight) {
			t.Errorf("height %d: %d bytes, %v", h, len(b), err)
		}
	}
}
