package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"tokentrail/provenance"
)

// flowsPage is what a client reads of an answer about flows.
type flowsPage struct {
	LogSize   int64                `json:"log_size"`
	TotalRows int64                `json:"total_rows"`
	Rows      []provenance.FlowRow `json:"rows"`
}

func (n *node) flows(query string) (p flowsPage) {
	n.t.Helper()
	if err := json.Unmarshal(n.ok("/v1/flows"+query), &p); err != nil {
		n.t.Fatal(err)
	}
	return p
}

// TestFlowsComeInPages: SPEC(FLO-7).
func TestFlowsComeInPages(t *testing.T) {
	n := newNode(t)
	for range 5 {
		n.submit()
	}
	all := n.flows("?by=hour")
	if all.TotalRows != 10 || len(all.Rows) != 10 {
		t.Fatalf("%+v", all)
	}
	for limit := 1; limit <= 11; limit++ {
		var rows []provenance.FlowRow
		for offset := 0; offset < 10; offset += limit {
			p := n.flows(fmt.Sprintf("?by=hour&limit=%d&offset=%d", limit, offset))
			if p.TotalRows != 10 || p.LogSize != 5 || len(p.Rows) != min(limit, 10-offset) {
				t.Errorf("%d behind %d: %+v", limit, offset, p)
			}
			rows = append(rows, p.Rows...)
		}
		if !slices.Equal(rows, all.Rows) {
			t.Errorf("pages of %d do not fit together: %+v", limit, rows)
		}
	}
	if p := n.flows("?offset=9223372036854775807"); p.TotalRows != 2 || p.Rows == nil || len(p.Rows) != 0 {
		t.Errorf("behind the end: %+v", p)
	}
}

// TestPagesOfAGrowingLog: the log of the first page is answered of again, as long
// as it is remembered.
func TestPagesOfAGrowingLog(t *testing.T) {
	n := newNode(t)
	n.submit()
	n.submit()
	all := n.flows("?by=hour") // no page, so nobody comes back
	first := n.flows("?by=hour&limit=3")
	n.submit()
	second := n.flows("?by=hour&limit=3&offset=3&size=2")
	if second.LogSize != 2 || second.TotalRows != 4 || !slices.Equal(slices.Concat(first.Rows, second.Rows), all.Rows) {
		t.Errorf("%+v, %+v", first, second)
	}
	if p := n.flows("?by=hour&limit=3"); p.LogSize != 3 || p.TotalRows != 6 {
		t.Errorf("without a size: %+v", p)
	}
	if p := n.flows("?by=hour&size=1"); p.LogSize != 3 {
		t.Errorf("of a log that nobody asked about: %+v", p)
	}
	for range maxPagedViews {
		n.submit()
		n.flows("?by=hour&limit=1")
	}
	if p := n.flows("?by=hour&limit=3&size=2"); p.LogSize != 3+maxPagedViews || len(n.api.paged.views) != maxPagedViews {
		t.Errorf("of a log that is forgotten: %+v, %d are remembered", p, len(n.api.paged.views))
	}
}

// TestFlowsWaitTheirTurn: no more answers are added up at once than Limits say;
// who waits for too long is told to come later.
func TestFlowsWaitTheirTurn(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Limits.Flows, c.Limits.FlowWait = 2, 20*time.Millisecond })
	n.submit()
	n.api.adding <- struct{}{}
	n.ok("/v1/flows")
	n.api.adding <- struct{}{}
	if got := n.refused("GET", "/v1/flows", 429, "Too Many Requests", "busy"); got.header.Get("Retry-After") == "" {
		t.Errorf("%+v", got)
	}
	n.api.Limits.FlowWait = time.Minute
	time.AfterFunc(10*time.Millisecond, func() { <-n.api.adding })
	n.ok("/v1/flows")

	n.api.adding <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, _, err := n.api.addUp(ctx, provenance.FlowQuery{}, flowPage{limit: 1, size: -1}); ctx.Err() == nil || err == nil {
		t.Errorf("it did not give up: %v", err)
	}
}

// TestFlowsOnTheirWay: what slow clients have not taken yet is bounded too, and
// given back when it is written.
func TestFlowsOnTheirWay(t *testing.T) {
	n := newNode(t, func(c *Config) { c.Limits.FlowRows = 3 })
	n.submit()
	n.submit()
	n.refused("GET", "/v1/flows?by=hour", 429, "Too Many Requests", "busy")
	for range 5 {
		n.flows("?by=hour&limit=3")
	}
}

func TestLongAnswersOfFlows(t *testing.T) {
	rows := make([]provenance.FlowRow, 5000)
	for i := range rows {
		rows[i] = provenance.FlowRow{FlowKey: provenance.FlowKey{Model: fmt.Sprint(i)}, FlowSums: provenance.FlowSums{Tokens: provenance.SumOf(1 << 62).Add(provenance.SumOf(1 << 62))}}
	}
	w := httptest.NewRecorder()
	if err := writeFlows(&response{ResponseWriter: w, time: time.Second}, &flows{TotalRows: 7}, rows); err != nil {
		t.Fatal(err)
	}
	var p flowsPage
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.TotalRows != 7 || !slices.Equal(p.Rows, rows) {
		t.Errorf("%d rows, %v", len(p.Rows), err)
	}
}
