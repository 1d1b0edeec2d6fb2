package provenance

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
)

// A realRecord is like those that a gateway makes: about 280 bytes, of which 64
// are random and do not compress.
func realRecord(i int) []byte {
	noise := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("noise"), uint64(i)))
	commitment := sha256.Sum256(noise[:])
	return must1((&Record{
		Kind: Transfer, Time: sampleTime + int64(i)*97, Duration: new(int64(8125 + i%999)),
		Ref:     []byte("req-00012345"),
		Links:   &Links{Trace: noise[:16], Span: noise[16:24], Generation: "gen-1700158546-abcdefgh"},
		Model:   &Model{Name: "llama-2-70b", Version: "2023-07-18", Developer: "meta", Jurisdiction: "US", Known: ProviderReported},
		Usage:   &Usage{Input: 1374 + int64(i%500), Output: 244 + int64(i%80), CacheRead: new(int64(512)), Counted: 1, Finish: 1},
		Serving: &Place{Country: "US", Subdivision: "US-VA", Operator: "acme-cloud", Known: ProviderReported},
		Using:   &Place{Country: "CN", Known: Asserted}, Side: new(Exporter),
		Basis:   []Basis{{Code: "cn:standard-contract"}},
		Label:   &Label{Status: 1, Modality: 1, Marks: new(int64(1))},
		Content: []Content{{Role: 2, Algorithm: AlgHMACSHA256, Value: commitment[:], Profile: "text-v1"}},
		Energy:  &Energy{MicroWattHours: 1200 + int64(i%100), Method: 2, Boundary: 4},
	}).Encode())
}

func realRecords(n int) [][]byte {
	records := make([][]byte, n)
	for i := range records {
		records[i] = realRecord(i)
	}
	return records
}

// perRecord reports how many records go through in a second.
func perRecord(b *testing.B, records int) {
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func BenchmarkParseRecord(b *testing.B) {
	record := realRecord(0)
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRecord(record); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b, 1)
}

func BenchmarkEncodeRecord(b *testing.B) {
	r := must1(ParseRecord(realRecord(0)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Encode(); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b, 1)
}

func BenchmarkNewBatch2000(b *testing.B) {
	records := realRecords(2000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewBatch("acme", "s", 0, nil, records); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b, len(records))
}

func realSubmission(b *testing.B, alg int64, n int) (*Submission, PublicKey) {
	b.Helper()
	records := realRecords(n)
	key := testKey(alg, "provider")
	s := must1(must1(NewBatch("acme", "s", 0, nil, records)).Sign(key))
	return must1(NewSubmission(&s.UnverifiedStatement, records)), publicOf(key)
}

func BenchmarkCheckRecords2000(b *testing.B) {
	sub, _ := realSubmission(b, AlgEdDSA, 2000)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := sub.CheckRecords(FormatLimits()); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b, 2000)
	b.ReportMetric(float64(len(sub.Frame))/2000, "frame-B/record")
}

// BenchmarkAdmit2000 is all that a node does with a submission by itself.
func BenchmarkAdmit2000(b *testing.B) {
	sub, key := realSubmission(b, AlgEdDSA, 2000)
	raw := sub.Encode()
	b.ReportAllocs()
	for b.Loop() {
		s, err := ParseSubmission(raw)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Statement.Verify(key); err != nil {
			b.Fatal(err)
		}
		if _, _, err := s.CheckRecords(FormatLimits()); err != nil {
			b.Fatal(err)
		}
	}
	perRecord(b, 2000)
}

func BenchmarkVerify(b *testing.B) {
	for name, alg := range algorithms() {
		b.Run(name, func(b *testing.B) {
			sub, key := realSubmission(b, alg, 10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sub.Statement.Verify(key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRecordProof is one record's proof, offline: statement and record.
func BenchmarkRecordProof(b *testing.B) {
	s := sampleBatch(AlgEdDSA, 4096)
	proof, statement := s.proof(1234).Encode(), s.statement.Raw()
	b.ReportAllocs()
	for b.Loop() {
		u, err := ParseStatement(statement)
		if err != nil {
			b.Fatal(err)
		}
		v, err := u.Verify(s.key)
		if err != nil {
			b.Fatal(err)
		}
		p, err := ParseRecordProof(proof)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := p.Verify(v.Header()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFlowsAdd(b *testing.B) {
	f := must1(NewFlows(FlowQuery{From: "US", To: "CN", By: []string{"model"}}))
	c := flowCell(472266, Transfer, Exporter, "US", "CN", 1, 1)
	b.ReportAllocs()
	for b.Loop() {
		f.Add("acme", c)
	}
}
