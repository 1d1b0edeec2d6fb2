package main

import "fmt"

// The grammar of the groups of a record as far as the generator needs it: which
// values are just inside and just outside of what each field allows.

type form int

const (
	fInt    form = iota // integer in lo … hi
	fAmount             // ENC-34
	fTime               // ENC-33
	fIdent              // ENC-30, at most hi characters
	fText               // ENC-32, at most hi bytes
	fBytes              // lo … hi bytes
	fCountry
	fBool
	fDigest
	fDecimal // REC-16
	fScaled  // ENC-34: mantissa and exponent from 0
	fOther   // tested by hand
)

const maxTime = 253402300799999

type fieldSpec struct {
	key    int64
	name   string
	form   form
	lo, hi int64
	must   bool
	sample any
}

type groupSpec struct {
	path   []int64
	name   string
	fields []fieldSpec
}

func mustHave(f fieldSpec) fieldSpec { f.must = true; return f }

func enum(key int64, name string, hi int64) fieldSpec {
	return fieldSpec{key, name, fInt, 1, hi, false, 1}
}

func amountField(key int64, name string) fieldSpec {
	return fieldSpec{key, name, fAmount, 0, 1<<63 - 1, false, 0}
}

func ident(key int64, name string, hi int64, sample string) fieldSpec {
	return fieldSpec{key, name, fIdent, 1, hi, false, sample}
}

func text(key int64, name, sample string) fieldSpec {
	return fieldSpec{key, name, fText, 1, 128, false, sample}
}

func timeField(key int64, name string) fieldSpec {
	return fieldSpec{key, name, fTime, 0, maxTime, false, 1735689600000}
}

func digestField(key int64, name string) fieldSpec {
	return fieldSpec{key, name, fDigest, 0, 0, false, list{-16, fill(0xd1, 32)}}
}

func placeFields() []fieldSpec {
	return []fieldSpec{
		mustHave(fieldSpec{1, "country", fCountry, 0, 0, true, "US"}),
		{2, "subdivision", fOther, 0, 0, false, "US-VA"},
		ident(3, "operator", 64, "acme-cloud"),
		mustHave(enum(4, "known", 3)),
	}
}

// groupSpecs are the tables of record.md, "Groups".
func groupSpecs() []groupSpec {
	flag := func(key int64, name string) fieldSpec {
		return fieldSpec{key, name, fBool, 0, 0, false, true}
	}
	other := func(key int64, name string, sample any) fieldSpec {
		return fieldSpec{key, name, fOther, 0, 0, false, sample}
	}
	return []groupSpec{
		{[]int64{6}, "links", []fieldSpec{
			{1, "trace", fBytes, 16, 16, false, fill(0x4b, 16)},
			{2, "span", fBytes, 8, 8, false, fill(0x5c, 8)},
			ident(3, "response", 128, "chatcmpl-9x"), ident(4, "generation", 128, "gen-17"),
			ident(5, "a2a-task", 128, "task-1"), ident(6, "a2a-context", 128, "ctx-1"),
			ident(7, "mcp-request", 128, "42"),
		}},
		{[]int64{7}, "model", []fieldSpec{
			mustHave(ident(1, "name", 128, "llama-2-70b")), ident(2, "version", 64, "2023-07-18"),
			ident(3, "developer", 64, "meta"), {4, "jurisdiction", fCountry, 0, 0, false, "US"},
			digestField(5, "digest"), ident(6, "tokenizer", 64, "llama-bpe"),
			mustHave(enum(7, "known", 3)),
		}},
		{[]int64{8}, "usage", []fieldSpec{
			mustHave(amountField(1, "input")), mustHave(amountField(2, "output")),
			amountField(3, "cache-read"), amountField(4, "cache-write"), amountField(5, "reasoning"),
			enum(6, "counted", 3), enum(7, "finish", 6),
		}},
		{[]int64{9}, "serving", placeFields()},
		{[]int64{10}, "using", placeFields()},
		{[]int64{12, 0}, "basis[0]", []fieldSpec{
			mustHave(other(1, "code", "eu:46-2-c:m3")), text(2, "reference", "DPA 2026/17"),
			digestField(3, "digest"), timeField(4, "expires"),
		}},
		{[]int64{13}, "label", []fieldSpec{
			mustHave(enum(1, "status", 4)), enum(2, "extent", 3), enum(3, "modality", 6),
			text(4, "producer", "Acme Inference Ürümqi"), ident(5, "producer-code", 64, "91650100MA"),
			text(6, "system", "llama-2-70b 2023-07-18"), ident(7, "content-id", 128, "p-0001"),
			timeField(8, "made"), text(9, "propagator", "Example 平台"),
			ident(10, "propagate-id", 128, "q-0001"),
			ident(11, "source-type", 128, "trainedAlgorithmicMedia"), enum(12, "oversight", 3),
			flag(13, "editorial"), other(14, "explicit", group{1: true}),
			{15, "marks", fInt, 0, 15, false, 5}, {16, "seal", fBytes, 1, 128, false, fill(0x5e, 64)},
		}},
		{[]int64{13, 14}, "label.explicit", []fieldSpec{
			mustHave(flag(1, "applied")), enum(2, "position", 4),
			ident(3, "agreement", 64, "tos-7"), timeField(4, "logged-until"),
		}},
		{[]int64{14, 0}, "content[0]", []fieldSpec{
			mustHave(enum(1, "role", 2)), mustHave(other(2, "algorithm", 5)),
			mustHave(fieldSpec{3, "value", fBytes, 32, 32, true, fill(0xc0, 32)}),
			ident(4, "profile", 32, "text-v1"), ident(5, "media-type", 127, "text/plain"),
		}},
		{[]int64{15}, "energy", []fieldSpec{
			mustHave(amountField(1, "energy")), mustHave(enum(2, "method", 3)),
			mustHave(enum(3, "boundary", 4)),
		}},
		{[]int64{17}, "price", []fieldSpec{
			mustHave(other(1, "currency", "USD")), amountField(2, "input"), amountField(3, "output"),
			amountField(4, "cache-read"), amountField(5, "cache-write"),
			amountField(6, "reasoning"), amountField(7, "charged"),
		}},
	}
}

// topNames are the names of a record's own keys.
var topNames = map[int64]string{
	1: "kind", 2: "time", 3: "duration", 4: "ref", 5: "parents", 6: "links", 7: "model", 8: "usage",
	9: "serving", 10: "using", 11: "side", 12: "basis", 13: "label", 14: "content", 15: "energy",
	16: "accelerators", 17: "price", 19: "correction", 20: "compute", 21: "crossing", 22: "hop",
	23: "lineage", 24: "dataset", 25: "evaluation",
}

// least is the group with only what it must have.
func (g groupSpec) least() group {
	out := group{}
	for _, f := range g.fields {
		if f.must {
			out[f.key] = f.sample
		}
	}
	return out
}

// full is the group with everything.
func (g groupSpec) full() group {
	out := group{}
	for _, f := range g.fields {
		out[f.key] = f.sample
	}
	return out
}

// fieldsOf flattens a record to paths and values in text: integers in decimal,
// byte strings in hex. Extension keys are left out.
func fieldsOf(rec group) map[string]string {
	out := map[string]string{}
	names := map[string]map[int64]string{"": topNames}
	groups := groupSpecs()
	for _, g := range groupSpecsV2() {
		groups = append(groups, g.groupSpec)
	}
	for _, g := range groups {
		at := anyIndex(g.name)
		if names[at] == nil {
			names[at] = map[int64]string{}
		}
		for _, f := range g.fields {
			names[at][f.key] = f.name
		}
	}
	flatten(out, names, "", rec)
	return out
}

// anyIndex makes basis[3] of basis[0], so that each element finds its names.
func anyIndex(path string) string {
	out, skip := "", false
	for _, c := range path {
		if c == '[' {
			skip = true
		}
		if !skip {
			out += string(c)
		}
		if c == ']' {
			skip = false
		}
	}
	return out
}

func flatten(out map[string]string, names map[string]map[int64]string, path string, v any) {
	switch v := v.(type) {
	case group:
		for k, x := range v {
			name, ok := names[anyIndex(path)][k]
			if !ok {
				continue
			}
			if path != "" {
				name = path + "." + name
			}
			flatten(out, names, name, x)
		}
	case list:
		for i, x := range v {
			flatten(out, names, fmt.Sprintf("%s[%d]", path, i), x)
		}
	case []byte:
		out[path] = hexOf(v)
	case int, int64, string, bool:
		out[path] = fmt.Sprint(v)
	}
}
