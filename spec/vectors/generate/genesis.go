package main

import "strings"

// genesisSuite: GEN-1, GEN-2.
func genesisSuite() *suite {
	s := newSuite("genesis", "The app_state of a genesis document, and the entries of its validators; the state map before the first block. Rules: state.md GEN-1, GEN-2.")
	validators := stateMap{}
	for _, v := range [][]byte{valA, valB} {
		validators[validatorKey(v)] = enc(group{1: "ed25519", 2: v, 3: 10})
	}
	acme := `{"id":"acme","name":"Acme Inference","jurisdictions":["US","DE"],"keys":["` + edKey.text() + `","` + esKey.text() + `"]}`
	provider := enc(group{1: "acme", 2: "Acme Inference", 3: list{"US", "DE"}, 4: list{keyValue(edKey, 0), keyValue(esKey, 0)}, 5: 1})
	governance := `{"threshold":2,"keys":["` + strings.Join(keyTexts(govKeys...), `","`) + `"]}`
	good := func(name, rule, comment, text string, entries stateMap) {
		m := stateMap{"rules": enc(group{1: 1}), "policy": enc(group{})}
		for _, more := range []stateMap{validators, entries} {
			for k, v := range more {
				m[k] = v
			}
		}
		v := s.good(name, rule, comment, nil, &values{State: m.entries(), StateRoot: hexOf(m.root())})
		v.Text, v.Given = &text, &values{State: validators.entries()}
	}
	governed := stateMap{"governance": enc(governanceValue().set(0, 3))}
	good("least", "GEN-2", "the format and nothing else: rule version 1", `{"format":1}`, stateMap{})
	good("provider", "GEN-2", "a provider with two keys", `{"format":1,"providers":[`+acme+`]}`, stateMap{"provider/acme": provider})
	good("rules-3", "GEN-1", "rule version 3, nobody governs", `{"format":1,"rules":3}`, stateMap{"rules": enc(group{1: 3})})
	good("policy", "GEN-1", "each ceiling", `{"format":1,"policy":{"records":4096,"record_bytes":1,"frame_bytes":3,"expanded_bytes":4,"statement_bytes":65535,"cells":6}}`,
		stateMap{"policy": enc(group{1: 4096, 2: 1, 3: 3, 4: 4, 5: 65535, 6: 6})})
	good("governance", "GEN-2", "two of three governors: keys ascend whatever the document's order", `{"format":1,"governance":`+governance+`}`, governed)
	reversed := `{"threshold":2,"keys":["` + strings.Join(keyTexts(govKeys[2], govKeys[1], govKeys[0]), `","`) + `"]}`
	good("governance-order", "GEN-2", "the same governors in another order", `{"format":1,"governance":`+reversed+`}`, governed)
	good("all", "GEN-2", "all members", `{"format":1,"providers":[`+acme+`],"policy":{"records":4096},"rules":3,"governance":`+governance+`}`,
		stateMap{"provider/acme": provider, "rules": enc(group{1: 3}), "policy": enc(group{1: 4096}), "governance": governed["governance"]})
	bad := func(name, comment, text, code string) {
		v := s.bad(name, "GEN-1", comment, nil, code)
		v.Text, v.Given = &text, &values{State: validators.entries()}
	}
	bad("rules-null", "the rule version is null", `{"format":1,"rules":null}`, "value")
	bad("rules-0", "rule version 0", `{"format":1,"rules":0}`, "version")
	bad("rules-negative", "rule version -1", `{"format":1,"rules":-1}`, "version")
	bad("governance-null", "governance is null", `{"format":1,"governance":null}`, "value")
	for _, name := range []string{"records", "record_bytes", "frame_bytes", "expanded_bytes", "statement_bytes", "cells"} {
		bad("policy-"+name+"-0", "a ceiling of 0 on "+name, `{"format":1,"policy":{"`+name+`":0}}`, "value")
	}
	bad("policy-records-4097", "a policy that raises the ceiling on records", `{"format":1,"policy":{"records":4097}}`, "value")
	bad("policy-cells-513", "a policy that raises the ceiling on cells", `{"format":1,"policy":{"cells":513}}`, "value")
	with := func(threshold, keys string) string {
		return `{"format":1,"governance":{"threshold":` + threshold + `,"keys":[` + keys + `]}}`
	}
	key := `"` + edKey.text() + `"`
	bad("threshold-0", "threshold 0", with("0", key), "value")
	bad("threshold-2-of-1", "threshold 2 of one key", with("2", key), "value")
	bad("governors-none", "no governor", with("1", ""), "value")
	bad("governors-twice", "a governor twice", with("1", key+","+key), "value")
	bad("governors-33", "33 governors", with("1", `"`+strings.Join(keyTexts(manyKeys(33)...), `","`)+`"`), "value")
	bad("governor-key", "a governor's key of small order", with("1", `"`+keyText(algEdDSA, smallOrder()[1], nil)+`"`), "key")
	bad("provider-key", "a provider's key without its algorithm", `{"format":1,"providers":[`+strings.Replace(acme, "ed25519:", "", 1)+`]}`, "key")
	bad("provider-id", "a provider's id in upper case", `{"format":1,"providers":[`+strings.Replace(acme, "acme", "Acme", 1)+`]}`, "identifier")
	bad("provider-country", "a provider's country in lower case", `{"format":1,"providers":[`+strings.Replace(acme, "US", "us", 1)+`]}`, "value")
	globex := strings.Replace(acme, `"id":"acme"`, `"id":"globex"`, 1)
	bad("key-of-two", "a key of two providers", `{"format":1,"providers":[`+acme+`,`+globex+`]}`, "value")
	other := strings.NewReplacer(edKey.text(), edOther.text(), esKey.text(), esOther.text()).Replace(acme)
	bad("id-twice", "an id of two providers", `{"format":1,"providers":[`+acme+`,`+other+`]}`, "value")
	bad("unknown-member", "a member that there is not", `{"format":1,"price":1}`, "value")
	bad("unknown-policy", "a ceiling that there is not", `{"format":1,"policy":{"age":1}}`, "value")
	bad("format-2", "format 2", `{"format":2}`, "version")
	bad("format-missing", "no format", `{}`, "version")
	return s
}
