package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
	"tokentrail/verify"
)

// maxShownRecords bounds the records that are followed of one name: anyone may
// commit to content that is public.
const maxShownRecords = 16

type findFlags struct{ key, node, genesis string }

func (a *app) contentFindCommand() *cobra.Command {
	f := &findFlags{}
	cmd := &cobra.Command{
		Use:   "find FILE",
		Short: "Say who made a file's content, with what, when and from what",
		Long: "Look for the record of a file's content: by the reference in its label, by its public digests, and\n" +
			"with --key by the commitment that the key gives. Every record is proven under the validators, from\n" +
			"the genesis document on; then it is said which model of which provider made the content, when, where, from\n" +
			"which sources and under which label, and whether the file's own label agrees.\n\n" +
			"A keyed commitment tells nothing without its key. Where only one could tell, the answer is that it\n" +
			"cannot be told, never that nothing is known.\n\n" +
			"Exit codes: 0 found, and the content is the record's; 1 evidence against (another content, a record\n" +
			"that was taken back, a label that differs, a node that lies), or nothing is known; 2 cannot tell, or\n" +
			"could not check; 64 usage.",
		Example: "tokentrail content find picture.png --node http://localhost:7480\n" +
			"tokentrail content find picture.png --key picture.png" + sidecarSuffix + " \\\n" +
			"  --node http://localhost:7480 --genesis 6f1b…64-hex-digits… --output json",
		Args: oneArg("a file, or - for standard input"),
	}
	s := cmd.Flags()
	s.StringVar(&f.key, "key", "", "sidecar with the key of a keyed commitment")
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the genesis document, from elsewhere than the node")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.contentFind(ctx, args[0], f) }, asText, asJSON)
	return cmd
}

func (a *app) contentFind(ctx context.Context, name string, f *findFlags) error {
	l, err := a.openLook(name, f.key)
	if err != nil {
		return err
	}
	defer l.values.src.close()
	p, err := a.newProver(ctx, f.node, f.genesis)
	if err != nil {
		return err
	}
	if err := l.ask(ctx, p); err != nil {
		return err
	}
	doc := l.report(name, p)
	err = a.emit(doc, func(w io.Writer) error { return doc.write(w) })
	if err == nil && doc.Exit != exitOK {
		err = &reported{doc.Exit}
	}
	return err
}

// openLook reads a file whose record is looked for, with the sidecar of a key if one is
// named. Whoever has the look closes its source.
func (a *app) openLook(name, key string) (*look, error) {
	l := &look{}
	var err error
	if key != "" {
		if l.key, err = readSidecar(key); err != nil {
			return nil, err
		}
	}
	src, err := a.openSource(name)
	if err != nil {
		return nil, err
	}
	if err := l.read(src); err != nil {
		src.close()
		return nil, err
	}
	return l, nil
}

// A look is one search for the record of a file's content.
type look struct {
	values *commitments
	key    *sidecar    // nil where none was given
	opens  bool        // the key gives its sidecar's value for this file
	file   *label.File // nil where there is no label that could be read
	why    error       // why it could not: it is broken, or there are two
	other  error       // why none is looked for: not a kind of file that carries labels

	records  []*candidate // in the order in which they were found
	asked    int64        // queries
	findings []*verify.Finding
	more     bool // there may be records that were not read
	unproven bool // a record was named that could not be proven
}

// How a candidate was found.
const (
	byLabel  = "label"
	byDigest = "public digest"
	byKey    = "key"
)

// A candidate is a record that may be that of the content.
type candidate struct {
	node    *verify.GraphNode
	graph   *verify.Graph
	by      []string
	binding binding
	content *provenance.Content // that the binding is about; nil where none is
}

// read reads what the file itself says. A label that cannot be read is none to
// go by; what cannot be read at all is an error.
func (l *look) read(src *source) error {
	l.values = &commitments{src: src, known: map[commitmentKey]commitmentValue{}}
	var wrong *label.FileError
	if _, l.other = src.format(); l.other == nil {
		l.file, l.why = src.label()
	}
	if err := cmp.Or(l.other, l.why); err != nil && !errors.As(err, &wrong) {
		return err
	}
	if l.key == nil {
		return nil
	}
	l.values.key = l.key.key
	v, err := l.values.of(provenance.AlgHMACSHA256, l.key.profile)
	l.opens = v.ok && v.value == l.key.value
	return err
}

// ask looks the content up: by label, by public digests, by key. SPEC(CLI-22)
func (l *look) ask(ctx context.Context, p *prover) error {
	if q, _, ok := labelReference(l.file); ok {
		if err := l.lookUp(ctx, p, q, byLabel); err != nil {
			return err
		}
	}
	looked := map[provenance.Hash]bool{} // several profiles may cover the same bytes
	for _, profile := range append([]string{""}, label.Profiles()...) {
		v, err := l.values.of(provenance.AlgSHA256, profile)
		if err != nil {
			return err
		}
		if !v.ok || looked[v.value] {
			continue
		}
		looked[v.value] = true
		if err := l.lookUp(ctx, p, provenance.ByContent(v.value), byDigest); err != nil {
			return err
		}
	}
	if l.opens {
		return l.lookUp(ctx, p, provenance.ByContent(l.key.value), byKey)
	}
	return nil
}

// lookUp asks for the records of a query and what they come from, one step up.
func (l *look) lookUp(ctx context.Context, p *prover, q provenance.RecordQuery, by string) error {
	l.asked++
	g, err := p.trace(ctx, q, verify.Bounds{Up: 1, Down: -1, Breadth: maxShownRecords, Nodes: 40 * maxShownRecords})
	if err != nil {
		return err
	}
	l.more = l.more || len(g.Start) >= maxShownRecords
	for _, f := range g.Findings {
		if !undecided(f) {
			l.findings = append(l.findings, f)
		}
	}
	for _, n := range g.Nodes {
		if !slices.Contains(g.Start, n.Key) || n.Record == nil {
			continue
		}
		if err := l.correct(ctx, p, n); err != nil {
			return err
		}
		if err := l.add(g, n, by); err != nil {
			return err
		}
	}
	return nil
}

// correct looks for the corrections of a record by itself, where there was no room
// for all beside those of others.
func (l *look) correct(ctx context.Context, p *prover, n *verify.GraphNode) error {
	if !crowded(n) {
		return nil
	}
	again, err := p.startsOf(ctx, provenance.ByID(n.Record.ID))
	if err != nil || len(again) == 0 {
		return err
	}
	n.Record, n.Marks, n.Cut = again[0].Record, again[0].Marks, again[0].Cut
	return nil
}

// crowded reports whether there may be corrections of a record that were not
// read.
func crowded(n *verify.GraphNode) bool { return n.Cut != nil && n.Cut.Corrections }

// add takes up a record. What was not named by the label counts only if it is
// the content's: anyone may write any value into a record of their own.
func (l *look) add(g *verify.Graph, n *verify.GraphNode, by string) error {
	for _, c := range l.records {
		if c.node.Key == n.Key {
			c.by = append(c.by, by)
			return nil
		}
	}
	c := &candidate{node: n, graph: g, by: []string{by}}
	var err error
	if c.binding, c.content, err = l.values.bind(n.Record.Decoded, l.key); err != nil {
		return err
	}
	l.unproven = l.unproven || !n.Record.Proven
	if by == byLabel || c.binding == bindsOutput || c.binding == bindsInput {
		l.records = append(l.records, c)
	}
	return nil
}
