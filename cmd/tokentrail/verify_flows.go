package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// verifyFlowsCommand computes a flow query from the log. SPEC(CLI-96)
func (a *app) verifyFlowsCommand() *cobra.Command {
	f, audit := &flowFlags{}, &verifyFlags{}
	cmd := &cobra.Command{
		Use:   "flows",
		Short: "Compute a flow total from the signed log, and compare it with the node's",
		Long: "Ask a node how many tokens went from where to where, as tokentrail flows does, read the log, add up\n" +
			"the same by itself, and hold both against each other, under a header that more than two thirds of the\n" +
			"validators signed. The rows are written only where they are the same; the node is not trusted.\n\n" +
			"Of the audit only headers, log and roots are done." + verifyExits,
		Example: "tokentrail verify flows --node http://localhost:7480 --from US --to CN \\\n" +
			"  --since 2023-11-16 --until 2023-11-17 --by model --genesis 64-hex-digits",
		Args: a.noArgs,
	}
	f.bind(cmd.Flags())
	audit.bindTrust(cmd.Flags())
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error { return a.verifyFlows(ctx, f, audit) }, asTable, asJSON, asCSV)
	return cmd
}

func (a *app) verifyFlows(ctx context.Context, f *flowFlags, audit *verifyFlags) error {
	q, err := f.query(time.Now())
	if err != nil {
		return err
	}
	trust, err := audit.anchor()
	if err != nil {
		return err
	}
	a.warnCountry("--from", f.from)
	a.warnCountry("--to", f.to)
	node, err := a.remoteNode(f.node)
	if err != nil {
		return err
	}
	steps := &stepProgress{app: a}
	report := light.Audit(ctx, node, trust, verify.Options{Now: time.Now, Progress: steps.told, From: node.URL(),
		Flows: []provenance.FlowQuery{*q}, FlowsOnly: true})
	steps.end()
	return a.tellFlows(report)
}

// tellFlows writes the rows where they hold, and the report.
func (a *app) tellFlows(r *verify.Report) error {
	var doc *flowsDoc
	for _, c := range r.CheckedFlows() {
		query, err := json.Marshal(c.Query)
		if err != nil {
			return err
		}
		doc = &flowsDoc{Format: outputFormat, Origin: c.Origin, LogSize: c.LogSize, AppHash: c.AppHash, Query: query, Total: int64(len(c.Rows)), Rows: c.Rows}
		if doc.Rows == nil {
			doc.Rows = []provenance.FlowRow{}
		}
	}
	report := a.stdout
	var err error
	switch {
	case a.output == asJSON:
		var said []byte
		if said, err = r.JSON(); err == nil {
			err = a.emitJSON(object{{"format", outputFormat}, {"flows", doc}, {"report", json.RawMessage(said)}})
		}
		report = nil
	case a.output == asCSV && doc != nil:
		err, report = doc.writeCSV(a.stdout), nil
	case a.output == asCSV:
		report = a.stderr
	case doc != nil:
		doc.writeRows(a.stdout)
		_, err = fmt.Fprintf(a.stdout, "log size %s, app hash %s: the same sums as those of the node\n\n", thousands(doc.LogSize), doc.AppHash)
	}
	if err == nil && report != nil {
		err = r.WriteText(report)
	}
	if code := r.Exit(); err == nil && code != exitOK {
		return &reported{code}
	}
	return err
}

// writeRows writes the rows for people.
func (d *flowsDoc) writeRows(w io.Writer) {
	if len(d.Rows) == 0 {
		fmt.Fprintln(w, "no tokens flowed: no statement on the ledger has totals that the query covers")
		fmt.Fprintln(w)
		return
	}
	d.grid().write(w)
	fmt.Fprintln(w)
	for _, note := range d.notes() {
		fmt.Fprintln(w, note)
	}
}
