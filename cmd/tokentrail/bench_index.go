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
	for i, n := range b.ledger.nodes {
		size := b.doc.Nodes[i].LogSize
		ix := &benchIndex{}
		b.doc.Nodes[i].Index = ix
		first, err := indexed(ctx, n.client)
		ix.AtEnd = first
		for at := first; err == nil && at < size; {
			if err = sleep(ctx, pollPause); err == nil {
				at, err = indexed(ctx, n.client)
			}
		}
		ix.Complete = err == nil
		if first < size {
			ix.Behind = time.Since(begun).Seconds()
		}
		if err != nil {
			b.teller.say(fmt.Sprintf("warning: the index of %s is not complete, so that its size says little: %v", n.name, err))
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
