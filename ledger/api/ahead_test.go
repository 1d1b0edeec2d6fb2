package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// recordAt is a record of a time from now.
func recordAt(t *testing.T, ahead time.Duration) [][]byte {
	t.Helper()
	b, err := (&provenance.Record{
		Kind: provenance.Consumption, Time: time.Now().Add(ahead).UnixMilli(),
		Usage: &provenance.Usage{Input: 1, Output: 1},
		Using: &provenance.Place{Country: "US", Known: provenance.Asserted},
	}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return [][]byte{b}
}

// TestRecordsOfTheFuture: SPEC(ADM-15). A node takes records ahead of its clock up
// to its own limit or the policy's skew, the lower of the two, and says whose it is.
func TestRecordsOfTheFuture(t *testing.T) {
	governor := newProvider(t, "")
	n := newNodeOf(t, governor)
	sets := int64(0)
	policy := func(skew time.Duration) {
		t.Helper()
		act, err := provenance.NewAct(&provenance.Act{Chain: "test-1", Sequence: sets, Actions: []provenance.Action{
			{Type: provenance.PolicySet, Policy: &provenance.Policy{Skew: skew.Milliseconds()}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if act, err = act.Sign(governor.key); err != nil {
			t.Fatal(err)
		}
		if w := n.post(provenance.EncodeActSubmission(act.Raw())); w.Code != http.StatusCreated {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		sets++
	}
	taken := 0
	comes := func(ahead time.Duration, why string) {
		t.Helper()
		s := n.provider.signWith(t, n.provider.key, "ahead-"+string(rune('a'+taken)), 0, nil, recordAt(t, ahead))
		w := n.post(s.raw)
		if why == "" {
			taken++
			if w.Code != http.StatusCreated {
				t.Errorf("%s ahead: %d %q", ahead, w.Code, w.Body)
			}
			return
		}
		if got := tell(t, w.Code, w.Header(), w.Body.Bytes()); got.status != 400 || got.code != "future" || !strings.Contains(got.detail, why) {
			t.Errorf("%s ahead: %+v, wanted %q", ahead, got, why)
		}
	}
	const own, policys = "by more than the 10m0s that this node takes;", "by more than the 1m0s that this ledger's policy takes (skew);"
	comes(9*time.Minute, "")
	comes(11*time.Minute, own)
	policy(time.Minute)
	comes(50*time.Second, "")
	comes(70*time.Second, policys)
	comes(11*time.Minute, policys)
	policy(time.Hour)
	comes(9*time.Minute, "")
	comes(11*time.Minute, own)
	policy(0)
	comes(9*time.Minute, "")
	comes(11*time.Minute, own)
	comes(-time.Hour, "")
}
