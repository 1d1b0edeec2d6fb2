package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// liesIn has the provider tell two stories at the beginning of a stream, and the
// stream closed by it.
func (n *node) liesIn(stream string) {
	n.t.Helper()
	one, other := n.provider.sign(n.t, stream, 0, nil, 1), n.provider.sign(n.t, stream, 0, nil, 2)
	e, err := provenance.NewEquivocation(&one.statement.UnverifiedStatement, &other.statement.UnverifiedStatement)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, raw := range [][]byte{one.raw, provenance.EncodeEquivocationSubmission(e)} {
		if w := n.post(raw); w.Code != http.StatusCreated {
			n.t.Fatalf("%s: %d %q", stream, w.Code, w.Body)
		}
	}
}

// TestManyEquivocations: SPEC(API-8). A provider's equivocations come in pages, the
// newest first, each once and all of them.
func TestManyEquivocations(t *testing.T) {
	n := newNode(t)
	const lies = 23
	for i := range lies {
		n.liesIn(fmt.Sprint("s", i%7, "-", i)) // not in the order of names
	}
	n.submit()
	for _, limit := range []int{1, 5, lies - 1, lies, 1000} {
		target := fmt.Sprintf("/v1/providers/acme?limit=%d", limit)
		page := read[providerAnswer](n, target)
		var seen []streamView
		for {
			if len(page.Equivocations) > limit || len(page.Streams) > limit || page.Equivocated != lies || len(seen) > lies {
				t.Fatalf("limit %d: %d equivocations and %d streams, %d in all, behind %d", limit, len(page.Equivocations), len(page.Streams), page.Equivocated, len(seen))
			}
			seen = append(seen, page.Equivocations...)
			if !page.MoreEquivocations {
				break
			}
			if len(page.Equivocations) != limit {
				t.Fatalf("limit %d: a page of %d, and there are more", limit, len(page.Equivocations))
			}
			page = read[providerAnswer](n, fmt.Sprintf("%s&before=%d", target, *seen[len(seen)-1].Closed))
		}
		if len(seen) != lies {
			t.Errorf("limit %d: %d of %d", limit, len(seen), lies)
		}
		for i, s := range seen {
			if want := int64(2*(lies-i) - 1); s.Closed == nil || *s.Closed != want || s.Status != "closed" || s.Stream != fmt.Sprint("s", (lies-1-i)%7, "-", lies-1-i) {
				t.Errorf("limit %d: number %d is %+v, wanted that of entry %d", limit, i, s, want)
			}
		}
	}
	if page := read[providerAnswer](n, "/v1/providers/acme?before=1"); page.Equivocations == nil || len(page.Equivocations) != 0 || page.MoreEquivocations {
		t.Errorf("before the first: %+v", page.Equivocations)
	}
	n.refused("GET", "/v1/providers/acme?before=-1", 400, "Malformed request", "value")
	n.refused("GET", "/v1/providers?before=1", 400, "Malformed request", "value")
}

// TestFiguresOfEquivocation: the figures of closed streams and of equivocations rise
// by one, whatever the stream is called.
func TestFiguresOfEquivocation(t *testing.T) {
	n := newNode(t)
	n.submit()
	for lies := range 3 {
		text := string(n.ok("/metrics"))
		for figure, want := range map[string]int{
			`tokentrail_entries{kind="statement"}`: 1 + lies, `tokentrail_entries{kind="equivocation"}`: lies,
			`tokentrail_streams{status="open"}`: 1, `tokentrail_streams{status="closed"}`: lies,
			`tokentrail_log_size`: 1 + 2*lies,
		} {
			if line := fmt.Sprintf("\n%s %d\n", figure, want); !strings.Contains(text, line) {
				t.Errorf("after %d equivocations the figures lack %q", lies, line)
			}
		}
		if strings.Contains(text, "secret-stream") || strings.Contains(text, "acme") {
			t.Error("the figures name streams or providers, of which there can be any number")
		}
		n.liesIn(fmt.Sprint("secret-stream-", lies))
	}
}
