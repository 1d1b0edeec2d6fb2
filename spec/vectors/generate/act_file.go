package main

import "strings"

// actJSONSuite: GOV-31.
func actJSONSuite() *suite {
	s := newSuite("act_json", "One act as a JSON object, and the payload that it stands for. Rule: governance.md GOV-31.")
	good := func(name, comment, text string, g group) {
		b := enc(g)
		s.good(name, "GOV-31", comment, nil, &values{ActID: hexOf(actID(b)), Payload: hexOf(b)}).Text = &text
	}
	bad := func(name, comment, text, code string) { s.bad(name, "GOV-31", comment, nil, code).Text = &text }
	whole := actOf("acme", 3, everyAction()...).set(9, 5).set("Grüße", 6)
	good("all", "every field and an action of each type", actJSON(whole), whole)
	status := actOf("", 0, providerStatus("acme", 2))
	text := `{"chain":"vectors-1","sequence":0,"actions":[{"type":"provider-status","id":"acme","status":"suspended"}]}`
	good("least", "without a version", text, status)
	good("spaces", "with spaces, in another order", "\n{ \"actions\" : [ {\"status\":\"suspended\", \"id\":\"acme\", \"type\":\"provider-status\"} ],\t\"sequence\": 0, \"chain\": \"vectors-1\" }\n", status)
	with := func(old, put string) string { return strings.Replace(text, old, put, 1) }
	kid := hexOf(edKey.kid())
	revoke := `{"chain":"vectors-1","sequence":0,"actions":[{"type":"key-revoke","id":"acme","kid":"` + kid + `"}]}`
	good("kid", "a kid in lower-case hex", revoke, actOf("", 0, keyRevoke("acme", edKey)))
	bad("unknown", "an unknown member", with(`"sequence"`, `"price":1,"sequence"`), "value")
	bad("unknown-action", "an unknown member of an action", with(`"id"`, `"price":1,"id"`), "value")
	bad("null", "a member that is null", with(`"sequence"`, `"reason":null,"sequence"`), "value")
	bad("null-sequence", "the sequence is null", with(`"sequence":0`, `"sequence":null`), "value")
	bad("empty-reason", "an empty reason", with(`"sequence"`, `"reason":"","sequence"`), "value")
	bad("empty-provider", "an empty provider", with(`"sequence"`, `"provider":"","sequence"`), "identifier")
	bad("empty-keys", "an empty member of an action", with(`"id"`, `"keys":[],"id"`), "value")
	bad("twice", "a member twice", with(`"sequence":0`, `"sequence":0,"sequence":0`), "value")
	bad("twice-action", "a member of an action twice", with(`"id":"acme"`, `"id":"acme","id":"acme"`), "value")
	bad("case", "a member in another case", with(`"chain"`, `"Chain"`), "value")
	bad("hyphen", "a name with a hyphen", with(`"sequence"`, `"last-height":9,"sequence"`), "value")
	bad("number-text", "a number as a text", with(`"sequence":0`, `"sequence":"0"`), "value")
	bad("number-fraction", "a number with a fraction", with(`"sequence":0`, `"sequence":0.0`), "value")
	bad("number-exponent", "a number with an exponent", with(`"sequence":0`, `"sequence":0e0`), "value")
	bad("status-number", "a status by its number", with(`"suspended"`, `2`), "value")
	bad("type-number", "a type by its number", with(`"provider-status"`, `3`), "value")
	bad("type-unknown", "a type that there is not", with(`provider-status`, `provider-end`), "unknown-kind")
	bad("kid-upper", "a kid in upper case", strings.Replace(revoke, kid, strings.ToUpper(kid), 1), "value")
	bad("kid-short", "a kid of 31 bytes", strings.Replace(revoke, kid, kid[2:], 1), "value")
	bad("array", "an array", "["+text+"]", "value")
	bad("cut", "the last brace is missing", text[:len(text)-1], "value")
	return s
}

// actFileSuite: GOV-30.
func actFileSuite() *suite {
	s := newSuite("act_file", "The file in which an act travels between signers. Items: files that are joined, in order. Rules: governance.md GOV-30, GOV-1.")
	payload := enc(actOf("", 5, providerStatus("acme", 2)))
	of := func(keys ...signer) []byte { return enc(list{2, signAct(payload, keys...).bytes()}) }
	good := func(name, comment string, joined []byte, items ...[]byte) {
		v := s.good(name, "GOV-30", comment, nil, &values{ActID: hexOf(actID(payload)), Joined: hexOf(joined)})
		v.Items = hexes(items)
	}
	bad := func(name, rule, comment, code string, items ...[]byte) {
		s.bad(name, rule, comment, nil, code).Items = hexes(items)
	}
	k := govKeys
	good("unsigned", "no signature yet", of(), of())
	good("one", "one signature", of(k[0]), of(k[0]))
	good("join", "two files of one signature each", of(k[0], k[1]), of(k[0]), of(k[1]))
	good("join-order", "the same in the other order", of(k[0], k[1]), of(k[1]), of(k[0]))
	good("join-unsigned", "a file without signatures adds none", of(k[2]), of(), of(k[2]))
	good("join-same", "a file with itself", of(k...), of(k...), of(k...))
	good("join-three", "three files that share signatures", of(k...), of(k[0], k[1]), of(k[1], k[2]), of(k[2], k[0]))
	es, other := signAct(payload, k[2]), signAct(payload, k[2])
	one := es.signatures[0].(list)
	low, high := one[2].([]byte), cat([]byte{0xff}, one[2].([]byte)[1:])
	other = other.withSignature(0, list{one[0], one[1], high})
	if string(high) <= string(low) {
		panic("the other signature is not the higher")
	}
	good("join-lower", "of two signatures with one kid the lower stays: they are not verified here", enc(list{2, es.bytes()}), enc(list{2, other.bytes()}), enc(list{2, es.bytes()}))
	good("join-lower-order", "the same in the other order", enc(list{2, es.bytes()}), enc(list{2, es.bytes()}), enc(list{2, other.bytes()}))
	bad("type-1", "SUB-1", "a submission of type 1", "version", submissionOf(threeKinds()))
	bad("bare", "SUB-1", "the act alone", "envelope", signAct(payload, k[0]).bytes())
	bad("trailing", "SUB-1", "a byte behind it", "envelope", cat(of(k[0]), []byte{0}))
	bad("signatures-null", "GOV-1", "the signatures are null", "envelope", enc(list{2, cat([]byte{0xd8, 98, 0x84}, enc(enc(actHeader())), []byte{0xa0}, enc(payload), []byte{0xf6})}))
	bad("signature-63", "GOV-1", "a signature of 63 bytes", "signature", enc(list{2, es.withSignature(0, list{one[0], one[1], low[:63]}).bytes()}))
	descending := signAct(payload, k[0], k[1])
	descending.signatures = list{descending.signatures[1], descending.signatures[0]}
	bad("kid-descending", "GOV-1", "signatures in descending order of kid", "value", enc(list{2, descending.bytes()}))
	bad("unsigned-payload", "GOV-4", "no signature, and a payload of version 2", "version", enc(list{2, signAct(enc(actOf("", 5, providerStatus("acme", 2)).set(2, 1))).bytes()}))
	another := enc(list{2, signAct(enc(actOf("", 6, providerStatus("acme", 2))), k[1]).bytes()})
	bad("join-other", "GOV-30", "files of two payloads", "binding", of(k[0]), another)
	many := manyKeys(65)
	bad("join-65", "GOV-30", "files of 65 signatures together", "signature", of(many[:40]...), of(many[40:]...))
	return s
}
