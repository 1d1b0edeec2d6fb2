package app

import (
	"fmt"
	"sync"
	"time"

	"github.com/cometbft/cometbft/blocksync"
	cmtnode "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	bcproto "github.com/cometbft/cometbft/proto/tendermint/blocksync"
)

// strandedTime is how long all peers have to lack the node's next block before it
// says so: others may still be on their way.
const strandedTime = 10 * time.Second

// peerBlocks listens to what peers say of their blocks, which the engine does not
// tell: a node that was away for longer than its peers keep blocks asks for its
// next one for ever. It is the engine's block sync in all else.
type peerBlocks struct {
	*blocksync.Reactor

	mu    sync.Mutex
	bases map[p2p.ID]int64 // guarded by mu: the first block of each peer that has any
	since time.Time        // guarded by mu: when all of them began to lack the next block; zero: not so
}

// watchPeerBlocks is an option of the engine that puts b in the place of its block
// sync.
func watchPeerBlocks(b *peerBlocks) cmtnode.Option {
	const name = "BLOCKSYNC"
	return func(n *cmtnode.Node) {
		r, _ := n.Switch().Reactor(name)
		if sync, ok := r.(*blocksync.Reactor); ok {
			b.Reactor = sync
			cmtnode.CustomReactors(map[string]p2p.Reactor{name: b})(n)
		}
	}
}

// Receive implements p2p.Reactor.
func (b *peerBlocks) Receive(e p2p.Envelope) {
	if m, ok := e.Message.(*bcproto.StatusResponse); ok && m.Height > 0 {
		b.mu.Lock()
		b.bases[e.Src.ID()] = m.Base
		b.mu.Unlock()
	}
	b.Reactor.Receive(e)
}

// RemovePeer implements p2p.Reactor.
func (b *peerBlocks) RemovePeer(peer p2p.Peer, reason any) {
	b.mu.Lock()
	delete(b.bases, peer.ID())
	b.mu.Unlock()
	b.Reactor.RemovePeer(peer, reason)
}

// lack returns the least first block of all peers where each lacks the one at
// next, and has for a while; 0 otherwise.
func (b *peerBlocks) lack(next int64, now time.Time) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	least := int64(0)
	for _, base := range b.bases {
		if base <= next {
			least = 0
			break
		}
		if least == 0 || base < least {
			least = base
		}
	}
	switch {
	case least == 0:
		b.since = time.Time{}
	case b.since.IsZero():
		b.since = now
	case now.Sub(b.since) >= strandedTime:
		return least
	}
	return 0
}

// Stranded says that the node cannot catch up: it was away for longer than any of
// its peers keeps blocks. Nil otherwise. The engine itself takes no notice of peers
// that do not have its next block, and takes itself for caught up. SPEC(NOD-41)
func (n *Node) Stranded() error {
	release, err := n.use()
	if err != nil {
		return nil
	}
	defer release()
	return n.stranded()
}

// stranded is Stranded, of a node that runs.
func (n *Node) stranded() error {
	next := n.Height() + 1
	if base := n.blocks.lack(next, time.Now()); base > 0 {
		return fmt.Errorf("this node's next block is %d, and its peers keep blocks from %d on: it was away for too long to catch up by blocks; stop it and run 'tokentraild rejoin --home %s --join URL --trust HEIGHT:HASH', which takes the ledger's newest state from a node and keeps the keys", next, base, n.home)
	}
	return nil
}

// sayIfStranded logs that the node cannot catch up, as long as that is so.
func (n *Node) sayIfStranded() {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	var said time.Time
	for {
		select {
		case <-again.C:
		case <-n.done:
			return
		}
		if err := n.stranded(); err != nil && time.Since(said) > time.Minute {
			n.log.Error("cannot catch up", "err", err)
			said = time.Now()
		}
	}
}
