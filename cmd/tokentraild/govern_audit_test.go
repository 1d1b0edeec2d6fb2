package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// An actor governs a ledger of the tests alone, and acts for providers.
type actor struct {
	*validator
	key       crypto.Signer
	sequences map[string]int64 // of the next act, by provider
}

// governed changes genesis documents so that the actor governs, under rule
// version 1.
func (a *actor) governed(t testing.TB, homes []string) {
	t.Helper()
	for _, home := range homes {
		raw, err := os.ReadFile(app.GenesisPath(home))
		check(t, err)
		doc := map[string]json.RawMessage{}
		check(t, json.Unmarshal(raw, &doc))
		state := map[string]json.RawMessage{}
		check(t, json.Unmarshal(doc["app_state"], &state))
		public, err := provenance.NewPublicKey(a.key.Public())
		check(t, err)
		state["rules"] = json.RawMessage("1")
		state["governance"], err = json.Marshal(provenance.GenesisGovernance{Threshold: 1, Keys: []string{public.String()}})
		check(t, err)
		doc["app_state"], err = json.Marshal(state)
		check(t, err)
		raw, err = json.Marshal(doc)
		check(t, err)
		check(t, os.WriteFile(app.GenesisPath(home), raw, 0o600))
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// act makes the next act, of governance ("") or of a provider, has it signed and
// committed, and returns its entry.
func (a *actor) act(t testing.TB, whose string, signers []crypto.Signer, actions ...provenance.Action) int64 {
	t.Helper()
	u, err := provenance.NewAct(&provenance.Act{Chain: "net-1", Provider: whose, Sequence: a.sequences[whose], Actions: actions})
	check(t, err)
	for _, s := range signers {
		u, err = u.Sign(s)
		check(t, err)
	}
	a.sequences[whose]++
	return a.commit(t, provenance.EncodeActSubmission(u.Raw()))
}

// commit posts a submission and returns its entry's index, by the receipt.
func (a *actor) commit(t testing.TB, submission []byte) int64 {
	t.Helper()
	got := post(t, a.url, submission)
	if got.status != http.StatusCreated {
		t.Fatalf("%d %q", got.status, got.body)
	}
	r, err := provenance.ParseReceipt(got.body)
	check(t, err)
	return r.Proof.Index
}

// audit audits the node from a trust; it finds nothing against it.
func (a *actor) audit(t testing.TB, trust verify.Trust) *verify.Report {
	t.Helper()
	node, err := remote.New(a.url, remote.Options{})
	check(t, err)
	r := light.Audit(t.Context(), node, trust, verify.Options{Now: time.Now, Receipts: -1, Patience: indexed})
	if r.Exit() != 0 {
		b, err := r.JSON()
		t.Fatalf("the auditor ends with %d: %s %v", r.Exit(), b, err)
	}
	return r
}

// TestGovernedLedgerIsAudited does on a real ledger all that governance can, and
// has it audited from genesis and from a header: ledger and auditor have nothing
// in common but the format, and are of one mind on each act.
func TestGovernedLedgerIsAudited(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	acme, gamma := newProvider(t, "acme"), newProvider(t, "gamma")
	a := &actor{key: newProvider(t, "governor").key, sequences: map[string]int64{}}
	a.validator = startNetworkOf(t, networkHomes(t, 1, a.governed, acme))[0]
	a.wait(t, ctx, 0)
	records := traceRecords(t)
	say := func(p *provider) int64 {
		one := records[:1]
		records = records[1:]
		return a.commit(t, p.next(t, one))
	}
	all := []crypto.Signer{a.key}

	say(acme)
	a.act(t, "", all, provenance.Action{Type: provenance.ProviderAdmit, ID: "gamma", Name: "Gamma", Jurisdictions: []string{"FR"}, Keys: [][]byte{coseKey(t, gamma.key)}})
	say(gamma)
	trust := a.header(t)
	other := newProvider(t, "validator").key.Public().(ed25519.PublicKey)
	power := func(n int64) provenance.Action {
		return provenance.Action{Type: provenance.ValidatorSet, Validator: other, Power: n}
	}
	a.act(t, "", all, power(2), provenance.Action{Type: provenance.RulesSet, Rules: 2, RulesFrom: joinStatusOf(t, a.url).Height + 3})
	a.rotate(t, acme)
	say(acme)
	a.act(t, "", all, power(3))
	height := joinStatusOf(t, a.url).Height
	a.act(t, "", all, provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: height + 8},
		provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Records: 100, Streams: 2}})
	for joinStatusOf(t, a.url).Height < height+8 {
		say(acme)
	}
	gamma.stream, gamma.sequence, gamma.previous = "counted", 0, nil
	say(gamma)
	a.act(t, "", all, power(0))
	a.convict(t, gamma, records[:2])
	stolen := say(acme)
	since := a.heightOf(t, stolen)
	a.act(t, "", all, provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(t, acme.key), SinceHeight: since},
		provenance.Action{Type: provenance.ProviderSet, ID: "gamma", Status: provenance.ProviderRetired})

	document, err := os.ReadFile(app.GenesisPath(a.home))
	check(t, err)
	for _, trust := range []verify.Trust{{Genesis: new(provenance.Hash(sha256.Sum256(document)))}, trust} {
		r := a.audit(t, trust)
		if r.Totals.Acts != 7 || r.Totals.Equivocations != 1 || len(r.Notices) != 2 || r.Totals.Stolen == nil || r.Totals.Stolen.Entries < 1 {
			t.Errorf("%+v, %+v", r.Totals, r.Notices)
		}
	}
	a.prove(t, document, stolen)
}

// prove proves an entry as a client does, which has the genesis document and asks
// the node who came after its validators, and who its issuer is.
func (a *actor) prove(t testing.TB, document []byte, entry int64) {
	t.Helper()
	node, err := remote.New(a.url, remote.Options{})
	check(t, err)
	if heights, err := node.ValidatorChanges(t.Context(), 1); err != nil || len(heights) != 3 {
		t.Errorf("changes of validators at %v, %v: wanted 3", heights, err)
	}
	trust := verify.Trust{Genesis: new(provenance.Hash(sha256.Sum256(document)))}
	p, err := verify.NewEntryProver(t.Context(), document, trust, light.Following(node, trust, time.Now), node)
	check(t, err)
	raw, err := node.Statement(t.Context(), strconv.FormatInt(entry, 10))
	check(t, err)
	s, err := provenance.ParseStatement(raw)
	check(t, err)
	check(t, p.Prove(t.Context(), entry, s))
}

// rotate gives a provider another key in place of the one that it has.
func (a *actor) rotate(t testing.TB, p *provider) {
	t.Helper()
	fresh := newProvider(t, p.id).key
	until := joinStatusOf(t, a.url).Height + 3
	a.act(t, p.id, []crypto.Signer{p.key, fresh}, provenance.Action{Type: provenance.KeyAdd, ID: p.id, Key: coseKey(t, fresh)},
		provenance.Action{Type: provenance.KeyExpire, ID: p.id, KID: kidOf(t, p.key), Until: &until})
	p.key = fresh
}

// convict submits two statements of a provider for the place of its last one.
func (a *actor) convict(t testing.TB, p *provider, records [][]byte) {
	t.Helper()
	var told []*provenance.UnverifiedStatement
	for _, record := range records {
		raw, _ := p.sign(t, 0, nil, [][]byte{record})
		sub, err := provenance.ParseSubmission(raw)
		check(t, err)
		told = append(told, sub.Statement)
	}
	e, err := provenance.NewEquivocation(told[0], told[1])
	check(t, err)
	a.commit(t, provenance.EncodeEquivocationSubmission(e))
}

// header is the trust in the node's newest header.
func (a *actor) header(t testing.TB) verify.Trust {
	t.Helper()
	height, text, _ := strings.Cut(a.trustOf(t), ":")
	trust := verify.Trust{Period: time.Hour}
	var err error
	trust.Height, err = strconv.ParseInt(height, 10, 64)
	check(t, err)
	check(t, trust.Hash.UnmarshalText([]byte(strings.ToLower(text))))
	return trust
}

// heightOf is the height of an entry, as the node says.
func (a *actor) heightOf(t testing.TB, index int64) int64 {
	t.Helper()
	node, err := remote.New(a.url, remote.Options{})
	check(t, err)
	page, err := node.Entries(t.Context(), index, 1)
	check(t, err)
	if len(page) != 1 || page[0].Height < 1 {
		t.Fatalf("the node does not tell the height of entry %d: %+v", index, page)
	}
	return page[0].Height
}

func coseKey(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	public, err := provenance.NewPublicKey(key.Public())
	check(t, err)
	return public.COSE()
}

func kidOf(t testing.TB, key crypto.Signer) provenance.Hash {
	t.Helper()
	return provenance.Hash(sha256.Sum256(coseKey(t, key)))
}
