package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"tokentrail/provenance"
)

// An Exhibit is what somebody brings along to prove one entry and records of it:
// bytes that need no network. It is a bundle (spec/bundle.md), however it came: out of
// a file (provenance.ParseBundle), of a transparent statement and a genesis document
// (provenance.ParseTransparent), or from a node (remote.Node.Exhibit).
type Exhibit = provenance.Bundle

// CheckExhibit checks an entry, its receipt, who signed it, and records of it,
// offline. headers decides which light blocks are trusted; light.Offline does it
// without a network. What the receipt says of the node's own signature is not
// looked at: the anchor is what makes it trustworthy (SPEC(RCP-1)).
func CheckExhibit(ctx context.Context, e *Exhibit, headers HeaderVerifier, trust Trust, o Options) *Report {
	return NewExhibits(headers, trust).Check(ctx, e, o)
}

// Exhibits checks one exhibit after another under one trust. What they share, a
// genesis document, a header, what is proven of an issuer, is looked at once. Its
// methods belong to one goroutine.
type Exhibits struct {
	headers HeaderVerifier
	trust   Trust
	doc     *genesisDoc                     // the last one
	issuers map[provenance.Hash]*registered // by the value's hash: nothing of it depends on the exhibit
}

// maxIssuers bounds the values of issuers that are remembered.
const maxIssuers = 256

// NewExhibits returns a checker of exhibits.
func NewExhibits(headers HeaderVerifier, trust Trust) *Exhibits {
	return &Exhibits{headers: headers, trust: trust, issuers: map[provenance.Hash]*registered{}}
}

// Check checks an exhibit. SPEC(BND-4)
func (c *Exhibits) Check(ctx context.Context, e *Exhibit, o Options) *Report {
	r := c.check(ctx, e, o)
	r.standAlone()
	return r
}

// check checks an exhibit, alone or as part of another check.
func (c *Exhibits) check(ctx context.Context, e *Exhibit, o Options) *Report {
	x := newExhibit(ctx, c, e, o)
	started := o.Now()
	if x.readGenesis() {
		x.readHeaders()
		form := x.readEntry()
		x.readReceipt(form)
		x.readStates()
		if form {
			x.readBlock()
			x.checkSigner()
			x.checkRecords()
		} else {
			x.signer.because("the entry cannot be read")
		}
	}
	x.conclude()
	x.rep.conclude(started, o.Now())
	return x.rep
}

// exhibit is one check. It fills in the same report as an audit.
type exhibit struct {
	*audit
	*Exhibit
	shared *Exhibits

	led, entry, proven, signer, shown *Step

	kind         provenance.LeafKind
	leaf         leaf
	statement    *provenance.UnverifiedStatement
	act          *provenance.UnverifiedAct
	equivocation *provenance.Equivocation

	receipt *provenance.Receipt // once it holds, under a trusted header
	anchors []anchor            // trusted
	states  []provenState
	block   int64 // height of the entry's block, where its header shows it; else 0
	noBlock error // why it does not, where it is there
	says    *Exhibited
}

// Exhibited is what an exhibit proves, as far as its report holds. SPEC(BND-15)
type Exhibited struct {
	Kind       string            `json:"kind"`  // statement, act or equivocation
	Entry      int64             `json:"entry"` // index; -1 where no receipt shows it
	ID         provenance.Hash   `json:"id"`
	Issuer     string            `json:"issuer"` // empty: governance
	Stream     string            `json:"stream,omitempty"`
	Sequence   int64             `json:"sequence"`
	Records    []ExhibitedRecord `json:"records,omitempty"`
	AllRecords int64             `json:"all_records,omitempty"`
	NotBefore  int64             `json:"not_before"` // heights of its block; 0 where nothing tells
	NotAfter   int64             `json:"not_after"`
}

// ExhibitedRecord is a record that an exhibit proves.
type ExhibitedRecord struct {
	Index int64           `json:"index"`
	ID    provenance.Hash `json:"id"`
}

func newExhibit(ctx context.Context, c *Exhibits, e *Exhibit, o Options) *exhibit {
	a := &audit{ctx: ctx, headers: c.headers, trust: c.trust, opts: o, rep: newReport(&o)}
	step := func(name, what string) *Step { return a.rep.step(name, what, o.MaxFindings) }
	x := &exhibit{audit: a, Exhibit: e, shared: c}
	a.genesis = step("genesis", "documents")
	x.led = step("headers", "headers that led on")
	x.entry = step("entry", "entries")
	x.proven = step("receipt", "receipts")
	x.signer = step("signer", "signatures")
	x.shown = step("records", "records")
	return x
}

// readGenesis reads the document and holds it against the trust. SPEC(BND-5)
func (x *exhibit) readGenesis() bool {
	s := x.genesis
	s.begin()
	s.Checked = 1
	hash := provenance.Hash(sha256.Sum256(x.Genesis))
	if x.shared.doc == nil || x.shared.doc.hash != hash {
		doc, err := parseGenesis(x.Genesis)
		if err != nil {
			s.stop(err)
			return false
		}
		x.shared.doc = doc
	}
	x.doc = x.shared.doc
	x.origin = provenance.Origin(x.doc.chainID, hash)
	// SPEC(LOG-2)
	if x.trust.Genesis != nil && *x.trust.Genesis != hash {
		s.finding(CodeGenesisHash, "genesis", x.trust.Genesis.String(), hash.String())
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

// readHeaders goes from the trust to later validators. SPEC(BND-6)
func (x *exhibit) readHeaders() {
	s := x.led
	leader, can := x.headers.(HeaderLeader)
	if !can {
		s.begin()
		return // it leads by itself
	}
	var others [][]byte
	if r, err := provenance.ParseReceipt(x.Receipt); err == nil {
		others = append(others, r.Anchor.LightBlock)
	}
	for i := range x.States {
		if block := x.States[i].LightBlock; len(block) > 0 {
			others = append(others, block)
		}
	}
	if x.Block != nil {
		others = append(others, x.Block.LightBlock)
	}
	s.begin()
	led, err := leader.Lead(x.ctx, x.Headers, others)
	if s.Checked = led; err != nil {
		stopExhibit(s, err)
	}
}

// stopExhibit is stop, but that validators to whom nothing leads are no evidence: a
// header between may be missing. SPEC(VER-28)
func stopExhibit(s *Step, err error) {
	if errors.Is(err, ErrOtherValidators) {
		s.because(err.Error())
		return
	}
	s.stop(err)
}

// readEntry reads the entry by itself. SPEC(BND-7)
func (x *exhibit) readEntry() bool {
	s := x.entry
	s.begin()
	s.Checked = 1
	x.rep.Totals.Entries = 1
	x.kind, _ = provenance.LeafKindOf(x.Entry)
	x.says = &Exhibited{Entry: -1}
	var err error
	switch x.kind {
	case provenance.LeafAct:
		err = x.readAct()
	case provenance.LeafEquivocation:
		err = x.readEquivocation()
	default:
		err = x.readStatement()
	}
	if err == nil {
		x.leaf, err = leafOf(x.Entry)
		x.says.ID = x.leaf.id
	}
	if err != nil {
		x.says = nil
		s.stop(err)
		return false
	}
	x.rep.Exhibit = x.says
	return true
}

func (x *exhibit) readStatement() (err error) {
	if x.statement, err = provenance.ParseStatement(x.Entry); err != nil {
		return NewFinding(CodeStatementForm, "entry", "a canonical statement of spec/statement.md", err.Error())
	}
	h := x.statement.Header()
	x.says.Kind, x.says.Issuer, x.says.Stream, x.says.Sequence = "statement", h.Issuer, h.Stream, h.Sequence
	return nil
}

// readReceipt holds the receipt against the entry and its anchor against a trusted
// header. SPEC(BND-8)
func (x *exhibit) readReceipt(form bool) {
	s := x.proven
	switch {
	case len(x.Receipt) == 0:
		s.because("none was given: nothing shows that a ledger accepted the entry")
		return
	case !form:
		s.because("the entry cannot be read")
		return
	}
	s.begin()
	s.Checked = 1
	r, err := receiptFor(x.origin, "entry", x.Receipt, x.leaf)
	if err != nil {
		s.stop(err)
		return
	}
	if x.led.Outcome == Failed {
		s.because("the headers that are to lead to its own do not hold")
		return
	}
	header, err := x.headers.Open(x.ctx, r.Anchor.LightBlock)
	if err == nil {
		err = anchored("entry", r, header)
	}
	switch {
	case errors.Is(err, ErrOtherValidators):
		s.because(err.Error())
	case err != nil:
		s.stop(within("entry.receipt.anchor", err))
	default:
		x.head, x.receipt, x.says.Entry = header, r, r.Proof.Index
		x.anchors = append(x.anchors, anchor{r.Anchor.Preimage, header.Height})
	}
}

// checkRecords holds all records, or some, against the statement. SPEC(BND-13)
func (x *exhibit) checkRecords() {
	s := x.shown
	if x.statement == nil {
		s.Optional = true
		s.because("the entry has none")
		x.noRecords()
		return
	}
	header := x.statement.Header()
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
		x.says.AllRecords = int64(header.Count)
	}
	for i, raw := range x.Records {
		place := fmt.Sprintf("record proofs[%d]", i)
		proof, id, err := recordOf(place, raw, header, -1)
		if err != nil {
			s.stop(err)
		} else {
			x.says.Records = append(x.says.Records, ExhibitedRecord{proof.Index, id})
		}
		s.Checked++
	}
	x.rep.Totals.Records = s.Checked
}

// noRecords says what an entry that is no statement has too much.
func (x *exhibit) noRecords() {
	switch {
	case x.act != nil && (x.Frame != nil || len(x.Records) > 0):
		x.shown.finding(CodeActForm, "records", "no records: an act has none", "some")
	case x.equivocation != nil && len(x.Records) > 0:
		x.shown.finding(CodeEquivocationForm, "records", "no records: an equivocation has none", "some")
	}
}

// conclude completes the report with what the exhibit rests on.
func (x *exhibit) conclude() {
	x.fillIn()
	x.rep.Totals.Headers = x.headers.Verified()
	t := &x.rep.Trust
	switch {
	case x.trust.Height > 0:
		t.Says = fmt.Sprintf("trusted header %d with hash %s, within %s; later headers by those between that the exhibit has, each signed by the validators that the one before named", x.trust.Height, x.trust.Hash, days(x.trust.Period))
	case x.trust.Genesis != nil:
		t.Says = "the genesis document whose SHA-256 the auditor gave; headers by the validators that it names, and by those whom they handed over to in headers that the exhibit has"
	}
	if x.receipt != nil {
		p := x.receipt.Anchor.Preimage
		x.rep.Ledger = &Ledger{
			ChainID: x.head.ChainID, Origin: x.origin, Height: x.head.Height, Header: x.head.Hash,
			Time: x.head.Time.UTC().Format(time.RFC3339Nano), LogSize: p.Size, LogRoot: p.LogRoot,
			StateRoot: p.StateRoot, AppHash: x.head.AppHash,
		}
	}
	if x.trust.Genesis == nil {
		x.assume("the origin is that of the exhibit's genesis document, which no trust names; that the ledger admitted the entry is proven by the header alone")
	}
	// SPEC(BND-14)
	x.assume("what only admission could see is the validators' word: that the issuer was active, that the entry has its place behind those before it, that the policy of then allowed it")
	if x.trust.Height == 0 {
		x.assume("validators who left do not sign another history together: a trusted header would show it")
	}
	if r := x.rep.Exhibit; r != nil {
		r.NotBefore, r.NotAfter = x.heightsOf()
		slices.SortStableFunc(r.Records, func(a, b ExhibitedRecord) int { return int(a.Index - b.Index) })
	}
}
