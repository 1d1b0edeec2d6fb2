package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tokentrail/provenance"
)

// Kinds of forks.
const (
	ForkOfHeaders = "headers" // two headers of one height
	ForkOfLogs    = "log"     // the newer log does not begin with the older one
)

// A ForkProof is what fork evidence was shown to prove. SPEC(VER-39)
type ForkProof struct {
	Kind       string      `json:"kind"`
	Sides      [2]ForkHead `json:"sides"`
	SignedBoth []Signer    `json:"signed_both"`
	OneRound   bool        `json:"one_round"` // of consensus: no correct validator signs twice in it
	Says       string      `json:"says"`
}

// A ForkHead is a header that validators signed.
type ForkHead struct {
	Height  int64           `json:"height"`
	Time    string          `json:"time"`
	Header  provenance.Hash `json:"header"`
	AppHash provenance.Hash `json:"app_hash"`
	LogSize *int64          `json:"log_size,omitempty"`
	Round   int32           `json:"round"`
	Signed  int64           `json:"signed"` // power
	Power   int64           `json:"power"`  // of all
}

// CheckFork says what fork evidence proves, without a network: a finding where it
// proves a fork, else why not. There is no pass. SPEC(VER-35)
func CheckFork(ctx context.Context, f *Fork, judge ForkJudge, trust Trust, o Options) *Report {
	a := &audit{ctx: ctx, trust: trust, opts: o, rep: newReport(&o)}
	a.genesis = a.rep.step("genesis", "documents", o.MaxFindings)
	headers := a.rep.step("headers", "headers", o.MaxFindings)
	proof := a.rep.step("fork", "contradictions", o.MaxFindings)
	started := o.Now()
	if a.openFork(f) {
		headers.begin()
		sides, err := followSides(ctx, f, judge, trust)
		headers.Checked = 2
		if err == nil {
			proof.begin()
			proof.Checked = 1
			a.rep.Fork, err = contradiction(f, sides)
			if err == nil {
				proof.find(a.rep.Fork.finding())
				proof.Findings[0].How = howForkFile
			} else {
				proof.because(err.Error())
			}
		} else {
			headers.expired = errors.Is(err, ErrExpired)
			headers.because(err.Error())
		}
	}
	a.fillInFork()
	a.rep.conclude(started, o.Now())
	return a.rep
}

// openFork reads the genesis document. What is wrong with it speaks against
// whoever made the file, never against the ledger. SPEC(VER-35)
func (a *audit) openFork(f *Fork) bool {
	s := a.genesis
	s.begin()
	s.Checked = 1
	doc, err := parseGenesis(f.Genesis)
	if err != nil {
		s.because(err.Error())
		return false
	}
	a.doc, a.origin = doc, provenance.Origin(doc.chainID, doc.hash)
	switch {
	case a.trust.Genesis == nil && a.trust.Height == 0:
		s.because(fmt.Sprintf("no trust was given: name the genesis document's SHA-256, from elsewhere, or a trusted header; the file is about the ledger %s", a.origin))
	case a.trust.Genesis != nil && *a.trust.Genesis != doc.hash:
		s.because(fmt.Sprintf("the file is about another ledger: the SHA-256 of its genesis document is %s, the trusted one is %s", doc.hash, a.trust.Genesis))
	}
	return s.Outcome == Passed
}

// fillInFork completes a report on fork evidence.
func (a *audit) fillInFork() {
	t := a.trust
	u := TrustUsed{Kind: "genesis", GenesisFrom: "exhibit", Height: t.Height, Says: "nothing: the genesis document is the file's own"}
	if a.doc != nil {
		u.GenesisHash = &a.doc.hash
	}
	if t.Genesis != nil {
		u.GenesisFrom, u.GenesisHash, u.Says = "auditor", t.Genesis, "the genesis document whose SHA-256 the auditor gave; the validators since by the file's headers at which they change"
	}
	if t.Height > 0 {
		u.Kind, u.Hash, u.Period = "header", &t.Hash, t.Period.String()
		u.Says = fmt.Sprintf("trusted header %d with hash %s, within %s; the validators since by the file's headers at which they change", t.Height, t.Hash, days(t.Period))
	}
	a.rep.Trust = u
	a.assume("SHA-256 and Ed25519 hold, and validators keep their keys to themselves: nothing is assumed of how many are honest, since this shows that too many were not")
}

// followSides opens both sides from the trust.
func followSides(ctx context.Context, f *Fork, judge ForkJudge, trust Trust) (sides [2]*SignedHeader, err error) {
	if err := judge.Begin(f.Genesis, f.Anchor, trust); err != nil {
		return sides, err
	}
	for i, s := range f.Sides {
		if sides[i], err = judge.Follow(ctx, s.Changes, s.LightBlock); err != nil {
			return sides, fmt.Errorf("the %s side: %w", [2]string{"first", "second"}[i], err)
		}
	}
	return sides, nil
}

// contradiction says what is wrong between two headers that follow from the same
// trust, or why nothing is. SPEC(VER-35)
func contradiction(f *Fork, sides [2]*SignedHeader) (*ForkProof, error) {
	a, b := sides[0], sides[1]
	p := &ForkProof{Kind: ForkOfHeaders, SignedBoth: []Signer{}}
	for i, h := range sides {
		p.Sides[i] = ForkHead{
			Height: h.Height, Time: h.Time.UTC().Format(time.RFC3339Nano), Header: h.Hash, AppHash: h.AppHash,
			Round: h.Round, Signed: h.signed(), Power: h.Power,
		}
	}
	switch {
	case a.Height > b.Height:
		return nil, fmt.Errorf("the first side is of height %d, the second of %d: wanted the lower one first", a.Height, b.Height)
	case a.Height == b.Height && a.Hash != b.Hash:
		p.accuse(a, b)
		return p, nil
	case a.Height == b.Height:
		return nil, fmt.Errorf("both sides are the header %d with hash %s: that proves nothing", a.Height, a.Hash)
	}
	older, err := preimageOf("first", f.Sides[0], a)
	if err != nil {
		return nil, err
	}
	newer, err := preimageOf("second", f.Sides[1], b)
	if err != nil {
		return nil, err
	}
	p.Kind, p.Sides[0].LogSize, p.Sides[1].LogSize = ForkOfLogs, &older.Size, &newer.Size
	p.Says, err = parted(f, older, newer)
	return p, err
}

// preimageOf returns what a side's app hash stands for.
func preimageOf(which string, s ForkSide, h *SignedHeader) (p provenance.Preimage, err error) {
	if len(s.Preimage) == 0 {
		return p, fmt.Errorf("the headers are of different heights, and the %s side has no preimage that would tell its log: that proves nothing", which)
	}
	if p, err = provenance.ParsePreimage(s.Preimage); err != nil {
		return p, fmt.Errorf("the %s side's preimage: %w", which, err)
	}
	if got := p.AppHash(); got != h.AppHash {
		return p, fmt.Errorf("the %s side's preimage gives the app hash %s, header %d has %s: that proves nothing", which, got, h.Height, h.AppHash)
	}
	return p, nil
}

// parted says how the newer log is no extension of the older one.
func parted(f *Fork, older, newer provenance.Preimage) (string, error) {
	switch {
	case newer.Size < older.Size:
		return fmt.Sprintf("the log had %d entries, and %d later", older.Size, newer.Size), nil
	case newer.Size == older.Size && newer.LogRoot != older.LogRoot:
		return fmt.Sprintf("the log of %d entries had the root %s, and later %s", older.Size, older.LogRoot, newer.LogRoot), nil
	case newer.Size == older.Size:
		return "", errors.New("both headers are of the same log: that proves nothing")
	case f.Root == nil:
		return "", errors.New("the second log is longer, and no path shows what it begins with: that proves nothing")
	case *f.Root == older.LogRoot:
		return "", errors.New("the second log begins with the first: that proves nothing")
	case older.Size == 0:
		return "", errors.New("every log begins with the empty one: that proves nothing")
	}
	// SPEC(VER-35): with sizes and the newer root given, a path that leads to that
	// root is of the tree's own nodes, so that the older root is that of the tree's
	// first entries.
	path := &provenance.Consistency{Older: older.Size, Newer: newer.Size, Path: f.Path}
	if err := path.Verify(*f.Root, newer.LogRoot); err != nil {
		return "", fmt.Errorf("the path to the second log does not hold: %w: that proves nothing", err)
	}
	return fmt.Sprintf("the first %d entries had the root %s, and later %s", older.Size, older.LogRoot, f.Root), nil
}

// accuse names who signed both headers of one height. SPEC(VER-36)
func (p *ForkProof) accuse(a, b *SignedHeader) {
	power := map[string]int64{}
	for _, s := range a.Signers {
		power[s.Address] = s.Power
	}
	for _, s := range b.Signers {
		if of, both := power[s.Address]; both {
			p.SignedBoth = append(p.SignedBoth, Signer{s.Address, min(of, s.Power)})
		}
	}
	p.OneRound = a.Round == b.Round
	switch {
	case len(p.SignedBoth) == 0:
		p.Says = "nobody signed both: the histories have other validators at this height, and parted before"
	case p.OneRound:
		p.Says = fmt.Sprintf("%s signed both in round %d, which no correct validator does", amount(int64(len(p.SignedBoth)), "validators"), a.Round)
	default:
		p.Says = fmt.Sprintf("%s signed both, in rounds %d and %d: some of them broke their lock, and the commits alone do not tell which",
			amount(int64(len(p.SignedBoth)), "validators"), a.Round, b.Round)
	}
	if a.ValidatorsHash != b.ValidatorsHash && len(p.SignedBoth) > 0 {
		p.Says += "; the histories have other validators at this height, and parted before"
	}
}

// finding is the fork as a finding.
func (p *ForkProof) finding() *Finding {
	a, b := p.Sides[0], p.Sides[1]
	if p.Kind == ForkOfLogs {
		return NewFinding(CodeFork, fmt.Sprintf("headers[%d].app_hash", b.Height),
			fmt.Sprintf("a log that begins with that of header %d, whose app hash is %s", a.Height, a.AppHash), fmt.Sprintf("%s: %s", b.AppHash, p.Says))
	}
	return NewFinding(CodeFork, placeOfHeader(a.Height), "one header of this height that more than two thirds of the validators signed",
		fmt.Sprintf("two, %s and %s; %s", a.Header, b.Header, p.Says))
}

// facts are who signed both, for people.
func (p *ForkProof) facts() (facts []fact) {
	if p == nil {
		return nil
	}
	for _, s := range p.Sides {
		facts = append(facts, fact{"Side", fmt.Sprintf("header %d of %s, hash %s, round %d, signed by %d of %d", s.Height, s.Time, s.Header, s.Round, s.Signed, s.Power)})
	}
	const aLine = 6 // validators
	for i := 0; i < len(p.SignedBoth); i += aLine {
		var names []string
		for _, s := range p.SignedBoth[i:min(i+aLine, len(p.SignedBoth))] {
			names = append(names, fmt.Sprintf("%s (power %d)", s.Address, s.Power))
		}
		facts = append(facts, fact{"Both", strings.Join(names, ", ")})
	}
	return facts
}

// placeOfHeader names a height in findings.
func placeOfHeader(height int64) string { return fmt.Sprintf("headers[%d]", height) }
