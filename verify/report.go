package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf16"

	"tokentrail/provenance"
)

// ReportFormat is the version of the report's JSON (spec/verify.md VER-20).
const ReportFormat = 1

// A Verdict is what a report comes to.
type Verdict string

// Verdicts, in the order in which they prevail: evidence against anything is
// evidence, whatever else could not be checked.
const (
	Evidence  Verdict = "evidence against"
	Expired   Verdict = "trust expired"
	Unchecked Verdict = "could not check"
	Holds     Verdict = "holds"
)

// Exit returns the exit code of the verdict (SPEC(VER-21)).
func (v Verdict) Exit() int {
	switch v {
	case Holds:
		return 0
	case Evidence:
		return 1
	case Expired:
		return 3
	}
	return 2
}

// An Outcome is what came of a step.
type Outcome string

// Outcomes. What was only partly looked at, without a finding, is not checked.
const (
	Passed     Outcome = "passed"
	Failed     Outcome = "failed"
	NotChecked Outcome = "not checked"
)

// notReached is the reason of a step that nobody has begun.
const notReached = "not reached"

// A Step is one part of an audit.
type Step struct {
	Name     string     `json:"name"`
	Outcome  Outcome    `json:"outcome"`
	Checked  int64      `json:"checked"` // things looked at
	What     string     `json:"what"`    // what Checked counts
	Reason   string     `json:"reason,omitempty"`
	Optional bool       `json:"optional,omitempty"` // the auditor did not ask for it
	Findings []*Finding `json:"findings"`
	More     int64      `json:"more_findings,omitempty"` // beyond those that are kept

	most    int
	expired bool
	beyond  map[string]int64 // More, by provider; "" is the ledger
	demote  bool             // findings against providers become notices,
	notices notices          // which these are
	goesOn  bool             // it has what an earlier run found,
	had     []*Finding       // which is this
}

// TrustUsed is what the verdict stands on.
type TrustUsed struct {
	Kind        string           `json:"kind"` // genesis, header, or report
	GenesisHash *provenance.Hash `json:"genesis_hash,omitempty"`
	GenesisFrom string           `json:"genesis_from"` // auditor, node or exhibit
	Height      int64            `json:"height,omitempty"`
	Hash        *provenance.Hash `json:"hash,omitempty"`
	Period      string           `json:"period,omitempty"`
	Report      *EarlierReport   `json:"report,omitempty"` // where Kind is report
	Says        string           `json:"says"`
	Kept        *KeptUsed        `json:"kept,omitempty"` // that the audit was compared with
}

// An EarlierReport is the verdict that an audit went on from. SPEC(VER-45)
type EarlierReport struct {
	Started string  `json:"started"`
	Verdict Verdict `json:"verdict"`
	Trust   string  `json:"trust"` // the kind that the first of all began with: genesis or header
	LogSize int64   `json:"log_size"`
}

// Ledger is the head that was audited.
type Ledger struct {
	ChainID   string          `json:"chain_id"`
	Origin    string          `json:"origin"`
	Height    int64           `json:"height"` // of the header that carries the app hash
	Time      string          `json:"time"`   // of that header
	Header    provenance.Hash `json:"header"`
	LogSize   int64           `json:"log_size"`
	LogRoot   provenance.Hash `json:"log_root"`
	StateRoot provenance.Hash `json:"state_root"`
	AppHash   provenance.Hash `json:"app_hash"`
}

// KindTotals are the records and tokens of one kind. One token may have a
// production, a transfer and a consumption record, so kinds are never summed.
type KindTotals struct {
	Records provenance.Sum `json:"records"`
	Input   provenance.Sum `json:"input"`
	Output  provenance.Sum `json:"output"`
}

// Totals say how much was looked at.
type Totals struct {
	Headers       int64                  `json:"headers"`
	Entries       int64                  `json:"entries"`
	Acts          int64                  `json:"acts"`          // of these
	Equivocations int64                  `json:"equivocations"` // of these
	Records       int64                  `json:"records"`
	Streams       int64                  `json:"streams"`
	Providers     int64                  `json:"providers"`
	Kinds         map[string]*KindTotals `json:"kinds"`
	Stolen        *StolenTotals          `json:"stolen,omitempty"` // of these, under stolen keys
	Millis        int64                  `json:"milliseconds"`
	PerSecond     int64                  `json:"records_per_second"`
}

// A Report is the outcome of an audit: one document, whatever the outcome.
type Report struct {
	Format      int            `json:"format"`
	Verdict     Verdict        `json:"verdict"`
	ExitCode    int            `json:"exit"`
	Started     string         `json:"started"`
	From        string         `json:"from,omitempty"` // where the evidence came from
	Trust       TrustUsed      `json:"trust"`
	Ledger      *Ledger        `json:"ledger"` // null where no head was anchored
	Against     AgainstCounts  `json:"against"`
	Witnesses   []*WitnessSays `json:"witnesses,omitempty"`
	Fork        *ForkProof     `json:"fork,omitempty"`     // that fork evidence proves
	Exhibit     *Exhibited     `json:"exhibit,omitempty"`  // what an exhibit proves
	Exhibits    []*Exhibited   `json:"exhibits,omitempty"` // what those prove that a check of a few records rests on
	Streams     []*StreamSays  `json:"streams,omitempty"`  // that were checked by themselves
	Steps       []*Step        `json:"steps"`
	Notices     []Notice       `json:"notices"`                // about providers: no evidence against the ledger
	MoreNotices int64          `json:"more_notices,omitempty"` // beyond those that are kept
	Totals      Totals         `json:"totals"`
	Coverage    *Coverage      `json:"coverage,omitempty"` // of an inspection
	Assumptions []string       `json:"assumptions"`
	Seed        string         `json:"seed,omitempty"` // of the samples

	kept     *Kept // to keep
	keptErr  error // why there is none
	audited  *AuditedLog
	evidence []*Fork
	sums     []*flowSum // of an audit of flows alone
	before   int64      // records of Totals that an earlier run looked at
}

// newReport begins a report.
func newReport(o *Options) *Report {
	r := &Report{Format: ReportFormat, From: o.From, Assumptions: []string{}, Notices: []Notice{}}
	r.Totals.Kinds = map[string]*KindTotals{}
	r.Against.As = AsFinding
	if o.NoticeProviders {
		r.Against.As = AsNotice
	}
	return r
}

// Exit returns the exit code of the report's verdict.
func (r *Report) Exit() int { return r.Verdict.Exit() }

// JSON returns the report as one JSON document, in which what is not printable is
// escaped. SPEC(VER-20), SPEC(VER-55)
func (r *Report) JSON() ([]byte, error) {
	var b, safe bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	for _, c := range b.String() {
		if c == '\n' || unicode.IsPrint(c) {
			safe.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&safe, `\u%04x`, unit)
		}
	}
	return safe.Bytes(), nil
}

// Findings returns all findings that were kept, in the order of the steps.
func (r *Report) Findings() []*Finding {
	var all []*Finding
	for _, s := range r.Steps {
		all = append(all, s.Findings...)
	}
	return all
}

// step adds a step that nobody has begun.
func (r *Report) step(name, what string, most int) *Step {
	if most <= 0 {
		most = defaultFindings
	}
	s := &Step{Name: name, Outcome: NotChecked, What: what, Reason: notReached, Findings: []*Finding{}, most: most, demote: r.Against.As == AsNotice}
	s.notices.most = most
	r.Steps = append(r.Steps, s)
	return s
}

// find keeps a finding.
func (s *Step) find(f *Finding) {
	if slices.ContainsFunc(s.had, f.same) {
		return
	}
	notice := s.demote && f.ofProvider()
	switch {
	case notice && len(s.notices.kept) < s.most:
		f.How = filled(f.How, f.Place)
		s.notices.add(f.asNotice())
	case notice:
		s.findMore(f.Provider, 1)
	case len(s.Findings) < s.most:
		f.How = filled(f.How, f.Place)
		s.fail()
		s.Findings = append(s.Findings, f)
	default:
		s.countMore(f.Provider, 1)
	}
}

// findMore counts findings against a provider that nobody kept.
func (s *Step) findMore(provider string, n int64) {
	if s.demote {
		s.notices.more += n
		s.countBeyond(provider, n)
		return
	}
	s.fail()
	s.countMore(provider, n)
}

// fail says that something was found. Why the step was not carried through to its end
// stays, if there is a reason.
func (s *Step) fail() {
	if s.Outcome = Failed; s.Reason == notReached {
		s.Reason = ""
	}
}

// countMore counts findings beyond those that are kept.
func (s *Step) countMore(provider string, n int64) {
	s.More += n
	s.countBeyond(provider, n)
}

// countBeyond counts what is not kept by whom it speaks against.
func (s *Step) countBeyond(provider string, n int64) {
	if s.beyond == nil {
		s.beyond = map[string]int64{}
	}
	if _, known := s.beyond[provider]; known || len(s.beyond) < mostAccused {
		s.beyond[provider] += n
		return
	}
	s.beyond[manyProviders] += n
}

// finding makes and keeps one.
func (s *Step) finding(code Code, place, want, got string) {
	s.find(NewFinding(code, place, want, got))
}

// stop says why the step did not go on: evidence, or that it could not check.
func (s *Step) stop(err error) {
	var f *Finding
	if errors.As(err, &f) {
		s.find(f)
		return
	}
	s.expired = s.expired || errors.Is(err, ErrExpired)
	s.because(err.Error())
}

// because says why the step was not checked, or not to its end.
func (s *Step) because(reason string) {
	s.Reason = reason
	if s.Outcome == Passed {
		s.Outcome = NotChecked
	}
}

// begin marks a step as good as passed, until something is found or stops it. One
// that goes on may have found something before.
func (s *Step) begin() {
	if s.Outcome, s.Reason = Passed, ""; s.goesOn && (len(s.Findings) > 0 || s.More > 0) {
		s.Outcome = Failed
	}
}

// TrustExpired reports whether the trust expired, whatever else was found: evidence comes
// first in the verdict. SPEC(VER-21)
func (r *Report) TrustExpired() bool {
	return slices.ContainsFunc(r.Steps, func(s *Step) bool { return s.expired })
}

// conclude draws the verdict.
func (r *Report) conclude(started, ended time.Time) {
	r.Started = started.UTC().Format(time.RFC3339)
	elapsed := ended.Sub(started)
	r.Totals.Millis = elapsed.Milliseconds()
	if elapsed > 0 {
		r.Totals.PerSecond = int64(float64(r.Totals.Records-r.before) / elapsed.Seconds())
	}
	r.Verdict = Holds
	worse := map[Verdict]int{Holds: 0, Unchecked: 1, Expired: 2, Evidence: 3}
	for _, s := range r.Steps {
		v := Holds
		switch {
		case s.Outcome == Failed:
			v = Evidence
		case s.expired:
			v = Expired
		case s.Outcome == NotChecked && !s.Optional:
			v = Unchecked
		}
		if worse[v] > worse[r.Verdict] {
			r.Verdict = v
		}
	}
	r.ExitCode = r.Exit()
	r.settle()
}

// settle counts findings by whom they speak against, and gathers the notices that
// findings became. SPEC(VER-51)
func (r *Report) settle() {
	r.Against.By = map[string]int64{}
	for _, s := range r.Steps {
		for _, f := range s.Findings {
			if f.Against == AgainstFile {
				r.Against.File++
				continue
			}
			r.Against.accuse(f.Provider, 1)
		}
		for provider, n := range s.beyond {
			r.Against.accuse(provider, n)
		}
		for _, n := range s.notices.kept {
			r.Against.accuse(n.Provider, 1)
		}
		r.Notices, r.MoreNotices = append(r.Notices, s.notices.kept...), r.MoreNotices+s.notices.more
	}
}
