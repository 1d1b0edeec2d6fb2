package ledger

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childWrite, in the environment, makes the test binary apply the blocks in the
// named file to the ledger beside it, a line of output for each committed one.
const childWrite = "TOKENTRAIL_TEST_WRITE"

// TestKill kills a process that commits block after block, with -9 and at random
// moments. What it acknowledged is there when the ledger opens again, and going
// on leads to the app hash of a ledger that nobody ever killed.
func TestKill(t *testing.T) {
	if dir := os.Getenv(childWrite); dir != "" {
		writeChild(t, dir)
		return
	}
	kills := 30
	if testing.Short() {
		kills = 8
	}
	dir := t.TempDir()
	blocks, heads := blocksFile(t, filepath.Join(dir, "blocks"), 400)
	store := filepath.Join(dir, "ledger")
	l := openSmall(t, store)
	genesis(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	reached := int64(0)
	for kill := 0; kill < kills && reached < int64(blocks); kill++ {
		acked := writeAndKill(t, dir, time.Duration(rng.IntN(60))*time.Millisecond)
		l, err := Open(store, Options{memTable: smallStore, ReserveBytes: 1})
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		head := l.Snapshot().Head()
		if head.Height < max(acked, reached) {
			t.Fatalf("kill %d: height %d, block %d was acknowledged", kill, head.Height, max(acked, reached))
		}
		if head != heads[head.Height] {
			t.Fatalf("kill %d: %+v, wanted %+v", kill, head, heads[head.Height])
		}
		checkNothingBeyond(t, l)
		reached = head.Height
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, height %d", kills, reached)
	if reached == 0 {
		t.Fatal("no child ever committed a block")
	}
	l = openSmall(t, store)
	for h := reached + 1; h <= min(reached+5, int64(blocks)); h++ {
		if got := run(t, l, readBlocks(t, filepath.Join(dir, "blocks"))[h-1]); got != heads[h] {
			t.Fatalf("going on: %+v, wanted %+v", got, heads[h])
		}
	}
	if err := l.Snapshot().Scrub(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// writeAndKill runs a child for some time and returns the height of the last
// block that it acknowledged.
func writeAndKill(t *testing.T, dir string, after time.Duration) int64 {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), childWrite+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked, started := int64(0), false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if h, ok := strings.CutPrefix(lines.Text(), "committed "); ok {
			if acked, err = strconv.ParseInt(h, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		if !started && strings.HasPrefix(lines.Text(), "open") {
			started = true
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		if strings.HasPrefix(lines.Text(), "failed") {
			t.Error(lines.Text())
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it was killed
	return acked
}

func writeChild(t *testing.T, dir string) {
	l, err := Open(filepath.Join(dir, "ledger"), Options{memTable: smallStore, ReserveBytes: 1})
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	blocks := readBlocks(t, filepath.Join(dir, "blocks"))
	fmt.Println("open")
	for height, _ := l.Info(); height < int64(len(blocks)); height++ {
		if _, err := l.Apply(height+1, blockTime, blocks[height]); err != nil {
			fmt.Println("failed", err)
			return
		}
		if err := l.Commit(); err != nil {
			fmt.Println("failed", err)
			return
		}
		fmt.Println("committed", height+1)
	}
}

// blocksFile writes n blocks of random shape to path and returns the head after
// each, by height, as a ledger has them that lives through all.
func blocksFile(t *testing.T, path string, n int) (int, []Head) {
	t.Helper()
	l := newLedger(t)
	writers := []*writer{newWriter(t, "acme", "a"), newWriter(t, "acme", "b"), newWriter(t, "beta", "a")}
	rng := rand.New(rand.NewPCG(5, 6))
	heads := []Head{l.Snapshot().Head()}
	var file []byte
	put := func(b []byte) { file = append(binary.BigEndian.AppendUint32(file, uint32(len(b))), b...) }
	for range n {
		txs := make([]*Checked, rng.IntN(6))
		file = binary.BigEndian.AppendUint32(file, uint32(len(txs)))
		big := rng.IntN(8) == 0 // several transactions of the small store
		for i := range txs {
			w := writers[rng.IntN(len(writers))]
			if big {
				txs[i] = w.submit(w.records(3000, 32))
			} else {
				txs[i] = w.next(1 + rng.IntN(5))
			}
			put(txs[i].Raw())
		}
		heads = append(heads, run(t, l, txs))
	}
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return n, heads
}

func readBlocks(t *testing.T, path string) [][]*Checked {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	number := func() int {
		n := binary.BigEndian.Uint32(file)
		file = file[4:]
		return int(n)
	}
	var blocks [][]*Checked
	for len(file) > 0 {
		txs := make([]*Checked, number())
		for i := range txs {
			n := number()
			if txs[i], err = Check(file[:n:n]); err != nil {
				t.Fatal(err)
			}
			file = file[n:]
		}
		blocks = append(blocks, txs)
	}
	return blocks
}
