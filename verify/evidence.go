package verify

import (
	"context"
	"fmt"
	"time"

	"tokentrail/provenance"
)

// An Exhibit is what somebody brings along to prove one entry or one record:
// bytes that need no network.
type Exhibit struct {
	Genesis   []byte // the ledger's genesis document: registry, keys and validators
	Statement []byte
	Receipt   []byte
	Frame     []byte   // the records; nil where only some are shown
	Records   [][]byte // records' proofs (spec/statement.md REC-11)
}

// CheckExhibit checks a statement, its receipt, and records of it, offline.
// headers decides which light blocks are trusted; light.Offline does it without
// a network. What the receipt says of the node's own signature is not looked
// at: the anchor is what makes it trustworthy (SPEC(RCP-1)).
func CheckExhibit(ctx context.Context, e *Exhibit, headers HeaderVerifier, trust Trust, o Options) *Report {
	x := &exhibit{audit: newExhibitAudit(ctx, headers, trust, o), Exhibit: e}
	started := o.Now()
	if x.readGenesis() && x.readStatement(o.Now()) {
		x.readRecords()
		x.readReceipt()
	}
	x.fillIn()
	x.ledger()
	if x.trust.Genesis == nil {
		x.assume("the origin and the registry are those of the exhibit's genesis document, which no trust names; that the ledger admitted the statement is proven by the header alone")
	}
	if x.doc != nil && x.doc.mayChange() {
		x.assume("the key was not revoked before the statement: acts are not part of an exhibit, so that this is the ledger's word")
	}
	x.rep.conclude(started, o.Now())
	return x.rep
}

// exhibit is one check. It fills in the same report as an audit.
type exhibit struct {
	*audit
	*Exhibit
	statement *provenance.UnverifiedStatement
	receipt   *provenance.Receipt
}

func newExhibitAudit(ctx context.Context, headers HeaderVerifier, trust Trust, o Options) *audit {
	a := &audit{ctx: ctx, headers: headers, trust: trust, opts: o}
	a.rep = newReport(&o)
	a.genesis = a.rep.step("genesis", "documents", o.MaxFindings)
	a.log = a.rep.step("statement", "statements", o.MaxFindings)
	a.state = a.rep.step("records", "records", o.MaxFindings)
	a.receipts = a.rep.step("receipt", "receipts", o.MaxFindings)
	return a
}

func (x *exhibit) readGenesis() bool {
	s := x.genesis
	s.begin()
	s.Checked = 1
	doc, err := parseGenesis(x.Genesis)
	if err != nil {
		s.stop(err)
		return false
	}
	x.doc, x.origin = doc, provenance.Origin(doc.chainID, doc.hash)
	// SPEC(LOG-2)
	if x.trust.Genesis != nil && *x.trust.Genesis != doc.hash {
		s.finding(CodeGenesisHash, "genesis", x.trust.Genesis.String(), doc.hash.String())
		return false
	}
	if err := x.headers.Start(x.ctx, x.Genesis); err != nil {
		s.stop(err)
		return false
	}
	// SPEC(VER-9): an exhibit cannot be its own witness.
	if x.trust.Genesis == nil && x.trust.Height == 0 {
		s.because("no trust was given: name the genesis document's SHA-256 or a trusted header")
	}
	return true
}

func (x *exhibit) readStatement(now time.Time) bool {
	s := x.log
	s.begin()
	s.Checked = 1
	parsed, err := provenance.ParseStatement(x.Statement)
	if err != nil {
		s.finding(CodeStatementForm, "statement", "a canonical statement of spec/statement.md", err.Error())
		return false
	}
	x.statement = parsed
	by := parsed.Header().Issuer
	if err := x.doc.checkSigner("statement", parsed); err != nil {
		s.stop(err)
		by = ""
	}
	if f := futureFinding("", by, parsed.Header().Last, now, maxDrift); f != nil {
		f.Place = "statement.period"
		s.find(f)
	}
	x.rep.Totals.Entries = 1
	return true
}

func (x *exhibit) readRecords() {
	s, header := x.state, x.statement.Header()
	if x.Frame == nil && len(x.Records) == 0 {
		s.Optional = true
		s.because("none were given")
		return
	}
	s.begin()
	if x.Frame != nil {
		sub := provenance.Submission{Statement: x.statement, Frame: x.Frame}
		// Under which rules and policy it was admitted is the ledger's to know.
		if _, _, err := sub.CheckRecords(provenance.FormatLimits()); err != nil {
			s.finding(recordsCode(err), "records", "records that give the statement's count, root, period and totals", err.Error())
		}
		s.Checked += int64(header.Count)
	}
	for i, raw := range x.Records {
		if err := recordOf(fmt.Sprintf("record proofs[%d]", i), raw, header, -1); err != nil {
			s.stop(err)
		}
		s.Checked++
	}
	x.rep.Totals.Records = s.Checked
}

func (x *exhibit) readReceipt() {
	s := x.receipts
	if len(x.Receipt) == 0 {
		s.because("none was given: nothing shows that a ledger accepted the statement")
		return
	}
	s.begin()
	s.Checked = 1
	r, err := receiptFor(x.origin, "statement", x.Receipt, statementLeaf(x.statement))
	if err != nil {
		s.stop(err)
		return
	}
	header, err := x.headers.Open(x.ctx, r.Anchor.LightBlock)
	if err == nil {
		err = anchored("statement", r, header)
	}
	if err != nil {
		s.stop(within("statement.receipt.anchor", err))
		return
	}
	x.head, x.receipt = header, r
}

// ledger says which log the receipt led to.
func (x *exhibit) ledger() {
	if x.receipt == nil {
		return
	}
	p := x.receipt.Anchor.Preimage
	x.rep.Ledger = &Ledger{
		ChainID: x.head.ChainID, Origin: x.origin, Height: x.head.Height, Header: x.head.Hash,
		Time: x.head.Time.UTC().Format(time.RFC3339Nano), LogSize: p.Size, LogRoot: p.LogRoot,
		StateRoot: p.StateRoot, AppHash: x.head.AppHash,
	}
}
