package index

import (
	"context"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// Find answers a query about the records of log (SPEC(API-6)): of the candidates
// that the index leads to, limit behind the first offset, each held against its
// record. One that is none, because two names share the bytes that the index
// keeps, is left out, so that an answer may have less than limit hits and yet not
// be the last. Entries of log that are not indexed yet are not in the answer,
// which says how many are; where the index is not open these are all.
//
// It reads at most offset + limit + 1 keys, and for each candidate one entry, of
// which it holds no more than one at a time. Offset is from 0 to
// provenance.MaxRecordOffset, limit from 1 to provenance.MaxRecordHits.
func (r *Records) Find(ctx context.Context, log RecordReader, q provenance.RecordQuery, offset, limit int) (*provenance.RecordsAnswer, error) {
	if offset < 0 || offset > provenance.MaxRecordOffset || limit < 1 || limit > provenance.MaxRecordHits {
		return nil, fmt.Errorf("index of records: no answer has %d hits behind %d", limit, offset)
	}
	a := &provenance.RecordsAnswer{}
	found, from, err := r.candidates(ctx, log.Head().Size, q, offset, limit, a)
	if err == nil {
		err = prove(ctx, log, q, found, a)
	}
	if errors.Is(err, ErrUnfit) {
		r.breakStore(from, err)
	}
	if err != nil {
		return nil, fmt.Errorf("index of records: %w", err)
	}
	return a, nil
}

// breakStore tells Run that a store is to be made anew, unless it is gone already.
func (r *Records) breakStore(s *recordStore, why error) {
	r.using.RLock()
	defer r.using.RUnlock()
	if r.store != s {
		return
	}
	select {
	case r.broken <- why:
	default: // it knows
	}
}

// candidates returns limit keys of q behind the first offset, of those that lead
// to entries below size or as far as the index is, and says in a how far that is
// and whether there are more. It also returns the store that says so.
func (r *Records) candidates(ctx context.Context, size int64, q provenance.RecordQuery, offset, limit int, a *provenance.RecordsAnswer) (found []recordKey, from *recordStore, err error) {
	r.using.RLock()
	defer r.using.RUnlock()
	// Behind the lock, or it might be the size of a store that is gone.
	a.Size = min(size, r.indexed())
	if a.Size == 0 {
		return nil, r.store, nil
	}
	family, name := queryName(q)
	prefix := newRecordKey(family, name, 0, 0)
	err = r.store.scan(ctx, prefix[:1+nameSize], func(k recordKey) bool {
		if entry, _ := k.place(); entry >= a.Size {
			return false // keys of one name are in the order of the log
		}
		if offset > 0 {
			offset--
			return true
		}
		a.More = len(found) == limit
		if !a.More {
			found = append(found, k)
		}
		return !a.More
	})
	return found, r.store, err
}

// prove adds those of the candidates that q asks for to the answer, each with its
// proof. Candidates of one entry stand together.
func prove(ctx context.Context, log RecordReader, q provenance.RecordQuery, found []recordKey, a *provenance.RecordsAnswer) error {
	for len(found) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry, _ := found[0].place()
		n := 1
		for n < len(found) && sameEntry(found[0], found[n]) {
			n++
		}
		hits, err := proveEntry(log, q, entry, found[:n])
		if err != nil {
			return fmt.Errorf("entry %d: %w", entry, err)
		}
		a.Hits = append(a.Hits, hits...)
		found = found[n:]
	}
	return nil
}

func sameEntry(a, b recordKey) bool {
	x, _ := a.place()
	y, _ := b.place()
	return x == y
}

// proveEntry returns the hits among the candidates of an entry.
func proveEntry(log RecordReader, q provenance.RecordQuery, entry int64, found []recordKey) ([]provenance.RecordHit, error) {
	e, err := log.Entry(entry)
	if err != nil {
		return nil, err
	}
	if !e.HasRecords() {
		return nil, unfit("a key leads to entry %d, which has no records", entry)
	}
	h, records, err := openEntry(log, e)
	if err != nil {
		return nil, err
	}
	var tree provenance.Tree
	ids := make([]provenance.Hash, len(records))
	for i, record := range records {
		// SPEC(REC-10), SPEC(BAT-1)
		ids[i] = provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, record)
		tree.Append(ids[i])
	}
	var hits []provenance.RecordHit
	for _, k := range found {
		_, i := k.place()
		if i >= len(records) {
			return nil, unfit("a key leads to record %d of %d", i, len(records))
		}
		refs, err := provenance.ReferencesOf(records[i])
		if err != nil {
			return nil, err
		}
		if !q.Matches(h.Issuer, ids[i], refs) {
			continue
		}
		path, err := tree.Path(int64(i))
		if err != nil {
			return nil, err
		}
		// A copy, or one record would hold all others of the entry.
		proof := &provenance.RecordProof{Record: append([]byte(nil), records[i]...), Index: int64(i), Count: int64(len(records)), Path: path}
		hits = append(hits, provenance.RecordHit{Entry: entry, Statement: e.Statement, Proof: proof})
	}
	return hits, nil
}
