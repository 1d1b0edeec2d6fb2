package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

// stuck is a client that reads nothing of its answer until it is let go.
type stuck struct {
	header http.Header
	begun  chan struct{} // closed when it is to be written to
	letGo  chan struct{}
	once   sync.Once
}

func newStuck() *stuck {
	return &stuck{header: http.Header{}, begun: make(chan struct{}), letGo: make(chan struct{})}
}

func (s *stuck) Header() http.Header { return s.header }
func (s *stuck) WriteHeader(int)     {}
func (s *stuck) Write(b []byte) (int, error) {
	s.once.Do(func() { close(s.begun) })
	<-s.letGo
	return len(b), nil
}

// stick asks for target with count clients that do not read the answer, from
// addresses of their own, and returns when all are being answered, or a while
// later. The clients are let go when the test ends, or before by what it returns.
func (n *node) stick(count int, target string) (letGo func()) {
	n.t.Helper()
	var from []string
	for i := range count {
		from = append(from, fmt.Sprintf("198.51.100.%d:1", i))
	}
	return n.stickFrom(target, from...)
}

// stickFrom is stick with a client at each address.
func (n *node) stickFrom(target string, from ...string) (letGo func()) {
	n.t.Helper()
	var clients []*stuck
	var answers sync.WaitGroup
	for _, address := range from {
		r := httptest.NewRequest("GET", target, nil)
		r.RemoteAddr = address
		c := newStuck()
		clients = append(clients, c)
		answers.Go(func() { n.handler.ServeHTTP(c, r) })
	}
	late := time.After(5 * time.Second)
	for i, c := range clients {
		select {
		case <-c.begun:
			continue
		case <-late:
			n.t.Errorf("client %d of %d is not answered", i, len(from))
		}
		break
	}
	letGo = sync.OnceFunc(func() {
		for _, c := range clients {
			close(c.letGo)
		}
		answers.Wait()
	})
	n.t.Cleanup(letGo)
	return letGo
}

// soon gets target, which must be answered with status in a moment.
func (n *node) soon(status int, target string, header ...string) *httptest.ResponseRecorder {
	n.t.Helper()
	answer := make(chan *httptest.ResponseRecorder, 1)
	go func() { answer <- n.get(target, header...) }()
	select {
	case w := <-answer:
		if w.Code != status {
			n.t.Errorf("%s: %d %q, wanted %d", target, w.Code, w.Body, status)
		}
		return w
	case <-time.After(5 * time.Second):
		n.t.Fatalf("%s is not answered", target)
		return nil
	}
}

// TestReadersThatStick: who does not take expanded records, or the proof of one,
// keeps no other from them.
func TestReadersThatStick(t *testing.T) {
	n := newNode(t)
	n.submit()
	for _, target := range []string{"/entries/0/records", "/entries/0/records/0"} {
		letGo := n.stick(20, target)
		n.soon(http.StatusOK, "/entries/0/records/1")
		n.soon(http.StatusOK, "/entries/0/records")
		letGo()
	}
}

// busy wants the refusal of a busy node that says why.
func (n *node) busy(why, target string) {
	n.t.Helper()
	w := n.soon(http.StatusTooManyRequests, target)
	if got := tell(n.t, w.Code, w.Header(), w.Body.Bytes()); got.code != "busy" || !strings.Contains(got.detail, why) || got.header.Get("Retry-After") == "" {
		n.t.Errorf("%s: %+v", target, got)
	}
}

// TestAnswersOnTheirWay: expanded answers are so many and so large at once; who
// takes zstd, or a proof, is not concerned.
func TestAnswersOnTheirWay(t *testing.T) {
	for why, limits := range map[string]Limits{
		"to clients": {Answers: 2}, "as many expanded records": {AnswerBytes: 400}, "to your address": {AddressAnswers: 1},
	} {
		t.Run(why, func(t *testing.T) {
			n := newNode(t, func(c *Config) { c.Limits = limits })
			n.submit()                                                                  // of three records, about 60 bytes each
			letGo := n.stickFrom("/entries/0/records", "198.51.100.1:1", "192.0.2.1:1") // the test asks from the latter
			n.busy(why, "/entries/0/records")
			n.soon(http.StatusOK, "/entries/0/records", "Accept-Encoding", "zstd")
			n.soon(http.StatusOK, "/entries/0/records/2")
			letGo()
			n.soon(http.StatusOK, "/entries/0/records")
		})
	}
}

// TestPlaceToExpandIn: who waits for one does so while there is somebody to
// answer, and not for long.
func TestPlaceToExpandIn(t *testing.T) {
	n := newNode(t, func(c *Config) {
		c.Limits = Limits{Expansions: 1, ExpandWait: 50 * time.Millisecond, AddressExpansions: 2}
	})
	n.submit()
	none := netip.Addr{}
	leave, err := n.api.expansions.enter(t.Context(), none)
	if err != nil {
		t.Fatal(err)
	}
	n.busy("none made room within 50ms", "/entries/0/records")
	n.busy("none made room within 50ms", "/entries/0/records/0")
	n.soon(http.StatusOK, "/entries/0/records", "Accept-Encoding", "zstd")
	n.soon(http.StatusNotFound, "/entries/0/records/3") // without expanding
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := n.api.expansions.enter(gone, none); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	n.api.expansions.shares.enter(netip.MustParseAddr("192.0.2.1"), 2)
	n.busy("2 requests from your address", "/entries/0/records")
	leave()
	n.api.expansions.shares.leave(netip.MustParseAddr("192.0.2.1"), 2)
	n.soon(http.StatusOK, "/entries/0/records")
	if len(n.api.expansions.shares.taken) > 0 || len(n.api.expansions.taken) > 0 {
		t.Errorf("taken: %v", n.api.expansions.shares.taken)
	}
}

// TestAnswerTime: an answer that others wait for has a time as a whole, however
// much of it is taken bit by bit.
func TestAnswerTime(t *testing.T) {
	for _, c := range []struct {
		size   int64
		within time.Duration
	}{{0, time.Second}, {64 << 10, 2 * time.Second}, {8 << 20, 129 * time.Second}} {
		client := &clock{ResponseRecorder: httptest.NewRecorder()}
		w := &response{ResponseWriter: client, time: time.Hour}
		began := time.Now()
		w.hurry(time.Second, c.size)
		for range 3 {
			_, _ = w.Write(make([]byte, partBytes))
		}
		for _, d := range client.deadlines {
			if took := d.Sub(began); took < c.within || took > c.within+time.Second/2 {
				t.Errorf("%d bytes are to be taken within %s, wanted %s", c.size, took, c.within)
			}
		}
	}
	n := newNode(t)
	ended := make(chan error, 1)
	n.handler = n.api.serve(route{handler: func(w *response, _ *request) error {
		w.hurry(300*time.Millisecond, 0)
		_, err := w.Write(make([]byte, 64<<20))
		ended <- err
		return nil
	}})
	server, _ := n.serve(time.Second)
	conn, err := net.Dial("tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	go func() { // steadily, but it would last for 13 s
		for b := make([]byte, 256<<10); err == nil; time.Sleep(50 * time.Millisecond) {
			_, err = io.ReadFull(conn, b)
		}
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it was given the time")
		}
	case <-time.After(10 * time.Second):
		t.Error("the node still waits")
	}
}
