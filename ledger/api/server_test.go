package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentrail/provenance"
)

// serve runs the interface on a real port until the test or stop ends it.
func (n *node) serve(grace time.Duration) (address string, stop func() error) {
	n.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, n.handler, grace, nil) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	n.t.Cleanup(func() { _ = stop() })
	return l.Addr().String(), stop
}

func TestSlowBody(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Limits.BodyTime = 300 * time.Millisecond })
	address, _ := n.serve(time.Minute)
	s := n.provider.next(t, 1)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\nab", provenance.SubmissionMediaType, len(s.raw))
	answer, err := io.ReadAll(conn) // until the node closes
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) || !bytes.Contains(answer, []byte("truncated: 2 bytes of the body arrived")) {
		t.Errorf("%q, %v", answer, err)
	}
	// One that arrives in time may wait for its commit for longer.
	n.chain.set(func(c *chain) { c.hold = true })
	go func() { time.Sleep(600 * time.Millisecond); n.chain.release() }()
	resp, err := http.Post("http://"+address+"/entries", provenance.SubmissionMediaType, bytes.NewReader(s.raw))
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%v %v", resp, err)
	}
	resp.Body.Close()
}

func TestClientGone(t *testing.T) {
	n := newNode(t)
	address, _ := n.serve(time.Minute)
	n.chain.set(func(c *chain) { c.hold = true })
	s := n.provider.next(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://"+address+"/entries", bytes.NewReader(s.raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", provenance.SubmissionMediaType)
	go func() {
		n.waiting(1)
		cancel()
	}()
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for room := int64(0); room < 2048; time.Sleep(time.Millisecond) {
		n.api.posts.mu.Lock()
		room = n.api.posts.room
		n.api.posts.mu.Unlock()
	}
	n.chain.release()
	n.checkReceipt(n.ok("/entries/"+s.statement.ID().String()), &s.statement.UnverifiedStatement)
}

func TestStop(t *testing.T) {
	n := newNode(t)
	address, stop := n.serve(time.Minute)
	n.chain.set(func(c *chain) { c.hold = true })
	s := n.provider.next(t, 1)
	answer := make(chan told, 1)
	go func() {
		resp, err := http.Post("http://"+address+"/entries", provenance.SubmissionMediaType, bytes.NewReader(s.raw))
		if err != nil {
			t.Error(err)
			answer <- told{}
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- tell(t, resp.StatusCode, resp.Header, body)
	}()
	n.waiting(1)
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := <-answer; got.status != 503 || got.code != "unavailable" || got.header.Get("Retry-After") == "" {
		t.Errorf("%+v", got)
	}
	if _, err := http.Get("http://" + address + "/healthz"); err == nil {
		t.Error("still serving")
	}
}

// TestConsensusEndsWhileWaiting: who waits is told.
func TestConsensusEndsWhileWaiting(t *testing.T) {
	n := newNode(t)
	n.chain.set(func(c *chain) { c.hold, c.ended = true, nil })
	s := n.provider.next(t, 1)
	go func() {
		n.waiting(1)
		n.chain.set(func(c *chain) {
			c.ended = errors.New("consensus halted")
			close(c.changed)
			c.changed = make(chan struct{})
		})
	}()
	got := n.unposted(s.raw, 503, "Unavailable", "unavailable")
	if !strings.Contains(got.detail, "consensus halted") {
		t.Error(got.detail)
	}
}

func TestListenerFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, http.NotFoundHandler(), time.Second, nil); err == nil {
		t.Error("served on a closed listener")
	}
}

// TestSlowReader: who does not take the answer is cut off; who takes it slowly
// is not, however long it lasts.
func TestSlowReader(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Limits.WriteTime = time.Second })
	ended := make(chan error, 1)
	n.handler = n.api.serve(route{handler: func(w *response, _ *request) error {
		_, err := w.Write(make([]byte, 64<<20))
		ended <- err
		return nil
	}})
	address, _ := n.serve(time.Minute)
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		return conn
	}
	conn := dial()
	defer conn.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("64 MiB were taken by nobody")
		}
	case <-time.After(time.Minute):
		t.Fatal("the node still waits")
	}
	slow := dial()
	defer slow.Close()
	go func() {
		buffer := make([]byte, 4<<20)
		for {
			if _, err := io.ReadFull(slow, buffer); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	if err := <-ended; err != nil {
		t.Errorf("slow, and cut off: %v", err)
	}
}
