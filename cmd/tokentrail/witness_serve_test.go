package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/cosign"
)

// A witnessedLog is a log as a node has it: it signs checkpoints and proves that one
// size grew out of another. It implements the part of verify.Source that a witness
// asks.
type witnessedLog struct {
	verify.Source
	tree  provenance.Tree
	roots []provenance.Hash // by size
	key   ed25519.PrivateKey
	lie   func(from, to int64) ([]byte, error) // instead of a proof
}

func newWitnessedLog(name string, size int64) *witnessedLog {
	seed := sha256.Sum256([]byte("node"))
	l := &witnessedLog{key: ed25519.NewKeyFromSeed(seed[:])}
	l.roots = append(l.roots, l.tree.Root())
	for i := range size {
		l.tree.Append(provenance.LeafHash(fmt.Appendf(nil, "%s %d", name, i)))
		l.roots = append(l.roots, l.tree.Root())
	}
	return l
}

// proof is that from one size to another, empty where there is nothing to show.
func (l *witnessedLog) proof(from, to int64) (path []provenance.Hash) {
	if from == 0 || from >= to {
		return nil
	}
	hashes, err := tlog.ProveTree(to, from, &l.tree)
	if err != nil {
		panic(err)
	}
	for _, h := range hashes {
		path = append(path, provenance.Hash(h))
	}
	return path
}

// Consistency implements verify.Source.
func (l *witnessedLog) Consistency(_ context.Context, from, to int64) ([]byte, error) {
	if l.lie != nil {
		return l.lie(from, to)
	}
	return (&provenance.Consistency{Older: from, Newer: to, Path: l.proof(from, to)}).Encode(), nil
}

func (l *witnessedLog) checkpoint(size int64) []byte {
	b, err := provenance.Checkpoint{Origin: testOrigin, Size: size, Root: l.roots[size]}.Sign(l.key)
	if err != nil {
		panic(err)
	}
	return b
}

// request is that of a client, in the protocol's form.
func (l *witnessedLog) request(old, size int64) string {
	s := fmt.Sprintf("old %d\n", old)
	for _, h := range l.proof(old, size) {
		s += base64.StdEncoding.EncodeToString(h[:]) + "\n"
	}
	return s + "\n" + string(l.checkpoint(size))
}

// audited is what an audit hands out that went up to a size.
func (l *witnessedLog) audited(size int64) *verify.AuditedLog {
	return &verify.AuditedLog{Origin: testOrigin, Size: size, Root: l.roots[size], Keys: []ed25519.PublicKey{l.key.Public().(ed25519.PublicKey)}}
}

// withCheckpoint adds the node's checkpoint.
func (l *witnessedLog) withCheckpoint(size, checkpoint int64) *verify.AuditedLog {
	a := l.audited(size)
	a.Checkpoint, a.CheckpointSize = l.checkpoint(checkpoint), checkpoint
	return a
}

// A testWitness is a witness of a log, in a directory of its own.
type testWitness struct {
	*witness
	t    testing.TB
	log  *witnessedLog
	said *bytes.Buffer
}

// startTestWitness starts a witness whose clock is past now, in whole seconds.
func startTestWitness(t testing.TB, dir string, log *witnessedLog, logKeys ...string) *testWitness {
	t.Helper()
	file := filepath.Join(dir, "witness.key")
	if _, err := os.Stat(file); err != nil {
		if code := run(context.Background(), []string{"key", "witness", "auditor.example/witness", "--out", file}, strings.NewReader(""), io.Discard, os.Stderr, os.Getenv); code != exitOK {
			t.Fatal("no key")
		}
	}
	w := &testWitness{t: t, log: log, said: &bytes.Buffer{}}
	a := &app{stderr: w.said}
	var err error
	if w.witness, err = a.witnessHandler(&witnessServeFlags{file, logKeys}, &memory{state: dir}, log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	if said := w.said.String(); said != "witness auditor.example/witness: its verifier key is "+w.key.Public()+"\n" {
		t.Errorf("%s", said)
	}
	w.said.Reset()
	return w
}

func (w *testWitness) mustTake(l *verify.AuditedLog) {
	w.t.Helper()
	if err := w.take(context.Background(), l); err != nil {
		w.t.Fatal(err)
	}
}

func (w *testWitness) ask(method, path, body string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, httptest.NewRequest(method, path, strings.NewReader(body)))
	return answer
}

func (w *testWitness) wants(status int, words, body string) {
	w.t.Helper()
	if got := w.ask("POST", "/add-checkpoint", body); got.Code != status || !strings.Contains(got.Body.String(), words) {
		w.t.Errorf("%d %q, wanted %d %q", got.Code, got.Body, status, words)
	}
}

// file is the witness's memory.
func (w *testWitness) file() string {
	w.t.Helper()
	names, err := filepath.Glob(filepath.Join(w.state, "ledgers", "test-1-0123456789abcdef", witnessDir+"*", cosignedFile))
	if err != nil || len(names) != 1 {
		w.t.Fatalf("%v, %v", names, err)
	}
	return names[0]
}

// TestAddCheckpoint: each status of the protocol, as HTTP has it. SPEC(VER-88)
func TestAddCheckpoint(t *testing.T) {
	log, other := newWitnessedLog("log", 100), newWitnessedLog("other", 100)
	w := startTestWitness(t, t.TempDir(), log)
	w.wants(503, "nothing of the log was verified yet", log.request(0, 10))
	w.mustTake(log.audited(50))
	w.wants(200, "— auditor.example/witness ", log.request(0, 10))
	w.wants(200, "— auditor.example/witness ", log.request(10, 10))
	w.wants(200, "— auditor.example/witness ", log.request(10, 50))
	w.wants(400, "", "old ten\n\n")
	w.wants(400, "above", log.request(51, 50))
	w.wants(403, "none of the log's keys", strings.ReplaceAll(log.request(50, 50), "— tokentrail/", "— tokentrial/"))
	w.wants(404, "none that is watched here", strings.ReplaceAll(log.request(50, 50), "test-1", "test-2"))
	w.wants(409, "50\n", log.request(0, 60))
	w.wants(413, "", strings.Repeat("x", cosign.MaxRequest+1))
	w.wants(422, "", strings.Replace(log.request(50, 60), "old 50\n", "old 50\n"+strings.Repeat("A", 43)+"=\n", 1))
	w.wants(503, "50 have been audited until now", log.request(50, 60))
	conflict, later := w.ask("POST", "/add-checkpoint", log.request(10, 50)), w.ask("POST", "/add-checkpoint", log.request(50, 60))
	if conflict.Header().Get("Content-Type") != "text/x.tlog.size" || conflict.Body.String() != "50\n" || later.Header().Get("Retry-After") == "" {
		t.Errorf("%v, %v", conflict.Header(), later.Header())
	}
	if got := w.ask("GET", "/add-checkpoint", ""); got.Code != 405 {
		t.Errorf("GET: %d", got.Code)
	}
	w.mustTake(log.audited(60))
	older := log.audited(55) // what was verified stays so, and the keys that are known
	older.Keys = nil
	w.mustTake(older)
	w.wants(200, "— auditor.example/witness ", log.request(50, 60))
	w.mustTake(log.audited(100))
	for range 3 { // told once
		w.wants(422, "", strings.Replace(log.request(60, 60), string(log.checkpoint(60)), string(other.checkpoint(60)), 1))
	}
	if said := w.said.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "a key of the log signed a checkpoint of 60 entries with the root "+other.roots[60].String()) {
		t.Errorf("%s", said)
	}
}

// TestAnotherLog: a log that grew by the client's proof, signed by the node, and that is
// not the one that was audited, is not cosigned. SPEC(VER-86)
func TestAnotherLog(t *testing.T) {
	log := newWitnessedLog("log", 100)
	w := startTestWitness(t, t.TempDir(), log)
	w.mustTake(log.audited(50))
	w.wants(422, "not shown to be of the log that was audited", newWitnessedLog("other", 100).request(0, 40))
	w.wants(422, "not shown to be of the log that was audited", newWitnessedLog("other", 100).request(0, 50))
	log.lie = func(int64, int64) ([]byte, error) { return nil, errors.New("the network is down") }
	w.wants(503, "no consistency proof", log.request(0, 40))
	w.wants(200, "— ", log.request(0, 50)) // nothing is to be asked
	log.lie = func(from, to int64) ([]byte, error) { return []byte("garbage"), nil }
	w.mustTake(log.audited(100))
	w.wants(503, "no consistency proof", log.request(50, 70))
	log.lie = func(from, to int64) ([]byte, error) {
		return (&provenance.Consistency{Older: from, Newer: to + 1, Path: log.proof(from, to)}).Encode(), nil
	}
	w.wants(503, "no consistency proof", log.request(50, 70))
	log.lie = func(from, to int64) ([]byte, error) {
		return (&provenance.Consistency{Older: from, Newer: to, Path: log.proof(from, to-1)}).Encode(), nil
	}
	w.wants(422, "", log.request(50, 70))
	log.lie = nil
	w.wants(200, "— ", log.request(50, 70))
}

// TestOwnCheckpoints: what each round verified is cosigned and served, whoever asks.
// SPEC(VER-89)
func TestOwnCheckpoints(t *testing.T) {
	log := newWitnessedLog("log", 100)
	w := startTestWitness(t, t.TempDir(), log)
	at := time.Unix(1_800_000_000, 0)
	w.now = func() time.Time { return at }
	paths := []string{"/checkpoint", "/" + originHash(testOrigin) + "/checkpoint"}
	for _, path := range paths {
		if got := w.ask("GET", path, ""); got.Code != 404 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	for i, size := range []int64{0, 0, 1, 7, 7, 64, 99} {
		at = at.Add(time.Second)
		w.mustTake(log.withCheckpoint(min(size+1, 100), size))
		for _, path := range paths {
			got := w.ask("GET", path, "")
			c, err := w.key.Recall(got.Body.Bytes())
			if got.Code != 200 || err != nil || c.Size != size || c.Root != log.roots[size] || c.Time != at.Unix() {
				t.Fatalf("round %d, %s: %d, %+v, %v", i, path, got.Code, c, err)
			}
			if _, err := provenance.OpenCheckpoint(got.Body.Bytes(), testOrigin, log.key.Public().(ed25519.PublicKey)); err != nil {
				t.Error(err)
			}
		}
	}
	w.mustTake(log.withCheckpoint(100, 98)) // an older one is left
	if c := w.last(); c.Size != 99 {
		t.Errorf("%+v", c)
	}
	if got := w.ask("GET", "/"+strings.Repeat("0", 64)+"/checkpoint", ""); got.Code != 404 {
		t.Errorf("another log: %d", got.Code)
	}
	log.lie = func(from, to int64) ([]byte, error) {
		return (&provenance.Consistency{Older: from, Newer: to, Path: log.proof(from-1, to)}).Encode(), nil
	}
	if err := w.take(t.Context(), log.withCheckpoint(100, 100)); err == nil || !strings.Contains(err.Error(), "of 100 entries was not cosigned") {
		t.Error(err)
	}
}

// TestClientIsFaster: a client that asks while the witness is about the node's own
// checkpoint is no trouble; the next round is about that.
func TestClientIsFaster(t *testing.T) {
	log := newWitnessedLog("log", 100)
	w := startTestWitness(t, t.TempDir(), log)
	w.mustTake(log.withCheckpoint(50, 10))
	log.lie = func(from, to int64) ([]byte, error) {
		log.lie = nil
		w.wants(200, "— ", log.request(10, 30))
		return log.Consistency(t.Context(), from, to)
	}
	w.mustTake(log.withCheckpoint(50, 50))
	if c := w.last(); c.Size != 30 {
		t.Errorf("%+v", c)
	}
	w.mustTake(log.withCheckpoint(50, 50))
	if c := w.last(); c.Size != 50 || w.said.Len() > 0 {
		t.Errorf("%+v, %s", c, w.said)
	}
}

// TestSuspended: evidence against the ledger ends it, until a round without.
// SPEC(VER-86)
func TestSuspended(t *testing.T) {
	log := newWitnessedLog("log", 100)
	w := startTestWitness(t, t.TempDir(), log)
	w.mustTake(log.audited(50))
	if err := w.verified(t.Context(), &verify.Report{}); err != nil { // could not check
		t.Error(err)
	}
	w.wants(200, "— ", log.request(0, 10))
	if err := w.verified(t.Context(), &verify.Report{Against: verify.AgainstCounts{Ledger: 1}}); err != nil {
		t.Error(err)
	}
	w.wants(503, "evidence against the ledger", log.request(10, 20))
	w.mustTake(log.audited(50))
	w.wants(200, "— ", log.request(10, 20))
	if err := w.take(t.Context(), newWitnessedLog("other", 100).audited(50)); err == nil || !strings.Contains(err.Error(), "two logs of 50 entries") {
		t.Error(err)
	}
	w.wants(503, notNow, log.request(20, 30))
	foreign := log.audited(60)
	foreign.Origin = strings.Replace(testOrigin, "test-1", "test-2", 1)
	if err := w.take(t.Context(), foreign); err == nil {
		t.Error("another ledger")
	}
	w.close()
	w.wants(503, "has ended", log.request(20, 30))
}

// TestRemembers: what was cosigned holds after a restart, and what cannot be read is
// never taken for nothing. SPEC(VER-87), SPEC(CLI-103)
func TestRemembers(t *testing.T) {
	dir, log := t.TempDir(), newWitnessedLog("log", 100)
	w := startTestWitness(t, dir, log)
	w.mustTake(log.withCheckpoint(50, 50))
	second := startTestWitness(t, dir, log)
	if err := second.take(t.Context(), log.audited(50)); err == nil || !strings.Contains(err.Error(), "another witness with this key") {
		t.Fatal(err)
	}
	second.wants(503, notNow, log.request(50, 50))
	file := w.file()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	w.close()
	second.mustTake(log.audited(60)) // the lock is free
	second.wants(409, "50\n", log.request(0, 60))
	second.wants(409, "50\n", log.request(0, 20))
	second.wants(200, "— ", log.request(50, 60))
	second.close()

	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoilt := range map[string][]byte{
		"empty": {}, "cut": whole[:len(whole)-2], "another size": bytes.Replace(whole, []byte("\n60\n"), []byte("\n6\n"), 1),
		"another log's": otherLogs(t, w.key), "not cosigned": log.checkpoint(60), "too much": append(bytes.Clone(whole), make([]byte, cosign.MaxCosigned)...),
	} {
		if err := os.WriteFile(file, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		third := startTestWitness(t, dir, log)
		if err := third.take(t.Context(), log.withCheckpoint(70, 70)); err == nil || !strings.Contains(err.Error(), "nothing is cosigned") {
			t.Errorf("%s: %v", name, err)
		}
		third.wants(503, notNow, log.request(0, 70))
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, spoilt) {
			t.Errorf("%s: what is damaged was replaced", name)
		}
		if err := os.WriteFile(file, whole, 0o600); err != nil {
			t.Fatal(err)
		}
		third.mustTake(log.withCheckpoint(70, 60))
		third.close()
	}
}

// otherLogs is what a key cosigned of another log.
func otherLogs(t *testing.T, key *cosign.Key) []byte {
	origin := strings.Replace(testOrigin, "test-1", "test-2", 1)
	l := newWitnessedLog("log", 1)
	signed, err := provenance.Checkpoint{Origin: origin, Size: 1, Root: l.roots[1]}.Sign(l.key)
	if err != nil {
		t.Fatal(err)
	}
	r, err := cosign.Begin(signed, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	log := &cosign.Log{Origin: origin, Keys: []ed25519.PublicKey{l.key.Public().(ed25519.PublicKey)}}
	c, err := log.Judge(r)
	if err != nil {
		t.Fatal(err)
	}
	g, err := c.Within(c.Tree, nil)
	if err != nil {
		t.Fatal(err)
	}
	signedToo, err := key.Sign(g, log, time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return signedToo.Note
}

// TestNothingUnkept: what could not be made durable is not given out. SPEC(VER-87)
func TestNothingUnkept(t *testing.T) {
	log := newWitnessedLog("log", 100)
	w := startTestWitness(t, t.TempDir(), log)
	w.mustTake(log.withCheckpoint(50, 10))
	file := w.file()
	away := filepath.Dir(file) + ".away"
	if err := os.Rename(filepath.Dir(file), away); err != nil {
		t.Fatal(err)
	}
	for range 3 { // clients ask as often as they like
		w.wants(503, notNow, log.request(10, 20))
	}
	if said := w.said.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "cannot be kept") {
		t.Errorf("%s", said)
	}
	if err := os.Rename(away, filepath.Dir(file)); err != nil {
		t.Fatal(err)
	}
	w.wants(200, "— ", log.request(10, 20))
}

// TestTooManyAsk: however many ask, few make the witness ask the node. SPEC(VER-88)
func TestTooManyAsk(t *testing.T) {
	log := newWitnessedLog("log", 100)
	w := startTestWitness(t, t.TempDir(), log)
	w.mustTake(log.audited(50))
	asked, answer := make(chan struct{}, maxAsking), make(chan struct{})
	log.lie = func(int64, int64) ([]byte, error) {
		asked <- struct{}{}
		<-answer
		return nil, errors.New("the network is down")
	}
	var all sync.WaitGroup
	for range maxAsking {
		all.Go(func() { w.wants(503, "no consistency proof", log.request(0, 10)) })
	}
	for range maxAsking {
		<-asked
	}
	w.wants(503, "too many ask at once", log.request(0, 10))
	w.wants(400, "", "old ten\n\n") // what is wrong is told to anybody
	close(answer)
	all.Wait()
	log.lie = nil
	w.wants(200, "— ", log.request(0, 10))
}

// TestClockGoesBack: nothing is said as of an earlier time than the last. SPEC(VER-87)
func TestClockGoesBack(t *testing.T) {
	log := newWitnessedLog("log", 100)
	w := startTestWitness(t, t.TempDir(), log)
	at := time.Unix(1_800_000_000, 0)
	w.now = func() time.Time { return at }
	w.mustTake(log.withCheckpoint(50, 10))
	first := w.ask("POST", "/add-checkpoint", log.request(10, 10)).Body.String()
	before, err := os.Stat(w.file())
	if err != nil {
		t.Fatal(err)
	}
	if again := w.ask("POST", "/add-checkpoint", log.request(10, 10)).Body.String(); again != first || !strings.HasPrefix(first, "— ") {
		t.Errorf("%q, %q", first, again)
	}
	if after, err := os.Stat(w.file()); err != nil || !os.SameFile(before, after) {
		t.Error("the same was written again")
	}
	at = at.Add(-time.Minute)
	w.wants(503, "60 seconds behind", log.request(10, 20))
	at = at.Add(2 * time.Minute)
	w.wants(200, "— ", log.request(10, 20))
}

// TestManyAtOnce: of requests that come at once, whatever is granted grows, and nothing
// that was granted is forgotten. SPEC(VER-88)
func TestManyAtOnce(t *testing.T) {
	dir, log := t.TempDir(), newWitnessedLog("log", 200)
	w := startTestWitness(t, dir, log)
	w.mustTake(log.audited(200))
	var all sync.WaitGroup
	var mu sync.Mutex
	highest := int64(0)
	for client := range int64(8) {
		all.Go(func() {
			old := int64(0)
			for size := client + 1; size <= 200; size += 8 {
				for {
					got := w.ask("POST", "/add-checkpoint", log.request(min(old, size), size))
					if got.Code == 200 {
						mu.Lock()
						highest = max(highest, size)
						mu.Unlock()
						break
					}
					known, err := strconv.ParseInt(strings.TrimSpace(got.Body.String()), 10, 64)
					if got.Code != 409 || err != nil {
						t.Errorf("%d %s", got.Code, got.Body)
						return
					}
					if old = known; known > size {
						break // somebody was faster
					}
				}
			}
		})
	}
	all.Wait()
	if c := w.last(); c.Size != highest || highest < 193 {
		t.Errorf("%d, the highest granted is %d", c.Size, highest)
	}
	w.close()
	again := startTestWitness(t, dir, log)
	again.mustTake(log.audited(200))
	if c := again.last(); c.Size != highest {
		t.Errorf("%d, the highest granted is %d", c.Size, highest)
	}
}

const cosignForever = "TOKENTRAIL_TEST_COSIGN"

// TestKilledWhileCosigning kills witnesses as they answer: what was answered is
// remembered. SPEC(VER-87)
func TestKilledWhileCosigning(t *testing.T) {
	log := newWitnessedLog("log", 5000)
	if dir := os.Getenv(cosignForever); dir != "" {
		w := startTestWitness(t, dir, log)
		w.mustTake(log.audited(5000))
		for {
			last := w.last()
			old := int64(0)
			if last != nil {
				old = last.Size
			}
			w.wants(200, "— ", log.request(old, old+1))
			fmt.Println(old + 1)
		}
	}
	dir := t.TempDir()
	last := int64(0)
	for round := range 10 {
		last = killedAsItCounts(t, cosignForever+"="+dir, time.Duration(round)*1700*time.Microsecond)
		w := startTestWitness(t, dir, log)
		w.mustTake(log.audited(5000))
		if c := w.last(); c == nil || c.Size < last || c.Size > last+1 {
			t.Fatalf("round %d: %d was answered: %+v", round, last, c)
		}
		w.close()
	}
}

// TestWitnessServeFlags: what is wrong is said before anything is watched. SPEC(CLI-103),
// SPEC(CLI-104)
func TestWitnessServeFlags(t *testing.T) {
	dir := t.TempDir()
	log := newWitnessedLog("log", 10)
	file := filepath.Join(dir, "witness.key")
	w := startTestWitness(t, dir, log)
	vkey := func(origin string) string {
		public := append([]byte{1}, log.key.Public().(ed25519.PublicKey)...)
		id := sha256.Sum256(append([]byte(origin+"\n"), public...))
		return fmt.Sprintf("%s+%x+%s", origin, id[:4], base64.StdEncoding.EncodeToString(public))
	}
	here := &memory{state: dir}
	for name, c := range map[string]struct {
		f    witnessServeFlags
		m    *memory
		code int
		says string
	}{
		"keys of a log alone":   {witnessServeFlags{"", []string{vkey(testOrigin)}}, here, exitUsage, "--witness-key"},
		"no state":              {witnessServeFlags{file, nil}, nil, exitUsage, "--state"},
		"no file":               {witnessServeFlags{filepath.Join(dir, "none"), nil}, here, exitAgainst, "tokentrail key witness"},
		"no key of a log":       {witnessServeFlags{file, []string{w.key.Public()}}, here, exitUsage, "type 0x04"},
		"keys of two logs":      {witnessServeFlags{file, []string{vkey(testOrigin), vkey("other")}}, here, exitUsage, "two logs"},
		"two keys of one log":   {witnessServeFlags{file, []string{vkey(testOrigin), vkey(testOrigin)}}, here, exitOK, ""},
		"nobody is to be asked": {witnessServeFlags{}, nil, exitOK, ""},
	} {
		_, err := (&app{stderr: io.Discard}).witnessHandler(&c.f, c.m, log)
		if (err != nil) != (c.code != exitOK) || err != nil && (exitCode(err) != c.code || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := readWitnessKey(file); err == nil || !strings.Contains(err.Error(), "others than its owner") {
		t.Error(err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	// A key that is named is the only one.
	named := startTestWitness(t, t.TempDir(), log, vkey(testOrigin))
	l := log.audited(10)
	l.Keys = nil
	named.mustTake(l)
	named.wants(200, "— ", log.request(0, 10))
	other := startTestWitness(t, t.TempDir(), log, vkey("tokentrail/other"))
	if err := other.take(t.Context(), log.audited(10)); err == nil || !strings.Contains(err.Error(), "another") {
		t.Error(err)
	}
	other.wants(http.StatusServiceUnavailable, "", log.request(0, 10))
}
