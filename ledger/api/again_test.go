package api

import (
	"context"
	"net/http"
	"testing"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// telling is a submitter that tells what it refuses.
type telling struct {
	*chain
	refused chan provenance.Code
}

func (s telling) Submit(ctx context.Context, c *ledger.Checked) error {
	err := s.chain.Submit(ctx, c)
	if err != nil {
		s.refused <- provenance.CodeOf(err)
	}
	return err
}

// keyAct is a provider's act that adds a key.
func (p *provider) keyAct(t *testing.T, sequence int64) []byte {
	t.Helper()
	fresh, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	public, err := provenance.NewPublicKey(fresh.Public())
	if err != nil {
		t.Fatal(err)
	}
	act, err := provenance.NewAct(&provenance.Act{
		Chain: "test-1", Provider: p.id, Sequence: sequence,
		Actions: []provenance.Action{{Type: provenance.KeyAdd, ID: p.id, Key: public.COSE()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []provider{*p, {key: fresh}} {
		if act, err = act.Sign(key.key); err != nil {
			t.Fatal(err)
		}
	}
	return provenance.EncodeActSubmission(act.Raw())
}

// TestActAgainBeforeItsHeader posts an act again between its block and the header
// that proves it: it is done, and no other has its place.
func TestActAgainBeforeItsHeader(t *testing.T) {
	refused := make(chan provenance.Code, 10)
	n := newNode(t, func(c *Config) { c.Submitter = telling{c.Submitter.(*chain), refused} })
	act := n.provider.keyAct(t, 0)
	n.chain.set(func(c *chain) { c.hold = true })
	answers := make(chan int, 2)
	post := func() { answers <- n.post(act).Code }
	go post()
	n.waiting(1)
	n.chain.set((*chain).block)
	go post()
	if code := <-refused; code != ledger.CodeSequence {
		t.Fatalf("the ledger refuses it as %s", code)
	}
	n.chain.set((*chain).block)
	for range 2 {
		if got := <-answers; got != http.StatusCreated {
			t.Errorf("answered %d", got)
		}
	}
	if w := n.post(n.provider.keyAct(t, 0)); w.Code != http.StatusConflict {
		t.Errorf("another act for its place: %d %s", w.Code, w.Body)
	}
}
