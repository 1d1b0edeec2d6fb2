package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	dbm "github.com/cometbft/cometbft-db"
	badger "github.com/dgraph-io/badger/v4"

	"tokentrail/ledger"
)

func testLog(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func openEngine(t *testing.T, dir string) *EngineDB {
	t.Helper()
	e, err := OpenEngineDB(dir, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// walk lists what an iterator yields, as "key=value" lines.
func walk(t *testing.T, db dbm.DB, start, end []byte, reverse bool) []string {
	t.Helper()
	open := db.Iterator
	if reverse {
		open = db.ReverseIterator
	}
	it, err := open(start, end)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	var out []string
	for ; it.Valid(); it.Next() {
		out = append(out, fmt.Sprintf("%x=%x", it.Key(), it.Value()))
	}
	if s, e := it.Domain(); !bytes.Equal(s, start) || !bytes.Equal(e, end) {
		t.Errorf("domain is %x to %x, want %x to %x", s, e, start, end)
	}
	if err := it.Error(); err != nil {
		t.Error(err)
	}
	return out
}

// Every semantic must hold alike for the database that CometBFT tests with and
// for ours, which shares its Badger with neighbours on both sides.
func TestEngineStoreSemantics(t *testing.T) {
	e := openEngine(t, t.TempDir())
	for _, neighbour := range []string{"a", "stata", "state\x01", "statf", "z"} {
		if err := e.Store(neighbour).Set([]byte("b"), []byte("foreign")); err != nil {
			t.Fatal(err)
		}
	}
	for name, db := range map[string]dbm.DB{"MemDB": dbm.NewMemDB(), "engine": e.Store("state")} {
		t.Run(name, func(t *testing.T) { testSemantics(t, db) })
	}
}

func testSemantics(t *testing.T, db dbm.DB) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	fails := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for _, k := range []string{"b", "d", "f", "\x00", "\xff\xff"} {
		must(db.Set([]byte(k), []byte("v"+k)))
	}
	must(db.SetSync([]byte("e"), []byte{}))
	must(db.Set([]byte("gone"), []byte("x")))
	must(db.Delete([]byte("gone")))
	must(db.DeleteSync([]byte("never there")))

	v, err := db.Get([]byte("absent"))
	if v != nil || err != nil {
		t.Errorf("absent: %x, %v", v, err)
	}
	if v, err = db.Get([]byte("e")); v == nil || len(v) != 0 || err != nil {
		t.Errorf("empty value: %v, %v; want not nil", v, err)
	}
	for k, want := range map[string]bool{"b": true, "e": true, "gone": false, "bb": false} {
		if ok, err := db.Has([]byte(k)); ok != want || err != nil {
			t.Errorf("has %q: %v, %v", k, ok, err)
		}
	}

	for _, key := range [][]byte{nil, {}} {
		_, err = db.Get(key)
		fails("get empty key", err)
		_, err = db.Has(key)
		fails("has empty key", err)
		fails("set empty key", db.Set(key, []byte("v")))
		fails("setsync empty key", db.SetSync(key, []byte("v")))
		fails("delete empty key", db.Delete(key))
		fails("deletesync empty key", db.DeleteSync(key))
		b := db.NewBatch()
		fails("batch set empty key", b.Set(key, []byte("v")))
		fails("batch delete empty key", b.Delete(key))
		must(b.Close())
	}
	fails("set nil value", db.Set([]byte("k"), nil))
	_, err = db.Iterator([]byte{}, nil)
	fails("iterate from empty key", err)
	_, err = db.ReverseIterator(nil, []byte{})
	fails("iterate to empty key", err)

	testDomains(t, db)

	b := db.NewBatch()
	must(b.Set([]byte("m"), []byte("1")))
	must(b.Delete([]byte("b")))
	must(b.Set([]byte("m"), []byte("2")))
	if ok, _ := db.Has([]byte("m")); ok {
		t.Error("a batch shows before it is written")
	}
	fails("batch nil value", b.Set([]byte("k"), nil))
	must(b.WriteSync())
	fails("batch set after write", b.Set([]byte("k"), []byte("v")))
	fails("batch delete after write", b.Delete([]byte("k")))
	fails("batch write after write", b.Write())
	must(b.Close())
	must(b.Close())
	if v, _ := db.Get([]byte("m")); string(v) != "2" {
		t.Errorf("batch: the last write of a key must win, got %q", v)
	}
	if ok, _ := db.Has([]byte("b")); ok {
		t.Error("batch delete did nothing")
	}
	dropped := db.NewBatch()
	must(dropped.Set([]byte("dropped"), []byte("v")))
	must(dropped.Close())
	fails("batch write after close", dropped.Write())
	if ok, _ := db.Has([]byte("dropped")); ok {
		t.Error("a closed batch was written")
	}
}

func testDomains(t *testing.T, db dbm.DB) {
	all := []string{"\x00", "b", "d", "e", "f", "\xff\xff"}
	for _, d := range []struct {
		start, end string // empty is nil
		want       []string
	}{
		{"", "", all},
		{"b", "", all[1:]},
		{"c", "", all[2:]},
		{"", "e", all[:3]},
		{"", "ee", all[:4]},
		{"b", "f", all[1:4]},
		{"b", "b", nil},
		{"f", "b", nil},
		{"g", "h", nil},
		{"\xff\xff", "", all[5:]},
		{"\xff\xff\xff", "", nil},
	} {
		var start, end []byte
		if d.start != "" {
			start = []byte(d.start)
		}
		if d.end != "" {
			end = []byte(d.end)
		}
		var up, down []string
		for _, k := range d.want {
			v := "v" + k
			if k == "e" {
				v = ""
			}
			line := fmt.Sprintf("%x=%x", k, v)
			up, down = append(up, line), append([]string{line}, down...)
		}
		if got := walk(t, db, start, end, false); fmt.Sprint(got) != fmt.Sprint(up) {
			t.Errorf("%q to %q: %v, want %v", d.start, d.end, got, up)
		}
		if got := walk(t, db, start, end, true); fmt.Sprint(got) != fmt.Sprint(down) {
			t.Errorf("%q to %q reversed: %v, want %v", d.start, d.end, got, down)
		}
	}
	it, err := db.Iterator([]byte("x"), []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	defer it.Close()
	for what, f := range map[string]func(){"Next": it.Next, "Key": func() { it.Key() }, "Value": func() { it.Value() }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of an iterator past its end must panic", what)
				}
			}()
			f()
		}()
	}
}

// A seeded sequence of operations on MemDB and on the blockstore, whose part
// keys are deferred, must leave no visible difference at any time.
func TestEngineStoreAgainstMemDB(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	mem, eng := dbm.NewMemDB(), e.Store("blockstore")
	r := rand.New(rand.NewPCG(1, 2))
	key := func() []byte {
		return fmt.Appendf(nil, "%s%d", []string{"P:", "H:", "P", "Q:"}[r.IntN(4)], r.IntN(40))
	}
	bound := func() []byte {
		if r.IntN(4) == 0 {
			return nil
		}
		return key()
	}
	for step := range 3000 {
		k, v := key(), bytes.Repeat([]byte{byte(step)}, r.IntN(200))
		for _, db := range []dbm.DB{mem, eng} {
			var err error
			switch step % 7 {
			case 0, 1, 2:
				err = db.Set(k, v)
			case 3:
				err = db.SetSync(k, v)
			case 4:
				err = db.Delete(k)
			case 5:
				b := db.NewBatch()
				err = errors.Join(b.Set(k, v), b.Delete(fmt.Appendf(nil, "P:%d", step%40)), b.Write(), b.Close())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		probe := key()
		a, _ := mem.Get(probe)
		b, err := eng.Get(probe)
		if err != nil || !bytes.Equal(a, b) || (a == nil) != (b == nil) {
			t.Fatalf("step %d: %s is %x, want %x (%v)", step, probe, b, a, err)
		}
		if step%50 == 0 {
			s, e, rev := bound(), bound(), r.IntN(2) == 0
			if a, b := walk(t, mem, s, e, rev), walk(t, eng, s, e, rev); fmt.Sprint(a) != fmt.Sprint(b) {
				t.Fatalf("step %d: %q to %q, reversed %v: %v, want %v", step, s, e, rev, b, a)
			}
		}
		if step%1000 == 999 { // across a reopening
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			e = openEngine(t, dir)
			eng = e.Store("blockstore")
		}
	}
}

// A block of the largest size, saved the way CometBFT does, is one transaction.
func TestEngineBlockIsOneTransaction(t *testing.T) {
	dir := t.TempDir()
	e := openEngine(t, dir)
	db := e.Store("blockstore")
	part := bytes.Repeat([]byte{7}, 65536+320)
	before := e.db.MaxVersion()
	for i := range ledger.MaxBlockBytes/65536 + 1 {
		if err := db.Set(fmt.Appendf(nil, "P:9:%d", i), part); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := db.Get([]byte("P:9:3")); !bytes.Equal(v, part) || err != nil {
		t.Fatalf("a deferred part must be readable: %d bytes, %v", len(v), err)
	}
	if now := e.db.MaxVersion(); now != before {
		t.Fatalf("parts were written alone: version %d, was %d", now, before)
	}
	b := db.NewBatch()
	defer b.Close()
	for k, size := range map[string]int{"H:9": 900, "BH:9": 10, "C:8": 12000, "SC:9": 12000, "blockStore": 8} {
		if err := b.Set([]byte(k), make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.WriteSync(); err != nil {
		t.Fatal(err)
	}
	if now := e.db.MaxVersion(); now != before+1 {
		t.Fatalf("the block took %d transactions, want 1", now-before)
	}
	if got := len(walk(t, db, []byte("P:"), []byte("P;"), false)); got != 65 {
		t.Fatalf("%d parts", got)
	}
	// Beyond the limit parts are written on their own rather than refused.
	for i := range 300 {
		if err := db.Set(fmt.Appendf(nil, "P:10:%d", i), part); err != nil {
			t.Fatal(err)
		}
	}
	if e.partSize > engineDeferLimit {
		t.Errorf("%d bytes wait", e.partSize)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := len(walk(t, openEngine(t, dir).Store("blockstore"), []byte("P:"), []byte("P;"), false)); got != 365 {
		t.Fatalf("%d parts after reopening", got)
	}
}

// A prune of CometBFT's 1,000 largest blocks fits; what does not is refused whole.
func TestEngineBatchAllOrNothing(t *testing.T) {
	e := openEngine(t, t.TempDir())
	db := e.Store("blockstore")
	prune := db.NewBatch()
	defer prune.Close()
	for h := range 1000 {
		for i := range 65 {
			if err := prune.Delete(fmt.Appendf(nil, "P:%d:%d", h, i)); err != nil {
				t.Fatal(err)
			}
		}
		for _, k := range []string{"H:%d", "BH:%d", "C:%d", "SC:%d", "EC:%d"} {
			if err := prune.Delete(fmt.Appendf(nil, k, h)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := prune.WriteSync(); err != nil {
		t.Fatal(err)
	}
	large := db.NewBatch()
	defer large.Close()
	for i := range 10 {
		if err := large.Set(fmt.Appendf(nil, "L:%d", i), make([]byte, 1<<20-100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := large.WriteSync(); !errors.Is(err, badger.ErrTxnTooBig) {
		t.Fatalf("10 MiB batch: %v", err)
	}
	if got := walk(t, db, nil, nil, false); got != nil {
		t.Fatalf("part of a refused batch is there: %d keys", len(got))
	}
}

// A value under the wrong key, or cut, is an error that says where.
func TestEngineDamage(t *testing.T) {
	e := openEngine(t, t.TempDir())
	db := e.Store("state")
	k := []byte("state\x00k")
	for name, raw := range map[string][]byte{
		"foreign": encodeEngineValue([]byte("state\x00other"), []byte("v")),
		"cut":     encodeEngineValue(k, []byte("v"))[:3],
		"empty":   {},
	} {
		if err := e.commit([]engineOp{{k, raw}}); err != nil {
			t.Fatal(err)
		}
		if v, err := db.Get([]byte("k")); err == nil {
			t.Errorf("%s: read as %q", name, v)
		}
		it, err := db.Iterator(nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if it.Valid() || it.Error() == nil {
			t.Errorf("%s: the iterator shows it (%v)", name, it.Error())
		}
		it.Close()
	}
}

// After closing: writes fail, reads find nothing, and an open iterator holds
// Badger until it is closed.
func TestEngineClosed(t *testing.T) {
	e, err := OpenEngineDB(t.TempDir(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	a, b := e.Store("a"), e.Store("b")
	for _, db := range []dbm.DB{a, b} {
		if err := db.Set([]byte("k"), []byte("v")); err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	if v, err := a.Get([]byte("k")); v != nil || err != nil {
		t.Errorf("closed store: %q, %v", v, err)
	}
	if err := a.Set([]byte("k"), []byte("w")); err == nil {
		t.Error("closed store took a write")
	}
	if v, _ := b.Get([]byte("k")); string(v) != "v" {
		t.Error("closing one store closed another")
	}
	it, err := b.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error)
	go func() { closed <- e.Close() }()
	select {
	case <-closed:
		t.Error("closed under an iterator")
	case <-time.After(50 * time.Millisecond):
	}
	if string(it.Value()) != "v" {
		t.Error("iterator lost its value")
	}
	it.Close()
	it.Close()
	if err := errors.Join(<-closed, e.Close()); err != nil {
		t.Error(err)
	}
	if v, err := b.Get([]byte("k")); v != nil || err != nil {
		t.Errorf("closed engine: %q, %v", v, err)
	}
	if err := b.DeleteSync([]byte("k")); err == nil {
		t.Error("closed engine took a write")
	}
}
