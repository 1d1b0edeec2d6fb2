package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
	"tokentrail/verify/light"
)

const (
	// lookupPatience is how long a node is asked that does not answer.
	lookupPatience = 15 * time.Second

	// maxAnswers is how many records of one query are read: of one record, the
	// corrections by its own issuer.
	maxAnswers = 1000
)

// A foundRecord is a record on a ledger, proven up to the validators of the
// genesis document.
type foundRecord struct {
	id     provenance.Hash
	issuer string
	stream string
	seq    int64
	index  int64 // in its batch
	entry  int64 // in the log
	raw    []byte
	*provenance.Record
}

// recordQuery reads what names a record on a ledger: its id, or issuer/ref as a
// content reference has it, with or without its scheme (spec/label.md, LBL-1).
func recordQuery(name string) (provenance.RecordQuery, error) {
	if q, err := provenance.ParseRecordQuery("id", strings.ToLower(name)); err == nil {
		return q, nil
	}
	issuer, ref, err := label.ParseContentReference("tokentrail:" + strings.TrimPrefix(name, "tokentrail:"))
	switch {
	case err != nil && strings.Contains(name, "/"):
		return provenance.RecordQuery{}, usagef("%q names no record: %w", name, err)
	case err != nil:
		return provenance.RecordQuery{}, usagef("%q names no record: wanted its id, 64 hex digits, or issuer/ref, as acme/req-1", name)
	}
	return provenance.ByRef(issuer, ref), nil
}

// openLedger asks a node which ledger it serves, and for its founders.
func (a *app) openLedger(ctx context.Context, node, genesis string) (*nodes, error) {
	address, err := a.nodeURL(node)
	if err != nil {
		return nil, err
	}
	n, err := newNodes([]string{address}, lookupPatience, func(text string) { fmt.Fprintln(a.stderr, text) })
	if err != nil {
		return nil, err
	}
	if n.genesis, err = genesisFlag(genesis); err != nil {
		return nil, err
	}
	origin, err := n.ledger(ctx)
	if err == nil {
		_, err = n.fetchGenesis(ctx, origin)
	}
	return n, err
}

// record finds the one record that q asks for.
func (n *nodes) record(ctx context.Context, q provenance.RecordQuery, name string) (*foundRecord, error) {
	var found []*foundRecord
	err := n.records(ctx, q, func(r *foundRecord) bool {
		found = append(found, r)
		return len(found) < 2
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("%s: the node knows no such record on the ledger %s", name, n.origin)
	case len(found) > 1:
		return nil, fmt.Errorf("%s: more than one record has this ref, %s and %s among them: name one by its id", name, found[0].id, found[1].id)
	}
	return found[0], nil
}

// records goes through the records that q asks for, in the order of the log, each
// of them proven, until each returns false.
func (n *nodes) records(ctx context.Context, q provenance.RecordQuery, each func(*foundRecord) bool) error {
	var last *foundRecord
	for offset := 0; ; offset += provenance.MaxRecordHits {
		var page []*foundRecord
		var more bool
		err := n.try(ctx, noStatement, func(c *client) (err error) {
			page, more, err = n.recordsPage(ctx, c, q, offset)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range page {
			// SPEC(API-6): within a page its form says so.
			if last != nil && cmp.Or(cmp.Compare(last.entry, r.entry), cmp.Compare(last.index, r.index)) >= 0 {
				return fmt.Errorf("what the node says of records does not hold: record %s in entry %d does not come behind record %s in entry %d", r.id, r.entry, last.id, last.entry)
			}
			if last = r; !each(r) {
				return nil
			}
		}
		switch {
		case !more:
			return nil
		case offset+provenance.MaxRecordHits >= maxAnswers:
			name, value := q.Param()
			return couldNotf("more than %d records answer %s=%s; not all of them were looked at", maxAnswers, name, value)
		}
	}
}

// recordsPage asks a node for a page of records and checks them.
// SPEC(CLI-11)
func (n *nodes) recordsPage(ctx context.Context, c *client, q provenance.RecordQuery, offset int) (page []*foundRecord, more bool, err error) {
	name, value := q.Param()
	got, err := c.get(ctx, "/v1/records", url.Values{
		name: {value}, "offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(provenance.MaxRecordHits)},
	}, provenance.MaxRecordsAnswer)
	if err != nil {
		return nil, false, err
	}
	wrong := func(err error) error {
		return refutedError{fmt.Errorf("what the node at %s says of records does not hold: %w", c.base, err)}
	}
	answer, err := provenance.ParseRecordsAnswer(got.body)
	if err != nil {
		return nil, false, wrong(err)
	}
	placed := map[provenance.Hash]int64{} // the page's statements, which may have many hits
	for i := range answer.Hits {
		hit := &answer.Hits[i]
		s, id, err := hit.Check(q)
		if err != nil {
			return nil, false, wrong(fmt.Errorf("hit %d: %w", i, err))
		}
		r, err := provenance.ParseRecord(hit.Proof.Record)
		if err != nil {
			return nil, false, wrong(err)
		}
		h := s.Header()
		found := &foundRecord{id, h.Issuer, h.Stream, h.Sequence, hit.Proof.Index, hit.Entry, hit.Proof.Record, r}
		if entry, is := placed[s.ID()]; !is || entry != hit.Entry {
			if err := n.placed(ctx, c, s, hit.Entry); err != nil {
				return nil, false, err
			}
			placed[s.ID()] = hit.Entry
		}
		page = append(page, found)
	}
	return page, answer.More, nil
}

// placed holds a statement against the receipt of an entry, so that it is the
// ledger that says where it stands, not the node.
func (n *nodes) placed(ctx context.Context, c *client, s *provenance.UnverifiedStatement, entry int64) error {
	got, err := c.get(ctx, "/entries/"+s.ID().String(), nil, maxReceiptBody)
	if err != nil {
		return err
	}
	if got.status == http.StatusNoContent {
		return couldNotf("the node at %s has found a record in a statement that it says is not committed yet", c.base)
	}
	receipt, err := n.prove(ctx, c, got.body, s)
	switch {
	case errors.Is(err, light.ErrOtherValidators):
		return refutedError{couldNotf("the receipt of entry %d that the node at %s gives could not be checked: %w", entry, c.base, err)}
	case err != nil:
		return refutedError{fmt.Errorf("the receipt of entry %d that the node at %s gives does not hold: %w", entry, c.base, err)}
	case receipt.Proof.Index != entry:
		return refutedError{fmt.Errorf("the node at %s says that the record is in entry %d; by the receipt it is in entry %d", c.base, entry, receipt.Proof.Index)}
	}
	return nil
}

// place tells where the record stands, as members of a document.
func (r *foundRecord) place(origin string) object {
	return object{
		{"id", r.id.String()}, {"issuer", r.issuer}, {"stream", r.stream}, {"sequence", r.seq}, {"index", r.index},
		{"ledger", origin}, {"entry", r.entry}, {"encoding", hex.EncodeToString(r.raw)},
	}
}
