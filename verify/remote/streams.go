package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"tokentrail/provenance"
	"tokentrail/verify"
)

const (
	streamsPage = 1000    // streams an answer (spec/api.md)
	maxStreams  = 4 << 20 // of such an answer, with the provider's keys
)

// Frame returns the records of an entry, by its index or id, as one zstd frame.
func (n *Node) Frame(ctx context.Context, entry string) ([]byte, error) {
	return n.getCoded(ctx, provenance.MaxFrameBytes, "zstd", "/entries/"+url.PathEscape(entry)+"/records")
}

// ReceiptOf returns the receipt of an entry, by its index or id.
func (n *Node) ReceiptOf(ctx context.Context, entry string) ([]byte, error) {
	return n.get(ctx, maxReceipt, "/entries/"+url.PathEscape(entry))
}

// Streams returns a page of a provider's streams behind one: the node's word
// (spec/api.md API-8).
func (n *Node) Streams(ctx context.Context, provider, after string) (*verify.StreamsPage, error) {
	path := "/v1/providers/" + url.PathEscape(provider)
	b, err := n.get(ctx, maxStreams, path, "after", after, "limit", num(streamsPage))
	if err != nil {
		return nil, err
	}
	return decodeStreams(b, n.base.String()+path)
}

// decodeStreams reads the names in an answer.
func decodeStreams(b []byte, from string) (*verify.StreamsPage, error) {
	var answer struct {
		Height  int64 `json:"height"`
		Streams []struct {
			Stream string `json:"stream"`
		} `json:"streams"`
		More bool `json:"more"`
	}
	err := json.Unmarshal(b, &answer)
	if err == nil && len(answer.Streams) > streamsPage {
		err = fmt.Errorf("%d streams, asked for %d", len(answer.Streams), streamsPage)
	}
	page := &verify.StreamsPage{More: answer.More, Height: answer.Height}
	for i := 0; err == nil && i < len(answer.Streams); i++ {
		name := answer.Streams[i].Stream
		if !provenance.ValidNameID(name) {
			err = fmt.Errorf("streams[%d] is %.80q, which is no stream's name", i, name)
		}
		page.Names = append(page.Names, name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %v", from, verify.ErrAnswer, err)
	}
	return page, nil
}
