package verify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// flowsNode answers one query in pages, and does something before each.
type flowsNode struct {
	Source
	rows   []provenance.FlowRow
	head   FlowsAnswer
	before func(page int, a *FlowsAnswer)
	asked  int
}

func (n *flowsNode) Flows(_ context.Context, _ provenance.FlowQuery, p FlowsPage) (*FlowsAnswer, error) {
	a := n.head
	rest := n.rows[min(p.Offset, int64(len(n.rows))):]
	a.Rows = append([]provenance.FlowRow{}, rest[:min(p.Limit, int64(len(rest)))]...)
	if n.before != nil {
		n.before(n.asked, &a)
	}
	n.asked++
	return &a, nil
}

// manyFlows returns a sum of so many rows, and an honest node's answer.
func manyFlows(t *testing.T, rows int) (*flowSum, *flowsNode) {
	t.Helper()
	q := provenance.FlowQuery{From: "US", By: []string{"model"}}
	f := &flowSum{place: "flows[0]", query: q}
	var err error
	if f.sums, err = provenance.NewFlows(q); err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		f.sums.Add("acme", &provenance.Cell{
			CellKey: provenance.CellKey{Hour: 1, Kind: provenance.Transfer, Side: provenance.Exporter, Serving: "US", Using: "CN", Model: fmt.Sprint(i)},
			Sums:    provenance.Sums{Records: 1, Output: 1 << 62},
		})
	}
	return f, &flowsNode{rows: f.sums.Rows(), head: FlowsAnswer{Format: 1, LogSize: 7, TotalRows: int64(rows), Query: EncodeFlowsQuery(q)}}
}

func TestFlowsInPages(t *testing.T) {
	for _, rows := range []int{0, 1, flowsPage - 1, flowsPage, flowsPage + 1, 2 * flowsPage, 2*flowsPage + 5} {
		f, node := manyFlows(t, rows)
		if err := f.ask(t.Context(), node); err != nil {
			t.Fatal(err)
		}
		if want := max(1, (rows+flowsPage-1)/flowsPage); node.asked != want {
			t.Errorf("%d rows: %d pages were asked for, wanted %d", rows, node.asked, want)
		}
		if err := f.compare(); err != nil {
			t.Errorf("%d rows: %v", rows, err)
		}
		if len(f.head.Rows) > flowsPage {
			t.Errorf("%d rows: %d are kept", rows, len(f.head.Rows))
		}
	}
}

// TestLiesInPages: what a node changes on any page is found there.
func TestLiesInPages(t *testing.T) {
	on := func(page int, change func(a *FlowsAnswer)) func(int, *FlowsAnswer) {
		return func(n int, a *FlowsAnswer) {
			if n == page {
				change(a)
			}
		}
	}
	sum, node := manyFlows(t, 2*flowsPage+5)
	for name, c := range map[string]struct {
		before func(int, *FlowsAnswer)
		code   Code
		place  string
	}{
		"a row of the first":   {on(0, func(a *FlowsAnswer) { a.Rows[5].Tokens = provenance.SumOf(1) }), CodeFlows, "flows[0].rows[5]"},
		"a row of the second":  {on(1, func(a *FlowsAnswer) { a.Rows[5].Tokens = provenance.SumOf(1) }), CodeFlows, "flows[0].rows[20000:40000]"},
		"a row of the last":    {on(2, func(a *FlowsAnswer) { a.Rows[4].Model = "x" }), CodeFlows, "flows[0].rows[40000:40005]"},
		"a short page":         {on(1, func(a *FlowsAnswer) { a.Rows = a.Rows[:9] }), CodeFlows, "flows[0].rows"},
		"a row less":           {on(2, func(a *FlowsAnswer) { a.Rows = a.Rows[:4] }), CodeFlows, "flows[0].rows"},
		"a row more":           {on(2, func(a *FlowsAnswer) { a.Rows = append(a.Rows, a.Rows[0]) }), CodeFlows, "flows[0].rows"},
		"no second":            {on(0, func(a *FlowsAnswer) { a.TotalRows = flowsPage }), CodeFlows, "flows[0].rows"},
		"more rows all along":  {func(_ int, a *FlowsAnswer) { a.TotalRows++ }, CodeFlows, "flows[0].total_rows"},
		"more rows at once":    {on(1, func(a *FlowsAnswer) { a.TotalRows++ }), CodeFlows, "flows[0], offset 20000, total_rows"},
		"another app hash":     {on(1, func(a *FlowsAnswer) { a.AppHash[0]++ }), CodeFlowsHead, "flows[0], offset 20000, app_hash"},
		"another origin":       {on(2, func(a *FlowsAnswer) { a.Origin = "x" }), CodeFlowsHead, "flows[0], offset 40000, origin"},
		"another query":        {on(2, func(a *FlowsAnswer) { a.Query.From = "CN" }), CodeFlowsHead, "flows[0], offset 40000, query"},
		"the first page again": {on(1, func(a *FlowsAnswer) { a.Rows = append(a.Rows[1:], a.Rows[0]) }), CodeFlows, "flows[0].rows[20000:40000]"},
	} {
		f := &flowSum{place: sum.place, query: sum.query, sums: sum.sums}
		node.asked, node.before = 0, c.before
		err := f.ask(t.Context(), node)
		if err == nil {
			err = f.compare()
		}
		var found *Finding
		if !errors.As(err, &found) || found.Code != c.code || found.Place != c.place {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFlowsOfAGrowingLog: the pages are begun again, but not for ever.
func TestFlowsOfAGrowingLog(t *testing.T) {
	f, node := manyFlows(t, flowsPage+5)
	node.before = func(n int, a *FlowsAnswer) { a.LogSize += int64(min(n, 5)) }
	if err := f.ask(t.Context(), node); err != nil || f.head.LogSize != 7+5 || node.asked != 8 {
		t.Errorf("%v, log size %d after %d pages", err, f.head.LogSize, node.asked)
	}
	if err := f.compare(); err != nil {
		t.Error(err)
	}
	f, node = manyFlows(t, flowsPage+5)
	node.before = func(n int, a *FlowsAnswer) { a.LogSize += int64(n) }
	var found *Finding
	if err := f.ask(t.Context(), node); err == nil || errors.As(err, &found) || !strings.Contains(err.Error(), "the log grew") || node.asked != 2*flowsTries {
		t.Errorf("%v after %d pages", err, node.asked)
	}
}

func TestFlowsOutOfForm(t *testing.T) {
	for name, before := range map[string]func(int, *FlowsAnswer){
		"a negative log": func(_ int, a *FlowsAnswer) { a.LogSize = -1 },
		"negative rows":  func(_ int, a *FlowsAnswer) { a.TotalRows = -1 },
		"a page too long": func(_ int, a *FlowsAnswer) {
			a.Rows = append(a.Rows, a.Rows...)
		},
	} {
		f, node := manyFlows(t, flowsPage)
		node.before = before
		if err := f.ask(t.Context(), node); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
