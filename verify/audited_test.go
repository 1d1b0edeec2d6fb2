package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// truly says whether what an audit handed out is the ledger's log.
func truly(l *ledger, got *verify.AuditedLog) bool {
	head := l.head()
	return got != nil && got.Origin == l.origin() && got.Size == head.Size && got.Root == head.LogRoot
}

// TestAuditedLog: what an audit led to is handed out, with the node's checkpoint, from
// genesis and under a trusted header, also where providers said what they should not.
// SPEC(VER-86)
func TestAuditedLog(t *testing.T) {
	future := committed(tomorrow)
	for name, build := range map[string]func(t testing.TB) *ledger{"small": small, "unheard of": unheardOf, "from the future": future} {
		l := build(t)
		for kind, r := range map[string]*verify.Report{"genesis": l.audit(), "header": l.audit(l.at(2))} {
			got := r.AuditedLog()
			if !truly(l, got) || got.CheckpointSize != got.Size || len(got.Keys) != 1 {
				t.Fatalf("%s, %s: %+v\n%s", name, kind, got, text(r))
			}
			cp, err := provenance.OpenCheckpoint(got.Checkpoint, got.Origin, got.Keys[0])
			if err != nil || cp.Root != got.Root || !got.Keys[0].Equal(l.nodeKey.Public().(ed25519.PublicKey)) {
				t.Errorf("%s, %s: %+v, %v", name, kind, cp, err)
			}
		}
	}
}

// TestNothingToVouchFor: of a ledger that anything speaks against nothing is handed
// out, and of no ledger another log than its own. SPEC(VER-86)
func TestNothingToVouchFor(t *testing.T) {
	for _, lie := range slices.Concat(headerLies(), logLies(), proofLies(), forkLies()) {
		r := lie.tell(t)
		got := r.AuditedLog()
		if r.Against.Ledger > 0 && got != nil {
			t.Errorf("%s: %+v", lie.name, got)
		}
		if got != nil && (r.Ledger == nil || got.Size != r.Ledger.LogSize || got.Root != r.Ledger.LogRoot) {
			t.Errorf("%s: %+v, %+v", lie.name, got, r.Ledger)
		}
	}
}

// TestHalfAnAudit: what could not be looked at and the log does not rest on leaves it to
// be handed out; all else does not. SPEC(VER-86)
func TestHalfAnAudit(t *testing.T) {
	for route, want := range map[string]struct{ log, checkpoint bool }{
		"/v1/state": {true, true}, "/v1/flows": {true, true}, "/proof/inclusion": {true, true},
		"/checkpoint": {true, false}, "/.well-known": {true, false}, "/proof/consistency": {true, false},
		"/v1/status": {}, "/v1/genesis": {}, "/v1/headers": {}, "/v1/entries?from=0&limit=4": {},
	} {
		l := small(t)
		r := auditOf(l, broken(l, route))
		got := r.AuditedLog()
		if (got != nil) != want.log || got != nil && (!truly(l, got) || (got.Checkpoint != nil) != want.checkpoint) {
			t.Errorf("%s: %+v\n%s", route, got, text(r))
		}
	}
}

// TestVouchWithMemory: a memory that cannot be read may hide a fork; a first audit has
// none, and an older checkpoint of the log is one. SPEC(VER-86)
func TestVouchWithMemory(t *testing.T) {
	l := small(t)
	o := l.options()
	o.Kept = func(string) (*verify.Kept, error) { return nil, errors.New("damaged") }
	if got := l.auditWith(o).AuditedLog(); got != nil {
		t.Errorf("%+v", got)
	}
	if got := l.after(nil).AuditedLog(); !truly(l, got) {
		t.Errorf("%+v", got)
	}
	if got := l.after(kept(l)).AuditedLog(); !truly(l, got) {
		t.Errorf("%+v", got)
	}
	o = l.options()
	o.Now = func() time.Time { return l.start.AddDate(1, 0, 0) }
	if got := l.auditWith(o, l.at(2)).AuditedLog(); got != nil {
		t.Errorf("trust has expired: %+v", got)
	}
	checkpoint(func(c *provenance.Checkpoint) { c.Size, c.Root = l.heads[2].Size, l.heads[2].LogRoot })(l)
	got := l.audit().AuditedLog()
	if !truly(l, got) || got.CheckpointSize != l.heads[2].Size || bytes.Count(got.Checkpoint, []byte("\n")) != 5 {
		t.Errorf("%+v", got)
	}
}

// TestReasonBesideFindings: a step in which something was found, and which was not
// carried through, says both, whichever came first, in every form; and its log is none
// to vouch for. SPEC(VER-52), SPEC(VER-86)
func TestReasonBesideFindings(t *testing.T) {
	n := narrow(t, small(t))
	n.Because("content", "not to its end")
	n.Find("content", verify.FileFinding(verify.CodeFileLabel, "file.label", "one", "none"))
	r := n.Conclude()
	if s := r.Steps[0]; s.Outcome != verify.Failed || s.Reason != "not to its end" {
		t.Errorf("%+v", s)
	}
	var junit, markdown bytes.Buffer
	check(t, r.WriteJUnit(&junit))
	check(t, r.WriteMarkdown(&markdown))
	for _, said := range []string{text(r), junit.String(), markdown.String()} {
		if !bytes.Contains([]byte(said), []byte("not to its end")) {
			t.Error(said)
		}
	}

	l := planned(t)
	l.keys["acme"] = keyOf("last")
	l.commit(tomorrow(l))
	l.commit()
	l.claim = func(verify.Entry) int64 { return 0 }
	r = l.audit(l.at(2))
	i := slices.IndexFunc(r.Steps, func(s *verify.Step) bool { return s.Name == "log" })
	if s := r.Steps[i]; s.Outcome != verify.Failed || s.Reason == "" || r.Against.Ledger != 0 || r.Against.Providers != 1 {
		t.Errorf("%s", text(r))
	}
	if got := r.AuditedLog(); got != nil {
		t.Errorf("the heights of its entries were not looked at: %+v", got)
	}
}
