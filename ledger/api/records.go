package api

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tokentrail/ledger"
	"tokentrail/ledger/index"
	"tokentrail/provenance"
)

// lookupNames are the parameters that say what is looked for (SPEC(API-6)).
func lookupNames() []string { return []string{"id", "ref", "content", "parent", "correction"} }

// usualHits is how many hits an answer has where the query does not say.
const usualHits = 20

// findRecords answers where records are that have, or name, something.
func (a *api) findRecords(w *response, r *request) error {
	fresh(w)
	query, err := r.recordQuery()
	if err != nil {
		return err
	}
	offset, limit, err := r.lookupPage()
	if err != nil {
		return err
	}
	answer, err := a.lookUp(r, query, int(offset), int(limit))
	if err != nil {
		return err
	}
	size := int64(len(answer))
	leave, err := a.answers.enter(r.client(), size)
	if err != nil {
		return fmt.Errorf("%w: as many answers as it holds, for all or for your address, are on their way to clients; take them, or ask with a lower limit", ErrBusy)
	}
	defer leave()
	w.hurry(a.Limits.AnswerTime, size)
	return write(w, cborType, answer)
}

// lookUp returns an answer's bytes, once there is a place to make it.
func (a *api) lookUp(r *request, q provenance.RecordQuery, offset, limit int) ([]byte, error) {
	s, err := a.Log.Signed()
	if err != nil {
		return nil, nodeFault(err)
	}
	// Whoever has a receipt finds its records.
	waiting, cancel := context.WithTimeout(r.Context(), a.Limits.IndexWait)
	a.Records.WaitFor(waiting, s.Head().Size)
	cancel()
	leave, err := a.lookups.enter(r.Context(), r.client())
	if err != nil {
		return nil, err
	}
	defer func() { leave() }()
	turn := func() error {
		leave()
		leave = func() {} // until there is a place again
		again, err := a.lookups.enter(r.Context(), r.client())
		if err == nil {
			leave = again
		}
		return err
	}
	found, err := a.Records.Find(r.Context(), &sharedReader{RecordReader: s, share: a.Limits.LookupBytes, turn: turn}, q, offset, limit)
	switch {
	case errors.Is(err, ErrBusy):
		return nil, err
	case errors.Is(err, index.ErrUnfit):
		return nil, fmt.Errorf("%w: its index of records is damaged, and made anew", ErrUnavailable)
	case err != nil:
		return nil, nodeFault(err)
	}
	return found.Encode(), nil
}

// A sharedReader reads the records for one answer, of which each may be in an
// entry of its own: up to 800 MiB of them, expanded. So that nobody waits for all
// of that, it calls turn before more than share are expanded at once. SPEC(API-7)
type sharedReader struct {
	index.RecordReader
	share int64
	turn  func() error // gives the place to who waits, and waits for it again
	read  int64        // bytes since the last turn, as the frames state them
}

// EntryFrame implements index.RecordReader.
func (s *sharedReader) EntryFrame(e *ledger.Entry) ([]byte, error) {
	frame, err := s.RecordReader.EntryFrame(e)
	if err != nil {
		return nil, err
	}
	size := (&provenance.Submission{Frame: frame}).ExpandedSize()
	if s.read > 0 && size > s.share-s.read {
		if err := s.turn(); err != nil {
			return nil, err
		}
		s.read = 0
	}
	s.read += size
	return frame, nil
}

// recordQuery reads what is looked for.
func (r *request) recordQuery() (q provenance.RecordQuery, err error) {
	given := slices.DeleteFunc(lookupNames(), func(name string) bool { return !r.params.Has(name) })
	switch len(given) {
	case 0:
		return q, refuse(provenance.CodeMissingField, "", "one of id, ref, content, parent and correction must be given")
	case 1:
		return provenance.ParseRecordQuery(given[0], r.params.Get(given[0]))
	}
	return q, refuse(provenance.CodeValue, given[1], "%s is given too; ask for one thing at a time", given[0])
}

// lookupPage reads which candidates are asked for (SPEC(API-7)).
func (r *request) lookupPage() (offset, limit int64, err error) {
	if offset, err = r.int("offset", 0); err != nil {
		return 0, 0, err
	}
	if offset > provenance.MaxRecordOffset {
		return 0, 0, refuse(provenance.CodeValue, "offset", "%d, at most %d is looked behind", offset, provenance.MaxRecordOffset)
	}
	if limit, err = r.int("limit", usualHits); err != nil {
		return 0, 0, err
	}
	if limit < 1 || limit > provenance.MaxRecordHits {
		return 0, 0, refuse(provenance.CodeValue, "limit", "%d, wanted 1 to %d", limit, provenance.MaxRecordHits)
	}
	return offset, limit, nil
}

// CommittedLog is what the index of records follows: the log of a ledger, as soon
// as it is committed.
type CommittedLog LedgerLog

// Newest implements index.Log.
func (l CommittedLog) Newest() index.RecordReader { return l.Ledger.Snapshot() }

// Wait implements index.Log.
func (l CommittedLog) Wait(ctx context.Context, above int64) error {
	return l.Heights.WaitHeight(ctx, above+1)
}
