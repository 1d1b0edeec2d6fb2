package main

// stateValueGoverned: what stands only on a governed ledger or under rule
// version 3 (STA-3, STA-6).
func stateValueGoverned(s *suite, good func(name, comment, key string, g group), bad func(name, rule, comment, key string, g group, code string)) {
	good("rules-next", "the version that holds from height 50", "rules", group{1: 1, 2: 3, 3: 50})
	bad("rules-next-alone", "STA-3", "a next version without its height", "rules", group{1: 1, 2: 3}, "missing-field")
	bad("rules-height-alone", "STA-3", "a height without the version that holds from it", "rules", group{1: 1, 3: 50}, "missing-field")
	bad("rules-next-0", "STA-3", "a next version of 0", "rules", group{1: 1, 2: 0, 3: 50}, "value")
	bad("rules-height-0", "STA-3", "a next version from height 0", "rules", group{1: 1, 2: 3, 3: 0}, "value")
	bad("rules-height-negative", "STA-3", "a next version from height -1", "rules", group{1: 1, 2: 3, 3: -1}, "value")
	bad("rules-critical", "ENC-20", "rules with key 4", "rules", group{1: 1, 4: 0}, "unknown-critical")

	good("policy-full", "every key", "policy", fullPolicy())
	good("policy-energy-empty", "an empty energy binds nothing", "policy", group{12: group{}})
	good("policy-energy-kept", "an unassigned optional key in energy is kept", "policy", group{12: group{1: 1, 64: "kept"}})
	good("policy-kept", "an unassigned optional key is kept", "policy", group{1: 1, 1024: "kept"})
	for _, p := range badPolicies() {
		if p.name == "records-0" || toInt(p.policy[1]) != 4096 {
			continue // stands above
		}
		bad("policy-governed-"+p.name, p.rule, "a policy with "+p.comment, "policy", p.policy, p.code)
	}

	keys := governors(govKeys...)
	g := group{1: 2, 2: keys, 3: 5}
	good("governance", "two of three keys", "governance", g)
	good("governance-least", "one key, before the first act", "governance", group{1: 1, 2: keys[:1], 3: 0})
	good("governance-32", "32 keys, all of whom must sign", "governance", group{1: 32, 2: governors(manyKeys(32)...), 3: 1<<63 - 1})
	names := []string{"", "threshold", "keys", "sequence"}
	wrong := []any{nil, "2", group{}, []byte{5}}
	for k := int64(1); k <= 3; k++ {
		bad("governance-without-"+names[k], "STA-3", "governance without "+names[k], "governance", g.del(k), "missing-field")
		bad("governance-type-"+names[k], "", "the "+names[k]+" of governance is of another CBOR type", "governance", g.set(wrong[k], k), "type")
	}
	bad("governance-threshold-0", "STA-3", "threshold 0", "governance", g.set(0, 1), "value")
	bad("governance-threshold-4", "STA-3", "threshold 4 of three keys", "governance", g.set(4, 1), "value")
	bad("governance-keys-none", "STA-3", "no key", "governance", g.set(list{}, 2), "value")
	bad("governance-keys-33", "STA-3", "33 keys", "governance", g.set(governors(manyKeys(33)...), 2), "value")
	bad("governance-keys-unsorted", "STA-3", "keys in another order", "governance", g.set(list{keys[1], keys[0], keys[2]}, 2), "value")
	bad("governance-keys-twice", "STA-3", "a key twice", "governance", g.set(list{keys[0], keys[0], keys[2]}, 2), "value")
	bad("governance-key-alg", "KEY-1", "a key with an alg", "governance", g.set(enc(govKeys[0].coseKey().set(-8, 3)), 2, 0), "key")
	bad("governance-sequence-negative", "STA-3", "sequence -1", "governance", g.set(-1, 3), "value")
	bad("governance-critical", "ENC-20", "governance with key 4", "governance", g.set(0, 4), "unknown-critical")
	stateProviderGoverned(good, bad)
	stateStreamGoverned(good, bad)
}

func stateProviderGoverned(good func(name, comment, key string, g group), bad func(name, rule, comment, key string, g group, code string)) {
	at := "provider/acme"
	key := group{1: algEdDSA, 2: enc(edKey.coseKey()), 3: 0, 4: 9, 5: 7, 6: 8, 7: int64(eventTime), 8: 3}
	p := group{1: "acme", 2: "Acme Inference", 3: list{"US"}, 4: list{key}, 5: 1, 6: 1024, 7: 2, 8: 3}
	good("provider-full", "a provider with every key", at, p)
	good("provider-key-entries", "a key that entries 0 added and revoked", at, p.set(group{1: algEdDSA, 2: enc(edKey.coseKey()), 3: 0, 5: 0, 6: 0}, 4, 0))
	good("provider-key-kept", "an unassigned optional key of a key is kept", at, p.set("kept", 4, 0, 64))
	names := map[int64]string{6: "streams opened", 7: "streams closed", 8: "the sequence of the next act"}
	for k := int64(6); k <= 8; k++ {
		bad("provider-"+num64(k)+"-0", "STA-3", names[k]+" 0: it is left out where it is", at, p.set(0, k), "value")
		bad("provider-"+num64(k)+"-negative", "STA-3", names[k]+" -1", at, p.set(-1, k), "value")
		bad("provider-"+num64(k)+"-text", "", names[k]+" as a text", at, p.set("1", k), "type")
	}
	bad("provider-critical-9", "ENC-20", "a provider with key 9", at, p.set(0, 9), "unknown-critical")
	bad("provider-key-critical", "ENC-20", "a key with key 9", at, p.set(0, 4, 0, 9), "unknown-critical")
	for k := int64(5); k <= 7; k++ {
		bad("provider-key-"+num64(k)+"-negative", "STA-3", "key "+num64(k)+" of a key is -1", at, p.set(-1, 4, 0, k), "value")
	}
	bad("provider-key-8-0", "STA-3", "a key stolen since height 0", at, p.set(0, 4, 0, 8), "value")
	bad("provider-key-7-year-10000", "ENC-33", "a key stolen since a time past the year 9999", at, p.set(int64(maxTime+1), 4, 0, 7), "value")
	bad("provider-key-7-alone", "STA-3", "a key stolen since a time without its height", at, p.del(4, 0, 8), "missing-field")
	bad("provider-key-8-alone", "STA-3", "a key stolen since a height without its time", at, p.del(4, 0, 7), "missing-field")
	bad("provider-key-stolen-not-revoked", "STA-3", "a key that was stolen and not revoked", at, p.del(4, 0, 6), "missing-field")
}

func stateStreamGoverned(good func(name, comment, key string, g group), bad func(name, rule, comment, key string, g group, code string)) {
	at := "stream/acme/main"
	closed := group{1: 1, 2: fill(7, 32), 3: 1, 4: 2, 5: 9}
	good("stream-closed", "a stream that entry 9 closed", at, closed)
	good("stream-closed-0", "a closed stream of the first place", at, group{1: 0, 2: fill(7, 32), 3: 0, 4: 2, 5: 1})
	bad("stream-open-entry", "STA-3", "an open stream with an entry that closed it", at, closed.set(1, 4), "forbidden-field")
	bad("stream-status-3", "STA-3", "status 3", at, closed.set(3, 4), "value")
	bad("stream-entry-negative", "STA-3", "closed by entry -1", at, closed.set(-1, 5), "value")
	bad("stream-critical", "ENC-20", "a stream with key 6", at, closed.set(0, 6), "unknown-critical")
}
