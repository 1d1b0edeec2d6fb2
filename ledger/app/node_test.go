package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	"go.uber.org/goleak"
)

// counter is an application whose state is the number of its transactions and a
// chain of their hashes. An empty block leaves the app hash alone.
type counter struct {
	abci.BaseApplication
	fail error // what FinalizeBlock fails with

	mu        sync.Mutex // guards all below
	height, n int64
	hash      [32]byte
	nextN     int64 // of the block that is finalized but not committed
	nextHash  [32]byte
}

func (c *counter) state() (height, n int64, hash [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.height, c.n, c.hash
}

func (c *counter) Info(context.Context, *abci.RequestInfo) (*abci.ResponseInfo, error) {
	h, _, hash := c.state()
	return &abci.ResponseInfo{LastBlockHeight: h, LastBlockAppHash: hash[:]}, nil
}

func (c *counter) InitChain(context.Context, *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	return &abci.ResponseInitChain{AppHash: make([]byte, 32)}, nil
}

func (c *counter) CheckTx(_ context.Context, r *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
	if bytes.HasPrefix(r.Tx, []byte("bad")) {
		return &abci.ResponseCheckTx{Code: 7, Log: "bad it is"}, nil
	}
	return &abci.ResponseCheckTx{}, nil
}

func (c *counter) FinalizeBlock(_ context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	if c.fail != nil && len(r.Txs) > 0 {
		return nil, c.fail
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nextN, c.nextHash = c.n, c.hash
	res := &abci.ResponseFinalizeBlock{}
	for _, tx := range r.Txs {
		c.nextN++
		c.nextHash = sha256.Sum256(append(c.nextHash[:], tx...))
		res.TxResults = append(res.TxResults, &abci.ExecTxResult{})
	}
	res.AppHash = bytes.Clone(c.nextHash[:])
	return res, nil
}

func (c *counter) Commit(context.Context, *abci.RequestCommit) (*abci.ResponseCommit, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.height++
	c.n, c.hash = c.nextN, c.nextHash
	return &abci.ResponseCommit{}, nil
}

// noLeaks fails the test when goroutines that it began outlive it. CometBFT's
// get some seconds: gossip sleeps in steps of 2 s. Two for each write-ahead log
// never end: CometBFT closes the log's file but not its AutoFile.
func noLeaks(t *testing.T) {
	const autofile = "github.com/cometbft/cometbft/libs/autofile."
	ignore := []goleak.Option{
		goleak.IgnoreCurrent(),
		goleak.IgnoreTopFunction(autofile + "OpenAutoFile.func1"),
		goleak.IgnoreTopFunction(autofile + "(*AutoFile).closeFileRoutine"),
	}
	t.Cleanup(func() {
		deadline := time.Now().Add(15 * time.Second)
		err := goleak.Find(ignore...)
		for err != nil && time.Now().Before(deadline) {
			err = goleak.Find(ignore...)
		}
		if err != nil {
			t.Error(err)
		}
	})
}

func timeout(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, home string, app abci.Application) *Node {
	t.Helper()
	n := NewNode(home, app, NodeOptions{Log: testLog(t)})
	if err := n.Start(timeout(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func stop(t *testing.T, n *Node) {
	t.Helper()
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
}

func submit(t *testing.T, n *Node, tx string) {
	t.Helper()
	if code, log, err := n.Submit(timeout(t), []byte(tx)); code != 0 || err != nil {
		t.Fatalf("submit %q: %d %s %v", tx, code, log, err)
	}
}

// untilCount waits, block by block, for the application to have want transactions.
func untilCount(t *testing.T, n *Node, c *counter, want int64) {
	t.Helper()
	for {
		h := n.Height()
		_, got, _ := c.state()
		if got >= want {
			if got > want {
				t.Fatalf("%d transactions, want %d", got, want)
			}
			return
		}
		if err := n.WaitHeight(timeout(t), h+1); err != nil {
			t.Fatalf("at %d of %d transactions: %v", got, want, err)
		}
	}
}

func single(t *testing.T) string {
	homes, err := InitLocalnet(t.TempDir(), Localnet{ChainID: "single", Validators: 1, Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return homes[0]
}

func TestSingleValidator(t *testing.T) {
	noLeaks(t)
	home, c := single(t), &counter{}
	n := start(t, home, c)
	if err := n.WaitHeight(timeout(t), 1); err != nil {
		t.Fatal(err)
	}
	if n.CatchingUp() || n.Peers() != 0 || !strings.Contains(n.P2PAddress(), "@127.0.0.1:") || n.RPCAddress() == "" {
		t.Errorf("catching up %v, %d peers, at %s and %s", n.CatchingUp(), n.Peers(), n.P2PAddress(), n.RPCAddress())
	}
	for i := range 10 {
		submit(t, n, fmt.Sprint("tx ", i))
	}
	untilCount(t, n, c, 10)

	// The next header carries the app hash, and then the chain rests.
	appHeight, _, hash := c.state()
	if err := n.WaitHeight(timeout(t), appHeight+1); err != nil {
		t.Fatal(err)
	}
	tip := verifyHeaders(t, n, "single")
	if !bytes.Equal(tip.AppHash, hash[:]) {
		t.Errorf("tip %d has app hash %X, want %X", tip.Height, tip.AppHash, hash)
	}
	time.Sleep(700 * time.Millisecond)
	if h, _, _ := c.state(); h > appHeight+1 {
		t.Errorf("an idle chain went on from %d to %d", appHeight, h)
	}

	// The same process opens the home again, with an application that has it all ...
	stop(t, n)
	stop(t, n)
	n = start(t, home, c)
	if n.Height() < appHeight+1 {
		t.Errorf("height %d after reopening", n.Height())
	}
	submit(t, n, "after reopening")
	untilCount(t, n, c, 11)
	_, _, hash = c.state()
	stop(t, n)

	// ... and with one that has nothing, which gets everything again.
	c = &counter{}
	n = start(t, home, c)
	if _, count, again := c.state(); count != 11 || again != hash {
		t.Errorf("replay: %d transactions, hash %x, want %x", count, again, hash)
	}
	submit(t, n, "after replay")
	untilCount(t, n, c, 12)
	verifyHeaders(t, n, "single")
}

func TestSubmitErrors(t *testing.T) {
	noLeaks(t)
	c := &counter{}
	n := start(t, single(t), c)
	ctx := timeout(t)
	if code, log, err := n.Submit(ctx, []byte("bad")); code != 7 || log != "bad it is" || err != nil {
		t.Errorf("refused by the application: %d %q %v", code, log, err)
	}
	if _, _, err := n.Submit(ctx, make([]byte, MaxTxBytes+1)); !errors.Is(err, ErrTxTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if code, _, err := n.Submit(ctx, make([]byte, MaxTxBytes)); code != 0 || err != nil {
		t.Errorf("the largest: %d %v", code, err)
	}
	if _, _, err := n.Submit(ctx, make([]byte, MaxTxBytes)); !errors.Is(err, ErrTxKnown) {
		t.Errorf("twice: %v", err)
	}
	untilCount(t, n, c, 1)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := n.Submit(gone, []byte("a")); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	waiting := make(chan error, 1)
	go func() { waiting <- n.WaitHeight(ctx, 1000) }()
	stop(t, n)
	if err := <-waiting; !errors.Is(err, ErrStopped) {
		t.Errorf("waiting while stopped: %v", err)
	}
	if _, _, err := n.Submit(ctx, []byte("a")); !errors.Is(err, ErrStopped) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := n.LightBlock(1); !errors.Is(err, ErrStopped) {
		t.Errorf("headers of a stopped node: %v", err)
	}
	if err := n.Start(ctx); err == nil {
		t.Error("a node started twice")
	}
}

// An application that fails halts consensus; whoever waits must learn of it.
func TestConsensusHalt(t *testing.T) {
	noLeaks(t)
	c := &counter{fail: errors.New("disk on fire")}
	n := NewNode(single(t), c, NodeOptions{})
	if err := n.Start(timeout(t)); err != nil {
		t.Fatal(err)
	}
	if err := n.WaitHeight(timeout(t), 1); err != nil {
		t.Fatal(err)
	}
	submit(t, n, "a")
	err := n.WaitHeight(timeout(t), 2)
	if !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("waiting: %v", err)
	}
	<-n.Done()
	if n.Err() == nil {
		t.Error("no reason")
	}
	stop(t, n)
}

// A home is refused when another holds it, its genesis changed, or its validator
// could sign twice; and serves again when that is put right.
func TestStartRefuses(t *testing.T) {
	noLeaks(t)
	home, c := single(t), &counter{}
	n := start(t, home, c)
	state := filepath.Join(home, privStateFile)
	early, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(why, want string) {
		t.Helper()
		m := NewNode(home, c, NodeOptions{})
		if err := m.Start(timeout(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", why, err)
			m.Stop()
		}
	}
	refused("two nodes", fmt.Sprintf("process %d", os.Getpid()))
	submit(t, n, "a")
	untilCount(t, n, c, 1)
	stop(t, n)

	swap := func(path string, content []byte) (restore func()) {
		t.Helper()
		old, err := os.ReadFile(path)
		if err == nil && content == nil {
			err = os.Remove(path)
		} else if err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return func() {
			if err := os.WriteFile(path, old, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	put := swap(GenesisPath(home), append(mustRead(t, GenesisPath(home)), ' '))
	refused("genesis changed", "changed")
	put()
	put = swap(filepath.Join(home, genesisHashFile), nil)
	refused("genesis hash gone", hex.EncodeToString(sha256Of(mustRead(t, GenesisPath(home)))))
	put()
	put = swap(state, nil)
	refused("signing state gone", "two blocks of one height")
	put()
	put = swap(state, early)
	refused("signing state restored from a copy", "an old copy")
	put()
	put = swap(state, []byte("{"))
	refused("signing state damaged", "priv_validator_state.json")
	put()
	put = swap(filepath.Join(home, privKeyFile), nil)
	refused("no key", "priv_validator_key.json")
	put()
	keyFile := mustRead(t, filepath.Join(home, privKeyFile))
	for what, member := range map[string]string{"secret of another key": `"value": "`, "address of another key": `"address": "`} {
		at := bytes.LastIndex(keyFile, []byte(member)) + len(member)
		changed := bytes.Clone(keyFile)
		changed[at] = map[bool]byte{true: '1', false: '0'}[changed[at] == '0'] // digits of hex and of base64
		put = swap(filepath.Join(home, privKeyFile), changed)
		refused(what, "do not belong together")
		put()
	}

	n = start(t, home, c)
	submit(t, n, "b")
	untilCount(t, n, c, 2)
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sha256Of(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

func TestFourValidators(t *testing.T) {
	noLeaks(t)
	homes, err := InitLocalnet(t.TempDir(), Localnet{ChainID: "four", Validators: 4, Time: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	nodes, apps := make([]*Node, 4), make([]*counter, 4)
	for i, h := range homes {
		apps[i] = &counter{}
		nodes[i] = start(t, h, apps[i])
	}
	connected := func() {
		t.Helper()
		for i, n := range nodes {
			for deadline := time.Now().Add(10 * time.Second); n.Peers() != 3; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("node %d has %d peers", i, n.Peers())
				}
			}
		}
	}
	all := func(want int64) {
		t.Helper()
		for i := range nodes {
			untilCount(t, nodes[i], apps[i], want)
		}
	}
	began := time.Now()
	for i := range 40 {
		submit(t, nodes[i%4], fmt.Sprint("tx ", i))
	}
	all(40)
	t.Logf("40 transactions by four validators after %v, height %d", time.Since(began), nodes[0].Height())

	connected()

	stop(t, nodes[3])
	began = time.Now()
	for i := range 9 {
		submit(t, nodes[i%3], fmt.Sprint("without one ", i))
		untilCount(t, nodes[i%3], apps[i%3], int64(41+i))
	}
	t.Logf("9 transactions one by one by three of four validators after %v", time.Since(began))

	// The same application, and its stores, take up where they were.
	began = time.Now()
	nodes[3] = start(t, homes[3], apps[3])
	all(49)
	t.Logf("the fourth caught up after %v", time.Since(began))
	connected()
	submit(t, nodes[3], "back again")
	all(50)
	tip := nodes[0].Height()
	for _, n := range nodes {
		if err := n.WaitHeight(timeout(t), tip+1); err != nil {
			t.Fatal(err)
		}
	}
	_, _, want := apps[0].state()
	for i, n := range nodes {
		if _, _, got := apps[i].state(); got != want {
			t.Errorf("node %d has app hash %x, want %x", i, got, want)
		}
		if h := verifyHeaders(t, n, "four"); !bytes.Equal(h.AppHash, want[:]) {
			t.Errorf("node %d: header %d has app hash %X, want %X", i, h.Height, h.AppHash, want)
		}
	}
}

// TestLoneliness: a node without a peer says so after a while, not before, and not
// at every look.
func TestLoneliness(t *testing.T) {
	start := time.Now()
	l := loneliness{since: start}
	for i, c := range []struct {
		after time.Duration
		peers int
		want  bool
	}{
		{aloneTime - 1, 0, false}, {aloneTime, 0, true}, {aloneTime + time.Second, 0, false}, {2 * aloneTime, 0, true},
		{3 * aloneTime, 1, false}, {4*aloneTime - 1, 0, false}, {4 * aloneTime, 0, true},
	} {
		if got := l.say(c.peers, start.Add(c.after)); got != c.want {
			t.Errorf("%d: after %s with %d peers: %v", i, c.after, c.peers, got)
		}
	}
}

// TestStalled: a node says that there are no blocks once a submission has waited
// for long, and not before.
func TestStalled(t *testing.T) {
	n := NewNode(t.TempDir(), abci.NewBaseApplication(), NodeOptions{})
	if err := n.Stalled(); err != nil {
		t.Errorf("nothing waits: %v", err)
	}
	n.waiting = time.Now()
	if err := n.Stalled(); err != nil {
		t.Errorf("it waits for a moment: %v", err)
	}
	n.waiting = time.Now().Add(-2 * stallTime)
	if n.Stalled() == nil {
		t.Error("it waits for a minute, and nothing is said")
	}
	n.setHeight(1)
	if err := n.Stalled(); err != nil {
		t.Errorf("there was a block: %v", err)
	}
}
