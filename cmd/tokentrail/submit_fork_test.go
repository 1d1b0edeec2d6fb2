package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// close closes a stream by the statement that it has and another one for its place.
func (l *fakeLedger) close(s *fakeStream, other *provenance.UnverifiedStatement) {
	e, err := provenance.NewEquivocation(s.subs[other.Header().Sequence].Statement, other)
	if err != nil {
		panic(err)
	}
	index := int64(len(l.leaves))
	leaf := provenance.LeafHash(e.Leaf())
	l.tree.Append(leaf)
	l.leaves = append(l.leaves, leaf)
	l.closed = map[int64]*provenance.Equivocation{index: e}
	s.head.Status, s.head.Closed = provenance.StreamClosed, &index
}

// evidence serves the parts of the entry that closed a stream.
func (l *fakeLedger) evidence(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	index, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	e := l.closed[index]
	switch {
	case err != nil || e == nil:
		problem(w, http.StatusNotFound, "Not Found", "not-found: no such entry")
	case r.PathValue("part") == "statement":
		w.Write(e.Leaf())
	default:
		w.Write(e.Evidence())
	}
}

// forget drops what waits, as a node does that loses its mempool.
func (l *fakeLedger) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stuck, l.rivals = false, true
	for _, s := range l.streams {
		clear(s.waiting)
	}
}

// TestSubmitAfterAFork: two systems sign in one stream with one key. Either is told
// which two statements there are, what of its journal the ledger does not have, and
// what to do. SPEC(JRN-8)
func TestSubmitAfterAFork(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 100, nil)
	b, _ := p.records("b", 60, nil)
	c, _ := p.records("c's", 60, nil)
	p.succeeded(p.args(l, a))
	twin := filepath.Join(p.dir, "twin")
	if err := os.CopyFS(twin, os.DirFS(filepath.Join(p.dir, "state"))); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.stuck = true
	l.mu.Unlock()
	p.failed(p.args(l, c, "--patience", "300ms"), exitCouldNot) // sequences 5 to 7 are signed
	l.forget()
	p.succeeded(p.args(l, b, "--state", twin))
	p.failed(p.args(l, c), exitAgainst, "something else signs in this stream; nothing was signed or sent", "closes a stream for ever", "--stream")

	signed := p.signedAt(l, 5)
	l.mu.Lock()
	s := l.streams["acme/usage"]
	theirs := s.subs[5].Statement.ID()
	l.close(s, signed)
	l.mu.Unlock()
	public, err := provenance.NewPublicKey(p.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	p.failed(p.args(l, c), exitAgainst,
		"the stream acme/usage is closed for ever", "entry 8 keeps both as evidence",
		fmt.Sprintf("sequence 5: statement %s, of this journal, signed with %s; only evidence", signed.ID(), public),
		fmt.Sprintf("sequence 5: statement %s, not of this journal, signed with %s; entry 5, which stays and counts", theirs, public),
		"sequences 5 to 7 has none and is not sent any more", "does not help", "key-revoke acme KEY", "in a new stream (--stream)",
		"the ledger has 0 records of it from this stream", "tail -c +1 ")
	p.failed(p.args(l, b, "--state", twin), exitAgainst,
		fmt.Sprintf("sequence 5: statement %s, of this journal", theirs), "holds nothing else that is signed")
}

// signedAt reads a statement that the journal of acme/usage has signed.
func (p *testProvider) signedAt(l *fakeLedger, sequence int64) *provenance.UnverifiedStatement {
	p.t.Helper()
	j, err := openJournal(filepath.Join(p.dir, "state"), journalID{Origin: l.origin, Issuer: "acme", Stream: "usage"})
	if err != nil {
		p.t.Fatal(err)
	}
	defer j.close()
	s, _, err := j.statement(sequence)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// TestForkWhileSubmitting: a run is told of a fork, gets the receipts of what the
// ledger has of it, and says from which byte on the input goes to a new stream.
func TestForkWhileSubmitting(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, content := p.records("a", 100, nil)
	other, _ := p.records("other", 20, nil)
	l.rivals = true
	l.refuse = func(h *provenance.BatchHeader) *problemError {
		s := l.streams["acme/usage"]
		if h.Sequence == 2 && len(s.ids) == 2 { // the other system is quicker
			s.waiting[2] = p.rival(h, other)
			l.settle("acme/usage", s)
		}
		return nil
	}
	code, doc, _ := p.submit(t.Context(), p.args(l, a, "--window", "1"))
	message := fmt.Sprint(doc["error"])
	_, after, _ := strings.Cut(message, "the rest: tail -c +")
	offset := 0
	if _, err := fmt.Sscan(after, &offset); code != exitAgainst || err != nil {
		t.Fatalf("exit %d, %v: %s", code, err, message)
	}
	for _, w := range []string{
		"sequence 2: ", "409 Fork", "closed for ever", "of this journal", "entry 2, which stays and counts", "as sequence 2 has none", "the ledger has 40 records of it",
	} {
		if !strings.Contains(message, w) {
			t.Errorf("%q does not say %q", message, w)
		}
	}
	if strings.Contains(message, "run the same command again:") || !strings.Contains(fmt.Sprint(doc["error"]), "fork") {
		t.Error(message)
	}

	// What it says to do leaves nothing out and counts nothing twice.
	rest := filepath.Join(p.dir, "rest")
	if err := os.WriteFile(rest, content[offset-1:], 0o600); err != nil {
		t.Fatal(err)
	}
	p.failed(p.args(l, a, "--stream", "usage-2"), exitAgainst, "counted twice")
	p.succeeded(p.args(l, rest, "--stream", "usage-2"))
	if got, n := l.sequence("acme/usage-2"); string(got) != string(content[offset-1:]) || n != 3 || p.firstOf(content, 40) != offset-1 {
		t.Errorf("the new stream has %d bytes in %d statements, from byte %d on", len(got), n, offset-1)
	}
}

// TestForkOnANodesWord: a node that refuses as a fork what no entry stands against is
// not taken for evidence, and what it refused goes on at the next run. SPEC(JRN-8)
func TestForkOnANodesWord(t *testing.T) {
	for _, sequence := range []int64{0, 2} {
		p := newTestProvider(t)
		l := newFakeLedger(t, p.key)
		a, _ := p.records("a", 100, nil)
		l.refuse = func(h *provenance.BatchHeader) *problemError {
			if h.Sequence != sequence {
				return nil
			}
			return &problemError{Status: http.StatusConflict, Title: "Fork", Code: "fork", Detail: "fork: another statement waits for this place"}
		}
		code, doc, _ := p.submit(t.Context(), p.args(l, a, "--window", "1", "--patience", "300ms"))
		message := fmt.Sprint(doc["error"])
		for _, w := range []string{"the word of a node alone", fmt.Sprintf("as sequence %d has none yet", sequence), "Run the same command again, with other nodes"} {
			if code == 0 || !strings.Contains(message, w) {
				t.Errorf("exit %d: %q does not say %q", code, message, w)
			}
		}
		for _, w := range []string{"never takes", "does not help", "nothing that this journal has"} {
			if strings.Contains(message, w) {
				t.Errorf("%q says %q", message, w)
			}
		}
		l.mu.Lock()
		l.refuse = nil
		l.mu.Unlock()
		p.succeeded(p.args(l, a))
	}
}

// TestClosedWithoutReceipts: what is signed and stands in a closed stream gets its
// receipts, and the evidence counts only where it stands in the log. SPEC(JRN-8)
func TestClosedWithoutReceipts(t *testing.T) {
	p := newTestProvider(t)
	l := newFakeLedger(t, p.key)
	a, _ := p.records("a", 60, nil)
	other, _ := p.records("other", 20, nil)
	l.stuck = true
	p.failed(p.args(l, a, "--patience", "300ms"), exitCouldNot) // sequences 0 to 2 are signed
	header := p.signedAt(l, 1).Header()
	l.mu.Lock()
	l.stuck, l.rivals = false, true
	s := l.streams["acme/usage"]
	l.settle("acme/usage", s)
	l.close(s, p.rival(header, other).Statement)
	l.mu.Unlock()
	p.failed(p.args(l, a), exitAgainst, "entry 3 keeps both", "sequence 1: ", "holds nothing else that is signed")
	j, err := openJournal(filepath.Join(p.dir, "state"), journalID{Origin: l.origin, Issuer: "acme", Stream: "usage"})
	if err != nil {
		t.Fatal(err)
	}
	if j.close(); len(j.pending) > 0 || j.acked != 2 {
		t.Errorf("%v have no receipt, the last that has is %d", j.pending, j.acked)
	}

	forged, err := provenance.NewEquivocation(p.rival(header, other).Statement, p.rival(header, a).Statement)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.closed[3] = forged
	l.mu.Unlock()
	p.failed(p.args(l, a), exitAgainst, "the stream acme/usage is closed for ever", "which two could not be read now: ")
}

// firstOf returns where record n of a file begins.
func (p *testProvider) firstOf(content []byte, n int) (offset int) {
	p.t.Helper()
	in := intake.NewRecordsReader(bytes.NewReader(content))
	for range n {
		_, raw, err := in.Next()
		if err != nil {
			p.t.Fatal(err)
		}
		offset += len(raw)
	}
	return offset
}

// rival signs other records for a place of a stream.
func (p *testProvider) rival(h *provenance.BatchHeader, input string) *provenance.Submission {
	b, err := os.ReadFile(input)
	if err != nil {
		panic(err)
	}
	var records [][]byte
	for in := intake.NewRecordsReader(bytes.NewReader(b)); ; {
		_, raw, err := in.Next()
		if err != nil {
			break
		}
		records = append(records, raw)
	}
	other, err := provenance.NewBatch(h.Issuer, h.Stream, h.Sequence, h.Previous, records)
	if err != nil {
		panic(err)
	}
	sub, err := submissionOf(other, p.key, records)
	if err != nil {
		panic(err)
	}
	return sub
}
