package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tokentrail/provenance"
)

// A Figure is a number of the node that /metrics shows beside those of the ledger.
type Figure struct {
	Name    string // tokentrail_…
	Help    string
	Counter bool      // it only grows while the node runs; else a gauge
	Label   [2]string // name and value; empty: it has none
	Value   float64
}

const (
	outcomeCommitted = "committed" // answered with a receipt
	outcomeTaken     = "taken"     // not committed in time, or the client did not wait
	outcomeGone      = "gone"      // the client did not stay for the answer

	// collectTime is how long a scrape waits for its turn at the state map.
	collectTime = 5 * time.Second
)

// metrics are the node's figures for Prometheus. They belong to one api: the
// registry is its own. SPEC(API-9)
type metrics struct {
	handler     http.Handler
	submissions *prometheus.CounterVec // by outcome
	receipts    prometheus.Counter
}

func newMetrics(a *api) *metrics {
	m := &metrics{
		submissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tokentrail_submissions_total", Help: "Submissions that were answered, by outcome: committed, taken, or the code of the refusal.",
		}, []string{"outcome"}),
		receipts: prometheus.NewCounter(prometheus.CounterOpts{Name: "tokentrail_receipts_total", Help: "Receipts that were made."}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.submissions, m.receipts, collector{a})
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		DisableCompression: true, ErrorLog: slog.NewLogLogger(a.Logger.Handler(), slog.LevelError),
	})
	return m
}

// answered counts a submission: err is why it was refused, receipt nil where it is
// not committed yet.
func (a *api) answered(receipt []byte, err error) {
	outcome := outcomeCommitted
	switch {
	case errors.Is(err, context.Canceled):
		outcome = outcomeGone
	case err != nil:
		code, _, _ := a.explain(err)
		outcome = string(code) // one of the table of API-1: no client makes others
	case receipt == nil:
		outcome = outcomeTaken
	}
	a.metrics.submissions.WithLabelValues(outcome).Inc()
}

// getMetrics answers Prometheus.
func (a *api) getMetrics(w *response, r *request) error {
	fresh(w)
	a.metrics.handler.ServeHTTP(w, r.Request)
	return nil
}

// A collector reads what the ledger and the node know anyway, when it is asked.
type collector struct{ api *api }

// Describe implements prometheus.Collector: what there is is seen when collected.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	figures := c.api.ledgerFigures()
	if count, err := c.api.census(ctx); err == nil { // else the ledger's other figures are there
		figures = append(figures, count.figures()...)
	}
	if c.api.Figures != nil {
		figures = append(figures, c.api.Figures()...)
	}
	for _, f := range figures {
		kind, names, values := prometheus.GaugeValue, []string(nil), []string(nil)
		if f.Counter {
			kind = prometheus.CounterValue
		}
		if f.Label[0] != "" {
			names, values = []string{f.Label[0]}, []string{f.Label[1]}
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(f.Name, f.Help, names, nil), kind, f.Value, values...)
	}
}

// gauge is a figure without a label.
func gauge(name, help string, value int64) Figure {
	return Figure{Name: name, Help: help, Value: float64(value)}
}

// ledgerFigures are those that cost nothing to tell.
func (a *api) ledgerFigures() []Figure {
	catching, missing := int64(0), int64(0)
	if a.Engine.CatchingUp() {
		catching = 1
	}
	if m := a.missing(); m != nil {
		missing = m.To - m.From
	}
	out := []Figure{
		gauge("tokentrail_catching_up", "1 while the node fetches blocks that others have decided, or does not run.", catching),
		gauge("tokentrail_missing_entries", "Entries before the node joined that are not here yet.", missing),
	}
	s, err := a.Log.Signed()
	if err != nil {
		return out
	}
	out = append(out,
		gauge("tokentrail_height", "The newest height whose app hash a signed header carries.", s.Head().Height),
		gauge("tokentrail_log_size", "Entries of the log.", s.Head().Size))
	if rules, err := s.Rules(); err == nil {
		holds := rules.VersionAt(s.Head().Height + 1)
		next, from := rules.Next, rules.From
		if next == holds {
			next, from = 0, 0
		}
		out = append(out,
			gauge("tokentrail_rules_version", "The rule version that holds for the next block.", holds),
			gauge("tokentrail_rules_next_version", "The rule version that is scheduled; 0: none is.", next),
			gauge("tokentrail_rules_next_height", "The height from which the scheduled rule version holds; 0: none is.", from),
			gauge("tokentrail_rules_known", "The newest rule version that this program has.", provenance.RuleVersion))
	}
	return out
}

// figures are those that take a walk over the state map. Every statement is in the
// sequence of its stream, every act in that of who acts, every equivocation closes a
// stream: so entries are counted without the log.
func (c *census) figures() []Figure {
	var statements, acts int64
	for i := range c.streams {
		statements += c.streams[i].Head.Sequence + 1
	}
	status := map[provenance.ProviderStatus]int64{}
	for i := range c.providers {
		acts += c.providers[i].Acts
		status[c.providers[i].Status]++
	}
	if c.governance != nil {
		acts += c.governance.Sequence
	}
	var power int64
	for _, v := range c.validators {
		power += v.Power
	}
	labelled := func(name, help, label, value string, n int64) Figure {
		return Figure{Name: name, Help: help, Label: [2]string{label, value}, Value: float64(n)}
	}
	const entries, streams, providers = "tokentrail_entries", "tokentrail_streams", "tokentrail_providers"
	out := []Figure{
		labelled(entries, "Entries of the log by kind.", "kind", provenance.LeafStatement.String(), statements),
		labelled(entries, "Entries of the log by kind.", "kind", provenance.LeafAct.String(), acts),
		labelled(entries, "Entries of the log by kind.", "kind", provenance.LeafEquivocation.String(), int64(c.closed)),
		labelled(streams, "Streams by status.", "status", "open", int64(len(c.streams)-c.closed)),
		labelled(streams, "Streams by status.", "status", "closed", int64(c.closed)),
		gauge("tokentrail_validators", "Validators by the state map.", int64(len(c.validators))),
		gauge("tokentrail_validators_power", "The voting power of all validators together.", power),
	}
	for s := provenance.ProviderActive; s <= provenance.ProviderRetired; s++ {
		out = append(out, labelled(providers, "Providers by status.", "status", s.String(), status[s]))
	}
	return out
}

// governanceOf returns who governs, nil where nobody does.
func governanceOf(s Snapshot) (*provenance.Governance, error) {
	g, governed, err := s.Governance()
	if err != nil || !governed {
		return nil, err
	}
	return &g, nil
}
