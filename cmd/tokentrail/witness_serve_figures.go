package main

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"tokentrail/verify/cosign"
)

// witnessStatuses are what add-checkpoint answers. SPEC(VER-88)
var witnessStatuses = []int{
	http.StatusOK, int(cosign.Malformed), int(cosign.Unsigned), int(cosign.UnknownLog), int(cosign.Conflict), int(cosign.TooLarge),
	int(cosign.BadProof), int(cosign.NotYet),
}

// witnessFigures are what a witness does, for Prometheus, beside the figures of the
// watch. SPEC(VER-85)
type witnessFigures struct {
	requests     *prometheus.CounterVec // by status
	cosignatures prometheus.Counter
	disputed     prometheus.Counter
	ready        prometheus.Gauge
	entries      prometheus.Gauge
	time         prometheus.Gauge
}

func newWitnessFigures() *witnessFigures {
	named := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "tokentrail", Subsystem: "watch_witness", Name: name, Help: help}
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(named(name, help)))
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts(named(name, help)))
	}
	f := &witnessFigures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts(named("requests_total",
			"Requests to add-checkpoint by the HTTP status of the answer: 200, or why nothing was cosigned.")), []string{"status"}),
		cosignatures: counter("cosignatures_total", "Cosignatures that were made, for requests and after audits."),
		disputed:     counter("disputed_total", "Checkpoints that a key of the log signed and that are not of the log; each counts once."),
		ready:        gauge("ready", "1 where an audit verified what may be cosigned, 0 where nothing may be."),
		entries:      gauge("cosigned_entries", "Entries of the tree that was cosigned last; 0: none yet."),
		time:         gauge("cosigned_timestamp_seconds", "The time of the last cosignature; 0: none yet."),
	}
	for _, status := range witnessStatuses { // from 0 on, so that the first increase is seen
		f.requests.WithLabelValues(strconv.Itoa(status))
	}
	return f
}

// all are the figures, to be registered.
func (f *witnessFigures) all() []prometheus.Collector {
	return []prometheus.Collector{f.requests, f.cosignatures, f.disputed, f.ready, f.entries, f.time}
}

// answered counts a request.
func (f *witnessFigures) answered(status int) { f.requests.WithLabelValues(strconv.Itoa(status)).Inc() }

// can shows whether anything may be cosigned.
func (f *witnessFigures) can(ready bool) {
	f.ready.Set(map[bool]float64{true: 1}[ready])
}

// last shows what was cosigned last.
func (f *witnessFigures) last(c *cosign.Cosigned) {
	if c != nil {
		f.entries.Set(float64(c.Size))
		f.time.Set(float64(c.Time))
	}
}
