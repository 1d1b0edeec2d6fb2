package provenance

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
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
		f.Add("acme", c)
	}
	key := FlowKey{Kind: "transfer", Side: "exporter", Origin: "CN", Destination: "US", Direction: "input"}
	back := FlowKey{Kind: "transfer", Side: "exporter", Origin: "US", Destination: "CN", Direction: "output"}
	want := []FlowRow{
		{key, FlowSums{Records: SumOf(4), Tokens: SumOf(30), CacheRead: SumOf(2), CacheWrite: SumOf(2)}},
		{back, FlowSums{Records: SumOf(4), Tokens: SumOf(7), Reasoning: SumOf(2)}},
	}
	got := f.Rows()
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, wanted %+v", got, want)
	}
}

// SPEC(FLO-8)
func TestFlowsFollowCorrections(t *testing.T) {
	f := must1(NewFlows(FlowQuery{}))
	for _, kind := range []Kind{ModelMade, DatasetMade, Evaluated, Corrected} {
		f.Add("acme", flowCell(1, kind, Neither, "ZZ", "ZZ", 5, 5))
	}
	if n := f.Len(); n != 0 {
		t.Fatalf("%d rows of records that count no tokens", n)
	}
	f.Add("acme", flowCell(1, Transfer, Exporter, "US", "CN", 10, 3))
	f.Add("acme", &Cell{CellKey{Hour: 1, Kind: Transfer, Side: Exporter, Serving: "US", Using: "CN", Model: "m"}, Sums{Records: -1, Input: -12, Output: -1}})
	rows := f.Rows()
	if len(rows) != 2 || rows[0].Records != SumOf(1) || rows[0].Tokens != SumOf(-2) || rows[1].Tokens != SumOf(2) {
		t.Errorf("%+v", rows)
	}
	if b := string(must1(json.Marshal(rows[0]))); !strings.Contains(b, `"tokens":-2,`) {
		t.Errorf("a negative sum as JSON: %s", b)
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
			f.Add("acme", c)
		}
		var tokens Sum
		rows := f.Rows()
		for i, r := range rows {
			tokens = tokens.Add(r.Tokens)
			if i > 0 && rows[i-1].FlowKey.compare(&r.FlowKey) >= 0 {
				t.Errorf("%s: rows out of order", tt.name)
			}
		}
		if tokens != SumOf(tt.tokens) || len(rows) != tt.rows {
			t.Errorf("%s: %s tokens in %d rows, wanted %d in %d: %+v", tt.name, tokens, len(rows), tt.tokens, tt.rows, rows)
		}
	}
}

// TestFlowsBeyond64Bits: whatever providers declare, a sum is exact.
func TestFlowsBeyond64Bits(t *testing.T) {
	f := must1(NewFlows(FlowQuery{From: "US"}))
	c := flowCell(1, Transfer, Exporter, "US", "CN", 1, math.MaxInt64)
	for range 1000 {
		f.Add("acme", c)
	}
	b := must1(json.Marshal(f.Rows()))
	if want := `"tokens":9223372036854775807000,`; !strings.Contains(string(b), want) {
		t.Errorf("%s, wanted %s", b, want)
	}
	var back []FlowRow
	if err := json.Unmarshal(b, &back); err != nil || !slices.Equal(back, f.Rows()) {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestPagesOfFlows(t *testing.T) {
	f := must1(NewFlows(FlowQuery{By: []string{"provider"}}))
	for i := range 10 {
		f.Add(string(rune('j'-i)), flowCell(1, Transfer, Exporter, "US", "CN", 1, 1))
	}
	all := f.Rows()
	for limit := 1; limit < 23; limit++ {
		var pages []FlowRow
		for offset := 0; ; offset += limit {
			page := f.Page(offset, limit)
			pages = append(pages, page...)
			if len(page) < limit {
				break
			}
		}
		if len(all) != 20 || f.Len() != 20 || !slices.Equal(pages, all) {
			t.Errorf("pages of %d: %d rows of %d", limit, len(pages), len(all))
		}
	}
	f.Add("zz", flowCell(1, Transfer, Exporter, "US", "CN", 1, 1))
	if page := f.Page(20, 5); len(page) != 2 || page[1].Provider != "zz" {
		t.Errorf("%+v", page)
	}
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
