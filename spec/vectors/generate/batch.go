package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// A batch is what a provider signs once: its place in a stream and its records.
type batch struct {
	issuer, stream string
	sequence       int64
	previous       []byte
	records        []group
}

// threeKinds is the batch that most vectors start from: one record of each kind,
// over two hours.
func threeKinds() batch {
	late := consumption().set(int64(eventTime+3_600_000), 2)
	return batch{issuer: "acme", stream: "main", records: []group{production(), transfer(), late}}
}

func recordLeaf(issuer, stream string, sequence, index int64, rec []byte) []byte {
	return enc(list{issuer, stream, sequence, index, raw(rec)})
}

func (b batch) leaves() [][]byte {
	var out [][]byte
	for i, r := range b.records {
		out = append(out, leafHash(recordLeaf(b.issuer, b.stream, b.sequence, int64(i), enc(r))))
	}
	return out
}

func (b batch) root() []byte { return treeHash(b.leaves()) }

// sequenceBytes is the CBOR sequence of the records.
func (b batch) sequenceBytes() []byte {
	var out []byte
	for _, r := range b.records {
		out = append(out, enc(r)...)
	}
	return out
}

func (b batch) period() (first, last int64) {
	first = maxTime
	for _, r := range b.records {
		t := toInt(r[2])
		first, last = min(first, t), max(last, t)
	}
	return first, last
}

func toInt(v any) int64 {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int64:
		return v
	}
	return 0
}

func sub(r group, keys ...int64) any {
	var v any = r
	for _, k := range keys {
		g, ok := v.(group)
		if !ok {
			return nil
		}
		v = g[k]
	}
	return v
}

// cellText is a cell's key before its strings have numbers.
type cellText struct {
	hour, kind, side      int64
	serving, using, model string
	label                 int64
	basis                 string
	boundary, method      int64
}

func textOr(v any, other string) string {
	if s, ok := v.(string); ok {
		return s
	}
	return other
}

func cellOf(r group) (cellText, [7]int64) {
	var codes []string
	if l, ok := r[12].(list); ok {
		for _, b := range l {
			codes = append(codes, b.(group)[1].(string))
		}
	}
	key := cellText{
		toInt(r[2]) / 3_600_000, toInt(r[1]), toInt(r[11]),
		textOr(sub(r, 9, 1), "ZZ"), textOr(sub(r, 10, 1), "ZZ"), textOr(sub(r, 7, 1), ""),
		toInt(sub(r, 13, 1)), strings.Join(codes, "+"), toInt(sub(r, 15, 3)), toInt(sub(r, 15, 2)),
	}
	sums := [7]int64{1}
	for i := range int64(5) {
		sums[i+1] = toInt(sub(r, 8, i+1))
	}
	sums[6] = toInt(sub(r, 15, 1))
	return key, sums
}

// An addend is what a record adds to one cell.
type addend struct {
	key  cellText
	sums [7]int64
}

// addends are what a record adds (BAT-8): a relay only its energy, a correction
// a record of its own kind and its deltas where it says.
func addends(r group) []addend {
	key, sums := cellOf(r)
	if relay, _ := sub(r, 22, 2).(bool); relay {
		sums = [7]int64{6: sums[6]}
	}
	out := []addend{{key, sums}}
	if c, ok := r[19].(group); ok {
		cell, deltas := c[6].(list), c[7].(list)
		of := addend{key: cellText{
			toInt(cell[0]), toInt(cell[1]), toInt(cell[2]), cell[3].(string), cell[4].(string), cell[5].(string),
			toInt(cell[6]), cell[7].(string), toInt(cell[8]), toInt(cell[9]),
		}}
		for i := range of.sums {
			of.sums[i] = toInt(deltas[i])
		}
		out = append(out, of)
	}
	return out
}

// adds are what all records of the batch add.
func (b batch) adds() []addend {
	var out []addend
	for _, r := range b.records {
		out = append(out, addends(r)...)
	}
	return out
}

func (b batch) totals() (table []string, cells [][]int64) { return totalsOf(b.adds()) }

// totalsOf derives the string table and the cells, wrapping where a sum
// overflows: such a header is wrong anyhow.
func totalsOf(adds []addend) (table []string, cells [][]int64) {
	sums := map[cellText][7]int64{}
	for _, a := range adds {
		k, all := a.key, sums[a.key]
		for i := range all {
			all[i] += a.sums[i]
		}
		sums[k] = all
		table = append(table, k.serving, k.using, k.model, k.basis)
	}
	slices.Sort(table)
	table = slices.Compact(table)
	at := func(s string) int64 {
		i, _ := slices.BinarySearch(table, s)
		return int64(i)
	}
	for k, s := range sums {
		cell := []int64{k.hour, k.kind, k.side, at(k.serving), at(k.using), at(k.model), k.label, at(k.basis), k.boundary, k.method}
		cells = append(cells, append(cell, s[:]...))
	}
	sort.Slice(cells, func(i, j int) bool { return slices.Compare(cells[i][:10], cells[j][:10]) < 0 })
	return table, cells
}

func cellList(cells [][]int64) list {
	out := list{}
	for _, c := range cells {
		l := list{}
		for _, n := range c {
			l = append(l, n)
		}
		out = append(out, l)
	}
	return out
}

// cellTexts writes each cell as 17 integers with a space between.
func cellTexts(cells [][]int64) []string {
	var out []string
	for _, c := range cells {
		out = append(out, strings.Trim(fmt.Sprint(c), "[]"))
	}
	return out
}

func textList(texts []string) list {
	out := list{}
	for _, s := range texts {
		out = append(out, s)
	}
	return out
}

// header is the batch header that follows from the batch.
func (b batch) header() group {
	table, cells := b.totals()
	first, last := b.period()
	h := group{
		1: 1, 2: b.issuer, 3: b.stream, 4: b.sequence, 6: len(b.records), 7: b.root(),
		8: list{first, last}, 9: textList(table), 10: cellList(cells),
	}
	if b.previous != nil {
		h[5] = b.previous
	}
	return h
}

func statementID(payload []byte) []byte {
	return hash([]byte("tokentrail/statement/v1"), []byte{0}, payload)
}

// expect is what a positive header vector states.
func (b batch) expect() *values {
	table, cells := b.totals()
	first, last := b.period()
	v := &values{
		Issuer: b.issuer, Stream: b.stream, Sequence: num(b.sequence), Count: num(int64(len(b.records))),
		Root: hexOf(b.root()), Period: []int64{first, last}, Strings: table, Cells: cellTexts(cells),
		StatementID: hexOf(statementID(enc(b.header()))),
	}
	if b.previous != nil {
		v.Previous = hexOf(b.previous)
	}
	return v
}

// ids are the record ids in hex.
func (b batch) ids() []string {
	var out []string
	for _, l := range b.leaves() {
		out = append(out, hexOf(l))
	}
	return out
}

// leafSuite: REC-10, BAT-1.
func leafSuite() *suite {
	s := newSuite("leaf", "The leaf of a record in its batch, and the record id. Input: the record; given: its place.")
	add := func(name, comment, issuer, stream string, sequence, index int64, rec group) {
		leaf := recordLeaf(issuer, stream, sequence, index, enc(rec))
		v := s.good(name, "REC-10", comment, enc(rec), &values{Leaf: hexOf(leaf), RecordID: hexOf(leafHash(leaf))})
		v.Given = &values{Issuer: issuer, Stream: stream, Sequence: num(sequence), Index: num(index)}
	}
	p := production()
	add("first", "the literal example as the first record of a stream", "acme", "main", 0, 0, p)
	add("other-index", "the same record at index 1", "acme", "main", 0, 1, p)
	add("index-23", "the last index of one byte", "acme", "main", 0, 23, p)
	add("index-24", "the first index of two bytes", "acme", "main", 0, 24, p)
	add("index-255", "the last index of two bytes", "acme", "main", 0, 255, p)
	add("index-4095", "the last index that there is", "acme", "main", 0, 4095, p)
	add("other-sequence", "the same record in the next statement", "acme", "main", 1, 0, p)
	add("sequence-2-32", "sequence 2^32", "acme", "main", 1<<32, 0, p)
	add("sequence-greatest", "sequence 2^63-1", "acme", "main", 1<<63-1, 0, p)
	add("other-stream", "the same record in another stream", "acme", "eu-1", 0, 0, p)
	add("other-issuer", "the same record by another issuer", "globex", "main", 0, 0, p)
	add("boundary-moved", "issuer and stream that join to the same letters differ", "acmem", "ain", 0, 0, p)
	add("longest-names", "issuer and stream of 64 characters", "a"+strings.Repeat("-", 63), "0"+strings.Repeat("_", 63), 0, 0, p)
	add("extension", "kept keys are hashed", "acme", "main", 0, 0, p.set("kept", 64))
	add("depth-8", "a record of depth 8: its depth is counted from its own map", "acme", "main", 0, 0, p.set(raw(cat(fill(0x81, 6), []byte{0x80})), 1024))
	add("complete", "a transfer with every field", "acme", "main", 7, 3, complete())
	return s
}
