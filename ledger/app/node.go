package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/config"
	cmtnode "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"tokentrail/ledger"
)

// NodeOptions are what a Node may be given beside its home and application.
type NodeOptions struct {
	// Log receives the node's and CometBFT's messages; nil discards them.
	Log *slog.Logger
	// EngineLevel is the least level of CometBFT's messages that are logged; nil
	// means warnings. Its "info" is several lines a block.
	EngineLevel slog.Leveler
	// Prometheus is host:port for CometBFT's metrics; empty for none. They sit on
	// the process's registry: only one node a process can have them.
	Prometheus string
	// Lock is the home's lock when the caller holds it (it must, when it opened
	// the ledger before). When nil the node takes it itself, from Start to Stop.
	Lock *HomeLock
	// Archive is where signed headers are kept for ever: the ledger. Without one
	// the engine keeps all blocks.
	Archive *ledger.Ledger
}

// Node is a CometBFT node in this process with app as its application. Start it
// once; after Stop a new Node can use the home. All methods are safe for
// concurrent use.
type Node struct {
	home string
	app  abci.Application
	opt  NodeOptions
	log  *slog.Logger

	// Set by Start before running is, and not changed until Stop has unset it.
	lock   *HomeLock // nil when the caller holds it
	engine *EngineDB
	states sm.Store
	comet  *cmtnode.Node
	p2p    string         // node-id@host:port
	rpc    string         // host:port
	events sync.WaitGroup // the goroutine that follows heights
	dials  sync.WaitGroup // the goroutines that dial peers and look at their blocks
	copies sync.WaitGroup // the goroutine that archives headers

	blocks   peerBlocks   // locks itself
	keepFrom atomic.Int64 // the first block that the engine is to keep; 0: all

	life    sync.RWMutex // held for reading by calls into the stores, for writing by Start and Stop
	running bool         // guarded by life

	mu      sync.Mutex    // guards height, waiting and changed
	height  int64         // the last block that the application committed
	waiting time.Time     // when the mempool took the first submission since that block; zero: none
	changed chan struct{} // closed and replaced when height grows

	end     sync.Once     // closes done
	done    chan struct{} // closed when the node halts or stops
	haltErr error         // set before done is closed
}

// NewNode prepares a node; nothing happens before Start.
func NewNode(home string, app abci.Application, o NodeOptions) *Node {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.EngineLevel == nil {
		o.EngineLevel = slog.LevelWarn
	}
	return &Node{home: home, app: app, opt: o, log: o.Log, changed: make(chan struct{}), done: make(chan struct{}), blocks: peerBlocks{bases: map[p2p.ID]int64{}}}
}

// Start opens home, replays into the application what it lacks, and runs
// consensus. It refuses a home that another process uses, whose genesis changed,
// or whose validator could sign twice. ctx ends the start, not the running node.
func (n *Node) Start(ctx context.Context) (err error) {
	n.life.Lock()
	defer n.life.Unlock()
	if n.comet != nil || n.isDone() {
		return fmt.Errorf("start %s: a node starts once; make a new one", n.home)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("start %s: %w", n.home, errors.Join(err, n.release()))
		}
	}()
	defer recoverEngine(&err, "read the engine's stores")
	if n.opt.Lock == nil {
		if n.lock, err = LockHome(n.home); err != nil {
			return err
		}
	}
	conf, err := LoadNodeConfig(n.home)
	if err != nil {
		return err
	}
	doc, _, sum, err := LoadGenesis(n.home)
	if err != nil {
		return err
	}
	if n.engine, err = OpenEngineDB(EngineDir(n.home), n.log); err != nil {
		return err
	}
	blocks := store.NewBlockStore(n.engine.Store("blockstore"))
	n.states = sm.NewStore(n.engine.Store("state"), sm.StoreOptions{DiscardABCIResponses: true})
	state, tip, err := goOnWithoutBlocks(n.states, blocks)
	if err != nil {
		return err
	}
	if err := n.checkHeights(tip); err != nil {
		return err
	}
	if err := checkGenesis(n.home, sum, tip > 0); err != nil {
		return err
	}
	nodeKey, pv, err := n.signingKeys(blocks, state, tip)
	if err != nil {
		return err
	}
	cfg, err := n.engineConfig(conf, nodeKey)
	if err != nil {
		return err
	}
	return n.run(ctx, cfg, doc, nodeKey, pv, conf)
}

// engineConfig resolves port 0 to a free port: CometBFT tells peers the port of
// its configuration, not the one it got.
func (n *Node) engineConfig(conf NodeConfig, nodeKey *p2p.NodeKey) (*config.Config, error) {
	listen, err := resolvePort(conf.P2P)
	if err != nil {
		return nil, err
	}
	n.p2p = string(nodeKey.ID()) + "@" + listen
	if conf.RPC != "" {
		if n.rpc, err = resolvePort(conf.RPC); err != nil {
			return nil, err
		}
	}
	cfg := EngineConfig(n.home, EngineOptions{
		Moniker: conf.Moniker, P2PListen: listen, RPCListen: n.rpc,
		PersistentPeers: conf.PersistentPeers, Prometheus: n.opt.Prometheus,
	})
	if err := cfg.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("engine configuration: %w", err)
	}
	return cfg, nil
}

// run makes and starts the CometBFT node. Making it performs the handshake: the
// application gets the blocks that it has not committed.
func (n *Node) run(ctx context.Context, cfg *config.Config, doc *types.GenesisDoc, key *p2p.NodeKey, pv *privval.FilePV, conf NodeConfig) error {
	// CometBFT sleeps until the genesis time, deaf to everything.
	if wait := time.Until(doc.GenesisTime); wait > time.Second {
		n.log.Warn("the ledger begins at its genesis time, which this machine's clock has not reached: the node waits; is the clock right?", "genesis time", doc.GenesisTime, "wait", wait.Round(time.Second))
	}
	select {
	case <-time.After(time.Until(doc.GenesisTime)):
	case <-ctx.Done():
		return fmt.Errorf("wait for the genesis time %s: %w", doc.GenesisTime, ctx.Err())
	}
	comet, err := cmtnode.NewNodeWithContext(ctx, cfg, pv, key,
		proxy.NewConnSyncLocalClientCreator(guarded{retaining{n.app, &n.keepFrom}, n}),
		func() (*types.GenesisDoc, error) { return doc, nil },
		n.engine.Provider(), cmtnode.DefaultMetricsProvider(cfg.Instrumentation),
		&engineLog{log: n.log, level: n.opt.EngineLevel, node: n}, watchPeerBlocks(&n.blocks))
	if err != nil {
		return fmt.Errorf("make the engine: %w", err)
	}
	n.comet = comet
	state, err := n.states.Load()
	if err != nil {
		return fmt.Errorf("load the engine's state: %w", err)
	}
	// Before consensus runs, so that no block is missed.
	n.setHeight(state.LastBlockHeight)
	sub, err := comet.EventBus().SubscribeUnbuffered(ctx, "tokentrail", types.EventQueryNewBlockHeader)
	if err != nil {
		return fmt.Errorf("subscribe to blocks: %w", err)
	}
	n.events.Go(func() { n.follow(sub) })
	cfg.P2P.PersistentPeers = "" // known by now; dialled by us
	if err := comet.Start(); err != nil {
		return fmt.Errorf("start the engine, peers at %s: %w; the addresses are in config/node.json", conf.P2P, err)
	}
	n.dials.Go(func() { n.dial(conf.PersistentPeers) })
	n.dials.Go(n.sayIfStranded)
	if n.opt.Archive != nil {
		n.copies.Go(func() { n.archive(conf.Retention) })
	}
	n.running = true
	return nil
}

// halt ends all waiting; err is nil for an ordinary stop.
func (n *Node) halt(err error) {
	n.end.Do(func() {
		n.haltErr = err
		close(n.done)
	})
}

func (n *Node) isDone() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// Done is closed when the node stops, or when its consensus halted: the
// application failed or the stores are damaged, and only a restart can help.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err says why consensus halted; nil while the node runs or after a plain Stop.
func (n *Node) Err() error {
	if n.isDone() {
		return n.haltErr
	}
	return nil
}

// Stop ends the node and closes its stores, in this order: whoever waits is
// told, then consensus, gossip and RPC end, then the application is left, then
// Badger closes, then the lock goes. The application itself stays the caller's
// to close. Stop may be called again.
func (n *Node) Stop() error {
	n.halt(nil)
	n.life.Lock()
	defer n.life.Unlock()
	n.running = false
	if err := n.release(); err != nil {
		return fmt.Errorf("stop %s: %w", n.home, err)
	}
	return nil
}

// release undoes Start, as far as it came. Called with life held for writing.
func (n *Node) release() error {
	n.halt(nil)
	var errs []error
	if n.comet != nil {
		n.dials.Wait()
		n.copies.Wait()
		if n.comet.IsRunning() {
			errs = append(errs, n.comet.Stop())
		} else if n.comet.EventBus().IsRunning() {
			errs = append(errs, n.comet.EventBus().Stop())
		}
		if n.comet.ProxyApp().IsRunning() { // CometBFT leaves these connections open
			errs = append(errs, n.comet.ProxyApp().Stop())
		}
		n.events.Wait()
	}
	if n.engine != nil {
		errs = append(errs, n.engine.Close())
		n.engine = nil
	}
	if n.lock != nil {
		errs = append(errs, n.lock.Close())
		n.lock = nil
	}
	return errors.Join(errs...)
}

// use keeps the node from stopping until the returned function is called.
func (n *Node) use() (func(), error) {
	n.life.RLock()
	if !n.running {
		n.life.RUnlock()
		return nil, errors.Join(ErrStopped, n.Err())
	}
	return n.life.RUnlock, nil
}
