package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// TestGovernance governs four real validators through all that an act can do.
func TestGovernance(t *testing.T) {
	acme, beta := newProvider(t, "acme"), newProvider(t, "beta")
	g, homes := newGoverned(t, acme)
	g.net = startNetworkOf(t, homes)
	for _, v := range g.net {
		v.wait(t, g.ctx, 0)
	}
	records := traceRecords(t)[:1]
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"admit", func() { g.admits(beta, records) }},
		{"rotate", func() { g.rotates(acme, beta, records) }},
		{"stolen", func() { g.revokes(acme, beta, records) }},
		{"validators", func() { g.reweighs(homes, acme, records) }},
		{"rules", func() { g.changesRules(acme, records) }},
		{"equivocation", func() { g.convicts(records) }},
		{"takeover", func() { g.handsOver() }},
	} {
		if !t.Run(step.name, func(t *testing.T) { g.t = t; step.do() }) {
			return // the next stand on it
		}
	}
	g.t = t
	g.agree()
	for i, v := range g.net {
		auditNode(t, homes[i], v.url)
	}
}

// admits signs copies apart, joins them and submits: beta is in.
func (g *governed) admits(beta *provider, records [][]byte) {
	g.notPosted(beta, records, "unknown-issuer")
	public := g.keep("beta", beta)
	g.ok("gov", "propose", "provider-admit", "beta", "--name", "Beta AI", "--jurisdictions", "DE,FR", "--provider-key", public, "--file", "admit")
	g.refused("exists and is never overwritten", "gov", "propose", "provider-status", "acme", "suspended", "--file", "admit")
	g.refused("not enough signatures: 0 of 2", "gov", "submit", "admit")
	g.refused("may not sign this act", "gov", "sign", "admit", "--key", "./acme.key", "--yes")
	g.refused(`"beta" is not in this ledger's registry`, "gov", "propose", "provider-status", "beta", "suspended", "--file", "x")
	for _, name := range []string{"alice", "bob"} {
		b, err := os.ReadFile(filepath.Join(g.dir, "admit"))
		if err != nil {
			g.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(g.dir, "from-"+name), b, 0o600); err != nil {
			g.t.Fatal(err)
		}
		g.ok("gov", "sign", "from-"+name, "--key", "./"+name+".key", "--yes")
	}
	if out := g.ok("gov", "sign", "from-alice", "--key", "./alice.key", "--yes"); !strings.Contains(out, "has signed this already, and from-alice is unchanged") {
		g.t.Errorf("signed twice:\n%s", out)
	}
	g.refused("not enough signatures: 1 of 2", "gov", "submit", "from-alice")
	// One that does not hold does not take the place of one that does.
	spoilProposal(g.t, filepath.Join(g.dir, "from-alice"), filepath.Join(g.dir, "spoilt"))
	if out := g.ok("gov", "join", "spoilt", "from-alice", "from-bob", "--file", "joined"); !strings.Contains(out, "left out") || !strings.Contains(out, "2 of 2 wanted") {
		g.t.Errorf("joined:\n%s", out)
	}
	g.ok("gov", "submit", "joined")
	if out := g.ok("gov", "submit", "joined"); !strings.Contains(out, "the act is entry 0 of") {
		g.t.Errorf("submitted twice:\n%s", out)
	}
	g.acts++
	if out := g.ok("gov", "show", "joined"); !strings.Contains(out, "this proposal is done: it is entry 0 of") || strings.Contains(out, "would refuse") {
		g.t.Errorf("a proposal that is done:\n%s", out)
	}
	g.refused("joined is done: it is entry 0 of the log", "gov", "sign", "joined", "--key", "./carol.key", "--yes")
	g.posted(beta, records)
	if out := g.ok("gov", "show", "0"); !strings.Contains(out, `admits the provider beta, "Beta AI" of DE, FR`) || strings.Count(out, "  + ") != 2 {
		g.t.Errorf("entry 0:\n%s", out)
	}
	g.refused("entry 1 is no act", "gov", "show", "1")
	if out := g.ok("gov", "show"); !strings.Contains(out, "by 2 of 3 keys") || !strings.Contains(out, "Beta AI") {
		g.t.Errorf("who governs:\n%s", out)
	}
}

// spoilProposal copies a proposal with a bit of its last signature turned.
func spoilProposal(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-40] ^= 1
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// rotates gives beta another key: the old one signs until its height.
func (g *governed) rotates(acme, beta *provider, records [][]byte) {
	next := newProvider(g.t, "beta")
	g.keep("beta-2", next)
	g.refused("the key ed25519:", "key", "rotate", "--issuer", "beta", "--key", "./acme.key", "--new", "./beta-2.key")
	g.refused("is already a key of", "key", "rotate", "--issuer", "beta", "--key", "./beta.key", "--new", "./acme.key")
	g.ok("key", "rotate", "--issuer", "beta", "--key", "./beta.key", "--new", "./beta-2.key", "--old-until", "+10")
	old := *beta
	g.posted(beta, records) // both sign
	old.sequence, old.previous = beta.sequence, beta.previous
	g.upTo(status(g.t, g.net[0].url).Height+11, acme, records)
	g.notPosted(&old, records, "unknown-key")
	beta.key = next.key
	g.posted(beta, records)
}

// revokes declares a key stolen since a time: its provider is shut out until it
// has another.
func (g *governed) revokes(acme, beta *provider, records [][]byte) {
	since := time.Now().UTC().Format(time.RFC3339Nano)
	g.posted(beta, records)
	out := g.act("key-stolen", "beta", "beta-2.key", "--since", since)
	if !strings.Contains(out, "beta has no key that may sign") {
		g.t.Errorf("no warning:\n%s", out)
	}
	g.notPosted(beta, records, "unknown-key")
	g.refused("only an earlier one says more", "gov", "propose", "key-stolen", "beta", "beta-2.key", "--since", time.Now().UTC().Format(time.RFC3339Nano), "--file", "x")
	var p struct {
		Keys []struct {
			Valid        bool
			StolenHeight int64 `json:"stolen_height"`
		}
	}
	g.read("/v1/providers/beta", &p)
	if len(p.Keys) != 2 || p.Keys[1].Valid || p.Keys[1].StolenHeight < 2 {
		g.t.Errorf("%+v", p)
	}
	third := newProvider(g.t, "beta")
	g.act("key-add", "beta", g.keep("beta-3", third))
	beta.key = third.key
	g.posted(beta, records)
	g.act("provider-status", "beta", "suspended")
	g.notPosted(beta, records, "inactive-issuer")
	g.posted(acme, records)
}

// reweighs gives one validator more power, removes another, and adds it again.
func (g *governed) reweighs(homes []string, acme *provider, records [][]byte) {
	first, last := validatorKey(g.t, homes[0]), validatorKey(g.t, homes[3])
	g.act("validator", first, "12")
	g.act("validator", last, "0")
	if out, code := g.run("gov", "propose", "validator", first, "1000", "--file", "too-much"); code != 0 || !strings.Contains(out, "more than a third of the voting power moves at once") || !strings.Contains(out, "it decides alone") {
		g.t.Errorf("no warning, exit code %d:\n%s", code, out)
	}
	for range 5 {
		g.posted(acme, records)
	}
	g.act("validator", last, "10")
	for range 5 {
		g.posted(acme, records)
	}
	var validators struct {
		Power      int64
		Validators []struct{ Key string }
	}
	g.read("/v1/validators", &validators)
	if validators.Power != 42 || len(validators.Validators) != 4 {
		g.t.Errorf("%+v", validators)
	}
	var changes struct{ Heights []int64 }
	g.read("/v1/validators/changes?from=1", &changes)
	if len(changes.Heights) != 3 {
		g.t.Errorf("validators changed at %v, wanted three heights", changes.Heights)
	}
	// The client follows them from genesis on.
	g.ok("gov", "show")
	g.agree()
}

// changesRules lets version 3 hold from a height on.
func (g *governed) changesRules(acme *provider, records [][]byte) {
	g.refused("2, version 2 holds; wanted a later one", "gov", "propose", "rules", "2", "+5", "--file", "x")
	g.act("rules", "3", "+5")
	var rules struct{ Version, Next, From int64 }
	g.read("/v1/rules", &rules)
	if rules.Version != 2 || rules.Next != 3 {
		g.t.Errorf("%+v", rules)
	}
	g.upTo(rules.From, acme, records)
	g.read("/v1/rules", &rules)
	if rules.Version != 3 {
		g.t.Errorf("behind the height: %+v", rules)
	}
}

// convicts posts both statements of a provider that told two stories.
func (g *governed) convicts(records [][]byte) {
	liar := newProvider(g.t, "liar")
	g.act("provider-admit", "liar", "--name", "Liar", "--jurisdictions", "US", "--provider-key", g.keep("liar", liar))
	other, _ := liar.sign(g.t, 0, nil, traceRecords(g.t)[7:8])
	first := liar.next(g.t, records)
	if a := post(g.t, g.net[0].url, first); a.status != http.StatusCreated {
		g.t.Fatalf("%d %s", a.status, a.body)
	}
	var both []*provenance.UnverifiedStatement
	for _, raw := range [][]byte{first, other} {
		s, err := provenance.ParseSubmission(raw)
		if err != nil {
			g.t.Fatal(err)
		}
		both = append(both, s.Statement)
	}
	e, err := provenance.NewEquivocation(both[0], both[1])
	if err != nil {
		g.t.Fatal(err)
	}
	a := post(g.t, g.net[1].url, provenance.EncodeEquivocationSubmission(e))
	if a.status != http.StatusCreated {
		g.t.Fatalf("%d %s", a.status, a.body)
	}
	entry := status(g.t, g.net[1].url).LogSize - 1
	g.net[0].wait(g.t, g.ctx, entry+1)
	g.notPosted(liar, records, "fork")
	var p struct {
		Equivocated   int64
		Equivocations []struct {
			Stream string
			Closed int64
		}
	}
	g.read("/v1/providers/liar", &p)
	if p.Equivocated != 1 || len(p.Equivocations) != 1 || p.Equivocations[0].Closed != entry || p.Equivocations[0].Stream != "main" {
		g.t.Errorf("%+v, the entry is %d", p, entry)
	}
	leaf := request(g.t, http.MethodGet, g.net[0].url+"/entries/"+strconv.FormatInt(entry, 10)+"/statement", "", nil)
	if got := leaf.header.Get("Content-Type"); got != "application/cbor" {
		g.t.Errorf("the leaf is %q", got)
	}
	if out := g.ok("verify"); !strings.Contains(out, "equivocation") && !strings.Contains(out, "two statements") {
		g.t.Errorf("verify does not say that liar lied:\n%s", out)
	}
}

// handsOver lets carol and a new key govern.
func (g *governed) handsOver() {
	dora := g.keep("dora", newProvider(g.t, "dora"))
	g.ok("gov", "propose", "governance", "--threshold", "2", "--governor", "carol.key", "--governor", dora, "--file", "handover", "--reason", "new board")
	g.ok("gov", "sign", "handover", "--key", "./alice.key", "--yes")
	g.ok("gov", "sign", "handover", "--key", "./carol.key", "--yes")
	g.refused("not enough signatures: 1 of 2 by new governance keys", "gov", "submit", "handover")
	g.ok("gov", "sign", "handover", "--key", "./dora.key", "--yes")
	g.ok("gov", "submit", "handover")
	g.ok("gov", "propose", "provider-describe", "acme", "--name", "Acme", "--file", "after")
	g.refused("may not sign this act", "gov", "sign", "after", "--key", "./alice.key", "--yes")
	g.ok("gov", "sign", "after", "--key", "./carol.key", "--yes")
	g.ok("gov", "sign", "after", "--key", "./dora.key", "--yes")
	g.ok("gov", "submit", "after")
}
