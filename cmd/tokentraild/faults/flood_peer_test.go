//go:build linux

package faults

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/p2p"
	cmtcons "github.com/cometbft/cometbft/proto/tendermint/consensus"
	protomem "github.com/cometbft/cometbft/proto/tendermint/mempool"
	"github.com/cometbft/cometbft/version"

	"tokentrail/ledger/app"
)

// Channels of the engine's peers.
const (
	consensusChannel = 0x20
	mempoolChannel   = 0x30
)

// A rogue is a peer of all nodes, in this process, that is no validator and says
// to them what it likes.
type rogue struct {
	p2p.BaseReactor
	net       *network
	transport *p2p.MultiplexTransport
	hub       *p2p.Switch
	sent      atomic.Int64 // transactions that a connection took
	joined    atomic.Int64 // connections
	work      sync.WaitGroup
	ending    chan struct{}
}

// newRogue connects to all nodes; it says nothing yet.
func newRogue(t testing.TB, net *network) *rogue {
	t.Helper()
	key := p2p.NodeKey{PrivKey: cmted25519.GenPrivKey()}
	conf := app.EngineConfig(t.TempDir(), app.EngineOptions{Moniker: "rogue", P2PListen: "127.0.0.1:0"}).P2P
	info := p2p.DefaultNodeInfo{
		ProtocolVersion: p2p.NewProtocolVersion(version.P2PProtocol, version.BlockProtocol, 1),
		DefaultNodeID:   key.ID(), ListenAddr: "127.0.0.1:1", Network: localnetChain, Version: version.TMCoreSemVer,
		Channels: []byte{consensusChannel, mempoolChannel}, Moniker: "rogue",
		Other: p2p.DefaultNodeInfoOther{TxIndex: "off"},
	}
	r := &rogue{net: net, ending: make(chan struct{})}
	r.BaseReactor = *p2p.NewBaseReactor("rogue", r)
	r.transport = p2p.NewMultiplexTransport(info, key, p2p.MConnConfig(conf))
	r.hub = p2p.NewSwitch(conf, r.transport)
	r.hub.SetNodeInfo(info)
	r.hub.SetNodeKey(&key)
	r.hub.AddReactor("rogue", r)
	if err := r.hub.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.stop)
	for _, n := range net.nodes {
		id, err := app.LoadIdentity(n.home)
		if err != nil {
			t.Fatal(err)
		}
		address, err := p2p.NewNetAddressString(fmt.Sprint(id.NodeID, "@", n.config(t)["p2p"]))
		if err != nil {
			t.Fatal(err)
		}
		r.work.Go(func() { r.stay(address) })
	}
	return r
}

// stay connects to a node, again and again where the node throws it out.
func (r *rogue) stay(address *p2p.NetAddress) {
	for {
		if !r.hub.IsDialingOrExistingAddress(address) {
			if r.hub.DialPeerWithAddress(address) == nil {
				r.joined.Add(1)
			}
		}
		select {
		case <-r.ending:
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// stop ends all that it does.
func (r *rogue) stop() {
	select {
	case <-r.ending:
		return
	default:
	}
	close(r.ending)
	r.work.Wait()
	_ = r.hub.Stop() // its connections end with it
	_ = r.transport.Close()
}

// GetChannels implements p2p.Reactor.
func (*rogue) GetChannels() []*p2p.ChannelDescriptor {
	return []*p2p.ChannelDescriptor{
		{ID: consensusChannel, Priority: 6, RecvMessageCapacity: 1 << 20, MessageType: &cmtcons.Message{}},
		{ID: mempoolChannel, Priority: 5, SendQueueCapacity: 4, RecvMessageCapacity: 2 << 20, MessageType: &protomem.Message{}},
	}
}

// give hands transactions to all nodes as a peer does.
func (r *rogue) give(txs ...[]byte) {
	r.hub.Peers().ForEach(func(peer p2p.Peer) {
		if peer.Send(p2p.Envelope{ChannelID: mempoolChannel, Message: &protomem.Txs{Txs: txs}}) {
			r.sent.Add(int64(len(txs)))
		}
	})
}

// babble says to all nodes what no peer says there: they throw it out.
func (r *rogue) babble() {
	r.hub.Peers().ForEach(func(peer p2p.Peer) {
		peer.TrySend(p2p.Envelope{ChannelID: consensusChannel, Message: &protomem.Txs{Txs: [][]byte{randomBytes(100)}}})
		peer.TrySend(p2p.Envelope{ChannelID: consensusChannel, Message: &cmtcons.NewRoundStep{Height: -5, Round: -7, Step: 99}})
	})
}
