package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// Formats of trace --format.
const (
	asTree    = "tree"
	asMermaid = "mermaid"
	asDOT     = "dot"
)

// maxRecordFile is the most that is read of a JSON file that may hold a record.
const maxRecordFile = 1 << 20

type traceFlags struct {
	node, genesis, format string
	bounds                verify.Bounds
}

func (a *app) traceCommand() *cobra.Command {
	f := &traceFlags{}
	cmd := &cobra.Command{
		Use:   "trace RECORD|FILE",
		Short: "Show what a record comes from and what came of it, across providers",
		Long: "Walk from a record to its parents and theirs, and to its children and theirs, on the ledger, and show\n" +
			"the graph. Every record is proven under the validators, from the genesis document on. What is missing,\n" +
			"unverified, reversed, cyclic or cut is marked.\n\n" +
			"RECORD is an id, 64 hex digits, or ISSUER/REF, or tokentrail:ISSUER/REF. FILE is a labelled file, whose\n" +
			"label names the record, or a JSON file with a record's id.\n\n" +
			"Exit codes: 0 complete, proven and consistent; 1 evidence against: an answer that does not hold, a\n" +
			"cycle, times or mirrored sides that contradict each other, or a start that was reversed; 2 something\n" +
			"is missing, unverified, ambiguous, perhaps counted twice, or cut; 64 usage.",
		Example: "tokentrail trace picture.png --node http://localhost:7480\n" +
			"tokentrail trace acme/answer-17 --node http://localhost:7480 --up 3 --down 0 --format mermaid",
		Args: oneArg("a record, or a file"),
	}
	s := cmd.Flags()
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the genesis document, from elsewhere than the node")
	s.StringVar(&f.format, "format", "", "how to show the graph: tree, json, mermaid, dot (tree)")
	s.IntVar(&f.bounds.Up, "up", 64, "steps to parents, at most")
	s.IntVar(&f.bounds.Down, "down", 64, "steps to children, at most")
	s.IntVar(&f.bounds.Breadth, "breadth", 100, "children to follow of one record")
	s.IntVar(&f.bounds.Nodes, "nodes", 1000, "records to show in all")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.traceAs(ctx, args[0], f) }, asText, asJSON)
	return cmd
}

// traceAs runs trace; with --format json errors are JSON as well. SPEC(CLI-2)
func (a *app) traceAs(ctx context.Context, what string, f *traceFlags) error {
	switch {
	case f.format == "" && a.output == asJSON:
		f.format = asJSON
	case f.format == "":
		f.format = asTree
	case !slices.Contains([]string{asTree, asJSON, asMermaid, asDOT}, f.format):
		return usagef("--format %q: wanted tree, json, mermaid or dot", f.format)
	case a.output == asJSON && f.format != asJSON:
		return usagef("--output json and --format %s: say which", f.format)
	}
	err := a.trace(ctx, what, f)
	if _, told := err.(*reported); err != nil && !told && f.format == asJSON {
		return &reported{a.fail(err, true)}
	}
	return err
}

// filled holds the bounds to what they may be; verify takes 0 for its default,
// and less for none.
func (f *traceFlags) filled() (verify.Bounds, error) {
	b := f.bounds
	for name, n := range map[string]*int{"up": &b.Up, "down": &b.Down} {
		if *n < 0 || *n > 10_000 {
			return b, usagef("--%s %d: wanted 0 to 10000 steps", name, *n)
		}
		if *n == 0 {
			*n = -1
		}
	}
	if b.Breadth < 1 || b.Breadth > 1000 {
		return b, usagef("--breadth %d: wanted 1 to 1000", b.Breadth)
	}
	if b.Nodes < 1 || b.Nodes > 10_000 {
		return b, usagef("--nodes %d: wanted 1 to 10000", b.Nodes)
	}
	return b, nil
}

func (a *app) trace(ctx context.Context, what string, f *traceFlags) error {
	bounds, err := f.filled()
	if err != nil {
		return err
	}
	start, err := a.traceStart(what)
	if err != nil {
		return err
	}
	p, err := a.newProver(ctx, f.node, f.genesis)
	if err != nil {
		return err
	}
	p.asked = a.newProgress("answers of the node", 0)
	g, err := p.trace(ctx, start, bounds)
	p.asked.end()
	if err != nil {
		return err
	}
	if err := writeGraph(a.stdout, g, f.format); err != nil {
		return err
	}
	if code := traceExit(g); code != exitOK {
		return &reported{code}
	}
	return nil
}

// traceStart reads what the trace begins with. SPEC(CLI-24)
func (a *app) traceStart(what string) (provenance.RecordQuery, error) {
	if !namesFile(what) {
		return recordQuery(what)
	}
	src, err := a.openSource(what)
	if err != nil {
		return provenance.RecordQuery{}, err
	}
	defer src.close()
	if id, ok := recordIDIn(src); ok {
		return provenance.ByID(id), nil
	}
	file, err := src.label()
	if err != nil {
		return provenance.RecordQuery{}, err
	}
	q, _, ok := labelReference(file)
	if !ok {
		return q, fmt.Errorf("%s: no label that names a record; tokentrail content find looks by its content", printable(what))
	}
	return q, nil
}

// recordIDIn reads the id out of a JSON document about one record.
func recordIDIn(src *source) (id provenance.Hash, ok bool) {
	if src.size > maxRecordFile {
		return id, false
	}
	var doc struct {
		ID string `json:"id"`
	}
	err := json.NewDecoder(io.NewSectionReader(src, 0, src.size)).Decode(&doc)
	return id, err == nil && parseHash(doc.ID, &id)
}

func writeGraph(w io.Writer, g *verify.Graph, format string) error {
	switch format {
	case asJSON:
		b, err := g.JSON()
		if err == nil {
			_, err = w.Write(b)
		}
		return err
	case asMermaid:
		return g.WriteMermaid(w)
	case asDOT:
		return g.WriteDOT(w)
	}
	return g.WriteTree(w)
}

// traceExit is what a graph comes to. A correction without effect (disputed)
// changes nothing; an audit finds it. SPEC(CLI-25)
func traceExit(g *verify.Graph) int {
	reversed := 0
	for _, n := range g.Nodes {
		if n.Has(verify.MarkReversed) && slices.Contains(g.Start, n.Key) {
			reversed++
		}
	}
	switch found, gaps := g.Judge(); {
	case len(found) > 0 || reversed > 0 && reversed == len(g.Start):
		return exitAgainst
	case len(gaps) > 0:
		return exitCouldNot
	}
	return exitOK
}
