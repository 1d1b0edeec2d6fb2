package api

import (
	"fmt"
	"time"

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

// flows is the answer of /v1/flows (spec/flows.md, "JSON").
type flows struct {
	Format  int                  `json:"format"`
	Origin  string               `json:"origin"`
	LogSize int64                `json:"log_size"`
	AppHash provenance.Hash      `json:"app_hash"`
	Query   flowQuery            `json:"query"`
	Rows    []provenance.FlowRow `json:"rows"`
}

// getFlows adds up the log's totals.
func (a *api) getFlows(w *response, r *request) error {
	fresh(w)
	query, err := r.flowQuery()
	if err != nil {
		return err
	}
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	// Whoever has a receipt finds its tokens counted.
	if err := a.Totals.CatchUp(r.Context(), s); err != nil {
		return nodeFault(err)
	}
	view := a.Totals.View()
	rows, err := view.Flows(r.Context(), query)
	if err != nil {
		return err
	}
	// SPEC(FLO-6)
	return writeJSON(w, flows{
		Format: 1, Origin: a.origin, LogSize: view.Head.Size, AppHash: view.Head.AppHash,
		Query: flowQuery{
			From: query.From, To: query.To, Since: moment(query.Since), Until: moment(query.Until),
			Kind: names(query.Kinds), Side: names(query.Sides), By: query.By,
		},
		Rows: rows,
	})
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
	if q.Kinds, err = named(r, "kind", provenance.Production, provenance.Transfer, provenance.Consumption); err != nil {
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
