package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokentrail/provenance"
)

// A request is one whose query is read.
type request struct {
	*http.Request
	params url.Values // only those that the route has, each once
}

// A response gives the client time to take each part of the answer, and
// remembers whether the answer has begun. Owned by the request's goroutine.
type response struct {
	http.ResponseWriter
	begun bool
	time  time.Duration // for a part
	left  int           // bytes of the part that are to be written yet
	end   time.Time     // of the whole answer's time; zero: it has none
}

const (
	partBytes = 256 << 10
	slowest   = 64 << 10 // bytes a second, of an answer that has a time as a whole
)

// hurry gives the client a time for an answer of size bytes as a whole, since it
// holds what others want.
func (w *response) hurry(grace time.Duration, size int64) {
	w.end = time.Now().Add(grace + time.Duration(size)*time.Second/slowest)
}

// begin starts the time of the first part, however long it took to find the
// answer.
func (w *response) begin() {
	if !w.begun {
		w.begun = true
		w.allow()
	}
}

func (w *response) WriteHeader(status int) {
	w.begin()
	w.ResponseWriter.WriteHeader(status)
}

// Write gives no time to a part that is not taken, in however many pieces it is
// written. SPEC(API-5)
func (w *response) Write(b []byte) (written int, err error) {
	w.begin()
	for {
		n, err := w.ResponseWriter.Write(b[:min(len(b), w.left)])
		written, w.left, b = written+n, w.left-n, b[n:]
		if err == nil && w.left == 0 {
			w.allow()
		}
		if err != nil || len(b) == 0 {
			return written, err
		}
	}
}

// allow gives the client its time for a part from now on.
func (w *response) allow() {
	w.left = partBytes
	by := time.Now().Add(w.time)
	if !w.end.IsZero() && by.After(w.end) {
		by = w.end
	}
	// Writers without deadlines, as tests have, are as good as can be.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(by)
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serve makes a handler of a route: it reads the query and answers errors. An
// answer that fails when it has begun is cut off, so that nobody takes the part
// for the whole.
func (a *api) serve(rt route) http.Handler {
	return http.HandlerFunc(func(plain http.ResponseWriter, r *http.Request) {
		w := &response{ResponseWriter: plain, time: a.Limits.WriteTime}
		defer a.recover(w, r)
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		w.allow()
		if r.ContentLength != 0 {
			// The server waits for what the handler does not read, before it answers.
			_ = http.NewResponseController(plain).SetReadDeadline(time.Now().Add(min(a.Limits.PartTime, a.Limits.BodyTime)))
		}
		var params url.Values
		var err error
		if rt.method != "" { // else whatever is asked for is wrong
			params, err = parseQuery(r.URL.RawQuery, rt)
		}
		if err == nil {
			err = rt.handler(w, &request{r, params})
		}
		if err == nil {
			return
		}
		if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
			if err = context.Cause(r.Context()); !unavailable(err) {
				panic(http.ErrAbortHandler) // nobody is there to be answered
			}
		}
		code, detail, fault := a.explain(err)
		if fault {
			a.Logger.Error("could not answer", "method", r.Method, "path", r.URL.Path, "error", err)
			if a.Damaged != nil {
				a.Damaged(err)
			}
		}
		if w.begun {
			panic(http.ErrAbortHandler)
		}
		a.writeProblem(w, code, detail)
	})
}

// recover answers a panic in a handler. The server goes on.
func (a *api) recover(w *response, r *http.Request) {
	p := recover()
	switch {
	case p == nil:
	case p == http.ErrAbortHandler:
		panic(p)
	default:
		a.Logger.Error("a handler panicked", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		if w.begun {
			panic(http.ErrAbortHandler)
		}
		_, detail, _ := a.explain(nodeError{errors.New("panic")})
		a.writeProblem(w, codeInternal, detail)
	}
}

// parseQuery reads a query with the route's parameters and no other.
func parseQuery(query string, rt route) (url.Values, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, refuse(provenance.CodeValue, "", "the query cannot be read: %v", err)
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // the same request gives the same error
	for _, name := range names {
		switch {
		case !slices.Contains(rt.params, name) && len(rt.params) == 0:
			return nil, refuse(provenance.CodeValue, "", "there is no parameter %.40q: %s takes none", name, rt.path)
		case !slices.Contains(rt.params, name):
			return nil, refuse(provenance.CodeValue, "", "there is no parameter %.40q: %s takes %s", name, rt.path, strings.Join(rt.params, ", "))
		case len(values[name]) > 1:
			return nil, refuse(provenance.CodeValue, name, "it is given %d times", len(values[name]))
		}
	}
	return values, nil
}

// write answers with a whole body.
func write(w http.ResponseWriter, contentType string, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that is gone cannot be told
	return nil
}

// fresh says that the answer is of this moment.
func fresh(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }

// immutable says that the answer never changes, and reports whether the client
// has it already, in which case it is answered.
func immutable(w http.ResponseWriter, r *request, tag string) bool {
	tag = `"` + tag + `"`
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("ETag", tag)
	for have := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if have = strings.TrimSpace(have); have == "*" || strings.TrimPrefix(have, "W/") == tag {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

// seconds is a duration as Retry-After has it, at least 1.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
