package verify

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// A table is what a part of the coverage is shown as.
type table struct {
	title string
	note  string // under the title; may be empty
	head  []string
	rows  [][]string
	words int // columns of words before those of numbers
}

// tables are the coverage's parts that have rows.
func (c *Coverage) tables() []table {
	if c == nil {
		return nil
	}
	all := []table{c.labelTable(), c.basisTable(), c.energyTable(), c.ruleTable()}
	if c.Mirrors != nil {
		all = append(all, c.Mirrors.table())
	}
	var full []table
	for _, t := range all {
		if len(t.rows) > 0 {
			full = append(full, t)
		}
	}
	return full
}

func (c *Coverage) labelTable() table {
	t := table{title: "Labels, in records", words: 4, head: []string{"profile", "provider", "model", "to", "labelled", "unlabelled", "failed", "unknown", "out", "unlabelled %", "failed %"}}
	for _, r := range c.Labels {
		t.rows = append(t.rows, []string{orDash(r.Profile), r.Provider, orDash(r.Model), r.Destination, group(r.Labelled), group(r.Unlabelled), group(r.Failed),
			group(r.Unknown), group(r.Out), parts(r.UnlabelledShare), parts(r.FailedShare)})
	}
	return t
}

func (c *Coverage) basisTable() table {
	t := table{title: "Legal bases, in transfers", words: 3, head: []string{"provider", "from", "to", "with", "missing", "expired", "unknown", "free"}}
	for _, r := range c.Basis {
		t.rows = append(t.rows, []string{r.Provider, r.From, r.To, group(r.With), group(r.Missing), group(r.Expired), group(r.Unknown), group(r.Free)})
	}
	return t
}

func (c *Coverage) energyTable() table {
	t := table{title: "Energy, in records", words: 1, head: []string{"provider", "with", "without", "judged", "impossible", "above", "boundary"}}
	for _, r := range c.Energy {
		t.rows = append(t.rows, []string{r.Provider, group(r.With), group(r.Without), group(r.Judged), group(r.Impossible), group(r.Above), group(r.Boundary)})
	}
	return t
}

func (c *Coverage) ruleTable() table {
	t := table{title: "Rules, in records", words: 1, head: []string{"rule", "asked", "broken", "errors"}}
	for _, r := range c.Rules {
		t.rows = append(t.rows, []string{r.ID, group(r.Asked), group(r.Broken), group(r.Errors)})
	}
	return t
}

// table is what both sides recorded, in records and tokens, and how far they are
// apart. SPEC(VER-78)
func (m *Mirrors) table() table {
	t := table{title: "Mirrors", words: 3, note: "Output tokens go from serving to using place, input tokens back. A difference is the importers' less the exporters', of pairs.",
		head: []string{"from", "to", "", "records", "exporters' input", "importers' input", "exporters' output", "importers' output"}}
	for i := range m.Pairs {
		p := &m.Pairs[i]
		for _, part := range p.parts() {
			a := part.amount
			if a.Records == 0 {
				continue
			}
			t.rows = append(t.rows, []string{p.From, p.To, part.name, group(a.Records), separated(a.ExporterInput.String()), separated(a.ImporterInput.String()),
				separated(a.ExporterOutput.String()), separated(a.ImporterOutput.String())})
		}
		if p.InputDifference != nil || p.OutputDifference != nil {
			t.rows = append(t.rows, []string{p.From, p.To, "difference", "", "", difference(p.InputDifference), "", difference(p.OutputDifference)})
		}
	}
	return t
}

// A mirrorPart is one of a pair's sums, with what it is called.
type mirrorPart struct {
	name   string
	amount *MirrorAmount
}

func (p *MirrorPair) parts() []mirrorPart {
	return []mirrorPart{
		{"matched", &p.Matched}, {"unequal", &p.Unequal}, {"only exporter's", &p.Exporters}, {"only importer's", &p.Importers}, {"ambiguous", &p.Ambiguous},
	}
}

// orDash is a name, or a dash where there is none.
func orDash(name string) string {
	if name == "" {
		return "-"
	}
	return name
}

// parts writes parts per million as percent.
func parts(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e4) }

// difference writes one in percent.
func difference(n *int64) string {
	if n == nil {
		return "-"
	}
	return fmt.Sprintf("%+.2f %%", float64(*n)/1e4)
}

// writeCoverage writes the tables. SPEC(VER-70)
func (r *Report) writeCoverage(b *strings.Builder) {
	for _, t := range r.Coverage.tables() {
		t.write(b)
	}
}

// write writes a table in columns. Names are those of the format, which are short.
func (t *table) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s:\n", t.title)
	if t.note != "" {
		folded(b, "  ", "  ", t.note)
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{t.head}, t.rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = plain(cell)
		}
		fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t"))
	}
	w.Flush() // into memory
}

// markCoverage writes the tables in Markdown. Names that providers chose are of
// printable ASCII, and escaped.
func (r *Report) markCoverage(b *strings.Builder) {
	for _, t := range r.Coverage.tables() {
		fmt.Fprintf(b, "\n## %s\n\n", t.title)
		if t.note != "" {
			fmt.Fprintf(b, "%s\n\n", escaped(t.note))
		}
		t.mark(b)
	}
}

func (t *table) mark(b *strings.Builder) {
	rule := strings.Repeat(" --- |", t.words) + strings.Repeat(" ---: |", len(t.head)-t.words)
	for i, row := range append([][]string{t.head}, t.rows...) {
		b.WriteString("|")
		for _, cell := range row {
			fmt.Fprintf(b, " %s |", escaped(cell))
		}
		b.WriteString("\n")
		if i == 0 {
			fmt.Fprintf(b, "|%s\n", rule)
		}
	}
}
