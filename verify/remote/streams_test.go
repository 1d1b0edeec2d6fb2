package remote

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// TestStreamRoutes: what is asked for, and that records come in the coding asked for.
func TestStreamRoutes(t *testing.T) {
	var asked, coding string
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.RequestURI()
		if coding != "" {
			w.Header().Set("Content-Encoding", coding)
		}
		w.Write([]byte(`{"height":7,"streams":[{"stream":"a"},{"stream":"b"}],"more":true}`))
	}, Options{Retries: -1})
	ctx := context.Background()
	page, err := n.Streams(ctx, "acme", "A")
	if err != nil || !page.More || page.Height != 7 || !slices.Equal(page.Names, []string{"a", "b"}) || asked != "/v1/providers/acme?after=A&limit=1000" {
		t.Errorf("%q: %+v, %v", asked, page, err)
	}
	if _, err := n.ReceiptOf(ctx, "ab"); err != nil || asked != "/entries/ab" {
		t.Errorf("%q: %v", asked, err)
	}
	if _, err := n.Frame(ctx, "ab"); !errors.Is(err, verify.ErrAnswer) || !strings.Contains(err.Error(), "zstd") {
		t.Errorf("%q: %v", asked, err)
	}
	coding = "zstd"
	if b, err := n.Frame(ctx, "ab"); err != nil || asked != "/entries/ab/records" || len(b) == 0 {
		t.Errorf("%q: %v", asked, err)
	}
}

// FuzzStreams: a list has names of streams alone, no more than were asked for.
func FuzzStreams(f *testing.F) {
	f.Add([]byte(`{"height":1,"streams":[{"stream":"us"}],"more":true}`))
	f.Add([]byte(`{"height":-1e3,"streams":[]}`))
	f.Add([]byte(`{"streams":[{"stream":"US"}]}`))
	f.Add([]byte(`{"streams":null,"more":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		page, err := decodeStreams(b, "x")
		if err != nil {
			if !errors.Is(err, verify.ErrAnswer) || page != nil {
				t.Errorf("%+v, %v", page, err)
			}
			return
		}
		if len(page.Names) > streamsPage {
			t.Errorf("%d names", len(page.Names))
		}
		for _, name := range page.Names {
			if !provenance.ValidNameID(name) {
				t.Errorf("%q is taken for a name", name)
			}
		}
	})
}
