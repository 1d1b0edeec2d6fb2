package inspect

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// A group is what is joined: of however many, the first two and the last are held.
type group struct {
	members   [2]*crossed
	last      *crossed
	size      int
	exporters int
	wanted    bool
	amounts   verify.MirrorAmount
}

func (g *group) add(c *crossed) {
	if g.size < len(g.members) {
		g.members[g.size] = c
	}
	g.size++
	g.last = c
	g.wanted = g.wanted || c.wanted
	if c.side == provenance.Exporter {
		g.exporters++
	}
	addAmount(&g.amounts, c)
}

// addAmount adds what one side recorded.
func addAmount(to *verify.MirrorAmount, c *crossed) {
	to.Records++
	if c.side == provenance.Exporter {
		to.ExporterInput, to.ExporterOutput = to.ExporterInput.AddInt(c.amounts[0]), to.ExporterOutput.AddInt(c.amounts[1])
		return
	}
	to.ImporterInput, to.ImporterOutput = to.ImporterInput.AddInt(c.amounts[0]), to.ImporterOutput.AddInt(c.amounts[1])
}

// eachGroup judges the groups, of rows that are sorted by group, number and kind.
func (m *mirrors) eachGroup(rows *sorter) error {
	var g group
	var current *crossed
	leader := uint32(0)
	settle := func() {
		if current != nil && !current.reversed {
			g.add(current)
		}
		current = nil
	}
	err := rows.each(func(row []byte) error {
		if len(row) < 9 {
			return errRow
		}
		of, number, kind := binary.BigEndian.Uint32(row), binary.BigEndian.Uint32(row[4:]), row[8]
		if kind == 1 {
			if current == nil || current.number != number {
				return errRow
			}
			return current.fix(row[9:])
		}
		settle()
		if of != leader {
			m.judge(&g)
			g, leader = group{}, of
		}
		var err error
		current, err = m.crossed(number, row[9:])
		return err
	})
	settle()
	m.judge(&g)
	return err
}

// judge says what a group is. SPEC(VER-77)
func (m *mirrors) judge(g *group) {
	if g.size == 0 || !g.wanted {
		return
	}
	shows := g.members[0] // whose places are told: the exporter's, where there is one
	if g.size > 1 && g.members[1].side == provenance.Exporter && shows.side != provenance.Exporter {
		shows = g.members[1]
	}
	from, to := shows.serving.Country, shows.using.Country
	if m.opts.From != "" && m.opts.From != from || m.opts.To != "" && m.opts.To != to {
		return
	}
	pair := m.pair(from, to)
	switch {
	case g.size == 1:
		m.alone(pair, g)
	case g.size == 2 && g.exporters == 1:
		m.compare(pair, g)
	default:
		addAll(&pair.Ambiguous, &g.amounts)
		m.tell(verify.CodeMirrorAmbiguous, g.last, "one exporter and one importer of a crossing",
			fmt.Sprintf("%d exporters and %d importers that are joined, %s among them", g.exporters, g.size-g.exporters, m.place(g.members[0])))
	}
}

// alone is a group of one.
func (m *mirrors) alone(pair *verify.MirrorPair, g *group) {
	only := g.members[0]
	amount, other := &pair.Exporters, "importer"
	if only.side == provenance.Importer {
		amount, other = &pair.Importers, "exporter"
	}
	addAll(amount, &g.amounts)
	if only.named {
		m.tell(verify.CodeMirrorMissing, only, "the "+other+"'s record of the crossing, since it gives a crossing id or a mirror", "none in the log")
	}
}

// compare holds both sides of a pair against each other. SPEC(VER-78)
func (m *mirrors) compare(pair *verify.MirrorPair, g *group) {
	exporter, importer := g.members[0], g.members[1]
	if exporter.side != provenance.Exporter {
		exporter, importer = importer, exporter
	}
	wrong := m.differences(exporter, importer)
	if len(wrong) == 0 {
		addAll(&pair.Matched, &g.amounts)
		return
	}
	addAll(&pair.Unequal, &g.amounts)
	m.tell(verify.CodeMirrorDiffers, g.members[1], "what the other side recorded in "+m.place(g.members[0]), strings.Join(wrong, "; "))
}

// differences says where both sides differ, in words.
func (m *mirrors) differences(e, i *crossed) (wrong []string) {
	text := func(what, exporter, importer string) {
		if exporter != "" && importer != "" && exporter != importer {
			wrong = append(wrong, fmt.Sprintf("%s: exporter %s, importer %s", what, exporter, importer))
		}
	}
	text("serving place", e.serving.Country, i.serving.Country)
	text("serving subdivision", e.serving.Subdivision, i.serving.Subdivision)
	text("using place", e.using.Country, i.using.Country)
	text("using subdivision", e.using.Subdivision, i.using.Subdivision)
	text("model", e.model.Name, i.model.Name)
	text("model's version", e.model.Version, i.model.Version)
	if e.model.Digest != nil && i.model.Digest != nil && !bytes.Equal(e.model.Digest.Value, i.model.Digest.Value) {
		wrong = append(wrong, fmt.Sprintf("model's digest: exporter %x, importer %x", e.model.Digest.Value, i.model.Digest.Value))
	}
	if e.direction != 0 && i.direction != 0 && e.direction != i.direction {
		wrong = append(wrong, fmt.Sprintf("direction: exporter %d, importer %d", e.direction, i.direction))
	}
	for k := range e.amounts {
		if a, b := e.amounts[k], i.amounts[k]; e.present[k] && i.present[k] && m.apart(a, b) {
			wrong = append(wrong, fmt.Sprintf("%s: exporter %d, importer %d%s", amountNames[k], a, b, percent(a, b)))
		}
	}
	if late := e.time - i.time; max(late, -late) > m.opts.Within.Milliseconds() {
		wrong = append(wrong, fmt.Sprintf("time: exporter %s, importer %s", instant(e.time), instant(i.time)))
	}
	return wrong
}

// apart reports whether two amounts differ by more than the tolerance.
func (m *mirrors) apart(exporter, importer int64) bool {
	difference := uint64(max(exporter, importer)) - uint64(min(exporter, importer))
	return exceeds(wide(difference, 1_000_000), wide(uint64(max(exporter, 0)), uint64(m.opts.Tolerance)))
}

// percent is how far the importer's amount is from the exporter's.
func percent(exporter, importer int64) string {
	if exporter == 0 {
		return ""
	}
	return fmt.Sprintf(" (%+.2f %%)", (float64(importer)-float64(exporter))*100/float64(exporter))
}

// place names a record.
func (m *mirrors) place(c *crossed) string {
	return fmt.Sprintf("entries[%d].records[%d] of %s", c.entry, c.record, m.providers[c.provider])
}

func (m *mirrors) tell(code verify.Code, about *crossed, want, got string) {
	provider := m.providers[about.provider]
	m.in.keep(codeOnly(code), provider, func() *verify.Finding {
		return verify.ProviderFinding(provider, code, fmt.Sprintf("entries[%d].records[%d]", about.entry, about.record), want, got)
	})
}

// pair is the row of two countries.
func (m *mirrors) pair(from, to string) *verify.MirrorPair {
	return row(&m.pairs, [2]string{from, to}, [2]string{others, others})
}

func addAll(to, more *verify.MirrorAmount) {
	to.Records += more.Records
	to.ExporterInput, to.ExporterOutput = to.ExporterInput.Add(more.ExporterInput), to.ExporterOutput.Add(more.ExporterOutput)
	to.ImporterInput, to.ImporterOutput = to.ImporterInput.Add(more.ImporterInput), to.ImporterOutput.Add(more.ImporterOutput)
}

// sorted gives the pairs by their countries, with the differences.
func (m *mirrors) sorted() []verify.MirrorPair {
	pairs := []verify.MirrorPair{}
	byName := func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }
	for _, key := range slices.SortedFunc(maps.Keys(m.pairs), byName) {
		p := *m.pairs[key]
		p.From, p.To = key[0], key[1]
		both := p.Matched
		addAll(&both, &p.Unequal)
		p.InputDifference = differenceOf(both.ExporterInput, both.ImporterInput)
		p.OutputDifference = differenceOf(both.ExporterOutput, both.ImporterOutput)
		pairs = append(pairs, p)
	}
	return pairs
}

// differenceOf is the importers' sum less the exporters', in parts per million of
// the latter; nil where that is nothing, or beyond 64 bits.
func differenceOf(exporters, importers provenance.Sum) *int64 {
	e, ok := new(big.Int).SetString(exporters.String(), 10)
	i, fine := new(big.Int).SetString(importers.String(), 10)
	if !ok || !fine || e.Sign() <= 0 {
		return nil
	}
	i.Sub(i, e)
	i.Mul(i, big.NewInt(1_000_000))
	if i.Quo(i, e); !i.IsInt64() {
		return nil
	}
	parts := i.Int64()
	return &parts
}
