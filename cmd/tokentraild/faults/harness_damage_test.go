//go:build linux

package faults

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// flipBit changes one bit of a file, none of those behind its last byte that is
// not zero: Badger's files are larger than what is in them.
func (p *plan) flipBit(t testing.TB, path string) (at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	used := int64(0)
	err = dataRanges(f, func(from, to int64) error {
		b := make([]byte, to-from)
		if _, err := f.ReadAt(b, from); err != nil {
			return err
		}
		if n := len(bytes.TrimRight(b, "\x00")); n > 0 {
			used = from + int64(n)
		}
		return nil
	})
	if err != nil || used == 0 {
		t.Fatalf("%s has nothing to flip: %v", path, err)
	}
	at = p.Int64N(used)
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1 << p.IntN(8)
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	return at
}

// A flip is a bit that was changed.
type flip struct {
	kind, path string
	at         int64 // which byte
}

func (f flip) String() string { return fmt.Sprintf("byte %d of %s", f.at, f.kind) }

// flip changes a bit in a file of some kind below dir, all drawn.
func (p *plan) flip(t testing.TB, dir string) flip {
	t.Helper()
	kinds := filesByKind(t, dir)
	kind := slices.Sorted(maps.Keys(kinds))[p.IntN(len(kinds))]
	path := kinds[kind][p.IntN(len(kinds[kind]))]
	return flip{kind, path, p.flipBit(t, path)}
}

// kindOf names the kind of a file of a home, by its path in the home.
func kindOf(path string) string {
	dir, name := filepath.Base(filepath.Dir(path)), filepath.Base(path)
	switch filepath.Ext(name) {
	case ".sst", ".mem", ".vlog":
		return dir + "/*" + filepath.Ext(name)
	}
	return dir + "/" + name
}

// filesByKind are the files below a directory that hold anything but zeros.
func filesByKind(t testing.TB, dir string) map[string][]string {
	t.Helper()
	kinds := map[string][]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		used := false
		err = dataRanges(f, func(from, to int64) error {
			b := make([]byte, to-from)
			_, err := f.ReadAt(b, from)
			used = used || len(bytes.TrimRight(b, "\x00")) > 0
			return err
		})
		if used {
			kinds[kindOf(path)] = append(kinds[kindOf(path)], path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds
}

// copyTree copies a directory with the holes of its files.
func copyTree(t testing.TB, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), filepath.Base(from))
	command(t, "cp", "-a", "--sparse=always", from, to)
	return to
}

// A used home, for damage.
type used struct {
	net             *network
	load            *load
	stopped, killed string          // copies of the home
	heads           map[string]bool // that the ledger ever had
}

// usedHome makes a home with some entries, run several times so that it has
// several tables, and copies of it: stopped well, and killed, when the newest is
// in the memtables' logs alone.
func usedHome(t *testing.T, p *plan) *used {
	t.Helper()
	net := newNetwork(t, 1)
	l, n := newLoad(t, net, p.Uint64()), net.nodes[0]
	for range 3 {
		n.mustUp(t)
		l.run()
		if err := l.more(25); err != nil {
			t.Fatal(err)
		}
		l.pause()
		net.judge(t, l.promised(), n)
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
	}
	u := &used{net: net, load: l, stopped: copyTree(t, n.home)}
	n.mustUp(t)
	l.run()
	if err := l.more(25); err != nil {
		t.Fatal(err)
	}
	l.pause()
	net.judge(t, l.promised(), n)
	u.heads = signedHeads(t, n)
	n.kill()
	u.killed = copyTree(t, n.home)
	return u
}
