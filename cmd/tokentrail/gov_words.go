package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"

	"tokentrail/provenance"
)

// A govDoc is what the commands about one act answer.
type govDoc struct {
	Format     int             `json:"format"`
	File       string          `json:"file,omitempty"`
	Ledger     string          `json:"ledger,omitempty"` // origin; absent where no node was asked
	ActID      provenance.Hash `json:"act_id"`
	Act        json.RawMessage `json:"act"` // GOV-31
	NextHeight int64           `json:"next_height,omitempty"`
	Says       []string        `json:"says,omitempty"` // what it does, in words
	Warnings   []string        `json:"warnings,omitempty"`
	Problem    *govProblem     `json:"problem,omitempty"` // why the ledger would refuse it, signatures apart
	Signatures []signatureView `json:"signatures"`
	Wanted     []groupView     `json:"wanted"`
	Complete   *bool           `json:"complete,omitempty"` // signed by enough; absent where no node was asked
	Dropped    []signatureView `json:"dropped,omitempty"`
	SignedWith string          `json:"signed_with,omitempty"`
	Already    bool            `json:"already_signed,omitempty"` // before, with this key: nothing was changed
	Entry      *int64          `json:"entry,omitempty"`
	Proven     int64           `json:"proven_height,omitempty"` // of the header under which the receipt is proven
	Height     int64           `json:"height,omitempty"`        // of the block that has it, in the node's words

	problem error // Problem's
}

// A govProblem is a refusal, before the ledger is asked.
type govProblem struct {
	Code    provenance.Code `json:"code,omitempty"`
	Message string          `json:"message"`
}

// describeAct judges an act and its signatures. Without a ledger it only says what
// the act is.
func describeAct(ctx context.Context, n *nodes, file string, u *provenance.UnverifiedAct) (*govDoc, *govView, *signing, error) {
	act, err := json.Marshal(u.Act())
	if err != nil {
		return nil, nil, nil, err
	}
	d := &govDoc{Format: outputFormat, File: file, ActID: u.ID(), Act: act, Says: tellAct(u.Act())}
	var v *govView
	var s *signing
	if n != nil {
		if v, err = newGovView(ctx, n); err != nil {
			return nil, nil, nil, err
		}
		if err = v.load(ctx, u.Act()); err != nil {
			return nil, nil, nil, err
		}
		d.Ledger, d.NextHeight = n.origin, v.height
	}
	if s, err = judgeSignatures(v, u); err != nil {
		return nil, nil, nil, err
	}
	d.sign(s)
	if v != nil {
		j := v.clone().judge(u.Act())
		d.problem = j.problem
		if j.problem != nil { // what was judged ends there: all that it says stays
			d.Problem = &govProblem{provenance.CodeOf(j.problem), j.problem.Error()}
		} else {
			d.Says, d.Warnings = j.says, j.warnings
		}
	}
	return d, v, s, nil
}

// sign takes over how far the signing has come.
func (d *govDoc) sign(s *signing) {
	d.Signatures, d.Wanted, d.Complete = s.signatures, s.groups, nil
	if d.Signatures == nil {
		d.Signatures = []signatureView{}
	}
	if !s.unknown {
		d.Complete = new(s.problem == nil)
	}
}

// write tells the act in words.
func (d *govDoc) write(w io.Writer) error {
	var act struct {
		Chain      string `json:"chain"`
		Provider   string `json:"provider"`
		Sequence   int64  `json:"sequence"`
		LastHeight int64  `json:"last_height"`
		Reason     string `json:"reason"`
	}
	if err := json.Unmarshal(d.Act, &act); err != nil {
		return err
	}
	whose, until := "governance", "any height"
	if act.Provider != "" {
		whose = act.Provider + ", about its own keys"
	}
	if act.LastHeight > 0 {
		until = "height " + thousands(act.LastHeight)
		if d.NextHeight > 0 && d.Entry == nil {
			until += fmt.Sprintf("; the next block is %s", thousands(d.NextHeight))
		}
	}
	entry := ""
	if d.Entry != nil {
		entry = thousands(*d.Entry)
	}
	height := ""
	if d.Height > 0 {
		height = thousands(d.Height)
	}
	err := facts(w, fact{"file", d.File}, fact{"entry", entry}, fact{"height", height}, fact{"act", d.ActID.String()}, fact{"act of", whose}, fact{"ledger", act.Chain},
		fact{"sequence", thousands(act.Sequence)}, fact{"until", until}, fact{"reason", act.Reason})
	if err != nil {
		return err
	}
	var b strings.Builder
	d.writeActions(&b)
	d.writeSignatures(&b)
	_, err = io.WriteString(w, b.String())
	return err
}

func (d *govDoc) writeActions(b *strings.Builder) {
	fmt.Fprintf(b, "\nThis act\n")
	for _, line := range d.Says {
		fmt.Fprintf(b, "  - %s\n", printable(line))
	}
	for _, line := range d.Warnings {
		fmt.Fprintf(b, "  ! %s\n", printable(line))
	}
	if d.Problem != nil {
		fmt.Fprintf(b, "  x the ledger would refuse it: %s\n", printable(d.Problem.Message))
	}
}

func (d *govDoc) writeSignatures(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s\n", plural(int64(len(d.Signatures)), "signature"))
	for _, s := range d.Signatures {
		switch {
		case s.Problem != "":
			fmt.Fprintf(b, "  x %s: %s\n", orElse(s.Key, s.KID.String()), printable(s.Problem))
		case s.Holds != nil:
			fmt.Fprintf(b, "  + %s, of the %s\n", s.Key, printable(s.Whose))
		default:
			fmt.Fprintf(b, "  ? the key with the thumbprint %s, which is not known here\n", s.KID)
		}
	}
	for _, s := range d.Dropped {
		fmt.Fprintf(b, "  x left out: %s, %s\n", orElse(s.Key, s.KID.String()), printable(s.Problem))
	}
	for _, g := range d.Wanted {
		fmt.Fprintf(b, "%d of %d wanted of the %s", g.Signed, g.Wanted, printable(g.Whose))
		if g.Signed < g.Wanted && len(g.Still) > 0 {
			fmt.Fprintf(b, "; still to sign: %s", strings.Join(g.Still, ", "))
		}
		fmt.Fprintln(b)
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// clone returns a view that a judgement may change.
func (v *govView) clone() *govView {
	c := *v
	c.providers, c.owners, c.validators = maps.Clone(v.providers), maps.Clone(v.owners), maps.Clone(v.validators)
	return &c
}
