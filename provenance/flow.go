package provenance

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// FlowGroups are what a flow query can group by (SPEC(FLO-3)), in the order of
// a row's columns.
func FlowGroups() []string {
	return []string{"day", "hour", "kind", "side", "origin", "destination", "provider", "model", "label", "basis"}
}

// FlowKinds are the kinds whose tokens flow, each summed apart (SPEC(FLO-2)).
func FlowKinds() []Kind { return []Kind{Production, Transfer, Consumption} }

// A FlowQuery asks for tokens by origin and destination (spec/flows.md).
// Empty fields do not restrict; times are on whole hours, Until exclusive.
type FlowQuery struct {
	From  string // origin, ISO 3166-1 alpha-2
	To    string // destination
	Since time.Time
	Until time.Time
	Kinds []Kind
	Sides []Side
	By    []string // of FlowGroups
}

// Validate says what is wrong with the query. The error is an *Error.
func (q *FlowQuery) Validate() error {
	for _, place := range []struct{ name, value string }{{"from", q.From}, {"to", q.To}} {
		if place.value != "" && !ValidCountry(place.value) {
			return fail(CodeValue, place.name, "%q is not a country: two letters A-Z (ISO 3166-1)", place.value)
		}
	}
	for _, t := range []struct {
		name  string
		value time.Time
	}{{"since", q.Since}, {"until", q.Until}} {
		if !t.value.Equal(t.value.Truncate(time.Hour)) {
			return fail(CodeValue, t.name, "%s is not on a whole hour: totals are by the hour", t.value.Format(time.RFC3339))
		}
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return fail(CodeValue, "until", "it is not after since")
	}
	for _, g := range q.By {
		if !slices.Contains(FlowGroups(), g) {
			return fail(CodeValue, "by", "%q is not one of %s", g, strings.Join(FlowGroups(), ", "))
		}
	}
	return nil
}

// FlowKey is what a row of flows is about; fields that the query does not group
// by are empty. Kind, side, origin and destination are always kept apart.
type FlowKey struct {
	Day         string `json:"day,omitempty"`  // 2023-11-16
	Hour        string `json:"hour,omitempty"` // 2023-11-16T18:00:00Z
	Kind        string `json:"kind"`
	Side        string `json:"side"`
	Origin      string `json:"origin"`
	Destination string `json:"destination"`
	Provider    string `json:"provider,omitempty"`
	Model       string `json:"model,omitempty"`
	Label       string `json:"label,omitempty"`
	Basis       string `json:"basis,omitempty"`
	Direction   string `json:"direction"` // output or input
}

// FlowSums are the sums of a row, in tokens (SPEC(FLO-4)).
type FlowSums struct {
	Records    Sum `json:"records"`
	Tokens     Sum `json:"tokens"`
	CacheRead  Sum `json:"cache_read"`
	CacheWrite Sum `json:"cache_write"`
	Reasoning  Sum `json:"reasoning"`
}

// A FlowRow is one line of the answer.
type FlowRow struct {
	FlowKey
	FlowSums
}

// Flows adds cells up into the rows of one query. One goroutine owns it.
type Flows struct {
	query  FlowQuery
	since  int64 // hours since the epoch
	until  int64
	by     map[string]bool
	rows   map[FlowKey]*FlowRow
	sorted []*FlowRow // the rows in order; made when asked for, nil when a row is added
}

// NewFlows begins the answer to a query.
func NewFlows(q FlowQuery) (*Flows, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	f := &Flows{query: q, until: 1 << 62, by: map[string]bool{}, rows: map[FlowKey]*FlowRow{}}
	if !q.Since.IsZero() {
		f.since = q.Since.Unix() / 3600
	}
	if !q.Until.IsZero() {
		f.until = q.Until.Unix() / 3600
	}
	for _, g := range q.By {
		f.by[g] = true
	}
	return f, nil
}

// Add counts a cell of a provider's totals (SPEC(FLO-1), SPEC(FLO-2)). Cells of
// kinds that count no tokens are no flows (SPEC(FLO-8)).
func (f *Flows) Add(provider string, c *Cell) {
	q := &f.query
	if c.Kind > newestTokens || c.Hour < f.since || c.Hour >= f.until ||
		len(q.Kinds) > 0 && !slices.Contains(q.Kinds, c.Kind) ||
		len(q.Sides) > 0 && !slices.Contains(q.Sides, c.Side) {
		return
	}
	if row := f.row(provider, c, "output", c.Serving, c.Using); row != nil {
		row.Records, row.Tokens = row.Records.AddInt(c.Records), row.Tokens.AddInt(c.Output)
		row.Reasoning = row.Reasoning.AddInt(c.Reasoning)
	}
	if row := f.row(provider, c, "input", c.Using, c.Serving); row != nil {
		row.Records, row.Tokens = row.Records.AddInt(c.Records), row.Tokens.AddInt(c.Input)
		row.CacheRead, row.CacheWrite = row.CacheRead.AddInt(c.CacheRead), row.CacheWrite.AddInt(c.CacheWrite)
	}
}

// row returns the row that a cell counts in, nil where the query leaves it out.
func (f *Flows) row(provider string, c *Cell, direction, origin, destination string) *FlowRow {
	if f.query.From != "" && f.query.From != origin || f.query.To != "" && f.query.To != destination {
		return nil
	}
	key := FlowKey{Kind: c.Kind.String(), Side: c.Side.String(), Origin: origin, Destination: destination, Direction: direction}
	f.group(&key, provider, c)
	row := f.rows[key]
	if row == nil {
		row = &FlowRow{FlowKey: key}
		f.rows[key], f.sorted = row, nil
	}
	return row
}

func (f *Flows) group(key *FlowKey, provider string, c *Cell) {
	set := func(group string, to *string, value string) {
		if f.by[group] {
			*to = value
		}
	}
	if f.by["day"] || f.by["hour"] { // formatting times is dear
		at := time.Unix(c.Hour*3600, 0).UTC()
		set("day", &key.Day, at.Format(time.DateOnly))
		set("hour", &key.Hour, at.Format(time.RFC3339))
	}
	set("provider", &key.Provider, provider)
	set("model", &key.Model, c.Model)
	set("label", &key.Label, LabelStatus(c.Label))
	set("basis", &key.Basis, c.Basis)
}

// Take adds a row that Rows gave for the same query, so that adding up goes on
// from there.
func (f *Flows) Take(row FlowRow) {
	to := f.rows[row.FlowKey]
	if to == nil {
		to = &FlowRow{FlowKey: row.FlowKey}
		f.rows[row.FlowKey], f.sorted = to, nil
	}
	to.Records, to.Tokens, to.Reasoning = to.Records.Add(row.Records), to.Tokens.Add(row.Tokens), to.Reasoning.Add(row.Reasoning)
	to.CacheRead, to.CacheWrite = to.CacheRead.Add(row.CacheRead), to.CacheWrite.Add(row.CacheWrite)
}

// Rows returns the whole answer, in the order of SPEC(FLO-5).
func (f *Flows) Rows() []FlowRow { return f.Page(0, len(f.rows)) }

// Len returns the number of rows.
func (f *Flows) Len() int { return len(f.rows) }

// Page returns at most limit rows, or as many as there are, behind the first
// offset in the order of SPEC(FLO-5); a copy.
func (f *Flows) Page(offset, limit int) []FlowRow {
	if f.sorted == nil {
		f.sorted = slices.SortedFunc(maps.Values(f.rows), func(a, b *FlowRow) int { return a.FlowKey.compare(&b.FlowKey) })
	}
	rest := f.sorted[min(offset, len(f.sorted)):]
	page := make([]FlowRow, min(limit, len(rest)))
	for i := range page {
		page[i] = *rest[i]
	}
	return page
}

func (k *FlowKey) compare(b *FlowKey) int {
	return cmp.Or(
		cmp.Compare(k.Day, b.Day), cmp.Compare(k.Hour, b.Hour),
		cmp.Compare(k.Kind, b.Kind), cmp.Compare(k.Side, b.Side),
		cmp.Compare(k.Origin, b.Origin), cmp.Compare(k.Destination, b.Destination),
		cmp.Compare(k.Provider, b.Provider), cmp.Compare(k.Model, b.Model),
		cmp.Compare(k.Label, b.Label), cmp.Compare(k.Basis, b.Basis),
		cmp.Compare(k.Direction, b.Direction),
	)
}

// LabelStatus returns the name of a label's status, as in a cell.
func LabelStatus(status int64) string {
	names := [...]string{"unlabelled", "synthetic", "possibly synthetic", "suspected synthetic", "declared not synthetic"}
	if status < 0 || int(status) >= len(names) {
		return fmt.Sprintf("unknown(%d)", status)
	}
	return names[status]
}
