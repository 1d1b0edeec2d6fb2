package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokentrail/provenance"
)

type flowFlags struct {
	node         string
	from, to     string
	since, until string
	by           []string
	kinds, sides []string
}

// flowsDoc is the answer of GET /v1/flows (spec/flows.md, JSON), and ours.
type flowsDoc struct {
	Format  int                  `json:"format"`
	Origin  string               `json:"origin"`
	LogSize int64                `json:"log_size"`
	AppHash provenance.Hash      `json:"app_hash"`
	Query   json.RawMessage      `json:"query"`
	Total   int64                `json:"total_rows"`
	Rows    []provenance.FlowRow `json:"rows"`
}

const (
	flowsPage    = 20_000    // rows asked for at once
	maxFlowsRows = 1_000_000 // of a whole answer
	flowsTries   = 5         // to read all pages of one log
)

func (a *app) flowsCommand() *cobra.Command {
	f := &flowFlags{}
	cmd := &cobra.Command{
		Use:   "flows",
		Short: "Ask how many tokens went from where to where",
		Long: "Ask a node how many tokens went from one jurisdiction to another. Output tokens flow from\n" +
			"where the model runs to where they are used, input tokens back. Kinds and sides are never\n" +
			"added up: each may have recorded the same tokens.\n\n" +
			"Times are whole hours in UTC: 2023-11-16, 2023-11-16T18:00Z, or 7d or 36h ago. Until is exclusive.",
		Example: "tokentrail flows --node http://localhost:7480 --from US --to CN \\\n" +
			"  --since 2023-11-16 --until 2023-11-17 --by model\n" +
			"tokentrail flows --from US --since 7d --by day,provider --output csv",
		Args: a.noArgs,
	}
	f.bind(cmd.Flags())
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error { return a.flows(ctx, f) }, asTable, asJSON, asCSV)
	return cmd
}

// bind adds the flags of a query, and of a node.
func (f *flowFlags) bind(s *pflag.FlagSet) {
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.from, "from", "", "origin: a country")
	s.StringVar(&f.to, "to", "", "destination: a country")
	s.StringVar(&f.since, "since", "", "first hour")
	s.StringVar(&f.until, "until", "", "hour to stop before")
	s.StringSliceVar(&f.by, "by", nil, "group by "+strings.Join(provenance.FlowGroups(), ", "))
	s.StringSliceVar(&f.kinds, "kind", nil, "only these kinds: production, transfer, consumption")
	s.StringSliceVar(&f.sides, "side", nil, "only what these sides recorded: exporter, importer, neither")
}

// query reads the flags.
func (f *flowFlags) query(now time.Time) (*provenance.FlowQuery, error) {
	q := &provenance.FlowQuery{From: f.from, To: f.to, By: f.by}
	var err error
	if q.Since, err = parseHour("--since", f.since, now, false); err != nil {
		return nil, err
	}
	if q.Until, err = parseHour("--until", f.until, now, true); err != nil {
		return nil, err
	}
	if q.Kinds, err = parseKinds(f.kinds); err != nil {
		return nil, err
	}
	if q.Sides, err = parseSides(f.sides); err != nil {
		return nil, err
	}
	for i, by := range f.by {
		if slices.Contains(f.by[:i], by) {
			return nil, usagef("--by: %q is there twice", by)
		}
	}
	err = q.Validate()
	var wrong *provenance.Error
	if errors.As(err, &wrong) {
		return nil, usagef("--%s: %s", wrong.Path, wrong.Detail)
	}
	return q, err
}

func parseKinds(names []string) ([]provenance.Kind, error) {
	return parseNames("--kind", names, provenance.FlowKinds()...)
}

func parseSides(names []string) ([]provenance.Side, error) {
	return parseNames("--side", names, provenance.Neither, provenance.Exporter, provenance.Importer)
}

func parseNames[T fmt.Stringer](flag string, names []string, values ...T) ([]T, error) {
	var out []T
	for _, name := range names {
		i := slices.IndexFunc(values, func(v T) bool { return v.String() == name })
		if i < 0 {
			var words []string
			for _, v := range values {
				words = append(words, v.String())
			}
			return nil, usagef("%s %q: wanted one of %s", flag, name, strings.Join(words, ", "))
		}
		out = append(out, values[i])
	}
	return out, nil
}

// parseHour reads a time on a whole hour: a date, RFC 3339 with or without
// minutes and seconds, or so long ago. What is ago is widened to whole hours.
func parseHour(flag, text string, now time.Time, up bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, ok := parseAgo(text); ok {
		t := now.UTC().Add(-ago).Truncate(time.Hour)
		if up && !t.Equal(now.UTC().Add(-ago)) {
			t = t.Add(time.Hour)
		}
		return t, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usagef("%s %q: wanted a date as 2023-11-16, a time as 2023-11-16T18:00:00Z, or how long ago as 7d or 36h", flag, text)
}

// parseAgo reads 7d, 36h, or now.
func parseAgo(text string) (time.Duration, bool) {
	if text == "now" {
		return 0, true
	}
	if len(text) < 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	if err != nil {
		return 0, false
	}
	switch text[len(text)-1] {
	case 'h':
		return time.Duration(n) * time.Hour, true
	case 'd':
		return time.Duration(n) * 24 * time.Hour, true
	}
	return 0, false
}

// values writes the query as the node wants it (spec/api.md).
func flowValues(q *provenance.FlowQuery) url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("from", q.From)
	set("to", q.To)
	for name, t := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !t.IsZero() {
			set(name, t.Format(time.RFC3339))
		}
	}
	set("by", strings.Join(q.By, ","))
	set("kind", joined(q.Kinds))
	set("side", joined(q.Sides))
	return v
}

func joined[T fmt.Stringer](values []T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = v.String()
	}
	return strings.Join(names, ",")
}

func (a *app) flows(ctx context.Context, f *flowFlags) error {
	q, err := f.query(time.Now())
	if err != nil {
		return err
	}
	a.warnCountry("--from", f.from)
	a.warnCountry("--to", f.to)
	node, err := a.client(f.node)
	if err != nil {
		return err
	}
	doc, err := node.flows(ctx, q)
	if err != nil {
		return err
	}
	if a.output == asCSV {
		return doc.writeCSV(a.stdout)
	}
	return a.emit(doc, func(w io.Writer) error { return doc.write(w, node.base.String()) })
}

// flows reads the whole answer to a query, all pages of one log (SPEC(FLO-7)).
func (c *client) flows(ctx context.Context, q *provenance.FlowQuery) (*flowsDoc, error) {
	for range flowsTries {
		doc, err := c.flowsPage(ctx, q, 0, 0)
		for err == nil && int64(len(doc.Rows)) < doc.Total {
			var page *flowsDoc
			if page, err = c.flowsPage(ctx, q, len(doc.Rows), doc.LogSize); err != nil {
				break
			}
			if page.LogSize != doc.LogSize {
				doc = nil // the log grew
				break
			}
			if page.AppHash != doc.AppHash || page.Total != doc.Total || len(page.Rows) == 0 {
				return nil, couldNotf("the answer of %s/v1/flows is not what spec/flows.md says: its pages do not fit together", c.base)
			}
			doc.Rows = append(doc.Rows, page.Rows...)
		}
		if doc != nil || err != nil {
			return doc, err
		}
	}
	return nil, couldNotf("the log grew while the answer was read, %d times in a row; try again, or ask for fewer rows: less time, or fewer groups", flowsTries)
}

// flowsPage reads the rows behind the first offset; size is the log's as the
// page before had it.
func (c *client) flowsPage(ctx context.Context, q *provenance.FlowQuery, offset int, size int64) (*flowsDoc, error) {
	values := flowValues(q)
	values.Set("limit", strconv.Itoa(flowsPage))
	if offset > 0 {
		values.Set("offset", strconv.Itoa(offset))
		values.Set("size", strconv.FormatInt(size, 10))
	}
	doc := &flowsDoc{}
	if err := c.getJSON(ctx, "/v1/flows", values, doc); err != nil {
		return nil, err
	}
	switch {
	case doc.Format != outputFormat:
		return nil, couldNotf("the node answers in format %d, this program reads %d", doc.Format, outputFormat)
	case doc.Total > maxFlowsRows:
		return nil, fmt.Errorf("the answer has %s rows, this program reads up to %s; ask for less time, one origin or destination, or fewer groups",
			thousands(doc.Total), thousands(maxFlowsRows))
	case int64(offset+len(doc.Rows)) > doc.Total:
		return nil, couldNotf("the answer of %s/v1/flows is not what spec/flows.md says: more rows than the %d that it has in all", c.base, doc.Total)
	}
	return doc, nil
}

// A flowColumn is one column of the answer.
type flowColumn struct {
	name  string
	text  func(*provenance.FlowRow) string
	count func(*provenance.FlowRow) provenance.Sum // instead of text
}

func flowColumns() []flowColumn {
	type row = provenance.FlowRow
	return []flowColumn{
		{name: "day", text: func(r *row) string { return r.Day }},
		{name: "hour", text: func(r *row) string { return r.Hour }},
		{name: "kind", text: func(r *row) string { return r.Kind }},
		{name: "side", text: func(r *row) string { return r.Side }},
		{name: "origin", text: func(r *row) string { return r.FlowKey.Origin }},
		{name: "destination", text: func(r *row) string { return r.Destination }},
		{name: "provider", text: func(r *row) string { return r.Provider }},
		{name: "model", text: func(r *row) string { return r.Model }},
		{name: "label", text: func(r *row) string { return r.Label }},
		{name: "basis", text: func(r *row) string { return r.Basis }},
		{name: "direction", text: func(r *row) string { return r.Direction }},
		{name: "records", count: func(r *row) provenance.Sum { return r.Records }},
		{name: "tokens", count: func(r *row) provenance.Sum { return r.Tokens }},
		{name: "cache_read", count: func(r *row) provenance.Sum { return r.CacheRead }},
		{name: "cache_write", count: func(r *row) provenance.Sum { return r.CacheWrite }},
		{name: "reasoning", count: func(r *row) provenance.Sum { return r.Reasoning }},
	}
}

// used reports whether any row has something in the column.
func (c *flowColumn) used(rows []provenance.FlowRow) bool {
	return slices.ContainsFunc(rows, func(r provenance.FlowRow) bool {
		if c.count != nil {
			return !c.count(&r).IsZero() || c.name == "records" || c.name == "tokens"
		}
		return c.text(&r) != ""
	})
}

// unknownPlace stands for a place that a record does not give (statement.md
// BAT-3).
const unknownPlace = "ZZ"

// write answers for people: columns without content are left out.
func (d *flowsDoc) write(w io.Writer, node string) error {
	d.writeRows(w)
	_, err := fmt.Fprintf(w, "log size %s, app hash %s\n"+
		"This is what the node says. To hold it against the signed log: tokentrail verify --node %s\n",
		thousands(d.LogSize), d.AppHash, node)
	return err
}

// notes say how the table's rows are to be read.
func (d *flowsDoc) notes() []string {
	any := func(holds func(r *provenance.FlowRow) bool) bool {
		return slices.ContainsFunc(d.Rows, func(r provenance.FlowRow) bool { return holds(&r) })
	}
	var notes []string
	first := d.Rows[0]
	if any(func(r *provenance.FlowRow) bool { return r.Kind != first.Kind || r.Side != first.Side }) {
		notes = append(notes, "kinds and sides are not to be added up: each may have recorded the same tokens")
	}
	if any(func(r *provenance.FlowRow) bool { return r.Records.IsZero() }) {
		notes = append(notes, "0 records: only relays, whose tokens another record counts, or what was taken back")
	}
	if any(func(r *provenance.FlowRow) bool { return r.Origin == unknownPlace || r.Destination == unknownPlace }) {
		notes = append(notes, unknownPlace+": the records do not say where")
	}
	return notes
}

func (d *flowsDoc) grid() *grid {
	g := &grid{right: -1, rows: make([][]string, len(d.Rows))}
	for _, c := range flowColumns() {
		if !c.used(d.Rows) {
			continue
		}
		if c.count != nil && g.right < 0 {
			g.right = len(g.header)
		}
		g.header = append(g.header, strings.ReplaceAll(c.name, "_", " "))
		for i := range d.Rows {
			value := ""
			if c.count != nil {
				value = separated(c.count(&d.Rows[i]).String())
			} else {
				value = c.text(&d.Rows[i])
			}
			g.rows[i] = append(g.rows[i], value)
		}
	}
	return g
}

// writeCSV answers for spreadsheets: all columns, always, numbers plain.
func (d *flowsDoc) writeCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	columns := flowColumns()
	line := make([]string, len(columns))
	for i, c := range columns {
		line[i] = c.name
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for r := range d.Rows {
		for i, c := range columns {
			if c.count != nil {
				line[i] = c.count(&d.Rows[r]).String()
			} else {
				line[i] = c.text(&d.Rows[r])
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// decodeJSON decodes one JSON document and nothing behind it.
func decodeJSON(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something follows the document")
	}
	return nil
}
