package api

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	cborType      = "application/cbor"
	cborSeqType   = "application/cbor-seq"
	statementType = "application/scitt-statement+cose"
)

// leafType is the media type of an entry's leaf.
func leafType(e *ledger.Entry) string {
	switch e.Kind() {
	case provenance.LeafAct:
		return provenance.ActMediaType
	case provenance.LeafEquivocation:
		return cborType
	}
	return statementType
}

// keyName is a key's thumbprint as a path has it.
func keyName(k provenance.PublicKey) string {
	t := k.Thumbprint()
	return base64.RawURLEncoding.EncodeToString(t[:])
}

// entry returns the entry that the request names.
func (a *api) entry(r *request) (Snapshot, *ledger.Entry, error) {
	s, err := a.Log.Signed()
	if err != nil {
		return nil, nil, nodeFault(err)
	}
	e, err := find(s, r)
	return s, e, err
}

// getStatement answers with the log leaf's data.
func (a *api) getStatement(w *response, r *request) error {
	_, e, err := a.entry(r)
	if err != nil {
		return err
	}
	if immutable(w, r, e.LeafHash().String()) {
		return nil
	}
	return write(w, leafType(e), e.Statement)
}

// getRecords answers with an entry's records, as they are stored where the
// client takes zstd; of an equivocation with what stands in their place (EQV-2).
func (a *api) getRecords(w *response, r *request) error {
	s, e, err := a.entry(r)
	if err != nil {
		return err
	}
	if e.Kind() == provenance.LeafEquivocation {
		if immutable(w, r, e.FrameHash.String()) {
			return nil
		}
		evidence, err := s.EntryFrame(e)
		if err != nil {
			return nodeFault(err)
		}
		return write(w, cborType, evidence)
	}
	if err := wantRecords(e); err != nil {
		return err
	}
	w.Header().Set("Vary", "Accept-Encoding")
	tag := e.FrameHash.String()
	if acceptsZstd(r.Header.Values("Accept-Encoding")) {
		if immutable(w, r, tag+"-zstd") {
			return nil
		}
		frame, err := s.EntryFrame(e)
		if err != nil {
			return nodeFault(err)
		}
		w.Header().Set("Content-Encoding", "zstd")
		return write(w, cborSeqType, frame)
	}
	if immutable(w, r, tag) {
		return nil
	}
	records, size, leave, err := a.expanded(r, s, e)
	if err != nil {
		return err
	}
	defer leave()
	w.hurry(a.Limits.AnswerTime, size)
	w.Header().Set("Content-Type", cborSeqType)
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	for _, record := range records {
		if _, err := w.Write(record); err != nil {
			return nil // the client is gone
		}
	}
	return nil
}

// expanded returns an entry's records and their size, for an answer that there
// is room for. The place that it expands in is free when it returns; call leave
// when the client has the answer. SPEC(API-5)
func (a *api) expanded(r *request, s Snapshot, e *ledger.Entry) (records [][]byte, size int64, leave func(), err error) {
	h, err := header(e)
	if err != nil {
		return nil, 0, nil, err
	}
	done, err := a.expansions.enter(r.Context(), r.client())
	if err != nil {
		return nil, 0, nil, err
	}
	defer done()
	if records, err = expand(s, e, h); err != nil {
		return nil, 0, nil, err
	}
	for _, record := range records {
		size += int64(len(record))
	}
	leave, err = a.answers.enter(r.client(), size)
	return records, size, leave, err
}

// wantRecords refuses to look for records in an entry that has none.
func wantRecords(e *ledger.Entry) error {
	if !e.HasRecords() {
		return refuse(codeNotFound, "", "entry %d is an %s and has no records", e.Index, e.Kind())
	}
	return nil
}

// header returns the batch header of an entry.
func header(e *ledger.Entry) (*provenance.BatchHeader, error) {
	if err := wantRecords(e); err != nil {
		return nil, err
	}
	st, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		return nil, nodeError{fmt.Errorf("entry %d: %w", e.Index, err)}
	}
	return st.Header(), nil
}

// expand returns an entry's encoded records. Call it with a place of expansions.
func expand(s Snapshot, e *ledger.Entry, h *provenance.BatchHeader) ([][]byte, error) {
	frame, err := s.EntryFrame(e)
	if err != nil {
		return nil, nodeFault(err)
	}
	// Policy may have been other when the entry was accepted.
	records, err := provenance.ExpandRecords(frame, h.Count, provenance.FormatLimits())
	if err != nil {
		return nil, nodeError{fmt.Errorf("entry %d: %w", e.Index, err)}
	}
	return records, nil
}

// acceptsZstd reads Accept-Encoding (RFC 9110 section 12.5.3): whether zstd is
// named, or everything is, and not with weight 0.
func acceptsZstd(headers []string) bool {
	named, accepts := false, false
	for item := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		coding, weight, _ := strings.Cut(item, ";")
		coding = strings.ToLower(strings.TrimSpace(coding))
		name, q, _ := strings.Cut(weight, "=")
		taken := true
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			v, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
			taken = err == nil && v > 0
		}
		switch {
		case coding == "zstd":
			named, accepts = true, taken
		case coding == "*" && !named:
			accepts = taken
		}
	}
	return accepts
}

// getRecordProof answers with a record and its path to the batch's root.
func (a *api) getRecordProof(w *response, r *request) error {
	index, err := parseInt("index", r.PathValue("index"))
	if err != nil {
		return err
	}
	s, e, err := a.entry(r)
	if err != nil {
		return err
	}
	h, err := header(e)
	if err != nil {
		return err
	}
	if index >= int64(h.Count) {
		return refuse(codeNotFound, "index", "%d, entry %d has the records 0 to %d", index, e.Index, h.Count-1)
	}
	if immutable(w, r, fmt.Sprintf("%s-%d", e.LeafHash(), index)) {
		return nil
	}
	proof, err := a.recordProof(r, s, e, h, index)
	if err != nil {
		return err
	}
	// SPEC(REC-11)
	return write(w, cborType, proof.Encode())
}

// recordProof proves that a record is one of an entry's. The place that it
// expands in is free when it returns.
func (a *api) recordProof(r *request, s Snapshot, e *ledger.Entry, h *provenance.BatchHeader, index int64) (*provenance.RecordProof, error) {
	done, err := a.expansions.enter(r.Context(), r.client())
	if err != nil {
		return nil, err
	}
	defer done()
	records, err := expand(s, e, h)
	if err != nil {
		return nil, err
	}
	var tree provenance.Tree
	for i, record := range records {
		// SPEC(REC-10), SPEC(BAT-1)
		tree.Append(provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, record))
	}
	path, err := tree.Path(index)
	if err != nil {
		return nil, nodeError{err}
	}
	// A copy, or one record would hold all others while it is sent.
	return &provenance.RecordProof{Record: bytes.Clone(records[index]), Index: index, Count: int64(len(records)), Path: path}, nil
}

// getCheckpoint answers with the signed size and root of the log.
func (a *api) getCheckpoint(w *response, _ *request) error {
	fresh(w)
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	// SPEC(CHK-2): a size that a signed header's app hash covers.
	head := s.Head()
	text, err := provenance.Checkpoint{Origin: a.origin, Size: head.Size, Root: head.LogRoot}.Sign(a.Key)
	if err != nil {
		return nodeError{fmt.Errorf("checkpoint: %w", err)}
	}
	return write(w, "text/plain; charset=utf-8", text)
}

// getInclusion proves that an entry stands in the log of a size.
func (a *api) getInclusion(w *response, r *request) error {
	fresh(w)
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	index, err := r.mustInt("index")
	if err != nil {
		return err
	}
	size, err := r.int("size", s.Head().Size)
	if err != nil {
		return err
	}
	if r.params.Has("size") && index >= size {
		return refuse(provenance.CodeValue, "index", "%d, a log of size %d ends before it", index, size)
	}
	proof, err := s.Inclusion(index, size)
	if err != nil {
		return nodeFault(err)
	}
	// SPEC(PRF-1)
	return write(w, cborType, proof.Encode())
}

// getConsistency proves that the log of a size grew out of a smaller one.
func (a *api) getConsistency(w *response, r *request) error {
	fresh(w)
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	from, err := r.mustInt("from")
	if err != nil {
		return err
	}
	to, err := r.int("to", s.Head().Size)
	if err != nil {
		return err
	}
	if r.params.Has("to") && from > to {
		return refuse(provenance.CodeValue, "from", "%d is above to, %d", from, to)
	}
	proof, err := s.Consistency(from, to)
	if err != nil {
		return nodeFault(err)
	}
	// SPEC(PRF-1)
	return write(w, cborType, proof.Encode())
}
