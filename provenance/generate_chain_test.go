package provenance

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// Generators of what rule version 2 added to records.

func integerGen() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(-30, 30), rapid.Int64())
}

func codeGen() *rapid.Generator[string] { return rapid.StringMatching(`[a-z0-9:.-]{1,48}`) }

func scaledGen() *rapid.Generator[Scaled] {
	return rapid.Custom(func(t *rapid.T) Scaled {
		return Scaled{Mantissa: integerGen().Draw(t, "mantissa"), Exponent: rapid.Int64Range(-18, 18).Draw(t, "exponent")}
	})
}

// rational is the number that a decimal stands for.
func rational(s Scaled) *big.Rat {
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(max(s.Exponent, -s.Exponent)), nil)
	if s.Exponent < 0 {
		return new(big.Rat).SetFrac(big.NewInt(s.Mantissa), power)
	}
	return new(big.Rat).SetInt(power.Mul(power, big.NewInt(s.Mantissa)))
}

func energyGen(t *rapid.T) *Energy {
	return &Energy{
		MicroWattHours: amountGen().Draw(t, "energy"), Method: enumGen(3).Draw(t, "method"), Boundary: enumGen(4).Draw(t, "boundary"),
		PUE:               maybe(t, "pue", pointer(rapid.Int64Range(1000, 100_000))),
		LocationIntensity: maybe(t, "location", pointer(amountGen())), MarketIntensity: maybe(t, "market", pointer(amountGen())),
		IntensitySource: maybe(t, "source", textGen()), IntensityHour: maybe(t, "hour", pointer(timeGen())),
		Matching: maybe(t, "matching", enumGen(3)), Water: maybe(t, "water", pointer(amountGen())),
	}
}

func acceleratorsGen(t *rapid.T) []Accelerator {
	out := make([]Accelerator, rapid.IntRange(1, 4).Draw(t, "accelerators"))
	for i := range out {
		out[i] = Accelerator{
			Type: identGen(64).Draw(t, "type"), Count: rapid.Int64Range(1, 1_000_000).Draw(t, "count"),
			Milliseconds: amountGen().Draw(t, "milliseconds"),
		}
	}
	return out
}

func computeGen(t *rapid.T) *Compute {
	return &Compute{Where: enumGen(3).Draw(t, "where"), Phase: enumGen(2).Draw(t, "phase")}
}

func crossingGen(t *rapid.T) *Crossing {
	c := &Crossing{Direction: enumGen(3).Draw(t, "direction"), ID: maybe(t, "crossing id", bytesGen(1, 32)), ECCN: maybe(t, "eccn", identGen(16))}
	if rapid.Bool().Draw(t, "classified") {
		c.Classes = rapid.SliceOfNDistinct(codeGen(), 1, 8, rapid.ID).Draw(t, "classes")
		slices.Sort(c.Classes)
	}
	if rapid.Bool().Draw(t, "mirrored") {
		c.Mirror = &parentsGen(t)[0]
	}
	return c
}

// hopGen makes a relay only of what may be one.
func hopGen(t *rapid.T, r *Record) *Hop {
	h := &Hop{Role: HopRole(enumGen(4).Draw(t, "role")), Relay: maybe(t, "relay", pointer(rapid.Bool()))}
	if h.Relay != nil && (r.Kind == Production || r.Parents == nil) {
		h.Relay = new(false)
	}
	return h
}

func namedGen(t *rapid.T) *Named {
	return &Named{Name: identGen(128).Draw(t, "name"), Version: maybe(t, "version", identGen(64)), Digest: maybe(t, "digest", digestGen())}
}

func lineageGen(t *rapid.T) *Lineage {
	l := &Lineage{
		Stage: enumGen(5).Draw(t, "stage"), Base: group(t, "base", namedGen), Parameters: maybe(t, "parameters", pointer(amountGen())),
		Signature: maybe(t, "signature", digestGen()), Trained: group(t, "trained", placeGen),
	}
	if rapid.Bool().Draw(t, "computed") {
		l.Compute = &Scaled{Mantissa: amountGen().Draw(t, "flop"), Exponent: rapid.Int64Range(0, 40).Draw(t, "power")}
		l.Method = enumGen(3).Draw(t, "compute method")
	}
	if rapid.Bool().Draw(t, "serialized") {
		l.Serialization = &Serialization{
			Method: enumGen(2).Draw(t, "serialization"), Hash: enumGen(3).Draw(t, "hash"),
			ShardSize: maybe(t, "shard", pointer(amountGen())), Symlinks: maybe(t, "symlinks", pointer(rapid.Bool())),
		}
	}
	return l
}

func datasetGen(t *rapid.T) *Dataset {
	d := &Dataset{
		Name: identGen(128).Draw(t, "dataset"), Version: maybe(t, "dataset version", identGen(64)), Digest: *digestGen().Draw(t, "dataset digest"),
		Sources:        make([]Source, rapid.IntRange(1, 16).Draw(t, "sources")),
		SyntheticShare: maybe(t, "synthetic", pointer(rapid.Int64Range(0, 1_000_000))), RawTokens: maybe(t, "raw", pointer(amountGen())),
		Tokenizer: maybe(t, "dataset tokenizer", identGen(64)), Description: maybe(t, "description", digestGen()),
	}
	for i := range d.Sources {
		d.Sources[i] = Source{
			Kind: enumGen(6).Draw(t, "source kind"), Reference: maybe(t, "source reference", textGen()), Digest: maybe(t, "source digest", digestGen()),
			Country: maybe(t, "source country", countryGen()), Licence: maybe(t, "licence", identGen(64)),
		}
	}
	most := int64(math.MaxInt64)
	if d.RawTokens != nil {
		most = *d.RawTokens
	}
	d.CleanTokens = maybe(t, "clean", pointer(rapid.Int64Range(0, most)))
	return d
}

func evaluationGen(t *rapid.T) *Evaluation {
	e := &Evaluation{
		Dataset:  *namedGen(t),
		Harness:  Harness{Name: identGen(128).Draw(t, "harness"), Version: maybe(t, "harness version", identGen(64)), Commit: bytesGen(20, 32).Draw(t, "commit")},
		Template: maybe(t, "template", digestGen()), Seed: maybe(t, "seed", pointer(integerGen())), N: rapid.Int64Range(1, math.MaxInt64).Draw(t, "n"),
		Metric: identGen(64).Draw(t, "metric"), Value: scaledGen().Draw(t, "value"),
		Evaluator: Evaluator{Name: textGen().Filter(func(s string) bool { return s != "" }).Draw(t, "evaluator"),
			Interest: enumGen(4).Draw(t, "interest"), Statement: maybe(t, "interest statement", textGen())},
		Contamination: maybe(t, "contamination", enumGen(3)), Results: maybe(t, "results", digestGen()),
	}
	e.Dataset.Digest, e.Dataset.Split = digestGen().Draw(t, "items"), maybe(t, "split", identGen(64))
	if rapid.Bool().Draw(t, "decoded") {
		e.Decoding = &Decoding{
			Temperature: maybe(t, "temperature", pointer(scaledGen())), TopP: maybe(t, "top-p", pointer(scaledGen())),
			TopK: maybe(t, "top-k", pointer(amountGen())), MaxTokens: maybe(t, "max tokens", pointer(amountGen())),
			Samples: maybe(t, "samples", pointer(amountGen())), RepetitionPenalty: maybe(t, "penalty", pointer(scaledGen())),
		}
	}
	if rapid.Bool().Draw(t, "bounded") {
		low, high := scaledGen().Draw(t, "low"), scaledGen().Draw(t, "high")
		if rational(low).Cmp(rational(high)) > 0 {
			low, high = high, low
		}
		e.Interval = &Interval{Low: low, High: high, Level: rapid.Int64Range(1, 999_999).Draw(t, "level")}
	}
	return e
}

// cellKeyGen makes a cell that a record of kind 1 to 6 can count in.
func cellKeyGen(t *rapid.T) CellKey {
	k := CellKey{Hour: rapid.Int64Range(0, MaxTime/3_600_000).Draw(t, "hour"), Kind: Kind(enumGen(6).Draw(t, "cell kind")), Serving: "ZZ", Using: "ZZ"}
	if k.Kind <= Consumption {
		k.Serving, k.Using = countryGen().Draw(t, "cell serving"), countryGen().Draw(t, "cell using")
		k.Label = rapid.Int64Range(0, 4).Draw(t, "cell label")
	}
	if k.Kind != DatasetMade && (k.Kind != Consumption || rapid.Bool().Draw(t, "cell has a model")) {
		k.Model = identGen(128).Draw(t, "cell model")
	}
	if k.Kind == Transfer {
		k.Side = Side(rapid.Int64Range(0, 2).Draw(t, "cell side"))
		codes := rapid.SliceOfNDistinct(codeGen(), 0, 4, rapid.ID).Draw(t, "cell basis")
		slices.Sort(codes)
		k.Basis = strings.Join(codes, "+")
	}
	if rapid.Bool().Draw(t, "cell has energy") {
		k.Boundary, k.Method = enumGen(4).Draw(t, "cell boundary"), enumGen(3).Draw(t, "cell method")
	}
	return k
}

func correctionGen(t *rapid.T) *Correction {
	c := &Correction{
		Record: bytesGen(32, 32).Draw(t, "record"), Entry: amountGen().Draw(t, "entry"), Reason: enumGen(8).Draw(t, "reason"),
		Note: maybe(t, "note", textGen()), Action: CorrectionAction(enumGen(2).Draw(t, "action")), Cell: cellKeyGen(t),
	}
	delta := integerGen()
	if c.Action == Reverses {
		c.Deltas.Records = -1
		if c.Cell.Kind == Transfer || c.Cell.Kind == Consumption {
			c.Deltas.Records = rapid.Int64Range(-1, 0).Draw(t, "records")
		}
		delta = rapid.Map(amountGen(), func(v int64) int64 { return -v })
	}
	relay := c.Action == Reverses && c.Deltas.Records == 0
	if c.Cell.Kind <= Consumption && !relay {
		for i, sum := range []*int64{&c.Deltas.Input, &c.Deltas.Output, &c.Deltas.CacheRead, &c.Deltas.CacheWrite, &c.Deltas.Reasoning} {
			*sum = delta.Draw(t, fmt.Sprint("delta ", i))
		}
	}
	if c.Cell.Boundary != 0 {
		c.Deltas.Energy = delta.Draw(t, "energy delta")
	}
	if c.Action == Amends && c.Deltas == (Sums{}) {
		c.Action, c.Deltas.Records = Reverses, -1 // nothing came out that could amend
	}
	return c
}
