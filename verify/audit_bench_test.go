//go:build unix

package verify_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"net/http"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// A longLog is a ledger whose frames stand in a file, so that the memory that is
// measured is the auditor's. It is a node as far as an audit asks one.
type longLog struct {
	*ledger
	*remote.Node
	frames  *os.File
	at      []int64 // where each entry's frame begins, and where the last one ends
	records int64
	names   nameIndex
}

// Records of a log as providers make them: 280 bytes, 64 of them random.
const (
	longBatch = 2000 // records a statement
	longBlock = 16   // statements a block
	longPool  = 512  // different records that all are made from
)

// newLongLog makes a log of about so many records.
func newLongLog(b testing.TB, records int) *longLog {
	quiet := newLedgerWith(b, func(_ *ledger, g *provenance.Genesis) { g.Policy = provenance.Policy{} })
	l := &longLog{ledger: quiet, Node: quiet.node(), at: []int64{0}}
	var err error
	l.frames, err = os.Create(filepath.Join(b.TempDir(), "frames"))
	check(b, err)
	b.Cleanup(func() { _ = l.frames.Close() })
	pool := newRecordPool(b)
	var block []verify.Entry
	for n := 0; l.records < int64(records); n++ {
		batch := pool.batch(n)
		e := l.batch([]string{"acme", "beta"}[n%2], strconv.Itoa(n%4), batch)
		_, err := l.frames.Write(e.Frame)
		check(b, err)
		l.at = append(l.at, l.at[n]+int64(len(e.Frame)))
		l.records += int64(len(batch))
		s, err := provenance.ParseStatement(e.Statement)
		check(b, err)
		l.names.add(b, n, s.Header(), batch)
		e.Frame = nil
		if block = append(block, e); len(block) == longBlock {
			l.commit(block...)
			block = nil
		}
	}
	l.commit(block...)
	l.commit()
	l.names.write(b)
	return l
}

// Entries answers with pages as a node cuts them: 8 MiB and one entry more.
func (l *longLog) Entries(_ context.Context, from int64, limit int) ([]verify.Entry, error) {
	var page []verify.Entry
	for i := from; i < from+int64(limit) && i < int64(len(l.entries)) && l.at[i]-l.at[from] < 8<<20; i++ {
		page = append(page, l.entries[i])
	}
	if len(page) == 0 {
		return nil, verify.ErrMissing
	}
	all := make([]byte, l.at[from+int64(len(page))]-l.at[from])
	if _, err := l.frames.ReadAt(all, l.at[from]); err != nil {
		return nil, err
	}
	for i := range page {
		at := from + int64(i)
		page[i].Frame = all[l.at[at]-l.at[from] : l.at[at+1]-l.at[from]]
	}
	return page, nil
}

// RecordProof makes a proof as the ledger does, of the frame in the file.
func (l *longLog) RecordProof(ctx context.Context, index, record int64) ([]byte, error) {
	page, err := l.Entries(ctx, index, 1)
	if err != nil {
		return nil, err
	}
	one := &ledger{t: l.t, entries: page}
	return one.serveRecord("0", strconv.FormatInt(record, 10)), nil
}

// ServeHTTP answers over a real connection.
func (l *longLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := func(name string) int64 { n, _ := strconv.ParseInt(r.URL.Query().Get(name), 10, 64); return n }
	var answer []byte
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/v1/entries":
		page, _ := l.Entries(r.Context(), q("from"), int(q("limit")))
		for _, e := range page {
			answer = l.appendEntry(answer, e)
		}
	case r.URL.Path == "/v1/records":
		answer = l.lookUp(r.Context(), r.URL.Query())
	case len(parts) == 4 && parts[2] == "records":
		index, _ := strconv.ParseInt(parts[1], 10, 64)
		record, _ := strconv.ParseInt(parts[3], 10, 64)
		answer, _ = l.RecordProof(r.Context(), index, record)
	default:
		answer = l.handle(r.URL)
	}
	_, _ = w.Write(answer)
}

// A recordPool is encoded records, each with where its time and its random bytes
// are.
type recordPool struct {
	raw    [][]byte
	random [][]int
	time   []int
}

const poolEpoch = 1700158546680

func newRecordPool(t testing.TB) *recordPool {
	p := &recordPool{}
	for i := range longPool {
		raw, other := poolRecord(t, i, 0x55), poolRecord(t, i, 0xaa)
		var random []int
		for at := range raw {
			if raw[at] != other[at] {
				random = append(random, at)
			}
		}
		p.raw, p.random = append(p.raw, raw), append(p.random, random)
		p.time = append(p.time, strings.Index(string(raw), string(binary.BigEndian.AppendUint64([]byte{0x1b}, poolEpoch)))+1)
	}
	return p
}

// batch makes the records of a statement.
func (p *recordPool) batch(n int) [][]byte {
	rng := rand.NewChaCha8(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n))))
	out := make([][]byte, longBatch)
	var noise [64]byte
	for i := range out {
		at := int(rng.Uint64() % longPool)
		raw := append([]byte(nil), p.raw[at]...)
		binary.BigEndian.PutUint64(raw[p.time[at]:], uint64(poolEpoch+int64(n*longBatch+i)*13))
		_, _ = rng.Read(noise[:]) // never fails
		for k, place := range p.random[at] {
			raw[place] = noise[k]
		}
		out[i] = raw
	}
	return out
}

// poolRecord is one of the pool, with 64 bytes of the value fill.
func poolRecord(t testing.TB, i int, fill byte) []byte {
	noise := make([]byte, 32)
	for k := range noise {
		noise[k] = fill
	}
	models := []string{"llama-2-70b", "mistral-large", "qwen2.5-72b", "deepseek-v3"}
	places := []string{"US", "DE", "FR", "IN", "JP", "BR"}
	r := &provenance.Record{
		Kind: provenance.Transfer, Time: poolEpoch, Duration: new(int64(8125 + i%999)), Ref: noise[:8],
		Links:   &provenance.Links{Trace: noise[:16], Span: noise[:8], Generation: "gen-1700158546-abcdefgh"},
		Model:   &provenance.Model{Name: models[i%4], Version: "2023-07-18", Developer: "meta", Jurisdiction: "US", Known: provenance.ProviderReported},
		Usage:   &provenance.Usage{Input: 1374 + int64(i%500), Output: 244 + int64(i%80), CacheRead: new(int64(512)), Counted: 1, Finish: 1},
		Serving: &provenance.Place{Country: places[i/4%2], Operator: "acme-cloud", Known: provenance.ProviderReported},
		Using:   &provenance.Place{Country: places[i/8%6], Known: provenance.Asserted}, Side: new(provenance.Exporter),
		Basis:   []provenance.Basis{{Code: "cn:standard-contract"}},
		Label:   &provenance.Label{Status: 1, Modality: 1, Marks: new(int64(1))},
		Content: []provenance.Content{{Role: 2, Algorithm: provenance.AlgHMACSHA256, Value: noise, Profile: "text-v1"}},
		Energy:  &provenance.Energy{MicroWattHours: 1200 + int64(i%100), Method: 2, Boundary: 4},
	}
	raw, err := r.Encode()
	check(t, err)
	return raw
}

// auditRecords is how long the log of the benchmarks is: TOKENTRAIL_AUDIT_RECORDS,
// or as much as takes seconds.
func auditRecords() int {
	if n, err := strconv.Atoi(os.Getenv("TOKENTRAIL_AUDIT_RECORDS")); err == nil && n > 0 {
		return n
	}
	return 100_000
}

// BenchmarkAuditLong audits a log from genesis: its entries come out of a file. Beside
// the time on the clock it tells the processors' time, which does not depend on
// what else the machine does, and the most memory that was resident.
func BenchmarkAuditLong(b *testing.B) {
	l := newLongLog(b, auditRecords())
	b.Run("file", func(b *testing.B) { benchAudit(b, l, l) })
	b.Run("http", func(b *testing.B) {
		server := httptest.NewServer(l)
		defer server.Close()
		node, err := remote.New(server.URL, remote.Options{})
		check(b, err)
		benchAudit(b, l, node)
	})
}

func benchAudit(b *testing.B, l *longLog, src verify.Source) {
	benchInspected(b, l, src, func() verify.Inspector { return nil })
}

// benchInspected audits with a new inspector each time.
func benchInspected(b *testing.B, l *longLog, src verify.Source, inspector func() verify.Inspector) {
	o := l.options()
	o.Workers, o.Patience, o.Receipts = 0, 0, max(1, min(64, len(l.entries)/40)) // of the 64 that are drawn from a long log, as large a part
	o.LookUps = o.Receipts
	if os.Getenv("TOKENTRAIL_AUDIT_LOOK_UPS") == "none" {
		o.LookUps = -1
	}
	hash := provenance.Hash(sha256.Sum256(l.genesis))
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // begins the peak anew, where there is one
	before := processorTime(b)
	for b.Loop() {
		o.Inspect = inspector()
		if r := light.Audit(context.Background(), src, verify.Trust{Genesis: &hash}, o); r.Verdict != verify.Holds || r.Totals.Records != l.records {
			b.Fatalf("%d records\n%s", r.Totals.Records, text(r))
		}
	}
	records := float64(l.records) * float64(b.N)
	b.ReportMetric(records/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(records/(processorTime(b)-before).Seconds(), "records/cpu-s")
	b.ReportMetric(float64(l.at[len(l.at)-1])/1e6, "log-MB")
	b.ReportMetric(peakMiB(b), "peak-MiB")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkAuditSmallEntries audits a log of entries of one record each, and holds
// what lives on the heap behind it to a bound: of an entry nothing stays but its part
// of the tree's edge and the chunks' roots.
func BenchmarkAuditSmallEntries(b *testing.B) {
	l := newLedger(b)
	record := l.records(1, "US", "CN")
	frame := frameOf(b, "acme", record)
	const entries, block = 8000, 1000
	for range entries / block {
		var of []verify.Entry
		for i := range block {
			of = append(of, l.sealed("acme", strconv.Itoa(i%4), record, frame))
		}
		l.commit(of...)
	}
	l.commit()
	o := l.options()
	o.Workers, o.Receipts = 0, 1
	before, most := liveHeap(), uint64(0)
	o.SaveEntries, o.SaveEvery = 1000, -1
	o.Save = func(_ bool, write func(io.Writer) error) {
		check(b, write(io.Discard))
		most = max(most, liveHeap())
	}
	for b.Loop() {
		if r := l.auditWith(o, verify.Trust{}); r.Verdict != verify.Holds {
			b.Fatal(text(r))
		}
	}
	grown := float64(max(most, before)-before) / (1 << 20)
	b.ReportMetric(grown, "live-MiB")
	b.ReportMetric(float64(entries)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	if grown > 64 {
		b.Errorf("%.0f MiB live on the heap in an audit of %d small entries", grown, entries)
	}
}

// liveHeap is what the collector leaves.
func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// sealed is an entry of a stream, with records that are packed already.
func (l *ledger) sealed(issuer, stream string, records [][]byte, frame []byte) verify.Entry {
	key := issuer + "/" + stream
	h, err := provenance.NewBatch(issuer, stream, l.next[key], l.previous[key], records)
	check(l.t, err)
	s, err := h.Sign(l.keys[issuer])
	check(l.t, err)
	id := s.ID()
	l.previous[key], l.next[key] = &id, h.Sequence+1
	return verify.Entry{Statement: s.Raw(), Frame: frame}
}

// processorTime is what the process has used of all processors.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	check(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakMiB is the most memory that was resident, 0 where the system does not say.
func peakMiB(b *testing.B) float64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if kib, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, err := strconv.ParseFloat(strings.Fields(kib)[0], 64)
			check(b, err)
			return n / 1024
		}
	}
	return 0
}
