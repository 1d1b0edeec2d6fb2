package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"tokentrail/ledger"
)

// TestRejoinCrashes ends a rejoin at each of its steps; whoever goes on finds the
// old stores or the new ones, and then the new ones once they were whole.
func TestRejoinCrashes(t *testing.T) {
	// Each step is a path that is renamed, in the order of FinishRejoin.
	steps := [][2]string{}
	for _, name := range moved {
		steps = append(steps, [2]string{"data/" + name, "data/old/" + name}, [2]string{"data/rejoin/data/" + name, "data/" + name})
	}
	for crash := -2; crash <= len(steps); crash++ {
		home := t.TempDir()
		put := func(path, content string) {
			t.Helper()
			path = filepath.Join(home, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		put("data/priv_validator_state.json", "kept")
		for _, name := range moved {
			put("data/"+name+"/of", "old")
			if crash > -2 || name == "engine" { // -2: not all of the new stores are there
				put("data/rejoin/data/"+name+"/of", "new")
			}
		}
		want := "old"
		if crash >= 0 {
			want = "new"
			put("data/rejoin/READY", "")
			if err := os.MkdirAll(filepath.Join(home, "data/old"), 0o700); err != nil {
				t.Fatal(err)
			}
			for _, s := range steps[:crash] {
				if err := os.Rename(filepath.Join(home, s[0]), filepath.Join(home, s[1])); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 2 { // the second has nothing to do
			if err := FinishRejoin(home); err != nil {
				t.Fatalf("crash at step %d: %v", crash, err)
			}
		}
		for _, name := range moved {
			if got := string(mustRead(t, filepath.Join(home, "data", name, "of"))); got != want {
				t.Errorf("crash at step %d: %s is of the %s stores, wanted the %s", crash, name, got, want)
			}
		}
		if got := string(mustRead(t, filepath.Join(home, privStateFile))); got != "kept" {
			t.Errorf("crash at step %d: the signing state is %q", crash, got)
		}
		if exists(filepath.Join(home, rejoinDir)) {
			t.Errorf("crash at step %d: data/rejoin is left", crash)
		}
		if got := OldLedgerDirs(home); want == "new" && (len(got) != 1 || !exists(filepath.Join(got[0], "of"))) || want == "old" && len(got) > 0 {
			t.Errorf("crash at step %d: the old ledger is set aside: %v", crash, got)
		}
	}
}

// TestRejoinKeepsSigningState refuses to move a home whose validator signed what
// its signing state does not know, and leaves keys and state of others alone.
func TestRejoinKeepsSigningState(t *testing.T) {
	c := newJointChain(t)
	j, err := ParseJoint(c.encoded.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if _, err := InitHome(home, NodeConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := InstallGenesis(home, c.genesis); err != nil {
		t.Fatal(err)
	}
	// The home's own key has signed nothing.
	if err := Rejoin(home, c.genesis, j, nil); err != nil {
		t.Fatal(err)
	}
	// Nobody knows yet whether another has what the ledgers before have.
	for n, dir := range []string{"data/ledger/first", "data/ledger/second"} {
		if err := os.Mkdir(filepath.Join(home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := Rejoin(home, c.genesis, j, nil); err != nil {
			t.Fatal(err)
		}
		if got := OldLedgerDirs(home); len(got) != n+1 || !exists(filepath.Join(got[n], filepath.Base(dir))) || !exists(filepath.Join(got[0], "first")) {
			t.Errorf("after %d rejoins there are the ledgers %q", n+1, got)
		}
	}
	// This one signed heights 2 and 3.
	key, state := filepath.Join(home, privKeyFile), filepath.Join(home, privStateFile)
	own := privval.NewFilePV(c.key, key, state)
	for _, x := range []struct {
		height int64
		want   string
	}{{1, "ends at height 1, but the validator has signed height 3"}, {2, "signed height 3"}, {3, ""}, {9, ""}} {
		own.LastSignState.Height = x.height
		own.Save()
		before := mustRead(t, state)
		err := Rejoin(home, c.genesis, j, nil)
		if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("signed up to %d: %v, wanted %q", x.height, err, x.want)
		}
		if !bytes.Equal(mustRead(t, state), before) {
			t.Errorf("signed up to %d: the signing state is another", x.height)
		}
	}
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	if err := Rejoin(home, c.genesis, j, nil); err == nil || !strings.Contains(err.Error(), "two blocks of one height") {
		t.Errorf("without a signing state: %v", err)
	}
}

// TestLastSigned finds the validator's signatures in the archive where the engine
// has none left.
func TestLastSigned(t *testing.T) {
	c := newJointChain(t)
	l, err := ledger.Open(t.TempDir(), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	j, err := ParseJoint(c.encoded.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Restore(j.Frontier, j.appHash()); err != nil {
		t.Fatal(err)
	}
	if err := l.ArchiveHeaders(2, [][]byte{j.RawLast, j.RawCurrent}); err != nil {
		t.Fatal(err)
	}
	n := &Node{opt: NodeOptions{Archive: l}}
	e := openEngine(t, t.TempDir())
	defer e.Close()
	blocks := store.NewBlockStore(e.Store("blockstore"))
	own, stranger := types.Address(c.key.PubKey().Address()), types.Address(make([]byte, 20))
	for _, x := range []struct {
		address    types.Address
		after, tip int64
		want       int64
	}{{own, 0, 3, 3}, {own, 2, 10, 3}, {own, 3, 10, 0}, {own, 0, 2, 2}, {stranger, 0, 10, 0}} {
		if got, err := n.lastSigned(blocks, x.address, x.after, x.tip); err != nil || got != x.want {
			t.Errorf("%+v: %d, %v", x, got, err)
		}
	}
}

// TestOpenKeyFile: a validator's key that others can read is told of.
func TestOpenKeyFile(t *testing.T) {
	noLeaks(t)
	for mode, told := range map[os.FileMode]bool{0o600: false, 0o640: true} {
		home := single(t)
		if err := os.Chmod(filepath.Join(home, privKeyFile), mode); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		n := NewNode(home, &counter{}, NodeOptions{Log: slog.New(slog.NewTextHandler(&log, nil)), EngineLevel: slog.LevelError})
		err := n.Start(timeout(t))
		stop(t, n)
		if err != nil || strings.Contains(log.String(), "read the validator's key") != told {
			t.Errorf("mode %o: %v, %q", mode, err, log.String())
		}
	}
}
