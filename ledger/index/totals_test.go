package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// book is a log of real statements.
type book struct {
	entries []*ledger.Entry
	headers []*provenance.BatchHeader
	reads   int
	fail    error // what Entry answers beyond the first
}

// Head makes a height of each entry.
func (b *book) Head() ledger.Head { return b.at(len(b.entries)) }

func (b *book) at(size int) ledger.Head {
	return ledger.Head{Height: int64(size), Size: int64(size), AppHash: provenance.Hash{byte(size), byte(size >> 8)}}
}

func (b *book) Entry(index int64) (*ledger.Entry, error) {
	b.reads++
	if b.fail != nil && index > 0 {
		return nil, b.fail
	}
	return b.entries[index], nil
}

// until is the book as it was.
func (b *book) until(size int) *book { return &book{entries: b.entries[:size]} }

// add signs a batch: a record for each pair of hour and tokens.
func (b *book) add(t *testing.T, issuer string, records ...[2]int64) {
	t.Helper()
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	var encoded [][]byte
	for i, r := range records {
		raw, err := (&provenance.Record{
			Kind: provenance.Transfer, Time: r[0] * 3_600_000, Side: new(provenance.Exporter), Ref: []byte{byte(i)},
			Model:   &provenance.Model{Name: fmt.Sprintf("m%d", i%3), Known: provenance.Asserted},
			Usage:   &provenance.Usage{Input: 1, Output: r[1]},
			Serving: &provenance.Place{Country: "US", Known: provenance.Asserted},
			Using:   &provenance.Place{Country: "CN", Known: provenance.Asserted},
		}).Encode()
		if err != nil {
			t.Fatal(err)
		}
		encoded = append(encoded, raw)
	}
	h, err := provenance.NewBatch(issuer, "s", 0, nil, encoded)
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	b.entries = append(b.entries, &ledger.Entry{Index: int64(len(b.entries)), ID: s.ID(), Statement: s.Raw()})
	b.headers = append(b.headers, s.Header())
}

// library is a book of many entries over many hours.
func library(t *testing.T, entries int) *book {
	t.Helper()
	b := &book{}
	for i := range entries {
		at := int64(500_000 + i/4)
		b.add(t, fmt.Sprintf("p%d", i%3), [2]int64{at, 5}, [2]int64{at, 6}, [2]int64{at - 1, 7}, [2]int64{at - int64(i), 8})
	}
	return b
}

// plain adds up what a query gives from the statements themselves.
func (b *book) plain(t *testing.T, q provenance.FlowQuery) []provenance.FlowRow {
	t.Helper()
	f, err := provenance.NewFlows(q)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range b.entries {
		s, err := provenance.ParseStatement(e.Statement)
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Header().Totals {
			f.Add(s.Header().Issuer, &s.Header().Totals[i])
		}
	}
	return f.Rows()
}

// most is more rows than any test has.
const most = 1 << 20

func hourTime(h int64) time.Time { return time.Unix(h*3600, 0).UTC() }

func queries() []provenance.FlowQuery {
	all := []provenance.FlowQuery{
		{}, {From: "US", To: "CN"}, {By: provenance.FlowGroups()}, {Kinds: []provenance.Kind{provenance.Production}},
	}
	for _, h := range []int64{0, 499_000, 499_999, 500_000, 500_003, 600_000} {
		all = append(all,
			provenance.FlowQuery{Since: hourTime(h), By: []string{"hour", "provider"}},
			provenance.FlowQuery{Until: hourTime(h), By: []string{"day"}},
			provenance.FlowQuery{Since: hourTime(h), Until: hourTime(h + 2), By: []string{"model"}})
	}
	return all
}

func TestFlowsAreThoseOfTheStatements(t *testing.T) {
	b := library(t, 40)
	totals, err := Build(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries() {
		rows, _, err := totals.View().Flows(t.Context(), q, 0, most)
		if err != nil {
			t.Fatal(err)
		}
		if want := b.plain(t, q); !reflect.DeepEqual(rows, want) {
			t.Errorf("%+v: %v, wanted %v", q, rows, want)
		}
	}
}

// TestRebuild: however the log comes in, the totals are the same.
func TestRebuild(t *testing.T) {
	b := library(t, 30)
	whole, err := Build(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	steps := New()
	for size := range len(b.entries) + 1 {
		if err := steps.CatchUp(t.Context(), b.until(size)); err != nil {
			t.Fatal(err)
		}
	}
	added := New()
	for i, h := range b.headers {
		if err := added.Add(int64(i), h); err != nil {
			t.Fatal(err)
		}
		if err := added.Add(int64(i), h); err != nil { // replayed
			t.Fatal(err)
		}
		if i%7 == 0 || i == len(b.headers)-1 {
			if err := added.Publish(b.at(i + 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, other := range map[string]*Totals{"in steps": steps, "added": added} {
		if !reflect.DeepEqual(whole.View(), other.View()) {
			t.Errorf("%s: the view differs", name)
		}
	}
	if !slices.IsSortedFunc(whole.View().hours, func(x, y *hour) int { return int(x.hour - y.hour) }) {
		t.Error("the hours are not in order")
	}
}

func TestViewsDoNotChange(t *testing.T) {
	b := library(t, 30)
	totals := New()
	var views []*View
	for size := range len(b.entries) + 1 {
		if err := totals.CatchUp(t.Context(), b.until(size)); err != nil {
			t.Fatal(err)
		}
		views = append(views, totals.View())
	}
	for size, v := range views {
		if v.Head != b.at(size) {
			t.Errorf("view %d stands for %+v", size, v.Head)
		}
		rows, _, err := v.Flows(t.Context(), provenance.FlowQuery{By: []string{"hour", "model", "provider"}}, 0, most)
		if want := b.until(size).plain(t, provenance.FlowQuery{By: []string{"hour", "model", "provider"}}); err != nil || !reflect.DeepEqual(rows, want) {
			t.Errorf("view %d changed: %v", size, err)
		}
	}
}

func TestCatchUp(t *testing.T) {
	b := library(t, 6)
	totals := New()
	if err := totals.CatchUp(t.Context(), b.until(4)); err != nil {
		t.Fatal(err)
	}
	view := totals.View()
	behind := b.until(2)
	if err := totals.CatchUp(t.Context(), behind); err != nil || totals.View() != view || behind.reads != 0 {
		t.Errorf("a log behind the totals: %v, %d reads", err, behind.reads)
	}
	same := b.until(4)
	if err := totals.CatchUp(t.Context(), same); err != nil || totals.View() != view || same.reads != 0 {
		t.Errorf("the same log: %v, %d reads", err, same.reads)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := totals.CatchUp(ctx, b); !errors.Is(err, context.Canceled) || totals.View() != view {
		t.Errorf("cancelled: %v", err)
	}
	b.fail = errors.New("the disk is gone")
	if err := totals.CatchUp(t.Context(), b); !errors.Is(err, b.fail) || totals.View() != view {
		t.Errorf("failing: %v", err)
	}
	if _, err := Build(t.Context(), b); !errors.Is(err, b.fail) {
		t.Errorf("failing: %v", err)
	}
	b.fail = nil
	whole, err := Build(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if err := totals.CatchUp(t.Context(), b); err != nil || !reflect.DeepEqual(totals.View(), whole.View()) {
		t.Errorf("after failures: %v", err)
	}
	b.entries[5].Statement = []byte{0xff}
	if _, err := Build(t.Context(), b); err == nil || !strings.Contains(err.Error(), "entry 5") {
		t.Errorf("a damaged statement: %v", err)
	}
}

func TestAddRefuses(t *testing.T) {
	b := library(t, 3)
	totals := New()
	if err := totals.Add(1, b.headers[1]); err == nil {
		t.Error("a gap was taken")
	}
	if err := totals.Add(0, b.headers[0]); err != nil {
		t.Fatal(err)
	}
	if totals.View().Head.Size != 0 {
		t.Error("seen before it was published")
	}
	if err := totals.Publish(b.at(2)); err == nil {
		t.Error("published as a log of another size")
	}
	if err := totals.CatchUp(t.Context(), b.until(0)); err != nil || totals.View().Head.Size != 0 {
		t.Errorf("catching up with less than was added: %v", err)
	}
	if err := totals.Publish(b.at(1)); err != nil || totals.View().Head != b.at(1) {
		t.Error(err)
	}
}

// TestBeyond64Bits: whatever providers declare, every question has an answer.
func TestBeyond64Bits(t *testing.T) {
	b := &book{}
	for range 3 {
		b.add(t, "greedy", [2]int64{1000, math.MaxInt64})
	}
	b.add(t, "fair", [2]int64{1000, 5}, [2]int64{1001, 5})
	totals, err := Build(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	v := totals.View()
	for _, q := range []provenance.FlowQuery{{}, {By: provenance.FlowGroups()}, {Since: hourTime(1000)}, {Since: hourTime(1001)}} {
		if rows, _, err := v.Flows(t.Context(), q, 0, most); err != nil || !reflect.DeepEqual(rows, b.plain(t, q)) {
			t.Errorf("%+v: %v, %v", q, rows, err)
		}
	}
	rows, _, err := v.Flows(t.Context(), provenance.FlowQuery{From: "US"}, 0, most)
	if err != nil || len(rows) != 1 || rows[0].Tokens.String() != "27670116110564327431" {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestPages: the pages of every query fit together.
func TestPages(t *testing.T) {
	b := library(t, 40)
	totals, err := Build(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	all := append(queries(), provenance.FlowQuery{By: []string{"day", "hour"}}, provenance.FlowQuery{By: []string{"model", "hour"}}, provenance.FlowQuery{By: []string{"day", "model"}})
	for _, q := range all {
		want := b.plain(t, q)
		for _, limit := range []int64{1, 2, 7, 50} {
			got := []provenance.FlowRow{}
			for offset := int64(0); ; offset += limit {
				page, total, err := totals.View().Flows(t.Context(), q, offset, limit)
				if err != nil || total != int64(len(want)) || len(page) != int(max(0, min(limit, total-offset))) {
					t.Fatalf("%+v: %d rows behind %d of %d, %v", q, len(page), offset, total, err)
				}
				if len(page) == 0 {
					break
				}
				got = append(got, page...)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%+v by %d: %v, wanted %v", q, limit, got, want)
			}
		}
		if page, total, err := totals.View().Flows(t.Context(), q, math.MaxInt64, most); len(page) != 0 || total != int64(len(want)) || err != nil {
			t.Errorf("%+v: %v, %d, %v", q, page, total, err)
		}
	}
}

// TestCatchUpGivesUp: who waits for a writer waits no longer than it wants.
func TestCatchUpGivesUp(t *testing.T) {
	totals := New()
	totals.writing <- struct{}{}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	b := library(t, 2)
	if err := totals.CatchUp(ctx, b); !errors.Is(err, context.DeadlineExceeded) || b.reads != 0 {
		t.Errorf("%v, %d reads", err, b.reads)
	}
	totals.unlock()
	if err := totals.CatchUp(t.Context(), b); err != nil {
		t.Error(err)
	}
}

func TestFlowsRefuse(t *testing.T) {
	v := New().View()
	for _, q := range []provenance.FlowQuery{
		{From: "usa"}, {By: []string{"colour"}}, {Since: time.Unix(1, 0)}, {Since: hourTime(2), Until: hourTime(2)},
	} {
		if _, _, err := v.Flows(t.Context(), q, 0, most); provenance.CodeOf(err) != provenance.CodeValue {
			t.Errorf("%+v: %v", q, err)
		}
	}
	totals, err := Build(t.Context(), library(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := totals.View().Flows(ctx, provenance.FlowQuery{}, 0, most); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCost: a query looks at the hours that it covers.
func TestCost(t *testing.T) {
	totals, err := Build(t.Context(), library(t, 40))
	if err != nil {
		t.Fatal(err)
	}
	v := totals.View()
	for _, h := range v.hours {
		covered := v.covered(hourTime(h.hour), hourTime(h.hour+1))
		if len(covered) != 1 || covered[0] != h {
			t.Errorf("hour %d: %d hours are covered", h.hour, len(covered))
		}
	}
	last := v.hours[len(v.hours)-1].hour
	for _, c := range []struct {
		since, until time.Time
		want         int
	}{
		{time.Time{}, time.Time{}, len(v.hours)}, {hourTime(last + 1), time.Time{}, 0}, {time.Time{}, hourTime(0), 0},
		{hourTime(last), time.Time{}, 1}, {hourTime(last + 5), hourTime(last + 6), 0},
	} {
		if got := len(v.covered(c.since, c.until)); got != c.want {
			t.Errorf("%v to %v: %d hours, wanted %d", c.since, c.until, got, c.want)
		}
	}
}

func TestConcurrency(t *testing.T) {
	b := library(t, 60)
	totals := New()
	var readers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for size := int64(0); ; {
				select {
				case <-done:
					return
				default:
				}
				v := totals.View()
				if v.Head.Size < size {
					t.Errorf("the log shrank from %d to %d", size, v.Head.Size)
				}
				size = v.Head.Size
				if _, _, err := v.Flows(context.Background(), provenance.FlowQuery{By: []string{"hour"}}, 0, most); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for size := w; size <= len(b.entries); size += 1 + w {
				if err := totals.CatchUp(context.Background(), b.until(size)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	if err := totals.CatchUp(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	rows, _, err := totals.View().Flows(t.Context(), provenance.FlowQuery{}, 0, most)
	if want := b.plain(t, provenance.FlowQuery{}); err != nil || !reflect.DeepEqual(rows, want) {
		t.Errorf("%v, wanted %v", rows, want)
	}
}

func BenchmarkFlowsOfADay(b *testing.B) {
	totals := New()
	for at := range int64(24 * 365) {
		h := &provenance.BatchHeader{Issuer: "p"}
		for m := range 500 {
			h.Totals = append(h.Totals, provenance.Cell{
				CellKey: provenance.CellKey{Hour: at, Kind: provenance.Transfer, Serving: "US", Using: "CN", Model: fmt.Sprint(m)},
				Sums:    provenance.Sums{Records: 1, Input: 2, Output: 3},
			})
		}
		if err := totals.Add(at, h); err != nil {
			b.Fatal(err)
		}
	}
	if err := totals.Publish(ledger.Head{Height: 1, Size: 24 * 365}); err != nil {
		b.Fatal(err)
	}
	q := provenance.FlowQuery{From: "US", To: "CN", Since: hourTime(24 * 100), Until: hourTime(24 * 101), By: []string{"model"}}
	for b.Loop() {
		if _, _, err := totals.View().Flows(b.Context(), q, 0, most); err != nil {
			b.Fatal(err)
		}
	}
}
