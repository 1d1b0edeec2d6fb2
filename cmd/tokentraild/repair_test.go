package main

import (
	"context"
	"encoding/binary"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"

	"tokentrail/ledger/app"
)

// spoil overwrites stored values of a stopped home's ledger, so that Badger is
// content with them and the ledger is not. A key is its prefix and an index.
func spoil(t *testing.T, home string, keys map[byte]uint64) {
	t.Helper()
	db, err := badger.Open(badger.DefaultOptions(app.LedgerDir(home)).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(txn *badger.Txn) error {
		for prefix, index := range keys {
			key := binary.BigEndian.AppendUint64([]byte{prefix}, index)
			if prefix == 'f' {
				key = append(key, 0, 0)
			}
			if _, err := txn.Get(key); err != nil {
				return err
			}
			if err := txn.Set(key, []byte("spoiled")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is spoiled: an entry, a frame, a row of hashes, an archived header.
var spoiled = map[byte]uint64{'e': 3, 'f': 5, 'h': 6, 'a': 2}

// TestRepairPlaces mends single places in place, from a backup.
func TestRepairPlaces(t *testing.T) {
	home, dir, _ := stoppedHome(t, 12)
	archiveAll(t, home)
	must(t, "backup", "--home", home, "--to", dir)
	spoil(t, home, spoiled)
	code, out, _ := tokentraild(t, "scrub", "--home", home)
	if code != exitDamage {
		t.Fatalf("exit %d, %s", code, out)
	}
	for _, place := range []string{"index 3", "index 5", "index 6", "height 2"} {
		if !strings.Contains(out, place) {
			t.Errorf("nothing is said of %s: %s", place, out)
		}
	}
	// A backup of what is damaged is refused, and says why.
	if code, _, said := tokentraild(t, "backup", "--home", home, "--to", t.TempDir()); code == 0 || !strings.Contains(said, "damaged") {
		t.Errorf("a backup of it: exit %d, %s", code, said)
	}
	out = must(t, "repair", "--home", home, "--from", dir)
	for _, mended := range []string{"entry 3 is mended", "entry 5 is mended", "entry 6 is mended", "header 2 is mended", "is whole"} {
		if !strings.Contains(out, mended) {
			t.Errorf("%q is missing: %s", mended, out)
		}
	}
	again := t.TempDir()
	must(t, "backup", "--home", home, "--to", again)
	must(t, "backup", "--check", again, "--genesis-hash", genesisHash(t, home))
	if out := must(t, "repair", "--home", home, "--from", dir); !strings.Contains(out, "nothing is to be repaired") {
		t.Error(out)
	}
}

// TestRunningNodeMends: a node finds damage by its scrub and by what readers meet,
// serves none of it, and mends it from the nodes that it knows.
func TestRunningNodeMends(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	net := startNetwork(t, 2, p)
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	for i, sub := range p.submissions(t, traceRecords(t), 200)[:12] {
		if a := post(t, net[0].url, sub); a.status != http.StatusCreated {
			t.Fatalf("statement %d: %d %s", i, a.status, a.body)
		}
	}
	hurt := net[1]
	hurt.wait(t, ctx, 12)
	if err := hurt.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	spoil(t, hurt.home, map[byte]uint64{'e': 3, 'f': 5, 'h': 6})
	conf, err := app.LoadNodeConfig(hurt.home)
	if err != nil {
		t.Fatal(err)
	}
	conf.History = []string{net[0].url}
	conf.Scrub = app.Duration(time.Hour)
	if err := app.WriteNodeConfig(hurt.home, conf); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(hurt.home + "/" + scrubFile); err != nil {
		t.Fatal(err)
	}
	hurt.start(t)
	hurt.wait(t, ctx, 12)
	for _, path := range []string{"/entries/3/statement", "/entries/5/records", "/entries/6", "/entries/3"} {
		want := request(t, http.MethodGet, net[0].url+path, "", nil)
		for {
			a := request(t, http.MethodGet, hurt.url+path, "", nil)
			if a.status == http.StatusOK {
				if strings.HasSuffix(path, "statement") && string(a.body) != string(want.body) {
					t.Errorf("%s: other bytes", path)
				}
				break
			}
			if a.status != http.StatusInternalServerError || ctx.Err() != nil {
				t.Fatalf("%s: %d %s", path, a.status, a.body)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	if err := hurt.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	must(t, "scrub", "--home", hurt.home)
}
