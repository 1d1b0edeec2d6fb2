package verify_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// crowded is a ledger in which one ref is in many pages of records, by entries of 150,
// and so often again behind them.
func crowded(t testing.TB, before, behind int) *ledger {
	l := newLedgerWith(t, func(_ *ledger, g *provenance.Genesis) { g.Policy = provenance.Policy{} })
	l.crowd(before)
	l.commit()
	for range behind {
		l.crowd(1)
	}
	l.commit()
	return l
}

// crowd commits entries of 150 records that all have one ref.
func (l *ledger) crowd(entries int) {
	for range entries {
		var records [][]byte
		for _, raw := range l.records(150, "DE", "US") {
			r, err := provenance.ParseRecord(raw)
			check(l.t, err)
			r.Ref = []byte("crowd")
			raw, err = r.Encode()
			check(l.t, err)
			records = append(records, raw)
		}
		l.commit(l.batch("beta", "eu", records))
	}
}

// onPages changes the pages of the answers about the crowd, by their offset.
func onPages(l *ledger, change func(offset int, a *provenance.RecordsAnswer)) {
	l.answer = func(path string, b []byte) []byte {
		u := parseURL(l.t, path)
		if u.Path != "/v1/records" || !u.Query().Has("ref") {
			return b
		}
		a, err := provenance.ParseRecordsAnswer(b)
		check(l.t, err)
		offset, err := strconv.Atoi(u.Query().Get("offset"))
		check(l.t, err)
		change(offset, a)
		return a.Encode()
	}
}

// TestLookUpsPassOverPages: an audit that goes on by another seed finds the first
// page with a record that it has read itself, without reading those before, and
// notices what is left out there, or made up to hide it. SPEC(VER-62), SPEC(VER-63)
func TestLookUpsPassOverPages(t *testing.T) {
	const before = 6 // entries: nine pages
	l := crowded(t, before, 2)
	old := l.find(provenance.ByRef("beta", []byte("crowd")))[:before*150]
	invented := func(at int64, i int) provenance.RecordHit {
		p := *old[i].Proof
		p.Index, p.Count, p.Path = 0, 1, []provenance.Hash{}
		return provenance.RecordHit{Entry: at, Statement: l.batch("beta", "lies", [][]byte{p.Record}).Statement, Proof: &p}
	}
	saved := savedAgain(t, l.prefix(before+1))
	l.remember(func(o *verify.Options) { o.Seed, o.Resume = [32]byte{9}, readSaved(t, saved) })
	pages := map[int]bool{}
	for name, c := range map[string]struct {
		change func(offset int, a *provenance.RecordsAnswer)
		want   verify.Code // empty: it holds
	}{
		"honest": {func(offset int, _ *provenance.RecordsAnswer) { pages[offset/100] = true }, ""},
		"the first that is new left out": {func(offset int, a *provenance.RecordsAnswer) {
			a.Hits = slices.DeleteFunc(a.Hits, func(h provenance.RecordHit) bool { return h.Entry == before && h.Proof.Index == 0 })
		}, verify.CodeLookUpMissing},
		"all that is new left out": {func(offset int, a *provenance.RecordsAnswer) {
			a.Hits = slices.DeleteFunc(a.Hits, func(h provenance.RecordHit) bool { return h.Entry >= before })
			a.More = a.More && len(a.Hits) > 0
		}, verify.CodeLookUpMissing},
		"it ends before what is new":  {func(offset int, a *provenance.RecordsAnswer) { a.More = a.More && offset < 200 }, verify.CodeLookUpMissing},
		"one old page without an end": {func(_ int, a *provenance.RecordsAnswer) { a.Hits, a.More = old[:100], true }, verify.CodeLookUp},
		"old pages in another order": {func(offset int, a *provenance.RecordsAnswer) {
			a.Hits, a.More = old[max(0, 800-offset):][:100], true
		}, verify.CodeLookUp},
		"pages made up without an end": {func(offset int, a *provenance.RecordsAnswer) {
			a.Hits, a.More = []provenance.RecordHit{invented(0, offset/100%100)}, true
		}, verify.CodeInclusion},
		"pages of another name": {func(_ int, a *provenance.RecordsAnswer) {
			s := l.batch("beta", "lies", l.records(1, "DE", "US"))
			p, err := provenance.ParseRecordProof((&ledger{t: t, entries: []verify.Entry{s}}).serveRecord("0", "0"))
			check(t, err)
			a.Hits, a.More = []provenance.RecordHit{{Entry: 0, Statement: s.Statement, Proof: p}}, true
		}, verify.CodeLookUp},
	} {
		one := *l
		onPages(&one, c.change)
		o := one.options()
		o.Seed, o.Resume = [32]byte{9}, readSaved(t, saved)
		r := one.auditWith(o)
		s := stepOf(r, "look-ups")
		switch {
		case c.want == "" && (r.Verdict != verify.Holds || s.Outcome != verify.Passed || !tells(r, "entries from "+strconv.Itoa(before)+" on")):
			t.Errorf("%s:\n%s", name, text(r))
		case c.want != "" && (len(s.Findings) == 0 || s.Findings[0].Code != c.want || !strings.HasPrefix(s.Findings[0].Place, "records?ref=")):
			t.Errorf("%s, wanted %s:\n%s", name, c.want, text(r))
		}
	}
	if !pages[0] || !pages[8] || !pages[9] || !pages[11] || pages[1] || pages[4] || pages[6] {
		t.Errorf("of 12 pages, 9 of them old, %v were asked for", pages)
	}
}

// remember keeps the answers that an audit reads, for those that come after it.
func (l *ledger) remember(change func(o *verify.Options)) {
	var mu sync.Mutex
	answers := map[string][]byte{}
	l.answer = func(path string, b []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		answers[path] = b
		return b
	}
	o := l.options()
	change(&o)
	l.auditWith(o)
	l.replay, l.answer = answers, nil
}

// savedAgain is the audit of a ledger, saved at its end.
func savedAgain(t testing.TB, l *ledger) []byte {
	kept := &saves{t: t}
	o := l.options()
	o.Save, o.SaveEvery = kept.save, -1
	l.auditWith(o, verify.Trust{})
	return kept.last()
}

// TestLookUpsResumedWithAnotherNumber: who goes on by the same seed and asks for more
// names gets no more than before, since the records of others before are not known; who
// asks for fewer gets those. SPEC(VER-63)
func TestLookUpsResumedWithAnotherNumber(t *testing.T) {
	l := named(t)
	for _, n := range []struct{ first, then int }{{-1, 3}, {3, -1}, {1, 20}, {20, 1}, {3, 3}} {
		kept := &saves{t: t}
		o := l.options()
		o.Save, o.SaveEntries, o.SaveEvery, o.LookUps = kept.save, 1, -1, n.first
		l.auditWith(o)
		o.Save, o.LookUps = nil, n.then
		for _, b := range [][]byte{kept.all[2], kept.last()} {
			o.Resume = readSaved(t, b)
			if r := l.auditWith(o); r.Verdict != verify.Holds {
				t.Fatalf("%d names, then %d, after %d entries:\n%s", n.first, n.then, o.Resume.Entries(), text(r))
			}
		}
	}
}
