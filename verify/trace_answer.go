package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"tokentrail/provenance"
)

// howTrace says how to see for oneself what a finding about an answer says.
const howTrace = "ask the node for the records of this name again, and check each answer as spec/trace.md TRC-3 says"

// A foundRecord is a record of an answer that was checked. Whether its entry is
// on the ledger was not.
type foundRecord struct {
	id        provenance.Hash
	entry     int64
	index     int64
	record    *provenance.Record
	statement *provenance.UnverifiedStatement
}

// A reading is what an answer came to, over all its pages that were read.
type reading struct {
	found []*foundRecord // in the log's order
	more  bool           // there are more, or not all could be read
	lied  bool           // something in it did not hold
}

// read asks for the records that a query finds, for one more than most at most,
// and keeps what holds. SPEC(TRC-3)
func (t *tracer) read(q provenance.RecordQuery, most int) (*reading, error) {
	out := &reading{}
	seen := map[provenance.Hash]bool{}
	for offset := 0; ; {
		// SPEC(TRC-9)
		if t.asked >= t.bounds.Answers {
			out.more = true
			return t.ordered(out), nil
		}
		t.asked++
		page, err := t.src.Records(t.ctx, q, offset)
		var f *Finding
		switch {
		case errors.As(err, &f):
			t.find(f)
			out.lied, out.more = true, true
			return t.ordered(out), nil
		case err != nil:
			return nil, fmt.Errorf("the records with %s: %w", queryText(q), err)
		case page == nil:
			return nil, fmt.Errorf("the records with %s: %w", queryText(q), ErrAnswer)
		}
		t.covers(page.Size)
		full := t.keep(out, seen, q, most, page, offset)
		offset += provenance.MaxRecordHits // SPEC(API-6)
		switch {
		case !page.More && !full:
			return t.ordered(out), nil
		case full || out.lied || len(out.found) > most || offset > provenance.MaxRecordOffset:
			out.more = true
			return t.ordered(out), nil
		}
	}
}

// covers notes how many entries an answer is about.
func (t *tracer) covers(size int64) {
	if !t.sized || size < t.graph.Size {
		t.graph.Size, t.sized = size, true
	}
}

// keep takes from a page what holds and is new. It is full where it stopped one
// record beyond the bound.
func (t *tracer) keep(out *reading, seen map[provenance.Hash]bool, q provenance.RecordQuery, most int, page *provenance.RecordsAnswer, offset int) (full bool) {
	for i := range page.Hits {
		if len(out.found) > most {
			return true
		}
		f, want, got := t.examine(q, page.Size, &page.Hits[i])
		if f != nil && seen[f.id] {
			want, got = "each record once", "the record "+f.id.String()+" again"
		}
		if got != "" {
			t.lie(out, q, offset+i, want, got)
			continue
		}
		seen[f.id] = true
		out.found = append(out.found, f)
	}
	return false
}

// ordered sorts what was read by its place in the log, whatever the order of the
// answer. SPEC(TRC-8)
func (t *tracer) ordered(r *reading) *reading {
	slices.SortFunc(r.found, func(a, b *foundRecord) int {
		return cmp.Or(cmp.Compare(a.entry, b.entry), cmp.Compare(a.index, b.index), bytes.Compare(a.id[:], b.id[:]))
	})
	return r
}

// lie keeps a finding about a record of an answer. SPEC(TRC-4)
func (t *tracer) lie(out *reading, q provenance.RecordQuery, at int, want, got string) {
	out.lied = true
	t.find(&Finding{Code: CodeTraceAnswer, Against: AgainstLedger, Place: fmt.Sprintf("records?%s[%d]", queryText(q), at), Want: want, Got: got, How: howTrace})
}

// find keeps a finding.
func (t *tracer) find(f *Finding) {
	if len(t.graph.Findings) >= defaultFindings {
		t.graph.More++
		return
	}
	t.graph.Findings = append(t.graph.Findings, f)
}

// examine checks one record of an answer. Where it does not hold, got says so.
// SPEC(TRC-3)
func (t *tracer) examine(q provenance.RecordQuery, size int64, hit *provenance.RecordHit) (f *foundRecord, want, got string) {
	if hit.Proof == nil {
		return nil, "a proof of the record", "none"
	}
	s, id, err := hit.Check(q)
	if err != nil {
		return nil, "a statement and a record of it with " + queryText(q), err.Error()
	}
	record, err := provenance.ParseRecord(hit.Proof.Record)
	if err != nil {
		return nil, "a record", err.Error()
	}
	f = &foundRecord{id, hit.Entry, hit.Proof.Index, record, s}
	if hit.Entry < 0 || hit.Entry >= size {
		return f, fmt.Sprintf("an entry below the %d that the answer covers", size), fmt.Sprint(hit.Entry)
	}
	if known := t.nodes[id.String()]; known != nil && known.Record != nil && known.Record.Entry != hit.Entry {
		return f, fmt.Sprintf("the entry %d, as before", known.Record.Entry), fmt.Sprint(hit.Entry)
	}
	if known, there := t.entries[hit.Entry]; there && known != s.ID() {
		return f, fmt.Sprintf("the statement %s in entry %d, as before", known, hit.Entry), s.ID().String()
	}
	return f, "", ""
}

// A nameUp is a name by which a record says what it comes from or corrects.
type nameUp struct {
	query    provenance.RecordQuery // by id or by ref
	corrects bool
}

// namesOf returns what a record names: its parents, or the record it corrects.
func namesOf(r *provenance.Record) []nameUp {
	var out []nameUp
	for _, p := range r.Parents {
		out = append(out, nameUp{query: parentQuery(p)})
	}
	if r.Correction != nil {
		out = append(out, nameUp{provenance.ByID(provenance.Hash(r.Correction.Record)), true})
	}
	return out
}

// parentQuery asks for what a parent names.
func parentQuery(p provenance.Parent) provenance.RecordQuery {
	if p.ID != nil {
		return provenance.ByID(provenance.Hash(p.ID))
	}
	return provenance.ByRef(p.Issuer, p.Ref)
}
