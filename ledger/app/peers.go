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
		select {
		case <-again.C:
		case <-n.done:
			return
		}
	}
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
