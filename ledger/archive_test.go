package ledger

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// lightBlockOf makes bytes in the shape of a light block of four validators: a
// signed header of which about 510 bytes are its own, and the set with a number.
func lightBlockOf(height int64, set byte) []byte {
	rng := rand.New(rand.NewPCG(uint64(height), 7))
	fixed := rand.New(rand.NewPCG(uint64(set), 8))
	bytesOf := func(r *rand.Rand, n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	var addresses [][]byte
	var validators []byte
	for range 4 {
		addresses = append(addresses, bytesOf(fixed, 20))
		validators = append(append(append(validators, 0x0a, 78, 0x0a, 20), addresses[len(addresses)-1]...), bytesOf(fixed, 56)...)
	}
	header := append([]byte{0x0a, 4, 8, 11, 0x10, 1, 0x12, 17}, "tokentrail-test-1"...)
	header = binary.AppendUvarint(append(header, 0x18), uint64(height))
	for i := range 9 { // hashes, of which five rarely change
		from := rng
		if i%2 == 0 {
			from = fixed
		}
		header = append(append(header, byte(0x2a+8*i), 32), bytesOf(from, 32)...)
	}
	header = append(append(header, 0x72, 20), addresses[height%4]...)
	header = append(append(header, 0x12, 72, 0x0a, 32), bytesOf(rng, 32)...)
	header = append(append(header, 0x12, 36, 8, 30, 0x12, 32), bytesOf(rng, 32)...)
	for i := range 4 {
		header = append(append(header, 0x22, 102, 8, 2, 0x12, 20), addresses[i]...)
		header = append(append(header, 0x1a, 12), bytesOf(rng, 9)...)
		header = append(append(header, 0x22, 64), bytesOf(rng, 64)...)
	}
	return joinLightBlock(header, validators)
}

// checkArchive wants the archive to be exactly the blocks of heights first on.
func checkArchive(t testing.TB, l *Ledger, first int64, blocks [][]byte) {
	t.Helper()
	last := first + int64(len(blocks)) - 1
	if a, b := l.ArchivedHeaders(); len(blocks) > 0 && (a != first || b != last) || len(blocks) == 0 && (a != 0 || b != 0) {
		t.Fatalf("archived are %d to %d, wanted %d to %d", a, b, first, last)
	}
	for i, want := range blocks {
		got, err := l.ArchivedHeader(first + int64(i))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("height %d: %d bytes %v, wanted %d", first+int64(i), len(got), err, len(want))
		}
	}
	for _, h := range []int64{-1, 0, first - 1, last + 1} {
		if _, err := l.ArchivedHeader(h); !errors.Is(err, ErrNotFound) {
			t.Fatalf("height %d: %v", h, err)
		}
	}
}

// TestArchive: what is archived comes back, byte for byte, across validator sets,
// restarts, and bytes that are no light block (NOD-7).
func TestArchive(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	if err := l.ArchiveHeader(1, lightBlockOf(1, 1)); err == nil {
		t.Fatal("a header before genesis")
	}
	genesis(t, l)
	checkArchive(t, l, 5, nil)
	var blocks [][]byte
	for h := int64(5); h < 40; h++ {
		b := lightBlockOf(h, byte(h/10))
		switch h {
		case 12:
			b = []byte("opaque")
		case 13:
			b = append(b, 0)
		case 14: // a field's length in more bytes than it takes
			b = append([]byte{0x0a, 0x80 | 1, 0x00, 0}, b...)
		}
		blocks = append(blocks, b)
	}
	for h := int64(5); h < 40; {
		n := min(h, 40-h)
		if err := l.ArchiveHeaders(h, blocks[h-5:h-5+n]); err != nil {
			t.Fatal(err)
		}
		h += n
		checkArchive(t, l, 5, blocks[:h-5])
		_ = l.Close()
		l = open(t, dir)
		checkArchive(t, l, 5, blocks[:h-5])
	}
	if err := l.ArchiveHeaders(5, blocks); err != nil {
		t.Fatalf("all of them again: %v", err)
	}
	models := 0
	_ = l.store.scan([]byte{prefixModel}, nil, func([]byte, func() ([]byte, error)) error { models++; return nil })
	if models != 4 {
		t.Fatalf("%d validator sets are stored, wanted 4", models)
	}
	checkArchive(t, l, 5, blocks)
	if err := l.ScrubHeaders(t.Context(), 0, 1<<60, Scrubbing{Found: func(err error) { t.Error(err) }}); err != nil {
		t.Fatal(err)
	}
}

// TestArchiveRefused: no gap, no other bytes for a height that is there, nothing
// without bounds.
func TestArchiveRefused(t *testing.T) {
	l := newLedger(t)
	if err := l.ArchiveHeaders(7, [][]byte{lightBlockOf(7, 1), lightBlockOf(8, 1)}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		height int64
		b      []byte
		says   string
	}{
		{6, lightBlockOf(6, 1), "7 to 8"},
		{10, lightBlockOf(10, 1), "7 to 8"},
		{0, lightBlockOf(0, 1), "begin with 1"},
		{8, lightBlockOf(9, 1), "another light block"},
		{9, nil, "0 bytes"},
		{9, make([]byte, MaxLightBlockBytes+1), "at most"},
	} {
		err := l.ArchiveHeader(x.height, x.b)
		if err == nil || !strings.Contains(err.Error(), x.says) && x.says != "at most" {
			t.Errorf("height %d with %d bytes: %v", x.height, len(x.b), err)
		}
		// A refused one behind one of a new set leaves nothing of it.
		if err := l.ArchiveHeaders(9, [][]byte{lightBlockOf(9, 2), nil}); err == nil {
			t.Fatal("an empty light block")
		}
	}
	checkArchive(t, l, 7, [][]byte{lightBlockOf(7, 1), lightBlockOf(8, 1)})
	if err := l.ArchiveHeader(9, lightBlockOf(9, 2)); err != nil {
		t.Fatal(err)
	}
	checkArchive(t, l, 7, [][]byte{lightBlockOf(7, 1), lightBlockOf(8, 1), lightBlockOf(9, 2)})
	large := bytes.Repeat([]byte{1}, MaxLightBlockBytes)
	if err := l.ArchiveHeader(10, large); err != nil {
		t.Fatal(err)
	}
	if got, err := l.ArchivedHeader(10); err != nil || !bytes.Equal(got, large) {
		t.Fatalf("a large one: %v", err)
	}
}

// TestArchiveCrash lets a batch die at each of its moments: a first part of it is
// there, and the same batch again completes it.
func TestArchiveCrash(t *testing.T) {
	var blocks [][]byte
	for h := int64(1); h <= 2600; h++ {
		blocks = append(blocks, lightBlockOf(h, byte(h/500)))
	}
	for at := 0; ; at++ {
		dir := t.TempDir()
		l := open(t, dir)
		genesis(t, l)
		var crashed string
		moment := 0
		l.store.crash = func(int, bool) error {
			if moment++; moment-1 == at {
				crashed = copyDir(t, dir)
				return errCrash
			}
			return nil
		}
		err := l.ArchiveHeaders(1, blocks)
		if crashed == "" {
			if err != nil || moment < 2 {
				t.Fatalf("%d transactions, the test wants several: %v", moment, err)
			}
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatal(err)
		}
		l.store.crash = nil
		for _, l := range []*Ledger{l, open(t, crashed)} {
			_, last := l.ArchivedHeaders()
			if (last == 0) != (at == 0) {
				t.Fatalf("moment %d: archived up to %d", at, last)
			}
			checkArchive(t, l, 1, blocks[:last])
			if err := l.ArchiveHeaders(1, blocks); err != nil {
				t.Fatal(err)
			}
			checkArchive(t, l, 1, blocks)
			_ = l.Close()
		}
	}
}

// TestArchiveDamage: what is damaged is said, the rest is served, and the same
// bytes again mend it.
func TestArchiveDamage(t *testing.T) {
	var blocks [][]byte
	for h := int64(1); h <= 6; h++ {
		blocks = append(blocks, lightBlockOf(h, byte(h/4)))
	}
	for _, x := range []struct {
		key   []byte
		spoil string // heights
	}{
		{indexKey(prefixHeader, 2), "2"},
		{indexKey(prefixModel, 1), "1 2 3"},
		{indexKey(prefixModel, 2), "4 5 6"},
	} {
		for _, harm := range []string{"flip", "empty", "delete", "foreign"} {
			dir := t.TempDir()
			l := open(t, dir)
			genesis(t, l)
			if err := l.ArchiveHeaders(1, blocks); err != nil {
				t.Fatal(err)
			}
			harmValue(t, l.store, x.key, harm)
			if harm != "flip" { // else it has the models in memory
				_ = l.Close()
				l = open(t, dir)
			}
			var spoiled []string
			for h := int64(1); h <= 6; h++ {
				got, err := l.ArchivedHeader(h)
				if err == nil && !bytes.Equal(got, blocks[h-1]) {
					t.Fatalf("%q with %s: height %d is another", x.key, harm, h)
				}
				if isDamage(err) {
					spoiled = append(spoiled, fmt.Sprint(h))
				}
			}
			if got := strings.Join(spoiled, " "); harm != "flip" && got != x.spoil {
				t.Fatalf("%q with %s spoils the heights %s, wanted %s", x.key, harm, got, x.spoil)
			}
			found := 0
			if err := l.ScrubHeaders(t.Context(), 0, 1<<60, Scrubbing{Found: func(error) { found++ }}); err != nil || found != len(strings.Fields(x.spoil)) {
				t.Fatalf("the scrub found %d of %s: %v", found, x.spoil, err)
			}
			if err := l.ArchiveHeaders(1, blocks); err != nil {
				t.Fatal(err)
			}
			checkArchive(t, l, 1, blocks)
			_ = l.Close()
			l = open(t, dir)
			checkArchive(t, l, 1, blocks)
		}
	}
}

func FuzzSplitLightBlock(f *testing.F) {
	f.Add(lightBlockOf(1, 1))
	f.Add([]byte{0x0a, 0, 0x12, 0})
	f.Add([]byte{0x0a, 0x80, 0, 0x12, 0})
	f.Add([]byte{0x0a, 1, 0x12, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		header, set, ok := splitLightBlock(b)
		if ok && !bytes.Equal(joinLightBlock(header, set), b) {
			t.Fatalf("%x does not come back", b)
		}
		if !ok || len(b) > MaxLightBlockBytes {
			return
		}
		m, err := newModel(1, header, set)
		if err != nil {
			t.Fatal(err)
		}
		if m, err = decodeModel(1, m.encode()); err != nil {
			t.Fatal(err)
		}
		for _, h := range [][]byte{header, append(bytes.Clone(header), 1, 2, 3), nil} {
			got, err := m.unpack(m.pack(nil, h))
			if err != nil || !bytes.Equal(got, joinLightBlock(h, set)) {
				t.Fatalf("%x does not come back: %v", h, err)
			}
		}
	})
}
