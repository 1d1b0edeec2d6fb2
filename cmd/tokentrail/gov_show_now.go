package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"tokentrail/provenance"
)

// governanceDoc is what gov show answers without an argument.
type governanceDoc struct {
	Format     int               `json:"format"`
	Ledger     string            `json:"ledger"`
	Height     int64             `json:"height"` // of the newest header that proves governance, rules and policy
	Governance *governorsDoc     `json:"governance,omitempty"`
	Rules      rulesDoc          `json:"rules"`
	Policy     provenance.Policy `json:"policy"`
	Providers  []listedProvider  `json:"providers"`  // the node's word
	Validators []listedValidator `json:"validators"` // the node's word
}

type governorsDoc struct {
	Threshold int64      `json:"threshold"`
	Keys      []namedKey `json:"keys"`
	Sequence  int64      `json:"sequence"` // of the next act
}

type namedKey struct {
	Key string          `json:"key"`
	KID provenance.Hash `json:"kid"`
}

type rulesDoc struct {
	Version int64 `json:"version"` // that holds for the next block
	Next    int64 `json:"next,omitempty"`
	From    int64 `json:"from,omitempty"`
}

// showGovernance shows who governs now, and what.
func (a *app) showGovernance(ctx context.Context, f *govFlags) error {
	if f.offline {
		return usagef("who governs now is asked of a node: leave out --offline, or name a proposal")
	}
	n, err := f.ledger(ctx, a)
	if err != nil {
		return err
	}
	v, err := newGovView(ctx, n)
	if err != nil {
		return err
	}
	d := &governanceDoc{Format: outputFormat, Ledger: n.origin, Height: v.signed, Policy: v.policy, Rules: rulesDoc{Version: v.version()}}
	if v.rules.Next > d.Rules.Version {
		d.Rules.Next, d.Rules.From = v.rules.Next, v.rules.From
	}
	if g := v.governance; g != nil {
		d.Governance = &governorsDoc{Threshold: g.Threshold, Sequence: g.Sequence}
		for _, cose := range g.Keys {
			key, err := provenance.ParsePublicKeyCOSE(cose)
			if err != nil {
				return err
			}
			d.Governance.Keys = append(d.Governance.Keys, namedKey{key.String(), key.Thumbprint()})
		}
	}
	if d.Providers, err = v.registry(ctx); err != nil {
		return err
	}
	var answer struct {
		Validators []listedValidator `json:"validators"`
	}
	if err := n.try(ctx, noStatement, func(c *client) error { return c.getJSON(ctx, "/v1/validators", nil, &answer) }); err != nil {
		return err
	}
	d.Validators = answer.Validators
	return a.emit(d, d.write)
}

// write tells it in words.
func (d *governanceDoc) write(w io.Writer) error {
	rules := thousands(d.Rules.Version)
	if d.Rules.Next > 0 {
		rules += fmt.Sprintf("; %d from height %s on", d.Rules.Next, thousands(d.Rules.From))
	}
	policy, err := json.Marshal(d.Policy)
	if err != nil {
		return err
	}
	governed, sequence := "by nobody: the genesis names no governance keys", ""
	if g := d.Governance; g != nil {
		governed = fmt.Sprintf("by %d of %s", g.Threshold, plural(int64(len(g.Keys)), "key"))
		sequence = thousands(g.Sequence)
	}
	err = facts(w, fact{"ledger", d.Ledger}, fact{"height", thousands(d.Height)}, fact{"governed", governed}, fact{"next sequence", sequence},
		fact{"rules", rules}, fact{"policy", string(policy)})
	if err != nil {
		return err
	}
	if g := d.Governance; g != nil {
		keys := grid{header: []string{"governance key", "thumbprint"}, right: 2}
		for _, k := range g.Keys {
			keys.rows = append(keys.rows, []string{k.Key, k.KID.String()})
		}
		d.table(w, &keys)
	}
	d.writeProviders(w)
	return nil
}

func (d *governanceDoc) table(w io.Writer, g *grid) {
	fmt.Fprintln(w)
	g.write(w)
}

func (d *governanceDoc) writeProviders(w io.Writer) {
	providers := grid{header: []string{"provider", "name", "in", "status", "streams", "equivocated", "next act"}, right: 4}
	keys := grid{header: []string{"provider", "key", "may sign", "from", "until"}, right: 3}
	for _, p := range d.Providers {
		providers.rows = append(providers.rows, []string{
			p.ID, p.Name, strings.Join(p.Jurisdictions, " "), p.Status, thousands(p.StreamCount), thousands(p.Equivocated), thousands(p.Acts),
		})
		for _, k := range p.Keys {
			keys.rows = append(keys.rows, []string{p.ID, k.Key, k.says(), thousands(k.From), k.ends()})
		}
	}
	d.table(w, &providers)
	d.table(w, &keys)
	validators := grid{header: []string{"validator", "address", "power"}, right: 2}
	for _, v := range d.Validators {
		validators.rows = append(validators.rows, []string{v.Key, v.Address, thousands(v.Power)})
	}
	d.table(w, &validators)
}

// says whether the key may sign, and why not.
func (k *listedKey) says() string {
	switch {
	case k.StolenHeight != nil:
		return fmt.Sprintf("no: stolen since height %s", thousands(*k.StolenHeight))
	case k.Revoked != nil:
		return fmt.Sprintf("no: revoked by entry %s", thousands(*k.Revoked))
	case k.Valid:
		return "yes"
	}
	return "not now"
}

func (k *listedKey) ends() string {
	if k.Until == nil {
		return ""
	}
	return thousands(*k.Until)
}
