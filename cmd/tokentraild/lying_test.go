package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// lyingNode stands before a node and changes what it answers.
func lyingNode(t testing.TB, node string, change func(path string, body []byte) []byte) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		res, err := http.Get(node + r.URL.RequestURI())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
		w.WriteHeader(res.StatusCode)
		_, _ = w.Write(change(r.URL.Path, body))
	}))
	t.Cleanup(s.Close)
	return s.URL
}
