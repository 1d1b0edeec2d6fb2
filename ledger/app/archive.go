package app

import (
	"errors"
	"fmt"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"tokentrail/ledger"
)

const (
	// archiveGather is how long heights are gathered before they are archived, so
	// that they share one synced write. Nothing waits for it: the engine has them.
	archiveGather = time.Second
	// archiveBatch is how many heights are archived in one write.
	archiveBatch = 256
)

// archive copies the signed headers of the engine into the archive, tells the
// engine which blocks it need not keep any more, and gives back the room that
// those took. It goes on until the node ends.
//
// If we crash before a write to the archive, the engine still has what it was to
// hold: a block is pruned only where its header is archived.
func (n *Node) archive(keep Retention) {
	var k *keeper
	var said time.Time
	for {
		err := n.archiveHeaders()
		if err == nil {
			err = n.keepBlocks(&k, keep)
		}
		if err != nil && time.Since(said) > time.Minute {
			n.log.Error("signed headers are not archived; blocks are kept until they are", "err", err)
			said = time.Now()
		}
		n.mu.Lock()
		changed := n.changed
		n.mu.Unlock()
		if !n.pause(changed) {
			return
		}
	}
}

// pause waits for a block and gathers those that follow; false where the node
// ends.
func (n *Node) pause(changed <-chan struct{}) bool {
	select {
	case <-changed:
	case <-n.done:
		return false
	}
	select {
	case <-time.After(archiveGather):
		return true
	case <-n.done:
		return false
	}
}

// archiveHeaders archives all heights below the newest, whose commit is settled
// by the block behind it (SPEC(NOD-30)). Where the engine has no block yet, or the
// heights before its first are still to come from elsewhere, it does nothing.
func (n *Node) archiveHeaders() (err error) {
	defer recoverEngine(&err, "archive signed headers")
	_, last := n.opt.Archive.ArchivedHeaders()
	next, tip := last+1, n.Height()
	if first := n.comet.BlockStore().Base(); first == 0 || next < first {
		return nil
	}
	for next < tip && !n.isDone() {
		var batch [][]byte
		for h := next; h < min(tip, next+archiveBatch); h++ {
			signed, err := n.signedHeader(h, false)
			if err != nil {
				return err
			}
			pb, err := n.lightBlock(signed)
			if err != nil {
				return err
			}
			batch = append(batch, pb)
		}
		if err := n.opt.Archive.ArchiveHeaders(next, batch); err != nil {
			return err
		}
		next += int64(len(batch))
	}
	return nil
}

// keepBlocks tells the engine which blocks it may forget, and gives back the room
// of those that are gone.
func (n *Node) keepBlocks(k **keeper, keep Retention) (err error) {
	defer recoverEngine(&err, "look at the engine's blocks")
	blocks := n.comet.BlockStore()
	if keep.Blocks == 0 || blocks.Base() == 0 {
		return nil
	}
	if *k == nil {
		*k = n.newKeeper(keep)
	}
	tip := blocks.LoadBlockMeta(n.Height())
	if tip == nil {
		return nil // just joined: there is a state of this height and no block yet
	}
	state, err := n.states.Load()
	if err != nil {
		return err
	}
	_, archived := n.opt.Archive.ArchivedHeaders()
	base := blocks.Base()
	low, err := (*k).advance(&tip.Header, archived, state.ConsensusParams.Evidence)
	if err != nil {
		return err
	}
	if from := (*k).next(base, low); from > 0 {
		n.keepFrom.Store(from)
	}
	if err := (&past{n.engine, n.states, blocks}).drop(base); err != nil {
		return err
	}
	return (*k).reclaim(base, n.engine)
}

// lightBlock joins a signed header with its validators, in CometBFT's protobuf.
func (n *Node) lightBlock(signed *types.SignedHeader) ([]byte, error) {
	// Written two heights ahead, so that it is there for every stored block.
	vals, err := validatorsAt(n.states, signed.Height)
	if err != nil {
		return nil, fmt.Errorf("validators of height %d: %w", signed.Height, err)
	}
	set, err := vals.ToProto()
	if err != nil {
		return nil, fmt.Errorf("validators of height %d: %w", signed.Height, err)
	}
	block := cmtproto.LightBlock{SignedHeader: signed.ToProto(), ValidatorSet: set}
	pb, err := block.Marshal()
	if err != nil {
		return nil, fmt.Errorf("signed header %d: %w", signed.Height, err)
	}
	return pb, nil
}

// archived returns a signed header that the engine does not have.
func (n *Node) archived(height int64) ([]byte, error) {
	if n.opt.Archive == nil {
		return nil, ErrNoHeight
	}
	pb, err := n.opt.Archive.ArchivedHeader(height)
	if !errors.Is(err, ledger.ErrNotFound) {
		return pb, err
	}
	if height >= 1 && height < n.Height() {
		return nil, fmt.Errorf("signed header %d: %w", height, ledger.ErrNotHere)
	}
	return nil, ErrNoHeight
}
