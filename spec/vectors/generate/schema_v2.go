package main

import "math"

// What rule version 2 added to the tables of record.md, marked there.

// A hostedGroup is a group and a record in which it stands with what it must
// have; of groups that version 1 has, only the new fields are listed.
type hostedGroup struct {
	groupSpec
	in group
}

// with is the record in which v stands under a key of the group.
func (h hostedGroup) with(key int64, v any) group {
	return h.in.set(v, append(append([]int64(nil), h.path...), key)...)
}

// without is the record in which the group lacks a key.
func (h hostedGroup) without(key int64) group {
	return h.in.del(append(append([]int64(nil), h.path...), key)...)
}

func intRange(key int64, name string, lo, hi int64, sample any) fieldSpec {
	return fieldSpec{key, name, fInt, lo, hi, false, sample}
}

func flagField(key int64, name string) fieldSpec {
	return fieldSpec{key, name, fBool, 0, 0, false, true}
}

func decimalField(key int64, name string, sample any) fieldSpec {
	return fieldSpec{key, name, fDecimal, 0, 0, false, sample}
}

// byHand is a field whose vectors are not made by its form.
func byHand(key int64, name string, sample any) fieldSpec {
	return fieldSpec{key, name, fOther, 0, 0, false, sample}
}

func anyDigest() list { return list{-16, fill(0xd1, 32)} }

// groupSpecsV2 are the groups and fields of rule version 2.
func groupSpecsV2() []hostedGroup {
	return append(append(eventGroups(), chainGroups()...), evaluationGroups()...)
}

// eventGroups are those that stand in productions, transfers and consumptions.
func eventGroups() []hostedGroup {
	t := transfer()
	return []hostedGroup{
		{groupSpec{[]int64{13, 14}, "label.explicit", []fieldSpec{
			flagField(5, "notified"), enum(6, "form", 4), intRange(7, "height", 0, 1000, 50), amountField(8, "shown"),
		}}, t.set(group{1: 1, 14: group{1: true}}, 13)},
		{groupSpec{[]int64{15}, "energy", []fieldSpec{
			intRange(4, "pue", 1000, 100000, 1120), amountField(5, "location-intensity"),
			amountField(6, "market-intensity"), text(7, "intensity-source", "ENTSO-E 2023, Zähler"),
			timeField(8, "intensity-hour"), enum(9, "matching", 3), amountField(10, "water"),
		}}, t.set(group{1: 900, 2: 1, 3: 4}, 15)},
		{groupSpec{[]int64{16, 0}, "accelerators[0]", []fieldSpec{
			mustHave(ident(1, "type", 64, "nvidia-h100-sxm")), mustHave(intRange(2, "count", 1, 1000000, 8)),
			mustHave(amountField(3, "milliseconds")),
		}}, t.set(list{group{1: "nvidia-h100-sxm", 2: 8, 3: 17200}}, 16)},
		{groupSpec{[]int64{20}, "compute", []fieldSpec{
			mustHave(enum(1, "where", 3)), mustHave(enum(2, "phase", 2)),
		}}, t.set(group{1: 1, 2: 2}, 20)},
		{groupSpec{[]int64{21}, "crossing", []fieldSpec{
			mustHave(enum(1, "direction", 3)), byHand(2, "classes", list{"any:non-personal", "us-dsp:health"}),
			{3, "id", fBytes, 1, 32, false, fill(0x1d, 16)}, byHand(4, "mirror", fill(0x33, 32)),
			ident(5, "eccn", 16, "4E091"),
		}}, t.set(group{1: 3}, 21)},
		{groupSpec{[]int64{22}, "hop", []fieldSpec{
			mustHave(enum(1, "role", 4)), flagField(2, "relay"),
		}}, t.set(group{1: 2}, 22)},
	}
}

// chainGroups are those of models, datasets and corrections.
func chainGroups() []hostedGroup {
	trained := modelMade().set(group{1: 2, 3: list{1, 24}, 4: 1}, 23)
	d := datasetMade()
	return []hostedGroup{
		{groupSpec{[]int64{23}, "lineage", []fieldSpec{
			mustHave(enum(1, "stage", 5)), byHand(2, "base", group{1: "llama-2-70b"}),
			{3, "compute", fScaled, 0, 0, false, list{1720320, 18}}, enum(4, "method", 3),
			amountField(5, "parameters"), byHand(6, "serialization", group{1: 1, 2: 1}),
			digestField(7, "signature"), byHand(8, "trained", group{1: "US", 4: 1}),
		}}, trained},
		{groupSpec{[]int64{23, 2}, "lineage.base", []fieldSpec{
			mustHave(ident(1, "name", 128, "llama-2-70b")), ident(2, "version", 64, "2023-07-18"), digestField(3, "digest"),
		}}, trained.set(group{1: "llama-2-70b"}, 23, 2)},
		{groupSpec{[]int64{23, 6}, "lineage.serialization", []fieldSpec{
			mustHave(enum(1, "method", 2)), mustHave(enum(2, "hash", 3)), amountField(3, "shard-size"), flagField(4, "symlinks"),
		}}, trained.set(group{1: 2, 2: 3}, 23, 6)},
		{groupSpec{[]int64{23, 8}, "lineage.trained", placeFields()}, trained.set(group{1: "US", 4: 1}, 23, 8)},
		{groupSpec{[]int64{24}, "dataset", []fieldSpec{
			mustHave(ident(1, "name", 128, "common-crawl")), ident(2, "version", 64, "2024-10"),
			mustHave(digestField(3, "digest")), mustHave(byHand(4, "sources", list{group{1: 1}})),
			intRange(5, "synthetic-share", 0, 1000000, 125000), amountField(6, "raw-tokens"),
			amountField(7, "clean-tokens"), ident(8, "tokenizer", 64, "llama-bpe"), digestField(9, "description"),
		}}, d},
		{groupSpec{[]int64{24, 4, 0}, "dataset.sources[0]", []fieldSpec{
			mustHave(enum(1, "kind", 6)), text(2, "reference", "https://example.org/数据"), digestField(3, "digest"),
			{4, "country", fCountry, 0, 0, false, "DE"}, ident(5, "licence", 64, "CC-BY-4.0"),
		}}, d},
		{groupSpec{[]int64{19}, "correction", []fieldSpec{
			mustHave(fieldSpec{1, "record", fBytes, 32, 32, true, fill(0xab, 32)}), mustHave(amountField(2, "entry")),
			mustHave(byHand(3, "action", 1)), mustHave(enum(4, "reason", 8)), text(5, "note", "counted twice, siehe Vorgang 17"),
			mustHave(byHand(6, "cell", correctedCell())), mustHave(byHand(7, "deltas", list{-1, -374, -44, 0, 0, 0, 0})),
		}}, corrected()},
	}
}

func evaluationGroups() []hostedGroup {
	e := evaluated()
	return []hostedGroup{
		{groupSpec{[]int64{25}, "evaluation", []fieldSpec{
			mustHave(byHand(1, "dataset", e[25].(group)[1])), mustHave(byHand(2, "harness", e[25].(group)[2])),
			digestField(3, "template"), byHand(4, "decoding", group{}), intRange(5, "seed", math.MinInt64, math.MaxInt64, -7),
			mustHave(intRange(6, "n", 1, math.MaxInt64, 14042)), mustHave(ident(7, "metric", 64, "acc")),
			mustHave(decimalField(8, "value", list{7351, -4})), byHand(9, "interval", group{1: list{728, -3}, 2: list{7422, -4}, 3: 950000}),
			mustHave(byHand(10, "evaluator", e[25].(group)[10])), enum(11, "contamination", 3), digestField(12, "results"),
		}}, e},
		{groupSpec{[]int64{25, 1}, "evaluation.dataset", []fieldSpec{
			mustHave(ident(1, "name", 128, "mmlu")), ident(2, "version", 64, "1.0"), mustHave(digestField(3, "digest")), ident(4, "split", 64, "test"),
		}}, e},
		{groupSpec{[]int64{25, 2}, "evaluation.harness", []fieldSpec{
			mustHave(ident(1, "name", 128, "lm-eval")), ident(2, "version", 64, "0.4.9"),
			mustHave(fieldSpec{3, "commit", fBytes, 20, 32, true, fill(0xc2, 20)}),
		}}, e},
		{groupSpec{[]int64{25, 4}, "evaluation.decoding", []fieldSpec{
			decimalField(1, "temperature", list{7, -1}), decimalField(2, "top-p", list{95, -2}), amountField(3, "top-k"),
			amountField(4, "max-tokens"), amountField(5, "samples"), decimalField(6, "repetition-penalty", list{105, -2}),
		}}, e.set(group{}, 25, 4)},
		{groupSpec{[]int64{25, 9}, "evaluation.interval", []fieldSpec{
			mustHave(byHand(1, "low", list{728, -3})), mustHave(byHand(2, "high", list{7422, -4})),
			mustHave(intRange(3, "level", 1, 999999, 950000)),
		}}, e.set(group{1: list{728, -3}, 2: list{7422, -4}, 3: 950000}, 25, 9)},
		{groupSpec{[]int64{25, 10}, "evaluation.evaluator", []fieldSpec{
			mustHave(text(1, "name", "Acme Évals")), mustHave(enum(2, "interest", 4)), text(3, "statement", "no contract with the developer"),
		}}, e},
	}
}
