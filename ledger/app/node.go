package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/config"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/mempool"
	cmtnode "github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"
)

// What Submit and WaitHeight fail with, beside the context's errors.
var (
	// ErrMempoolFull: nothing is wrong with the transaction; try again later.
	ErrMempoolFull = errors.New("mempool is full")
	// ErrTxTooLarge: above MaxTxBytes, for good.
	ErrTxTooLarge = errors.New("transaction is too large")
	// ErrTxKnown: the node has these bytes already, pending or lately committed.
	ErrTxKnown = errors.New("transaction is already known")
	// ErrStopped: the node is stopped, or its consensus halted.
	ErrStopped = errors.New("node is not running")
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
	dials  sync.WaitGroup // the goroutine that dials peers, and its dials

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
	return &Node{home: home, app: app, opt: o, log: o.Log, changed: make(chan struct{}), done: make(chan struct{})}
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
	if err := checkGenesis(n.home, sum, blocks.Height() > 0); err != nil {
		return err
	}
	nodeKey, pv, err := n.signingKeys(blocks)
	if err != nil {
		return err
	}
	cfg, err := n.engineConfig(conf, nodeKey)
	if err != nil {
		return err
	}
	return n.run(ctx, cfg, doc, nodeKey, pv, conf.PersistentPeers)
}

// signingKeys loads the keys and refuses where the validator could sign a second
// block of a height: its memory of what it signed is gone, or older than a
// signature of its own that the block store holds.
func (n *Node) signingKeys(blocks *store.BlockStore) (*p2p.NodeKey, *privval.FilePV, error) {
	const remedy = "restore the newest copy, or if there is none make this a new validator with a new key"
	tip := blocks.Height()
	nodeKey, pv, err := loadKeys(n.home)
	if errors.Is(err, errNoSignState) {
		if tip > 0 {
			return nil, nil, fmt.Errorf("%w, but the node has %d blocks: the validator could sign two blocks of one height; %s", err, tip, remedy)
		}
		pv.LastSignState.Save()
		err = nil
	}
	if err != nil || tip == 0 {
		return nodeKey, pv, err
	}
	commit := blocks.LoadSeenCommit(tip)
	if commit == nil || pv.LastSignState.Height >= tip {
		return nodeKey, pv, nil
	}
	for _, s := range commit.Signatures {
		if string(s.ValidatorAddress) == string(pv.GetAddress()) {
			return nil, nil, fmt.Errorf("data/priv_validator_state.json ends at height %d, but the validator has signed height %d: an old copy, with which it could sign two blocks of one height; %s", pv.LastSignState.Height, tip, remedy)
		}
	}
	return nodeKey, pv, nil
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

// run makes and starts the CometBFT node. Making it performs the handshake: the
// application gets the blocks that it has not committed.
func (n *Node) run(ctx context.Context, cfg *config.Config, doc *types.GenesisDoc, key *p2p.NodeKey, pv *privval.FilePV, peers []string) error {
	// CometBFT sleeps until the genesis time, deaf to everything.
	select {
	case <-time.After(time.Until(doc.GenesisTime)):
	case <-ctx.Done():
		return fmt.Errorf("wait for the genesis time %s: %w", doc.GenesisTime, ctx.Err())
	}
	comet, err := cmtnode.NewNodeWithContext(ctx, cfg, pv, key,
		proxy.NewConnSyncLocalClientCreator(n.app),
		func() (*types.GenesisDoc, error) { return doc, nil },
		n.engine.Provider(), cmtnode.DefaultMetricsProvider(cfg.Instrumentation),
		&engineLog{log: n.log, level: n.opt.EngineLevel, node: n})
	if err != nil {
		return fmt.Errorf("make the engine: %w", err)
	}
	n.comet = comet
	n.states = sm.NewStore(n.engine.Store("state"), sm.StoreOptions{DiscardABCIResponses: true})
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
		return fmt.Errorf("start the engine: %w", err)
	}
	n.dials.Go(func() { n.dial(peers) })
	n.running = true
	return nil
}

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

// stallTime is how long a submission may wait for any block before the node says
// that there are none.
const stallTime = 30 * time.Second

// Stalled says that no block has been made for a while though submissions wait:
// most likely less than two thirds of the voting power is up. Nil otherwise.
func (n *Node) Stalled() error {
	if release, err := n.use(); err == nil {
		empty := n.comet.Mempool().Size() == 0
		release()
		if empty {
			return nil
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting.IsZero() || time.Since(n.waiting) < stallTime {
		return nil
	}
	return fmt.Errorf("no block for %s while submissions wait: are validators with more than two thirds of the power up?", time.Since(n.waiting).Round(time.Second))
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

// Submit hands tx to the mempool, which asks the application (CheckTx) and
// gossips what it accepts. It returns the application's code and log; code 0
// says that tx is likely to be committed, not that it is: wait for the ledger to
// show it. It waits while a block is being committed, then as long as the
// application takes; ctx is looked at before that.
func (n *Node) Submit(ctx context.Context, tx []byte) (code uint32, log string, err error) {
	release, err := n.use()
	if err != nil {
		return 0, "", err
	}
	defer release()
	if err := ctx.Err(); err != nil {
		return 0, "", err
	}
	defer func() {
		if r := recover(); r != nil { // the mempool panics when the application fails
			err = fmt.Errorf("check transaction: %v", r)
		}
	}()
	before := n.Height()
	answer := make(chan *abci.ResponseCheckTx, 1)
	err = n.comet.Mempool().CheckTx(tx, func(r *abci.ResponseCheckTx) { answer <- r }, mempool.TxInfo{})
	if err != nil {
		return 0, "", submitError(err)
	}
	select {
	case r := <-answer:
		if r.Code == abci.CodeTypeOK {
			n.mu.Lock()
			if n.waiting.IsZero() && n.height == before { // else there was a block meanwhile
				n.waiting = time.Now()
			}
			n.mu.Unlock()
		}
		return r.Code, r.Log, nil
	case <-ctx.Done():
		return 0, "", ctx.Err()
	case <-n.done:
		return 0, "", errors.Join(ErrStopped, n.Err())
	}
}

func submitError(err error) error {
	var full mempool.ErrMempoolIsFull
	var large mempool.ErrTxTooLarge
	switch {
	case errors.As(err, &full), errors.Is(err, mempool.ErrRecheckFull):
		return fmt.Errorf("%w: %w", ErrMempoolFull, err)
	case errors.As(err, &large), mempool.IsPreCheckError(err):
		return fmt.Errorf("%w: %w", ErrTxTooLarge, err)
	case errors.Is(err, mempool.ErrTxInCache):
		return ErrTxKnown
	}
	return fmt.Errorf("check transaction: %w", err)
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

// CatchingUp says that the node fetches blocks that others have decided and does
// not vote; also that it does not run.
func (n *Node) CatchingUp() bool {
	release, err := n.use()
	if err != nil {
		return true
	}
	defer release()
	return n.comet.ConsensusReactor().WaitSync()
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

// engineLog is CometBFT's logger on slog.
type engineLog struct {
	log   *slog.Logger
	level slog.Leveler
	node  *Node
}

var _ cmtlog.Logger = (*engineLog)(nil)

func (l *engineLog) write(level slog.Level, msg string, kv []any) {
	if l.node.isDone() { // a stop closes connections, and CometBFT calls that errors
		level = slog.LevelDebug
	}
	if level < l.level.Level() || !l.log.Enabled(context.Background(), level) {
		return
	}
	l.log.Log(context.Background(), level, "engine: "+msg, plain(kv)...)
}

// plain gives slog values that every handler shows: CometBFT passes lazy
// Stringers.
func plain(kv []any) []any {
	out := make([]any, len(kv))
	for i, v := range kv {
		out[i] = v
		if s, ok := v.(fmt.Stringer); ok {
			out[i] = fmt.Sprint(s) // survives a String method that panics
		} else if i%2 == 0 {
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}

func (l *engineLog) Debug(msg string, kv ...any) { l.write(slog.LevelDebug, msg, kv) }
func (l *engineLog) Info(msg string, kv ...any)  { l.write(slog.LevelInfo, msg, kv) }
func (l *engineLog) Warn(msg string, kv ...any)  { l.write(slog.LevelWarn, msg, kv) }

// Error also notices that consensus has ended: CometBFT logs this and lets the
// process live on without ever making another block.
func (l *engineLog) Error(msg string, kv ...any) {
	level := slog.LevelError
	if msg == "Error dialing peer" || msg == "Stopping peer for error" {
		level = slog.LevelInfo // a peer is away: said each second, and no fault of this node
	}
	l.write(level, msg, kv)
	if strings.HasPrefix(msg, "CONSENSUS FAILURE") {
		cause := "unknown"
		if len(kv) > 1 {
			cause = fmt.Sprint(kv[1])
		}
		l.node.halt(fmt.Errorf("consensus halted: %s", cause))
	}
}

func (l *engineLog) With(kv ...any) cmtlog.Logger {
	return &engineLog{log: l.log.With(plain(kv)...), level: l.level, node: l.node}
}
