package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"tokentrail/ledger/index"
	"tokentrail/provenance"
)

// flowQuery is the query as the answer repeats it.
type flowQuery struct {
	From  string   `json:"from,omitempty"`
	To    string   `json:"to,omitempty"`
	Since string   `json:"since,omitempty"`
	Until string   `json:"until,omitempty"`
	Kind  []string `json:"kind,omitempty"`
	Side  []string `json:"side,omitempty"`
	By    []string `json:"by,omitempty"`
}

// flows is the answer of /v1/flows (spec/flows.md, "JSON"), up to its rows.
type flows struct {
	Format    int             `json:"format"`
	Origin    string          `json:"origin"`
	LogSize   int64           `json:"log_size"`
	AppHash   provenance.Hash `json:"app_hash"`
	Query     flowQuery       `json:"query"`
	TotalRows int64           `json:"total_rows"`
}

// Rows of an answer, where the query does not say and at most (SPEC(FLO-7)).
const (
	usualFlowRows = 10_000
	maxFlowRows   = 100_000
)

// getFlows adds up the log's totals.
func (a *api) getFlows(w *response, r *request) error {
	fresh(w)
	query, err := r.flowQuery()
	if err != nil {
		return err
	}
	page, err := r.flowPage()
	if err != nil {
		return err
	}
	head, rows, err := a.addUp(r.Context(), query, page)
	if err != nil {
		return err
	}
	defer a.flowRows.leave(int64(len(rows)))
	w.hurry(a.Limits.AnswerTime, int64(len(rows))*rowBytes) // the rows are in others' way
	return writeFlows(w, head, rows)
}

// addUp makes a page of an answer, once there is a place for it. Its rows count
// as on their way: leave flowRows when they are written.
func (a *api) addUp(ctx context.Context, q provenance.FlowQuery, p flowPage) (*flows, []provenance.FlowRow, error) {
	patience := time.NewTimer(a.Limits.FlowWait)
	defer patience.Stop()
	select {
	case a.adding <- struct{}{}:
		defer func() { <-a.adding }()
	case <-patience.C:
		return nil, nil, fmt.Errorf("%w: it adds up %d other answers about flows", ErrBusy, a.Limits.Flows)
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	view, err := a.viewFor(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	rows, total, err := view.Flows(ctx, q, p.offset, p.limit)
	if err != nil {
		return nil, nil, err
	}
	if total > p.limit {
		a.paged.remember(view)
	}
	if !a.flowRows.enter(int64(len(rows))) {
		return nil, nil, fmt.Errorf("%w: answers about flows on their way hold %d rows", ErrBusy, a.Limits.FlowRows)
	}
	// SPEC(FLO-6)
	return &flows{
		Format: 1, Origin: a.origin, LogSize: view.Head.Size, AppHash: view.Head.AppHash,
		Query: flowQuery{
			From: q.From, To: q.To, Since: moment(q.Since), Until: moment(q.Until),
			Kind: names(q.Kinds), Side: names(q.Sides), By: q.By,
		},
		TotalRows: total,
	}, rows, nil
}

// viewFor returns the totals that a page is of: those that it asks for if they
// are remembered, else the newest.
func (a *api) viewFor(ctx context.Context, p flowPage) (*index.View, error) {
	if view := a.paged.of(p.size); view != nil {
		return view, nil
	}
	s, err := a.Log.Signed()
	if err != nil {
		return nil, nodeFault(err)
	}
	// Whoever has a receipt finds its tokens counted.
	if err := a.Totals.CatchUp(ctx, s); err != nil {
		return nil, nodeFault(err)
	}
	return a.Totals.View(), nil
}

// pagedViews are the totals that were answered from in pages lately, so that the
// next page can be of the same log. A view costs what has changed since.
type pagedViews struct {
	mu    sync.Mutex
	views []*index.View // guarded by mu; at most maxPagedViews, the one used last in front
}

const maxPagedViews = 8

// remember puts a view in front.
func (p *pagedViews) remember(v *index.View) {
	p.mu.Lock()
	defer p.mu.Unlock()
	others := slices.DeleteFunc(p.views, func(o *index.View) bool { return o.Head.Size == v.Head.Size })
	p.views = slices.Insert(others[:min(len(others), maxPagedViews-1)], 0, v)
}

// of returns the view of the log of a size, nil if there is none.
func (p *pagedViews) of(size int64) *index.View {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.views, func(v *index.View) bool { return v.Head.Size == size })
	if i < 0 {
		return nil
	}
	return p.views[i]
}

// rowBytes is about what a row takes in an answer.
const rowBytes = 300

// writeFlows answers part by part: a page may have many megabytes.
func writeFlows(w *response, head *flows, rows []provenance.FlowRow) error {
	b, err := json.Marshal(head)
	if err != nil {
		return nodeError{err}
	}
	w.Header().Set("Content-Type", jsonType)
	b = append(b[:len(b)-1], `,"rows":[`...)
	for i := range rows {
		row, err := json.Marshal(&rows[i])
		if err != nil {
			return nodeError{err}
		}
		if i > 0 {
			b = append(b, ',')
		}
		if b = append(b, row...); len(b) >= partBytes {
			if _, err := w.Write(b); err != nil {
				return nil // the client is gone
			}
			b = b[:0]
		}
	}
	_, _ = w.Write(append(b, "]}\n"...)) // a client that is gone cannot be told
	return nil
}

// flowPage is which rows of an answer are asked for, and of the log of which
// size, -1 for the newest.
type flowPage struct{ offset, limit, size int64 }

// flowPage reads the page (SPEC(FLO-7)).
func (r *request) flowPage() (p flowPage, err error) {
	if p.offset, err = r.int("offset", 0); err != nil {
		return p, err
	}
	if p.size, err = r.int("size", -1); err != nil {
		return p, err
	}
	if p.limit, err = r.int("limit", usualFlowRows); err != nil {
		return p, err
	}
	if p.limit < 1 || p.limit > maxFlowRows {
		return p, refuse(provenance.CodeValue, "limit", "%d, wanted 1 to %d", p.limit, maxFlowRows)
	}
	return p, nil
}

// flowQuery reads the query (SPEC(FLO-3)).
func (r *request) flowQuery() (q provenance.FlowQuery, err error) {
	for _, place := range []string{"from", "to"} {
		if r.params.Has(place) && !provenance.ValidCountry(r.params.Get(place)) {
			return q, refuse(provenance.CodeValue, place, "%.40q is not a country: two letters A-Z (ISO 3166-1)", r.params.Get(place))
		}
	}
	q.From, q.To = r.params.Get("from"), r.params.Get("to")
	if q.Since, err = r.time("since"); err != nil {
		return q, err
	}
	if q.Until, err = r.time("until"); err != nil {
		return q, err
	}
	if q.Kinds, err = named(r, "kind", provenance.FlowKinds()...); err != nil {
		return q, err
	}
	if q.Sides, err = named(r, "side", provenance.Neither, provenance.Exporter, provenance.Importer); err != nil {
		return q, err
	}
	if q.By, err = r.list("by"); err != nil {
		return q, err
	}
	return q, q.Validate()
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func names[T fmt.Stringer](values []T) []string {
	var out []string
	for _, v := range values {
		out = append(out, v.String())
	}
	return out
}
