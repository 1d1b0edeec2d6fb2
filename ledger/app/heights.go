package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/types"
)

// follow raises the height with each block until the subscription ends. It takes
// each event at once: an unbuffered subscription never overflows, and consensus
// waits for its reader.
func (n *Node) follow(sub types.Subscription) {
	for {
		select {
		case m := <-sub.Out():
			if e, ok := m.Data().(types.EventDataNewBlockHeader); ok {
				n.setHeight(e.Header.Height)
			}
		case <-sub.Canceled():
			return
		}
	}
}

func (n *Node) setHeight(h int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h > n.height {
		n.height = h
		n.waiting = time.Time{} // what still waits says so when more is submitted
		close(n.changed)
		n.changed = make(chan struct{})
	}
}

// Height is the last block that the application committed.
func (n *Node) Height() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.height
}

// WaitHeight returns when the application has committed block h.
func (n *Node) WaitHeight(ctx context.Context, h int64) error {
	for {
		n.mu.Lock()
		now, changed := n.height, n.changed
		n.mu.Unlock()
		if now >= h {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for block %d, at %d: %w", h, now, ctx.Err())
		case <-n.done:
			return fmt.Errorf("wait for block %d, at %d: %w", h, now, errors.Join(ErrStopped, n.Err()))
		}
	}
}

// stallTime is how long a submission may wait for any block before the node says
// that there are none.
const stallTime = 30 * time.Second

// Stalled says that no block has been made for a while though submissions wait:
// most likely less than two thirds of the voting power is up; or that none can come
// (Stranded). Nil otherwise.
func (n *Node) Stalled() error {
	if err := n.Stranded(); err != nil {
		return err
	}
	if release, err := n.use(); err == nil {
		empty := n.comet.Mempool().Size() == 0
		release()
		if empty {
			return nil
		}
	}
	peers := n.Peers()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting.IsZero() || time.Since(n.waiting) < stallTime {
		return nil
	}
	return fmt.Errorf("no block for %s while submissions wait; peers connected: %d; are validators with more than two thirds of the power up, and do they reach each other?", time.Since(n.waiting).Round(time.Second), peers)
}

// CatchingUp says that the node fetches blocks that others have decided and does
// not vote, or cannot get them; also that it does not run.
func (n *Node) CatchingUp() bool {
	release, err := n.use()
	if err != nil {
		return true
	}
	defer release()
	return n.comet.ConsensusReactor().WaitSync() || n.stranded() != nil
}
