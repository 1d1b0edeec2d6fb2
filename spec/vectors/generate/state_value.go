package main

import "strings"

// stateValueSuite: STA-3.
func stateValueSuite() *suite {
	s := newSuite("state_value", "The value under a key of the state map. Given: the key. Rule: state.md STA-3.")
	for _, e := range genesisState().entries() {
		v := s.good(strings.ReplaceAll(e.Key, "/", "-"), "STA-3", "what stands under "+e.Key, unhex(e.Value), nil)
		v.Given = &values{StateKey: e.Key}
	}
	good := func(name, comment, key string, g group) {
		s.good(name, "STA-3", comment, enc(g), nil).Given = &values{StateKey: key}
	}
	bad := func(name, rule, comment, key string, g group, code string) {
		s.bad(name, rule, comment, enc(g), code).Given = &values{StateKey: key}
	}
	all := group{1: 4096, 2: 4096, 3: 1 << 20, 4: 8 << 20, 5: 65535, 6: 512}
	good("policy-greatest", "each ceiling at that of the format", "policy", all)
	good("policy-least", "each ceiling at 1", "policy", group{1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1})
	names := []string{"", "records", "record-bytes", "frame-bytes", "expanded-bytes", "statement-bytes", "cells"}
	for k := int64(1); k <= 6; k++ {
		bad("policy-"+names[k]+"-above", "STA-3", "a policy that raises the ceiling on "+names[k], "policy", all.set(toInt(all[k])+1, k), "value")
		bad("policy-"+names[k]+"-zero", "STA-3", "a ceiling of 0 on "+names[k], "policy", group{k: 0}, "value")
	}
	bad("policy-critical", "ENC-20", "a policy with key 20", "policy", all.set(1, 20), "unknown-critical")
	good("rules-2", "rule version 2", "rules", group{1: 2})
	bad("rules-0", "STA-3", "rule version 0", "rules", group{1: 0}, "value")
	bad("rules-empty", "STA-3", "no rule version", "rules", group{}, "missing-field")
	bad("rules-type", "STA-3", "the rule version is a text", "rules", group{1: "1"}, "type")

	provider := group{1: "acme", 2: "Acme Inference", 3: list{"US"}, 4: list{group{1: algEdDSA, 2: enc(edKey.coseKey()), 3: 0, 4: 9}}, 5: 1}
	at := "provider/acme"
	good("provider-retired", "a retired provider whose key has an end", at, provider.set(3, 5))
	for _, f := range []struct {
		key  int64
		name string
	}{{1, "id"}, {2, "name"}, {3, "jurisdictions"}, {4, "keys"}, {5, "status"}} {
		bad("provider-without-"+f.name, "STA-3", "a provider without "+f.name, at, provider.del(f.key), "missing-field")
	}
	bad("provider-id-upper", "ENC-31", "an id in upper case", at, provider.set("Acme", 1), "identifier")
	bad("provider-name-empty", "ENC-32", "an empty name", at, provider.set("", 2), "value")
	bad("provider-name-129", "ENC-32", "a name of 129 bytes", at, provider.set(strings.Repeat("a", 129), 2), "value")
	bad("provider-country-lower", "ENC-35", "a country in lower case", at, provider.set(list{"us"}, 3), "value")
	bad("provider-country-none", "STA-3", "no country", at, provider.set(list{}, 3), "value")
	bad("provider-keys-none", "STA-3", "no key", at, provider.set(list{}, 4), "value")
	bad("provider-status-0", "STA-3", "status 0", at, provider.set(0, 5), "value")
	bad("provider-status-4", "STA-3", "status 4", at, provider.set(4, 5), "value")
	bad("provider-key-alg", "STA-3", "a key of alg -35", at, provider.set(-35, 4, 0, 1), "value")
	bad("provider-key-from-negative", "STA-3", "a key valid from height -1", at, provider.set(-1, 4, 0, 3), "value")
	bad("provider-key-no-from", "STA-3", "a key without a height", at, provider.del(4, 0, 3), "missing-field")
	bad("provider-critical", "ENC-20", "a provider with key 20", at, provider.set(0, 20), "unknown-critical")

	stream := group{1: 1, 2: fill(7, 32), 3: 1, 4: 1}
	at = "stream/acme/main"
	bad("stream-sequence-negative", "STA-3", "sequence -1", at, stream.set(-1, 1), "value")
	bad("stream-id-31", "STA-3", "a statement id of 31 bytes", at, stream.set(fill(7, 31), 2), "value")
	bad("stream-no-index", "STA-3", "no entry index", at, stream.del(3), "missing-field")
	bad("stream-status-0", "STA-3", "status 0", at, stream.set(0, 4), "value")
	bad("stream-status-2", "STA-3", "a closed stream without the entry that closed it", at, stream.set(2, 4), "missing-field")

	validator := group{1: "ed25519", 2: edKey.x, 3: 10}
	at = "validator/" + hexOf(hash(edKey.x)[:20])
	bad("validator-type", "STA-3", "a key type that version 1 does not have", at, validator.set("secp256k1", 1), "value")
	bad("validator-key-31", "STA-3", "a key of 31 bytes", at, validator.set(edKey.x[:31], 2), "value")
	bad("validator-power-negative", "STA-3", "a voting power of -1", at, validator.set(-1, 3), "value")
	bad("validator-no-power", "STA-3", "no voting power", at, validator.del(3), "missing-field")
	stateValueGoverned(s, good, bad)
	return s
}
