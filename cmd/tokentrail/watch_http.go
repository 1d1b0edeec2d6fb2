package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of what a watch serves.
const (
	watchHeadTime  = 5 * time.Second
	watchReadTime  = 10 * time.Second
	watchWriteTime = 30 * time.Second
	watchIdleTime  = time.Minute
	watchMaxHead   = 16 << 10

	healthyRounds = 3 // within which all has to be checked once
)

// watchHealth says whether the watch does its work, which has nothing to do with what
// it finds.
type watchHealth struct {
	began time.Time

	mu      sync.Mutex    // guards what follows
	success time.Time     // when all was checked last
	round   time.Duration // until the next time, at most
	why     string        // not; empty before the first round
}

// good takes that all was checked.
func (h *watchHealth) good(at time.Time, round time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.success, h.round, h.why = at, round, ""
}

// cannot takes why not.
func (h *watchHealth) cannot(why string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.why = cut(why)
}

// says returns an empty text where the last audit in which all was checked is younger
// than three rounds, else what is wrong. SPEC(VER-85)
func (h *watchHealth) says(now time.Time) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := now.Sub(h.success)
	switch {
	case h.success.IsZero() && h.why == "":
		return fmt.Sprintf("the first audit is under way, since %s", now.Sub(h.began).Round(time.Second))
	case h.success.IsZero():
		return "nothing could be checked yet: " + h.why
	case age <= healthyRounds*h.round:
		return ""
	case h.why == "":
		return fmt.Sprintf("an audit is under way, and the last one ended %s ago", age.Round(time.Second))
	}
	return fmt.Sprintf("for %s not all could be checked: %s", age.Round(time.Second), h.why)
}

// A watchServer is what a watch serves; nil serves nothing.
type watchServer struct {
	http *http.Server
	done chan error
}

// handler serves what a watch shows.
func (w *watcher) handler() http.Handler {
	mux := http.NewServeMux()
	text := func(rw http.ResponseWriter, code int, body string) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		rw.Header().Set("Cache-Control", "no-store")
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		rw.WriteHeader(code)
		_, _ = fmt.Fprintln(rw, body) // who asked may be gone
	}
	mux.HandleFunc("GET /{$}", func(rw http.ResponseWriter, _ *http.Request) {
		index := "tokentrail verify --watch, of the node at " + w.from + "\n\n/metrics         for Prometheus\n/healthz         200 while audits are carried through"
		if w.cosigner != nil {
			index += "\n/checkpoint      the newest that was cosigned\n/add-checkpoint  C2SP tlog-witness"
		}
		text(rw, http.StatusOK, index)
	})
	mux.HandleFunc("GET /healthz", func(rw http.ResponseWriter, _ *http.Request) {
		if wrong := w.health.says(w.now()); wrong != "" {
			text(rw, http.StatusServiceUnavailable, printable(wrong))
			return
		}
		text(rw, http.StatusOK, "ok")
	})
	mux.Handle("GET /metrics", w.metrics.handler())
	if w.cosigner != nil {
		for _, pattern := range witnessRoutes {
			mux.Handle(pattern, w.cosigner)
		}
	}
	return mux
}

// serve begins to listen, and says where.
func (w *watcher) serve() (*watchServer, error) {
	if w.listen == noListen {
		w.say("watching %s every %s", w.from, w.every)
		return nil, nil
	}
	l, err := net.Listen("tcp", w.listen)
	if err != nil {
		return nil, couldNotf("--listen %s: %w; choose another address, or none", w.listen, err)
	}
	w.say("watching %s every %s; figures: http://%s/metrics", w.from, w.every, l.Addr())
	s := &watchServer{done: make(chan error, 1), http: &http.Server{
		Handler: w.handler(), ReadHeaderTimeout: watchHeadTime, ReadTimeout: watchReadTime, WriteTimeout: watchWriteTime,
		IdleTimeout: watchIdleTime, MaxHeaderBytes: watchMaxHead, ErrorLog: nil,
	}}
	go func() { s.done <- s.http.Serve(l) }()
	return s, nil
}

// end stops the server.
func (s *watchServer) end() error {
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // who does not read any more is cut off
	}
	if err := <-s.done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
