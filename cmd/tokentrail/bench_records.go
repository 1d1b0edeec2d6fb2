package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"

	"tokentrail/provenance"
)

const (
	maxBenchEntropy = 32 + 8*32 // a ref, and the commitments that a record has room for
	benchPool       = 2048      // different records that the records of all statements are made from
	benchPadding    = 128       // the longest text of a field that makes a record longer
)

// Records are of benchPeriod from benchEpoch on, again and again, so that none is
// of the future however long it lasts. In milliseconds; one comes each benchStep.
const (
	benchEpoch  = 1762128000000 // 2025-11-03T00:00:00Z
	benchPeriod = 28 * 24 * 3600 * 1000
	benchStep   = 37
)

// benchRecords makes records of production as an inference provider has them:
// some models, on some sites, for users in some countries. They are taken from
// a pool in turn and get a time and random bytes of their own. Methods are for
// concurrent use. SPEC(CLI-61)
type benchRecords struct {
	seed uint64
	pool []benchRecord
	mean float64 // bytes of a record
}

// A benchRecord is an encoded record, and what is put in anew each time.
type benchRecord struct {
	raw    []byte
	time   int      // where the eight bytes of its time are
	random [][2]int // where its random bytes are: from, to
}

// newBenchRecords makes the pool, of records of about size bytes with entropy
// random ones.
func newBenchRecords(seed uint64, size, entropy int) (*benchRecords, error) {
	g := &benchRecords{seed: seed}
	var failed error
	mean := func(padding int) int { // of a part of the pool, which is like the whole
		if err := g.fill(benchPool/16, entropy, padding); err != nil {
			failed = err
		}
		return int(math.Round(g.mean))
	}
	bare, longest := mean(0), mean(6*benchPadding)
	if failed == nil && (size < bare-8 || size > longest) {
		return nil, usagef("--record-bytes %d: with %d random bytes a record has %d to %d", size, entropy, bare, longest)
	}
	// Each field that is begun has a head of its own, so that padding adds more
	// than its length: come nearer until it fits.
	padding := max(0, size-bare)
	for range 8 {
		over := mean(padding) - size
		if failed != nil || over >= -2 && over <= 0 || over > 0 && padding == 0 {
			break
		}
		padding = max(0, padding-over)
	}
	if failed != nil {
		return nil, failed
	}
	return g, g.fill(benchPool, entropy, padding)
}

// fill makes a pool of count records with so many bytes of padding in each.
func (g *benchRecords) fill(count, entropy, padding int) error {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], g.seed)
	rng := rand.New(rand.NewChaCha8(seed))
	g.pool = make([]benchRecord, 0, count)
	total := 0
	for range count {
		draft := newBenchDraft(rng)
		raw, err := draft.record(entropy, padding, 0x55).Encode()
		if err != nil {
			return err
		}
		other, err := draft.record(entropy, padding, 0xaa).Encode() // what differs is random
		if err != nil {
			return err
		}
		at := binary.BigEndian.AppendUint64([]byte{0x1b}, benchEpoch)
		g.pool = append(g.pool, benchRecord{raw: raw, time: bytes.Index(raw, at) + 1, random: differences(raw, other)})
		total += len(raw)
	}
	g.mean = float64(total) / float64(count)
	return nil
}

// differences returns the spans in which a and b, of one length, differ.
func differences(a, b []byte) (spans [][2]int) {
	for i := 0; i < len(a); i++ {
		from := i
		for i < len(a) && a[i] != b[i] {
			i++
		}
		if i > from {
			spans = append(spans, [2]int{from, i})
		}
	}
	return spans
}

// batch returns the records of one statement: the same for the same seed.
func (g *benchRecords) batch(stream int, sequence int64, count int) [][]byte {
	var seed [32]byte
	for i, v := range []uint64{g.seed, uint64(stream) + 1, uint64(sequence)} {
		binary.BigEndian.PutUint64(seed[8*i:], v)
	}
	rng := rand.NewChaCha8(seed)
	first := int(rng.Uint64() % benchPool)
	out := make([][]byte, count)
	all := make([]byte, 0, int(g.mean+16)*count) // one piece of memory for all
	for i := range out {
		from := len(all)
		r := &g.pool[(first+i)%benchPool]
		all = append(all, r.raw...)
		raw := all[from:len(all):len(all)]
		when := benchEpoch + (sequence*int64(count)+int64(i))*benchStep%benchPeriod
		binary.BigEndian.PutUint64(raw[r.time:], uint64(when))
		for _, span := range r.random {
			_, _ = rng.Read(raw[span[0]:span[1]]) // never fails
		}
		out[i] = raw
	}
	return out
}

// A benchDraft is what distinguishes one record from the next, but for its time
// and random bytes.
type benchDraft struct {
	model, site, user int
	usage             provenance.Usage
	duration          int64
}

var benchModels = []provenance.Model{
	{Name: "llama-2-70b-chat", Version: "2023-07", Developer: "meta", Jurisdiction: "US", Known: provenance.Asserted},
	{Name: "mistral-large", Version: "2407", Developer: "mistral", Jurisdiction: "FR", Known: provenance.Asserted},
	{Name: "qwen2.5-72b", Version: "2024-09", Developer: "alibaba", Jurisdiction: "CN", Known: provenance.Asserted},
	{Name: "deepseek-v3", Version: "2024-12", Developer: "deepseek", Jurisdiction: "CN", Known: provenance.Asserted},
}

var benchSites = []provenance.Place{
	{Country: "US", Subdivision: "US-VA", Operator: "bench-east-1", Known: provenance.Asserted},
	{Country: "DE", Subdivision: "DE-HE", Operator: "bench-fra-1", Known: provenance.Asserted},
}

var benchUsers = []string{"US", "DE", "FR", "IN", "JP", "BR"}

func newBenchDraft(rng *rand.Rand) benchDraft {
	input := 40 + int64(rng.ExpFloat64()*1100)
	d := benchDraft{
		model: rng.IntN(len(benchModels)), site: rng.IntN(len(benchSites)), user: rng.IntN(len(benchUsers)),
		usage:    provenance.Usage{Input: input, Output: 1 + int64(rng.ExpFloat64()*210), Counted: 1, Finish: 1},
		duration: 200 + int64(rng.ExpFloat64()*4000),
	}
	if rng.IntN(3) == 0 {
		d.usage.CacheRead = new(rng.Int64N(input + 1))
	}
	return d
}

// record makes the record, with entropy bytes of the value fill: in its ref
// first, then in as many content commitments as they need.
func (d *benchDraft) record(entropy, padding int, fill byte) *provenance.Record {
	r := &provenance.Record{
		Kind: provenance.Production, Time: benchEpoch, Duration: &d.duration,
		Model: &benchModels[d.model], Usage: &d.usage, Serving: &benchSites[d.site],
		Using: &provenance.Place{Country: benchUsers[d.user], Known: provenance.Asserted},
		Label: &provenance.Label{Status: 1, Modality: 1, Producer: "Bench"},
	}
	if entropy > 0 {
		r.Ref = bytes.Repeat([]byte{fill}, min(entropy, 32))
	}
	for entropy -= 32; entropy > 0; entropy -= 32 {
		value := make([]byte, 32)
		copy(value, bytes.Repeat([]byte{fill}, min(entropy, 32)))
		r.Content = append(r.Content, provenance.Content{Role: 2, Algorithm: provenance.AlgHMACSHA256, Value: value, Profile: "text-nfc-1"})
	}
	pad(r, padding)
	return r
}

// pad makes a record longer with text that is the same in all.
func pad(r *provenance.Record, padding int) {
	text := strings.Repeat("inference-cluster-bench-", benchPadding/24+1)
	links := &provenance.Links{}
	for _, field := range []*string{&r.Label.System, &links.Response, &links.Generation, &links.A2ATask, &links.A2AContext, &links.MCPRequest} {
		if n := min(padding, benchPadding); n > 0 {
			*field = text[:n]
			padding -= n
		}
	}
	if links.Response != "" {
		r.Links = links
	}
}
