package main

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// benchRecords returns encoded records of about 280 bytes, 64 of them random, as
// the design's numbers assume.
func benchRecords(b *testing.B, n int) [][]byte {
	b.Helper()
	out := make([][]byte, n)
	for i := range out {
		ref, value := make([]byte, 32), make([]byte, 32)
		rand.Read(ref)
		rand.Read(value)
		r := &provenance.Record{
			Kind: provenance.Transfer, Time: 1700158546680 + int64(i)*37, Duration: new(int64(1200 + i%900)), Ref: ref,
			Model:   &provenance.Model{Name: "llama-2-70b-chat", Version: "2023-07", Developer: "meta", Jurisdiction: "US", Known: provenance.Asserted},
			Usage:   &provenance.Usage{Input: int64(300 + i%4000), Output: int64(20 + i%900), CacheRead: new(int64(i % 300)), Counted: 1, Finish: 1},
			Serving: &provenance.Place{Country: "US", Subdivision: "US-VA", Operator: "acme-east-1", Known: provenance.Asserted},
			Using:   &provenance.Place{Country: "CN", Operator: "gateway-cn", Known: provenance.Asserted},
			Side:    new(provenance.Exporter),
			Basis:   []provenance.Basis{{Code: "cn:standard-contract", Reference: "SC-2026-0042"}},
			Label:   &provenance.Label{Status: 1, Modality: 1, Producer: "Acme Inference"},
			Content: []provenance.Content{{Role: 2, Algorithm: 5, Value: value, Profile: "text-nfc-1"}},
		}
		raw, err := r.Encode()
		if err != nil {
			b.Fatal(err)
		}
		out[i] = raw
	}
	return out
}

// BenchmarkCommit measures committed records: statements of 2,000 records in
// eight streams, each posted to a validator in a process of its own and
// answered when committed. An operation is one statement.
//
//	go test -run '^$' -bench Commit -benchtime 200x ./cmd/tokentraild
func BenchmarkCommit(b *testing.B) {
	for _, validators := range []int{1, 4} {
		b.Run(fmt.Sprintf("validators=%d", validators), func(b *testing.B) { benchmarkCommit(b, validators) })
	}
}

func benchmarkCommit(b *testing.B, validators int) {
	providers := benchProviders(b)
	net := startNetwork(b, validators, providers...)
	var urls []string
	for _, v := range net {
		v.wait(b, b.Context(), 0)
		urls = append(urls, v.url)
	}
	committed := benchPosts(b, urls, providers)
	net[0].wait(b, b.Context(), int64(b.N))
	b.ReportMetric(diskBytes(b, app.LedgerDir(net[0].home))/committed, "ledger-disk-B/record")
	b.ReportMetric(diskBytes(b, app.EngineDir(net[0].home))/committed, "engine-disk-B/record")
}

// BenchmarkNode is BenchmarkCommit with one validator in this process, client
// included, so that -cpuprofile sees all of it.
func BenchmarkNode(b *testing.B) {
	providers := benchProviders(b)
	node := startTestNode(b, providers...)
	benchPosts(b, []string{node.url()}, providers)
}

// benchBatch is how many records a statement of the benchmarks has.
const benchBatch = 2000

func benchProviders(b *testing.B) []*provider {
	b.Helper()
	providers := make([]*provider, 8)
	for i := range providers {
		providers[i] = newProvider(b, fmt.Sprintf("provider-%d", i))
	}
	return providers
}

// benchPosts posts b.N statements, each provider's to one of the nodes, eight of
// them in flight, and returns the number of records. Signing is not measured.
func benchPosts(b *testing.B, nodes []string, providers []*provider) float64 {
	b.Helper()
	records := benchRecords(b, benchBatch)
	size := 0
	for _, r := range records {
		size += len(r)
	}
	work := make([]chan []byte, len(providers))
	for i, p := range providers {
		work[i] = make(chan []byte, b.N)
		for n := i; n < b.N; n += len(providers) {
			work[i] <- p.next(b, records)
		}
		close(work[i])
	}
	b.ResetTimer()
	began := time.Now()
	var group sync.WaitGroup
	for i := range work {
		for range 8 {
			group.Go(func() {
				for sub := range work[i] {
					a, err := tryRequest(http.MethodPost, nodes[i%len(nodes)]+"/entries", provenance.SubmissionMediaType, sub)
					if err != nil || a.status != http.StatusCreated {
						b.Errorf("%v: %d %s", err, a.status, a.body)
						return
					}
				}
			})
		}
	}
	group.Wait()
	if b.Failed() {
		b.FailNow()
	}
	took := time.Since(began).Seconds()
	b.StopTimer()
	committed := float64(b.N * benchBatch)
	b.ReportMetric(committed/took, "records/s")
	b.ReportMetric(float64(size)/benchBatch, "B/record")
	return committed
}

// diskBytes is what the files below dir take on disk; preallocated tables count
// by what is written.
func diskBytes(b *testing.B, dir string) float64 {
	b.Helper()
	var sum float64
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		blocks, err := fileBlocks(path)
		sum += float64(blocks) * 512
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return sum
}
