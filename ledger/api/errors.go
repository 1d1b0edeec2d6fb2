package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// Codes that the interface itself gives.
const (
	codeNotFound    provenance.Code = "not-found"
	codeMethod      provenance.Code = "method"
	codeMediaType   provenance.Code = "media-type"
	codeBusy        provenance.Code = "busy"
	codeUnavailable provenance.Code = "unavailable"
	codeInternal    provenance.Code = "internal"
	codeFuture      provenance.Code = "future"
	codeNotHere     provenance.Code = "not-here"
	codeRoom        provenance.Code = "room"
)

const (
	problemType   = "application/concise-problem-details+cbor"
	maxDetail     = 2048 // bytes
	busyRetry     = time.Second
	retryLater    = 5 * time.Second
	retryRoom     = time.Minute // until somebody has made room
	titleRejected = "Rejected"
)

// A problem is how an error code is answered.
type problem struct {
	status int
	title  string
	retry  time.Duration // Retry-After, 0 for none
	codes  []provenance.Code
}

// problems is the table of SPEC(API-1).
func problems() []problem {
	return []problem{
		{http.StatusBadRequest, "Malformed request", 0, []provenance.Code{
			provenance.CodeNonMinimal, provenance.CodeIndefinite, provenance.CodeUnsortedKeys,
			provenance.CodeDuplicateKey, provenance.CodeFloat, provenance.CodeTag, provenance.CodeSimple,
			provenance.CodeUTF8, provenance.CodeIntegerRange, provenance.CodeKeyType, provenance.CodeDepth,
			provenance.CodeTrailingBytes, provenance.CodeTruncated, provenance.CodeMalformed,
			provenance.CodeUnknownCritical, provenance.CodeIdentifier, provenance.CodeValue,
			provenance.CodeType, provenance.CodeMissingField, provenance.CodeForbiddenField,
			provenance.CodeUnknownKind, provenance.CodeDuplicateParent, provenance.CodeUsageParts,
			provenance.CodeBasisOrder, provenance.CodeEnvelope, provenance.CodeUnprotected,
			provenance.CodeProtected, provenance.CodeBinding, provenance.CodeVersion,
			provenance.CodeChain, provenance.CodeFrame,
		}},
		{http.StatusBadRequest, "Payload Missing", 0, []provenance.Code{ledger.CodePayloadMissing}},
		{http.StatusBadRequest, "Bad Signature Algorithm", 0, []provenance.Code{provenance.CodeAlg}},
		{http.StatusBadRequest, titleRejected, 0, []provenance.Code{
			provenance.CodeSignature, provenance.CodeKey, provenance.CodeKID, provenance.CodeRoot,
			provenance.CodeTotals, provenance.CodeCount, provenance.CodePeriod, provenance.CodeStrings,
			provenance.CodeCells, provenance.CodeOverflow, provenance.CodeExpand, codeFuture,
			ledger.CodeStreams, ledger.CodeAge, ledger.CodeChainID, ledger.CodeExpired,
			ledger.CodeThreshold, ledger.CodeRegistry, ledger.CodeHeight,
		}},
		{http.StatusForbidden, titleRejected, 0, []provenance.Code{
			ledger.CodeUnknownIssuer, ledger.CodeInactiveIssuer, ledger.CodeUnknownKey,
		}},
		{http.StatusNotFound, "Not Found", 0, []provenance.Code{codeNotFound}},
		{http.StatusMethodNotAllowed, "Method Not Allowed", 0, []provenance.Code{codeMethod}},
		{http.StatusUnsupportedMediaType, "Unsupported Media Type", 0, []provenance.Code{codeMediaType}},
		{http.StatusConflict, "Sequence Gap", 0, []provenance.Code{ledger.CodeGap}},
		{http.StatusConflict, "Fork", 0, []provenance.Code{ledger.CodeFork}},
		{http.StatusConflict, "Other Sequence", 0, []provenance.Code{ledger.CodeSequence}},
		{http.StatusConflict, "Duplicate", 0, []provenance.Code{ledger.CodeDuplicate}},
		{http.StatusRequestEntityTooLarge, "Content Too Large", 0, []provenance.Code{provenance.CodeSize}},
		{http.StatusTooManyRequests, "Too Many Requests", busyRetry, []provenance.Code{codeBusy}},
		{http.StatusServiceUnavailable, "Unavailable", retryLater, []provenance.Code{codeUnavailable}},
		{http.StatusInsufficientStorage, "Insufficient Storage", retryRoom, []provenance.Code{codeRoom}},
		{http.StatusServiceUnavailable, "Not Here Yet", retryLater, []provenance.Code{codeNotHere}},
		// The node's own failure, which no client can mend.
		{http.StatusInternalServerError, "Internal Server Error", 0, []provenance.Code{codeInternal}},
	}
}

func problemsByCode() map[provenance.Code]problem {
	m := map[provenance.Code]problem{}
	for _, p := range problems() {
		for _, c := range p.codes {
			m[c] = p
		}
	}
	return m
}

// refuse makes an error of a request that is answered with code.
func refuse(code provenance.Code, path, format string, args ...any) error {
	return &provenance.Error{Code: code, Path: path, Offset: -1, Detail: fmt.Sprintf(format, args...)}
}

// A nodeError is a failure of the node: whatever it wraps, the client is not to
// blame.
type nodeError struct{ err error }

func (e nodeError) Error() string { return e.err.Error() }
func (e nodeError) Unwrap() error { return e.err }

// nodeFault marks err as the node's own failure, unless it says that there is no
// such thing, or not yet, or that the node is not available.
func nodeFault(err error) error {
	if err == nil || errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrNotHere) || unavailable(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return nodeError{err}
}

func unavailable(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ledger.ErrClosed)
}

// explain returns the code and detail that answer err, and whether the node
// rather than the client is at fault.
func (a *api) explain(err error) (code provenance.Code, detail string, fault bool) {
	var node nodeError
	var known *provenance.Error
	var tooLarge *http.MaxBytesError
	var full *ledger.RoomError
	switch {
	case errors.As(err, &node):
	case errors.As(err, &known):
		if _, ok := a.problems[known.Code]; ok {
			return known.Code, known.Error(), false
		}
	case errors.As(err, &tooLarge):
		return provenance.CodeSize, fmt.Sprintf("size: the body is larger than the %d bytes that are allowed; split the batch", tooLarge.Limit), false
	case errors.Is(err, ledger.ErrNotHere):
		// SPEC(NOD-38)
		return codeNotHere, "not-here: this node still fetches the history before it joined: " + err.Error() + "; " + a.elsewhere(), false
	case errors.Is(err, ledger.ErrNotFound):
		return codeNotFound, "not-found: " + strings.TrimSuffix(err.Error(), ": "+ledger.ErrNotFound.Error()), false
	case errors.As(err, &full):
		// SPEC(NOD-80)
		return codeRoom, "room: this node takes no submissions: " + full.Error() + "; what is there can be read; submit to another node", false
	case errors.Is(err, ErrBusy):
		return codeBusy, "busy: " + err.Error() + "; send it again later", false
	case unavailable(err):
		return codeUnavailable, "unavailable: " + err.Error() + "; try again later, or another node", false
	}
	return codeInternal, "internal: the node failed to answer; its log says why", true
}

// writeProblem answers with the problem of code (SPEC(API-1)).
func (a *api) writeProblem(w http.ResponseWriter, code provenance.Code, detail string) {
	p := a.problems[code]
	h := w.Header()
	// What a handler may have promised of another answer.
	for _, name := range []string{"Content-Encoding", "Content-Length", "ETag", "Vary", "Location"} {
		h.Del(name)
	}
	h.Set("Content-Type", problemType)
	h.Set("Cache-Control", "no-store")
	if p.retry > 0 {
		h.Set("Retry-After", seconds(p.retry))
	}
	if len(detail) > maxDetail {
		detail = detail[:maxDetail]
	}
	b := provenance.AppendMap(nil, 2)
	b = provenance.AppendText(provenance.AppendInt(b, -1), p.title)
	b = provenance.AppendText(provenance.AppendInt(b, -2), strings.ToValidUTF8(detail, "\uFFFD"))
	w.WriteHeader(p.status)
	_, _ = w.Write(b) // a client that is gone cannot be told
}
