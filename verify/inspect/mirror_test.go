package inspect

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// crosses makes a transfer of one side with a crossing id.
func crosses(side provenance.Side, id string, change ...func(*provenance.Record)) *provenance.Record {
	r := transfer()
	r.Side, r.Ref = &side, nil
	if id != "" {
		r.Crossing = &provenance.Crossing{Direction: 1, ID: []byte(id)}
	}
	for _, c := range change {
		c(r)
	}
	return r
}

func mirrorOptions() Options { return Options{Skip: true, Mirrors: &MirrorOptions{}} }

// story is a log with one crossing of each sort.
func story() *trail {
	l := &trail{}
	out := l.say("acme",
		crosses(provenance.Exporter, "same"),
		crosses(provenance.Exporter, "less"),
		crosses(provenance.Exporter, "nobody"),
		crosses(provenance.Exporter, ""),
		crosses(provenance.Exporter, "", func(r *provenance.Record) { r.Ref = []byte("by-ref") }),
		crosses(provenance.Exporter, "twice"),
		crosses(provenance.Exporter, "fixed"),
		crosses(provenance.Exporter, "reversed"),
		crosses(provenance.Exporter, ""),
	)
	l.say("beta",
		crosses(provenance.Importer, "same"),
		crosses(provenance.Importer, "less", func(r *provenance.Record) { r.Usage.Output = 150 }),
		crosses(provenance.Importer, "", func(r *provenance.Record) { r.Crossing = mirrorOf(provenance.Parent{ID: out[3][:]}) }),
		crosses(provenance.Importer, "", func(r *provenance.Record) {
			r.Crossing = mirrorOf(provenance.Parent{Issuer: "acme", Ref: []byte("by-ref")})
		}),
		crosses(provenance.Importer, "twice"), crosses(provenance.Importer, "twice"),
		crosses(provenance.Importer, "fixed", func(r *provenance.Record) { r.Usage.Output = 190 }),
		crosses(provenance.Importer, "", to("AR")),
		crosses(provenance.Neither, "same"),
		crosses(provenance.Importer, "same", func(r *provenance.Record) {
			r.Hop, r.Parents = &provenance.Hop{Role: provenance.Gateway, Relay: new(true)}, []provenance.Parent{{ID: out[0][:]}}
		}),
	)
	l.say("acme", correction(out[6], provenance.Amends, provenance.Sums{Output: -10}), correction(out[7], provenance.Reverses, provenance.Sums{Records: -1, Input: -1000, Output: -200}))
	l.say("beta", correction(out[0], provenance.Amends, provenance.Sums{Output: -1})) // of another's record: no correction
	return l
}

func mirrorOf(p provenance.Parent) *provenance.Crossing {
	return &provenance.Crossing{Direction: 1, Mirror: &p}
}

func correction(of provenance.Hash, action provenance.CorrectionAction, deltas provenance.Sums) *provenance.Record {
	return &provenance.Record{Kind: provenance.Corrected, Time: now, Correction: &provenance.Correction{
		Record: of[:], Action: action, Reason: 2, Deltas: deltas,
		Cell: provenance.CellKey{Hour: now / 3600_000, Kind: provenance.Transfer, Side: provenance.Exporter, Serving: "US", Using: "BR", Model: "llama-2-70b", Basis: "cn:standard-contract"},
	}}
}

// tableOf writes a pair as a row.
func tableOf(pairs []verify.MirrorPair) (rows []string) {
	amount := func(a verify.MirrorAmount) string {
		return fmt.Sprintf("%d %s/%s", a.Records, a.ExporterOutput, a.ImporterOutput)
	}
	for _, p := range pairs {
		rows = append(rows, fmt.Sprintf("%s-%s | %s | %s | %s | %s | %s", p.From, p.To, amount(p.Matched), amount(p.Unequal), amount(p.Exporters), amount(p.Importers), amount(p.Ambiguous)))
	}
	return rows
}

var storyTable = []string{
	"US-AR | 0 0/0 | 0 0/0 | 0 0/0 | 1 0/200 | 0 0/0",
	// same, by id, by ref and fixed; less; nobody and the last one; none; twice.
	"US-BR | 8 790/790 | 2 200/150 | 2 400/0 | 0 0/0 | 3 200/400",
}

func TestMirrors(t *testing.T) {
	got := story().inspect(t, mirrorOptions())
	if got.Reason != "" {
		t.Fatal(got.Reason)
	}
	pairs := got.Coverage.Mirrors.Pairs
	if rows := tableOf(pairs); !slices.Equal(rows, storyTable) {
		t.Errorf("%s", strings.Join(rows, "\n"))
	}
	// 990 of the exporters and 940 of the importers.
	if d := pairs[1].OutputDifference; d == nil || *d != -50505 || *pairs[1].InputDifference != 0 || pairs[0].InputDifference != nil {
		t.Errorf("%+v", pairs[1])
	}
	want := []string{
		"mirror-missing entries[0].records[2] acme",
		"mirror-ambiguous entries[1].records[5] beta",
		"mirror-differs entries[1].records[1] beta",
	}
	var found []string
	for _, f := range got.Findings {
		found = append(found, fmt.Sprintf("%s %s %s", f.Code, f.Place, f.Provider))
	}
	if !slices.Equal(found, want) {
		t.Errorf("%v", found)
	}
	if f := got.Findings[2]; f.Got != "output: exporter 200, importer 150 (-25.00 %)" || f.Want != "what the other side recorded in entries[0].records[1] of acme" {
		t.Error(f)
	}
}

// TestMirrorsOfAThird: who takes a crossing id that two others have is told of, not
// they. SPEC(VER-77)
func TestMirrorsOfAThird(t *testing.T) {
	l := &trail{}
	l.say("acme", crosses(provenance.Exporter, "x"))
	l.say("beta", crosses(provenance.Importer, "x"))
	l.say("gamma", crosses(provenance.Importer, "x"))
	l.say("delta", crosses(provenance.Importer, "x"))
	got := l.inspect(t, mirrorOptions()).Findings
	if len(got) != 1 || got[0].Code != verify.CodeMirrorAmbiguous || got[0].Provider != "delta" || got[0].Place != "entries[3].records[0]" {
		t.Errorf("%v", got)
	}
}

// TestMirrorsAnyOrder: which side comes first, and when, changes nothing of the table.
func TestMirrorsAnyOrder(t *testing.T) {
	for seed := range uint64(20) {
		l := story()
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(l.entries), func(i, j int) { l.entries[i], l.entries[j] = l.entries[j], l.entries[i] })
		if rows := tableOf(l.inspect(t, mirrorOptions()).Coverage.Mirrors.Pairs); !slices.Equal(rows, storyTable) {
			t.Errorf("%d: %s", seed, strings.Join(rows, "\n"))
		}
	}
}

// TestMirrorDifferences: whatever differs is told, what one side does not say is not.
func TestMirrorDifferences(t *testing.T) {
	digest := func(b byte) *provenance.Digest { return provenance.SHA256Digest(provenance.Hash{b}) }
	for words, change := range map[string]func(e, i *provenance.Record){
		"":                        func(_, i *provenance.Record) { i.Time += 600_000 },
		"time":                    func(_, i *provenance.Record) { i.Time += 600_001 },
		"serving place":           func(_, i *provenance.Record) { i.Serving.Country = "CA" },
		"using place":             func(e, _ *provenance.Record) { e.Using.Country = "AR" },
		"using subdivision":       func(e, i *provenance.Record) { e.Using.Subdivision, i.Using.Subdivision = "BR-SP", "BR-RJ" },
		"serving subdivision":     func(e, i *provenance.Record) { e.Serving.Subdivision, i.Serving.Subdivision = "US-CA", "US-VA" },
		"model: exporter":         func(_, i *provenance.Record) { i.Model.Name = "llama" },
		"model's version":         func(e, i *provenance.Record) { e.Model.Version, i.Model.Version = "1", "2" },
		"model's digest":          func(e, i *provenance.Record) { e.Model.Digest, i.Model.Digest = digest(1), digest(2) },
		"direction":               func(_, i *provenance.Record) { i.Crossing.Direction = 3 },
		"input: exporter 1000":    func(_, i *provenance.Record) { i.Usage.Input = 1001 },
		"reasoning: exporter 5":   func(e, i *provenance.Record) { e.Usage.Reasoning, i.Usage.Reasoning = new(int64(5)), new(int64(4)) },
		"cache read: exporter 0,": func(e, i *provenance.Record) { e.Usage.CacheRead, i.Usage.CacheRead = new(int64(0)), new(int64(4)) },
	} {
		e, i := crosses(provenance.Exporter, "x"), crosses(provenance.Importer, "x")
		change(e, i)
		l := &trail{}
		l.say("beta", i)
		l.say("acme", e)
		got := l.inspect(t, mirrorOptions())
		if words == "" && len(got.Findings) != 0 || words != "" && (len(got.Findings) != 1 || got.Findings[0].Code != verify.CodeMirrorDiffers || !strings.Contains(got.Findings[0].Got, words) || got.Findings[0].Provider != "acme") {
			t.Errorf("%s: %v", words, got.Findings)
		}
	}
	e, i := crosses(provenance.Exporter, "x"), crosses(provenance.Importer, "x")
	e.Using.Subdivision, e.Model.Version, e.Model.Digest, e.Usage.CacheRead = "BR-SP", "1", digest(1), new(int64(5))
	if got := of(e, i).inspect(t, mirrorOptions()); len(got.Findings) != 0 {
		t.Error(got.Findings)
	}
	i.Usage.Output = 202
	o := mirrorOptions()
	o.Mirrors.Tolerance = 10_000
	if got := of(e, i).inspect(t, o); len(got.Findings) != 0 {
		t.Error(got.Findings)
	}
	o.Mirrors.Tolerance, o.Mirrors.Within = 9_999, time.Hour
	if got := of(e, i).inspect(t, o); len(got.Findings) != 1 {
		t.Error(got.Findings)
	}
}

// TestMirrorsOfARange: of what is outside nothing is told, but it is the other side of
// what is within.
func TestMirrorsOfARange(t *testing.T) {
	for name, c := range map[string]struct {
		change func(o *Options)
		want   []string
	}{
		"country":  {func(o *Options) { o.Mirrors.To = "AR" }, storyTable[:1]},
		"another":  {func(o *Options) { o.Mirrors.From = "CN" }, nil},
		"provider": {func(o *Options) { o.Providers = []string{"acme"} }, storyTable[1:]},
		"entries":  {func(o *Options) { o.From, o.To = 1, 2 }, []string{storyTable[0], "US-BR | 8 790/790 | 2 200/150 | 0 0/0 | 0 0/0 | 3 200/400"}},
		"since":    {func(o *Options) { o.Since = now + 1 }, nil},
	} {
		o := mirrorOptions()
		c.change(&o)
		if rows := tableOf(story().inspect(t, o).Coverage.Mirrors.Pairs); !slices.Equal(rows, c.want) {
			t.Errorf("%s: %s", name, strings.Join(rows, "\n"))
		}
	}
}

// memoryFile is a place for rows.
type memoryFile struct {
	bytes.Buffer
	open   *int
	damage bool
}

func (f *memoryFile) Rewind() (io.Reader, error) {
	b := bytes.Clone(f.Bytes())
	if f.damage && len(b) > 10 {
		b[len(b)/2] ^= 0x55
	}
	return bytes.NewReader(b), nil
}
func (f *memoryFile) Close() error { *f.open--; return nil }

// crowd is a log of many crossings, of which some have no other side or another amount.
func crowd(n int) *trail {
	l := &trail{}
	random := rand.New(rand.NewPCG(1, 2))
	for from := 0; from < n; from += 100 {
		var out, in []*provenance.Record
		for i := from; i < from+100; i++ {
			id := fmt.Sprint(i)
			out = append(out, crosses(provenance.Exporter, id))
			if random.IntN(10) > 0 {
				in = append(in, crosses(provenance.Importer, id, func(r *provenance.Record) { r.Usage.Output += int64(random.IntN(2)) }))
			}
		}
		l.say("acme", out...)
		l.say("beta", in...)
	}
	return l
}

// TestMirrorsBeyondMemory: sorted runs outside of memory change nothing of what is
// found, and are given up. Without a place, or where it fails, nothing is told.
func TestMirrorsBeyondMemory(t *testing.T) {
	want := crowd(2000).inspect(t, mirrorOptions())
	open, made := 0, 0
	o := mirrorOptions()
	o.Mirrors.Memory = 64 << 10
	o.Mirrors.Spill = func() (SpillFile, error) { open++; made++; return &memoryFile{open: &open}, nil }
	got := crowd(2000).inspect(t, o)
	if got.Reason != "" || !slices.Equal(tableOf(got.Coverage.Mirrors.Pairs), tableOf(want.Coverage.Mirrors.Pairs)) || len(got.Findings) != len(want.Findings) || len(want.Findings) == 0 {
		t.Errorf("%s %v, want %v", got.Reason, tableOf(got.Coverage.Mirrors.Pairs), tableOf(want.Coverage.Mirrors.Pairs))
	}
	for i, f := range got.Findings {
		if *f != *want.Findings[i] {
			t.Errorf("%v, want %v", f, want.Findings[i])
		}
	}
	if made < 10 || open != 0 {
		t.Errorf("%d runs, %d still open", made, open)
	}
	for name, spill := range map[string]Spill{
		"no other place": nil,
		"disk full":      func() (SpillFile, error) { return nil, errors.New("disk full") },
		"damaged":        func() (SpillFile, error) { open++; return &memoryFile{open: &open, damage: true}, nil },
	} {
		o.Mirrors.Spill = spill
		got := crowd(2000).inspect(t, o)
		if !strings.Contains(got.Reason, name) || got.Coverage.Mirrors != nil {
			t.Errorf("%s: %q", name, got.Reason)
		}
	}
	if open != 0 {
		t.Errorf("%d places not given up", open)
	}
}
