package provenance

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

const msPerHour = 3_600_000

// CellKey says what a cell sums (spec/statement.md, BAT-3). Places are
// countries; Model and Basis are empty where a record has none.
type CellKey struct {
	Hour     int64 // since the epoch, UTC
	Kind     Kind
	Side     Side
	Serving  string
	Using    string
	Model    string
	Label    int64 // the label's status, 0 without a label
	Basis    string
	Boundary int64 // of the energy, 0 without
	Method   int64 // of the energy, 0 without
}

// Sums are what a cell adds up: records, tokens by class, and energy in µWh.
type Sums struct {
	Records, Input, Output, CacheRead, CacheWrite, Reasoning, Energy int64
}

// A Cell is one line of a statement's totals.
type Cell struct {
	CellKey
	Sums
}

// compare orders keys place by place; strings bytewise, as their indices in a
// sorted string table are ordered.
func (a CellKey) compare(b CellKey) int {
	return cmp.Or(
		cmp.Compare(a.Hour, b.Hour),
		cmp.Compare(a.Kind, b.Kind),
		cmp.Compare(a.Side, b.Side),
		cmp.Compare(a.Serving, b.Serving),
		cmp.Compare(a.Using, b.Using),
		cmp.Compare(a.Model, b.Model),
		cmp.Compare(a.Label, b.Label),
		cmp.Compare(a.Basis, b.Basis),
		cmp.Compare(a.Boundary, b.Boundary),
		cmp.Compare(a.Method, b.Method),
	)
}

// Add adds b to s; it reports false, and leaves s undefined, where a sum
// leaves int64 (SPEC(BAT-5)).
func (s *Sums) Add(b Sums) bool {
	return add(&s.Records, b.Records) && add(&s.Input, b.Input) && add(&s.Output, b.Output) &&
		add(&s.CacheRead, b.CacheRead) && add(&s.CacheWrite, b.CacheWrite) &&
		add(&s.Reasoning, b.Reasoning) && add(&s.Energy, b.Energy)
}

// Least returns the least of the sums.
func (s *Sums) Least() int64 {
	return min(s.Records, s.Input, s.Output, s.CacheRead, s.CacheWrite, s.Reasoning, s.Energy)
}

func add(to *int64, v int64) bool {
	if v > 0 && *to > math.MaxInt64-v || v < 0 && *to < math.MinInt64-v {
		return false
	}
	*to += v
	return true
}

// A tally adds records up into cells. Sums on the way may leave int64 where
// corrections bring them back: only where they end is looked at, so that the order
// of the records decides nothing.
type tally struct {
	sums map[CellKey]*wideSums
	last CellKey // most records follow one of the same cell
	into *wideSums
}

// wideSums are Sums before it is known that they are of int64, in their order.
type wideSums [7]Sum

func newTally() *tally { return &tally{sums: map[CellKey]*wideSums{}} }

// add counts a record, and in the cell that it corrects what it adds there.
// SPEC(BAT-8)
func (t *tally) add(f *facts) {
	if f.corrects != nil {
		t.count(&f.corrects.CellKey, &f.corrects.Sums)
	}
	t.count(&f.CellKey, &f.Sums)
}

func (t *tally) count(key *CellKey, s *Sums) {
	if t.into == nil || *key != t.last {
		t.last, t.into = *key, t.sums[*key]
		if t.into == nil {
			t.into = &wideSums{}
			t.sums[*key] = t.into
		}
	}
	for i, v := range s.list() {
		t.into[i] = t.into[i].AddInt(v)
	}
}

// list returns the sums in their order.
func (s *Sums) list() [7]int64 {
	return [7]int64{s.Records, s.Input, s.Output, s.CacheRead, s.CacheWrite, s.Reasoning, s.Energy}
}

// narrow returns the sums as those of a cell. SPEC(BAT-5)
func (w *wideSums) narrow() (Sums, error) {
	var v [7]int64
	for i, s := range w {
		if v[i] = int64(s.lo); SumOf(v[i]) != s {
			return Sums{}, fail(CodeOverflow, "totals", "a sum goes beyond 64 bits, signed: %s; split the batch", s)
		}
	}
	return Sums{v[0], v[1], v[2], v[3], v[4], v[5], v[6]}, nil
}

// cells returns the totals in the order of BAT-4.
func (t *tally) cells(most int) ([]Cell, error) {
	if len(t.sums) > most {
		return nil, fail(CodeCells, "totals", "the records fall into %d cells, at most %d are allowed; split the batch", len(t.sums), most)
	}
	cells := make([]Cell, 0, len(t.sums))
	for key, wide := range t.sums {
		sums, err := wide.narrow()
		if err != nil {
			return nil, err
		}
		cells = append(cells, Cell{key, sums})
	}
	slices.SortFunc(cells, func(a, b Cell) int { return a.compare(b.CellKey) })
	return cells, nil
}

// stringTable returns the strings of cells, sorted, each once (SPEC(BAT-2)).
func stringTable(cells []Cell) []string {
	var all []string
	for i := range cells {
		c := &cells[i]
		all = append(all, c.Serving, c.Using, c.Model, c.Basis)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// wireCell is a cell as it is signed.
type wireCell [17]int64

func toWire(cells []Cell, table []string) []wireCell {
	index := func(s string) int64 { return int64(sort.SearchStrings(table, s)) }
	out := make([]wireCell, len(cells))
	for i, c := range cells {
		out[i] = wireCell{
			c.Hour, int64(c.Kind), int64(c.Side), index(c.Serving), index(c.Using), index(c.Model),
			c.Label, index(c.Basis), c.Boundary, c.Method,
			c.Records, c.Input, c.Output, c.CacheRead, c.CacheWrite, c.Reasoning, c.Energy,
		}
	}
	return out
}

// fromWire resolves the cells of a header over its string table and checks
// their order (SPEC(BAT-3), SPEC(BAT-4)) and that every string is used (SPEC(BAT-2)).
func fromWire(wire []wireCell, table []string) ([]Cell, error) {
	used := make([]bool, len(table))
	cells := make([]Cell, len(wire))
	for i, w := range wire {
		for _, place := range [...]int{3, 4, 5, 7} {
			if w[place] < 0 || w[place] >= int64(len(table)) {
				return nil, fail(CodeStrings, pathOf("totals", i, place), "string %d is not in the table of %d", w[place], len(table))
			}
			used[w[place]] = true
		}
		cells[i] = Cell{
			CellKey{w[0], Kind(w[1]), Side(w[2]), table[w[3]], table[w[4]], table[w[5]], w[6], table[w[7]], w[8], w[9]},
			Sums{w[10], w[11], w[12], w[13], w[14], w[15], w[16]},
		}
		if i > 0 && cells[i-1].compare(cells[i].CellKey) >= 0 {
			return nil, fail(CodeCells, pathOf("totals", i, -1), "the cell does not come behind the one before")
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, fail(CodeStrings, pathOf("strings", i, -1), "no cell uses %q", table[i])
	}
	return cells, nil
}
