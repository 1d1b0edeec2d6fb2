package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"tokentrail/provenance"
)

// benchIndexing is how long the indexes may take to come up with the log.
const benchIndexing = 2 * time.Minute

// awaitIndexes waits until each node of our own has indexed all records: what it
// did not do under load it still has to do, and its index has its size only then.
func (b *bencher) awaitIndexes(ctx context.Context) {
	if ctx.Err() != nil || len(b.doc.Check.Unchecked) > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, benchIndexing)
	defer cancel()
	begun := time.Now()
	errs := make([]error, len(b.ledger.nodes))
	for i, n := range b.ledger.nodes { // before any of them is waited for
		b.doc.Nodes[i].Index = &benchIndex{}
		b.doc.Nodes[i].Index.AtEnd, errs[i] = indexed(ctx, n.client)
	}
	for i, n := range b.ledger.nodes {
		ix, size, err := b.doc.Nodes[i].Index, b.doc.Nodes[i].LogSize, errs[i]
		at := ix.AtEnd
		for err == nil && at < size {
			if err = sleep(ctx, pollPause); err == nil {
				var more int64
				if more, err = indexed(ctx, n.client); err == nil {
					at = more
				}
			}
		}
		ix.Complete = err == nil
		if ix.AtEnd < size {
			ix.Behind = time.Since(begun).Seconds()
		}
		if err != nil {
			b.teller.say(fmt.Sprintf("warning: the index of %s has %d of %d entries after %.0f s, so that its size says little: %v", n.name, at, size, time.Since(begun).Seconds(), err))
		}
	}
}

// indexed is how many entries of the log a node searches for records.
func indexed(ctx context.Context, c *client) (int64, error) {
	nothing := provenance.Hash{} // no record has this id
	got, err := c.get(ctx, "/v1/records", url.Values{"id": {nothing.String()}, "limit": {"1"}}, provenance.MaxRecordsAnswer)
	if err != nil {
		return 0, err
	}
	a, err := provenance.ParseRecordsAnswer(got.body)
	if err != nil {
		return 0, err
	}
	return a.Size, nil
}
