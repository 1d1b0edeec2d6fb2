package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// TestFrontier takes the answer apart: each part is of its height.
func TestFrontier(t *testing.T) {
	n := newNode(t)
	for range 3 {
		n.submit()
	}
	signed, err := n.api.Log.Signed()
	if err != nil {
		t.Fatal(err)
	}
	h := signed.Head().Height
	raw := n.ok("/v1/frontier")
	var parts []any
	if err := cbor.Unmarshal(raw, &parts); err != nil || len(parts) != 6 || parts[0] != uint64(1) {
		t.Fatalf("%v: %x", err, raw)
	}
	f, err := ledger.ParseFrontier(parts[1].([]byte))
	if err != nil || f.Head() != signed.Head() {
		t.Errorf("the frontier is of %+v (%v), wanted %+v", f, err, signed.Head())
	}
	for i, want := range []string{
		fmt.Sprintf("light block %d", h), fmt.Sprintf("light block %d", h+1),
		fmt.Sprintf("validators %d", h+1), fmt.Sprintf("validators %d", h+2),
	} {
		if got := string(parts[2+i].([]byte)); got != want {
			t.Errorf("part %d is %q, wanted %q", 2+i, got, want)
		}
	}
	// For a while it is the same, also when the ledger has moved on.
	n.submit()
	if again := n.ok("/v1/frontier"); !bytes.Equal(again, raw) {
		t.Error("it is made anew for each that asks")
	}
	n.api.frontiers.made = time.Now().Add(-time.Hour)
	if later := n.ok("/v1/frontier"); bytes.Equal(later, raw) {
		t.Error("it is never made anew")
	}
}

// TestFrontierLimits: one answer is on its way to an address, and few in all.
func TestFrontierLimits(t *testing.T) {
	n := newNode(t)
	n.submit()
	f := n.api.frontiers
	r := &request{Request: &http.Request{RemoteAddr: "192.0.2.1:1234"}} // httptest's
	leave, err := f.enter(r.client())
	if err != nil {
		t.Fatal(err)
	}
	n.refused("GET", "/v1/frontier", http.StatusTooManyRequests, "Too Many Requests", "busy")
	leave()
	if !f.room.enter(frontierAnswers) {
		t.Fatal("room is not given back")
	}
	n.refused("GET", "/v1/frontier", http.StatusTooManyRequests, "Too Many Requests", "busy")
	f.room.leave(frontierAnswers)
	n.ok("/v1/frontier")
}

func TestFrontierRefused(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Joining = Joining{} })
	n.refused("GET", "/v1/frontier", http.StatusNotFound, "Not Found", "not-found")
	young := newNode(t) // one block, whose header carries genesis
	young.refused("GET", "/v1/frontier", http.StatusServiceUnavailable, "Unavailable", "unavailable")
	young.submit()
	young.chain.set(func(c *chain) { c.noHeader = ledger.ErrNotHere })
	young.refused("GET", "/v1/frontier", http.StatusServiceUnavailable, "Unavailable", "unavailable")
}

// slowLog is a log whose state takes a while to read and is too large to hand over.
type slowLog struct {
	Log
	Snapshot
	walks int
}

func (l *slowLog) Signed() (Snapshot, error) {
	s, err := l.Log.Signed()
	if l.Snapshot = s; err != nil {
		return nil, err
	}
	return l, nil
}

func (l *slowLog) Frontier() (*ledger.Frontier, error) {
	l.walks++
	time.Sleep(100 * time.Millisecond)
	return nil, errors.New("its state is too large")
}

// TestFrontierFails: a frontier that cannot be made costs no more than a tenth of
// the time, however often it is asked for.
func TestFrontierFails(t *testing.T) {
	n := newNode(t)
	n.submit()
	slow := &slowLog{Log: n.api.Log}
	n.api.Log = slow
	for range 20 {
		n.refused("GET", "/v1/frontier", http.StatusInternalServerError, "Internal Server Error", "internal")
	}
	if slow.walks != 1 {
		t.Errorf("the state was read %d times", slow.walks)
	}
	n.api.frontiers.next = time.Time{}
	n.api.Log = slow.Log
	n.ok("/v1/frontier")
}

// gapLog is a log whose entries below missing are not here.
type gapLog struct {
	Log
	Snapshot
	missing int64
}

func (l *gapLog) Signed() (s Snapshot, err error) {
	s, err = l.Log.Signed()
	return &gapLog{l.Log, s, l.missing}, err
}

func (l *gapLog) Entry(index int64) (*ledger.Entry, error) {
	if index < l.missing {
		return nil, fmt.Errorf("entry %d: %w", index, ledger.ErrNotHere)
	}
	return l.Snapshot.Entry(index)
}

func (l *gapLog) IndexOf(id provenance.Hash) (int64, error) {
	index, err := l.Snapshot.IndexOf(id)
	if err != nil || index < l.missing {
		return 0, fmt.Errorf("statement %s: %w", id, ledger.ErrNotHere)
	}
	return index, nil
}

// TestNotHere: what needs missing history is 503 and says where else to ask; new
// statements are taken all the same.
func TestNotHere(t *testing.T) {
	n := newNode(t, func(c *Config) {
		c.Log = &gapLog{Log: c.Log, missing: 2}
		c.Joining.Missing = func() (int64, int64) { return 0, 2 }
		c.Joining.Elsewhere = []string{"http://192.0.2.7:7480"}
	})
	var sent []*submission
	for range 2 {
		sent = append(sent, n.provider.next(t, 1))
		if w := n.do("POST", "/entries", bytes.NewReader(sent[len(sent)-1].raw), "Content-Type", provenance.SubmissionMediaType, "Prefer", "respond-async"); w.Code != http.StatusAccepted {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
	}
	third := n.submit() // waits for its receipt: the log has all three then
	n.ok("/entries/" + third.statement.ID().String())
	for _, target := range []string{
		"/entries/0", "/entries/1/statement", "/entries/0/records", "/v1/entries?from=0", "/v1/flows",
		"/entries/" + strings.Repeat("ab", 32), // nobody knows whether it is one
	} {
		if got := n.refused("GET", target, http.StatusServiceUnavailable, "Not Here Yet", "not-here"); !strings.Contains(got.detail, "ask http://192.0.2.7:7480") {
			t.Errorf("%s: %q does not say where to ask", target, got.detail)
		}
	}
	if got := len(sequence[wireEntry](t, n.ok("/v1/entries?from=2"))); got != 1 {
		t.Errorf("%d entries from 2 on, wanted 1", got)
	}
	var s status
	if err := json.Unmarshal(n.ok("/v1/status"), &s); err != nil || s.History == nil || *s.History != (missingHistory{0, 2}) {
		t.Errorf("%+v, %v", s, err)
	}
}
