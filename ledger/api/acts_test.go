package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// acts are those that the node lists from an entry on.
func (n *node) acts(from, limit int) []verify.Entry {
	n.t.Helper()
	all, err := verify.DecodeActs(n.ok(fmt.Sprintf("/v1/acts?from=%d&limit=%d", from, limit)), int64(from), limit)
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

// TestActs: the route lists the acts of the log, in its order and in pages, and
// nothing that stands between them; each new one as soon as it has a receipt.
func TestActs(t *testing.T) {
	governor := newProvider(t, "")
	n := newNodeOf(t, governor)
	if got := n.acts(0, 1000); len(got) != 0 {
		t.Fatalf("%d acts of an empty log", len(got))
	}
	var want []verify.Entry
	size := int64(0)
	for i := range 25 {
		n.submit()
		size++
		if i%5 == 0 {
			n.liesIn(fmt.Sprint("s", i))
			size += 2
		}
		act, err := provenance.NewAct(&provenance.Act{Chain: "test-1", Sequence: int64(i), Actions: []provenance.Action{
			{Type: provenance.ProviderDescribe, ID: "acme", Name: strings.Repeat("n", i+1)},
		}})
		if err == nil {
			act, err = act.Sign(governor.key)
		}
		if err != nil {
			t.Fatal(err)
		}
		if w := n.post(provenance.EncodeActSubmission(act.Raw())); w.Code != http.StatusCreated {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
		want = append(want, verify.Entry{Index: size, Statement: act.Raw()})
		size++
		if got := n.acts(0, 1000); !slices.EqualFunc(got, want, sameAct) {
			t.Fatalf("%d acts, wanted %d", len(got), len(want))
		}
	}
	for _, limit := range []int{1, 7, 25} {
		var got []verify.Entry
		for from := 0; ; {
			page := n.acts(from, limit)
			if len(page) == 0 {
				break
			}
			got, from = append(got, page...), int(page[len(page)-1].Index)+1
		}
		if !slices.EqualFunc(got, want, sameAct) {
			t.Errorf("limit %d: %d acts, wanted %d", limit, len(got), len(want))
		}
	}
	if got := n.acts(int(size)+7, 5); len(got) != 0 {
		t.Errorf("%d acts behind the end", len(got))
	}
	for _, query := range []string{"limit=0", "limit=1001", "from=x", "provider=acme"} {
		n.refused("GET", "/v1/acts?"+query, 400, "Malformed request", "value")
	}
}

func sameAct(a, b verify.Entry) bool {
	return a.Index == b.Index && string(a.Statement) == string(b.Statement)
}
