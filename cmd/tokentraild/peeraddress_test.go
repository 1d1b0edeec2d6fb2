package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const peerID = "0123456789abcdef0123456789abcdef01234567"

// TestParsePeer takes the addresses by which peers are found, and no others.
func TestParsePeer(t *testing.T) {
	for text, want := range map[string]string{
		peerID + "@10.0.0.2:7481":           "",
		peerID + "@[2001:db8::1]:7481":      "",
		peerID + "@node-1.example.com:1":    "",
		peerID + "@node_1:65535":            "",
		peerID + "@example.com.:7481":       "",
		peerID + "@0.0.0.0:7481":            peerID + "@198.51.100.7:7481",
		peerID + "@[::]:7481":               peerID + "@198.51.100.7:7481",
		peerID + "@:7481":                   peerID + "@198.51.100.7:7481",
		peerID + "@[::ffff:10.0.0.2]:26656": "",
	} {
		if want == "" {
			want = text
		}
		if got, err := parsePeer(text, "198.51.100.7"); err != nil || got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, x := range wrongPeers() {
		got, err := parsePeer(x.text, "198.51.100.7")
		var wrong *peerError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), x.want) || got != "" {
			t.Errorf("%q: %q, %v, wanted %q", x.text, got, err, x.want)
			continue
		}
		if said := err.Error(); len(said) > 4*maxPeerAddress+200 || strings.ContainsAny(said, "\x00\n\r\x1b\x7f") {
			t.Errorf("%q: the error has %d bytes: %q", x.text, len(said), said)
		}
	}
}

type wrongPeer struct{ text, want string }

func wrongPeers() []wrongPeer {
	return []wrongPeer{
		{peerID, "node's id"},
		{"@10.0.0.2:7481", "node's id"},
		{peerID[1:] + "@10.0.0.2:7481", "node's id"},
		{peerID + "0@10.0.0.2:7481", "node's id"},
		{strings.ToUpper(peerID) + "@10.0.0.2:7481", "node's id"},
		{"g" + peerID[1:] + "@10.0.0.2:7481", "node's id"},
		{" " + peerID + "@10.0.0.2:7481", "node's id"},
		{"tcp://" + peerID + "@10.0.0.2:7481", "node's id"},
		{peerID + "@10.0.0.2", "no host:port"},
		{peerID + "@2001:db8::1:7481", "no host:port"},
		{peerID + "@10.0.0.2:", "port"},
		{peerID + "@10.0.0.2:0", "port"},
		{peerID + "@10.0.0.2:07481", "port"},
		{peerID + "@10.0.0.2:65536", "port"},
		{peerID + "@10.0.0.2:-1", "port"},
		{peerID + "@10.0.0.2:+1", "port"},
		{peerID + "@10.0.0.2:7481,x@y:1", "host:port"},
		{peerID + "@10.0.0.2:http", "port"},
		{peerID + "@a,b:7481", "host"},
		{peerID + "@a@b:7481", "host"},
		{peerID + "@a b:7481", "host"},
		{peerID + "@a\nb:7481", "host"},
		{peerID + "@a\x00:7481", "host"},
		{peerID + "@\x1b[2J:7481", "host:port"},
		{peerID + "@a..b:7481", "host"},
		{peerID + "@-a:7481", "host"},
		{peerID + "@a/b:7481", "host"},
		{peerID + "@[fe80::1%eth0]:7481", "host"},
		{peerID + "@" + strings.Repeat("a", 64) + ":7481", "host"},
		{peerID + "@" + strings.Repeat("a.", 127) + "a:7481", "host"},
		{peerID + "@" + strings.Repeat("a", 1<<20) + ":7481", "bytes"},
	}
}

// FuzzParsePeer: what is taken is an address in its one form, which says the same
// when it is read again.
func FuzzParsePeer(f *testing.F) {
	f.Add(peerID + "@10.0.0.2:7481")
	f.Add(peerID + "@[::]:7481")
	for _, x := range wrongPeers() {
		if len(x.text) < 1000 {
			f.Add(x.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parsePeer(text, "node.example")
		if err != nil {
			return
		}
		if again, err := parsePeer(got, ""); err != nil || again != got {
			t.Fatalf("%q becomes %q, and that %q: %v", text, got, again, err)
		}
		id, address, _ := strings.Cut(got, "@")
		host, port, err := net.SplitHostPort(address)
		n, err2 := strconv.Atoi(port)
		if err != nil || err2 != nil || n < 1 || n > 65535 || len(id) != 40 || host == "" {
			t.Fatalf("%q becomes %q", text, got)
		}
		for _, c := range []byte(got) {
			if c <= ' ' || c >= 0x7f || c == ',' || c == '"' {
				t.Fatalf("%q becomes %q", text, got)
			}
		}
	})
}

// TestJoinPeerRefused: a node that names no address for its peers is no node to
// join at, and nothing is made.
func TestJoinPeerRefused(t *testing.T) {
	p := newProvider(t, "acme")
	node := startTestNode(t, p)
	post(t, node.url(), p.next(t, traceRecords(t)[:10]))
	s := joinStatusOf(t, node.url())
	trust := fmt.Sprintf("%d:%s", s.Header.Height, s.Header.Hash)
	for _, x := range wrongPeers() {
		liar := lyingNode(t, node.url(), func(path string, body []byte) []byte {
			var status map[string]any
			if path != "/v1/status" || json.Unmarshal(body, &status) != nil {
				return body
			}
			status["p2p"] = x.text
			body, _ = json.Marshal(status)
			return body
		})
		parent := t.TempDir()
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"init", "--home", filepath.Join(parent, "home"), "--join", liar, "--trust", trust}, &out, &errs)
		// What is longer than a status may be is not read at all, which is said.
		if long := len(x.text) > 1000; code == exitOK || !long && (!strings.Contains(errs.String(), x.want) || !strings.Contains(errs.String(), "ask another node")) {
			t.Errorf("%.80q: ends with %d and %q", x.text, code, errs.String())
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) > 0 {
			t.Errorf("%.80q: it left %v behind (%v)", x.text, left, err)
		}
	}
	many := []string{"init", "--home", filepath.Join(t.TempDir(), "home"), "--trust", trust}
	for range maxJoined + 1 {
		many = append(many, "--join", node.url())
	}
	for want, args := range map[string][]string{
		"at most 32":     many,
		"--peer \"x@y\"": {"init", "--home", filepath.Join(t.TempDir(), "home"), "--chain-id", "x-1", "--peer", "x@y"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, &out, &errs); code == exitOK || !strings.Contains(errs.String(), want) {
			t.Errorf("ends with %d and %q, wanted %q", code, errs.String(), want)
		}
	}
}
