package remote

import (
	"context"
	"fmt"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// Records asks where records are that q looks for (spec/api.md, API-6): limit
// candidates behind the first offset. The answer is in its form and nothing more:
// each hit is to be held against the question (RecordHit.Check), its statement's
// signature and place in the log against the ledger. The next page begins at
// offset + limit, however many hits this one has.
func (n *Node) Records(ctx context.Context, q provenance.RecordQuery, offset, limit int) (*provenance.RecordsAnswer, error) {
	name, value := q.Param()
	b, err := n.get(ctx, provenance.MaxRecordsAnswer, "/v1/records", name, value, "offset", num(int64(offset)), "limit", num(int64(limit)))
	if err != nil {
		return nil, err
	}
	a, err := provenance.ParseRecordsAnswer(b)
	if err != nil {
		return nil, fmt.Errorf("%s/v1/records: %w: %w", n.base, verify.ErrAnswer, err)
	}
	if len(a.Hits) > limit {
		return nil, fmt.Errorf("%s/v1/records: %w: %d hits, asked for %d at most", n.base, verify.ErrAnswer, len(a.Hits), limit)
	}
	return a, nil
}

// A Lookup is a node as package verify looks records up in it, page by page, and as
// it checks transfers: it implements verify.RecordSource and verify.TransferSource.
type Lookup struct {
	*Node
	Trusted int64 // height of a trusted header that exhibits are to have; 0 for none
}

// Records returns the page of an answer behind an offset: as many candidates as a
// page can have, provenance.MaxRecordHits, by which the next offset is greater.
func (l Lookup) Records(ctx context.Context, q provenance.RecordQuery, offset int) (*provenance.RecordsAnswer, error) {
	return l.Node.Records(ctx, q, offset, provenance.MaxRecordHits)
}

// Exhibit implements verify.TransferSource.
func (l Lookup) Exhibit(ctx context.Context, entry, record int64) (*verify.Exhibit, error) {
	return l.Node.Exhibit(ctx, num(entry), Wanted{Records: []int64{record}, AllRecords: true, Header: l.Trusted})
}
