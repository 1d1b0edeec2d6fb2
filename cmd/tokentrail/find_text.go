package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// findDoc is what content find answers.
type findDoc struct {
	Format     int               `json:"format"`
	File       string            `json:"file"`
	Node       string            `json:"node"`
	Genesis    provenance.Hash   `json:"genesis"`
	Named      bool              `json:"genesis_named"` // by --genesis, and not by the node
	Outcome    string            `json:"outcome"`
	Exit       int               `json:"exit"`
	Says       string            `json:"says"`
	Key        string            `json:"key"`                  // none, opens, of other content
	Marks      *marksDoc         `json:"file_marks,omitempty"` // what the file says of itself
	Unreadable string            `json:"label_unreadable,omitempty"`
	Records    []foundDoc        `json:"records"` // what the outcome is about first
	Findings   []*verify.Finding `json:"findings"`
}

// foundDoc is a record that may be that of the content.
type foundDoc struct {
	*verify.TracedRecord
	FoundBy   []string      `json:"found_by"`
	Binding   binding       `json:"binding"`
	Content   any           `json:"content,omitempty"` // that the binding is about
	Marks     []verify.Mark `json:"marks"`
	Label     string        `json:"label"` // agrees, differs, or who has none
	Agreement agreement     `json:"label_agreement"`
	Sources   []sourceDoc   `json:"sources"`
	Fields    any           `json:"record"`
}

// sourceDoc is what a record comes from, one step up.
type sourceDoc struct {
	Key    string `json:"key"`
	Kind   string `json:"kind,omitempty"` // empty where the node knows no such record
	What   string `json:"what,omitempty"`
	Issuer string `json:"issuer,omitempty"`
	Proven bool   `json:"proven"`
}

// report is the answer to a search that is over.
func (l *look) report(name string, p *prover) *findDoc {
	r := l.judge()
	d := &findDoc{
		Format: outputFormat, File: name, Node: p.node.URL(), Genesis: p.genesis, Named: p.named,
		Outcome: r.outcome, Exit: r.exit, Says: r.says, Key: "none", Records: []foundDoc{}, Findings: l.findings,
	}
	if d.Findings == nil {
		d.Findings = []*verify.Finding{}
	}
	switch {
	case l.key != nil && l.opens:
		d.Key = "opens"
	case l.key != nil:
		d.Key = "of other content"
	}
	if l.file != nil {
		d.Marks = newMarksDoc(l.file)
	}
	if err := cmp.Or(l.other, l.why); err != nil {
		d.Unreadable = err.Error()
	}
	for _, c := range l.records {
		doc := l.foundDoc(c)
		if c == r.record {
			d.Records = slices.Insert(d.Records, 0, doc)
		} else {
			d.Records = append(d.Records, doc)
		}
	}
	return d
}

func (l *look) foundDoc(c *candidate) foundDoc {
	d := foundDoc{
		TracedRecord: c.node.Record, FoundBy: c.by, Binding: c.binding, Marks: append([]verify.Mark{}, c.node.Marks...),
		Agreement: l.agreement(c), Sources: sourcesOf(c), Fields: view(c.node.Record.Decoded),
	}
	if c.content != nil {
		d.Content = view(c.content)
	}
	d.Label = l.labelWords(c, d.Agreement)
	if d.Agreement == nil {
		d.Agreement = agreement{}
	}
	return d
}

// labelWords says whether the labels in file and record agree.
func (l *look) labelWords(c *candidate, compared agreement) string {
	inFile := l.file != nil && (l.file.AIGC != nil || l.file.SourceType != "")
	r := c.node.Record.Decoded.Label
	switch {
	case r == nil && inFile:
		return "the file has one, the record has none"
	case r == nil:
		return "neither file nor record has one"
	case !inFile:
		return provenance.LabelStatus(r.Status) + ", says the record; the file bears none that can be read"
	case len(compared.differing()) > 0:
		return "the file's differs: " + strings.Join(compared.differing(), ", ")
	}
	return provenance.LabelStatus(r.Status) + "; file and record agree"
}

// sourcesOf are the parents of a record.
func sourcesOf(c *candidate) []sourceDoc {
	out := []sourceDoc{}
	for _, e := range c.graph.Edges {
		if e.Kind != verify.EdgeParent || e.To != c.node.Key {
			continue
		}
		for _, n := range c.graph.Nodes {
			switch {
			case n.Key != e.From:
			case n.Record == nil:
				out = append(out, sourceDoc{Key: n.Key})
			default:
				out = append(out, sourceDoc{n.Key, n.Record.Kind, n.Record.What, n.Record.Issuer, n.Record.Proven})
			}
		}
	}
	return out
}

// write answers for people: the verdict first, then what it stands on.
func (d *findDoc) write(w io.Writer) error {
	verdict := strings.ToUpper(strings.ReplaceAll(d.Outcome, "-", " "))
	if _, err := fmt.Fprintf(w, "%s (exit %d)\n%s\n\n", verdict, d.Exit, printable(d.Says)); err != nil {
		return err
	}
	lines := []fact{{"file", d.File}}
	if d.Marks != nil {
		lines = append(lines, d.Marks.lines()...)
	}
	lines = append(lines, fact{"label unreadable", d.Unreadable})
	if d.Key != "none" {
		lines = append(lines, fact{"key", d.Key})
	}
	sections := [][]fact{lines}
	for _, r := range d.Records {
		sections = append(sections, r.lines())
	}
	for _, f := range d.Findings {
		sections = append(sections, []fact{{"evidence", f.Error()}, {"see", f.How}})
	}
	ledger := "genesis " + d.Genesis.String()
	if !d.Named {
		ledger += ", as the node says"
	}
	sections = append(sections, []fact{{"ledger", ledger},
		{"assumed", "that the node leaves nothing out, such as a record's correction: only other nodes can tell"}})
	for i, section := range sections {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := facts(w, section...); err != nil {
			return err
		}
	}
	return nil
}

// lines are a record for people.
func (d *foundDoc) lines() []fact {
	r := d.Decoded
	proven := "not proven"
	if d.Proven {
		proven = "proven"
	}
	lines := []fact{
		{"record", d.ID.String()}, {"found by", strings.Join(d.FoundBy, ", ")},
		{"provider", fmt.Sprintf("%s, stream %s, entry %s (%s)", d.Issuer, d.Stream, thousands(d.Entry), proven)},
		{"kind", strings.Join(nonEmpty(d.Kind, d.Side), ", ")}, {"time", d.Time}, {"model", modelWords(r.Model)},
		{"served", placeWords(r.Serving)}, {"used", placeWords(r.Using)},
	}
	lines = append(lines, fact{"tokens", d.Tokens()}, fact{"content", d.contentWords()}, fact{"label", d.Label})
	for _, m := range d.Marks {
		see := ""
		if len(m.By) > 0 {
			see = ", see " + strings.Join(m.By, ", ")
		}
		lines = append(lines, fact{"mark", strings.Join(nonEmpty(string(m.Name), m.Says), ": ") + see})
	}
	for _, s := range d.Sources {
		words := "the node knows no such record"
		if s.Kind != "" {
			words = strings.Join(nonEmpty(s.Kind+" "+s.What, "of "+s.Issuer), ", ")
		}
		lines = append(lines, fact{"from", words + ", " + verify.KeyText(s.Key)})
	}
	if len(d.Sources) > 0 {
		lines = append(lines, fact{"all of it", "tokentrail trace " + d.ID.String()})
	}
	return lines
}

func (d *foundDoc) contentWords() string {
	words := map[binding]string{
		bindsOutput: "the file is what came out: the commitment opens",
		bindsInput:  "the file is what was put in: the commitment opens",
		bindsOther:  "the file is not what came out: no commitment opens",
		bindsClosed: "not checked: the commitment is keyed, and no key of its own was given",
		bindsNone:   "the record commits to no output",
	}
	return words[d.Binding]
}

func modelWords(m *provenance.Model) string {
	if m == nil {
		return ""
	}
	by := ""
	if m.Developer != "" {
		by = "by " + m.Developer
	}
	return strings.Join(nonEmpty(m.Name, m.Version, by, "("+m.Known.String()+")"), " ")
}

func placeWords(p *provenance.Place) string {
	if p == nil {
		return ""
	}
	where := p.Country
	if p.Subdivision != "" {
		where = p.Subdivision
	}
	return strings.Join(nonEmpty(where, p.Operator, "("+p.Known.String()+")"), " ")
}
