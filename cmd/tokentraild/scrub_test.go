package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/app"
)

// TestScrubFindsFlips flips bits in every kind of file of a stopped home. Either
// scrub says what is damaged, and repair mends what a backup can mend; or the flip
// is of bytes that mean nothing, and all that was there is.
func TestScrubFindsFlips(t *testing.T) {
	each, rng := soak(t, 1, 40)
	clean, dir, entries := stoppedHome(t, 30)
	must(t, "backup", "--home", clean, "--to", dir)
	var want scrubReport
	if err := json.Unmarshal([]byte(must(t, "scrub", "--json", "--home", clean)), &want); err != nil || want.Entries != entries || want.Blocks == 0 {
		t.Fatalf("%+v %v", want, err)
	}
	said, meaningless, mended := 0, 0, 0
	for _, name := range homeFiles(t, clean) {
		for range each {
			home := filepath.Join(t.TempDir(), "home")
			if err := os.CopyFS(home, os.DirFS(clean)); err != nil {
				t.Fatal(err)
			}
			at := flip(t, filepath.Join(home, name), rng)
			code, out, stderr := tokentraild(t, "scrub", "--json", "--home", home)
			var got scrubReport
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatalf("%s with byte %d flipped: exit %d, %s", name, at, code, stderr)
			}
			if code == 0 {
				meaningless++
				if got.Height != want.Height || got.Entries != want.Entries || got.Blocks != want.Blocks {
					t.Errorf("%s with byte %d flipped: nothing is said, and there are %+v, wanted %+v", name, at, got, want)
				}
				continue
			}
			said++
			if code != exitDamage || got.Damage[0].Found == "" || got.Damage[0].Remedy == "" {
				t.Errorf("%s with byte %d flipped: exit %d, %+v", name, at, code, got)
			}
			if strings.HasPrefix(name, "config/") || strings.HasSuffix(name, "priv_validator_state.json") || strings.HasSuffix(name, ".sha256") {
				continue // what no backup has
			}
			code, out, stderr = tokentraild(t, "repair", "--home", home, "--from", dir, "--older")
			if code != 0 {
				t.Errorf("%s with byte %d flipped is not repaired: exit %d, %s%s", name, at, code, out, stderr)
				continue
			}
			mended++
		}
	}
	t.Logf("flips: said=%d meaningless=%d repaired=%d silent=0", said, meaningless, mended)
}

// homeFiles returns the files of a home but its lock, and those of the index,
// which is derived and looks after itself.
func homeFiles(t testing.TB, home string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(home, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		name := strings.TrimPrefix(path, home+"/")
		if err == nil && info.Size() > 0 && name != "data/LOCK" && name != scrubFile && !strings.HasPrefix(name, indexDir) {
			names = append(names, name)
		}
		return err
	})
	if err != nil || len(names) < 10 {
		t.Fatalf("%v: %v", names, err)
	}
	return names
}

// TestScrubCouldNot: what cannot be checked is neither whole nor damaged.
func TestScrubCouldNot(t *testing.T) {
	if code, _, said := tokentraild(t, "scrub", "--home", filepath.Join(t.TempDir(), "none")); code != exitCouldNot || said == "" {
		t.Errorf("without a home: exit %d, %s", code, said)
	}
	home, _, _ := stoppedHome(t, 1)
	lock, err := app.LockHome(home)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	for _, args := range [][]string{{"scrub"}, {"repair", "--from", t.TempDir()}, {"backup", "--to", t.TempDir()}} {
		if code, _, said := tokentraild(t, append(args, "--home", home)...); code == 0 || !strings.Contains(said, "uses this home") {
			t.Errorf("%v of a home in use: exit %d, %s", args, code, said)
		}
	}
}

// TestRepairFromNode mends a node from another, and rebuilds what does not open.
func TestRepairFromNode(t *testing.T) {
	began, ctx, p := time.Now(), t.Context(), newProvider(t, "acme")
	net := startNetwork(t, 4, p)
	for _, v := range net {
		v.wait(t, ctx, 0)
	}
	subs := p.submissions(t, traceRecords(t), 200)[:20]
	for i, sub := range subs {
		if a := post(t, net[0].url, sub); a.status != 201 {
			t.Fatalf("statement %d: %d %s", i, a.status, a.body)
		}
	}
	hurt := net[3]
	hurt.wait(t, ctx, 20)
	if err := hurt.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	flip(t, tableOf(t, app.LedgerDir(hurt.home)), rng)
	before := files(t, hurt.home)
	if code, out, _ := tokentraild(t, "scrub", "--home", hurt.home); code != exitDamage || !strings.Contains(out, "remedy") {
		t.Fatalf("exit %d, %s", code, out)
	}
	if out := must(t, "repair", "--home", hurt.home, "--from", net[0].url); !strings.Contains(out, "engine's stores stay") {
		t.Error(out)
	}
	for name, content := range files(t, hurt.home) {
		if string(content) != string(before[name]) {
			t.Errorf("%s changed", name)
		}
	}
	hurt.start(t)
	want := net[0].wait(t, ctx, 20)
	if got := hurt.wait(t, ctx, 20); got.AppHash != want.AppHash {
		t.Errorf("%+v, wanted %+v", got, want)
	}
	for a := request(t, "GET", hurt.url+"/healthz", "", nil); a.status != 200; a = request(t, "GET", hurt.url+"/healthz", "", nil) {
		if time.Since(began) > time.Minute {
			t.Fatalf("%d %s", a.status, a.body)
		}
		time.Sleep(50 * time.Millisecond)
	}
	auditNode(t, hurt.home, hurt.url)
}

func TestMeterLine(t *testing.T) {
	for _, c := range []struct {
		done, all, bytes int64
		spent            time.Duration
		want             string
	}{
		{0, 10, 0, time.Second, "0 of 10 entries, 0/s, ? left"},
		{50, 200, 0, 5 * time.Second, "50 of 200 entries, 10/s, 15s left"},
		{50, 200, 20_000_000, 5 * time.Second, "50 of 200 entries, 10/s, 4.0 MB/s, 15s left"},
	} {
		if got := meterLine("entries", c.done, c.all, c.bytes, c.spent); got != c.want {
			t.Errorf("%q, wanted %q", got, c.want)
		}
	}
}

// TestPlanRepair: what can be mended in place is, and what is not known is made
// anew.
func TestPlanRepair(t *testing.T) {
	for _, c := range []struct {
		damage         []scrubDamage
		entries        int
		headers        int
		ledger, engine bool
		others         int
	}{
		{nil, 0, 0, false, false, 0},
		{[]scrubDamage{{Part: partLedger, What: "entry", Where: "index 7", Opens: true}, {Part: partLedger, What: "frame", Where: "index 7", Opens: true}}, 1, 0, false, false, 0},
		{[]scrubDamage{{Part: partLedger, What: "archived header", Where: "height 7", Opens: true}}, 0, 1, false, false, 0},
		{[]scrubDamage{{Part: partLedger, What: "entry", Where: "index 7", Opens: false}}, 0, 0, true, false, 0},
		{[]scrubDamage{{Part: partLedger, What: "state", Where: "rules", Opens: true}}, 0, 0, true, false, 0},
		{[]scrubDamage{{Part: partLedger, What: "undo", Where: "height 7", Opens: true}}, 0, 0, true, false, 0},
		{[]scrubDamage{{Part: partEngine, What: "block", Where: "height 7"}}, 0, 0, false, true, 0},
		{[]scrubDamage{{Part: partEngine, What: "cs.wal", Where: "wal", Opens: true}, {Part: partHome}}, 0, 0, false, false, 2},
	} {
		p := planRepair(&scrubReport{Damage: c.damage})
		if len(p.entries) != c.entries || len(p.headers) != c.headers || p.ledger != c.ledger || p.engine != c.engine || len(p.others) != c.others {
			t.Errorf("%+v: %+v", c.damage, p)
		}
	}
}

// TestFatalScrub: a process that dies of what it reads is damage, of the store that
// it read.
func TestFatalScrub(t *testing.T) {
	var passed strings.Builder
	said := &tail{to: &passed}
	for _, line := range []string{"10 of 20 entries\n", "panic: runtime error: index out of range\n\ngoroutine 1\n", "tokentrail/ledger.Open(...)\n"} {
		if _, err := said.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if passed.String() != "10 of 20 entries\n" {
		t.Errorf("passed on: %q", passed.String())
	}
	r := fatalDamage("h", partLedger, said, errors.New("exit 2"))
	if d := r.Damage[0]; d.Part != partLedger || !strings.Contains(d.Found, "index out of range") {
		t.Errorf("%+v", d)
	}
}
