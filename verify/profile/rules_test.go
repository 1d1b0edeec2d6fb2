package profile

import (
	"testing"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

type edit func(*Subject)

// example makes of the labelled subject one that passes and one that fails.
type example struct{ pass, fail edit }

func asIs(*Subject) {}

func onLabel(f func(*provenance.Label)) edit { return func(s *Subject) { f(s.Record.Label) } }

func onExplicit(f func(*provenance.Explicit)) edit {
	return func(s *Subject) { f(s.Record.Label.Explicit) }
}

func onAIGC(f func(*label.AIGC)) edit { return func(s *Subject) { f(s.File.AIGC) } }

func onC2PA(f func(*label.C2PA)) edit { return func(s *Subject) { f(s.File.C2PA) } }

// as makes the content one of another modality, in a file that can be one.
func as(modality int64, format label.Format, more ...edit) edit {
	return func(s *Subject) {
		s.Record.Label.Modality, s.File.Format = modality, format
		for _, e := range more {
			e(s)
		}
	}
}

func both(edits ...edit) edit {
	return func(s *Subject) {
		for _, e := range edits {
			e(s)
		}
	}
}

var (
	noAIGC     = func(s *Subject) { s.File.AIGC = nil }
	noC2PA     = func(s *Subject) { s.File.C2PA = nil }
	noSource   = func(s *Subject) { s.File.SourceType = "" }
	unmarked   = both(noAIGC, noC2PA, noSource)
	notSynth   = onLabel(func(l *provenance.Label) { l.Status = 4 })
	deepfake   = onLabel(func(l *provenance.Label) { l.Extent = 3 })
	unapplied  = onExplicit(func(e *provenance.Explicit) { e.Applied = false })
	noExplicit = onLabel(func(l *provenance.Label) { l.Explicit = nil })
	noContent  = onLabel(func(l *provenance.Label) { l.ContentID = "" })
	otherID    = onAIGC(func(a *label.AIGC) { a.ProduceID = "tokentrail:acme/img-8" })
	agreed     = both(unapplied, onExplicit(func(e *provenance.Explicit) { e.Agreement = "terms-4" }))
	onlyC2PA   = both(noAIGC, noSource)
	noMark     = onLabel(func(l *provenance.Label) { l.Marks = ptr(int64(8)) })
	// nameless is a consumption: only there may a record name no model.
	nameless = func(s *Subject) {
		s.Record.Kind, s.Record.Model, s.Record.Using, s.Record.Label.System = provenance.Consumption, nil, s.Record.Serving, ""
	}
	edited = onC2PA(func(c *label.C2PA) { c.Actions[0].Name = "c2pa.opened" })
)

func logged(ms int64) edit {
	return onExplicit(func(e *provenance.Explicit) { e.LoggedUntil = ptr(made + ms) })
}

func height(n int64) edit {
	return onExplicit(func(e *provenance.Explicit) { e.Height = ptr(n) })
}

func shown(n int64) edit { return onExplicit(func(e *provenance.Explicit) { e.Shown = ptr(n) }) }

func form(n int64) edit { return onExplicit(func(e *provenance.Explicit) { e.Form = n }) }

const day = 24 * 60 * 60 * 1000

var examples = map[string]example{
	"CN-1":  {asIs, noAIGC},
	"CN-2":  {noAIGC, func(s *Subject) { s.File, s.FileError = nil, &label.FileError{Detail: "two labels"} }},
	"CN-3":  {onAIGC(func(a *label.AIGC) { a.Label = "3" }), onAIGC(func(a *label.AIGC) { a.Label = "4" })},
	"CN-4":  {both(onAIGC(func(a *label.AIGC) { a.Label = "2" }), onLabel(func(l *provenance.Label) { l.Status = 2 })), onAIGC(func(a *label.AIGC) { a.Label = "2" })},
	"CN-5":  {onAIGC(func(a *label.AIGC) { a.ContentProducer = "深圳某公司" }), onAIGC(func(a *label.AIGC) { a.ContentProducer = "" })},
	"CN-6":  {onAIGC(func(a *label.AIGC) { a.ContentProducer = code[:22] + "00000" }), onAIGC(func(a *label.AIGC) { a.ContentProducer = code[:22] + "3XGW3" })},
	"CN-7":  {onAIGC(func(a *label.AIGC) { a.ContentProducer = "Acme" }), onAIGC(func(a *label.AIGC) { a.ContentProducer = "Other" })},
	"CN-8":  {asIs, onAIGC(func(a *label.AIGC) { a.ProduceID = "" })},
	"CN-9":  {noContent, otherID},
	"CN-10": {asIs, onAIGC(func(a *label.AIGC) { a.PropagateID = "" })},
	"CN-11": {asIs, onAIGC(func(a *label.AIGC) { a.PropagateID = "p-1" })},
	"CN-12": {
		both(onLabel(func(l *provenance.Label) { l.Propagator, l.PropagateID = "Platform", "p-1" }), onAIGC(func(a *label.AIGC) { a.ContentPropagator, a.PropagateID = "Platform", "p-1" })),
		onLabel(func(l *provenance.Label) { l.Propagator, l.PropagateID = "Platform", "p-1" }),
	},
	"CN-13": {onAIGC(func(a *label.AIGC) { a.ContentProducer = "Acme#[]~!" }), onAIGC(func(a *label.AIGC) { a.ContentProducer = "Acme Inc" })},
	"CN-14": {asIs, onAIGC(func(a *label.AIGC) { a.ReservedCode1 = "" })},
	"CN-15": {asIs, noAIGC},
	"CN-16": {onLabel(func(l *provenance.Label) { l.Status = 3 }), notSynth},
	"CN-17": {onLabel(func(l *provenance.Label) { l.Producer = "" }), onLabel(func(l *provenance.Label) { l.Producer, l.ProducerCode = "", "" })},
	"CN-18": {asIs, onLabel(func(l *provenance.Label) { l.Marks = ptr(int64(13)) })},
	"CN-19": {agreed, unapplied},
	"CN-20": {both(agreed, logged(181*day)), both(agreed, logged(180*day))},
	"CN-21": {as(1, label.Markdown), as(1, label.Markdown, onExplicit(func(e *provenance.Explicit) { e.Position = 0 }))},
	"CN-22": {height(50), height(49)},
	"CN-23": {as(4, label.MP4, shown(2000)), as(4, label.MP4, shown(1999))},
	"CN-24": {as(3, label.MP4, form(4)), as(3, label.MP4, form(1))},
	"CN-25": {asIs, as(1, label.Text)},

	"EU-1":  {onlyC2PA, unmarked},
	"EU-2":  {asIs, notSynth},
	"EU-3":  {asIs, onLabel(func(l *provenance.Label) { l.Extent = 0 })},
	"EU-4":  {asIs, noMark},
	"EU-5":  {asIs, onLabel(func(l *provenance.Label) { l.Made = nil })},
	"EU-6":  {func(s *Subject) { s.Signature = nil }, func(s *Subject) { s.Signature, s.Record.Label.Seal = ptr(false), nil }},
	"EU-7":  {onLabel(func(l *provenance.Label) { l.Marks = ptr(int64(2)) }), noMark},
	"EU-8":  {noMark, onLabel(func(l *provenance.Label) { l.Marks = ptr(int64(3)) })},
	"EU-9":  {asIs, func(s *Subject) { s.Record.Content[0].Role = 1 }},
	"EU-10": {asIs, func(s *Subject) { s.Commitment = ptr(false) }},
	"EU-11": {both(noAIGC, noC2PA), unmarked},
	"EU-12": {onLabel(func(l *provenance.Label) { l.System = "" }), nameless},
	"EU-13": {deepfake, both(deepfake, noExplicit)},
	"EU-14": {
		as(1, label.Markdown, noExplicit, onLabel(func(l *provenance.Label) { l.Editorial, l.Oversight = ptr(true), 3 })),
		as(1, label.Markdown, noExplicit, onLabel(func(l *provenance.Label) { l.Editorial = ptr(true) })),
	},

	"CA-1": {both(noC2PA, noSource), unmarked},
	"CA-2": {onlyC2PA, both(noC2PA, noAIGC)},
	"CA-3": {asIs, onLabel(func(l *provenance.Label) { l.Producer = "" })},
	"CA-4": {onLabel(func(l *provenance.Label) { l.System = "" }), func(s *Subject) { s.Record.Label.System, s.Record.Model.Version = "acme-image", "" }},
	"CA-5": {asIs, onLabel(func(l *provenance.Label) { l.Made = nil })},
	"CA-6": {asIs, noContent},
	"CA-7": {onlyC2PA, both(noC2PA, noAIGC)},
	"CA-8": {noContent, otherID},
	"CA-9": {asIs, notSynth},

	"IN-1": {asIs, unapplied},
	"IN-2": {onlyC2PA, unmarked},
	"IN-3": {onlyC2PA, both(noC2PA, noAIGC)},
	"IN-4": {asIs, noContent},
	"IN-5": {noContent, otherID},
	"IN-6": {asIs, unmarked},
	"IN-7": {asIs, notSynth},

	"KR-1": {asIs, onExplicit(func(e *provenance.Explicit) { e.Notified = ptr(false) })},
	"KR-2": {asIs, notSynth},
	"KR-3": {unmarked, both(unmarked, unapplied)},
	"KR-4": {onlyC2PA, unmarked},
	"KR-5": {deepfake, both(deepfake, unapplied)},
	"KR-6": {deepfake, both(deepfake, form(0))},

	"C2PA-1": {asIs, noC2PA},
	"C2PA-2": {edited, onC2PA(func(c *label.C2PA) { c.Actions[1].Name = "c2pa.opened" })},
	"C2PA-3": {asIs, onC2PA(func(c *label.C2PA) { c.Actions[0].SourceType = "" })},
	"C2PA-4": {asIs, onC2PA(func(c *label.C2PA) { c.Generators = nil })},
	"C2PA-5": {asIs, onC2PA(func(c *label.C2PA) { c.Actions[0].SourceType = captured })},
	"C2PA-6": {asIs, notSynth},
	"C2PA-7": {onLabel(func(l *provenance.Label) { l.SourceType = trained }), onLabel(func(l *provenance.Label) { l.SourceType = "compositeSynthetic" })},
	"C2PA-8": {asIs, func(s *Subject) { s.File.SourceType = captured }},
	"C2PA-9": {asIs, func(s *Subject) { s.Signature = ptr(false) }},
}

// TestEachRule holds each rule of each profile to an example that passes and to
// one that fails, whose records are sound.
func TestEachRule(t *testing.T) {
	left := map[string]bool{}
	for id := range examples {
		left[id] = true
	}
	for _, p := range All() {
		for _, rule := range p.Rules {
			e, ok := examples[rule.ID]
			if !ok {
				t.Errorf("%s has no examples", rule.ID)
				continue
			}
			delete(left, rule.ID)
			expect(t, &p, rule, e.pass, Passed)
			if expect(t, &p, rule, e.fail, Failed) != Fails && rule.Severity == Must {
				t.Errorf("%s fails and the verdict does not", rule.ID)
			}
		}
	}
	for id := range left {
		t.Errorf("%s has examples and is no rule", id)
	}
}

// expect returns the verdict of the whole profile.
func expect(t *testing.T, p *Profile, rule Rule, e edit, want Outcome) Verdict {
	t.Helper()
	s := labelled()
	e(&s)
	if _, err := s.Record.Encode(); err != nil {
		t.Errorf("%s: the example's record: %v", rule.ID, err)
	}
	result := Check(p, s)
	for _, done := range result.Rules {
		if done.ID != rule.ID {
			continue
		}
		if done.Outcome != want {
			t.Errorf("%s: %s (%s), wanted %s", rule.ID, done.Outcome, done.Reason, want)
		}
		if (done.Reason == "") != (want == Passed) {
			t.Errorf("%s: %s with the reason %q", rule.ID, done.Outcome, done.Reason)
		}
	}
	return result.Verdict
}
