package main

import (
	"crypto/sha256"
	"fmt"

	"tokentrail/provenance"
)

// inspectBundle shows a bundle. SPEC(CLI-108)
func inspectBundle(b []byte, limit int) (object, error) {
	e, err := provenance.ParseBundle(b)
	if err != nil {
		return nil, err
	}
	hash := provenance.Hash(sha256.Sum256(e.Genesis))
	doc := object{{"type", "bundle"}, {"ledger", originOf(e.Genesis)}, {"genesis_hash", hash.String()}, {"genesis_bytes", len(e.Genesis)}}
	return appendExhibit(doc, e, limit)
}

// inspectTransparent shows a SCITT transparent statement.
func inspectTransparent(t *provenance.Transparent, limit int) (object, error) {
	doc := object{{"type", "SCITT transparent statement"}, {"receipts", len(t.Receipts)}}
	return appendExhibit(doc, t.Bundle(nil, ""), limit)
}

// appendExhibit shows what an exhibit is about, the records that it has, and what else
// is there to prove them.
func appendExhibit(doc object, e *provenance.Bundle, limit int) (object, error) {
	entry, header, err := entryView(e.Entry)
	if err != nil {
		return nil, fmt.Errorf("entry: %w", err)
	}
	receipt, err := provenance.ParseReceipt(e.Receipt)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	doc = append(doc, member{"entry", entry}, member{"receipt", object{
		{"origin", receipt.Origin}, {"index", receipt.Proof.Index}, {"log_size", receipt.Anchor.Preimage.Size},
		{"log_root", receipt.Anchor.Preimage.LogRoot.String()}, {"app_hash", receipt.Anchor.Preimage.AppHash().String()},
	}})
	if header != nil {
		if doc, err = appendRecords(doc, e, header, limit); err != nil {
			return nil, err
		}
	}
	var states []string
	for i := range e.States {
		states = append(states, e.States[i].Key)
	}
	return append(doc, member{"headers", len(e.Headers)}, member{"states", states}, member{"acts", len(e.Acts)},
		member{"acts_before", len(e.Before)}, member{"block", e.Block != nil}), nil
}

// entryView shows an entry; the header is that of a statement, else nil.
func entryView(raw []byte) (any, *provenance.BatchHeader, error) {
	switch kind, _ := provenance.LeafKindOf(raw); kind {
	case provenance.LeafAct:
		act, err := provenance.ParseAct(raw)
		if err != nil {
			return nil, nil, err
		}
		return append(object{{"type", "act"}, {"id", act.ID().String()}}, view(act.Act()).(object)...), nil, nil
	case provenance.LeafEquivocation:
		leaf, err := provenance.ParseEquivocationLeaf(raw)
		if err != nil {
			return nil, nil, err
		}
		return append(object{{"type", "equivocation"}, {"id", leaf.ID().String()}}, view(leaf).(object)...), nil, nil
	}
	s, err := provenance.ParseStatement(raw)
	if err != nil {
		return nil, nil, err
	}
	return statementView(s), s.Header(), nil
}

// appendRecords shows the records that have a proof, or where none has one, all that
// are there.
func appendRecords(doc object, e *provenance.Bundle, h *provenance.BatchHeader, limit int) (object, error) {
	shown := []any{}
	add := func(index int64, raw []byte) error {
		if limit >= 0 && len(shown) >= limit {
			return nil
		}
		r, err := provenance.ParseRecord(raw)
		if err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
		id := provenance.RecordID(h.Issuer, h.Stream, h.Sequence, int(index), raw)
		shown = append(shown, append(object{{"id", id.String()}, {"index", index}}, recordView(r, raw)...))
		return nil
	}
	count := len(e.Records)
	for i, raw := range e.Records {
		p, err := provenance.ParseRecordProof(raw)
		if err == nil {
			err = add(p.Index, p.Record)
		}
		if err != nil {
			return nil, fmt.Errorf("record proof %d: %w", i, err)
		}
	}
	if count == 0 && e.Frame != nil {
		all, err := recordsOf(e)
		if err != nil {
			return nil, err
		}
		count = len(all)
		for i, raw := range all {
			if err := add(int64(i), raw); err != nil {
				return nil, err
			}
		}
	}
	return append(doc, member{"count", count}, member{"records", shown}), nil
}

// recordsOf expands all records of a statement.
func recordsOf(e *provenance.Bundle) ([][]byte, error) {
	s, err := provenance.ParseStatement(e.Entry)
	if err != nil {
		return nil, err
	}
	all, _, err := (&provenance.Submission{Statement: s, Frame: e.Frame}).CheckRecords(provenance.FormatLimits())
	return all, err
}
