package verify_test

import (
	"context"
	"slices"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// witnessed audits a ledger beside witnesses.
func (l *ledger) witnessed(witnesses []verify.Source, trust ...verify.Trust) *verify.Report {
	o := l.options()
	for i, w := range witnesses {
		o.Witnesses = append(o.Witnesses, verify.Witness{Name: []string{"http://w", "http://x"}[i], Source: w})
	}
	return l.auditWith(o, trust...)
}

// beside returns the ledger at another node, which has a key of its own.
func (l *ledger) beside() verify.Source {
	l.nodeKey = keyOf("another node")
	return l.node()
}

// TestWitnessOfOneNode: a node that is named twice, by mistake, is no witness of
// itself. SPEC(VER-38)
func TestWitnessOfOneNode(t *testing.T) {
	l := small(t)
	if r := l.witnessed([]verify.Source{small(t).node()}); r.Exit() != 2 || r.Witnesses[0].Agrees || !tells(r, "a key of the node that is audited: one node at two addresses") || tells(r, "other address") {
		t.Error(text(r))
	}
	r := l.witnessed([]verify.Source{small(t).beside(), small(t).beside()})
	if r.Exit() != 2 || !r.Witnesses[0].Agrees || r.Witnesses[1].Agrees || !tells(r, "a key of http://w:") {
		t.Error(text(r))
	}
}

// TestWitnessesAgree: nodes that are at other heights of one ledger agree, and the
// report says where they are. SPEC(VER-38), SPEC(VER-2)
func TestWitnessesAgree(t *testing.T) {
	for name, c := range map[string]struct {
		audited, witness int // blocks beyond the small ledger
		height, ahead    int64
		says             string
	}{
		"the same": {0, 0, 4, 0, "http://w (the same header)"},
		"behind":   {2, 0, 4, 0, "http://w (3 heights behind)"},
		"ahead":    {0, 2, 4, 3, "http://w (the same header; 3 heights ahead, signed by the validators)"},
	} {
		for _, from := range []int{0, 1, 4} {
			l, w := small(t), small(t)
			if c.audited > 0 {
				l.longer(c.audited)
			}
			if c.witness > 0 {
				w.longer(c.witness)
			}
			trust := verify.Trust{Genesis: new(hashOf(l.genesis))}
			if from > 0 {
				trust = l.at(from)
			}
			r := l.witnessed([]verify.Source{w.beside()}, trust)
			height := c.height
			if c.audited > 0 {
				height = 4
			}
			if got := r.Witnesses[0]; r.Verdict != verify.Holds || !got.Agrees || got.Height != height || got.Ahead != c.ahead || !tells(r, c.says) {
				t.Errorf("%s from %d: %+v\n%s", name, from, got, text(r))
			}
			if tells(r, "only a second source") || tells(r, "from one address") || from > 0 && !tells(r, "compared with 1 other address") {
				t.Errorf("%s from %d: the report speaks of one address:\n%s", name, from, text(r))
			}
		}
	}
}

// TestWitnessesThatCannotBeAsked are not checked, and never evidence; those that can
// be are. SPEC(VER-38)
func TestWitnessesThatCannotBeAsked(t *testing.T) {
	empty := newLedger(t)
	empty.header()
	for name, c := range map[string]struct {
		source verify.Source
		says   string
	}{
		"status":     {broken(small(t), "/v1/status"), "http://x: status: "},
		"headers":    {broken(small(t), "/v1/headers"), "the network is down"},
		"checkpoint": {broken(small(t), "/checkpoint"), "its checkpoint: "},
		"keys":       {broken(small(t), "/.well-known"), "its keys: "},
		"longer":     {broken(small(t).longer(2), "/proof/consistency"), "the network is down"},
		"nothing":    {empty.node(), "it has no signed header yet"},
	} {
		l := small(t)
		r := l.witnessed([]verify.Source{small(t).beside(), c.source})
		if r.Exit() != 2 || len(r.Findings()) > 0 || !r.Witnesses[0].Agrees || r.Witnesses[1].Agrees || !tells(r, c.says) {
			t.Errorf("%s: exit %d\n%s", name, r.Exit(), text(r))
		}
		if r.Witnesses[1].Says == "" {
			t.Errorf("%s: the report does not say what came of it", name)
		}
	}
	// A witness that catches up, and says so, lacks what it does not have yet.
	for _, path := range []string{"/v1/headers?from=4", "/checkpoint"} {
		for catching, exit := range map[bool]int{true: 2, false: 1} {
			l, w := small(t).longer(2), small(t)
			w.answer = missing(path)
			w.status = func(s *verify.Status) { s.CatchingUp = catching }
			if r := l.witnessed([]verify.Source{w.beside()}); r.Exit() != exit || tells(r, "it is catching up") != catching {
				t.Errorf("%s, catching up %v: exit %d\n%s", path, catching, r.Exit(), text(r))
			}
		}
	}
	l := small(t)
	r := auditOfWitnessed(l, broken(l, "/v1/headers"))
	if s := step(r, "witnesses"); r.Exit() != 2 || s.Outcome != verify.NotChecked {
		t.Error(text(r))
	}
}

// auditOfWitnessed audits a node that is in trouble, beside a witness that is not.
func auditOfWitnessed(l *ledger, node verify.Source) *verify.Report {
	o := l.options()
	o.Witnesses = []verify.Witness{{Name: "http://w", Source: small(l.t).beside()}}
	return auditWith(node, o)
}

// TestWitnessSeesForkWithEvidence: what a witness shows proves the fork to others,
// and neither side is kept.
func TestWitnessSeesForkWithEvidence(t *testing.T) {
	for name, trust := range map[string]func(l *ledger) verify.Trust{
		"genesis": func(*ledger) verify.Trust { return verify.Trust{} },
		"before":  func(l *ledger) verify.Trust { return l.at(2) },
		"after":   func(l *ledger) verify.Trust { return l.at(len(l.blocks)) },
	} {
		l, w := handedOver(t, "left"), handedOver(t, "right")
		o := l.options()
		remembers(&o, nil)
		o.Witnesses = []verify.Witness{{Name: "http://w", Source: w.beside()}}
		r := l.auditWith(o, trust(l))
		if k, _ := r.NewKept(); r.Exit() != 1 || !slices.Contains(codes(r), verify.CodeFork) || len(r.ForkEvidence()) != 1 || k != nil {
			t.Fatalf("%s: %d\n%s", name, len(r.ForkEvidence()), text(r))
		}
		if judged := thirdParty(t, l, r.ForkEvidence()[0]); judged.Exit() != 1 || len(judged.Fork.SignedBoth) != 5 {
			t.Errorf("%s:\n%s", name, text(judged))
		}
	}
}

// TestWitnessWithoutTheWay: a fork whose validators the witness does not lead to is
// no more than its word.
func TestWitnessWithoutTheWay(t *testing.T) {
	l, w := handedOver(t, "left"), handedOver(t, "right")
	w.answer = func(path string, b []byte) []byte {
		if parseURL(t, path).Path == "/v1/validators/changes" {
			return []byte(`{"heights": []}`)
		}
		return b
	}
	r := l.witnessed([]verify.Source{w.beside()})
	if r.Exit() != 1 || !slices.Equal(codes(r), []verify.Code{verify.CodeWitness}) || len(r.ForkEvidence()) != 0 {
		t.Error(text(r))
	}
}

// TestWitnessAheadWithoutProof is told of, and no evidence.
func TestWitnessAheadWithoutProof(t *testing.T) {
	l, w := small(t), small(t)
	w.status = func(s *verify.Status) { s.Height += 7 }
	w.answer = func(path string, b []byte) []byte {
		if u := parseURL(t, path); u.Path == "/v1/headers" && u.Query().Get("from") == "11" {
			return appendBytes(nil, []byte("garbage"))
		}
		return b
	}
	r := l.witnessed([]verify.Source{w.beside()})
	if r.Verdict != verify.Holds || r.Witnesses[0].Ahead != 0 || !tells(r, "which was not proven") {
		t.Error(text(r))
	}
	// A witness's checkpoint may be older than the audited log.
	old := small(t)
	checkpoint(func(cp *provenance.Checkpoint) { cp.Size, cp.Root = old.heads[1].Size, old.heads[1].LogRoot })(old)
	if r := l.witnessed([]verify.Source{old.beside()}); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
}

// auditWith audits a source, from whatever genesis it serves.
func auditWith(node verify.Source, o verify.Options) *verify.Report {
	return light.Audit(context.Background(), node, verify.Trust{}, o)
}
