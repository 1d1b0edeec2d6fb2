package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/profile"
)

const (
	mostBackOff = 5 * time.Minute // between rounds, while the node cannot be asked
	slowAudit   = 15 * time.Minute
	drainTime   = 3 * time.Second // that posts have at the end
	soonPart    = 10              // a trust that has this part of its period left expires soon
	savingPart  = 20              // of the time between rounds that saved audits take at most
)

// A watcher is one watch. The goroutine of run owns what is not guarded.
type watcher struct {
	app   *app // whose stderr several goroutines may write to
	flags *verifyFlags
	from  string // the node's address
	trust verify.Trust
	every time.Duration
	until bool // the first finding
	anew  bool
	now   func() time.Time

	patience time.Duration // with an audit, at least, before it is told that it has not ended

	node      verify.Source
	witnesses []verify.Witness
	memory    *memory // nil: nothing is kept
	store     *watchStore
	told      *toldFindings
	hooks     *hooks
	metrics   *watchMetrics
	health    watchHealth // guarded by itself
	cosigner  *witness    // nil: this watch is none
	listen    string
	reports   string

	origin string // of the ledger, once opened
	opened bool
	lock   *os.File
	head   struct{ height, size int64 } // newest verified
	failed int                          // rounds that did not come to their end, one after the other
	took   time.Duration                // the last one that did
	blind  time.Time                    // since when something cannot be checked
	unsafe bool                         // saving failed, and it was said
	warned bool                         // that the trust expires
	worst  verify.Verdict               // of all rounds; empty before the first
}

// A round is what came of one audit.
type round struct {
	report *verify.Report // nil: the audit could not begin
	err    error          // why
	ended  bool           // it is what the next one goes on from
	began  time.Time
	took   time.Duration
	saving time.Duration // of it, to read and write the saved audit
}

// say tells the operator something that is no event.
func (w *watcher) say(format string, args ...any) {
	fmt.Fprintf(w.app.stderr, "%s\n", printable(fmt.Sprintf(format, args...)))
}

// run makes rounds until it is stopped, and returns the worst verdict as an exit code.
// Rounds never overlap: one that takes longer than the time between two delays the
// next. SPEC(VER-80), SPEC(VER-82)
func (w *watcher) run(ctx context.Context) error {
	for {
		r := w.round(ctx)
		if fatal := (*endOfWatch)(nil); errors.As(r.err, &fatal) {
			return fatal.err
		}
		w.judge(ctx, r)
		last := w.worst == verify.Evidence && w.until || r.report != nil && r.report.TrustExpired()
		if last || !w.pause(ctx, r) {
			return w.verdict()
		}
	}
}

// verdict is the worst of all rounds.
func (w *watcher) verdict() error {
	code := verify.Unchecked.Exit()
	if w.worst != "" {
		code = w.worst.Exit()
	}
	w.say("the watch ends: %s", map[bool]string{true: "no audit came to its end", false: string(w.worst)}[w.worst == ""])
	if code == exitOK {
		return nil
	}
	return &reported{code}
}

// between is the time from the beginning of a round to that of the next: longer where
// what is saved is large, which is read and written whole, and grows with the headers of
// the ledger. SPEC(VER-80)
func (w *watcher) between(r round) time.Duration { return max(w.every, savingPart*r.saving) }

// pause waits for the next round; longer each time while rounds do not come to their
// end.
func (w *watcher) pause(ctx context.Context, r round) bool {
	every := w.between(r)
	for n := 0; n < w.failed && every < mostBackOff; n++ {
		every = max(every, min(2*every, mostBackOff))
	}
	return sleep(ctx, every-w.now().Sub(r.began)) == nil && ctx.Err() == nil
}

// options are those of each round.
func (w *watcher) options() verify.Options {
	return verify.Options{
		Now: w.now, Receipts: w.flags.receipts, LookUps: int(w.flags.lookUps), Profile: profile.Meets, From: w.from,
		NoticeProviders: w.flags.against == verify.AsNotice, Kept: w.memory.recalls(), Witnesses: w.witnesses,
	}
}

// round makes one audit, which goes on from the last one. SPEC(VER-80)
func (w *watcher) round(ctx context.Context) (r round) {
	r.began = w.now()
	defer func() { r.took = w.now().Sub(r.began) }()
	if r.err = w.open(ctx); r.err != nil {
		return r
	}
	o := w.options()
	loading := w.now()
	o.Resume, r.err = w.store.load()
	r.saving = w.now().Sub(loading)
	if r.err != nil {
		if w.worst == "" {
			r.err = &endOfWatch{r.err} // what was saved is damaged, and somebody is there to be told
		}
		return r
	}
	trust := w.trust
	if o.Resume != nil {
		// A verdict leads on by itself; an audit that came to none needs its trust.
		if trust = (verify.Trust{Genesis: w.trust.Genesis}); o.Resume.Fits(trust) != nil {
			trust = w.trust
		}
	}
	steps := &stepProgress{app: w.app}
	if o.Resume == nil || o.Resume.Done() == nil {
		o.Progress = steps.told // of what is short nothing is told
	}
	o.Save = func(done bool, write func(io.Writer) error) {
		began := w.now()
		w.saved(w.store.save(done, write))
		if r.ended = r.ended || done; done {
			r.saving += w.now().Sub(began)
		}
	}
	r.report = w.audit(ctx, trust, o, r.began)
	steps.end()
	return r
}

// audit makes one. A node that answers just often enough could keep it from ever ending:
// where it takes much longer than the last one, that is told, once, as something that
// cannot be checked, while it goes on. SPEC(VER-81)
func (w *watcher) audit(ctx context.Context, trust verify.Trust, o verify.Options, began time.Time) *verify.Report {
	done := make(chan *verify.Report, 1)
	go func() { done <- light.Audit(ctx, w.node, trust, o) }()
	patience := max(w.patience, healthyRounds*(w.every+w.took))
	slow := time.NewTimer(patience)
	defer slow.Stop()
	select {
	case r := <-done:
		return r
	case <-slow.C:
		w.cannot(verify.Unchecked, []unseen{{everything, fmt.Sprintf("an audit has not ended for %s, and goes on: the node is slow, or there is much to read", patience.Round(time.Second))}}, began)
		return <-done
	}
}

// saved tells once where audits cannot be saved.
func (w *watcher) saved(err error) {
	if err != nil && !w.unsafe {
		w.say("the audit is not saved, so that the next one reads more: %v", err)
	}
	w.unsafe = err != nil
}

// judge tells what is new in a round, and draws the verdict so far. SPEC(VER-81)
func (w *watcher) judge(ctx context.Context, r round) {
	if r.report == nil {
		if ctx.Err() == nil {
			w.failed++
			w.worsen(verify.Unchecked)
			w.cannot(verify.Unchecked, []unseen{{everything, r.err.Error()}}, r.began)
			w.metrics.round(outcomes[verify.Unchecked], r.took)
			w.expires(verify.Unchecked)
		}
		return
	}
	if r.ended {
		w.verified(r)
	}
	whole := r.ended || ctx.Err() == nil
	if whole {
		w.metrics.found(r.report) // before it is told: who is told looks there
	}
	evidence := w.findings(r.report)
	if !whole { // what was not reached says nothing
		if evidence {
			w.worsen(verify.Evidence)
		}
		w.metrics.round(outcomeInterrupted, r.took)
		return
	}
	if w.failed++; r.ended {
		w.failed, w.took = 0, r.took
	}
	w.worsen(r.report.Verdict)
	w.metrics.round(outcomes[r.report.Verdict], r.took)
	if err := w.cosigner.verified(ctx, r.report); err != nil {
		w.say("%v", err)
	}
	left := unchecked(r.report)
	w.can(r, left)
	w.cannot(r.report.Verdict, left, r.began)
	w.expires(r.report.Verdict)
}

// worsen keeps the worst verdict, in the order of SPEC(VER-21).
func (w *watcher) worsen(v verify.Verdict) {
	order := map[verify.Verdict]int{"": 0, verify.Holds: 1, verify.Unchecked: 2, verify.Expired: 3, verify.Evidence: 4}
	if order[v] > order[w.worst] {
		w.worst = v
	}
	w.metrics.worst.Set(float64(w.worst.Exit()))
}

// verified takes the head that a round led to.
func (w *watcher) verified(r round) {
	l := r.report.Ledger
	first := w.head.height == 0
	w.head.height, w.head.size = l.Height, l.LogSize
	w.metrics.verified(r.report, w.period())
	if first {
		w.say("audited up to header %d, %s, in %s: %s; from here on only what is new is told", l.Height, plural(l.LogSize, "entry"),
			r.took.Round(time.Millisecond), r.report.Verdict)
	}
}

// findings tells what is new and what is gone; it reports whether there is evidence.
func (w *watcher) findings(r *verify.Report) bool {
	fresh, more, gone := w.told.news(r, w.now())
	slices.SortStableFunc(fresh, func(a, b *verify.Finding) int { // a fork says why the others are there
		return strings.Compare(fmt.Sprint(a.Code != verify.CodeFork), fmt.Sprint(b.Code != verify.CodeFork))
	})
	news := len(fresh) > 0 || more > 0
	owed := w.told.Owed
	paths, report := w.evidence(r, fresh), ""
	if news || len(gone) > 0 {
		report = w.keepReport(r)
	}
	if news {
		e := w.event(eventFinding, r.Verdict, says(fresh, more)).about(fresh, more)
		e.Evidence, e.Report = paths, report
		w.metrics.told(fresh)
		w.tell(e)
	}
	if len(gone) > 0 {
		var findings []*verify.Finding
		for _, g := range gone {
			findings = append(findings, g.Finding)
		}
		e := w.event(eventGone, r.Verdict, "not found any more, told "+gone[0].When+": "+says(findings, 0)).about(findings, 0)
		e.Report = report
		w.tell(e)
	}
	w.keep(r)
	if news || len(gone) > 0 || owed != w.told.Owed {
		w.remembered()
	}
	return r.Verdict == verify.Evidence
}

// remembered makes durable what was told, once it is.
func (w *watcher) remembered() {
	if err := w.told.save(); err != nil {
		w.say("what was told could not be written, so that it is told again after a restart: %v", err)
	}
}

// evidence writes what proves forks that were not told of before, or whose evidence could
// not be written then: a fork is told once, and its evidence may be asked for years later.
func (w *watcher) evidence(r *verify.Report, fresh []*verify.Finding) (paths []string) {
	forks, owed := r.ForkEvidence(), w.told.Owed
	isFork := func(f *verify.Finding) bool { return f.Code == verify.CodeFork }
	if len(forks) == 0 || !owed && !slices.ContainsFunc(fresh, isFork) {
		return nil
	}
	w.told.Owed = false
	for _, fork := range forks {
		path, err := w.memory.evidence(fork)
		switch {
		case err == nil:
			paths = append(paths, path)
		case !owed:
			w.say("evidence of a fork could not be written, and is tried again: %v", err)
		}
		w.told.Owed = w.told.Owed || err != nil
	}
	if owed && len(paths) > 0 {
		w.say("evidence of a fork that was told before: %s", strings.Join(paths, ", "))
	}
	return paths
}

// keep keeps the head that a round led to, to compare later ones with. SPEC(CLI-80)
func (w *watcher) keep(r *verify.Report) {
	if w.memory == nil {
		return
	}
	k, err := r.NewKept()
	if err == nil && k != nil {
		err = w.memory.keep(k)
	}
	if err != nil {
		w.say("the verified head could not be kept: %v", err)
	}
}

// period is that of the trust; 0 where there is no expiry.
func (w *watcher) period() time.Duration {
	if w.trust.Height == 0 {
		return 0
	}
	return w.trust.Period
}

// expires tells once that the trust expires soon, which each round that comes to its
// end renews: so only where the ledger or the node stands still. SPEC(VER-80)
func (w *watcher) expires(v verify.Verdict) {
	at := w.metrics.expiresAt()
	if w.period() == 0 || at.IsZero() {
		return
	}
	left := at.Sub(w.now())
	switch soon := left < w.period()/soonPart; {
	case !soon:
		w.warned = false
	case !w.warned:
		w.warned = true
		w.tell(w.event(eventExpires, v, fmt.Sprintf("the trust expires at %s, in %s: no newer header has been verified since %s; then this watch ends, and another needs a newer trusted header",
			at.UTC().Format(time.RFC3339), left.Round(time.Second), at.Add(-w.period()).UTC().Format(time.RFC3339))))
	}
}
