package provenance

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func bigOf(s Sum) *big.Int {
	v := new(big.Int).Lsh(big.NewInt(s.hi), 64)
	return v.Add(v, new(big.Int).SetUint64(s.lo))
}

// edges are sums at which a digit, a word or the sign changes.
func edges() []Sum {
	var all []Sum
	for _, s := range []Sum{
		{}, SumOf(math.MaxInt64), SumOf(math.MinInt64), {0, math.MaxUint64}, {1, 0}, {math.MaxInt64, math.MaxUint64}, {math.MinInt64, 0},
		{0, tenTo19}, {5, 7766279631452241920} /* 10^20 */, {tenTo19 / 4, 3}, {-1, 0}, {math.MinInt64, 1},
	} {
		all = append(all, s, s.AddInt(1), s.AddInt(-1))
	}
	ten := big.NewInt(1)
	for range 38 {
		ten = new(big.Int).Mul(ten, big.NewInt(10))
		lo := new(big.Int).And(ten, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		s := Sum{new(big.Int).Rsh(ten, 64).Int64(), lo}
		all = append(all, s, s.AddInt(-1))
	}
	return all
}

func checkSum(t *testing.T, s Sum) {
	t.Helper()
	if got, want := s.String(), bigOf(s).String(); got != want {
		t.Fatalf("%#v is written %s, wanted %s", s, got, want)
	}
	if back, err := ParseSum(s.String()); err != nil || back != s {
		t.Fatalf("%s is read as %s: %v", s, back, err)
	}
}

func TestSums(t *testing.T) {
	for _, s := range edges() {
		checkSum(t, s)
	}
	draw := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		a := Sum{draw.Int64() >> (2 + draw.IntN(60)), draw.Uint64()}
		b := Sum{-draw.Int64() >> (2 + draw.IntN(60)), draw.Uint64()}
		checkSum(t, a)
		checkSum(t, b)
		if got, want := bigOf(a.Add(b)), new(big.Int).Add(bigOf(a), bigOf(b)); got.Cmp(want) != 0 {
			t.Fatalf("%s + %s = %s", a, b, got)
		}
		v := int64(draw.Uint64())
		if got, want := bigOf(a.AddInt(v)), new(big.Int).Add(bigOf(a), big.NewInt(v)); got.Cmp(want) != 0 {
			t.Fatalf("%s + %d = %s", a, v, got)
		}
	}
	if !(Sum{}).IsZero() || SumOf(3).AddInt(-3) != (Sum{}) || SumOf(-1).IsZero() {
		t.Error("zero is not zero")
	}
}

func TestSumsAreJSONNumbers(t *testing.T) {
	type row struct {
		N Sum `json:"n"`
	}
	s := SumOf(math.MaxInt64).AddInt(math.MaxInt64)
	b, err := json.Marshal(row{s})
	if string(b) != `{"n":18446744073709551614}` || err != nil {
		t.Errorf("%s, %v", b, err)
	}
	var back row
	if err := json.Unmarshal(b, &back); err != nil || back.N != s {
		t.Errorf("%+v, %v", back, err)
	}
	for _, text := range []string{
		`"1"`, `1.0`, `1e3`, `-0`, `null`, `true`, `{}`, `[]`, `""`,
		"170141183460469231731687303715884105728", "-170141183460469231731687303715884105729",
		"340282366920938463463374607431768211456", "1000000000000000000000000000000000000000",
	} {
		if err := json.Unmarshal([]byte(`{"n":`+text+`}`), &back); err == nil {
			t.Errorf("%s was read as %s", text, back.N)
		}
	}
	for _, text := range []string{"", "-", "+1", "01", "-01", " 1", "1 ", "1_000"} {
		if s, err := ParseSum(text); err == nil {
			t.Errorf("%q was read as %s", text, s)
		}
	}
}

func FuzzParseSum(f *testing.F) {
	for _, s := range edges() {
		f.Add(s.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSum(text)
		want, ok := new(big.Int).SetString(text, 10)
		if err == nil && (s.String() != text || !ok || bigOf(s).Cmp(want) != 0) {
			t.Errorf("%q was read as %s", text, s)
		}
		if err != nil && ok && want.String() == text && want.BitLen() < 127 {
			t.Errorf("%q: %v", text, err)
		}
	})
}
