package app

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// TestKeeper holds the choice of what goes against each reason to keep it.
func TestKeeper(t *testing.T) {
	genesis := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	// Block h is h minutes old after genesis and has h kB.
	load := func(h int64) (*types.BlockMeta, error) {
		return &types.BlockMeta{BlockSize: int(h) * 1000, Header: types.Header{Height: h, Time: genesis.Add(time.Duration(h) * time.Minute)}}, nil
	}
	nothing := types.EvidenceParams{MaxAgeNumBlocks: 0, MaxAgeDuration: time.Nanosecond}
	for _, c := range []struct {
		name     string
		keep     Retention
		archived int64
		evidence types.EvidenceParams
		want     int64 // the first that is kept of 100
	}{
		{"by number", Retention{Blocks: 10}, 99, nothing, 91},
		{"by age", Retention{Blocks: 1, Age: Duration(20 * time.Minute)}, 99, nothing, 80},
		{"by size", Retention{Blocks: 1, Bytes: 500_000}, 99, nothing, 95}, // 95+…+100 kB; without 95 they are 490
		{"not archived", Retention{Blocks: 1}, 49, nothing, 50},
		{"nothing archived", Retention{Blocks: 1}, 0, nothing, 1},
		{"the longest of all", Retention{Blocks: 10, Age: Duration(30 * time.Minute), Bytes: 500_000}, 99, nothing, 70},
		{"evidence by blocks", Retention{Blocks: 1}, 99, types.EvidenceParams{MaxAgeNumBlocks: 40, MaxAgeDuration: time.Nanosecond}, 60},
		{"evidence by age", Retention{Blocks: 1}, 99, types.EvidenceParams{MaxAgeNumBlocks: 1, MaxAgeDuration: 50 * time.Minute}, 50},
		{"more than there is", Retention{Blocks: 1000}, 99, nothing, 1},
	} {
		k := &keeper{keep: c.keep, load: load, low: 1}
		var low int64
		for tip := int64(1); tip <= 100; tip += 9 { // as a node does, now and then
			meta, _ := load(tip)
			var err error
			if low, err = k.advance(&meta.Header, min(c.archived, tip-1), c.evidence); err != nil {
				t.Fatal(err)
			}
			if want := (k.high - k.low + 1) * (k.high + k.low) / 2 * 1000; k.size != want {
				t.Fatalf("%s: blocks %d to %d are counted as %d bytes, wanted %d", c.name, k.low, k.high, k.size, want)
			}
		}
		if low != c.want {
			t.Errorf("%s: %d is the first that is kept, wanted %d", c.name, low, c.want)
		}
	}
}

func TestKeeperSteps(t *testing.T) {
	for _, c := range []struct{ blocks, base, low, want int64 }{
		{100_000, 1, 100, 0}, {100_000, 1, 101, 101}, {100_000, 1, 5000, 201}, // together, and not too many
		{5, 1, 1, 0}, {5, 1, 2, 2}, {50, 10, 15, 0}, {50, 10, 16, 16},
	} {
		k := &keeper{keep: Retention{Blocks: c.blocks}}
		if got := k.next(c.base, c.low); got != c.want {
			t.Errorf("%+v: pruned to %d", c, got)
		}
	}
}

// forgets makes a home of one validator whose evidence expires at once and whose
// blocks are kept as is said.
func forgets(t *testing.T, keep Retention) string {
	t.Helper()
	home := single(t)
	raw, err := os.ReadFile(GenesisPath(home))
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.Replace(raw, []byte(`"max_age_num_blocks": "100000"`), []byte(`"max_age_num_blocks": "1"`), 1)
	raw = bytes.Replace(raw, []byte(`"max_age_duration": "604800000000000"`), []byte(`"max_age_duration": "1000000"`), 1)
	if err := os.WriteFile(GenesisPath(home), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	conf, err := LoadNodeConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	conf.Retention = keep
	if err := WriteNodeConfig(home, conf); err != nil {
		t.Fatal(err)
	}
	return home
}

// archiving starts a node with a ledger as archive.
func archiving(t *testing.T, home string, c *counter) (*Node, *ledger.Ledger) {
	t.Helper()
	l, err := ledger.Open(LedgerDir(home), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if l.Snapshot().ChainID() == "" {
		validator := provenance.Validator{Type: "ed25519", Key: make([]byte, 32), Power: 1}
		if _, err := l.InitGenesis([]byte(`{"format": 1, "providers": []}`), []provenance.Validator{validator}, "single"); err != nil {
			t.Fatal(err)
		}
	}
	n := NewNode(home, c, NodeOptions{Log: testLog(t), Archive: l})
	if err := n.Start(timeout(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	return n, l
}

// until waits for something to become true.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !true(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// TestForget lets a node forget blocks: each signed header stays, and the node goes
// on over a restart.
func TestForget(t *testing.T) {
	noLeaks(t)
	home, c := forgets(t, Retention{Blocks: 5}), &counter{}
	n, l := archiving(t, home, c)
	submits(t, n, c, 20, 1000)
	forgotten(t, n, c)
	verifyHeaders(t, n, "single")
	height := n.Height()
	stop(t, n)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	checkStates(t, home, height)

	n, _ = archiving(t, home, c)
	submit(t, n, "after the restart")
	if err := n.WaitHeight(timeout(t), height+2); err != nil {
		t.Fatal(err)
	}
	verifyHeaders(t, n, "single")
}

// TestForgetGivesRoomBack lets a node forget half a gigabyte of blocks.
func TestForgetGivesRoomBack(t *testing.T) {
	if os.Getenv("TOKENTRAIL_SOAK") == "" {
		t.Skip("TestReclaim is the short form; set TOKENTRAIL_SOAK=1 for this one")
	}
	noLeaks(t)
	home, c := forgets(t, Retention{Blocks: 5}), &counter{}
	n, _ := archiving(t, home, c)
	const txs, size = 600, 900_000
	submits(t, n, c, txs, size)
	forgotten(t, n, c)
	used := diskUsed(t, EngineDir(home))
	t.Logf("%d MB of transactions, of which the engine's stores take %d MB", txs*size>>20, used>>20)
	if used > 330<<20 {
		t.Errorf("the engine's stores take %d MB, wanted at most 330", used>>20)
	}
}

// submits commits transactions of a size, each in a block.
func submits(t *testing.T, n *Node, c *counter, txs, size int) {
	t.Helper()
	_, before, _ := c.state()
	for i := range txs {
		tx := make([]byte, size)
		rand.Read(tx)
		submit(t, n, string(tx))
		untilCount(t, n, c, before+int64(i)+1)
	}
}

// forgotten makes blocks until the old ones are gone: each prunes what the one
// before allowed.
func forgotten(t *testing.T, n *Node, c *counter) {
	t.Helper()
	for range 200 {
		if n.FirstBlock() >= n.Height()-10 {
			return
		}
		submits(t, n, c, 1, 10)
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("blocks %d to %d are kept", n.FirstBlock(), n.Height())
}

// TestReclaim wants the files of a store to get smaller once most of it is
// deleted and the room given back.
func TestReclaim(t *testing.T) {
	dir := t.TempDir()
	open := func() (*EngineDB, dbm.DB) {
		e, err := openEngineDB(dir, testLog(t), 4<<20)
		if err != nil {
			t.Fatal(err)
		}
		return e, e.Store("blockstore")
	}
	e, s := open()
	defer func() { e.Close() }()
	const keys, size = 2048, 32 << 10
	key := func(i int) []byte { return fmt.Appendf(nil, "K:%d", i) }
	inBatches := func(from, to int, op func(b dbm.Batch, i int) error) {
		for i := from; i < to; i += 16 {
			b := s.NewBatch()
			for j := i; j < min(to, i+16); j++ {
				if err := op(b, j); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Write(); err != nil {
				t.Fatal(err)
			}
		}
	}
	put := func(b dbm.Batch, i int) error {
		value := make([]byte, size)
		rand.Read(value)
		return b.Set(key(i), value)
	}
	inBatches(0, keys, put)
	before := diskUsed(t, dir)
	inBatches(0, keys, func(b dbm.Batch, i int) error { return b.Delete(key(i)) })
	const newer = keys + keys/8
	inBatches(keys, newer, put)
	// Deletions that are in memory take nothing away, and how soon Badger writes them
	// is its own matter: when it is closed, it does.
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	e, s = open()
	if err := e.reclaim(); err != nil {
		t.Fatal(err)
	}
	after := diskUsed(t, dir)
	t.Logf("%d MB before, %d MB after, %d MB live", before>>20, after>>20, (newer-keys)*size>>20)
	if before < keys*size*3/4 || after > keys*size/2 {
		t.Errorf("%d bytes were written, of which a ninth is left: the files had %d and now have %d", newer*size, before, after)
	}
	for i := keys; i < newer; i++ {
		if v, err := s.Get(key(i)); err != nil || len(v) != size {
			t.Fatalf("key %d: %d bytes, %v", i, len(v), err)
		}
	}
}

// checkStates wants nothing of the forgotten heights in a stopped home's engine.
func checkStates(t *testing.T, home string, height int64) {
	t.Helper()
	e := openEngine(t, EngineDir(home))
	defer e.Close()
	blocks := store.NewBlockStore(e.Store("blockstore"))
	for h := int64(1); h < blocks.Base(); h++ {
		if blocks.LoadBlockMeta(h) != nil || blocks.LoadBlockCommit(h) != nil || blocks.LoadSeenCommit(h) != nil {
			t.Errorf("something of block %d is left, the first is %d", h, blocks.Base())
		}
	}
	kept := 0
	for _, prefix := range []string{"validatorsKey:", "consensusParamsKey:"} {
		it, err := e.Store("state").Iterator([]byte(prefix), []byte(prefix+"~"))
		if err != nil {
			t.Fatal(err)
		}
		for ; it.Valid(); it.Next() {
			kept++
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// Those of the blocks that are kept, two ahead, and the checkpoints.
	if most := 2 * (height - blocks.Base() + 6); int64(kept) > most {
		t.Errorf("%d sets of validators and parameters are left, wanted at most %d", kept, most)
	}
}

// diskUsed is what the files below dir take.
func diskUsed(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if os.IsNotExist(err) || e.IsDir() {
			return nil // Badger removes files meanwhile
		}
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err == nil {
			bytes += st.Blocks * 512
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// TestArchiveCatchesUp: a home that ran without an archive fills one when it
// starts with it, and headers of damaged or foreign heights are refused.
func TestArchiveCatchesUp(t *testing.T) {
	noLeaks(t)
	home, c := single(t), &counter{}
	n := start(t, home, c)
	for i := range 5 {
		submit(t, n, fmt.Sprint("tx ", i))
		untilCount(t, n, c, int64(i)+1)
	}
	height := n.Height()
	stop(t, n)
	n, l := archiving(t, home, c)
	submit(t, n, "one more")
	untilCount(t, n, c, 6)
	until(t, "headers are archived", func() bool {
		first, last := l.ArchivedHeaders()
		return first == 1 && last >= height
	})
	for h := int64(1); h < height; h++ {
		engine, err := n.LightBlock(h)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := l.ArchivedHeader(h)
		if err != nil || !bytes.Equal(engine, kept) {
			t.Errorf("height %d: the archive has other bytes than the engine (%v)", h, err)
		}
	}
}
