package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/klauspost/compress/zstd"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// importTrace turns the trace into encoded records, in the order of the trace.
func (d *demo) importTrace() ([][]byte, error) {
	unzipped, err := zstd.NewReader(bytes.NewReader(demoTrace))
	if err != nil {
		return nil, err
	}
	defer unzipped.Close()
	mapping := intake.CSV{
		Time: "TIMESTAMP", Input: "ContextTokens", Output: "GeneratedTokens",
		Constants: provenance.Record{
			Kind:    provenance.Transfer,
			Model:   &provenance.Model{Name: demoModel, Known: provenance.Asserted},
			Serving: &provenance.Place{Country: demoServing, Operator: demoIssuer, Known: provenance.Asserted},
			Using:   &provenance.Place{Country: demoUsing, Known: provenance.Asserted},
			Side:    new(provenance.Exporter),
			Basis:   []provenance.Basis{{Code: demoBasis}},
		},
	}
	rows, err := mapping.NewReader(unzipped)
	if err != nil {
		return nil, fmt.Errorf("the demo's trace: %w", err)
	}
	var records [][]byte
	var input, output int64
	for {
		r, raw, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the demo's trace: %w", err)
		}
		records = append(records, raw)
		input, output = input+r.Usage.Input, output+r.Usage.Output
	}
	d.say("A production trace becomes records: Azure LLM inference trace 2023, conversations (CC-BY 4.0)")
	d.detail("%s requests, %s input and %s output tokens", grouped(int64(len(records))), grouped(input), grouped(output))
	d.detail("served in %s, used in %s, by %s: asserted by the demo, the trace does not say", demoServing, demoUsing, demoModel)
	return records, nil
}

// submit signs the records, chained in one stream, and posts each statement; the
// answer to each is a receipt, for an entry that is committed.
func (d *demo) submit(ctx context.Context, node string, records [][]byte) error {
	began := time.Now()
	var previous *provenance.Hash
	var sent, sequence int64
	for batch := range slices.Chunk(records, demoBatch) {
		header, err := provenance.NewBatch(demoIssuer, demoStream, sequence, previous, batch)
		if err != nil {
			return err
		}
		id, size, err := d.commit(ctx, node, header, batch)
		if err != nil {
			return err
		}
		sent += size
		previous, sequence = &id, sequence+1
	}
	took := time.Since(began)
	d.say("They are signed, chained and committed")
	d.detail("%d statements of up to %s records, each answered with a receipt", sequence, grouped(demoBatch))
	d.detail("%s bytes, %.1f a record; %.1f s, one statement after another", grouped(sent), float64(sent)/float64(len(records)), took.Seconds())
	return nil
}

// commit signs a batch and submits it; the answer is a receipt, for an entry that
// is committed. It returns the statement's id and how many bytes were sent.
func (d *demo) commit(ctx context.Context, node string, header *provenance.BatchHeader, records [][]byte) (id provenance.Hash, sent int64, err error) {
	s, err := header.Sign(d.keys[header.Issuer])
	if err != nil {
		return id, 0, err
	}
	submission, err := provenance.NewSubmission(&s.UnverifiedStatement, records)
	if err != nil {
		return id, 0, err
	}
	raw := submission.Encode()
	receipt, err := call(ctx, http.MethodPost, node+"/entries", provenance.SubmissionMediaType, raw)
	if err != nil {
		return id, 0, fmt.Errorf("submit statement %d of %s: %w", header.Sequence, header.Issuer, err)
	}
	if _, err := provenance.ParseReceipt(receipt); err != nil {
		return id, 0, fmt.Errorf("the receipt of statement %d of %s: %w", header.Sequence, header.Issuer, err)
	}
	return s.ID(), int64(len(raw)), nil
}

// flows asks what went between the two places.
func (d *demo) flows(ctx context.Context, node string) error {
	d.say("A regulator asks how many tokens went from where to where")
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"kind", "side", "origin", "destination", "model", "basis", "direction", "records", "tokens"})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 8, Align: text.AlignRight}, {Number: 9, Align: text.AlignRight}})
	for _, way := range [][2]string{{demoServing, demoUsing}, {demoUsing, demoServing}} {
		query := url.Values{"from": {way[0]}, "to": {way[1]}, "by": {"model,basis"}}
		b, err := call(ctx, http.MethodGet, node+"/v1/flows?"+query.Encode(), "", nil)
		if err != nil {
			return err
		}
		var answer struct {
			Rows []provenance.FlowRow `json:"rows"`
		}
		if err := json.Unmarshal(b, &answer); err != nil {
			return fmt.Errorf("flows: %w", err)
		}
		for _, r := range answer.Rows {
			t.AppendRow(table.Row{r.Kind, r.Side, r.Origin, r.Destination, r.Model, r.Basis, r.Direction, separated(r.Records.String()), separated(r.Tokens.String())})
		}
	}
	fmt.Fprintln(d.out, t.Render())
	d.detail("kinds and sides are not added up: each may have recorded the same tokens")
	return nil
}

// call makes one request to the demo's own node and returns the answer's body.
func call(ctx context.Context, method, address, mediaType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 32<<20))
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("%s %s: %s: %q", method, address, res.Status, b)
	}
	return b, nil
}

// grouped writes a number with a comma between thousands.
func grouped(n int64) string { return separated(fmt.Sprint(n)) }

func separated(s string) string {
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
