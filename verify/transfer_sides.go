package verify

import (
	"cmp"
	"encoding/hex"
	"slices"

	"tokentrail/provenance"
)

// A crossing is what is known of a crossing's records: those that are joined by
// REC-12, and others that may be.
type crossing struct {
	known   map[provenance.Hash]*crossedRecord
	members []*crossedRecord // joined, the one that was asked for first
	owned   map[string]bool  // names of members
	named   map[string]bool  // names that members give: crossing ids and mirrors
}

// A crossedRecord is a record of an entry that was proven, of an answer, or both.
type crossedRecord struct {
	id           provenance.Hash
	issuer       string
	entry, index int64
	record       *provenance.Record
	raw          []byte                          // nil until its entry is proven
	statement    *provenance.UnverifiedStatement // of its entry
	node         *GraphNode                      // nil until it was looked up
	joined       bool
}

func newCrossing() *crossing {
	return &crossing{known: map[provenance.Hash]*crossedRecord{}, owned: map[string]bool{}, named: map[string]bool{}}
}

// takeEntry takes the transfers of a proven entry.
func (s *crossing) takeEntry(entry int64, statement *provenance.UnverifiedStatement, records [][]byte) {
	h := statement.Header()
	for i, raw := range records {
		r, err := provenance.ParseRecord(raw)
		if err != nil {
			continue // whoever checked the entry has decoded each record
		}
		id := provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, raw)
		known := s.known[id]
		if known == nil {
			known = &crossedRecord{id: id, issuer: h.Issuer, entry: entry, index: int64(i), record: r}
			s.known[id] = known
		}
		known.raw, known.statement = raw, statement
	}
}

// takeNode takes a record of an answer.
func (s *crossing) takeNode(n *GraphNode) {
	known := s.known[n.Record.ID]
	if known == nil {
		known = &crossedRecord{id: n.Record.ID, issuer: n.Record.Issuer, entry: n.Record.Entry, index: n.Record.Index, record: n.Record.Decoded}
		s.known[n.Record.ID] = known
	}
	// A record that was asked for by itself has all its corrections.
	if known.node == nil || known.node.Cut != nil && known.node.Cut.Corrections {
		known.node = n
	}
}

// join makes a record one of the crossing's.
func (s *crossing) join(r *crossedRecord) {
	r.joined = true
	s.members = append(s.members, r)
	for _, name := range r.owns() {
		s.owned[name] = true
	}
	for _, name := range r.names() {
		s.named[name] = true
	}
}

// next is the first record in the log that is joined with the members and is none of
// them yet. SPEC(REC-12)
func (s *crossing) next() (first *crossedRecord) {
	for _, r := range s.known {
		if r.joined || noSide(r.record) != "" || !s.joins(r) {
			continue
		}
		if first == nil || byPlace(r, first) < 0 {
			first = r
		}
	}
	return first
}

// joins reports whether a record and a member give the same name, or one gives a name
// of the other.
func (s *crossing) joins(r *crossedRecord) bool {
	return slices.ContainsFunc(r.names(), func(name string) bool { return s.named[name] || s.owned[name] }) ||
		slices.ContainsFunc(r.owns(), func(name string) bool { return s.named[name] })
}

// answers are the records that a query found.
func (s *crossing) answers(q provenance.RecordQuery) (found []*crossedRecord) {
	for _, r := range s.known {
		if r.node != nil && slices.Contains(r.owns(), nameOf(q)) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, byPlace)
	return found
}

func byPlace(a, b *crossedRecord) int {
	return cmp.Or(cmp.Compare(a.entry, b.entry), cmp.Compare(a.index, b.index))
}

// owns are the names by which others can mean the record.
func (r *crossedRecord) owns() []string {
	names := []string{nameOf(provenance.ByID(r.id))}
	if len(r.record.Ref) > 0 {
		names = append(names, nameOf(provenance.ByRef(r.issuer, r.record.Ref)))
	}
	return names
}

// names are those by which the record says what it is joined with.
func (r *crossedRecord) names() (names []string) {
	id, mirror := crossingOf(r.record)
	if len(id) > 0 {
		names = append(names, "crossing "+hex.EncodeToString(id))
	}
	if mirror != nil {
		names = append(names, nameOf(parentQuery(*mirror)))
	}
	return names
}

// nameOf is a query as a name.
func nameOf(q provenance.RecordQuery) string { return queryText(q) }

// noSide says what a record is that is not of one side of a crossing; empty of one
// that is. SPEC(VER-77)
func noSide(r *provenance.Record) string {
	switch {
	case r.Kind != provenance.Transfer:
		return "of kind " + r.Kind.String()
	case r.Relays():
		return "a relay"
	case r.Side == nil || *r.Side == provenance.Neither:
		return "a transfer of neither side"
	}
	return ""
}
