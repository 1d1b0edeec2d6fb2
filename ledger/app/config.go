package app

import (
	"time"

	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/types"
)

// Ceilings of what goes through consensus, in bytes.
const (
	// MaxTxBytes is the largest submission: 1 MiB of compressed records and 80
	// KiB for the statement (at most 65,535 bytes) and the envelope.
	MaxTxBytes = 1<<20 + 80<<10
	// MaxMempoolBytes bounds what waits in memory for a block.
	MaxMempoolBytes = 64 << 20

	mempoolCount = 5_000 // transactions
)

// EngineOptions is what differs from node to node in EngineConfig. Addresses
// are host:port.
type EngineOptions struct {
	Moniker         string   // a name for logs and peers
	P2PListen       string   // where peers connect to
	RPCListen       string   // CometBFT's RPC, unauthenticated; empty for none
	PersistentPeers []string // node-id@host:port
	Prometheus      string   // CometBFT's metrics on the process's default registry; empty for none
}

// EngineConfig is CometBFT's configuration for a node in home. What is not set
// here is CometBFT's default.
func EngineConfig(home string, o EngineOptions) *config.Config {
	c := config.DefaultConfig().SetRoot(home)
	c.Moniker = o.Moniker
	// Our stores come through a provider; the name is for CometBFT's logs only.
	c.DBBackend = "badgerdb"

	c.RPC.ListenAddress = ""
	if o.RPCListen != "" {
		c.RPC.ListenAddress = "tcp://" + o.RPCListen
	}
	// Nobody submits there (base64 in JSON, and broadcast_tx_commit gives up after
	// 10 s under load): the default 1 MB body stays.

	// Results are the log's matter. The index would be a second copy of it, and
	// kept responses a third.
	c.TxIndex.Indexer = "null"
	c.Storage.DiscardABCIResponses = true

	if o.Prometheus != "" {
		c.Instrumentation.Prometheus = true
		c.Instrumentation.PrometheusListenAddr = o.Prometheus
	}
	tuneP2P(c.P2P, o)
	tuneMempool(c.Mempool)
	tuneConsensus(c.Consensus)

	// The changelog warns of equivocation by validators that sync adaptively.
	c.BlockSync.AdaptiveSync = false
	return c
}

func tuneP2P(c *config.P2PConfig, o EngineOptions) {
	c.ListenAddress = "tcp://" + o.P2PListen
	c.PersistentPeers = joinPeers(o.PersistentPeers)
	// Validators are named to each other; nobody is to be discovered.
	c.PexReactor = false
	// Several validators of one machine or private network.
	c.AddrBookStrict = false
	c.AllowDuplicateIP = true
	// With the default 5 MB/s four validators stall at zero on large blocks:
	// the limit is meant for the open internet.
	c.SendRate = 500 << 20
	c.RecvRate = 500 << 20
	// A 64 KiB block part and its proof in 2 packets rather than 65. A vote waits
	// behind one packet at most, not behind a whole transaction.
	c.MaxPacketMsgPayloadSize = 64 << 10
	// Packets are held back this long to be sent together: 10 ms by default, at
	// each of the three steps of a round.
	c.FlushThrottleTimeout = 2 * time.Millisecond
	// Experimental, and with pion's network stack behind it.
	c.LibP2PConfig.Enabled = false
}

func tuneMempool(c *config.MempoolConfig) {
	// Every submission reaches every validator, so that one that dies takes
	// nothing along. Without gossip it is a third faster, but a submission lives
	// on one node until it is committed.
	c.Type = config.MempoolTypeFlood
	c.Broadcast = true
	// Re-checking is one look at the stream's head, and it alone evicts what
	// another validator's block made stale.
	c.Recheck = true
	c.MaxTxBytes = MaxTxBytes
	c.MaxTxsBytes = MaxMempoolBytes
	// All of them are looked at for each proposal and after each block: 5,000 that
	// are known take some 50 ms.
	c.Size = mempoolCount
	// Above Size, or gossip brings back what is still pending. 32 bytes each.
	c.CacheSize = 100_000
	// A submission that is held until its predecessor is here comes again.
	c.KeepInvalidTxsInCache = false
}

func tuneConsensus(c *config.ConsensusConfig) {
	// With one of four validators dead, 3 s (the default) of waiting for its
	// proposals leave 0.8 blocks/s of 25, 400 ms leave 4.4. The deltas lengthen
	// each further round, so that slow networks agree too.
	c.TimeoutPropose = 400 * time.Millisecond
	c.TimeoutProposeDelta = 200 * time.Millisecond
	c.TimeoutPrevote = 200 * time.Millisecond
	c.TimeoutPrevoteDelta = 100 * time.Millisecond
	c.TimeoutPrecommit = 200 * time.Millisecond
	c.TimeoutPrecommitDelta = 100 * time.Millisecond
	// On with the next height when all have signed, and shortly after two thirds
	// have: late signatures are for the record only.
	c.SkipTimeoutCommit = true
	c.TimeoutCommit = 10 * time.Millisecond
	// An idle chain rests. The app hash does not change on an empty block, so one
	// block after the last submission carries it, and then none.
	c.CreateEmptyBlocks = false
	c.CreateEmptyBlocksInterval = 0
	// How long gossip sleeps when it has nothing to send: 100 ms by default, which
	// is paid at each step of a round. Four validators: 185 ms from submission to
	// commit and 6 MB/s with 50 ms, 83 ms and 9 MB/s with 10 ms, 42 ms and 12 MB/s
	// with 2 ms, where an idle node begins to show in the CPU's use.
	c.PeerGossipSleepDuration = 5 * time.Millisecond
}

// ConsensusParams are the parameters of a new chain. They are part of genesis:
// all validators must have the same.
func ConsensusParams() *types.ConsensusParams {
	p := types.DefaultConsensusParams()
	// The ledger's own rule bounds a block (ledger.MaxBlockBytes): with -1 the
	// engine offers the whole mempool for a proposal. With a bound it offers the
	// oldest transactions up to the bound, and where those wait for predecessors
	// that came later, no block would ever hold anything.
	p.Block.MaxBytes = -1
	p.Block.MaxGas = -1
	// Double signing can be proven for a week (and for 100,000 blocks, whichever
	// is longer): as long as blocks are kept at least.
	p.Evidence.MaxAgeDuration = 7 * 24 * time.Hour
	p.Evidence.MaxAgeNumBlocks = 100_000
	// Some 250 proofs of double signing a block, beside the transactions.
	p.Evidence.MaxBytes = 128 << 10
	p.Validator.PubKeyTypes = []string{types.ABCIPubKeyTypeEd25519}
	return p
}
