package api

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// unposted posts and wants an error answer.
func (n *node) unposted(body []byte, status int, title, code string, header ...string) told {
	n.t.Helper()
	w := n.post(body, header...)
	got := tell(n.t, w.Code, w.Header(), w.Body.Bytes())
	if got.status != status || got.title != title || got.code != code {
		n.t.Errorf("%d %q %s: %s; wanted %d %q %s", got.status, got.title, got.code, got.detail, status, title, code)
	}
	return got
}

// reframe makes a submission of any statement and frame.
func reframe(statement, frame []byte) []byte {
	b := append(provenance.AppendArray(nil, 3), 1)
	return provenance.AppendBytes(provenance.AppendBytes(b, statement), frame)
}

func TestDuplicates(t *testing.T) {
	n := newNode(t)
	s := n.submit()
	n.submit()
	u := &s.statement.UnverifiedStatement
	size := n.chain.ledger.Snapshot().Head().Size
	again := func(what string, raw []byte) {
		t.Helper()
		for _, prefer := range []string{"", "respond-async"} {
			w := n.post(raw, "Prefer", prefer)
			if w.Code != http.StatusCreated || w.Header().Get("Location") != "/entries/"+u.ID().String() {
				t.Errorf("%s: %d %q", what, w.Code, w.Body)
				return
			}
			if r := n.checkReceipt(w.Body.Bytes(), u); r.Proof.Index != 0 {
				t.Errorf("%s: entry %d", what, r.Proof.Index)
			}
		}
	}
	again("the same bytes", s.raw)
	// The unprotected header is nobody's: SPEC(STM-2).
	at := 4 + int(u.Raw()[3]) // behind tag, array and protected header
	if u.Raw()[2] != 0x58 || u.Raw()[at] != 0xa0 {
		t.Fatalf("%x: no empty map at %d", u.Raw(), at)
	}
	sub, err := provenance.ParseSubmission(s.raw)
	if err != nil {
		t.Fatal(err)
	}
	injected := append(append(bytes.Clone(u.Raw()[:at]), 0xa1, 0x04, 0x61, 'x'), u.Raw()[at+1:]...)
	again("with an unprotected header", reframe(injected, sub.Frame))
	// However it is compressed: SPEC(SUB-5).
	again("as the sequence itself", reframe(u.Raw(), rawFrame(bytes.Join(s.records, nil))))
	if got := n.chain.ledger.Snapshot().Head().Size; got != size {
		t.Errorf("the log grew from %d to %d", size, got)
	}
	// Another envelope of the same statement has to hold by itself.
	forged := bytes.Clone(u.Raw())
	forged[len(forged)-1] ^= 1
	n.unposted(reframe(forged, sub.Frame), 400, "Rejected", "signature")
}

// rawFrame is a zstd frame of one raw block, of at most 255 bytes.
func rawFrame(content []byte) []byte {
	n := len(content)
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, byte(n)}
	return append(append(b, byte(n<<3|1), byte(n>>5), byte(n>>13)), content...)
}

func TestRefusesSubmissions(t *testing.T) {
	n := newNode(t)
	p := n.provider
	first, second := n.submit(), n.submit()
	id, other := second.statement.ID(), first.statement.ID()
	sub, err := provenance.ParseSubmission(second.raw)
	if err != nil {
		t.Fatal(err)
	}
	stranger := newProvider(t, "stranger")
	for _, c := range []struct {
		what, title, code string
		status            int
		body              []byte
	}{
		{"nothing", "Malformed request", "envelope", 400, nil},
		{"garbage", "Malformed request", "envelope", 400, []byte("garbage")},
		{"cut short", "Malformed request", "envelope", 400, second.raw[:len(second.raw)-1]},
		{"with a tail", "Malformed request", "envelope", 400, append(bytes.Clone(second.raw), 0)},
		{"another type", "Malformed request", "version", 400, append([]byte{0x83, 0x04}, second.raw[2:]...)},
		{"no frame", "Malformed request", "frame", 400, reframe(second.statement.Raw(), []byte("records"))},
		{"empty records", "Payload Missing", "payload-missing", 400, reframe(second.statement.Raw(), nil)},
		{"fewer records", "Rejected", "count", 400, reframe(p.sign(t, "a", 0, nil, 3).statement.Raw(), p.frame(t, 0, 2))},
		{"other records", "Rejected", "root", 400, reframe(p.sign(t, "a", 0, nil, 3).statement.Raw(), p.frame(t, 1, 3))},
		{"unknown issuer", "Rejected", "unknown-issuer", 403, stranger.sign(t, "s", 0, nil, 1).raw},
		{"unknown key", "Rejected", "unknown-key", 403, p.signWith(t, stranger.key, "a", 0, nil, records(t, 0, 1)).raw},
		{"fork in the past", "Fork", "fork", 409, p.sign(t, "s", 0, nil, 2).raw},
		{"fork of the head", "Fork", "fork", 409, p.sign(t, "s", 2, &other, 2).raw},
		{"gap", "Sequence Gap", "gap", 409, p.sign(t, "s", 2+64, &id, 2).raw},
		{"bad signature", "Rejected", "signature", 400, reframe(flip(p.sign(t, "a", 0, nil, 3).statement.Raw()), sub.Frame)},
	} {
		t.Run(c.what, func(t *testing.T) {
			n.t = t
			n.unposted(c.body, c.status, c.title, c.code)
		})
	}
	n.t = t
	if got := n.chain.ledger.Snapshot().Head().Size; got != 2 {
		t.Errorf("the log has %d entries", got)
	}
}

func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-20] ^= 0x10
	return b
}

// frame packs the records of a sequence.
func (p *provider) frame(t testing.TB, sequence int64, count int) []byte {
	t.Helper()
	sub, err := provenance.ParseSubmission(p.signWith(t, p.key, "frame", 0, nil, records(t, sequence, count)).raw)
	if err != nil {
		t.Fatal(err)
	}
	return sub.Frame
}

func TestMediaTypes(t *testing.T) {
	n := newNode(t)
	s := n.provider.next(t, 1)
	for _, kind := range []string{"", "text/plain", "application/cbor", "application/scitt-statement+cose", "application/", ";", "application/octet-stream"} {
		n.unposted(s.raw, 415, "Unsupported Media Type", "media-type", "Content-Type", kind)
	}
	n.unposted(s.raw, 415, "Unsupported Media Type", "media-type", "Content-Encoding", "gzip")
	got := n.unposted(s.statement.Raw(), 400, "Payload Missing", "payload-missing", "Content-Type", `application/cose; cose-type="cose-sign1"`)
	if !strings.Contains(got.detail, s.statement.ID().String()) || !strings.Contains(got.detail, provenance.SubmissionMediaType) {
		t.Errorf("%s", got.detail)
	}
	n.unposted([]byte("garbage"), 400, "Malformed request", "envelope", "Content-Type", "application/cose")
	n.unposted(s.raw, 400, "Malformed request", "envelope", "Content-Type", "application/cose")
	n.unposted(make([]byte, provenance.MaxStatementBytes+1), 413, "Content Too Large", "size", "Content-Type", "application/cose")
	n.do("POST", "/entries?x=1", bytes.NewReader(s.raw))
	if w := n.post(s.raw, "Content-Type", "Application/Vnd.Tokentrail.Submission+CBOR; v=1", "Content-Encoding", "identity"); w.Code != http.StatusCreated {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// counted counts what is read of it.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n += n
	return n, err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestTooLarge(t *testing.T) {
	n := newNode(t)
	for _, c := range []struct{ length, most int64 }{
		{provenance.MaxSubmissionBytes + 1, 0}, {1 << 40, 0}, {-1, provenance.MaxSubmissionBytes + 1},
	} {
		body := &counted{Reader: zeros{}}
		r := httptest.NewRequest("POST", "/entries", body)
		r.ContentLength = c.length
		r.Header.Set("Content-Type", provenance.SubmissionMediaType)
		w := httptest.NewRecorder()
		n.handler.ServeHTTP(w, r)
		if got := tell(t, w.Code, w.Header(), w.Body.Bytes()); got.status != 413 || got.title != "Content Too Large" || got.code != "size" || got.header.Get("Connection") != "close" {
			t.Errorf("%+v", got)
		}
		if int64(body.n) > c.most {
			t.Errorf("%d bytes were read, at most %d are of use", body.n, c.most)
		}
	}
	if room := n.api.postBytes.room; room != n.api.Limits.PostBytes {
		t.Errorf("%d bytes of room are left of %d", room, n.api.Limits.PostBytes)
	}
}

func TestAsync(t *testing.T) {
	n := newNode(t)
	n.chain.set(func(c *chain) { c.hold = true })
	s := n.provider.next(t, 2)
	w := n.post(s.raw, "Prefer", `foo="bar", Respond-Async; x=1`)
	location := "/entries/" + s.statement.ID().String()
	if w.Code != http.StatusAccepted || w.Header().Get("Location") != location || w.Header().Get("Preference-Applied") != "respond-async" || w.Body.Len() != 0 {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	for range 2 {
		w := n.get(location)
		if w.Code != http.StatusNoContent || w.Header().Get("Retry-After") == "" || w.Header().Get("Cache-Control") != "no-store" || w.Body.Len() != 0 {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	}
	n.refused("GET", location+"/statement", 404, "Not Found", "not-found")
	n.refused("GET", "/entries/0", 404, "Not Found", "not-found")
	n.chain.release()
	n.checkReceipt(n.ok(location), &s.statement.UnverifiedStatement)
	for prefer, want := range map[string]bool{"": false, "respond-async": true, "wait=1, respond-async": true, "x;respond-async": false, "respond-asynchronously": false} {
		r := &request{Request: &http.Request{Header: http.Header{"Prefer": {prefer}}}}
		if respondAsync(r) != want {
			t.Errorf("%q", prefer)
		}
	}
}

func TestCommitTakesLong(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Wait = 30 * time.Millisecond })
	n.chain.set(func(c *chain) { c.hold = true })
	s := n.provider.next(t, 2)
	location := "/entries/" + s.statement.ID().String()
	if w := n.post(s.raw); w.Code != http.StatusAccepted || w.Header().Get("Location") != location || w.Header().Get("Preference-Applied") != "" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	if w := n.get(location); w.Code != http.StatusNoContent {
		t.Errorf("%d", w.Code)
	}
	n.chain.release()
	if w := n.post(s.raw); w.Code != http.StatusCreated {
		t.Errorf("%d", w.Code)
	}
}

// TestPipeline: what is sent ahead is answered in its turn.
func TestPipeline(t *testing.T) {
	n := newNode(t)
	n.chain.set(func(c *chain) { c.hold = true })
	var sent []*submission
	for range 6 {
		sent = append(sent, n.provider.next(t, 2))
	}
	var posts sync.WaitGroup
	for _, s := range sent {
		posts.Go(func() {
			w := n.post(s.raw)
			if w.Code != http.StatusCreated {
				t.Errorf("%d %q", w.Code, w.Body)
				return
			}
			r := n.checkReceipt(w.Body.Bytes(), &s.statement.UnverifiedStatement)
			if r.Proof.Index != s.statement.Header().Sequence {
				t.Errorf("sequence %d is entry %d", s.statement.Header().Sequence, r.Proof.Index)
			}
		})
	}
	n.waiting(len(sent))
	n.chain.release()
	posts.Wait()
}

// TestDuplicateBeforeItsHeader: committed, and its app hash is in no header yet.
func TestDuplicateBeforeItsHeader(t *testing.T) {
	n := newNode(t)
	n.chain.set(func(c *chain) { c.hold = true })
	s := n.provider.next(t, 2)
	if w := n.post(s.raw, "Prefer", "respond-async"); w.Code != http.StatusAccepted {
		t.Fatal(w.Code)
	}
	n.chain.set((*chain).block)
	answer := make(chan *httptest.ResponseRecorder)
	go func() { answer <- n.post(s.raw) }()
	select {
	case w := <-answer:
		t.Fatalf("answered %d before the header", w.Code)
	case <-time.After(50 * time.Millisecond):
	}
	n.chain.set((*chain).block)
	w := <-answer
	if w.Code != http.StatusCreated {
		t.Fatal(w.Code)
	}
	n.checkReceipt(w.Body.Bytes(), &s.statement.UnverifiedStatement)
}

func TestPendingThatLost(t *testing.T) {
	n := newNode(t)
	n.chain.set(func(c *chain) { c.hold = true })
	lost, won := n.provider.sign(t, "s", 0, nil, 1), n.provider.sign(t, "s", 0, nil, 2)
	for _, s := range []*submission{lost, won} {
		if w := n.post(s.raw, "Prefer", "respond-async"); w.Code != http.StatusAccepted {
			t.Fatal(w.Code)
		}
	}
	n.chain.set(func(c *chain) { c.mempool = c.mempool[1:] }) // the other validators saw the second first
	n.chain.release()
	location := "/entries/" + lost.statement.ID().String()
	got := n.refused("GET", location, 404, "Not Found", "not-found")
	if !strings.Contains(got.detail, "was not accepted: entry 0 has its place") {
		t.Error(got.detail)
	}
	n.refused("GET", location, 404, "Not Found", "not-found")
}

func TestPendingSet(t *testing.T) {
	p := newPendingSet(3, time.Minute)
	id := func(i int) provenance.Hash { return provenance.Hash{byte(i), byte(i >> 8)} }
	h := submitted{issuer: "a", stream: "s", sequence: 7}
	now := time.Unix(1000, 0)
	has := func(i int, at time.Duration) bool { _, ok := p.get(id(i), now.Add(at)); return ok }
	for i := range 5 {
		p.add(id(i), h, now)
	}
	if has(0, 0) || has(1, 0) || !has(2, 0) || !has(4, 0) {
		t.Error("not the newest three are there")
	}
	p.add(id(4), h, now.Add(30*time.Second)) // does not live longer for it
	if !has(4, 59*time.Second) || has(4, time.Minute) || has(4, 0) {
		t.Error("a minute is another")
	}
	p.add(id(4), h, now.Add(2*time.Minute))
	if !has(4, 2*time.Minute) {
		t.Error("sent again after its time, it is not there")
	}
	p.remove(id(4))
	if has(4, 2*time.Minute) {
		t.Error("removed, it is there")
	}
	for i := range 10_000 { // each committed at once, behind one that is not
		p.add(id(i), h, now.Add(3*time.Minute))
		if i > 0 {
			p.remove(id(i))
		}
	}
	if len(p.byID) != 1 || len(p.order) > 100 {
		t.Errorf("%d remembered, %d in order", len(p.byID), len(p.order))
	}
	if s, ok := p.get(id(0), now.Add(3*time.Minute)); !ok || s.issuer != "a" || s.stream != "s" || s.sequence != 7 {
		t.Errorf("%+v", s)
	}
}

func TestBusy(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Limits = Limits{Posts: 2, PostBytes: 3000} })
	n.chain.set(func(c *chain) { c.hold = true })
	var posts sync.WaitGroup
	for range 2 {
		s := n.provider.next(t, 1)
		posts.Go(func() {
			if w := n.post(s.raw); w.Code != http.StatusCreated {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		})
	}
	n.waiting(2)
	s := n.provider.next(t, 1)
	got := n.unposted(s.raw, 429, "Too Many Requests", "busy")
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("%v", got.header)
	}
	n.chain.release()
	posts.Wait()
	if w := n.post(s.raw); w.Code != http.StatusCreated {
		t.Errorf("%d %q", w.Code, w.Body)
	}
	n.unposted(make([]byte, 3001), 429, "Too Many Requests", "busy")
	// One whose length is not told takes the room that a body begins with.
	r := httptest.NewRequest("POST", "/entries", struct{ io.Reader }{bytes.NewReader(s.raw)})
	r.Header.Set("Content-Type", provenance.SubmissionMediaType)
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, r)
	if w.Code != http.StatusTooManyRequests {
		t.Errorf("%d", w.Code)
	}
	if n.api.posts.room != 2 || n.api.postBytes.room != 3000 {
		t.Errorf("room for %d posts, %d bytes", n.api.posts.room, n.api.postBytes.room)
	}
}

// TestConcurrency: many providers' worth of posts and questions at once.
func TestConcurrency(t *testing.T) {
	n := newNode(t)
	n.submit()
	var work sync.WaitGroup
	const streams, each = 6, 8
	for i := range streams {
		work.Go(func() {
			var previous *provenance.Hash
			for sequence := range int64(each) {
				s := n.provider.sign(t, fmt.Sprintf("s%d", i), sequence, previous, 2)
				id := s.statement.ID()
				previous = &id
				for range 1 + rand.IntN(2) {
					w := n.post(s.raw)
					if w.Code != http.StatusCreated {
						t.Errorf("%d %q", w.Code, w.Body)
						return
					}
					n.checkReceipt(w.Body.Bytes(), &s.statement.UnverifiedStatement)
				}
			}
		})
	}
	for range 3 {
		work.Go(func() {
			for range 40 {
				for _, target := range []string{"/v1/status", "/checkpoint", "/entries/0", "/entries/0/records/1", "/v1/flows?by=hour", "/v1/entries?limit=5", "/v1/state?key=rules", "/healthz"} {
					if w := n.get(target); w.Code != http.StatusOK {
						t.Errorf("%s: %d %q", target, w.Code, w.Body)
					}
				}
			}
		})
	}
	work.Wait()
	if got := n.chain.ledger.Snapshot().Head().Size; got != 1+streams*each {
		t.Errorf("%d entries", got)
	}
}

func TestRefusal(t *testing.T) {
	for _, c := range ledger.ResultCodes() {
		e := &provenance.Error{Code: c.Code, Path: "a.b", Offset: -1, Detail: "words: more"}
		if got := Refusal(c.Number, e.Error()); provenance.CodeOf(got) != c.Code || got.Error() != e.Error() {
			t.Errorf("%s: %v", c.Code, got)
		}
	}
}
