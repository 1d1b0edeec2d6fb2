package ledger

import (
	"bytes"
	"fmt"
	"testing"

	"tokentrail/provenance"
)

// governed opens a fresh ledger of the chain test-1 with the providers acme and
// beta, under a rule version, governed by two of gov 0, gov 1 and gov 2.
func governed(t testing.TB, rules int64) *Ledger {
	t.Helper()
	l := open(t, t.TempDir())
	governedGenesis(t, l, rules)
	return l
}

func governedGenesis(t testing.TB, l *Ledger, rules int64) {
	t.Helper()
	governance := fmt.Appendf(nil, `{"format":1,"rules":%d,"governance":{"threshold":2,"keys":[%q,%q,%q]},`, rules,
		publicText(t, signerOf("gov 0")), publicText(t, signerOf("gov 1")), publicText(t, signerOf("gov 2")))
	state := bytes.Replace(appStateOf(t, "{}", "acme", "beta"), []byte(`{"format":1,`), governance, 1)
	if _, err := l.InitGenesis(state, testValidators(), "test-1"); err != nil {
		t.Fatal(err)
	}
}

// signedAct makes the submission of an act of the chain test-1.
func signedAct(t testing.TB, a provenance.Act, signers ...string) *Checked {
	t.Helper()
	if a.Chain == "" {
		a.Chain = "test-1"
	}
	u, err := provenance.NewAct(&a)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range signers {
		if u, err = u.Sign(signerOf(s)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Check(provenance.EncodeActSubmission(u.Raw()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// decree is governance's act number sequence, signed by two of its keys.
func decree(t testing.TB, sequence int64, actions ...provenance.Action) *Checked {
	t.Helper()
	return signedAct(t, provenance.Act{Sequence: sequence, Actions: actions}, "gov 0", "gov 2")
}

func kidOf(t testing.TB, name string) provenance.Hash {
	t.Helper()
	k, err := provenance.NewPublicKey(signerOf(name).Public())
	if err != nil {
		t.Fatal(err)
	}
	return k.Thumbprint()
}

// nextView is the view of the block that follows the newest.
func nextView(t testing.TB, l *Ledger) *view {
	t.Helper()
	v, err := l.Snapshot().view(blockTime)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// forked makes two statements for the next place of a writer's stream, of which
// the first is to become the entry.
func forked(t testing.TB, w *writer) (first *Checked, e *provenance.Equivocation) {
	t.Helper()
	other := *w
	raw, _ := other.build(other.records(2, 8))
	fork, err := provenance.ParseSubmission(raw)
	if err != nil {
		t.Fatal(err)
	}
	first = w.next(1)
	e, err = provenance.NewEquivocation(first.sub.Statement, fork.Statement)
	if err != nil {
		t.Fatal(err)
	}
	return first, e
}

func checkEquivocation(t testing.TB, e *provenance.Equivocation) *Checked {
	t.Helper()
	c, err := Check(provenance.EncodeEquivocationSubmission(e))
	if err != nil {
		t.Fatal(err)
	}
	return c
}
