package main

import (
	"fmt"
	"strings"
)

// actPayloadSuite: GOV-3 to GOV-5.
func actPayloadSuite() *suite {
	s := newSuite("act_payload", "The payload of an act. Rules: governance.md GOV-3 to GOV-5; `json` is the act for people (GOV-31).")
	ok := func(name, rule, comment string, g group) {
		b := enc(g)
		s.good(name, rule, comment, b, &values{ActID: hexOf(actID(b)), JSON: actJSON(g)})
	}
	for i, a := range everyAction() {
		ok(actionNames[i+1], "GOV-5", "an act of governance with the action "+actionNames[i+1], actOf("", int64(i), a))
	}
	ok("provider", "GOV-4", "an act of a provider with last height and reason", actOf("acme", 1<<63-1, keyAdd("acme", esOther)).set(1, 5).set("Schlüsselwechsel", 6))
	ok("all-actions", "GOV-4", "an action of each type, in order", actOf("", 0, everyAction()...))
	ok("describe-name", "GOV-5", "provider-describe with a name only", actOf("", 0, providerDescribe("acme").del(4)))
	ok("describe-countries", "GOV-5", "provider-describe with countries only", actOf("", 0, providerDescribe("acme").del(3)))
	ok("key-add-from", "GOV-5", "key-add with the height from which it is valid only", actOf("", 0, keyAdd("acme", edOther).set(7, 8)))
	ok("key-add-until", "GOV-5", "key-add with the height until which it is valid only", actOf("", 0, keyAdd("acme", edOther).set(7, 9)))
	ok("key-add-heights-next", "GOV-5", "key-add valid at one height", actOf("", 0, keyAdd("acme", edOther).set(7, 8).set(8, 9)))
	ok("validator-removed", "GOV-5", "power 0", actOf("", 0, setValidator(edOther.x, 0)))
	ok("validator-removed-no-point", "GOV-5", "power 0 of a key of small order: what is removed need not be a point that may sign", actOf("", 0, setValidator(smallOrder()[1], 0)))
	ok("validator-greatest", "GOV-5", "the greatest power", actOf("", 0, setValidator(edOther.x, 1_000_000_000_000)))
	ok("policy-empty", "GOV-5", "an empty policy: nothing binds", actOf("", 0, setPolicy(group{})))
	ok("policy-least", "STA-6", "the least of each", actOf("", 0, setPolicy(group{1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1, 10: list{"ZZ"}, 11: list{"a"}, 12: group{}, 13: list{list{"ZZ", "0"}}})))
	ok("governance-one", "GOV-5", "one governor", actOf("", 0, setGovernance(1, edKey)))
	ok("governance-32", "GOV-5", "32 governors, all of whom must sign", actOf("", 0, setGovernance(32, manyKeys(32)...)))
	ok("admit-64-keys", "GOV-5", "a provider with 64 keys and 32 countries", actOf("", 0, providerAdmit("hooli", manyKeys(64)...).set(repeat("DE", 32), 4)))
	ok("keys-128", "GOV-4", "two providers with 64 keys each", actOf("", 0, providerAdmit("hooli", manyKeys(64)...), providerAdmit("initrode", manyKeys(64)...)))
	many := []group{}
	for range 64 {
		many = append(many, keyRevoke("acme", edKey))
	}
	ok("actions-64", "GOV-4", "64 actions", actOf("", 0, many...))
	ok("longest", "GOV-4", "a chain id of 50 characters and a reason of 500 bytes", actOf("", 0, many[0]).set(strings.Repeat("A", 50), 2).set(strings.Repeat("é", 250), 6))
	for _, k := range []int64{64, 1023, 1024, 65535} {
		b := enc(actOf("", 0, many[0]).set("kept", k))
		s.good("extension-"+num64(k), "ENC-20", "key "+num64(k)+" is kept and hashed", b, &values{ActID: hexOf(actID(b))})
	}
	actPayloadEncoding(s)
	actPayloadFields(s)
	actPayloadActions(s)
	actPayloadPolicy(s)
	actPayloadGovernance(s)
	return s
}

func manyKeys(n int) []signer {
	var out []signer
	for i := range n {
		out = append(out, edSigner(fmt.Sprint("many ", i)))
	}
	return out
}

func repeat(v any, n int) list {
	out := list{}
	for range n {
		out = append(out, v)
	}
	return out
}

func actPayloadEncoding(s *suite) {
	g := actOf("", 0, keyRevoke("acme", edKey))
	b := enc(g)
	bad := func(name, rule, comment string, b []byte, code string, path ...string) {
		s.bad(name, rule, comment, b, code, path...)
	}
	bad("empty", "ENC-13", "no byte at all", []byte{}, "truncated")
	bad("truncated", "ENC-13", "the last byte is missing", b[:len(b)-1], "truncated")
	bad("trailing", "ENC-12", "a zero byte behind it", cat(b, []byte{0}), "trailing-bytes")
	bad("not-a-map", "", "an array", enc(list{}), "type")
	bad("non-minimal", "ENC-1", "sequence 0 in two bytes", enc(g.set(raw(wide(mUint, 0, 1)), 4)), "non-minimal", "sequence")
	bad("non-minimal-power", "ENC-1", "the power of a validator in nine bytes", enc(actOf("", 0, setValidator(edKey.x, 0).set(raw(wide(mUint, 5, 8)), 14))), "non-minimal", "actions[0].power")
	bad("indefinite-map", "ENC-2", "an indefinite map", cat([]byte{0xbf}, b[1:], []byte{0xff}), "indefinite")
	bad("indefinite-actions", "ENC-2", "the actions as an indefinite array", enc(g.set(raw(cat([]byte{0x9f}, enc(g[7])[1:], []byte{0xff})), 7)), "indefinite", "actions")
	bad("unsorted", "ENC-3", "chain stands before version", pairs(2, g[2], 1, g[1], 4, g[4], 7, g[7]), "unsorted-keys")
	bad("unsorted-action", "ENC-3", "in the action, the kid stands before the id", enc(g.set(list{pairs(1, 6, 10, edKey.kid(), 2, "acme")}, 7)), "unsorted-keys")
	bad("duplicate", "ENC-4", "chain stands twice", pairs(1, g[1], 2, g[2], 2, g[2], 4, g[4], 7, g[7]), "duplicate-key")
	bad("duplicate-action", "ENC-4", "in the action, the id stands twice", enc(g.set(list{pairs(1, 6, 2, "acme", 2, "acme", 10, edKey.kid())}, 7)), "duplicate-key")
	bad("float", "ENC-5", "sequence 0.0", enc(g.set(raw{0xf9, 0, 0}, 4)), "float", "sequence")
	bad("tag", "ENC-6", "the payload tagged 98", cat([]byte{0xd8, 98}, b), "tag")
	bad("null-provider", "ENC-7", "the provider null", enc(g.set(raw{0xf6}, 3)), "simple", "provider")
	bad("utf8", "ENC-8", "a reason that is not UTF-8", enc(g.set(raw(cat(head(mText, 1), []byte{0xff})), 6)), "utf8", "reason")
	bad("integer-range", "ENC-9", "sequence 2^63", enc(g.set(raw(wide(mUint, 1<<63, 8)), 4)), "integer-range", "sequence")
	bad("key-type", "ENC-10", "a text as a key", append(cat(head(mMap, 5), b[1:]), enc(pairs("x", 1))[1:]...), "key-type")
	bad("depth", "ENC-11", "an extension nests eight arrays", enc(g.set(raw(cat(fill(0x81, 7), []byte{0x80})), 64)), "depth")
	bad("malformed", "ENC-15", "an extension has additional information 28", enc(g.set(raw{0x1c}, 64)), "malformed")
	bad("actions-2-32", "ENC-13", "actions announces 2^32-1 of them", enc(g.set(raw(wide(mArray, 1<<32-1, 4)), 7)), "truncated", "actions")
	for _, k := range []int64{0, 8, 63, 65536, -1} {
		bad("critical-"+num64(k), "ENC-20", "key "+num64(k), enc(g.set(0, k)), "unknown-critical", "")
	}
}

func actPayloadFields(s *suite) {
	g := actOf("acme", 3, keyRevoke("acme", edKey)).set(9, 5).set("why", 6)
	names := []string{"", "version", "chain", "provider", "sequence", "last-height", "reason", "actions"}
	wrong := []any{nil, "1", []byte("vectors-1"), 3, "3", "9", []byte("why"), group{}}
	for k := int64(1); k <= 7; k++ {
		if k != 3 && k != 5 && k != 6 {
			s.bad("missing-"+names[k], "", "no "+names[k], enc(g.del(k)), "missing-field", names[k])
		}
		s.bad("type-"+names[k], "", names[k]+" is of another CBOR type", enc(g.set(wrong[k], k)), "type", names[k])
	}
	bad := func(name, comment string, v any, k int64, code string) {
		s.bad(name, "GOV-4", comment, enc(g.set(v, k)), code, names[k])
	}
	for _, v := range []int64{0, 2, -1} {
		bad("version-"+num64(v), "version "+num64(v), v, 1, "version")
	}
	for _, v := range [][2]string{{"empty", ""}, {"long", strings.Repeat("A", 51)}, {"slash", "a/b"}, {"space", "a b"}, {"non-ascii", "é"}, {"newline", "a\n"}} {
		s.bad("chain-"+v[0], "GOV-4", "a chain id that is none: "+v[0], enc(g.set(v[1], 2)), "value", "chain")
	}
	for _, v := range [][2]string{{"upper", "Acme"}, {"empty", ""}, {"long", strings.Repeat("a", 65)}} {
		s.bad("provider-"+v[0], "ENC-31", "a provider that is no name id: "+v[0], enc(g.set(v[1], 3)), "identifier", "provider")
	}
	bad("sequence-negative", "sequence -1", -1, 4, "value")
	bad("last-height-0", "last height 0", 0, 5, "value")
	bad("last-height-negative", "last height -1", -1, 5, "value")
	bad("reason-empty", "an empty reason", "", 6, "value")
	bad("reason-501", "a reason of 501 bytes", strings.Repeat("r", 501), 6, "value")
	bad("reason-502-bytes", "a reason of 251 characters in 502 bytes", strings.Repeat("é", 251), 6, "value")
	bad("actions-none", "no action", list{}, 7, "value")
	bad("actions-65", "65 actions", repeat(keyRevoke("acme", edKey), 65), 7, "value")
	keys := actOf("", 0, providerAdmit("hooli", manyKeys(64)...), providerAdmit("initrode", manyKeys(64)...), keyAdd("acme", edOther))
	s.bad("keys-129", "GOV-4", "actions with 129 COSE_Keys together", enc(keys), "value")
	governed := actOf("", 0, providerAdmit("hooli", manyKeys(64)...), providerAdmit("initrode", manyKeys(63)...), setGovernance(1, edKey, esKey))
	s.bad("keys-129-governors", "GOV-4", "actions with 129 COSE_Keys together, two of them of governors", enc(governed), "value")
}

// actPayloadActions: what each row of GOV-5 has, and what it has not.
func actPayloadActions(s *suite) {
	one := func(a group) []byte { return enc(actOf("", 0, a)) }
	all := everyAction()
	sample := group{}
	for _, a := range all {
		for k, v := range a {
			sample[k] = v
		}
	}
	for i, a := range all {
		name := actionNames[i+1]
		for _, k := range a.keys()[1:] {
			if i+1 == 2 && k != 2 || i+1 == 4 && k > 7 {
				continue // optional
			}
			s.bad(name+"-without-"+actionFields[k], "", name+" without "+actionFields[k], one(a.del(k)), "missing-field", "actions[0]."+actionFields[k])
		}
		other := int64(2)
		for a[other] != nil {
			other++
		}
		s.bad(name+"-with-"+actionFields[other], "GOV-5", name+" with the key "+num64(other)+" of another row", one(a.set(sample[other], other)), "forbidden-field", "actions[0]."+actionFields[other])
		s.bad(name+"-with-20", "GOV-5", name+" with key 20", one(a.set(0, 20)), "unknown-critical", "actions[0]")
		s.bad(name+"-with-64", "GOV-5", name+" with key 64: in an action nothing is kept", one(a.set(0, 64)), "unknown-critical", "actions[0]")
	}
	a := keyRevoke("acme", edKey)
	for _, k := range []int64{0, 63, 1024, 65535, 65536, -1} {
		s.bad("action-with-"+num64(k), "GOV-5", "an action with key "+num64(k), one(a.set(0, k)), "unknown-critical", "actions[0]")
	}
	s.bad("second-action", "GOV-5", "the second action has key 20", enc(actOf("", 0, a, a.set(0, 20))), "unknown-critical", "actions[1]")
	for _, v := range []int64{0, 12, -1, 1 << 40} {
		s.bad("type-"+num64(v), "GOV-5", "an action of type "+num64(v), one(a.set(v, 1)), "unknown-kind", "actions[0].type")
	}
	s.bad("type-text", "", "the type of an action is its name", one(a.set("key-revoke", 1)), "type", "actions[0].type")
	s.bad("type-missing", "", "an action without a type", one(a.del(1)), "missing-field", "actions[0].type")
	s.bad("action-array", "", "an action is an array", enc(actOf("", 0).set(list{list{6, "acme", edKey.kid()}}, 7)), "type", "actions[0]")
	actPayloadValues(s, one)
}

func actPayloadValues(s *suite, one func(group) []byte) {
	bad := func(name, rule, comment string, a group, v any, key int64, code string) {
		if rule == "" {
			rule = "GOV-5"
		}
		s.bad(name, rule, comment, one(a.set(v, key)), code, "actions[0]."+actionFields[key])
	}
	admit := providerAdmit("hooli", edSigner("hooli 1"), esSigner("hooli 2"))
	bad("id-upper", "ENC-31", "an id in upper case", admit, "Hooli", 2, "identifier")
	bad("name-empty", "ENC-32", "an empty name", admit, "", 3, "value")
	bad("name-129", "ENC-32", "a name of 129 bytes", admit, strings.Repeat("n", 129), 3, "value")
	bad("countries-none", "", "no country", admit, list{}, 4, "value")
	bad("countries-33", "", "33 countries", admit, repeat("DE", 33), 4, "value")
	s.bad("country-lower", "ENC-35", "a country in lower case", one(admit.set("de", 4, 1)), "value")
	bad("keys-none", "", "no key", admit, list{}, 5, "value")
	bad("keys-65", "", "65 keys", admit, keysList(manyKeys(65)...), 5, "value")
	s.bad("key-inline", "", "a COSE_Key that is no byte string", one(admit.set(edKey.coseKey(), 5, 0)), "type")
	s.bad("key-small-order", "KEY-3", "a key of small order", one(admit.set(enc(coseKeyOf(algEdDSA, smallOrder()[1], nil)), 5, 1)), "key")
	bad("key-add-alg", "KEY-1", "a COSE_Key with an alg", keyAdd("acme", edKey), enc(edKey.coseKey().set(-8, 3)), 7, "key")
	bad("key-add-off-curve", "KEY-4", "a P-256 key that is off the curve", keyAdd("acme", edKey), enc(coseKeyOf(algES256, esKey.x, plus(esKey.y, 1))), 7, "key")
	bad("key-add-text", "", "a key in text", keyAdd("acme", edKey), edKey.text(), 7, "type")
	s.bad("describe-nothing", "GOV-5", "provider-describe with neither name nor countries", one(group{1: 2, 2: "acme"}), "value")
	bad("status-0", "", "status 0", providerStatus("acme", 1), 0, 6, "value")
	bad("status-4", "", "status 4", providerStatus("acme", 1), 4, 6, "value")
	bad("from-negative", "", "valid from height -1", keyAdd("acme", edKey), -1, 8, "value")
	s.bad("until-is-from", "GOV-5", "valid until the height from which it is valid", one(keyAdd("acme", edKey).set(7, 8).set(7, 9)), "value", "actions[0].until")
	s.bad("until-below-from", "GOV-5", "valid until a height below that from which it is valid", one(keyAdd("acme", edKey).set(7, 8).set(6, 9)), "value", "actions[0].until")
	s.bad("until-0", "GOV-5", "valid from 0, as it is left out, until 0", one(keyAdd("acme", edKey).set(0, 9)), "value", "actions[0].until")
	bad("expire-negative", "", "valid until height -1", keyExpire("acme", edKey, 0), -1, 9, "value")
	bad("kid-31", "", "a kid of 31 bytes", keyRevoke("acme", edKey), edKey.kid()[:31], 10, "value")
	bad("kid-33", "", "a kid of 33 bytes", keyRevoke("acme", edKey), cat(edKey.kid(), []byte{0}), 10, "value")
	bad("kid-text", "", "a kid in hex", keyRevoke("acme", edKey), hexOf(edKey.kid()), 10, "type")
	stolen := keyStolen("acme", edKey, 1, 1)
	bad("since-negative", "ENC-33", "stolen since -1", stolen, -1, 11, "value")
	bad("since-year-10000", "ENC-33", "stolen since a time past the year 9999", stolen, int64(maxTime+1), 11, "value")
	bad("since-height-0", "", "stolen since height 0", stolen, 0, 12, "value")
	v := setValidator(edKey.x, 1)
	bad("validator-31", "", "a validator's key of 31 bytes", v, edKey.x[:31], 13, "value")
	bad("validator-33", "", "a validator's key of 33 bytes", v, cat(edKey.x, []byte{0}), 13, "value")
	bad("validator-cose-key", "", "a validator's key as a COSE_Key", v, enc(edKey.coseKey()), 13, "value")
	bad("validator-small-order", "", "a validator's key of small order", v, smallOrder()[1], 13, "key")
	bad("validator-not-a-point", "", "a validator's key that is no point", v, cat([]byte{2}, fill(0, 31)), 13, "key")
	_, encodings := nonCanonicalPoints()
	bad("validator-non-canonical", "", "a validator's key that is not canonical", v, encodings[0], 13, "key")
	bad("power-negative", "", "power -1", v, -1, 14, "value")
	bad("power-above", "", "power 1,000,000,000,001", v, int64(1_000_000_000_001), 14, "value")
	bad("rules-0", "", "rule version 0", setRules(4, 1000), 0, 18, "value")
	bad("rules-negative", "", "rule version -1", setRules(4, 1000), -1, 18, "value")
	bad("rules-from-0", "", "rules that hold from height 0", setRules(4, 1000), 0, 19, "value")
	bad("rules-from-negative", "", "rules that hold from height -1", setRules(4, 1000), -1, 19, "value")
}

// actPayloadPolicy: STA-6 within an action.
func actPayloadPolicy(s *suite) {
	for _, p := range badPolicies() {
		s.bad("policy-"+p.name, p.rule, "a policy with "+p.comment, enc(actOf("", 0, setPolicy(p.policy))), p.code)
	}
	whole := group{1: 9, 15: list{}}
	s.bad("policy-array", "", "a policy that is an array", enc(actOf("", 0, whole)), "type", "actions[0].policy")
	for _, k := range []int64{64, 1024, 65535} {
		s.bad("policy-map-with-"+num64(k), "GOV-5", "a policy with key "+num64(k)+": in an act nothing is kept there", enc(actOf("", 0, setPolicy(fullPolicy().set(0, k)))), "unknown-critical", "actions[0].policy")
	}
	s.bad("policy-energy-with-64", "GOV-5", "energy of a policy with key 64: in an act nothing is kept there", enc(actOf("", 0, setPolicy(fullPolicy().set(0, 12, 64)))), "unknown-critical", "actions[0].policy.energy")
}

// actPayloadGovernance: the governors.
func actPayloadGovernance(s *suite) {
	bad := func(name, rule, comment string, a group, code string, path ...string) {
		s.bad("governance-"+name, rule, comment, enc(actOf("", 0, a)), code, path...)
	}
	g := setGovernance(2, govKeys...)
	keys := g[17].(list)
	bad("threshold-0", "GOV-5", "threshold 0", g.set(0, 16), "value", "actions[0].threshold")
	bad("threshold-above", "GOV-5", "threshold 4 of three keys", g.set(4, 16), "value", "actions[0].threshold")
	bad("keys-none", "GOV-5", "no governor", g.set(list{}, 17), "value", "actions[0].governors")
	bad("keys-33", "GOV-5", "33 governors", setGovernance(2, manyKeys(33)...), "value", "actions[0].governors")
	bad("unsorted", "GOV-5", "the first two keys are swapped", g.set(list{keys[1], keys[0], keys[2]}, 17), "value")
	bad("twice", "GOV-5", "a key stands twice", g.set(list{keys[0], keys[0], keys[1]}, 17), "value")
	bad("key", "KEY-1", "a key with an alg", g.set(enc(govKeys[0].coseKey().set(-8, 3)), 17, 0), "key")
	bad("key-inline", "", "a key that is no byte string", g.set(govKeys[0].coseKey(), 17, 0), "type")
}
