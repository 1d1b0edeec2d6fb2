package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"tokentrail/provenance"
)

func hashOf(name string) provenance.Hash { return sha256.Sum256([]byte(name)) }

// A line is a record of the log as reading all of it gives it.
type line struct {
	issuer string
	id     provenance.Hash
	record *provenance.Record
	hit    provenance.RecordHit
}

// readAll reads the whole log without the code under test.
func readAll(t testing.TB, log RecordReader) (lines []line) {
	t.Helper()
	for i := range log.Head().Size {
		e, err := log.Entry(i)
		if err != nil {
			t.Fatal(err)
		}
		frame, err := log.EntryFrame(e)
		if err != nil {
			t.Fatal(err)
		}
		s, err := provenance.ParseStatement(e.Statement)
		if err != nil {
			t.Fatal(err)
		}
		h := s.Header()
		records, tree, err := (&provenance.Submission{Statement: s, Frame: frame}).CheckRecords(provenance.FormatLimits())
		if err != nil {
			t.Fatal(err)
		}
		for j, b := range records {
			r, err := provenance.ParseRecord(b)
			if err != nil {
				t.Fatal(err)
			}
			path, err := tree.Path(int64(j))
			if err != nil {
				t.Fatal(err)
			}
			proof := &provenance.RecordProof{Record: b, Index: int64(j), Count: int64(h.Count), Path: path}
			lines = append(lines, line{h.Issuer, provenance.RecordID(h.Issuer, h.Stream, h.Sequence, j, b), r, provenance.RecordHit{Entry: i, Statement: e.Statement, Proof: proof}})
		}
	}
	return lines
}

// naive answers a query from all that the log has.
func naive(lines []line, q provenance.RecordQuery) (hits []provenance.RecordHit) {
	for _, l := range lines {
		if asked(q, l.issuer, l.id, l.record) {
			hits = append(hits, l.hit)
		}
	}
	return hits
}

// asked reads a query without the code under test.
func asked(q provenance.RecordQuery, issuer string, id provenance.Hash, r *provenance.Record) bool {
	switch name, value := q.Param(); name {
	case "id":
		return id.String() == value
	case "ref":
		return r.Ref != nil && fmt.Sprintf("%s/%x", issuer, r.Ref) == value
	case "content":
		return slices.ContainsFunc(r.Content, func(c provenance.Content) bool { return fmt.Sprintf("%x", c.Value) == value })
	case "correction":
		return r.Correction != nil && fmt.Sprintf("%s/%x", issuer, r.Correction.Record) == value
	default:
		return slices.ContainsFunc(r.Parents, func(p provenance.Parent) bool {
			if p.ID != nil {
				return fmt.Sprintf("%x", p.ID) == value
			}
			return fmt.Sprintf("%s/%x", p.Issuer, p.Ref) == value
		})
	}
}

// all reads every page of an answer, of limit hits each.
func (r *Records) all(t testing.TB, log RecordReader, q provenance.RecordQuery, limit int) (hits []provenance.RecordHit) {
	t.Helper()
	for offset := 0; ; offset += limit {
		a, err := r.Find(t.Context(), log, q, offset, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Hits) > limit || a.More && len(a.Hits) < limit {
			t.Fatalf("%d hits behind %d, more: %v", len(a.Hits), offset, a.More)
		}
		hits = append(hits, a.Hits...)
		if !a.More {
			return hits
		}
	}
}

// wantAnswers holds the index to reading the whole log.
func wantAnswers(t testing.TB, r *Records, log RecordReader, queries []provenance.RecordQuery) {
	t.Helper()
	lines := readAll(t, log)
	for i, q := range queries {
		want := naive(lines, q)
		got := r.all(t, log, q, []int{100, 1, 7}[i%3])
		if !reflect.DeepEqual(got, want) {
			name, value := q.Param()
			t.Fatalf("%s=%s: %d hits, wanted %d", name, value, len(got), len(want))
		}
		for j := range got {
			if _, _, err := got[j].Check(q); err != nil {
				t.Fatalf("hit %d: %v", j, err)
			}
		}
	}
}

// mixed is a small log in which much is named more than once, and what to ask.
func mixed(t testing.TB, entries int) (*archive, []provenance.RecordQuery) {
	a := newArchive(t)
	queries := []provenance.RecordQuery{
		provenance.ByID(hashOf("nobody")), provenance.ByContent(hashOf("nothing")),
		provenance.ByRef("nobody", []byte("r0")), provenance.ByID(hashOf("nobody")).Children(),
	}
	var ids []provenance.Hash
	for i := range entries {
		issuer := fmt.Sprintf("p%d", i%3)
		var records []*provenance.Record
		for j := range 1 + i%4 {
			r := plain(100*i + j)
			if j != 1 {
				r.Ref = fmt.Appendf(nil, "r%d", (i+j)%5) // of several records, by several issuers
			}
			for k := range (i + j) % 3 {
				value := hashOf(fmt.Sprint("content ", (i+k)%7))
				r.Content = append(r.Content, provenance.Content{Role: 2, Algorithm: 5, Value: value[:]})
			}
			if len(ids) > 0 {
				r.Parents = append(r.Parents, provenance.Parent{ID: ids[(i*7+j)%len(ids)][:]})
			}
			if j == 0 {
				r.Parents = append(r.Parents, provenance.Parent{Issuer: issuer, Ref: fmt.Appendf(nil, "r%d", i%5)}, provenance.Parent{Issuer: "p9", Ref: []byte("to come")})
			}
			records = append(records, r)
		}
		for j := range min(i, 1+i%3) { // by the record's issuer, and by others
			records = append(records, reversal(t, ids[(i*j+j)%min(5, len(ids))], int64(i*10+j)))
		}
		ids = append(ids, a.add(issuer, records...)...)
	}
	for _, id := range ids {
		queries = append(queries, provenance.ByID(id), provenance.ByID(id).Children(), provenance.Corrections("p0", id), provenance.Corrections("p1", id))
	}
	for i := range 7 {
		queries = append(queries, provenance.ByContent(hashOf(fmt.Sprint("content ", i))))
		for p := range 3 {
			q := provenance.ByRef(fmt.Sprintf("p%d", p), fmt.Appendf(nil, "r%d", i))
			queries = append(queries, q, q.Children())
		}
	}
	return a, append(queries, provenance.ByRef("p9", []byte("to come")).Children())
}

// reversal is a correction of a record with an id: whether it holds is nothing to
// the index.
func reversal(t testing.TB, id provenance.Hash, ms int64) *provenance.Record {
	raw, err := plain(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err := provenance.Reverse(id, 0, raw, 1, "")
	if err != nil {
		t.Fatal(err)
	}
	return &provenance.Record{Kind: provenance.Corrected, Time: 1_700_000_000_000 + ms, Correction: c}
}

func TestRecordsAreThoseOfTheLog(t *testing.T) {
	a, queries := mixed(t, 40)
	r := a.start(t.TempDir(), small())
	r.caughtUp(a)
	wantAnswers(t, r.Records, a.Newest(), queries)
	r.end(t)
	if got, err := r.Find(t.Context(), a.Newest(), queries[5], 0, 10); err != nil || got.Size != 0 || got.Hits != nil {
		t.Errorf("closed: %+v, %v", got, err)
	}
}

// TestAnyLog: whatever names what, however the log grows and whenever the index
// is started again, it answers as reading everything does.
func TestAnyLog(t *testing.T) {
	name := rapid.IntRange(0, 3)
	rapid.Check(t, func(rt *rapid.T) {
		a, dir := newArchive(t), t.TempDir()
		ref := func() []byte { return []byte{byte(name.Draw(rt, "ref"))} }
		issuer := func() string { return fmt.Sprintf("p%d", name.Draw(rt, "issuer")) }
		some := func() int { return rapid.IntRange(0, 2).Draw(rt, "some") }
		var ids []provenance.Hash
		for range rapid.IntRange(1, 2).Draw(rt, "runs") {
			for range rapid.IntRange(1, 4).Draw(rt, "entries") {
				var records []*provenance.Record
				for i := range rapid.IntRange(1, 4).Draw(rt, "records") {
					r := plain(i)
					if some() > 0 {
						r.Ref = ref()
					}
					for range some() {
						value := hashOf(fmt.Sprint(name.Draw(rt, "content")))
						r.Content = append(r.Content, provenance.Content{Role: 1, Algorithm: 5, Value: value[:]})
					}
					if len(ids) > 0 && some() > 0 {
						id := rapid.SampledFrom(ids).Draw(rt, "parent")
						r.Parents = append(r.Parents, provenance.Parent{ID: id[:]})
					}
					if some() > 0 {
						r.Parents = append(r.Parents, provenance.Parent{Issuer: issuer(), Ref: ref()})
					}
					records = append(records, r)
				}
				if len(ids) > 0 && some() > 0 {
					records = append(records, reversal(t, rapid.SampledFrom(ids).Draw(rt, "corrected"), int64(len(ids))))
				}
				ids = append(ids, a.add(issuer(), records...)...)
			}
			r := a.start(dir, small())
			r.caughtUp(a)
			var queries []provenance.RecordQuery
			for _, id := range ids {
				queries = append(queries, provenance.ByID(id), provenance.ByID(id).Children(), provenance.Corrections("p0", id), provenance.Corrections("p1", id))
			}
			for i := range 4 {
				queries = append(queries, provenance.ByContent(hashOf(fmt.Sprint(i))))
				for j := range 4 {
					q := provenance.ByRef(fmt.Sprintf("p%d", i), []byte{byte(j)})
					queries = append(queries, q, q.Children())
				}
			}
			wantAnswers(t, r.Records, a.Newest(), queries)
			r.end(t)
		}
	})
}

// TestManyChildren: pages of hundreds fit together, also within one entry.
func TestManyChildren(t *testing.T) {
	a := newArchive(t)
	parent := a.add("acme", plain(0))[0]
	for i := range 5 {
		var records []*provenance.Record
		for j := range 130 {
			r := plain(1000*i + j)
			r.Parents = []provenance.Parent{{ID: parent[:]}}
			records = append(records, r)
		}
		a.add("beta", records...)
	}
	r := a.start(t.TempDir(), small())
	r.caughtUp(a)
	q := provenance.ByID(parent).Children()
	want := naive(readAll(t, a.Newest()), q)
	if len(want) != 650 {
		t.Fatal(len(want))
	}
	for _, limit := range []int{1, 33, 100} {
		if got := r.all(t, a.Newest(), q, limit); !reflect.DeepEqual(got, want) {
			t.Errorf("pages of %d: %d hits", limit, len(got))
		}
	}
	for offset, hits := range map[int]int{600: 50, 649: 1, 650: 0, provenance.MaxRecordOffset: 0} {
		got, err := r.Find(t.Context(), a.Newest(), q, offset, 100)
		if err != nil || len(got.Hits) != hits || got.More || got.Size != 6 {
			t.Errorf("behind %d: %d hits, %v", offset, len(got.Hits), err)
		}
	}
	// What an older log does not have is not in its answers.
	got, err := r.Find(t.Context(), a.at(2), q, 100, 100)
	if err != nil || len(got.Hits) != 30 || got.More || got.Size != 2 {
		t.Errorf("an older log: %d of %d, %v", len(got.Hits), got.Size, err)
	}
	for _, c := range [][2]int{{-1, 1}, {0, 0}, {0, provenance.MaxRecordHits + 1}, {provenance.MaxRecordOffset + 1, 1}} {
		if _, err := r.Find(t.Context(), a.Newest(), q, c[0], c[1]); err == nil {
			t.Errorf("%d behind %d were answered", c[1], c[0])
		}
	}
}

// TestCorrections: a correction is found by its issuer and the record that it
// corrects, and by nothing else.
func TestCorrections(t *testing.T) {
	a := newArchive(t)
	wrong := a.add("acme", plain(1))[0]
	a.add("acme", plain(2))
	correction := provenance.AppendInt(provenance.AppendInt(provenance.AppendMap(nil, 2), 1), 7)
	correction = provenance.AppendMap(provenance.AppendInt(correction, 19), 1)
	correction = provenance.AppendBytes(provenance.AppendInt(correction, 1), wrong[:])
	z, err := zstd.NewWriter(nil, zstd.WithSingleSegment(true))
	if err != nil {
		t.Fatal(err)
	}
	a.frames[1] = z.EncodeAll(correction, nil)
	r := a.start(t.TempDir(), small())
	r.caughtUp(a)
	for _, q := range []provenance.RecordQuery{provenance.ByID(wrong).Children(), provenance.Corrections("beta", wrong)} {
		if hits := r.all(t, a.Newest(), q, 10); len(hits) != 0 {
			t.Errorf("%+v: %+v", q, hits)
		}
	}
	hits := r.all(t, a.Newest(), provenance.Corrections("acme", wrong), 10)
	if len(hits) != 1 || hits[0].Entry != 1 || !bytes.Equal(hits[0].Proof.Record, correction) {
		t.Errorf("%+v", hits)
	}
}

// TestForeignCorrections: however many corrections others write, an answer about
// the issuer's has none of them among its candidates.
func TestForeignCorrections(t *testing.T) {
	a := newArchive(t)
	wrong := a.add("acme", plain(1))[0]
	for i := range 3 {
		var flood []*provenance.Record
		for j := range 150 {
			flood = append(flood, reversal(t, wrong, int64(1000*i+j)))
		}
		a.add("beta", flood...)
	}
	own := a.add("acme", reversal(t, wrong, 1))
	r := a.start(t.TempDir(), small())
	r.caughtUp(a)
	got, err := r.Find(t.Context(), a.Newest(), provenance.Corrections("acme", wrong), 0, 1)
	if err != nil || len(got.Hits) != 1 || got.More {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, id, err := got.Hits[0].Check(provenance.Corrections("acme", wrong)); err != nil || id != own[0] {
		t.Errorf("%s, %v", id, err)
	}
}

// TestNamesThatShareBytes: a key that leads to a record of another name is passed
// over, and the pages still fit together.
func TestNamesThatShareBytes(t *testing.T) {
	a, _ := mixed(t, 12)
	r := NewRecords(t.TempDir(), testOrigin, small())
	defer r.close()
	if err := r.open(a.Newest()); err != nil {
		t.Fatal(err)
	}
	if err := r.catchUp(t.Context(), a, a.Newest()); err != nil {
		t.Fatal(err)
	}
	q := provenance.ByContent(hashOf("content 1"))
	want := naive(readAll(t, a.Newest()), q)
	family, name := queryName(q)
	var keys []recordKey
	for entry := range int64(12) {
		keys = append(keys, newRecordKey(family, name, entry, 0))
	}
	if err := r.store.write(keys, progress{testOrigin, 12, a.entries[11].ID}); err != nil {
		t.Fatal(err)
	}
	for limit := 1; limit < 15; limit++ {
		var got []provenance.RecordHit
		for offset, more := 0, true; more; offset += limit {
			answer, err := r.Find(t.Context(), a.Newest(), q, offset, limit)
			if err != nil {
				t.Fatal(err)
			}
			got, more = append(got, answer.Hits...), answer.More
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("pages of %d: %d hits, wanted %d", limit, len(got), len(want))
		}
	}
}

// TestLookingWhileItGrows: look-ups, growth and the end are in nobody's way.
func TestLookingWhileItGrows(t *testing.T) {
	a := newArchive(t)
	first := a.add("acme", plain(0))[0]
	r := a.start(t.TempDir(), small())
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for seen := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				got, err := r.Find(t.Context(), a.Newest(), provenance.ByID(first).Children(), 0, 100)
				if err != nil || int64(len(got.Hits)) != max(0, got.Size-1) {
					t.Errorf("%d hits of %d, %v", len(got.Hits), got.Size, err)
					return
				}
				if len(got.Hits) < seen {
					t.Errorf("%d hits, there were %d", len(got.Hits), seen)
				}
				seen = len(got.Hits)
			}
		})
	}
	for i := range 60 {
		child := plain(i)
		child.Parents = []provenance.Parent{{ID: first[:]}}
		a.add("acme", child)
	}
	r.caughtUp(a)
	close(done)
	readers.Wait()
	r.end(t)
}

// TestWaitFor: who has a receipt waits for the index, unless that is far behind.
func TestWaitFor(t *testing.T) {
	a, _ := mixed(t, 3)
	r := a.start(t.TempDir(), small())
	r.caughtUp(a)
	r.WaitFor(t.Context(), 3)
	waited := make(chan int64)
	go func() { r.WaitFor(t.Context(), 4); waited <- r.indexed() }()
	a.add("acme", plain(1))
	if got := <-waited; got != 4 {
		t.Errorf("%d entries are indexed", got)
	}
	r.WaitFor(t.Context(), 4+soonIndexed+1) // it is far behind (SPEC(NOD-82))
	r.end(t)
	r.WaitFor(t.Context(), 5) // it is closed
	fresh := NewRecords(t.TempDir(), testOrigin, small())
	fresh.WaitFor(t.Context(), 1000) // it is far behind
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	fresh.WaitFor(short, 7) // it may be there soon
	if short.Err() == nil {
		t.Error("nobody waited for an index that is being opened")
	}
}

func TestKeysAreInTheOrderOfTheLog(t *testing.T) {
	var before recordKey
	name := hashOf("x")
	for _, entry := range []int64{0, 1, 255, 256, 1 << 32, maxEntries - 1} {
		for _, record := range []int{0, 1, 255, 256, provenance.MaxRecords - 1} {
			k := newRecordKey(familyID, name, entry, record)
			if e, i := k.place(); e != entry || i != record {
				t.Errorf("%d/%d becomes %d/%d", entry, record, e, i)
			}
			if bytes.Compare(before[:], k[:]) >= 0 {
				t.Errorf("%x does not come behind %x", k, before)
			}
			before = k
		}
	}
	if !strings.HasPrefix(string(before[1:]), string(name[:nameSize])) {
		t.Errorf("%x", before)
	}
}
