package verify

import (
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// checkReceipts asks for receipts, inclusion proofs and record proofs of a
// sample of the entries. The roots are already known to be true; this step
// shows that the node's own proofs lead to them. SPEC(VER-16)
func (a *audit) checkReceipts() {
	s := a.receipts
	switch {
	case a.head == nil:
		s.because("no trusted header")
		return
	case a.ours == nil:
		s.because("no log root of our own that a trusted header covers")
		return
	}
	s.begin()
	drawn := a.sample(a.ours.Size)
	for i, index := range drawn {
		for _, err := range a.checkProofsOf(index) {
			s.stop(err)
			var f *Finding
			if !errors.As(err, &f) {
				return
			}
		}
		s.Checked++
		a.progress("receipts", int64(i)+1, int64(len(drawn)))
	}
	if a.early.keysErr != nil {
		s.stop(a.early.keysErr) // the signatures were not looked at
	}
}

// checkProofsOf checks what the node proves about one entry. The entry is
// fetched again: that it is the one replayed follows from the paths.
func (a *audit) checkProofsOf(index int64) []error {
	place := fmt.Sprintf("entries[%d]", index)
	entry, err := a.entryAgain(place, index)
	if err != nil {
		return []error{err}
	}
	leaf, err := leafOf(entry.Statement)
	if err != nil {
		return []error{NewFinding(CodeStatementForm, place+".statement", "the same entry as before", err.Error())}
	}
	return compact(a.askReceipt(place, index, leaf), a.askInclusion(place, index, leaf.hash), a.askRecord(place, entry))
}

// A leaf is what a receipt is about: an entry of any kind.
type leaf struct{ id, hash provenance.Hash }

// leafOf returns the id and the hash of an entry's leaf.
func leafOf(data []byte) (leaf, error) {
	id, err := provenance.EntryID(data)
	return leaf{id, provenance.LeafHash(data)}, err
}

// statementLeaf is that of a statement.
func statementLeaf(s *provenance.UnverifiedStatement) leaf {
	return leaf{s.ID(), provenance.LeafHash(s.Raw())}
}

// entryAgain fetches an entry that was replayed before. That it is the same one
// is for an inclusion proof to show.
func (a *audit) entryAgain(place string, index int64) (*Entry, error) {
	page, err := a.src.Entries(a.ctx, index, 1)
	if err == nil && (len(page) != 1 || page[0].Index != index) {
		err = NewFinding(CodeEntryIndex, place, fmt.Sprintf("the entry with index %d alone", index), fmt.Sprintf("%d entries or another index", len(page)))
	}
	if err != nil {
		return nil, a.lack(CodeEntryMissing, place, "the entry, which was there before", err)
	}
	return &page[0], nil
}

// compact leaves out what is nil.
func compact(errs ...error) []error {
	var out []error
	for _, err := range errs {
		if err != nil {
			out = append(out, err)
		}
	}
	return out
}

func (a *audit) askReceipt(place string, index int64, of leaf) error {
	raw, err := a.src.Receipt(a.ctx, index)
	if err != nil {
		return a.lack(CodeReceiptForm, place+".receipt", "a receipt", err)
	}
	r, err := receiptFor(a.origin, place, raw, of)
	if err != nil {
		return err
	}
	// SPEC(LOG-1)
	if r.Proof.Index != index {
		return NewFinding(CodeReceiptIndex, place+".receipt", fmt.Sprintf("index %d", index), fmt.Sprint(r.Proof.Index))
	}
	header, err := a.headers.Open(a.ctx, r.Anchor.LightBlock)
	if err == nil {
		err = anchored(place, r, header)
	}
	if err != nil {
		return within(place+".receipt.anchor", err)
	}
	if a.early.keysErr != nil {
		return nil // said once, at the step's end
	}
	return signedBy(place, r, a.early.keys)
}

// receiptFor parses a receipt and holds it against the entry that it is about.
func receiptFor(origin, place string, raw []byte, of leaf) (*provenance.Receipt, error) {
	// SPEC(RCP-1)
	r, err := provenance.ParseReceipt(raw)
	if err != nil {
		return nil, NewFinding(CodeReceiptForm, place+".receipt", "a receipt of spec/receipt.md", err.Error())
	}
	find := func(code Code, want, got string) (*provenance.Receipt, error) {
		return nil, NewFinding(code, place+".receipt", want, got)
	}
	// SPEC(RCP-3)
	switch {
	case r.Origin != origin:
		return find(CodeReceiptOrigin, origin, r.Origin)
	case r.Statement != of.id.String():
		return find(CodeReceiptBinding, "a receipt about "+of.id.String(), "one about the statement, act or equivocation "+r.Statement)
	case r.Proof.Size != r.Anchor.Preimage.Size:
		return find(CodeReceiptAppHash, fmt.Sprintf("a proof for the log that the anchor names, of %d entries", r.Anchor.Preimage.Size), fmt.Sprintf("one of %d", r.Proof.Size))
	}
	if err := r.Proof.Verify(r.Anchor.Preimage.LogRoot, of.hash); err != nil {
		return find(CodeReceiptPath, "a path from the entry to the log's root", err.Error())
	}
	return r, nil
}

// anchored holds a receipt's anchor against the trusted header that it names.
func anchored(place string, r *provenance.Receipt, header *Header) error {
	// SPEC(RCP-2), SPEC(RCP-3)
	if got := r.Anchor.Preimage.AppHash(); got != header.AppHash {
		return NewFinding(CodeReceiptAppHash, place+".receipt.anchor", fmt.Sprintf("the preimage of the app hash in header %d, %s", header.Height, header.AppHash), got.String())
	}
	return nil
}

// signedBy checks that one of the node's keys signed a receipt.
func signedBy(place string, r *provenance.Receipt, keys []provenance.PublicKey) error {
	for _, key := range keys {
		if key.Thumbprint() != r.KID {
			continue
		}
		// SPEC(RCP-3)
		if err := r.VerifySignature(key); err != nil {
			return NewFinding(CodeReceiptSignature, place+".receipt.signature", "a signature by "+key.String(), err.Error())
		}
		return nil
	}
	return NewFinding(CodeReceiptSignature, place+".receipt.kid", "a key that the node lists", r.KID.String())
}

// within says where a header was met that is not to be trusted.
func within(place string, err error) error {
	var f *Finding
	if !errors.As(err, &f) {
		return fmt.Errorf("%s: %w", place, err)
	}
	at := *f
	if at.Place != "" && at.Place != place {
		at.Place = place + ": " + f.Place
	}
	return &at
}

func (a *audit) askInclusion(place string, index int64, hash provenance.Hash) error {
	place += ".inclusion"
	raw, err := a.src.Inclusion(a.ctx, index, a.ours.Size)
	if err != nil {
		return a.lack(CodeInclusion, place, "an inclusion proof", err)
	}
	proof, err := provenance.ParseInclusion(raw)
	if err != nil {
		return NewFinding(CodeInclusion, place, "an inclusion proof", err.Error())
	}
	// SPEC(PRF-1)
	if proof.Size != a.ours.Size || proof.Index != index {
		return NewFinding(CodeInclusion, place, fmt.Sprintf("a proof of index %d in a log of %d", index, a.ours.Size), fmt.Sprintf("index %d, size %d", proof.Index, proof.Size))
	}
	if err := proof.Verify(a.ours.LogRoot, hash); err != nil {
		return NewFinding(CodeInclusion, place, "a path to "+a.ours.LogRoot.String(), err.Error())
	}
	return nil
}

// askRecord asks for the proof of one record, drawn by the seed, where the entry
// has records.
func (a *audit) askRecord(place string, entry *Entry) error {
	if kind, _ := provenance.LeafKindOf(entry.Statement); kind != provenance.LeafStatement {
		return nil
	}
	s, err := provenance.ParseStatement(entry.Statement)
	if err != nil {
		return NewFinding(CodeStatementForm, place+".statement", "the same statement as before", err.Error())
	}
	header := s.Header()
	records, err := provenance.ExpandRecords(entry.Frame, header.Count, provenance.FormatLimits())
	if err != nil {
		return NewFinding(CodeRecords, place+".records", "the same records as before", err.Error())
	}
	drawn := a.draw.Int64N(int64(len(records)))
	place = fmt.Sprintf("%s.records[%d]", place, drawn)
	raw, err := a.src.RecordProof(a.ctx, entry.Index, drawn)
	if err != nil {
		return a.lack(CodeRecordProof, place, "a record's proof", err)
	}
	_, _, err = recordOf(place, raw, header, drawn)
	return err
}

// recordOf checks a record's proof against its statement; index is -1 where any
// record will do.
func recordOf(place string, raw []byte, header *provenance.BatchHeader, index int64) (*provenance.RecordProof, provenance.Hash, error) {
	find := func(want, got string) (*provenance.RecordProof, provenance.Hash, error) {
		return nil, provenance.Hash{}, NewFinding(CodeRecordProof, place, want, got)
	}
	proof, err := provenance.ParseRecordProof(raw)
	if err != nil {
		return find("a record's proof", err.Error())
	}
	// SPEC(REC-11)
	if index >= 0 && proof.Index != index {
		return find(fmt.Sprintf("the record with index %d", index), fmt.Sprint(proof.Index))
	}
	id, err := proof.Verify(header)
	if err != nil {
		return find("a path to the statement's root, "+header.Root.String(), err.Error())
	}
	return proof, id, nil
}
