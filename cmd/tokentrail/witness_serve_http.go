package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"tokentrail/verify/cosign"
)

// witnessRoutes are the patterns of http.ServeMux that a witness answers, for whoever
// mounts it beside other routes. SPEC(VER-88), SPEC(VER-89)
var witnessRoutes = []string{"/add-checkpoint", "GET /checkpoint", "GET /{log}/checkpoint"}

// Media types and headers of a witness's answers.
const (
	sizeMediaType  = "text/x.tlog.size"
	notesMediaType = "text/plain; charset=utf-8"
	witnessPause   = "10" // seconds, of Retry-After
)

func (w *witness) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.serveAdd)
	mux.HandleFunc("GET /checkpoint", func(rw http.ResponseWriter, _ *http.Request) { w.serveNewest(rw) })
	mux.HandleFunc("GET /{log}/checkpoint", func(rw http.ResponseWriter, r *http.Request) {
		c := w.last()
		if c == nil || r.PathValue("log") != originHash(c.Origin) {
			http.Error(rw, "no checkpoint of this log was cosigned here", http.StatusNotFound)
			return
		}
		w.serveNewest(rw)
	})
	return mux
}

// originHash is what a log is known by in a witness's paths.
func originHash(origin string) string {
	h := sha256.Sum256([]byte(origin))
	return hex.EncodeToString(h[:])
}

// ServeHTTP answers the routes of witnessRoutes.
func (w *witness) ServeHTTP(rw http.ResponseWriter, r *http.Request) { w.mux.ServeHTTP(rw, r) }

// serveAdd answers add-checkpoint. SPEC(VER-88)
func (w *witness) serveAdd(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, cosign.MaxRequest+1))
	var request *cosign.Request
	if err == nil {
		request, err = cosign.ParseRequest(body)
	} else {
		err = &cosign.Refusal{Status: cosign.Malformed, Reason: "the request was cut short"}
	}
	var c *cosign.Cosigned
	if err == nil {
		c, err = w.answer(r.Context(), request)
	}
	if err != nil {
		w.refuse(rw, err)
		return
	}
	w.figures.answered(http.StatusOK)
	rw.Header().Set("Content-Type", notesMediaType)
	io.WriteString(rw, c.Line) // who has gone asks again
}

// answer cosigns what a client asks for, unless too many others ask now: the node would be
// asked by all of them at once. SPEC(VER-88)
func (w *witness) answer(ctx context.Context, r *cosign.Request) (*cosign.Cosigned, error) {
	select {
	case w.asking <- struct{}{}:
		defer func() { <-w.asking }()
		return w.add(ctx, r)
	default:
		return nil, &cosign.Refusal{Status: cosign.NotYet, Reason: "too many ask at once; ask again later"}
	}
}

// refuse answers with the reason, or as the protocol wants it of a conflict with the
// size alone.
func (w *witness) refuse(rw http.ResponseWriter, err error) {
	var refused *cosign.Refusal
	if !errors.As(err, &refused) {
		w.trouble(err)
		refused = &cosign.Refusal{Status: cosign.NotYet, Reason: notNow}
	}
	if refused.Against != nil {
		w.dispute(*refused.Against, refused.Reason)
	}
	w.figures.answered(int(refused.Status))
	switch refused.Status {
	case cosign.Conflict:
		rw.Header().Set("Content-Type", sizeMediaType)
		rw.WriteHeader(http.StatusConflict)
		fmt.Fprintf(rw, "%d\n", refused.Size)
		return
	case cosign.NotYet:
		rw.Header().Set("Retry-After", witnessPause)
	}
	http.Error(rw, printable(refused.Reason), int(refused.Status))
}

// serveNewest answers with the checkpoint cosigned last. SPEC(VER-89)
func (w *witness) serveNewest(rw http.ResponseWriter) {
	c := w.last()
	if c == nil {
		http.Error(rw, "no checkpoint was cosigned here yet", http.StatusNotFound)
		return
	}
	rw.Header().Set("Content-Type", notesMediaType)
	rw.Header().Set("Cache-Control", "no-cache")
	rw.Write(c.Note)
}
