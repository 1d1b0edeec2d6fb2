//go:build linux

package faults

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// A homeTruth is what a whole home's node answers, by what it is asked.
type homeTruth struct {
	home    string
	size    int64
	answers map[string]string
}

// newHomeTruth runs a copy of a whole home and asks it everything.
func (u *used) newHomeTruth(t testing.TB, home string) *homeTruth {
	t.Helper()
	truth := &homeTruth{home: home, answers: map[string]string{}}
	n := u.net.nodes[0]
	n.home = copyTree(t, home)
	n.mustUp(t)
	status, err := u.net.settled(1)
	if err != nil {
		t.Fatal(err)
	}
	truth.size = status.LogSize
	for _, path := range u.questions(t, n, status.LogSize) {
		code, answer, err := ask(n, path)
		if err != nil || code != http.StatusOK {
			t.Fatalf("%s%s: %d %v", n.url, path, code, err)
		}
		truth.answers[path] = answer
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	return truth
}

// questions are paths whose answers are settled as long as nothing is posted:
// each entry, and where a record of each is.
func (u *used) questions(t testing.TB, n *node, size int64) []string {
	t.Helper()
	source, err := remoteOf(n)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for i := range size {
		paths = append(paths, fmt.Sprintf("/v1/entries?from=%d&limit=1", i), fmt.Sprintf("/entries/%d/records/%d", i, i%loadBatch))
		entries, err := source.Entries(t.Context(), i, 1)
		if err != nil {
			t.Fatal(err)
		}
		s, err := provenance.ParseStatement(entries[0].Statement)
		if err != nil {
			t.Fatal(err)
		}
		records, err := provenance.ExpandRecords(entries[0].Frame, loadBatch, provenance.FormatLimits())
		if err != nil {
			t.Fatal(err)
		}
		h := s.Header()
		id := provenance.RecordID(h.Issuer, h.Stream, h.Sequence, 0, records[0])
		paths = append(paths, "/v1/records?id="+id.String())
	}
	return paths
}

// ask returns the status and a digest of an answer.
func ask(n *node, path string) (int, string, error) {
	code, b, err := n.get(path)
	return code, fmt.Sprintf("%x", sha256.Sum256(b)), err
}

// TestFlippedHome flips bits in all kinds of files of a stopped home and starts
// its node. The start refuses and says what, or the node serves what is right or
// an error, and says that it takes no statements if it takes none.
func TestFlippedHome(t *testing.T) {
	p := newPlan(t, 10, 400)
	p.onward = true
	u := usedHome(t, p)
	truths := []*homeTruth{u.newHomeTruth(t, u.stopped), u.newHomeTruth(t, u.killed)}
	outcomes := map[string]int{}
	for p.next() {
		truth := truths[p.done%2]
		n := u.net.nodes[0]
		n.home = copyTree(t, truth.home)
		n.said.forget()
		f := p.flip(t, n.home)
		outcome, err := u.tryHome(t, p, truth, f)
		n.kill()
		// Of damage in a table Badger may end the process at its first sight. What is
		// derived from the log is then made anew.
		for again := 0; outcome == "crashed" && again < 2; again++ {
			n.said.forget()
			if outcome, err = u.tryHome(t, p, truth, f); outcome == "right" {
				outcome = "mended"
			}
			n.kill()
		}
		if err != nil {
			outcome = "silent"
			t.Errorf("a bit flipped in %s: %v\n%.3000s", f, err, n.said)
		}
		outcomes[outcome]++
		p.say("%s: %s", f, outcome)
		if err := os.RemoveAll(n.home); err != nil {
			t.Fatal(err)
		}
	}
	p.figures("bit flips in a home", tally(outcomes, "right", "mended", "told", "stalled", "refused", "crashed", "silent")...)
}

// tryHome starts a node on a damaged home and says how it came out.
func (u *used) tryHome(t *testing.T, p *plan, truth *homeTruth, f flip) (outcome string, err error) {
	t.Helper()
	n := u.net.nodes[0]
	n.start(t)
	defer func(url string) { n.url = url }(n.url)
	n.moved(f)
	if err := n.up(t); err != nil {
		return n.refusal(f)
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if s, err := n.status(); err == nil && s.LogSize >= truth.size {
			break // what was cut is replayed
		}
	}
	outcome = "right"
	for path, want := range truth.answers {
		got, err := u.answer(n, path, want)
		if err != nil {
			return "", err
		}
		if !got {
			outcome = "told"
		}
	}
	if n.gone() {
		return n.refusal(f)
	}
	r, err := n.report(u.net.genesis)
	if err != nil {
		return "", err
	}
	switch r.Exit() {
	case 0:
	case 2:
		outcome = "told"
	default:
		return "", n.audit(u.net.genesis)
	}
	if err := u.postOne(t, p, n); err != nil {
		if n.gone() {
			return n.refusal(f)
		}
		code, _, _ := n.get("/healthz")
		if words := strings.TrimSpace(n.said.String()); code == http.StatusOK && !strings.Contains(words, "\n") {
			return "", fmt.Errorf("it takes no statement and says nothing of it: %w", err)
		}
		return "stalled", nil
	}
	return outcome, nil
}

var listens = regexp.MustCompile(`(?m)^node of .*: http (http://\S+), peers`)

// moved follows a node whose configuration is damaged to where it says that it
// listens.
func (n *node) moved(f flip) {
	if filepath.Base(f.path) != "node.json" {
		return
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && !n.gone(); time.Sleep(10 * time.Millisecond) {
		if m := listens.FindStringSubmatch(n.said.String()); m != nil {
			n.url = m[1]
			return
		}
	}
}

// answer reports whether an answer is the right one, rather than an error. A
// look-up may be answered from an index that is being built again.
func (u *used) answer(n *node, path, want string) (right bool, err error) {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		code, got, err := ask(n, path)
		switch {
		case err != nil:
			return false, nil // broken off: never passed off as the whole
		case code >= http.StatusInternalServerError || code == http.StatusTooManyRequests:
			return false, nil
		case code == http.StatusOK && got == want:
			return true, nil
		case time.Now().After(end):
			return false, fmt.Errorf("%s is answered %d, and not as it was", path, code)
		}
	}
}

// postOne has one statement committed, in a stream of its own.
func (u *used) postOne(t *testing.T, p *plan, n *node) error {
	t.Helper()
	l := newLoad(t, u.net, p.Uint64())
	l.urls = []string{n.url}
	l.streams = l.streams[:1]
	l.streams[0].name = fmt.Sprintf("trial%d", p.done)
	l.run()
	defer l.pause()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && !n.gone(); time.Sleep(10 * time.Millisecond) {
		if l.count() > 0 {
			return nil
		}
		if err := l.err(); err != nil {
			return err
		}
	}
	return fmt.Errorf("no statement is acknowledged within 20 s")
}

// placeWords are what a refusal may call the place of damage, by directory of
// the home or by file.
func placeWords(path string) []string {
	words := []string{filepath.Base(path)}
	switch dir := filepath.Base(filepath.Dir(path)); dir {
	case "ledger", "engine", "index", "records", "cs.wal":
		words = append(words, dir)
	}
	switch filepath.Base(path) {
	case "node.json":
		words = append(words, "looking up host", "listen") // then comes the address
	case "priv_validator_key.json":
		words = append(words, "validator key")
	case "priv_validator_state.json":
		words = append(words, "validator state")
	case "node_key.json":
		words = append(words, "node key")
	case "receipt_key.pem":
		words = append(words, "receipt key")
	case "genesis.json", "genesis.sha256":
		words = append(words, "genesis")
	}
	return words
}

// refusal judges what a node said that ended by itself.
func (n *node) refusal(f flip) (outcome string, err error) {
	words := n.said.String()
	if strings.Contains(words, "\ngoroutine ") {
		return "crashed", nil // not silent, though it does not name the file
	}
	for _, w := range placeWords(f.path) {
		if strings.Contains(words, w) {
			return "refused", nil
		}
	}
	return "", fmt.Errorf("it ended and does not name the place, any of %q", placeWords(f.path))
}
