//go:build linux

package faults

import (
	"bytes"
	"context"
	"crypto"
	"io"
	"net/http"

	"tokentrail/provenance"
)

// A told is a statement as a test made it, with its submission.
type told struct {
	id         provenance.Hash
	submission []byte
}

// tell signs a statement.
func tell(key crypto.Signer, issuer, stream string, sequence int64, previous *provenance.Hash, records [][]byte) (told, error) {
	header, err := provenance.NewBatch(issuer, stream, sequence, previous, records)
	if err != nil {
		return told{}, err
	}
	st, err := header.Sign(key)
	if err != nil {
		return told{}, err
	}
	sub, err := provenance.NewSubmission(&st.UnverifiedStatement, records)
	if err != nil {
		return told{}, err
	}
	return told{st.ID(), sub.Encode()}, nil
}

// post posts a submission once and does not wait for its commit.
func (n *node) post(submission []byte) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), postTime)
	defer cancel()
	return postFrom(ctx, http.DefaultClient, n.url, submission, true)
}

// postFrom posts a submission once with a client; hurried, it does not wait for
// the commit.
func postFrom(ctx context.Context, client *http.Client, url string, submission []byte, hurried bool) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/entries", bytes.NewReader(submission))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", provenance.SubmissionMediaType)
	if hurried {
		req.Header.Set("Prefer", "respond-async")
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res.StatusCode, body, err
}
