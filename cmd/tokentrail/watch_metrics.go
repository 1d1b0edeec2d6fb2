package main

import (
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tokentrail/verify"
)

// Values of labels that are no verdict.
const (
	outcomeInterrupted = "interrupted" // of a round

	deliveryDone    = "delivered"
	deliveryFailed  = "failed"  // and tried again
	deliveryDropped = "dropped" // given up
)

// outcomes are what audits come to, by verdict.
var outcomes = map[verify.Verdict]string{verify.Holds: "holds", verify.Evidence: "evidence", verify.Unchecked: "unchecked", verify.Expired: "expired"}

// watchMetrics are a watch's figures for Prometheus, on a registry of their own. No
// label has a value that a node chose. SPEC(VER-85)
type watchMetrics struct {
	registry *prometheus.Registry

	rounds     *prometheus.CounterVec // by outcome
	duration   prometheus.Histogram
	success    prometheus.Gauge
	findings   *prometheus.GaugeVec   // by code and against, of the last round
	evidence   *prometheus.GaugeVec   // by against, those that no report keeps too
	toldTotal  *prometheus.CounterVec // by code and against
	events     *prometheus.CounterVec // by event
	worst      prometheus.Gauge
	height     prometheus.Gauge
	entries    prometheus.Gauge
	records    prometheus.Gauge
	headTime   prometheus.Gauge
	nodeUp     prometheus.Gauge
	nodeHeight prometheus.Gauge
	nodeSize   prometheus.Gauge
	lag        prometheus.Gauge
	expires    prometheus.Gauge
	deliveries *prometheus.CounterVec // by outcome
	pending    prometheus.Gauge

	shown map[[2]string]int // findings by code and against; the goroutine of the rounds owns it

	mu       sync.Mutex // guards what follows; requests of a round come from several goroutines
	said     int64      // the height that the node's status named last
	led      int64      // the height that the last head was of
	expiring time.Time
}

func newWatchMetrics(expires bool) *watchMetrics {
	m := &watchMetrics{registry: prometheus.NewRegistry()}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "tokentrail", Subsystem: "watch", Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "tokentrail", Subsystem: "watch", Name: name, Help: help}, labels)
	}
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tokentrail", Subsystem: "watch", Name: name, Help: help}, labels)
	}
	m.rounds = counters("rounds_total", "Audits by what they came to: holds, evidence, unchecked, expired, or interrupted.", "outcome")
	m.duration = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "tokentrail", Subsystem: "watch", Name: "round_duration_seconds", Help: "How long audits took.",
		Buckets: prometheus.ExponentialBuckets(0.125, 4, 9), // to 2.3 hours
	})
	m.success = gauge("last_success_timestamp_seconds", "When an audit ended in which all was checked; 0: none yet.")
	m.findings = gauges("findings", "Findings that the last audit's report keeps, by code and by whom they speak against.", "code", "against")
	m.evidence = gauges("evidence", "Findings of the last audit by whom they speak against, those that the report does not keep too.", "against")
	m.toldTotal = counters("findings_told_total", "Findings that were told as new, by code and by whom they speak against.", "code", "against")
	m.events = counters("events_total", "Events that were told.", "event")
	m.worst = gauge("worst_exit_code", "The exit code of the worst verdict since the start: 0 holds, 1 evidence against, 2 could not check, 3 trust expired.")
	m.height = gauge("verified_height", "The newest verified header; 0: none yet.")
	m.entries = gauge("verified_entries", "Entries of the log under the newest verified header.")
	m.records = gauge("verified_records", "Records of these entries.")
	m.headTime = gauge("verified_header_timestamp_seconds", "The time of the newest verified header; 0: none yet.")
	m.nodeUp = gauge("node_up", "1 where the node answered when it was last asked for its status.")
	m.nodeHeight = gauge("node_height", "The height that the node's status named last.")
	m.nodeSize = gauge("node_entries", "The log size that the node's status named last.")
	m.lag = gauge("lag_blocks", "Headers that the node's status implies and that are not verified.")
	m.expires = gauge("trust_expires_timestamp_seconds", "When the trust expires, which each audit that comes to its end renews; NaN: before the first.")
	m.deliveries = counters("webhook_deliveries_total", "Posts to webhooks: delivered, failed (and tried again), dropped (given up).", "outcome")
	m.pending = gauge("webhook_pending", "Posts to webhooks that wait, of all webhooks together.")
	build := gauges("build_info", "1, with the program's version.", "version")
	build.WithLabelValues(programVersion()).Set(1)
	m.registry.MustRegister(m.rounds, m.duration, m.success, m.findings, m.evidence, m.toldTotal, m.events, m.worst, m.height, m.entries, m.records,
		m.headTime, m.nodeUp, m.nodeHeight, m.nodeSize, m.lag, m.deliveries, m.pending, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if expires {
		m.registry.MustRegister(m.expires)
		m.expires.Set(math.NaN())
	}
	m.begin()
	return m
}

// begin lets all counters be there from 0 on, so that the first increase is seen.
func (m *watchMetrics) begin() {
	m.rounds.WithLabelValues(outcomeInterrupted)
	for _, outcome := range outcomes {
		m.rounds.WithLabelValues(outcome)
	}
	for _, r := range verify.Rules() {
		m.toldTotal.WithLabelValues(string(r.Code), string(r.Against))
	}
	for _, e := range []string{eventFinding, eventGone, eventBlind, eventRecovered, eventExpires} {
		m.events.WithLabelValues(e)
	}
	for _, d := range []string{deliveryDone, deliveryFailed, deliveryDropped} {
		m.deliveries.WithLabelValues(d)
	}
	for _, a := range []verify.Against{verify.AgainstLedger, verify.AgainstProvider} {
		m.evidence.WithLabelValues(string(a))
	}
}

// handler answers Prometheus.
func (m *watchMetrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, EnableOpenMetrics: true})
}

// seconds is a time as Prometheus has it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// status takes what the node said of itself, or that it did not.
func (m *watchMetrics) status(s *verify.Status, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.nodeUp.Set(0)
		return
	}
	m.nodeUp.Set(1)
	m.nodeHeight.Set(float64(s.Height))
	m.nodeSize.Set(float64(s.LogSize))
	m.said = s.Height
	m.lags()
}

// lags is called with the lock: header height + 1 carries the app hash of height.
// What a node says may be the greatest integer.
func (m *watchMetrics) lags() { m.lag.Set(max(0, float64(m.said)-float64(m.led)+1)) }

// round counts an audit.
func (m *watchMetrics) round(outcome string, took time.Duration) {
	m.rounds.WithLabelValues(outcome).Inc()
	m.duration.Observe(took.Seconds())
}

// verified takes the head that an audit led to.
func (m *watchMetrics) verified(r *verify.Report, period time.Duration) {
	l := r.Ledger
	m.height.Set(float64(l.Height))
	m.entries.Set(float64(l.LogSize))
	m.records.Set(float64(r.Totals.Records))
	at, err := time.Parse(time.RFC3339Nano, l.Time)
	if err == nil {
		m.headTime.Set(seconds(at))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.led = l.Height
	m.lags()
	if period > 0 && err == nil {
		m.expiring = at.Add(period)
		m.expires.Set(seconds(m.expiring))
	}
}

// expiresAt is when the trust expires; zero where that is not known.
func (m *watchMetrics) expiresAt() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.expiring
}

// found takes the findings of an audit.
func (m *watchMetrics) found(r *verify.Report) {
	now := map[[2]string]int{}
	for _, f := range r.Findings() {
		now[[2]string{string(f.Code), string(f.Against)}]++
	}
	for of := range m.shown {
		if now[of] == 0 {
			m.findings.DeleteLabelValues(of[:]...)
		}
	}
	for of, n := range now {
		m.findings.WithLabelValues(of[:]...).Set(float64(n))
	}
	m.shown = now
	m.evidence.WithLabelValues(string(verify.AgainstLedger)).Set(float64(r.Against.Ledger))
	m.evidence.WithLabelValues(string(verify.AgainstProvider)).Set(float64(r.Against.Providers))
}

// told counts findings that were told as new.
func (m *watchMetrics) told(fresh []*verify.Finding) {
	for _, f := range fresh {
		m.toldTotal.WithLabelValues(string(f.Code), string(f.Against)).Inc()
	}
}
