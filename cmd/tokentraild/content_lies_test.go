package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// lies asks for files behind a node that lies, or has lost something.
func (l *contentLedger) lies(t *testing.T) {
	for _, c := range []struct {
		name, outcome string
		lie           func(w http.ResponseWriter, r *http.Request, honest http.Handler)
		args          []string
	}{
		{"another record", "refuted", l.otherRecord, []string{"public-labelled.png"}},
		{"a cut proof", "refuted", l.cutProof, []string{"public-labelled.png"}},
		{"a cut proof of what is found by digest", "refuted", l.cutProof, []string{"public.png"}},
		{"another entry", "refuted", l.otherEntry, []string{"public-labelled.png"}},
		{"the receipt of another entry", "refuted", l.otherReceipt, []string{"public-labelled.png"}},
		{"no receipt now (row 3)", "cannot-tell", l.noReceipt, []string{"public-labelled.png"}},
		{"no receipt now (row 14)", "cannot-tell", l.noReceipt, []string{"public.png"}},
		{"nothing, of what is keyed", "nothing-known", l.withhold, []string{"keyed.png", "--key", "keyed.png.tokentrail-key.json"}},
		{"nothing, of what may be keyed", "cannot-tell", l.withhold, []string{"public-labelled.png"}},
	} {
		honest := l.honest(t)
		liar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.lie(w, r, honest) }))
		f := l.find(t, c.outcome, append(c.args, "--node", liar.URL)...)
		if c.outcome == "refuted" && len(f.Findings) == 0 {
			t.Errorf("%s: no finding", c.name)
		}
		liar.Close()
	}
}

// honest hands requests on to the node.
func (l *contentLedger) honest(t *testing.T) http.Handler {
	t.Helper()
	u, err := url.Parse(l.node)
	if err != nil {
		t.Fatal(err)
	}
	return httputil.NewSingleHostReverseProxy(u)
}

// otherRecord answers what is asked by ref with another record.
func (l *contentLedger) otherRecord(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	if q := r.URL.Query(); q.Get("ref") != "" {
		name, value := provenance.ByRef("acme", []byte("public-jpg")).Param()
		q.Set(name, value)
		r.URL.RawQuery = q.Encode()
	}
	honest.ServeHTTP(w, r)
}

// changed answers with the node's records after something was done to them.
func changed(w http.ResponseWriter, r *http.Request, honest http.Handler, change func(*provenance.RecordHit)) {
	recorder := httptest.NewRecorder()
	honest.ServeHTTP(recorder, r)
	if r.URL.Path == "/v1/records" {
		if a, err := provenance.ParseRecordsAnswer(recorder.Body.Bytes()); err == nil {
			for i := range a.Hits {
				change(&a.Hits[i])
			}
			recorder.Body.Reset()
			recorder.Body.Write(a.Encode())
		}
	}
	w.WriteHeader(recorder.Code)
	w.Write(recorder.Body.Bytes())
}

func (l *contentLedger) cutProof(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	changed(w, r, honest, func(h *provenance.RecordHit) { h.Proof.Path = h.Proof.Path[:max(0, len(h.Proof.Path)-1)] })
}

func (l *contentLedger) otherEntry(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	changed(w, r, honest, func(h *provenance.RecordHit) { h.Entry = (h.Entry + 1) % 3 })
}

func (l *contentLedger) otherReceipt(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	if strings.HasPrefix(r.URL.Path, "/entries/") {
		r.URL.Path = "/entries/1"
	}
	honest.ServeHTTP(w, r)
}

func (l *contentLedger) noReceipt(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	if strings.HasPrefix(r.URL.Path, "/entries/") {
		http.Error(w, "the disk is gone", http.StatusInternalServerError)
		return
	}
	honest.ServeHTTP(w, r)
}

// withhold says that there are no records.
func (l *contentLedger) withhold(w http.ResponseWriter, r *http.Request, honest http.Handler) {
	if r.URL.Path == "/v1/records" {
		w.Write((&provenance.RecordsAnswer{Size: 3}).Encode())
		return
	}
	honest.ServeHTTP(w, r)
}
