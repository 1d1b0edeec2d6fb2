package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/profile"
	"tokentrail/verify/remote"
)

// Steps of a check of content. SPEC(VER-97), SPEC(VER-98)
const (
	stepContent = "content"
	stepLookUp  = "look-up"
	stepRecord  = "record"
	stepLabel   = "label"
	stepTrace   = "trace"
)

type verifyContentFlags struct {
	verifyFlags
	key      string
	profiles []string
}

// verifyContentCommand checks one file against the ledger. SPEC(CLI-105)
func (a *app) verifyContentCommand() *cobra.Command {
	f := &verifyContentFlags{}
	cmd := &cobra.Command{
		Use:   "content FILE",
		Short: "Check one file: its record, its label, and what it comes from, from a node",
		Long: "Check a picture, a text, a film against the ledger: that the record which its label names, or that\n" +
			"commits to it, stands there (as verify record does), that the content is the one that the record commits\n" +
			"to, that file and record say the same of it, that both meet what laws ask of a label where the content\n" +
			"goes, and that nothing in what it comes from contradicts itself (as trace does).\n\n" +
			"What nobody recorded is not evidence against anybody: it could not be checked. A keyed commitment\n" +
			"tells nothing without its --key. The node is not trusted, but that it leaves nothing out nobody sees\n" +
			"from one record. tokentrail content find answers shorter: who made it, when, from what.\n\n" +
			profile.Notice + verifyExits,
		Example: "tokentrail verify content picture.png --node http://localhost:7480 --genesis 64-hex-digits\n" +
			"tokentrail verify content picture.png --key picture.png" + sidecarSuffix + " \\\n" +
			"  --profile eu-aia-50 --node http://localhost:7480 --output markdown",
		Args: oneArg("a file, or - for standard input"),
	}
	s := cmd.Flags()
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	f.bindTrust(s)
	s.StringVar(&f.key, "key", "", "sidecar with the key of a keyed commitment")
	s.StringSliceVar(&f.profiles, "profile", nil, "label profiles to hold file and record to, as label profiles lists them (all whose law is of where the content goes)")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.verifyContent(ctx, args[0], f) }, reportForms()...)
	return cmd
}

// contentCheck is one check. One goroutine uses it.
type contentCheck struct {
	*verify.Narrow
	*look
	ctx      context.Context
	node     *remote.Node
	trust    verify.Trust
	prover   *prover
	profiles []string // nil: those that are due
	at       ruling
	proven   bool // the record that it is about is
}

func (a *app) verifyContent(ctx context.Context, name string, f *verifyContentFlags) error {
	trust, err := f.anchor()
	if err != nil {
		return err
	}
	if _, err := (&checkFlags{profiles: f.profiles}).chosen(); err != nil {
		return err
	}
	l, err := a.openLook(name, f.key)
	if err != nil {
		return noVerdict(err)
	}
	defer l.values.src.close()
	node, err := a.remoteNode(f.node)
	if err != nil {
		return err
	}
	document, err := node.Genesis(ctx)
	if err != nil {
		return asked(err)
	}
	served := serves(&trust, document)
	headers := light.Following(node, trust, time.Now)
	c := &contentCheck{
		look: l, ctx: ctx, node: node, trust: trust, profiles: f.profiles,
		Narrow: verify.NewNarrow(ctx, verify.NewExhibits(headers, trust), verify.Options{Now: time.Now, From: node.URL()},
			[2]string{stepContent, "files"}, [2]string{stepLookUp, "look-ups"}, [2]string{stepRecord, "records"}, [2]string{stepLabel, "labels"}, [2]string{stepTrace, "records"}),
	}
	if err := c.run(headers, document); err != nil {
		return err
	}
	report := c.Conclude()
	if served {
		sayServed(report)
	}
	return a.conclude(report)
}

// run does the steps. An error means that it was interrupted.
func (c *contentCheck) run(headers verify.HeaderVerifier, document []byte) error {
	err := c.start(headers, document)
	if err == nil {
		err = c.ask(c.ctx, c.prover)
	}
	if c.ctx.Err() != nil {
		return interrupted(c.ctx)
	}
	if err != nil {
		c.Stop(stepLookUp, err)
		for _, step := range []string{stepContent, stepRecord, stepLabel, stepTrace} {
			c.Because(step, "the ledger could not be asked, see the step look-up")
		}
		return nil
	}
	c.lookedUp()
	c.judged()
	c.recorded()
	if why := c.strange(); why != "" {
		for _, step := range []string{stepLabel, stepTrace} {
			c.Because(step, why)
		}
		return nil
	}
	if !c.proven {
		c.Because(stepLabel, "the record is not proven, see the step record")
	}
	c.traced()
	if c.ctx.Err() != nil {
		return interrupted(c.ctx)
	}
	return nil
}

// start begins with the genesis document, and leads from a trusted header to the
// validators of now.
func (c *contentCheck) start(headers verify.HeaderVerifier, document []byte) error {
	entries, err := verify.NewEntryProver(c.ctx, document, c.trust, headers, c.node)
	if err != nil {
		return err
	}
	c.prover = &prover{node: c.node, entries: entries}
	leader, can := headers.(verify.HeaderLeader)
	if c.trust.Height == 0 || !can {
		return nil
	}
	leading, err := c.leading()
	if err != nil {
		return err
	}
	_, err = leader.Lead(c.ctx, leading, nil)
	return err
}

// leading are the trusted header and those at which the validators change since.
// SPEC(VER-28)
func (c *contentCheck) leading() (blocks [][]byte, err error) {
	status, err := c.node.Status(c.ctx)
	if err != nil {
		return nil, err
	}
	heights := []int64{c.trust.Height}
	for from := c.trust.Height + 1; len(heights) <= provenance.MaxBundleHeaders; from = heights[len(heights)-1] + 1 {
		page, err := c.node.ValidatorChanges(c.ctx, from)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 || page[0] > status.Height {
			break
		}
		heights = append(heights, page...)
	}
	for _, height := range heights {
		if height > status.Height+1 {
			break
		}
		page, err := c.node.Headers(c.ctx, height, 1)
		if err != nil {
			return nil, fmt.Errorf("header %d: %w", height, err)
		}
		blocks = append(blocks, page...)
	}
	return blocks, nil
}

// lookedUp says what the answers have wrong. SPEC(VER-97)
func (c *contentCheck) lookedUp() {
	c.Begin(stepLookUp, c.asked)
	for _, f := range c.findings {
		c.Find(stepLookUp, verify.LookUpFinding(f))
	}
	if c.more || c.unproven {
		c.Because(stepLookUp, "not all records that the node named could be read and proven")
	}
	c.Assume("that the node leaves nothing out, such as another record of this content or a correction, is its word alone: an audit shows that its look-ups do not (tokentrail verify)")
}

// judged says what the content is, as content find does. SPEC(VER-97)
func (c *contentCheck) judged() {
	c.at = c.judge()
	finds := func(code verify.Code, want string) {
		c.Begin(stepContent, 1)
		c.Find(stepContent, verify.FileFinding(code, "file", want, c.at.says))
	}
	switch c.at.outcome {
	case outcomeBound, outcomeDiffers: // in what the label differs, its step says
		c.Begin(stepContent, 1)
	case outcomeOther:
		finds(verify.CodeContentDiffers, "the content that record "+c.at.record.node.Key+" commits to")
	case outcomeReversed:
		finds(verify.CodeContentReversed, "a record of the content that its issuer stands by")
	case outcomeRefuted:
		c.Because(stepContent, "an answer about it does not hold, see the step look-up")
	default:
		says := c.at.says
		if len(c.records) == 0 {
			says = "nothing that the node gives is known to be of this content, which says nothing against anybody: " + says
		}
		c.Because(stepContent, says)
	}
}

// strange says why there is no record by which the file's label and origin are to be
// judged; empty where there is one.
func (c *contentCheck) strange() string {
	of := c.at.record
	switch _, reference, names := labelReference(c.file); {
	case of == nil:
		return "there is no record that it is about, see the step content"
	case slices.Contains(of.by, byLabel):
		return ""
	case of.binding != bindsOutput:
		return "the content was put into the model of the record that was found: it is not known who made it"
	case names:
		return "the label names " + reference + ", which the node does not know; anyone may commit to content that is public"
	}
	return ""
}

// recorded proves the records by exhibits. SPEC(VER-97)
func (c *contentCheck) recorded() {
	if len(c.records) == 0 {
		c.Because(stepRecord, "there is none")
		return
	}
	first := c.at.record
	if first != nil {
		c.prove("record", first)
	}
	n := 1
	for _, other := range c.records {
		if other == first {
			continue
		}
		if n++; n > maxShownRecords {
			c.Because(stepRecord, fmt.Sprintf("there are more than %d records", maxShownRecords))
			return
		}
		c.prove(fmt.Sprintf("record %d", n), other)
	}
}

// prove checks the exhibit of a record. The label of the one that the outcome is about
// is judged where that holds.
func (c *contentCheck) prove(name string, of *candidate) {
	r := of.node.Record
	e, err := c.node.Exhibit(c.ctx, fmt.Sprint(r.Entry), remote.Wanted{Records: []int64{r.Index}, Header: c.trust.Height})
	var f *verify.Finding
	if errors.As(err, &f) { // SPEC(VER-19)
		c.Find(stepRecord, f)
		return
	}
	if err != nil {
		c.Because(stepRecord, fmt.Sprintf("%s, entry %d: %s", name, r.Entry, err))
		return
	}
	report := c.Exhibit(stepRecord, name, r.Entry, e)
	if report.Verdict != verify.Holds {
		return
	}
	// SPEC(VER-62)
	if !report.Proves(r.ID) || report.Exhibit.Entry != r.Entry {
		c.Find(stepRecord, verify.NewFinding(verify.CodeLookUp, fmt.Sprintf("%s.entries[%d].records[%d]", name, r.Entry, r.Index), "the record "+r.ID.String()+", as the look-up has it", "another"))
		return
	}
	if of == c.at.record && c.strange() == "" {
		c.proven = true
		c.labelled(of, e)
	}
}

// traced traces the record. SPEC(VER-98)
func (c *contentCheck) traced() {
	g, err := c.prover.trace(c.ctx, provenance.ByID(c.at.record.node.Record.ID), verify.Bounds{})
	if err != nil {
		c.Stop(stepTrace, err)
		return
	}
	c.Begin(stepTrace, int64(len(g.Nodes)))
	found, gaps := g.Judge()
	for _, f := range found {
		c.Find(stepTrace, f)
	}
	if len(gaps) > 0 {
		more := ""
		if len(gaps) > 1 {
			more = fmt.Sprintf("; and %d more: tokentrail trace %s", len(gaps)-1, c.at.record.node.Key)
		}
		c.Because(stepTrace, gaps[0]+more)
	}
}
