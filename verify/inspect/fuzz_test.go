package inspect

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"tokentrail/provenance"
)

// FuzzExpression: whatever an auditor writes and the compiler takes, evaluating it
// ends, and counts each record once.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		`record.kind == "transfer"`, `record.basis.all(b, b.code.matches("^cn:"))`, `record.price.input > 1`, `dyn(record) == record`, `size(record.parents) > 0`,
		`record == record`, `type(record) == type(statement)`, `[record].exists(r, r.time != "")`, `{"a": record}["a"].kind == ""`, `has(record.crossing.mirror)`,
		`duration(string(record.usage.input) + "s") > duration("1h")`, `tokentrail.record{kind: "x"} == record`, `statement.first < record.time && entry.index == 0`,
	} {
		f.Add(s)
	}
	record := transfer(drew(1, 1))
	f.Fuzz(func(t *testing.T, expression string) {
		env, err := newEnvironment()
		if err != nil {
			t.Fatal(err)
		}
		ast, issues := env.Compile(expression)
		if issues.Err() != nil {
			return
		}
		program, err := newProgram(env, ast)
		if err != nil {
			return
		}
		rules := &Rules{list: []rule{{ID: "x", expect: program, expression: expression}}}
		got := of(record, record).inspect(t, Options{Skip: true, Rules: rules})
		row := got.Coverage.Rules[0]
		if row.Asked != 2 || row.Errors+row.Broken > 2 || row.Errors > 0 == (got.Reason == "") || row.Broken > 0 == (len(got.Findings) == 0) {
			t.Fatalf("%s: %+v %v %s", expression, row, got.Findings, got.Reason)
		}
	})
}

// FuzzRow: a row that comes back damaged is an error, never a panic.
func FuzzRow(f *testing.F) {
	r := newReader()
	if err := r.read(must(transfer().Encode())); err != nil {
		f.Fatal(err)
	}
	f.Add(append(make([]byte, 4), transferBody(r, 7, 3, 1, true, false)...))
	f.Add(fixBody(place{3, 1}, &provenance.Correction{Action: provenance.Amends, Deltas: provenance.Sums{Output: -1}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := newMirrors(nil, MirrorOptions{})
		m.providers = []string{"acme"}
		if c, err := m.crossed(1, b); err == nil && (c.model == nil || c.serving == nil || c.using == nil) {
			t.Fatalf("%+v", c)
		}
		_ = m.handFix([]owner{{}}, 0, b)
		_ = (&crossed{}).fix(b)
	})
}

// TestSorter holds what comes out to what went in, sorted, in memory and beyond.
func TestSorter(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 7))
		open := 0
		s := newSorter(func() (SpillFile, error) { open++; return &memoryFile{open: &open}, nil }, 1+random.IntN(4000))
		var want [][]byte
		for range random.IntN(500) {
			row := make([]byte, random.IntN(40))
			for i := range row {
				row[i] = byte(random.IntN(4))
			}
			want = append(want, row)
			s.add(row)
		}
		slices.SortFunc(want, bytes.Compare)
		var got [][]byte
		err := s.each(func(row []byte) error { got = append(got, bytes.Clone(row)); return nil })
		if err != nil || !slices.EqualFunc(got, want, bytes.Equal) || open != 0 {
			t.Fatalf("seed %d: %d rows of %d, %d open, %v", seed, len(got), len(want), open, err)
		}
	}
}
