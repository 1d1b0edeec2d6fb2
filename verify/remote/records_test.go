package remote

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// TestRecords: SPEC(API-6), as a client asks and reads.
func TestRecords(t *testing.T) {
	hit := provenance.RecordHit{Entry: 3, Statement: []byte{1}, Proof: &provenance.RecordProof{Record: []byte{0xa0}, Count: 2, Path: []provenance.Hash{{7}}}}
	want := &provenance.RecordsAnswer{Size: 9, More: true, Hits: []provenance.RecordHit{hit}}
	var asked string
	answer := want.Encode()
	n := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Method + " " + r.URL.RequestURI()
		w.Write(answer)
	}, Options{})
	id := provenance.Hash(bytes.Repeat([]byte{0xab}, 32))
	hex := strings.Repeat("ab", 32)
	for target, q := range map[string]provenance.RecordQuery{
		"id=" + hex + "&limit=20&offset=40":      provenance.ByID(id),
		"content=" + hex + "&limit=20&offset=40": provenance.ByContent(id),
		"limit=20&offset=40&parent=" + hex:       provenance.ByID(id).Children(),
		"limit=20&offset=40&ref=acme%2F00ff":     provenance.ByRef("acme", []byte{0, 0xff}),
		"limit=20&offset=40&parent=acme%2F00ff":  provenance.ByRef("acme", []byte{0, 0xff}).Children(),

		"correction=acme%2F" + hex + "&limit=20&offset=40": provenance.Corrections("acme", id),
	} {
		got, err := n.Records(context.Background(), q, 40, 20)
		if err != nil || !reflect.DeepEqual(got, want) || asked != "GET /v1/records?"+target {
			t.Errorf("%s: asked %s: %+v, %v", target, asked, got, err)
		}
	}
	if _, err := (Lookup{Node: n}).Records(context.Background(), provenance.ByID(id), 100); err != nil || !strings.HasSuffix(asked, "&limit=100&offset=100") {
		t.Errorf("asked %s: %v", asked, err)
	}
}

// TestRecordsRefused: nothing that is not in the form of an answer is taken for
// one, however long.
func TestRecordsRefused(t *testing.T) {
	hit := provenance.RecordHit{Statement: []byte{1}, Proof: &provenance.RecordProof{Record: []byte{0xa0}, Count: 1}}
	second := hit
	second.Entry = 1
	for name, body := range map[string][]byte{
		"nothing":              nil,
		"something":            []byte("<html>"),
		"more than were asked": (&provenance.RecordsAnswer{Size: 2, Hits: []provenance.RecordHit{hit, second}}).Encode(),
		"beyond its own size":  (&provenance.RecordsAnswer{Hits: []provenance.RecordHit{hit}}).Encode(),
		"too long":             make([]byte, provenance.MaxRecordsAnswer+1),
	} {
		n := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }, Options{})
		_, err := n.Records(context.Background(), provenance.ByRef("acme", []byte{1}), 0, 1)
		if !errors.Is(err, verify.ErrAnswer) || !strings.Contains(err.Error(), n.URL()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
