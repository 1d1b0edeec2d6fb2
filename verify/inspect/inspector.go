package inspect

import (
	"fmt"
	"sync"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/profile"
)

// An Inspector looks at what providers said. It serves one audit
// (verify.Options.Inspect). Look may be called by several goroutines; what Take and
// Conclude work on belongs to the goroutine that calls them.
type Inspector struct {
	opts     Options
	profiles []profile.Profile // read only
	since    []int64           // when the law of each is in force; read only
	bases    map[string]bool   // known ones; read only
	readers  sync.Pool         // of *reader

	checked int64
	kept    map[string]*kept // findings, by rule
	sums    *sums
	mirrors *mirrors // nil where nobody asked
}

var (
	_ verify.Inspector           = (*Inspector)(nil)
	_ verify.CorrectionInspector = (*Inspector)(nil)
)

// kept are the findings of one rule.
type kept struct {
	findings []*verify.Finding
	moreBy   map[string]int64 // beyond those, by provider
}

// New makes an inspector. The error is an *OptionError.
func New(o Options) (*Inspector, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Watts == 0 {
		o.Watts = defaultWatts
	}
	if o.MaxFindings <= 0 {
		o.MaxFindings = defaultFindings
	}
	in := &Inspector{opts: o, bases: knownBases(o.Bases), kept: map[string]*kept{}, sums: newSums(o.Rules)}
	for _, p := range profile.All() {
		if has(o.Profiles, p.ID) {
			in.profiles, in.since = append(in.profiles, p), append(in.since, inForceSince(&p))
		}
	}
	if o.Mirrors != nil {
		in.mirrors = newMirrors(in, *o.Mirrors)
	}
	in.readers.New = func() any { return newReader() }
	return in, nil
}

// A part is what was found in one statement.
type part struct {
	provider string
	entry    int64
	checked  int64
	findings []partFinding
	sums     sums
	rows     []transferRow // for mirrors

	statement map[string]any // as rules see it; nil until one asks
}

// A partFinding is the first record of an entry that breaks a rule.
type partFinding struct {
	rule    string // code, or code and rule's id
	code    verify.Code
	record  int
	at      string // behind the record's place
	want    string
	got     string
	records int64 // of the entry that break it
}

// find notes that a record breaks a rule. want and got are made for the first alone.
func (p *part) find(rule string, code verify.Code, record int, at string, words func() (want, got string)) {
	for i := range p.findings {
		if p.findings[i].rule == rule {
			p.findings[i].records++
			return
		}
	}
	want, got := words()
	p.findings = append(p.findings, partFinding{rule, code, record, at, want, got, 1})
}

// finding makes the finding to be told.
func (p *part) finding(f *partFinding) *verify.Finding {
	got := f.got
	if f.records > 1 {
		got = fmt.Sprintf("%s; and %d more records of the entry", got, f.records-1)
	}
	return verify.ProviderFinding(p.provider, f.code, fmt.Sprintf("entries[%d].records[%d]%s", p.entry, f.record, f.at), f.want, got)
}

// Look looks at one statement. SPEC(VER-70)
func (in *Inspector) Look(j *verify.Judged) any {
	h := j.Statement.Header()
	inspects := in.opts.wants(j.Entry, h)
	if !inspects && in.mirrors == nil {
		return nil
	}
	r := in.readers.Get().(*reader)
	defer in.readers.Put(r)
	p := &part{provider: h.Issuer, entry: j.Entry}
	for i, raw := range j.Records {
		if err := r.read(raw); err != nil {
			continue // the audit has decoded every record
		}
		wanted := inspects && r.kind != provenance.Corrected && in.opts.picks(r.time, r.modelName(), r.destination())
		if wanted {
			p.checked++
			if !in.opts.Skip {
				in.builtIn(p, r, i, j.Policy)
			}
			in.ownRules(p, r, i, j)
		}
		if in.mirrors != nil {
			in.mirrors.look(p, r, i, j, wanted)
		}
	}
	return p
}

// Take adds what Look found. SPEC(VER-70)
func (in *Inspector) Take(looked any) {
	p, ok := looked.(*part)
	if !ok || p == nil {
		return
	}
	in.checked += p.checked
	for i := range p.findings {
		in.keep(p.findings[i].rule, p.provider, func() *verify.Finding { return p.finding(&p.findings[i]) })
	}
	in.sums.add(&p.sums)
	if in.mirrors != nil {
		in.mirrors.take(p.rows)
	}
}

// Refuse notes a correction that does not hold: mirrors leave it out. SPEC(VER-77)
func (in *Inspector) Refuse(entry int64, record int) {
	if in.mirrors != nil {
		in.mirrors.refused[place{entry, int64(record)}] = true
	}
}

// keep keeps a finding of a rule, or counts it.
func (in *Inspector) keep(rule, provider string, make func() *verify.Finding) {
	k := in.kept[rule]
	if k == nil {
		k = &kept{moreBy: map[string]int64{}}
		in.kept[rule] = k
	}
	if len(k.findings) < in.opts.MaxFindings {
		k.findings = append(k.findings, make())
		return
	}
	k.moreBy[provider]++
}

// Conclude returns what was found.
func (in *Inspector) Conclude(first, _ int64) *verify.Inspection {
	out := &verify.Inspection{Checked: in.checked, MoreBy: map[string]int64{}}
	if first > in.opts.From {
		// SPEC(VER-70)
		out.Reason = fmt.Sprintf("the log was read from entry %d on, the inspection begins with entry %d; audit without what was saved", first, in.opts.From)
	}
	out.Coverage = in.sums.coverage(in.checked)
	if reason := in.ruleErrors(); reason != "" && out.Reason == "" {
		out.Reason = reason
	}
	if in.mirrors != nil {
		pairs, err := in.mirrors.conclude()
		if err != nil {
			// SPEC(VER-79)
			out.Reason = fmt.Sprintf("mirrors: %v", err)
		} else {
			out.Coverage.Mirrors = &verify.Mirrors{Pairs: pairs}
		}
	}
	for _, rule := range in.order() {
		k := in.kept[rule]
		out.Findings = append(out.Findings, k.findings...)
		for provider, n := range k.moreBy {
			out.MoreBy[provider] += n
		}
	}
	return out
}

// order gives the rules that found something, as spec/verify.md has them.
func (in *Inspector) order() (rules []string) {
	for _, r := range verify.Rules() {
		if r.Code != verify.CodeRule && in.kept[string(r.Code)] != nil {
			rules = append(rules, string(r.Code))
		}
		if r.Code == verify.CodeRule && in.opts.Rules != nil {
			for i := range in.opts.Rules.list {
				if id := in.opts.Rules.list[i].key(); in.kept[id] != nil {
					rules = append(rules, id)
				}
			}
		}
	}
	return rules
}
