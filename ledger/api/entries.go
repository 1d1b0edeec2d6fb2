package api

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	coseType       = "application/cose"
	receiptType    = "application/scitt-receipt+cose"
	locationPrefix = "/entries/"
)

// postEntry takes a submission. It answers when the entry is committed and
// provable, or earlier where the client does not want to wait or it takes long.
// What is an entry already is answered with it: SPEC(API-4).
func (a *api) postEntry(w *response, r *request) error {
	fresh(w)
	var receipt []byte
	err := a.ready()
	if err == nil {
		receipt, err = a.enter(w, r)
	}
	a.answered(receipt, err)
	switch {
	case err != nil:
		return err
	case receipt == nil:
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	w.Header().Set("Content-Type", receiptType)
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(receipt) // a client that is gone asks again
	return nil
}

// enter takes a submission and returns its receipt, or nil where it is not
// committed in time. The submission's place is free when it returns: a client
// that is slow to take the answer holds none.
func (a *api) enter(w *response, r *request) (receipt []byte, err error) {
	if !a.posts.enter(1) {
		return nil, fmt.Errorf("%w: %d submissions are on their way through this node", ErrBusy, a.Limits.Posts)
	}
	defer a.posts.leave(1)
	c, err := a.take(w, r)
	if err != nil {
		return nil, err
	}
	id := c.ID()
	w.Header().Set("Location", locationPrefix+id.String())
	wait := a.Wait
	if respondAsync(r) {
		w.Header().Set("Preference-Applied", "respond-async")
		wait = 0 // what is committed is answered all the same
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	receipt, err = a.await(ctx, id)
	switch {
	case err == nil:
		a.pending.remove(id)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, nil
	case ctx.Err() != nil && unavailable(context.Cause(r.Context())):
		return nil, fmt.Errorf("%w: it stops before the entry %s is committed; the same statement sent again gives the same entry", ErrUnavailable, id)
	}
	return receipt, err
}

// ready says why the node takes no submissions, if so.
func (a *api) ready() error {
	if err := a.Engine.Err(); err != nil {
		return fmt.Errorf("%w: %v", ErrUnavailable, err)
	}
	if a.Engine.CatchingUp() {
		return fmt.Errorf("%w: it is catching up with the other validators, or stopped", ErrUnavailable)
	}
	return nil
}

// take reads a submission and hands it to consensus, unless it is there already.
// The room that its bytes take is given back when it returns.
func (a *api) take(w *response, r *request) (*ledger.Checked, error) {
	limit, alone, err := bodyLimit(r)
	if err != nil {
		return nil, err
	}
	// SPEC(ADM-2): what says that it is too large is not read at all.
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return nil, &http.MaxBytesError{Limit: limit}
	}
	body, room, err := a.receive(w, r, limit)
	if err != nil {
		return nil, err
	}
	defer a.postBytes.leave(room)
	if alone {
		return nil, payloadMissing(body)
	}
	clean, err := cleaned(body)
	if err != nil {
		return nil, err
	}
	c := a.Submitter.Check(clean)
	if c.Err() != nil {
		return nil, c.Err()
	}
	return c, a.submit(r.Context(), c)
}

// bodyLimit returns how many bytes a body of the request's media type may have,
// and whether it is a statement alone.
func bodyLimit(r *request) (limit int64, alone bool, err error) {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return 0, false, refuse(codeMediaType, "", "Content-Encoding %.40q; send the submission as it is, its records are compressed", coding)
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err == nil && kind == provenance.SubmissionMediaType:
		return provenance.MaxSubmissionBytes, false, nil
	case err == nil && kind == coseType:
		return provenance.MaxStatementBytes, true, nil
	}
	return 0, false, refuse(codeMediaType, "", "%.80q, wanted %s", r.Header.Get("Content-Type"), provenance.SubmissionMediaType)
}

// payloadMissing is the answer to a statement that comes without its records
// (SPEC(ADM-4)); where it is not even a statement, what is wrong with it.
func payloadMissing(body []byte) error {
	clean, err := provenance.EmptyUnprotected(body)
	if err != nil {
		return err
	}
	s, err := provenance.ParseStatement(clean)
	if err != nil {
		return err
	}
	return refuse(ledger.CodePayloadMissing, "records", "the statement %s comes without its records; send the submission [1, statement, records] as %s", s.ID(), provenance.SubmissionMediaType)
}

// await returns the receipt of a statement as soon as there is one.
func (a *api) await(ctx context.Context, id provenance.Hash) ([]byte, error) {
	for {
		snap, err := a.Log.Signed()
		if err != nil {
			return nil, nodeFault(err)
		}
		e, err := entryID{byID: true, id: id}.find(snap)
		if err == nil {
			return a.receipt(snap, e)
		}
		if !errors.Is(err, ledger.ErrNotFound) && !errors.Is(err, ledger.ErrNotHere) {
			return nil, err
		}
		if s, there := a.pending.get(id, time.Now()); there {
			if entry, closed := s.closed(snap); closed {
				a.pending.remove(id)
				return nil, refuse(ledger.CodeFork, "stream", "%s/%s was closed by entry %d, two statements for one place; go on in another stream", s.issuer, s.stream, entry)
			}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := a.Log.Wait(ctx, snap.Head().Height); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return nil, nodeFault(err)
		}
	}
}

// respondAsync reports whether the client prefers not to wait (RFC 7240).
func respondAsync(r *request) bool {
	for _, preferences := range r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(preferences, ",") {
			name, _, _ := strings.Cut(p, ";")
			if strings.EqualFold(strings.TrimSpace(name), "respond-async") {
				return true
			}
		}
	}
	return false
}

// getReceipt answers with an entry's receipt, or says that it is pending.
func (a *api) getReceipt(w *response, r *request) error {
	fresh(w)
	snap, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return err
	}
	e, err := id.find(snap)
	if (errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrNotHere)) && id.byID {
		return a.answerPending(w, snap, id.id, err)
	}
	if err != nil {
		return err
	}
	receipt, err := a.receipt(snap, e)
	if err != nil {
		return err
	}
	return write(w, receiptType, receipt)
}

// answerPending answers for a submission that the log does not hold: 204 while
// it may still come, else notFound.
func (a *api) answerPending(w *response, snap Snapshot, id provenance.Hash, notFound error) error {
	s, there := a.pending.get(id, time.Now())
	if !there {
		return notFound
	}
	index, err := s.taken(snap)
	if entry, closed := s.closed(snap); closed && errors.Is(err, ledger.ErrNotFound) {
		a.pending.remove(id)
		return refuse(codeNotFound, "", "statement %s was not accepted: entry %d closed the stream %s/%s", id, entry, s.issuer, s.stream)
	}
	switch {
	case err == nil:
		a.pending.remove(id)
		return refuse(codeNotFound, "", "statement %s was not accepted: entry %d has its place in the stream, %s/%s sequence %d", id, index, s.issuer, s.stream, s.sequence)
	case !errors.Is(err, ledger.ErrNotFound) && !errors.Is(err, ledger.ErrNotHere):
		return nodeFault(err)
	}
	w.Header().Set("Retry-After", seconds(busyRetry))
	w.WriteHeader(http.StatusNoContent)
	return nil
}
