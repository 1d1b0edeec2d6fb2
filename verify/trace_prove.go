package verify

import (
	"context"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// A ReceiptSource is where receipts are got: a Source is one.
type ReceiptSource interface {
	// Receipt returns the receipt of an entry.
	Receipt(ctx context.Context, index int64) ([]byte, error)
}

// NewEntryProver returns a prover that rests on a genesis document: its registry
// has the issuers' keys, and headers decides which light blocks are trusted, as
// in CheckExhibit. Where acts may have changed the registry since, receipts, if it
// is a Source, is asked to prove what it says of the issuer now. The trust names
// the document's SHA-256 or a header; without either nothing would be proven, and
// that is an error. For each entry one receipt is asked for, and what came of it
// remembered. Its methods belong to one goroutine.
func NewEntryProver(ctx context.Context, genesis []byte, trust Trust, headers HeaderVerifier, receipts ReceiptSource) (EntryProver, error) {
	doc, err := parseGenesis(genesis)
	if err != nil {
		return nil, err
	}
	// SPEC(LOG-2)
	if trust.Genesis != nil && *trust.Genesis != doc.hash {
		return nil, NewFinding(CodeGenesisHash, "genesis", trust.Genesis.String(), doc.hash.String())
	}
	// SPEC(VER-9)
	if trust.Genesis == nil && trust.Height == 0 {
		return nil, errors.New("no trust was given: name the genesis document's SHA-256 or a trusted header")
	}
	if err := headers.Start(ctx, genesis); err != nil {
		return nil, err
	}
	p := &receiptProver{
		doc: doc, origin: provenance.Origin(doc.chainID, doc.hash), headers: headers, receipts: receipts,
		known: map[int64]provenEntry{}, providers: map[string]*provenProvider{}, named: trust.Genesis != nil,
	}
	if doc.mayChange() || !p.named {
		p.registry, _ = receipts.(registrySource)
	}
	return p, nil
}

// A receiptProver proves entries by their receipts.
type receiptProver struct {
	doc      *genesisDoc
	origin   string
	headers  HeaderVerifier
	receipts ReceiptSource
	known    map[int64]provenEntry // 64 bytes and an error for each entry

	named     bool           // the genesis document is the one that the trust names
	registry  registrySource // nil where the genesis document has the last word, or nobody can be asked
	providers map[string]*provenProvider
}

// A provenEntry is what came of proving an entry.
type provenEntry struct {
	leaf provenance.Hash // of the statement
	err  error
}

// Prove checks the signature under the issuer's key in the registry, then the
// receipt. SPEC(TRC-5)
func (p *receiptProver) Prove(ctx context.Context, entry int64, s *provenance.UnverifiedStatement) error {
	leaf := provenance.LeafHash(s.Raw())
	if known, there := p.known[entry]; there && known.leaf == leaf {
		return known.err
	}
	err := p.prove(ctx, entry, s)
	if ctx.Err() == nil {
		p.known[entry] = provenEntry{leaf, err}
	}
	return err
}

func (p *receiptProver) prove(ctx context.Context, entry int64, s *provenance.UnverifiedStatement) error {
	place := fmt.Sprintf("entries[%d]", entry)
	if err := p.signed(ctx, place, entry, s); err != nil {
		return err
	}
	raw, err := p.receipts.Receipt(ctx, entry)
	if errors.Is(err, ErrMissing) {
		return NewFinding(CodeReceiptForm, place+".receipt", "a receipt", err.Error())
	}
	if err != nil {
		return fmt.Errorf("%s.receipt: %w", place, err)
	}
	r, err := receiptFor(p.origin, place, raw, statementLeaf(s))
	if err != nil {
		return err
	}
	// SPEC(LOG-1)
	if r.Proof.Index != entry {
		return NewFinding(CodeReceiptIndex, place+".receipt", fmt.Sprintf("index %d", entry), fmt.Sprint(r.Proof.Index))
	}
	header, err := p.headers.Open(ctx, r.Anchor.LightBlock)
	if err == nil {
		err = anchored(place, r, header)
	}
	if err != nil {
		return within(place+".receipt.anchor", err)
	}
	return nil
}

// signed checks that the issuer of the registry signed a statement.
func (p *receiptProver) signed(ctx context.Context, place string, entry int64, s *provenance.UnverifiedStatement) error {
	place += ".statement"
	if p.registry != nil {
		return p.checkSignerNow(ctx, place, entry, s)
	}
	if !p.named {
		return fmt.Errorf("%s: %w", place, errNoDocument)
	}
	return p.doc.checkSigner(place, s)
}
