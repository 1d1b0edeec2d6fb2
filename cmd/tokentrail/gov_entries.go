package main

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"strconv"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/provenance"
)

// maxEntriesBody bounds an answer of /v1/entries: about 8 MiB, and an entry more.
const maxEntriesBody = 24 << 20

// A listedEntry is an entry in the node's words (spec/api.md).
type listedEntry struct {
	_      struct{} `cbor:",toarray"`
	Index  int64
	Leaf   []byte
	Frame  []byte
	Height int64 // of its block; a hint
}

// entries asks for entries from an index on, limit at most.
func (n *nodes) entries(ctx context.Context, from int64, limit int) (all []listedEntry, err error) {
	query := url.Values{"from": {strconv.FormatInt(from, 10)}, "limit": {strconv.Itoa(limit)}}
	err = n.try(ctx, noStatement, func(c *client) error {
		got, err := c.get(ctx, "/v1/entries", query, maxEntriesBody)
		if err != nil {
			return err
		}
		all = nil
		decoder := cbor.NewDecoder(bytes.NewReader(got.body))
		for {
			var e listedEntry
			err := decoder.Decode(&e)
			if err == io.EOF {
				return nil
			}
			if err != nil || e.Index != from+int64(len(all)) {
				return couldNotf("the answer of %s/v1/entries is not what spec/api.md says: entry %d, %v", c.base, e.Index, err)
			}
			all = append(all, e)
		}
	})
	return all, err
}

// actsAt returns the entries of a block that are acts. Which entries a block has is
// the node's word.
func (n *nodes) actsAt(ctx context.Context, height int64) ([]int64, error) {
	var size int64
	err := n.try(ctx, noStatement, func(c *client) error {
		s, err := c.status(ctx)
		size = s.LogSize
		return err
	})
	if err != nil {
		return nil, err
	}
	low, high := int64(0), size // the first entry of the block, or of a later one
	for low < high {
		middle := low + (high-low)/2
		page, err := n.entries(ctx, middle, 1)
		if err != nil {
			return nil, err
		}
		if len(page) == 1 && page[0].Height < height {
			low = middle + 1
		} else {
			high = middle
		}
	}
	var acts []int64
	for low < size {
		page, err := n.entries(ctx, low, 100)
		if err != nil || len(page) == 0 {
			return acts, err
		}
		for _, e := range page {
			if e.Height != height {
				return acts, nil
			}
			if kind, ok := provenance.LeafKindOf(e.Leaf); ok && kind == provenance.LeafAct {
				acts = append(acts, e.Index)
			}
		}
		low += int64(len(page))
	}
	return acts, nil
}
