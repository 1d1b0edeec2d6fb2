package verify_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// saves collects what an audit saves.
type saves struct {
	t   testing.TB
	all [][]byte
}

func (s *saves) save(_ bool, write func(io.Writer) error) {
	var b bytes.Buffer
	check(s.t, write(&b))
	s.all = append(s.all, b.Bytes())
}

// last is what the audit ended with.
func (s *saves) last() []byte { return s.all[len(s.all)-1] }

func readSaved(t testing.TB, b []byte) *verify.Saved {
	t.Helper()
	s, err := verify.ReadSaved(bytes.NewReader(b))
	check(t, err)
	return s
}

// comparable is a report without what may differ between two runs.
func comparable(t testing.TB, r *verify.Report) string {
	one := *r
	one.Started, one.Totals.Millis, one.Totals.PerSecond = "", 0, 0
	b, err := one.JSON()
	check(t, err)
	return string(b)
}

// resumeEach audits a ledger, and again from wherever that audit was saved, and
// wants the same report each time. It returns the number of audits.
func resumeEach(t *testing.T, name string, l *ledger, o verify.Options, trust verify.Trust) int {
	t.Helper()
	kept := &saves{t: t}
	o.Save, o.SaveEntries, o.SaveEvery = kept.save, 1, -1
	want := comparable(t, l.auditWith(o, trust))
	o.Save = nil
	for i, b := range kept.all {
		s := readSaved(t, b)
		if s.Done() != nil {
			continue
		}
		o.Resume = s
		if got := comparable(t, l.auditWith(o, trust)); got != want {
			t.Fatalf("%s, save %d of %d, after %d entries: %s\nresumed:\n%s\nat once:\n%s", name, i, len(kept.all), s.Entries(), firstDifference(got, want), got, want)
		}
	}
	return len(kept.all)
}

func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + " / " + y[i]
		}
	}
	return "one is longer"
}

// TestResumed interrupts audits of a ledger on which everything happens behind
// each entry. SPEC(VER-43)
func TestResumed(t *testing.T) {
	l := changeful(t)
	genesis := provenance.Hash(sha256.Sum256(l.genesis))
	trusts := map[string]verify.Trust{"genesis": {Genesis: &genesis}, "genesis as served": {}}
	for height := 1; height <= len(l.blocks); height += 4 {
		trusts[fmt.Sprint("header ", height)] = l.at(height)
	}
	for name, trust := range trusts {
		if n := resumeEach(t, name, l, l.options(), trust); n < 22 {
			t.Errorf("%s: %d saves of 22 entries", name, n)
		}
	}
	amended := amendedRelay(t)
	resumeEach(t, "corrections", amended, amended.options(), verify.Trust{})
	// Heights and ages that are not known from some entry on.
	for _, from := range []int64{0, 3, 19} {
		l.claim = func(e verify.Entry) int64 {
			if e.Index == from {
				return 0
			}
			return e.Height
		}
		resumeEach(t, fmt.Sprint("no height of entry ", from), l, l.options(), l.at(9))
	}
}

// TestSinceHeightsThatGoBack: what came since is of later heights than the verdict's
// head. SPEC(VER-8)
func TestSinceHeightsThatGoBack(t *testing.T) {
	l := governed(t)
	for range 4 {
		l.commit(l.one("acme", "us"))
	}
	l.commit()
	trust := l.at(2)
	for _, back := range []int64{1, 2} {
		before := l.prefix(4).growth(t, "before", nil, trust) // heights up to 3
		l.claim = func(e verify.Entry) int64 { return e.Height - back }
		o := l.options()
		o.Resume = before
		r := l.auditWith(o)
		l.claim = nil
		if r.Verdict != verify.Evidence || r.Findings()[0].Code != verify.CodeHeight {
			t.Errorf("%d back:\n%s", back, text(r))
		}
	}
}

// TestResumedLies interrupts the audits of lies, of a sample in a short run: what was
// found is not lost, nor found twice. SPEC(VER-44)
func TestResumedLies(t *testing.T) {
	n := 0
	from, every := sampled(t, 8)
	for i, lie := range allLies() {
		if lie.looks != nil || i%every != from {
			continue // an inspection is of what is read
		}
		build := small
		if lie.build != nil {
			build = lie.build
		}
		l := build(t)
		if lie.do != nil {
			lie.do(l)
		}
		genesis := provenance.Hash(sha256.Sum256(l.genesis))
		trust := verify.Trust{Genesis: &genesis}
		if lie.trust != nil {
			trust = lie.trust(l)[0]
		}
		o := l.options()
		o.Profile = noLabel
		n += resumeEach(t, lie.name, l, o, trust)
	}
	t.Logf("%d audits", n)
}

// TestInterrupted cancels audits behind each entry, goes on, and cancels again:
// the last report is that of an audit at once. SPEC(VER-43)
func TestInterrupted(t *testing.T) {
	l := changeful(t)
	flip(&l.entries[3].Frame, 0) // evidence that comes early
	for _, trust := range []verify.Trust{{}, l.at(9)} {
		want := comparable(t, l.auditWith(l.options(), trust))
		var before *verify.Saved
		for stops := 0; ; stops++ {
			kept := &saves{t: t}
			o := l.options()
			o.Save, o.SaveEvery, o.Resume = kept.save, -1, before
			ctx, cancel := context.WithCancel(context.Background())
			at := int64(stops) + 1
			o.Progress = func(p verify.Progress) {
				if p.Step == "log" && p.Done >= at {
					cancel()
				}
			}
			r := light.Audit(ctx, l.node(), trust, o)
			cancel()
			if before = readSaved(t, kept.last()); before.Done() == nil {
				if r.Exit() == 0 {
					t.Fatalf("an interrupted audit holds:\n%s", text(r))
				}
				continue
			}
			if got := comparable(t, r); stops < 3 || got != want {
				t.Fatalf("%d stops: %s\n%s\n%s", stops, firstDifference(got, want), got, want)
			}
			break
		}
	}
}

// prefix is the ledger as it was with so many blocks.
func (l *ledger) prefix(blocks int) *ledger {
	p := *l
	p.blocks, p.heads, p.states = l.blocks[:blocks], l.heads[:blocks+1], l.states[:blocks+1]
	p.entries, p.leaves = nil, nil
	for i, e := range l.entries {
		if e.Height <= int64(blocks) {
			p.entries, p.leaves = l.entries[:i+1:i+1], l.leaves[:i+1:i+1]
		}
	}
	return &p
}

// wholeOf is what a report that goes on from another has to have in common with
// that of an audit of all. Of the findings the order is another where ages are judged
// by headers, at the end of each.
func wholeOf(t testing.TB, r *verify.Report) string {
	totals := r.Totals
	totals.Headers, totals.Millis, totals.PerSecond = 0, 0, 0
	findings := slices.SortedFunc(slices.Values(r.Findings()), func(a, b *verify.Finding) int {
		return cmp.Or(cmp.Compare(a.Place, b.Place), cmp.Compare(a.Code, b.Code))
	})
	b, err := json.MarshalIndent([]any{r.Verdict, r.Ledger, r.Against, r.Notices, totals, findings}, "", " ")
	check(t, err)
	return string(b)
}

// TestSince audits each growth of a ledger from the verdict before: it comes to
// what an audit of all comes to, and reads only what is new. SPEC(VER-45),
// SPEC(VER-46)
func TestSince(t *testing.T) {
	honest, stolen := changeful(t), changeful(t)
	flip(&stolen.entries[1].Frame, 0)
	for name, l := range map[string]*ledger{"honest": honest, "evidence": stolen, "corrections": amendedRelay(t)} {
		for _, first := range []verify.Trust{{}, l.at(2)} {
			for step := 1; step <= 5; step += 2 {
				var before *verify.Saved
				for blocks := 3; ; blocks = min(blocks+step, len(l.blocks)) {
					before = l.prefix(blocks).growth(t, name, before, first)
					if blocks == len(l.blocks) {
						break
					}
				}
			}
		}
	}
}

// growth audits what came since a saved audit and returns the new one.
func (l *ledger) growth(t *testing.T, name string, before *verify.Saved, first verify.Trust) *verify.Saved {
	t.Helper()
	kept := &saves{t: t}
	o := l.options()
	o.Save, o.SaveEvery, o.Resume = kept.save, -1, before
	o.Receipts = 1
	trust, from := first, int64(-1)
	if before != nil {
		trust, from = verify.Trust{}, before.Entries()
	}
	asked := map[string]bool{}
	l.answer = func(path string, b []byte) []byte { asked[path] = true; return b }
	r := l.auditWith(o, trust)
	l.answer = nil
	all := l.options()
	all.Receipts = 1
	if got, want := wholeOf(t, r), wholeOf(t, l.auditWith(all, first)); got != want {
		t.Fatalf("%s, trust %v, %d blocks: %s\nsince:\n%s\nall:\n%s\n%s", name, first, len(l.blocks), firstDifference(got, want), got, want, text(r))
	}
	check(t, schema(t).Validate(document(t, r)))
	if before != nil {
		if r.Trust.Kind != "report" || r.Trust.Report.LogSize != from || !tells(r, "saved audit of") {
			t.Fatalf("%+v", r.Trust)
		}
		for i := int64(1); i < from-1; i++ { // the first and the last are samples, or their neighbours
			if asked[fmt.Sprintf("/v1/entries?from=%d&limit=%d", i, int64(len(l.entries))-i)] {
				t.Errorf("entry %d is read again", i)
			}
		}
	}
	s := readSaved(t, kept.last())
	if s.Done() == nil {
		t.Fatalf("not done:\n%s", text(r))
	}
	return s
}

// TestSinceAFork: a ledger that does not go on from what was audited. SPEC(VER-46)
func TestSinceAFork(t *testing.T) {
	grow := func(l *ledger) *ledger { l.commit(l.one("beta", "uk")); l.commit(); return l }
	build := func(t testing.TB, first string) *ledger {
		l := newLedger(t)
		l.commit(l.one("acme", first))
		l.commit(l.one("beta", "eu"))
		l.commit()
		return l
	}
	for _, trust := range []func(l *ledger) verify.Trust{func(*ledger) verify.Trust { return verify.Trust{} }, func(l *ledger) verify.Trust { return l.at(1) }} {
		l, fork := build(t, "us"), grow(build(t, "jp"))
		before := l.growth(t, "before", nil, trust(l))
		o := fork.options()
		o.Resume = before
		r := fork.auditWith(o)
		if r.Verdict != verify.Evidence || len(r.Findings()) == 0 {
			t.Errorf("%s", text(r))
		}
		code := r.Findings()[0].Code
		if code != verify.CodeHeaderLink && code != verify.CodeTrustHash {
			t.Errorf("%s", text(r))
		}
		// The same headers, and another log behind.
		same := grow(build(t, "us"))
		swap := same.entries[2]
		other := build(t, "us")
		same.entries[2] = other.one("acme", "us")
		same.entries[2].Index, same.entries[2].Height = swap.Index, swap.Height
		o.Resume = build(t, "us").growth(t, "before", nil, trust(l))
		if r := same.auditWith(o); r.Verdict != verify.Evidence || r.Findings()[0].Code != verify.CodeAppHash {
			t.Errorf("%s", text(r))
		}
		// A node that shows less than before.
		short := build(t, "us").prefix(2)
		o.Resume = build(t, "us").growth(t, "before", nil, trust(l))
		if r := short.auditWith(o); r.Verdict != verify.Evidence || r.Findings()[0].Code != verify.CodeStale {
			t.Errorf("%s", text(r))
		}
		short.status = func(s *verify.Status) { s.CatchingUp = true }
		o.Resume = build(t, "us").growth(t, "before", nil, trust(l))
		if r := short.auditWith(o); r.Verdict != verify.Unchecked {
			t.Errorf("%s", text(r))
		}
	}
}

// TestSavedOfAnother: an audit goes on from its own only. SPEC(VER-42)
func TestSavedOfAnother(t *testing.T) {
	l := small(t)
	kept := &saves{t: t}
	o := l.options()
	o.Save, o.SaveEntries = kept.save, 1
	l.auditWith(o, verify.Trust{})
	o.Save = nil
	half := kept.all[1]
	other, hash := governed(t), provenance.Hash{1}
	other.commit()
	other.commit()
	for name, c := range map[string]struct {
		l      *ledger
		trust  verify.Trust
		change func(o *verify.Options)
		want   verify.Verdict
	}{
		"the same":       {l, verify.Trust{}, func(*verify.Options) {}, verify.Holds},
		"another trust":  {l, l.at(2), func(*verify.Options) {}, verify.Unchecked},
		"another ledger": {l, verify.Trust{Genesis: &hash}, func(*verify.Options) {}, verify.Evidence},
		"another node":   {other, verify.Trust{}, func(*verify.Options) {}, verify.Evidence},
		"other choices":  {l, verify.Trust{}, func(o *verify.Options) { o.NoticeProviders = true }, verify.Unchecked},
		"other limits":   {l, verify.Trust{}, func(o *verify.Options) { o.MaxFindings = 3 }, verify.Unchecked},
	} {
		o := o
		o.Resume = readSaved(t, half)
		c.change(&o)
		if r := c.l.auditWith(o, c.trust); r.Verdict != c.want {
			t.Errorf("%s: wanted %q\n%s", name, c.want, text(r))
		}
	}
}

// TestFlowsBehindTheSavedAudit: the node's sums are of a log that the saved audit
// had passed, so that the auditor's are made again. SPEC(VER-48)
func TestFlowsBehindTheSavedAudit(t *testing.T) {
	l := changeful(t)
	before := l.prefix(len(l.blocks)-3).growth(t, "before", nil, verify.Trust{})
	early := l.prefix(6)
	for _, lie := range []bool{false, true} {
		l.answer = func(path string, b []byte) []byte {
			if !strings.HasPrefix(path, "/v1/flows") {
				return b
			}
			u, err := url.Parse(path)
			check(t, err)
			b = early.honest(u)
			if lie {
				b = bytes.Replace(b, []byte(`"tokens":`), []byte(`"tokens":1`), 1)
			}
			return b
		}
		o := l.options()
		kept := &saves{t: t}
		o.Resume, o.Save = before, kept.save
		r := l.auditWith(o)
		if (r.Verdict == verify.Evidence) != lie || lie && r.Findings()[0].Code != verify.CodeFlows {
			t.Errorf("lie %t:\n%s", lie, text(r))
		}
		// The second time the saved sums are those of the node's log.
		if tells(r, "were read again, to add up") == lie {
			t.Errorf("lie %t: what was read again is not told:\n%s", lie, text(r))
		}
		before = readSaved(t, kept.last())
	}
}

// TestReadSavedRefuses: damaged, foreign and newer files. SPEC(VER-41)
func TestReadSavedRefuses(t *testing.T) {
	l := changeful(t)
	kept := &saves{t: t}
	o := l.options()
	o.Save, o.SaveEntries = kept.save, 9
	l.auditWith(o)
	b := kept.all[1]
	refused := func(name string, b []byte, want error) {
		t.Helper()
		if _, err := verify.ReadSaved(bytes.NewReader(b)); !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), "audit anew") {
			t.Fatalf("%s: %v, wanted %v", name, err, want)
		}
	}
	for at := range b {
		spoilt := bytes.Clone(b)
		spoilt[at] ^= 1
		if _, err := verify.ReadSaved(bytes.NewReader(spoilt)); err == nil {
			t.Fatalf("byte %d goes unnoticed", at)
		}
	}
	for at := 0; at < len(b); at += 7 {
		refused(fmt.Sprint("cut at ", at), b[:at], verify.ErrNotSaved)
	}
	refused("more", append(bytes.Clone(b), 0), verify.ErrNotSaved)
	refused("a text", []byte("# Report\n"), verify.ErrNotSaved)
	seed := append([]byte{0x58, 32}, append([]byte{1}, make([]byte, 31)...)...) // of l.options
	short := bytes.Replace(b, seed, append([]byte{0x58, 31}, seed[2:33]...), 1)
	sum := sha256.Sum256(short[:len(short)-34])
	refused("a short seed", append(short[:len(short)-32], sum[:]...), verify.ErrNotSaved)
	version := bytes.Index(b, []byte("tokentrail saved audit")) + len("tokentrail saved audit")
	for i := range 2 { // format, rule version
		newer := bytes.Clone(b)
		newer[version+i]++
		refused("newer", newer, verify.ErrOtherProgram)
	}
}

func FuzzReadSaved(f *testing.F) {
	broken, named := changeful(f), namedBy(f, 3) // names of each kind, and the rows of flows
	broken.entries[3].Frame = nil
	ledgers := map[provenance.Hash]*ledger{}
	for _, l := range []*ledger{broken, named} {
		ledgers[hashOf(l.genesis)] = l
		for _, trust := range []verify.Trust{{}, l.at(3)} {
			kept := &saves{t: f}
			o := l.options()
			o.Save, o.SaveEntries = kept.save, 5
			l.auditWith(o, trust)
			for _, b := range kept.all {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// The checksum is put right, so that what is behind it is looked at.
		if n := len(b) - sha256.Size - 2; n > 0 {
			sum := sha256.Sum256(b[:n])
			copy(b[n+2:], sum[:])
		}
		s, err := verify.ReadSaved(bytes.NewReader(b))
		if err != nil {
			return
		}
		kept, l := &saves{t: t}, *broken
		if of := ledgers[s.Genesis()]; of != nil {
			l = *of
		}
		l.t = t
		o := l.options()
		o.Resume, o.Save, o.SaveEvery = s, kept.save, -1
		l.auditWith(o, s.Trust()) // whatever it says, it does not panic
	})
}
