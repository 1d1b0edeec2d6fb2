package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"
	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// maxInspect is the most that inspect reads of anything but a file of records,
// which it streams.
const maxInspect = max(provenance.MaxBundleBytes, maxReceiptBody+provenance.MaxSubmissionBytes)

func (a *app) inspectCommand(use string) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   use,
		Short: "Show what a file of ours holds, in words",
		Long: "Show a record, a file of records, a batch header, a statement, a submission, a receipt, a proof,\n" +
			"a bundle, a journal entry or a key file as JSON with named fields. What it is follows from its bytes.\n" +
			"Form is checked, signatures and proofs are not: that is what tokentrail verify does.",
		Example: "tokentrail inspect usage.records --limit 3\n" +
			"curl -s http://localhost:7480/entries/0 | tokentrail inspect -",
		Args: oneArg("a file, or - for standard input"),
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "records to show of a file or submission; -1 for all")
	cmd.RunE = a.does(func(_ context.Context, args []string) error { return a.inspect(args[0], limit) }, asJSON)
	return cmd
}

func (a *app) inspect(name string, limit int) error {
	f, err := a.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	head, err := in.Peek(16)
	if len(head) == 0 {
		if errors.Is(err, io.EOF) {
			err = errors.New("there is nothing in it")
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	var doc object
	if kind := head[0] >> 5; kind == 5 && !isBatchHeader(head) {
		doc, err = inspectRecords(in, limit)
	} else {
		var b []byte
		if b, err = readBounded(in, maxInspect, name); err == nil {
			doc, err = inspectItem(b, limit)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return a.emitJSON(append(object{{"format", outputFormat}}, doc...))
}

// isBatchHeader tells the payload of a statement from a record: its key 2 is a
// text, the issuer, where a record has its time.
func isBatchHeader(head []byte) bool {
	return len(head) > 4 && head[1] == 1 && head[2] == 1 && head[3] == 2 && head[4]>>5 == 3
}

// inspectRecords streams a file of records and shows its beginning.
func inspectRecords(in io.Reader, limit int) (object, error) {
	records := intake.NewRecordsReader(in)
	shown := []any{}
	var sums provenance.Sums
	var first, last int64
	for {
		r, raw, err := records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if limit < 0 || len(shown) < limit {
			shown = append(shown, recordView(r, raw))
		}
		more := provenance.Sums{Records: 1}
		if r.Usage != nil {
			more.Input, more.Output = r.Usage.Input, r.Usage.Output
		}
		if !sums.Add(more) {
			return nil, fmt.Errorf("the sum of tokens goes beyond 64 bits, signed")
		}
		if sums.Records == 1 {
			first, last = r.Time, r.Time
		}
		first, last = min(first, r.Time), max(last, r.Time)
	}
	return object{
		{"type", "records"}, {"count", sums.Records}, {"bytes", records.Offset()},
		{"input_tokens", sums.Input}, {"output_tokens", sums.Output},
		{"first", instant(first)}, {"last", instant(last)}, {"records", shown},
	}, nil
}

// recordView is a record in words; what it holds beyond the fields that this
// version knows is shown in diagnostic notation.
func recordView(r *provenance.Record, raw []byte) object {
	doc := view(r).(object)
	if again, err := r.Encode(); err != nil || !bytes.Equal(again, raw) {
		if text, err := cbor.Diagnose(raw); err == nil {
			doc = append(doc, member{"diagnostic", text})
		}
	}
	return doc
}

// inspectItem shows one item, by what it begins with.
func inspectItem(b []byte, limit int) (object, error) {
	begins := func(head ...byte) bool { return bytes.HasPrefix(b, head) }
	switch {
	case begins([]byte("-----BEGIN")...):
		public, err := provenance.KeyFilePublic(b)
		if err != nil {
			return nil, err
		}
		return object{{"type", "key file"}, {"public", public.String()}, {"thumbprint", public.Thumbprint().String()}}, nil
	case begins(0xd2):
		return inspectEnvelope(b, limit)
	case provenance.IsBundle(b):
		return inspectBundle(b, limit)
	case begins(0x83, 1, 0x85), begins(0x84, 1, 0x85):
		return inspectJournal(b, limit)
	case begins(0x83) && len(b) > 2 && b[2]>>5 == 2:
		s, err := provenance.ParseSubmission(b)
		if err != nil {
			return nil, err
		}
		return submissionView(s, limit)
	case begins(0x83):
		p, err := provenance.ParseInclusion(b)
		if err != nil {
			return inspectOther(b)
		}
		return object{{"type", "inclusion or consistency proof"}, {"size or older", p.Size}, {"index or newer", p.Index}, {"path", view(p.Path)}}, nil
	case begins(0x84) && len(b) > 1 && b[1]>>5 == 5:
		p, err := provenance.ParseRecordProof(b)
		if err != nil {
			return nil, err
		}
		r, err := provenance.ParseRecord(p.Record)
		if err != nil {
			return nil, err
		}
		return object{{"type", "record proof"}, {"index", p.Index}, {"count", p.Count}, {"record", recordView(r, p.Record)}, {"path", view(p.Path)}}, nil
	case b[0]>>5 == 5:
		h, err := provenance.ParseBatchHeader(b)
		if err != nil {
			return nil, err
		}
		return append(object{{"type", "batch header"}, {"id", provenance.StatementID(b).String()}}, view(h).(object)...), nil
	}
	return inspectOther(b)
}

// inspectEnvelope shows a COSE_Sign1: a statement, with its receipt or without, or a
// receipt.
func inspectEnvelope(b []byte, limit int) (object, error) {
	s, notStatement := provenance.ParseStatement(b)
	if notStatement == nil {
		return statementView(s), nil
	}
	if t, err := provenance.ParseTransparent(b); err == nil {
		return inspectTransparent(t, limit)
	}
	r, notReceipt := provenance.ParseReceipt(b)
	if notReceipt != nil {
		return nil, fmt.Errorf("a COSE_Sign1 that is neither a statement (%w) nor a receipt (%w)", notStatement, notReceipt)
	}
	return append(object{{"type", "receipt"}, {"app_hash", r.Anchor.Preimage.AppHash().String()}}, view(r).(object)...), nil
}

func statementView(s *provenance.UnverifiedStatement) object {
	return object{
		{"type", "statement"}, {"id", s.ID().String()}, {"leaf_hash", provenance.LeafHash(s.Raw()).String()},
		{"algorithm", algorithmName(s.Alg())}, {"kid", s.KID().String()}, {"bytes", len(s.Raw())}, {"header", view(s.Header())},
	}
}

func submissionView(s *provenance.Submission, limit int) (object, error) {
	records, _, err := s.CheckRecords(provenance.FormatLimits())
	if err != nil {
		return nil, err
	}
	h := s.Statement.Header()
	shown := []any{}
	for i, raw := range records {
		if limit >= 0 && i >= limit {
			break
		}
		r, err := provenance.ParseRecord(raw)
		if err != nil {
			return nil, err
		}
		id := provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, raw)
		shown = append(shown, append(object{{"id", id.String()}}, recordView(r, raw)...))
	}
	return object{
		{"type", "submission"}, {"statement", statementView(s.Statement)},
		{"frame_bytes", len(s.Frame)}, {"count", len(records)}, {"records", shown},
	}, nil
}

// inspectJournal shows an entry of a journal of submit.
func inspectJournal(b []byte, limit int) (object, error) {
	var sub subEntry
	if b[0] == 0x83 {
		if err := cbor.Unmarshal(b, &sub); err != nil {
			return nil, fmt.Errorf("a damaged journal entry: %w", err)
		}
		s, err := provenance.ParseSubmission(sub.Submission)
		if err != nil {
			return nil, err
		}
		inner, err := submissionView(s, limit)
		return object{{"type", "journal entry, without receipt"}, {"position", view(sub.Position)}, {"submission", inner}}, err
	}
	var done doneEntry
	if err := cbor.Unmarshal(b, &done); err != nil {
		return nil, fmt.Errorf("a damaged journal entry: %w", err)
	}
	s, err := provenance.ParseStatement(done.Statement)
	if err != nil {
		return nil, err
	}
	r, err := provenance.ParseReceipt(done.Receipt)
	if err != nil {
		return nil, err
	}
	return object{{"type", "journal entry, with receipt"}, {"position", view(done.Position)}, {"statement", statementView(s)}, {"receipt", view(r)}}, nil
}

// inspectOther shows any CBOR item in diagnostic notation (RFC 8949 section 8).
func inspectOther(b []byte) (object, error) {
	if len(b) > 1<<20 {
		return nil, errors.New("none of our formats, and too long to show in diagnostic notation")
	}
	text, err := cbor.Diagnose(b)
	if err != nil {
		return nil, fmt.Errorf("none of our formats, and not CBOR: %w", err)
	}
	return object{{"type", "other CBOR"}, {"diagnostic", text}}, nil
}
