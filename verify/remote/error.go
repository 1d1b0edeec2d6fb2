package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/verify"
)

// An Error says what could not be asked, and what to do. It wraps
// verify.ErrMissing where the node says that it has no such thing.
type Error struct {
	URL    string
	Status int    // of the answer; 0 where there was none
	Title  string // as the node said (RFC 9290)
	Detail string
	Err    error

	passes bool          // worth another try
	after  time.Duration // as the node asks
}

// Error reads "GET url: what; what to do".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("GET " + e.URL + ": ")
	if e.Status != 0 {
		b.WriteString(strconv.Itoa(e.Status) + " " + http.StatusText(e.Status))
		for _, s := range []string{e.Title, e.Detail} {
			if s != "" {
				b.WriteString(": " + s)
			}
		}
	}
	if e.Err != nil {
		if e.Status != 0 {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if advice := e.advice(); advice != "" {
		b.WriteString("; " + advice)
	}
	return b.String()
}

// Unwrap returns what lies behind the error.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) advice() string {
	switch {
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "is the node running, and is this its HTTP address?"
	case errors.Is(e.Err, context.DeadlineExceeded):
		return "the node is slow or the network is; try again or allow more time"
	case e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable:
		return "the node is busy or starting; try again later"
	case e.Status == http.StatusNotFound && e.Title == "":
		return "is this the address of a tokentrail node?"
	}
	return ""
}

// problem makes an Error of an answer that is not 200.
func problem(target string, resp *http.Response) *Error {
	e := &Error{URL: target, Status: resp.StatusCode}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err == nil && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/concise-problem-details+cbor") {
		e.Title, e.Detail = decodeProblem(body)
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		// Only a node says so in this form; anybody may answer 404.
		if e.Title != "" {
			e.Err = verify.ErrMissing
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.passes, e.after = true, retryAfter(resp.Header.Get("Retry-After"))
	case http.StatusNoContent:
		e.Err = errors.New("the entry is not committed yet")
		e.passes, e.after = true, retryAfter(resp.Header.Get("Retry-After"))
	}
	return e
}

// retryAfter reads a number of seconds; dates are not followed.
func retryAfter(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// decodeProblem reads concise problem details (RFC 9290): title under -1, detail
// under -2, each a text or a tagged one, which is left out. It is only ever
// shown to people, so that control characters go.
func decodeProblem(b []byte) (title, detail string) {
	mode, err := cbor.DecOptions{MaxNestedLevels: 8, MaxArrayElements: 64, MaxMapPairs: 64}.DecMode()
	if err != nil {
		return "", ""
	}
	var fields map[int64]cbor.RawMessage
	if mode.Unmarshal(b, &fields) != nil {
		return "", ""
	}
	text := func(key int64) string {
		var s string
		if mode.Unmarshal(fields[key], &s) != nil {
			return ""
		}
		return strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, s)
	}
	return text(-1), text(-2)
}

// refused reports whether a connection could not be made, so that another try
// cannot do harm and may help: nodes restart.
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
}

// unwrapURL takes the URL out of an error that names it already.
func unwrapURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		if u.Timeout() && !errors.Is(u.Err, context.DeadlineExceeded) {
			return fmt.Errorf("%w: %w", context.DeadlineExceeded, u.Err)
		}
		return u.Err
	}
	return err
}
