package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// idle connects from an address of its own machine and posts length bytes, of
// which it sends but the first.
func (n *node) idle(server, from string, length int, first []byte) net.Conn {
	n.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(n.t.Context(), "tcp", server)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", provenance.SubmissionMediaType, length)
	if _, err := conn.Write(first); err != nil {
		n.t.Fatal(err)
	}
	return conn
}

// arriving returns when count submissions are in the node's hands, or a while
// later.
func (n *node) arriving(count int64) {
	n.t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		n.api.posts.mu.Lock()
		held := int64(n.api.Limits.Posts) - n.api.posts.room
		n.api.posts.mu.Unlock()
		if held == count {
			return
		}
	}
	n.t.Errorf("the node does not hold %d submissions", count)
}

// TestPostersThatSendNothing: they keep no other from posting.
func TestPostersThatSendNothing(t *testing.T) {
	n := newNode(t)
	server, _ := n.serve(time.Second)
	for range 63 {
		n.idle(server, "127.0.0.1", provenance.MaxSubmissionBytes, []byte{0x83})
	}
	n.arriving(63)
	s := n.provider.next(t, 300)
	resp, err := http.Post("http://"+server+"/entries", provenance.SubmissionMediaType, bytes.NewReader(s.raw))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusCreated {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

// TestBodiesThatDoNotCome: a request whose body is not read, and never sent, is
// answered, and does not hold its connection.
func TestBodiesThatDoNotCome(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Limits.BodyTime = 200 * time.Millisecond })
	server, _ := n.serve(time.Second)
	for _, request := range []string{
		"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST /entries HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", // of no type
		"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", server)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, request)
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		answer, err := io.ReadAll(conn)
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 ")) {
			t.Errorf("%q: %q, %v", request, answer, err)
		}
	}
}

// postFrom sends body as a client at an address does.
func (n *node) postFrom(from string, body []byte) *httptest.ResponseRecorder {
	n.t.Helper()
	r := httptest.NewRequest("POST", "/entries", bytes.NewReader(body))
	r.RemoteAddr = from
	r.Header.Set("Content-Type", provenance.SubmissionMediaType)
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, r)
	return w
}

// roomy says, when the test ends, what is not given back.
func (n *node) roomy() {
	n.t.Helper()
	a := n.api
	n.t.Cleanup(func() {
		if a.posts.room != int64(a.Limits.Posts) || a.postBytes.room != a.Limits.PostBytes || len(a.arriving.taken)+len(a.arrived.taken) > 0 {
			n.t.Errorf("room for %d posts, %d bytes; taken %v, %v", a.posts.room, a.postBytes.room, a.arriving.taken, a.arrived.taken)
		}
	})
}

// TestOneAddress: whoever takes all that one address may take leaves room for
// others, and is told.
func TestOneAddress(t *testing.T) {
	first := bytes.Repeat([]byte{0x83}, 100<<10)
	for what, c := range map[string]struct {
		limits Limits
		count  int // of clients that send the first 100 KiB: 128 KiB of room
	}{
		"submissions": {Limits{AddressPosts: 3}, 3},
		"bytes":       {Limits{AddressBytes: 3*128<<10 + 100}, 3},
	} {
		t.Run(what, func(t *testing.T) {
			n := newNode(t, func(cfg *Config) { cfg.Limits = c.limits })
			n.roomy() // after the server has stopped
			server, _ := n.serve(time.Second)
			var conns []net.Conn
			for range c.count {
				conns = append(conns, n.idle(server, "127.0.0.1", provenance.MaxSubmissionBytes, first))
			}
			n.taken("127.0.0.1", int64(c.count)*128<<10)
			s := n.provider.next(t, 1)
			w := n.postFrom("127.0.0.1:99", s.raw)
			if got := tell(t, w.Code, w.Header(), w.Body.Bytes()); got.status != 429 || got.code != "busy" || !strings.Contains(got.detail, "from your address") || got.header.Get("Retry-After") == "" {
				t.Errorf("%+v", got)
			}
			if w := n.postFrom("127.0.0.2:99", s.raw); w.Code != http.StatusCreated {
				t.Errorf("another address: %d %q", w.Code, w.Body)
			}
			for _, conn := range conns {
				conn.Close()
			}
			n.taken("127.0.0.1", 0)
			if w := n.postFrom("127.0.0.1:99", s.raw); w.Code != http.StatusCreated {
				t.Errorf("after they went: %d %q", w.Code, w.Body)
			}
		})
	}
}

// taken returns when the submissions that arrive from an address take so much
// room, or a while later.
func (n *node) taken(from string, want int64) {
	n.t.Helper()
	got := int64(0)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		n.api.arrived.mu.Lock()
		got = n.api.arrived.taken[netip.MustParseAddr(from)]
		n.api.arrived.mu.Unlock()
		if got == want {
			return
		}
	}
	n.t.Errorf("%d bytes are taken, wanted %d", got, want)
}

// TestPartsOfBodies: each part of a body has its time. Whoever keeps to it may
// take longer for the whole.
func TestPartsOfBodies(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Limits.PartTime = 500 * time.Millisecond })
	n.roomy()
	server, _ := n.serve(time.Second)
	part := bytes.Repeat([]byte{0x83}, bodyPart)
	for _, c := range []struct {
		parts int
		want  string
	}{
		{0, "truncated: 0 bytes of the body arrived in time"},
		{1, "truncated: 65536 bytes of the body arrived in time"},
		{8, "envelope: "}, // all of it, in 800 ms
	} {
		conn := n.idle(server, "127.0.0.1", 8*bodyPart, nil)
		for range c.parts {
			time.Sleep(100 * time.Millisecond)
			if _, err := conn.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusBadRequest || !bytes.Contains(body, []byte(c.want)) {
			t.Errorf("%d parts: %d %q", c.parts, resp.StatusCode, body)
		}
		conn.Close()
	}
}

// TestRoomGrows: a body takes about twice what is there of it, and no more than
// it needs.
func TestRoomGrows(t *testing.T) {
	n := newNode(t)
	for length, want := range map[int]int{0: 1, 1: 2, 5000: 5001, firstBytes: firstBytes + 1, 100 << 10: 100<<10 + 1} {
		r := httptest.NewRequest("POST", "/entries", bytes.NewReader(make([]byte, length)))
		body, room, err := n.api.receive(&response{ResponseWriter: httptest.NewRecorder()}, &request{Request: r}, provenance.MaxSubmissionBytes)
		if err != nil || len(body) != length || int(room) != want || cap(body) != want {
			t.Errorf("%d bytes: %d, room %d, %v", length, len(body), room, err)
		}
		n.api.postBytes.leave(room)
	}
	n.roomy()
}

func TestClientAddress(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7", "[::ffff:192.0.2.7]:80": "192.0.2.7", "[::1]:1": "::",
		"[2001:db8:1:2:3:4:5:6]:443": "2001:db8:1:2::", "[fe80::1:2%eth0]:1": "fe80::", "@": "invalid IP", "": "invalid IP",
	} {
		r := &request{Request: &http.Request{RemoteAddr: from}}
		if got := r.client().String(); got != want {
			t.Errorf("%s: %s, wanted %s", from, got, want)
		}
	}
}

// clock is a client that takes all at once and notes its deadlines.
type clock struct {
	*httptest.ResponseRecorder
	deadlines []time.Time
}

func (c *clock) SetWriteDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, t)
	return nil
}

// TestPartsOfAnswers: what gives a client more time is what it takes, not in how
// many pieces it is written.
func TestPartsOfAnswers(t *testing.T) {
	for _, c := range []struct{ pieces, size, want int }{
		{1, 10, 1}, {200, 1000, 1}, {4, partBytes / 4, 2}, {1, 3 * partBytes, 4}, {3000, 1000, 1 + 3000*1000/partBytes},
	} {
		client := &clock{ResponseRecorder: httptest.NewRecorder()}
		w := &response{ResponseWriter: client, time: time.Minute}
		for range c.pieces {
			if n, err := w.Write(make([]byte, c.size)); n != c.size || err != nil {
				t.Fatal(n, err)
			}
		}
		if len(client.deadlines) != c.want || client.Body.Len() != c.pieces*c.size {
			t.Errorf("%+v: %d deadlines", c, len(client.deadlines))
		}
	}
}
