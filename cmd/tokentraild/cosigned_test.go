package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tokentrail/provenance"
)

// A cosigner verifies cosignatures as C2SP tlog-cosignature v1.0.1 has it.
type cosigner struct {
	name string
	key  []byte
}

// readCosigner reads the verifier key in a witness's key file.
func readCosigner(t *testing.T, path string) cosigner {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	parts := strings.SplitN(strings.TrimSpace(string(b)), "+", 5)
	seed, err := base64.StdEncoding.DecodeString(parts[4])
	check(t, err)
	return cosigner{parts[2], ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey)}
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	h := sha256.Sum256(append([]byte(c.name+"\n\x04"), c.key...))
	return binary.BigEndian.Uint32(h[:])
}

func (c cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), text)
	return ed25519.Verify(c.key, message, sig[8:])
}

// A logsClient asks a witness as a log does that knows the protocol.
type logsClient struct {
	t    *testing.T
	node string
	by   cosigner
}

// checkpoint is the node's newest.
func (c *logsClient) checkpoint() (signed []byte, size int64) {
	c.t.Helper()
	signed = request(c.t, http.MethodGet, c.node+"/checkpoint", "", nil).body
	cp, err := provenance.ParseCheckpoint(string(signed[:bytes.Index(signed, []byte("\n\n"))+1]))
	check(c.t, err)
	return signed, cp.Size
}

// ask submits a checkpoint, with the proof from an older size.
func (c *logsClient) ask(w *watch, old int64) (status int, kind, body string) {
	c.t.Helper()
	signed, size := c.checkpoint()
	text := fmt.Sprintf("old %d\n", old)
	if 0 < old && old < size {
		p, err := provenance.ParseConsistency(request(c.t, http.MethodGet, fmt.Sprintf("%s/proof/consistency?from=%d&to=%d", c.node, old, size), "", nil).body)
		check(c.t, err)
		for _, h := range p.Path {
			text += base64.StdEncoding.EncodeToString(h[:]) + "\n"
		}
	}
	r, err := http.Post(w.figure+"/add-checkpoint", "", strings.NewReader(text+"\n"+string(signed)))
	check(c.t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	check(c.t, err)
	if r.StatusCode == http.StatusOK {
		if n, err := note.Open(append(signed, b...), note.VerifierList(c.by)); err != nil || len(n.Sigs) != 1 {
			c.t.Errorf("%v: %s", err, b)
		}
	}
	return r.StatusCode, r.Header.Get("Content-Type"), string(b)
}

// shows waits until the witness shows the checkpoint of a size, cosigned.
func (c *logsClient) shows(w *watch, size int64) {
	c.t.Helper()
	w.until(fmt.Sprintf("a cosigned checkpoint of %d entries", size), func() bool {
		code, text := w.page("/checkpoint")
		if code != http.StatusOK || !strings.Contains(text, fmt.Sprintf("\n%d\n", size)) {
			return false
		}
		if _, err := note.Open([]byte(text), note.VerifierList(c.by)); err != nil {
			c.t.Errorf("%v: %s", err, text)
		}
		return true
	})
}

// TestWitnessOfARealLedger: a watch cosigns what each of its rounds verified, and what
// a client asks for, not while anything speaks against the ledger; and after it was
// killed it remembers. SPEC(VER-86), SPEC(VER-88), SPEC(VER-89), SPEC(CLI-103)
func TestWitnessOfARealLedger(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	a := newAuditor(t, ctx, node.home)
	records := traceRecords(t)[:1]
	node.wait(t, ctx, 0)
	submit := func(want int64) {
		t.Helper()
		if got := post(t, node.url, p.next(t, records)); got.status != http.StatusCreated {
			t.Fatalf("%d %s", got.status, got.body)
		}
		node.wait(t, ctx, want)
	}
	key := filepath.Join(a.dir, "witness.key")
	if out, err := exec.CommandContext(ctx, a.program, "key", "witness", "auditor.example/witness", "--out", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	front := watchedNode(t, node.url)
	c := &logsClient{t, node.url, readCosigner(t, key)}
	args := []string{"--node", front.url, "--witness-key", key}
	submit(1)
	w := a.watch(args...)
	w.begun()
	c.shows(w, 1)
	for size := int64(2); size <= 3; size++ {
		submit(size)
		c.shows(w, size)
	}
	if status, kind, body := c.ask(w, 0); status != http.StatusConflict || kind != "text/x.tlog.size" || body != "3\n" {
		t.Errorf("%d %s %q", status, kind, body)
	}
	if status, _, body := c.ask(w, 3); status != http.StatusOK {
		t.Errorf("%d %q", status, body)
	}

	front.set(func(f *watched) { f.lie = wrongFlows })
	w.event(0, "finding")
	w.until("no cosignature", func() bool { status, _, _ := c.ask(w, 3); return status == http.StatusServiceUnavailable })
	submit(4)
	w.rounds(2)
	if status, _, body := c.ask(w, 3); status != http.StatusServiceUnavailable || !strings.Contains(body, "evidence against the ledger") {
		t.Errorf("%d %q", status, body)
	}
	c.shows(w, 3) // what was cosigned stays so
	front.set(func(f *watched) { f.lie = nil })
	w.event(1, "gone")
	c.shows(w, 4)

	check(t, w.cmd.Process.Kill())
	<-w.ended
	w = a.watch(args...)
	w.begun()
	c.shows(w, 4)
	if status, _, body := c.ask(w, 1); status != http.StatusConflict || body != "4\n" {
		t.Errorf("%d %q", status, body)
	}
	w.stop(0)
}
