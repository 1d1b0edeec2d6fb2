package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// TestDamagedValues changes one stored value after another behind the ledger's
// back, as Badger does when a flipped bit gets past it, and wants the reader of
// it to say which.
func TestDamagedValues(t *testing.T) {
	l := newLedger(t)
	w := newWriter(t, "acme", "s")
	txs := w.many(5, 300)
	run(t, l, txs)
	s := l.Snapshot()
	id := txs[2].ID()
	proof := func() error { _, err := s.Inclusion(3, 5); return err }
	entry := func() error { _, err := s.Entry(2); return err }
	byID := func() error { _, err := s.IndexOf(id); return err }
	bySequence := func() error { _, err := s.IndexOfSequence("acme", "s", 2); return err }
	for _, x := range []struct {
		key  []byte
		read func() error
		what string
	}{
		{indexKey(prefixEntry, 2), entry, "entry"},
		{indexKey(prefixEntry, 2), byID, "entry"},
		{indexKey(prefixHashes, 2), entry, "log hashes"},
		{indexKey(prefixHashes, 2), proof, "log hashes"},
		{frameKey(2, 0), func() error { _, err := s.Frame(2); return err }, "frame"},
		{idKey(id), byID, "pointer"},
		{sequenceKey("acme", "s", 2), bySequence, "pointer"},
	} {
		for _, harm := range []string{"flip", "empty", "delete", "foreign"} {
			restore := harmValue(t, l.store, x.key, harm)
			err := x.read()
			scrub := s.Scrub(t.Context(), nil)
			restore()
			var d *DamageError
			if !errors.As(err, &d) {
				// A missing pointer is an unknown statement; Scrub knows better.
				if !(x.what == "pointer" && (harm == "delete" || harm == "flip") && errors.Is(err, ErrNotFound)) {
					t.Errorf("%q with %s: %v", x.key, harm, err)
				}
			} else if d.What != x.what {
				t.Errorf("%q with %s is called %q, wanted %q: %v", x.key, harm, d.What, x.what, err)
			}
			if !errors.As(scrub, &d) {
				t.Errorf("%q with %s passes the scrub: %v", x.key, harm, scrub)
			}
			if err := x.read(); err != nil {
				t.Fatalf("%q restored: %v", x.key, err)
			}
		}
	}
	if err := s.Scrub(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// harmValue damages the value under key and returns what mends it.
func harmValue(t *testing.T, s *store, key []byte, how string) (restore func()) {
	t.Helper()
	old, err := s.getRaw(key)
	if err != nil || old == nil {
		t.Fatalf("%q: %v", key, err)
	}
	op := storeOp{key, bytes.Clone(old)}
	switch how {
	case "flip":
		op.value[len(op.value)/2] ^= 4
	case "empty":
		op.value = []byte{}
	case "delete":
		op.value = nil
	case "foreign": // that of the neighbour
		other := bytes.Clone(key)
		other[len(other)-1]++
		if key[0] == prefixFrame || key[0] == prefixID {
			other = indexKey(key[0], 3)
			if key[0] == prefixFrame {
				other = frameKey(3, 0)
			}
		}
		if op.value, err = s.getRaw(other); err != nil {
			t.Fatal(err)
		}
		if op.value == nil {
			op.value = []byte{0, 0, 0, 0, 0, 0, 0, 1}
		}
	}
	if err := s.write([]storeOp{op}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := s.write([]storeOp{{key, old}}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamageAtOpen damages what Open looks at.
func TestDamageAtOpen(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	genesis(t, l)
	w := newWriter(t, "acme", "s")
	run(t, l, w.many(3, 2))
	run(t, l, w.many(2, 2))
	_ = l.Close()
	stream := stateKey(provenance.StateStreamKey("acme", "s"))
	for _, x := range []struct {
		key   []byte
		harms string
		what  string
	}{
		{[]byte{prefixFormat}, "flip", "its format is"},
		{[]byte{prefixFormat}, "delete", "format version"},
		{[]byte{prefixChain}, "flip delete empty", "chain id"},
		{[]byte{prefixHead}, "flip delete empty", "head"},
		{stream, "flip empty delete", "state"},
		{partKey(prefixUndo, 2, 0), "flip empty", "undo"},
		{indexKey(prefixHashes, 0), "delete", "log hashes"},
		{indexKey(prefixEntry, 1), "delete", "entry"},
		{indexKey(prefixEntry, 4), "flip", "entry"},
		{frameKey(4, 0), "flip delete", "frame"},
	} {
		for how := range strings.FieldsSeq(x.harms) {
			copied := copyDir(t, dir)
			l := open(t, copied)
			harmValue(t, l.store, x.key, how)
			_ = l.Close()
			l, err := Open(copied, Options{memTable: 8 << 20, ReserveBytes: 1})
			if err == nil {
				_ = l.Close()
			}
			if err == nil || !strings.Contains(err.Error(), x.what) {
				t.Errorf("%q with %s: %v", x.key, how, err)
			}
		}
	}
}

// TestOldHead puts an older head back, as a truncated write-ahead log may: the
// entries behind it are evidence, not leftovers, and nothing is deleted.
func TestOldHead(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	genesis(t, l)
	w := newWriter(t, "acme", "s")
	run(t, l, w.many(1, 1))
	old, err := l.store.getRaw([]byte{prefixHead})
	if err != nil {
		t.Fatal(err)
	}
	run(t, l, w.many(1, 1))
	run(t, l, w.many(1, 1))
	if err := l.store.write([]storeOp{{[]byte{prefixHead}, old}}); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	_, err = Open(dir, Options{memTable: 8 << 20, ReserveBytes: 1})
	var d *DamageError
	if !errors.As(err, &d) || d.What != "head" {
		t.Fatalf("opened with an old head: %v", err)
	}
}

// childScrub, in the environment, makes the test binary open the ledger there,
// scrub it, print its head and the hash of each entry, and end.
const childScrub = "TOKENTRAIL_TEST_SCRUB"

// TestFlippedFiles flips bytes in Badger's own files. Whatever Badger makes of
// it (it may die), a reader sees right bytes or an error.
func TestFlippedFiles(t *testing.T) {
	if dir := os.Getenv(childScrub); dir != "" {
		scrubChild(dir)
		return
	}
	trials := 24
	if testing.Short() {
		trials = 6
	}
	dir := t.TempDir()
	l := openSmall(t, dir)
	genesis(t, l)
	w := newWriter(t, "acme", "s")
	heads := map[string]bool{fmt.Sprint(l.Snapshot().Head()): true}
	for range 6 {
		var txs []*Checked
		for range 8 {
			txs = append(txs, w.submit(w.records(400, 32)))
		}
		heads[fmt.Sprint(run(t, l, txs))] = true
	}
	unclean := copyDir(t, dir) // with all in the memtable's log
	_ = l.Close()              // all in tables
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range trials {
		from := dir
		if trial%2 == 0 {
			from = unclean
		}
		copied := copyDir(t, from)
		name, at := flipByte(t, rng, copied)
		cmd := exec.Command(os.Args[0], "-test.run=^TestFlippedFiles$")
		cmd.Env = append(os.Environ(), childScrub+"="+copied)
		out, err := cmd.CombinedOutput()
		head, whole := strings.CutPrefix(strings.TrimSpace(lastLine(out)), "whole ")
		if whole && !heads[head] {
			t.Errorf("byte %d of %s flipped: the ledger opens whole with %s", at, name, head)
		}
		if !whole && err == nil {
			t.Errorf("byte %d of %s flipped: %s", at, name, out)
		}
		t.Logf("byte %d of %s: %.100s", at, name, lastLine(out))
	}
}

func lastLine(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return lines[len(lines)-1]
}

// flipByte changes one byte that is not zero in one of Badger's data files.
func flipByte(t *testing.T, rng *rand.Rand, dir string) (string, int) {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.sst", "*.sst", "*.sst", "*.mem", "*.mem", "*.mem", "*.vlog", "MANIFEST"} {
		m, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, m...)
	}
	for {
		name := files[rng.IntN(len(files))]
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		used := len(bytes.TrimRight(b, "\x00"))
		if used == 0 {
			continue
		}
		at := rng.IntN(used)
		b[at] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return filepath.Base(name), at
	}
}

func scrubChild(dir string) {
	l, err := Open(dir, Options{memTable: smallStore, ReserveBytes: 1})
	if err == nil {
		err = l.Snapshot().Scrub(context.Background(), nil)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("whole", l.Snapshot().Head())
	os.Exit(0)
}
