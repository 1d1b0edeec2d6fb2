package app

import (
	"fmt"
	"net"
	"time"

	"github.com/cometbft/cometbft/p2p"
)

// dial connects to peers at once and again each second while one is missing.
// CometBFT's own dialing waits a random time of up to 3 s first, tries an absent
// peer every 5 to 8 s, and goes on after a stop: a node stopped young would come
// back as a ghost that peers take for its successor in the same process.
func (n *Node) dial(peers []string) {
	sw := n.comet.Switch()
	again := time.NewTicker(time.Second)
	defer again.Stop()
	alone := loneliness{since: time.Now()}
	for {
		for _, p := range peers {
			addr, err := p2p.NewNetAddressString(p) // each time: names may move
			if err != nil {
				n.log.Warn("peer's address does not resolve", "peer", p, "err", err)
				continue
			}
			if !sw.IsDialingOrExistingAddress(addr) {
				n.dials.Go(func() { _ = sw.DialPeerWithAddress(addr) }) // logged there
			}
		}
		if alone.say(sw.Peers().Size(), time.Now()) && len(peers) > 0 {
			n.log.Warn("no peer is connected: this node gets no blocks and has no part in them; name all other nodes under persistent_peers in config/node.json", "dialled", peers)
		}
		select {
		case <-again.C:
		case <-n.done:
			return
		}
	}
}

// aloneTime is how long a node has no peer before it says so, each time anew: peers
// that start again are back by then.
const aloneTime = 30 * time.Second

// loneliness knows since when a node has no peer, or last said so.
type loneliness struct{ since time.Time }

// say reports whether it is time to say that there is no peer.
func (l *loneliness) say(peers int, now time.Time) bool {
	long := peers == 0 && now.Sub(l.since) >= aloneTime
	if peers > 0 || long {
		l.since = now
	}
	return long
}

func resolvePort(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port != "0" {
		return addr, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("listen on %s: %w", addr, err)
	}
	defer l.Close()
	_, port, err = net.SplitHostPort(l.Addr().String())
	return net.JoinHostPort(host, port), err
}

// Peers is the number of connected peers.
func (n *Node) Peers() int {
	release, err := n.use()
	if err != nil {
		return 0
	}
	defer release()
	return n.comet.Switch().Peers().Size()
}

// P2PAddress is where peers find the running node: node-id@host:port.
func (n *Node) P2PAddress() string {
	n.life.RLock()
	defer n.life.RUnlock()
	return n.p2p
}

// RPCAddress is host:port of CometBFT's RPC of the running node; empty for none.
func (n *Node) RPCAddress() string {
	n.life.RLock()
	defer n.life.RUnlock()
	return n.rpc
}
