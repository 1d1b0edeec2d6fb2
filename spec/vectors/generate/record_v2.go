package main

import (
	"fmt"
	"strings"
)

// The records of rule version 2 that the vectors start from.

// modelMade is the least model record.
func modelMade() group {
	return group{1: 4, 2: eventTime + 3000, 7: group{1: "llama-2-70b", 5: anyDigest(), 7: 1}}
}

// datasetMade is the least dataset record.
func datasetMade() group {
	return group{1: 5, 2: eventTime + 4000, 24: group{1: "common-crawl", 3: anyDigest(), 4: list{group{1: 1}}}}
}

// evaluated is the least evaluation record of a model by its digest.
func evaluated() group {
	return group{1: 6, 2: eventTime + 5000, 7: group{1: "llama-2-70b", 5: anyDigest(), 7: 1}, 25: group{
		1: group{1: "mmlu", 3: anyDigest()}, 2: group{1: "lm-eval", 3: fill(0xc2, 20)}, 6: 14042, 7: "acc",
		8: list{7351, -4}, 10: group{1: "Acme Evals", 2: 2},
	}}
}

// correctedCell is the cell of the literal example.
func correctedCell() list {
	return list{int64(eventTime / 3_600_000), 1, 0, "US", "ZZ", "llama-2-70b", 0, "", 0, 0}
}

// corrected is the least correction: it reverses the literal example.
func corrected() group {
	return group{1: 7, 2: eventTime + 6000, 19: group{
		1: fill(0xab, 32), 2: 17, 3: 1, 4: 1, 6: correctedCell(), 7: list{-1, -374, -44, 0, 0, 0, 0},
	}}
}

// leastByKind are the records with only what their kind must have.
func leastByKind() []group {
	return []group{production(), transfer(), consumption(), modelMade(), datasetMade(), evaluated(), corrected()}
}

var kindNames = []string{"production", "transfer", "consumption", "model", "dataset", "evaluation", "correction"}

// presence is the table of record.md, "Fields": by key, for each kind from 1 to
// 7, whether the field must (m), may (o) or must not (-) be there.
var presence = map[int64]string{
	1: "mmmmmmm", 2: "mmmmmmm", 3: "oooooo-", 4: "ooooooo", 5: "oooooo-", 6: "oooooo-", 7: "mmom-m-", 8: "mmm----",
	9: "mmo----", 10: "omm----", 11: "-m-----", 12: "-o-----", 13: "ooo----", 14: "oooooo-", 15: "oooooo-", 16: "oooooo-",
	17: "ooo----", 19: "------m", 20: "oooooo-", 21: "-o-----", 22: "ooo----", 23: "---o---", 24: "----m--", 25: "-----m-",
}

// isNew says whether a key came with rule version 2.
func isNew(key int64) bool { return key == 16 || key >= 19 }

// anyValue is a good value of a record's own field.
func anyValue(key int64) any {
	simple := map[int64]any{
		3: 2150, 4: fill(0xaf, 16), 5: list{fill(0x11, 32)}, 6: group{3: "chatcmpl-9x"}, 7: modelMade()[7], 8: group{1: 50, 2: 7},
		9: group{1: "US", 4: 1}, 10: group{1: "DE", 4: 3}, 11: 1, 12: list{group{1: "eu:45"}}, 13: group{1: 1},
		14: list{group{1: 2, 2: 5, 3: fill(0xc0, 32)}}, 15: group{1: 900, 2: 1, 3: 4}, 17: group{1: "USD", 7: 40000},
	}
	if v, ok := simple[key]; ok {
		return v
	}
	for _, g := range groupSpecsV2() {
		if g.path[0] == key {
			return g.in[key]
		}
	}
	panic(fmt.Sprint("no value of key ", key))
}

// completeV2 are records with every field that their kind may have and every
// field of every group of rule version 2.
func completeV2() map[string]group {
	full := map[string]group{}
	for _, g := range groupSpecsV2() {
		full[g.name] = g.full()
	}
	events := func(r group) group {
		r = r.set(full["compute"], 20).set(list{full["accelerators[0]"], group{1: "google-tpu-v5e", 2: 1, 3: 0}}, 16)
		energy := group{1: 900, 2: 1, 3: 4}
		for k, v := range full["energy"] {
			energy[k] = v
		}
		return r.set(energy, 15)
	}
	explicit := group{1: true, 2: 1, 3: "tos-7", 4: 1735689600000}
	for k, v := range full["label.explicit"] {
		explicit[k] = v
	}
	lineage := full["lineage"].set(full["lineage.base"], 2).set(full["lineage.serialization"], 6).set(full["lineage.trained"], 8)
	dataset := full["dataset"].set(list{full["dataset.sources[0]"], group{1: 4}}, 4).set(2000, 6).set(1500, 7)
	evaluation := full["evaluation"]
	for key, name := range map[int64]string{1: "dataset", 2: "harness", 4: "decoding", 9: "interval", 10: "evaluator"} {
		evaluation = evaluation.set(full["evaluation."+name], key)
	}
	common := func(r group) group {
		for _, key := range []int64{3, 4, 5, 6, 14} {
			r = r.set(anyValue(key), key)
		}
		return events(r)
	}
	return map[string]group{
		"production":  common(production()).set(full["hop"].set(false, 2), 22).set(group{1: 1, 14: explicit}, 13),
		"transfer":    events(complete()).set(full["crossing"], 21).set(full["hop"], 22).set(explicit, 13, 14),
		"consumption": common(consumption()).set(full["hop"].set(4, 1), 22).set(group{1: 2, 14: explicit}, 13),
		"model":       common(modelMade()).set(lineage, 23),
		"dataset":     common(datasetMade()).set(dataset, 24),
		"evaluation":  common(evaluated()).set(evaluation, 25),
		"correction":  corrected().set(fill(0xaf, 16), 4).set(full["correction"], 19),
	}
}

func recordV2Suite() *suite {
	s := newSuite("record_v2", "One record under rule version 2. Input: the record's bytes. Rules: encoding.md, record.md. Those of record.json are not repeated.")
	all := completeV2()
	for i, name := range kindNames {
		if i >= 3 {
			rec := leastByKind()[i]
			s.good("least-"+name, "REC-2", "a "+name+" with only what it must have", enc(rec), recordExpect(rec))
		}
		s.good("complete-"+name, "REC-2", "a "+name+" with every field that it may have of rule version 2", enc(all[name]), recordExpect(all[name]))
	}
	for _, k := range []int64{0, 8, -1} {
		s.bad("kind-"+fmt.Sprint(k), "REC-1", fmt.Sprintf("kind %d is not known to rule version 2", k), enc(corrected().set(k, 1)), "unknown-kind", "kind")
	}
	presenceVectors(s)
	wideRecordsV2(s)
	groupVectorsV2(s)
	recordRulesV2(s)
	correctionVectors(s)
	return s
}

// presenceVectors: REC-2, each kind with each field, but for those of version 1.
func presenceVectors(s *suite) {
	for i, rec := range leastByKind() {
		kind := kindNames[i]
		for key := int64(1); key <= 25; key++ {
			if i < 3 && !isNew(key) {
				continue
			}
			name := topNames[key]
			if key == 18 {
				if kind != "transfer" {
					s.bad("reserved-18-"+kind, "REC-2", "a "+kind+" with the reserved key 18", enc(rec.set(0, key)), "unknown-critical", "")
				}
				continue
			}
			switch presence[key][i] {
			case 'm':
				s.bad("missing-"+kind+"-"+name, "REC-2", "a "+kind+" without "+name, enc(rec.del(key)), "missing-field", name)
			case 'o':
				with := rec.set(anyValue(key), key)
				s.good("with-"+kind+"-"+name, "REC-2", "a "+kind+" may have "+name, enc(with), recordExpect(with))
			case '-':
				s.bad("forbidden-"+kind+"-"+name, "REC-2", "a "+kind+" with "+name, enc(rec.set(anyValue(key), key)), "forbidden-field", name)
			}
		}
	}
	for _, key := range []int64{16, 19, 20, 21, 22, 23, 24, 25} {
		for i, rec := range leastByKind() {
			if presence[key][i] != '-' {
				s.bad("type-"+topNames[key], "", topNames[key]+" is an integer", enc(rec.set(0, key)), "type", topNames[key])
				break
			}
		}
	}
	for _, key := range []int64{26, 63} {
		s.bad(fmt.Sprintf("critical-%d", key), "ENC-20", fmt.Sprintf("key %d in the record", key), enc(modelMade().set(0, key)), "unknown-critical", "")
	}
}

// wideRecordsV2 are records whose map's head takes one, two or three bytes.
func wideRecordsV2(s *suite) {
	lacking := map[int]int64{3: 7, 4: 24, 5: 25, 6: 19}
	for i, rec := range leastByKind() {
		key, newer := lacking[i]
		for _, n := range []int{24, 256, 300} {
			if !newer {
				continue
			}
			name := fmt.Sprintf("wide-%s-%d", kindNames[i], n)
			words := fmt.Sprintf("a %s with %d keys", kindNames[i], n)
			s.good(name, "ENC-20", words, enc(widened(rec, n)), recordExpect(widened(rec, n)))
			s.bad(name+"-lacking", "REC-2", words+", without "+topNames[key], enc(widened(rec.del(key), n)), "missing-field", topNames[key])
			s.bad(name+"-wrong", "REC-2", words+", with usage", enc(widened(rec.set(anyValue(8), 8), n)), "forbidden-field", "usage")
		}
	}
}

// groupVectorsV2: each field of each group, just inside and just outside.
func groupVectorsV2(s *suite) {
	for _, h := range groupSpecsV2() {
		top := int64(0)
		at := strings.NewReplacer("[0]", "", ".", "-").Replace(h.name)
		for _, f := range h.fields {
			top = max(top, f.key+1)
			if f.must {
				s.bad(slug(h.groupSpec, f)+"-missing", "", h.name+" without "+f.name, enc(h.without(f.key)), "missing-field", h.name+"."+f.name)
			}
			if h.name == "lineage.trained" {
				continue // the same table as serving
			}
			fieldVectors(s, h.groupSpec, f, func(_ groupSpec, key int64, v any) group { return h.with(key, v) })
		}
		s.bad("critical-"+at, "ENC-20", fmt.Sprintf("%s has the unassigned key %d", h.name, top), enc(h.with(top, 0)), "unknown-critical", h.name)
		if h.name == "energy" || h.name == "label.explicit" {
			continue // key 63 and kept keys are in record.json
		}
		if len(h.path) > 1 {
			s.bad("group-type-"+at, "", h.name+" is a text", enc(h.in.set("x", h.path...)), "type", h.name)
		}
		s.bad("critical-63-"+at, "ENC-20", h.name+" has the unassigned key 63", enc(h.with(63, 0)), "unknown-critical", h.name)
		rec := h.with(64, "kept").set("kept", append(append([]int64(nil), h.path...), 65535)...)
		s.good("extension-"+at, "ENC-20", h.name+" has the extension keys 64 and 65,535, which are kept", enc(rec), recordExpect(rec))
	}
}

// keysOfV2: kinds and keys of rule version 2, with values that are good there,
// are unknown to version 1.
func keysOfV2(s *suite) {
	for i, rec := range leastByKind() {
		if i != 3 {
			continue // the others of version 2 have new keys too
		}
		s.bad("v2-kind-"+kindNames[i], "REC-1", "a "+kindNames[i]+" that is good under rule version 2", enc(rec), "unknown-kind", "kind")
	}
	for _, key := range []int64{16, 19, 20, 21, 22, 23, 24, 25} {
		for i, name := range kindNames[:3] {
			rec := leastByKind()[i].set(anyValue(key), key)
			s.bad("v2-"+name+"-"+topNames[key], "ENC-20", fmt.Sprintf("a %s with key %d, which came with rule version 2", name, key), enc(rec), "unknown-critical", "")
		}
	}
	for _, h := range groupSpecsV2() {
		if h.name != "energy" && h.name != "label.explicit" {
			continue
		}
		for _, f := range h.fields {
			s.bad("v2-"+slug(h.groupSpec, f), "ENC-20", fmt.Sprintf("%s has key %d, which came with rule version 2", h.name, f.key),
				enc(h.with(f.key, f.sample)), "unknown-critical", h.name)
		}
	}
}
