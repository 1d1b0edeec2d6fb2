package main

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tokentrail/verify"
	"tokentrail/verify/cosign"
)

// figuresOf reads figures, with the value of a label behind their name.
func figuresOf(t *testing.T, all ...prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(all...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "tokentrail_watch_witness_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return values
}

// TestWitnessFigures: what a witness did is seen by its operator, and what it is about
// after a restart. SPEC(VER-85)
func TestWitnessFigures(t *testing.T) {
	dir, log := t.TempDir(), newWitnessedLog("log", 100)
	w := startTestWitness(t, dir, log)
	at := time.Unix(1_800_000_000, 0)
	w.now = func() time.Time { return at }
	wants := func(want map[string]float64) {
		t.Helper()
		got := figuresOf(t, w.figures.all()...)
		for name, value := range want {
			if v, there := got[name]; !there || v != value {
				t.Errorf("%s is %v (%t), wanted %v", name, v, there, value)
			}
		}
	}
	begun := figuresOf(t, w.figures.all()...)
	if len(begun) != len(witnessStatuses)+5 {
		t.Errorf("%v", begun)
	}
	wants(map[string]float64{"requests_total 200": 0, "requests_total 413": 0, "ready": 0, "cosigned_entries": 0, "cosigned_timestamp_seconds": 0})
	w.wants(503, "", log.request(0, 10))
	w.mustTake(log.audited(50))
	w.wants(200, "— ", log.request(0, 10))
	w.wants(200, "— ", log.request(10, 10)) // within the same second: the same cosignature
	w.wants(400, "", "old ten\n\n")
	w.wants(403, "", strings.ReplaceAll(log.request(10, 50), "— tokentrail/", "— tokentrial/"))
	w.wants(404, "", strings.ReplaceAll(log.request(10, 50), "test-1", "test-2"))
	w.wants(409, "10\n", log.request(0, 60))
	w.wants(413, "", strings.Repeat("x", cosign.MaxRequest+1))
	for range 2 {
		w.wants(422, "", newWitnessedLog("other", 100).request(10, 10))
	}
	cut := httptest.NewRecorder()
	w.ServeHTTP(cut, httptest.NewRequest("POST", "/add-checkpoint", iotest.ErrReader(errors.New("cut"))))
	if cut.Code != 400 || !strings.Contains(cut.Body.String(), "cut short") {
		t.Errorf("%d %s", cut.Code, cut.Body)
	}
	wants(map[string]float64{
		"requests_total 200": 2, "requests_total 400": 2, "requests_total 403": 1, "requests_total 404": 1, "requests_total 409": 1, "requests_total 413": 1,
		"requests_total 422": 2, "requests_total 503": 1, "cosignatures_total": 1, "disputed_total": 1, "ready": 1,
		"cosigned_entries": 10, "cosigned_timestamp_seconds": 1_800_000_000,
	})
	at = at.Add(time.Second)
	w.mustTake(log.withCheckpoint(60, 60))
	wants(map[string]float64{"requests_total 200": 2, "cosignatures_total": 2, "cosigned_entries": 60, "cosigned_timestamp_seconds": 1_800_000_001})
	if err := w.verified(t.Context(), &verify.Report{Against: verify.AgainstCounts{Ledger: 1}}); err != nil {
		t.Error(err)
	}
	wants(map[string]float64{"ready": 0, "cosigned_entries": 60})
	w.close()
	w = startTestWitness(t, dir, log)
	w.mustTake(log.audited(60))
	wants(map[string]float64{"ready": 1, "cosignatures_total": 0, "cosigned_entries": 60, "cosigned_timestamp_seconds": 1_800_000_001})
}
