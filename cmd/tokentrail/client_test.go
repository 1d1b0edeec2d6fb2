package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestPasswordOfANode goes to the node and is not told: what is said comes to logs,
// reports and webhooks.
func TestPasswordOfANode(t *testing.T) {
	var named, unnamed atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name == "auditor" && password == "p4ss" {
			named.Add(1)
		} else {
			unnamed.Add(1)
		}
		rw.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	address := strings.Replace(server.URL, "://", "://auditor:p4ss@", 1)
	for _, words := range []string{"status", "flows", "verify --state none", "verify --state none --json", "verify stream acme/chat", "verify record acme/x", "trace acme/x", "gov show"} {
		code, stdout, stderr := runOnce(t, append(strings.Fields(words), "--node", address)...)
		if code == exitOK || code == exitUsage || strings.Contains(stdout+stderr, "p4ss") || !strings.Contains(stdout+stderr, server.URL) {
			t.Errorf("%s: exit %d: %s%s", words, code, stdout, stderr)
		}
	}
	if named.Load() == 0 || unnamed.Load() > 0 {
		t.Errorf("%d requests by name, %d without", named.Load(), unnamed.Load())
	}
}
