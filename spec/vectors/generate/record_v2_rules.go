package main

import (
	"fmt"
	"math"
	"strings"
)

// recordRulesV2: what has a form of its own, and REC-6 and REC-12 to REC-16.
func recordRulesV2(s *suite) {
	bad := func(name, rule, comment string, rec group, code string, path ...string) {
		s.bad(name, rule, comment, enc(rec), code, path...)
	}
	good := func(name, rule, comment string, rec group) {
		s.good(name, rule, comment, enc(rec), recordExpect(rec))
	}
	acceleratorsAndCrossing(bad, good)
	relayVectors(bad, good)
	lineageVectors(bad, good)
	datasetVectors(bad, good)
	evaluationVectors(bad, good)
	intervalVectors(bad, good)
}

type (
	badRecord  = func(name, rule, comment string, rec group, code string, path ...string)
	goodRecord = func(name, rule, comment string, rec group)
)

func acceleratorsAndCrossing(bad badRecord, good goodRecord) {
	t := transfer()
	device := group{1: "nvidia-h100-sxm", 2: 8, 3: 17200}
	bad("accelerators-none", "", "no accelerator in the array", t.set(list{}, 16), "value", "accelerators")
	bad("accelerators-five", "", "five accelerators", t.set(list{device, device, device, device, device}, 16), "value", "accelerators")
	good("accelerators-four", "", "four accelerators, of one type", t.set(list{device, device, device, device}, 16))
	bad("accelerators-second", "", "the second accelerator has no count", t.set(list{device, device.del(2)}, 16), "missing-field", "accelerators[1].count")

	crossing := func(key int64, v any) group { return t.set(group{1: 1, key: v}, 21) }
	bad("crossing-classes-type", "", "crossing.classes is a text", crossing(2, "any:non-personal"), "type", "crossing.classes")
	bad("crossing-classes-none", "", "no class in the array", crossing(2, list{}), "value", "crossing.classes")
	bad("crossing-classes-nine", "", "nine classes", crossing(2, list{"a", "b", "c", "d", "e", "f", "g", "h", "i"}), "value", "crossing.classes")
	good("crossing-classes-eight", "", "eight classes; '-' sorts before '.', the digits and ':'", crossing(2, list{"a", "a-b", "a.b", "a1", "a:b", "b", "ba", "c"}))
	bad("crossing-classes-order", "", "cn:important stands behind eu:art-9", crossing(2, list{"eu:art-9", "cn:important"}), "value", "crossing.classes[1]")
	bad("crossing-classes-order-last", "", "the third class stands before the second", crossing(2, list{"a", "c", "b"}), "value", "crossing.classes[2]")
	bad("crossing-classes-order-prefix", "", "the shorter class stands behind the longer that begins with it", crossing(2, list{"eu:art-9", "eu:art"}), "value", "crossing.classes[1]")
	bad("crossing-classes-twice", "", "one class twice", crossing(2, list{"eu:art-9", "eu:art-9"}), "value", "crossing.classes[1]")
	bad("crossing-class-type", "", "a class is an integer", crossing(2, list{9}), "type", "crossing.classes[0]")
	for _, v := range [][2]string{{"empty", ""}, {"upper", "EU:art-9"}, {"space", "eu art"}, {"plus", "eu+cn"}, {"underscore", "eu_9"}, {"slash", "eu/9"}, {"long", strings.Repeat("a", 49)}, {"newline", "eu:art-9\n"}, {"non-ascii", "é"}} {
		bad("crossing-class-"+v[0], "", "crossing.classes[0] is \""+v[1]+"\"", crossing(2, list{v[1]}), "value", "crossing.classes[0]")
	}
	good("crossing-class-48", "", "a class of 48 characters", crossing(2, list{strings.Repeat("z", 48)}))

	good("crossing-mirror-ref", "", "crossing.mirror is an issuer and a ref", crossing(4, list{"globex", fill(7, 8)}))
	bad("crossing-mirror-31", "", "crossing.mirror is a record id of 31 bytes", crossing(4, fill(1, 31)), "value", "crossing.mirror")
	bad("crossing-mirror-33", "", "crossing.mirror is a record id of 33 bytes", crossing(4, fill(1, 33)), "value", "crossing.mirror")
	bad("crossing-mirror-text", "", "crossing.mirror is a text", crossing(4, "globex"), "type", "crossing.mirror")
	bad("crossing-mirror-list", "", "crossing.mirror is an array with one record id", crossing(4, list{fill(1, 32)}), "value", "crossing.mirror")
	bad("crossing-mirror-arity", "", "crossing.mirror has three elements", crossing(4, list{"globex", fill(7, 8), 0}), "value", "crossing.mirror")
	bad("crossing-mirror-issuer", "ENC-31", "the issuer of crossing.mirror is in upper case", crossing(4, list{"Globex", fill(7, 8)}), "identifier")
	bad("crossing-mirror-ref-empty", "", "the ref of crossing.mirror is empty", crossing(4, list{"globex", []byte{}}), "value")
	bad("crossing-mirror-ref-33", "", "the ref of crossing.mirror has 33 bytes", crossing(4, list{"globex", fill(7, 33)}), "value")
	good("crossing-third-party", "REC-12", "side neither may say what crossed", t.set(0, 11).set(group{1: 2, 3: fill(1, 1)}, 21))
}

// relayVectors: REC-13.
func relayVectors(bad badRecord, good goodRecord) {
	relay := group{1: 2, 2: true}
	parents := list{fill(0x11, 32)}
	for _, r := range []struct {
		name string
		rec  group
	}{{"transfer", transfer()}, {"consumption", consumption()}} {
		bad("relay-"+r.name+"-no-parents", "REC-13", "a "+r.name+" says relay and names no parent", r.rec.set(relay, 22), "missing-field", "parents")
		good("relay-"+r.name, "REC-13", "a "+r.name+" that is a relay", r.rec.set(relay, 22).set(parents, 5))
		good("relay-"+r.name+"-ref", "REC-13", "a "+r.name+" that is a relay of a record whose id is not known yet", r.rec.set(relay, 22).set(list{list{"acme", fill(1, 4)}}, 5))
		good("relay-"+r.name+"-energy", "REC-13", "a "+r.name+" that is a relay and drew energy of its own", r.rec.set(relay, 22).set(parents, 5).set(anyValue(15), 15))
		good("relay-"+r.name+"-false", "REC-13", "a "+r.name+" that says that it is no relay needs no parent", r.rec.set(group{1: 3, 2: false}, 22))
	}
	bad("relay-production", "REC-13", "a production says relay", production().set(relay, 22).set(parents, 5), "forbidden-field", "hop.relay")
	good("relay-production-false", "REC-13", "a production that says that it is no relay", production().set(group{1: 1, 2: false}, 22))
}

// lineageVectors: REC-14, and REC-6 of the place of training.
func lineageVectors(bad badRecord, good goodRecord) {
	m := modelMade()
	lineage := func(g group) group { return m.set(g, 23) }
	bad("model-no-digest", "REC-14", "a model record without the digest of the weights", m.del(7, 5), "missing-field", "model.digest")
	bad("model-no-digest-parents", "REC-14", "a model record without the digest of the weights, with a parent", m.del(7, 5).set(list{fill(1, 32)}, 5), "missing-field", "model.digest")
	bad("lineage-compute-no-method", "REC-14", "training compute without its method", lineage(group{1: 1, 3: list{1, 24}}), "missing-field", "lineage.method")
	bad("lineage-compute-zero-no-method", "REC-14", "training compute of 0 without its method", lineage(group{1: 1, 3: list{0, 0}}), "missing-field", "lineage.method")
	bad("lineage-method-no-compute", "REC-14", "a compute method without training compute", lineage(group{1: 1, 4: 2}), "missing-field", "lineage.compute")
	good("lineage-least", "REC-14", "a lineage of a stage only", lineage(group{1: 1}))
	place := func(g group) group { return lineage(group{1: 1, 8: g}) }
	bad("lineage-trained-country", "ENC-35", "lineage.trained.country is in lower case", place(group{1: "us", 4: 1}), "value", "lineage.trained.country")
	bad("lineage-trained-known-4", "", "lineage.trained.known is 4", place(group{1: "US", 4: 4}), "value", "lineage.trained.known")
	bad("lineage-trained-operator", "ENC-30", "lineage.trained.operator has 65 characters", place(group{1: "US", 3: strings.Repeat("a", 65), 4: 1}), "identifier", "lineage.trained.operator")
	bad("lineage-trained-subdivision", "", "lineage.trained.subdivision is \"US-va\"", place(group{1: "US", 2: "US-va", 4: 1}), "value", "lineage.trained.subdivision")
	bad("lineage-trained-other-country", "REC-6", "a model was trained in CN, in the subdivision US-VA", place(group{1: "CN", 2: "US-VA", 4: 1}), "value", "lineage.trained.subdivision")
	good("lineage-trained-own", "REC-6", "a model was trained in CN-31", place(group{1: "CN", 2: "CN-31", 4: 1}))
	for _, f := range []struct {
		key  int64
		name string
	}{{2, "base"}, {6, "serialization"}, {8, "trained"}} {
		bad("lineage-"+f.name+"-type", "", "lineage."+f.name+" is true", lineage(group{1: 1, f.key: true}), "type", "lineage."+f.name)
	}
}

// datasetVectors: REC-15.
func datasetVectors(bad badRecord, good goodRecord) {
	d := datasetMade()
	sources := func(n int) list {
		var l list
		for i := range n {
			l = append(l, group{1: 1 + i%6})
		}
		return l
	}
	bad("dataset-sources-type", "", "dataset.sources is a map", d.set(group{1: 1}, 24, 4), "type", "dataset.sources")
	bad("dataset-sources-none", "", "no source in the array", d.set(list{}, 24, 4), "value", "dataset.sources")
	bad("dataset-sources-17", "", "17 sources", d.set(sources(17), 24, 4), "value", "dataset.sources")
	good("dataset-sources-16", "", "16 sources", d.set(sources(16), 24, 4))
	bad("dataset-sources-last", "", "the 16th source is of kind 7", d.set(append(sources(15), group{1: 7}), 24, 4), "value", "dataset.sources[15].kind")
	tokens := func(raw, clean int64) group { return d.set(raw, 24, 6).set(clean, 24, 7) }
	bad("dataset-clean-above", "REC-15", "one token more after cleaning than before", tokens(1000, 1001), "value", "dataset.clean-tokens")
	bad("dataset-clean-of-none", "REC-15", "a token after cleaning of none before", tokens(0, 1), "value", "dataset.clean-tokens")
	bad("dataset-clean-greatest", "REC-15", "2^63-1 tokens after cleaning of 2^63-2 before", tokens(math.MaxInt64-1, math.MaxInt64), "value", "dataset.clean-tokens")
	good("dataset-clean-all", "REC-15", "as many tokens after cleaning as before", tokens(1000, 1000))
	good("dataset-clean-none", "REC-15", "no tokens, before and after", tokens(0, 0))
	good("dataset-clean-alone", "REC-15", "tokens after cleaning, none stated before", d.set(int64(5), 24, 7))
}

// evaluationVectors: REC-16 but for the interval.
func evaluationVectors(bad badRecord, good goodRecord) {
	e := evaluated()
	bad("evaluation-of-nothing", "REC-16", "an evaluation whose model has no digest, and without a parent", e.del(7, 5), "missing-field", "model.digest")
	good("evaluation-of-parent", "REC-16", "the model is known by a parent alone", e.del(7, 5).set(list{fill(1, 32)}, 5))
	good("evaluation-of-both", "REC-16", "the model is known by its digest and a parent", e.set(list{list{"acme", fill(1, 4)}}, 5))
	good("evaluation-trailing-zeros", "REC-16", "0.73510: the zero says how precise it is", e.set(list{73510, -5}, 25, 8))
	for _, f := range []struct {
		key  int64
		name string
	}{{1, "dataset"}, {2, "harness"}, {4, "decoding"}, {9, "interval"}, {10, "evaluator"}} {
		bad("evaluation-"+f.name+"-type", "", "evaluation."+f.name+" is 1", e.set(1, 25, f.key), "type", "evaluation."+f.name)
	}
	bad("evaluation-interval-null", "ENC-7", "evaluation.interval is null", e.set(raw{0xf6}, 25, 9), "simple", "evaluation.interval")
	good("evaluation-commit-32", "", "a harness's commit of 32 bytes", e.set(fill(1, 32), 25, 2, 3))
	interval := group{1: list{1, 0}, 2: list{2, 0}, 3: 950000}
	for i, name := range []string{"low", "high"} {
		at, path := "evaluation-interval-"+name, "evaluation.interval."+name
		end := func(v any) group { return e.set(interval.set(v, int64(i+1)), 25, 9) }
		bad(at+"-type", "", path+" is an integer", end(1), "type", path)
		bad(at+"-arity", "REC-16", path+" is an array of one", end(list{1}), "value", path)
		bad(at+"-exponent-above", "REC-16", path+" has the exponent 19", end(list{0, 19}), "value", path)
		bad(at+"-exponent-below", "REC-16", path+" has the exponent -19", end(list{0, -19}), "value", path)
		bad(at+"-mantissa", "ENC-9", path+" has the mantissa 2^63", end(list{raw(wide(mUint, 1<<63, 8)), 0}), "integer-range", path)
	}
}

// intervalVectors: REC-16, which end is greater, whatever the exponents.
func intervalVectors(bad badRecord, good goodRecord) {
	const least, most = int64(math.MinInt64), int64(math.MaxInt64)
	const ten18 = int64(1e18)
	e := evaluated()
	of := func(low, high list) group { return e.set(group{1: low, 2: high, 3: 950000}, 25, 9) }
	for _, v := range []struct {
		name, comment string
		low, high     list
	}{
		{"same-exponent", "0.8 to 0.7", list{8, -1}, list{7, -1}},
		{"other-exponent", "0.8 to 0.79", list{8, -1}, list{79, -2}},
		{"greater-mantissa", "2 to 1.999: the greater mantissa is the lesser number", list{2, 0}, list{1999, -3}},
		{"signs", "0 to -0.000000000000000001", list{0, 0}, list{-1, -18}},
		{"negative", "-1 to -10^18", list{-1, 0}, list{-1, 18}},
		{"least-above", "-2^63 times 10^-18 to -10", list{least, -18}, list{-10, 0}},
		{"most-above", "(2^63-1) times 10^-18 to 9", list{most, -18}, list{9, 0}},
		{"extremes", "(2^63-1) times 10^18 to -2^63 times 10^18", list{most, 18}, list{least, 18}},
		{"extremes-apart", "10^18 to (2^63-1) times 10^-18", list{1, 18}, list{most, -18}},
		{"by-one", "10^18 to 10^18-1", list{1, 18}, list{ten18 - 1, 0}},
		{"by-one-greatest", "(2^63-1) times 10^18 to (2^63-2) times 10^18", list{most, 18}, list{most - 1, 18}},
		{"to-zero", "10^-18 to 0 times 10^18", list{1, -18}, list{0, 18}},
	} {
		bad("interval-reversed-"+v.name, "REC-16", "an interval from "+v.comment, of(v.low, v.high), "value")
	}
	for _, v := range []struct {
		name, comment string
		low, high     list
	}{
		{"point", "0.7 to 0.7", list{7, -1}, list{7, -1}},
		{"equal", "1 to 1.0: equal, written otherwise", list{1, 0}, list{10, -1}},
		{"equal-far", "10^18 to 10^18 times 10^0", list{1, 18}, list{ten18, 0}},
		{"equal-zero", "0 times 10^18 to 0 times 10^-18", list{0, 18}, list{0, -18}},
		{"lesser-mantissa", "1.999 to 2", list{1999, -3}, list{2, 0}},
		{"widest", "-2^63 times 10^18 to (2^63-1) times 10^18", list{least, 18}, list{most, 18}},
		{"wrap", "1 to 19 times 10^18: beyond int64 once the exponents are made equal", list{1, 0}, list{19, 18}},
		{"wrap-negative", "-19 times 10^18 to -1", list{-19, 18}, list{-1, 0}},
		{"by-one", "10^18-1 to 10^18", list{ten18 - 1, 0}, list{1, 18}},
	} {
		good("interval-"+v.name, "REC-16", "an interval from "+v.comment, of(v.low, v.high))
	}
}

// correctionVectors: REC-17.
func correctionVectors(s *suite) {
	c := corrected()
	bad := func(name, rule, comment string, rec group, code string, path ...string) {
		s.bad("correction-"+name, rule, comment, enc(rec), code, path...)
	}
	good := func(name, comment string, rec group) {
		s.good("correction-"+name, "REC-17", comment, enc(rec), recordExpect(rec))
	}
	bad("action-type", "", "the action is a text", c.set("1", 19, 3), "type", "correction.action")
	bad("action-below", "", "action 0", c.set(0, 19, 3), "value", "correction.action")
	bad("action-above", "", "action 3", c.set(3, 19, 3), "value", "correction.action")
	correctionCells(bad, good)
	correctionBases(bad, good)
	correctionImpossible(bad, good)
	correctionDeltas(bad, good)
}

// of is a correction of a cell, which differs from that of the literal example
// as the pairs of place and value say.
func of(pairs ...any) group {
	rec := corrected()
	for i := 0; i < len(pairs); i += 2 {
		rec = rec.set(pairs[i+1], 19, 6, int64(pairs[i].(int)))
	}
	return rec
}

// ofKind is a correction of a cell of another kind: no place, and no tokens but
// in the kinds that have them.
func ofKind(kind int, pairs ...any) group {
	model := "llama-2-70b"
	if kind == 5 {
		model = ""
	}
	rec := of(append([]any{1, kind, 3, "ZZ", 4, "ZZ", 5, model}, pairs...)...)
	if kind > 3 {
		rec = rec.set(list{-1, 0, 0, 0, 0, 0, 0}, 19, 7)
	}
	return rec
}

func cellPlace(i int) string { return fmt.Sprintf("correction.cell[%d]", i) }

// correctionCells: each place of the cell by itself.
func correctionCells(bad badRecord, good func(name, comment string, rec group)) {
	const lastHour = int64(maxTime / 3_600_000)
	c := corrected()
	bad("cell-type", "", "the cell is a map", c.set(group{}, 19, 6), "type", "correction.cell")
	bad("cell-arity-9", "", "a cell of nine places", c.set(correctedCell()[:9], 19, 6), "value", "correction.cell")
	bad("cell-arity-11", "", "a cell of eleven places", c.set(append(correctedCell(), 0), 19, 6), "value", "correction.cell")
	bad("cell-arity-17", "", "a cell with the sums of a batch header's", c.set(append(correctedCell(), -1, -374, -44, 0, 0, 0, 0), 19, 6), "value", "correction.cell")
	bad("cell-empty", "", "a cell without a place", c.set(list{}, 19, 6), "value", "correction.cell")
	for i := range 10 {
		wrong := any("1")
		if i == 3 || i == 4 || i == 5 || i == 7 {
			wrong = 0 // as in a batch header: an index
		}
		bad(fmt.Sprintf("cell-%d-type", i), "", fmt.Sprintf("place %d of the cell is of another CBOR type", i), of(i, wrong), "type", cellPlace(i))
	}
	bad("cell-hour-negative", "REC-17", "hour -1", of(0, -1), "value", cellPlace(0))
	bad("cell-hour-10000", "REC-17", "the first hour of the year 10000", of(0, lastHour+1), "value", cellPlace(0))
	good("cell-hour-9999", "the last hour of the year 9999", of(0, lastHour))
	good("cell-hour-zero", "hour 0", of(0, 0))
	for _, k := range []int{-1, 0, 7, 8} {
		bad(fmt.Sprintf("cell-kind-%d", k), "REC-17", fmt.Sprintf("a cell of kind %d", k), of(1, k), "value", cellPlace(1))
	}
	bad("cell-side-3", "REC-17", "a transfer's cell of side 3", ofKind(2, 2, 3), "value", cellPlace(2))
	bad("cell-side-negative", "REC-17", "a transfer's cell of side -1", ofKind(2, 2, -1), "value", cellPlace(2))
	for _, place := range []int{3, 4} {
		for _, v := range wrongCountries {
			bad(fmt.Sprintf("cell-%d-%s", place, v[0]), "ENC-35", fmt.Sprintf("place %d of the cell is %q", place, v[1]), of(place, v[1]), "value", cellPlace(place))
		}
	}
	bad("cell-model-129", "ENC-30", "the model of the cell has 129 characters", of(5, strings.Repeat("a", 129)), "identifier", cellPlace(5))
	bad("cell-model-space", "ENC-30", "the model of the cell holds a space", of(5, "llama 2"), "identifier", cellPlace(5))
	bad("cell-model-non-ascii", "ENC-30", "the model of the cell holds é", of(5, "modèle"), "identifier", cellPlace(5))
	bad("cell-model-utf8", "ENC-8", "the model of the cell is not UTF-8", of(5, "a\xff"), "utf8", cellPlace(5))
	bad("cell-model-wide", "ENC-1", "the length of the empty model of the cell in two bytes", ofKind(5, 5, raw(wide(mText, 0, 1))), "non-minimal", cellPlace(5))
	good("cell-model-128", "the model of the cell has 128 characters", of(5, strings.Repeat("~", 128)))
	bad("cell-label-5", "REC-17", "label status 5", of(6, 5), "value", cellPlace(6))
	bad("cell-label-negative", "REC-17", "label status -1", of(6, -1), "value", cellPlace(6))
	good("cell-label-4", "label status 4", of(6, 4))
	bad("cell-boundary-5", "REC-17", "energy boundary 5", of(8, 5, 9, 1), "value", cellPlace(8))
	bad("cell-boundary-negative", "REC-17", "energy boundary -1", of(8, -1, 9, 1), "value", cellPlace(8))
	bad("cell-method-4", "REC-17", "energy method 4", of(8, 1, 9, 4), "value", cellPlace(9))
	bad("cell-method-negative", "REC-17", "energy method -1", of(8, 1, 9, -1), "value", cellPlace(9))
	bad("cell-boundary-alone", "REC-17", "an energy boundary without a method", of(8, 4), "value")
	bad("cell-method-alone", "REC-17", "an energy method without a boundary", of(9, 3), "value")
	good("cell-energy", "a cell of energy", of(8, 4, 9, 3).set(-900, 19, 7, 6))
}

// correctionBases: the legal basis of the cell.
func correctionBases(bad badRecord, good func(name, comment string, rec group)) {
	for _, v := range [][3]string{
		{"order", "the codes stand in descending order", "eu:45+cn:standard-contract"},
		{"order-prefix", "the shorter code stands behind the longer that begins with it", "eu:45-1+eu:45"},
		{"order-last", "the third code stands before the second", "a+c+b"},
		{"twice", "one code twice", "eu:45+eu:45"},
		{"five", "five codes", "a+b+c+d+e"},
		{"plus-last", "a plus at the end", "eu:45+"},
		{"plus-first", "a plus at the beginning", "+eu:45"},
		{"plus-twice", "two pluses", "cn:standard-contract++eu:45"},
		{"plus-alone", "nothing but a plus", "+"},
		{"upper", "a code in upper case", "EU:45"},
		{"space", "a code with a space", "eu 45"},
		{"comma", "codes joined by a comma", "cn:standard-contract,eu:45"},
		{"long", "a code of 49 characters", strings.Repeat("a", 49)},
		{"second-long", "a second code of 49 characters", "a+" + strings.Repeat("b", 49)},
		{"newline", "a code that ends in a newline", "eu:45\n"},
	} {
		bad("basis-"+v[0], "REC-17", "the basis of the cell: "+v[1], ofKind(2, 7, v[2]), "value", cellPlace(7))
	}
	good("basis-one", "a basis of one code", ofKind(2, 7, "eu:45"))
	four := make([]string, 4)
	for i := range four {
		four[i] = strings.Repeat(string(rune('a'+i)), 48)
	}
	good("basis-four", "a basis of four codes of 48 characters", ofKind(2, 7, strings.Join(four, "+")))
	good("basis-by-code", "codes are ordered by themselves: a, then a-b", ofKind(2, 7, "a+a-b"))
}

// correctionImpossible: cells that no record of their kind counts in.
func correctionImpossible(bad badRecord, good func(name, comment string, rec group)) {
	for _, kind := range []int{1, 3, 4, 5, 6} {
		name := kindNames[kind-1]
		bad("side-"+name, "REC-17", "a cell of a "+name+" with a side", ofKind(kind, 2, 1), "value")
		bad("basis-"+name, "REC-17", "a cell of a "+name+" with a legal basis", ofKind(kind, 7, "eu:45"), "value")
	}
	for kind := 1; kind <= 6; kind++ {
		name := kindNames[kind-1]
		if kind > 3 {
			for i, what := range []string{"input", "output", "cache-read", "cache-write", "reasoning"} {
				rec := ofKind(kind).set(-1, 19, 7, int64(i+1))
				bad("tokens-"+name+"-"+what, "REC-17", "a "+name+" counts no "+what+" tokens", rec, "value")
			}
			rec := ofKind(kind).set(2, 19, 3).set(list{0, 5, 0, 0, 0, 0, 0}, 19, 7)
			bad("tokens-"+name+"-amend", "REC-17", "a "+name+" is amended by tokens", rec, "value")
			good("energy-"+name, "the energy of a "+name+" is taken back", ofKind(kind, 8, 1, 9, 1).set(list{-1, 0, 0, 0, 0, 0, -40}, 19, 7))
		}
		good("of-"+name, "a cell of a "+name, ofKind(kind))
	}
	for side := range 3 {
		good(fmt.Sprintf("side-%d", side), fmt.Sprintf("a transfer's cell of side %d", side), ofKind(2, 2, side))
	}
	good("consumption-no-model", "a cell of a consumption without a model", ofKind(3, 5, ""))
	for _, kind := range []int{1, 2, 4, 6} {
		name := kindNames[kind-1]
		bad("no-model-"+name, "REC-17", "a cell of a "+name+" without a model, which it must have", ofKind(kind, 5, ""), "value")
	}
	bad("model-dataset", "REC-17", "a cell of a dataset with a model, which it must not have", ofKind(5, 5, "llama-2-70b"), "value")
	for _, kind := range []int{4, 5, 6} {
		name := kindNames[kind-1]
		bad("serving-"+name, "REC-17", "a cell of a "+name+" with a serving place", ofKind(kind, 3, "US"), "value")
		bad("using-"+name, "REC-17", "a cell of a "+name+" with a using place", ofKind(kind, 4, "US"), "value")
		bad("label-"+name, "REC-17", "a cell of a "+name+" with a label", ofKind(kind, 6, 1), "value")
	}
}

// correctionDeltas: what each action may add.
func correctionDeltas(bad badRecord, good func(name, comment string, rec group)) {
	const least, most = int64(math.MinInt64), int64(math.MaxInt64)
	names := []string{"records", "input", "output", "cache-read", "cache-write", "reasoning", "energy"}
	place := func(i int) string { return fmt.Sprintf("correction.deltas[%d]", i) }
	c := of(8, 4, 9, 3)
	reverse := func(deltas ...any) group { return c.set(list(deltas), 19, 7) }
	amend := func(deltas ...any) group { return reverse(deltas...).set(2, 19, 3) }
	bad("deltas-type", "", "the deltas are a map", c.set(group{}, 19, 7), "type", "correction.deltas")
	bad("deltas-arity-6", "", "six deltas", reverse(-1, 0, 0, 0, 0, 0), "value", "correction.deltas")
	bad("deltas-arity-8", "", "eight deltas", reverse(-1, 0, 0, 0, 0, 0, 0, 0), "value", "correction.deltas")
	bad("deltas-indefinite", "ENC-2", "the deltas are an indefinite array", c.set(raw(cat([]byte{0x9f}, fill(0x20, 7), []byte{0xff})), 19, 7), "indefinite", "correction.deltas")
	for i, name := range names {
		d := list{-1, -2, -2, -2, -2, -2, -2}
		bad("deltas-"+name+"-type", "", "the delta of "+name+" is a text", reverse(put(d, "-1", []int64{int64(i)}).(list)...), "type", place(i))
		bad("deltas-"+name+"-above", "ENC-9", "a delta of "+name+" of 2^63", amend(put(put(d, 0, []int64{0}), raw(wide(mUint, 1<<63, 8)), []int64{int64(i)}).(list)...), "integer-range", place(i))
		bad("deltas-"+name+"-below", "ENC-9", "a delta of "+name+" of -2^63-1", reverse(put(d, raw(wide(mNeg, 1<<63, 8)), []int64{int64(i)}).(list)...), "integer-range", place(i))
		bad("reverse-"+name+"-plus", "REC-17", "a reversal that adds to "+name, reverse(put(d, 1, []int64{int64(i)}).(list)...), "value", place(i))
		if i > 0 {
			one := put(list{0, 0, 0, 0, 0, 0, 0}, 1, []int64{int64(i)}).(list)
			good("amend-"+name, "an amendment of "+name+" alone", amend(one...))
		}
	}
	bad("reverse-two", "REC-17", "a reversal of two records", reverse(-2, 0, 0, 0, 0, 0, 0), "value", place(0))
	bad("reverse-least", "REC-17", "a reversal of 2^63 records", reverse(least, 0, 0, 0, 0, 0, 0), "value", place(0))
	for _, kind := range []int{1, 4, 5, 6} { // those that have no relays
		words := kindNames[kind-1]
		bad("reverse-none-"+words, "REC-17", "a reversal of no record of kind "+words+", which has no relays", ofKind(kind).set(list{0, 0, 0, 0, 0, 0, 0}, 19, 7), "value", place(0))
	}
	bad("reverse-relay-tokens", "REC-17", "a reversal of a relay with tokens, of which it counts none", ofKind(2).set(list{0, 0, -1, 0, 0, 0, 0}, 19, 7), "value", place(0))
	bad("reverse-energy-without-boundary", "REC-17", "energy is taken back from a cell that counts none", ofKind(2).set(list{-1, 0, 0, 0, 0, 0, -1}, 19, 7), "value", place(6))
	bad("amend-energy-without-boundary", "REC-17", "energy is added to a cell that counts none", ofKind(2).set(2, 19, 3).set(list{0, 0, 0, 0, 0, 0, 5}, 19, 7), "value", place(6))
	good("reverse-relay", "a reversal of a relay: no record, no tokens, its energy", ofKind(2, 8, 1, 9, 1).set(list{0, 0, 0, 0, 0, 0, -900}, 19, 7))
	good("reverse-relay-nothing", "a reversal of a relay that drew no energy", ofKind(2).set(list{0, 0, 0, 0, 0, 0, 0}, 19, 7))
	good("reverse-empty", "a reversal of a record without tokens", reverse(-1, 0, 0, 0, 0, 0, 0))
	good("reverse-greatest", "a reversal of the greatest amounts", reverse(-1, -most, -most, -most, 0, -most, -most))
	good("reverse-least-amount", "a reversal by -2^63, which no record has: for auditors to find", reverse(-1, least, 0, 0, 0, 0, 0))
	bad("amend-records-plus", "REC-17", "an amendment that adds a record", amend(1, 5, 0, 0, 0, 0, 0), "value", place(0))
	bad("amend-records-minus", "REC-17", "an amendment that takes a record back", amend(-1, -5, 0, 0, 0, 0, 0), "value", place(0))
	bad("amend-records-alone", "REC-17", "an amendment of the number of records alone", amend(-1, 0, 0, 0, 0, 0, 0), "value", place(0))
	bad("amend-nothing", "REC-17", "an amendment of nothing", amend(0, 0, 0, 0, 0, 0, 0), "value")
	good("amend-both-ways", "an amendment up and down, to the ends of int64", amend(0, most, least, 1, -1, most, least))
	for reason := 1; reason <= 8; reason++ {
		good(fmt.Sprintf("reason-%d", reason), fmt.Sprintf("a correction for reason %d", reason), c.set(reason, 19, 4))
	}
}
