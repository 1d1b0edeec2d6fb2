package provenance

import (
	"math"
	"testing"
	"time"
)

func flowCell(hour int64, kind Kind, side Side, serving, using string, in, out int64) *Cell {
	return &Cell{
		CellKey{Hour: hour, Kind: kind, Side: side, Serving: serving, Using: using, Model: "m"},
		Sums{Records: 2, Input: in, Output: out, CacheRead: 1, CacheWrite: 1, Reasoning: 1},
	}
}

func TestFlowsGoBothWaysAndAreNeverNetted(t *testing.T) {
	f := must1(NewFlows(FlowQuery{}))
	for _, c := range []*Cell{flowCell(1, Transfer, Exporter, "US", "CN", 10, 3), flowCell(2, Transfer, Exporter, "US", "CN", 20, 4)} {
		if err := f.Add("acme", c); err != nil {
			t.Fatal(err)
		}
	}
	key := FlowKey{Kind: "transfer", Side: "exporter", Origin: "CN", Destination: "US", Direction: "input"}
	back := FlowKey{Kind: "transfer", Side: "exporter", Origin: "US", Destination: "CN", Direction: "output"}
	want := []FlowRow{
		{key, FlowSums{Records: 4, Tokens: 30, CacheRead: 2, CacheWrite: 2}},
		{back, FlowSums{Records: 4, Tokens: 7, Reasoning: 2}},
	}
	got := f.Rows()
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, wanted %+v", got, want)
	}
}

func TestFlowQueriesRestrict(t *testing.T) {
	at := func(hour int64) time.Time { return time.Unix(hour*3600, 0) }
	cells := []*Cell{
		flowCell(1, Transfer, Exporter, "US", "CN", 1, 10),
		flowCell(2, Transfer, Importer, "US", "CN", 1, 100),
		flowCell(3, Production, Neither, "US", "ZZ", 1, 1000),
		flowCell(3, Transfer, Exporter, "CN", "US", 1, 10000),
	}
	tests := []struct {
		name   string
		query  FlowQuery
		tokens int64
		rows   int
	}{
		{"everything", FlowQuery{}, 11114, 8},
		{"from", FlowQuery{From: "CN", To: "US"}, 10002, 3},
		{"sides", FlowQuery{From: "US", To: "CN", Sides: []Side{Importer}}, 100, 1},
		{"kinds", FlowQuery{From: "US", Kinds: []Kind{Production}}, 1000, 1},
		{"since", FlowQuery{From: "US", Since: at(2)}, 1101, 3},
		{"until", FlowQuery{From: "US", Until: at(2)}, 10, 1},
		{"by provider and hour", FlowQuery{From: "US", To: "CN", By: []string{"provider", "hour", "day", "model", "label", "basis"}}, 111, 3},
	}
	for _, tt := range tests {
		f := must1(NewFlows(tt.query))
		for _, c := range cells {
			if err := f.Add("acme", c); err != nil {
				t.Fatal(err)
			}
		}
		var tokens int64
		rows := f.Rows()
		for i, r := range rows {
			tokens += r.Tokens
			if i > 0 && rows[i-1].FlowKey.compare(r.FlowKey) >= 0 {
				t.Errorf("%s: rows out of order", tt.name)
			}
		}
		if tokens != tt.tokens || len(rows) != tt.rows {
			t.Errorf("%s: %d tokens in %d rows, wanted %d in %d: %+v", tt.name, tokens, len(rows), tt.tokens, tt.rows, rows)
		}
	}
}

func TestFlowsThatOverflow(t *testing.T) {
	f := must1(NewFlows(FlowQuery{}))
	c := flowCell(1, Transfer, Exporter, "US", "CN", 1, math.MaxInt64)
	if err := f.Add("acme", c); err != nil {
		t.Fatal(err)
	}
	wantCode(t, f.Add("acme", c), CodeOverflow)
}

func TestFlowQueriesAreChecked(t *testing.T) {
	whole, half := time.Unix(3600, 0), time.Unix(1800, 0)
	for name, q := range map[string]FlowQuery{
		"country":      {From: "us"},
		"destination":  {To: "China"},
		"half an hour": {Since: half},
		"until half":   {Until: half},
		"no time":      {Since: whole, Until: whole},
		"group":        {By: []string{"colour"}},
	} {
		if _, err := NewFlows(q); CodeOf(err) != CodeValue {
			t.Errorf("%s: %v", name, err)
		}
	}
}
