package main

import "fmt"

// The actions of governors: GOV-13 to GOV-18.

func (a admission) governed(name, rule, comment string, w, after world, actions ...group) {
	a.act(name, rule, comment, w, after, actOf("", 5, actions...), twoGovernors()...)
}

func (a admission) refuseGoverned(name, rule, comment string, w world, code, path string, actions ...group) {
	a.refuseAct(name, rule, comment, w, actOf("", 5, actions...), code, path, twoGovernors()...)
}

// admissionRegistry: GOV-13, GOV-14.
func admissionRegistry(a admission, w world) {
	k1, k2 := edSigner("hooli 1"), esSigner("hooli 2")
	admit := providerAdmit("hooli", k1, k2)
	hooli := group{1: "hooli", 2: "Provider hooli", 3: list{"DE", "FR"}, 4: list{keyValue(k1, 0).set(7, 5), keyValue(k2, 0).set(7, 5)}, 5: 1}
	a.governed("admit", "GOV-13", "a provider with two keys is admitted", w, w.acted().with("provider/hooli", hooli), admit)
	a.governed("admit-order", "GOV-13", "its keys in the order of the act", w, w.acted().with("provider/hooli", hooli.set(list{hooli[4].(list)[1], hooli[4].(list)[0]}, 4)), providerAdmit("hooli", k2, k1))
	a.governed("admit-and-suspend", "GOV-6", "admitted, described and suspended in one act", w,
		w.acted().with("provider/hooli", hooli.set("Renamed 推理", 2).set(list{"NL"}, 3).set(2, 5)), admit, providerDescribe("hooli"), providerStatus("hooli", 2))
	acme := acmeProvider()
	a.governed("describe", "GOV-14", "another name and other countries", w, w.acted().with("provider/acme", acme.set("Renamed 推理", 2).set(list{"NL"}, 3)), providerDescribe("acme"))
	a.governed("describe-name", "GOV-14", "another name alone", w, w.acted().with("provider/acme", acme.set("Renamed 推理", 2)), providerDescribe("acme").del(4))
	initech := providerValue("initech", 3, keyValue(esOther, 0))
	a.governed("describe-retired", "GOV-14", "other countries of a retired provider", w, w.acted().with("provider/initech", initech.set(list{"NL"}, 3)), providerDescribe("initech").del(3))
	a.governed("retire", "GOV-14", "a provider retires", w, w.acted().with("provider/acme", acme.set(3, 5)), providerStatus("acme", 3))
	globex := providerValue("globex", 2, keyValue(edOther, 0))
	a.governed("reinstate", "GOV-14", "a suspended provider is active again", w, w.acted().with("provider/globex", globex.set(1, 5)), providerStatus("globex", 1))
	a.governed("retire-suspended", "GOV-14", "a suspended provider retires", w, w.acted().with("provider/globex", globex.set(3, 5)), providerStatus("globex", 3))

	bad := func(name, rule, comment, path string, actions ...group) {
		a.refuseGoverned(name, rule, comment, w, "registry", path, actions...)
	}
	bad("admit-again", "GOV-13", "a provider of that id is there", "actions[0].id", providerAdmit("acme", k1))
	bad("admit-retired", "GOV-13", "a retired provider of that id is there", "actions[0].id", providerAdmit("initech", k1))
	bad("admit-twice", "GOV-13", "one act admits one id twice", "actions[1].id", admit, providerAdmit("hooli", edSigner("hooli 3")))
	bad("admit-key-twice", "GOV-13", "a new provider's key stands twice", "-", providerAdmit("hooli", k1, k1))
	bad("admit-key-of-other", "GOV-13", "the key of another provider", "-", providerAdmit("hooli", k1, edOther))
	bad("admit-key-of-retired", "GOV-13", "the key of a retired provider", "-", providerAdmit("hooli", esOther))
	bad("admit-key-revoked", "GOV-13", "a key of another provider that was revoked", "-", providerAdmit("hooli", acmeRevoked))
	bad("admit-key-shared", "GOV-13", "two new providers have one key", "-", admit, providerAdmit("initrode", k1))
	for _, x := range []group{providerDescribe("hooli"), providerStatus("hooli", 2), keyAdd("hooli", k1), keyExpire("hooli", edKey, 60), keyRevoke("hooli", edKey), keyStolen("hooli", edKey, 0, 1)} {
		name := actionNames[toInt(x[1])]
		bad("unregistered-"+name, "GOV-14", name+" of a provider that is not registered", "actions[0].id", x)
	}
	bad("status-same", "GOV-14", "an active provider made active", "-", providerStatus("acme", 1))
	bad("status-same-suspended", "GOV-14", "a suspended provider suspended", "-", providerStatus("globex", 2))
	bad("status-same-retired", "GOV-14", "a retired provider retires", "-", providerStatus("initech", 3))
	bad("status-retired-active", "GOV-14", "a retired provider made active", "-", providerStatus("initech", 1))
	bad("status-retired-suspended", "GOV-14", "a retired provider suspended", "-", providerStatus("initech", 2))
	bad("status-twice", "GOV-14", "one act suspends a provider twice", "-", providerStatus("acme", 2), providerStatus("acme", 2))
}

// admissionKeys: GOV-15, GOV-16.
func admissionKeys(a admission, w world) {
	acme, fresh := acmeProvider(), edSigner("acme fresh")
	after := func(p group) world { return w.acted().with("provider/acme", p) }
	appended := func(k group) world {
		return after(acme.set(append(append(list(nil), acme[4].(list)...), k), 4))
	}
	a.governed("key-add", "GOV-15", "governors add a key: no signature of the key is wanted", w, appended(keyValue(fresh, 0).set(7, 5)), keyAdd("acme", fresh))
	a.governed("key-add-heights", "GOV-15", "a key that is valid from 60 until 70", w, appended(keyValue(fresh, 60).set(70, 4).set(7, 5)), keyAdd("acme", fresh).set(60, 8).set(70, 9))
	a.governed("key-add-past", "GOV-15", "a key that was valid until height 9", w, appended(keyValue(fresh, 0).set(9, 4).set(7, 5)), keyAdd("acme", fresh).set(9, 9))
	a.governed("key-expire", "GOV-16", "a key ends at the next height", w, after(acme.set(51, 4, 0, 4)), keyExpire("acme", edKey, 51))
	a.governed("key-expire-earlier", "GOV-16", "a key ends earlier than it would have", w, after(acme.set(99, 4, 1, 4)), keyExpire("acme", esKey, 99))
	a.governed("key-revoke", "GOV-16", "a key is revoked", w, after(acme.set(7, 4, 0, 6)), keyRevoke("acme", edKey))
	a.governed("key-stolen", "GOV-16", "a key is stolen since a height before: it is revoked as well", w,
		after(acme.set(7, 4, 0, 6).set(int64(eventTime), 4, 0, 7).set(20, 4, 0, 8)), keyStolen("acme", edKey, eventTime, 20))
	a.governed("key-stolen-now", "GOV-16", "a key is stolen since this height", w,
		after(acme.set(7, 4, 0, 6).set(w.time, 4, 0, 7).set(50, 4, 0, 8)), keyStolen("acme", edKey, w.time, 50))
	a.governed("key-stolen-revoked", "GOV-16", "a key that was revoked turns out stolen: the entry that revoked it stays", w,
		after(acme.set(int64(eventTime), 4, 2, 7).set(20, 4, 2, 8)), keyStolen("acme", acmeRevoked, eventTime, 20))
	a.governed("key-stolen-earlier", "GOV-16", "a key turns out stolen since an earlier height", w,
		after(acme.set(int64(eventTime-5), 4, 3, 7).set(29, 4, 3, 8)), keyStolen("acme", acmeStolen, eventTime-5, 29))
	bad := func(name, rule, comment, code, path string, actions ...group) {
		a.refuseGoverned(name, rule, comment, w, code, path, actions...)
	}
	bad("key-add-again", "GOV-15", "a key that the provider has", "registry", "-", keyAdd("acme", edKey))
	bad("key-add-of-other", "GOV-15", "a key of another provider", "registry", "-", keyAdd("acme", edOther))
	bad("key-add-revoked", "GOV-15", "a key of the provider that was revoked", "registry", "-", keyAdd("acme", acmeRevoked))
	bad("key-add-twice", "GOV-15", "one act adds a key twice", "registry", "-", keyAdd("acme", fresh), keyAdd("acme", fresh))
	bad("key-add-shared", "GOV-15", "one act adds a key to two providers", "registry", "-", keyAdd("acme", fresh), keyAdd("globex", fresh))
	a.refuseGoverned("key-add-expired", "GOV-15", "a key of the provider that expired", w.at(200), "registry", "-", keyAdd("acme", esKey))
	full := acme
	keys := list{}
	for _, k := range manyKeys(64) {
		keys = append(keys, keyValue(k, 0))
	}
	full = full.set(keys, 4)
	a.refuseGoverned("key-add-65", "GOV-15", "the provider has 64 keys", w.with("provider/acme", full), "registry", "-", keyAdd("acme", fresh))
	almost := full.set(keys[:63], 4)
	a.governed("key-add-64", "GOV-15", "the provider had 63 keys", w.with("provider/acme", almost),
		after(almost.set(append(append(list(nil), keys[:63]...), keyValue(fresh, 0).set(7, 5)), 4)), keyAdd("acme", fresh))
	for _, x := range []group{keyExpire("acme", edOther, 60), keyRevoke("acme", edOther), keyStolen("acme", edOther, 0, 1)} {
		name := actionNames[toInt(x[1])]
		bad(name+"-of-other", "GOV-16", name+" of another provider's key", "registry", "actions[0].kid", x)
		x = x.set(edSigner("nobody").kid(), 10)
		bad(name+"-unknown", "GOV-16", name+" of a key that nobody has", "registry", "actions[0].kid", x)
	}
	bad("key-expire-revoked", "GOV-16", "the end of a key that was revoked", "registry", "-", keyExpire("acme", acmeRevoked, 60))
	bad("key-expire-now", "GOV-16", "a key ends at this block's height", "height", "-", keyExpire("acme", edKey, 50))
	bad("key-expire-past", "GOV-16", "a key ends at a past height", "height", "-", keyExpire("acme", edKey, 1))
	bad("key-expire-0", "GOV-16", "a key ends at height 0", "height", "-", keyExpire("acme", edKey, 0))
	bad("key-expire-same", "GOV-16", "a key ends where it does already", "height", "-", keyExpire("acme", esKey, 100))
	bad("key-expire-later", "GOV-16", "a key ends later than it does", "height", "-", keyExpire("acme", esKey, 101))
	bad("key-revoke-again", "GOV-16", "a key is revoked twice", "registry", "-", keyRevoke("acme", acmeRevoked))
	bad("key-revoke-twice", "GOV-16", "one act revokes a key twice", "registry", "-", keyRevoke("acme", edKey), keyRevoke("acme", edKey))
	bad("key-revoke-stolen", "GOV-16", "a key that is stolen is revoked", "registry", "-", keyRevoke("acme", acmeStolen))
	bad("key-stolen-same", "GOV-16", "stolen since the height that is known", "registry", "-", keyStolen("acme", acmeStolen, eventTime, 30))
	bad("key-stolen-later", "GOV-16", "stolen since a later height than is known", "registry", "-", keyStolen("acme", acmeStolen, eventTime, 31))
	bad("key-stolen-future", "GOV-16", "stolen since the next height", "height", "-", keyStolen("acme", edKey, eventTime, 51))
}

// admissionValidators: GOV-17 for validators.
func admissionValidators(a admission, w world) {
	set := func(w world, key []byte, power int64) world {
		if power == 0 {
			return w.with(validatorKey(key), nil)
		}
		return w.with(validatorKey(key), group{1: "ed25519", 2: key, 3: power})
	}
	done := w.acted()
	a.governed("validator-add", "GOV-17", "a third validator", w, set(done, valC, 5), setValidator(valC, 5))
	a.governed("validator-power", "GOV-17", "another power", w, set(done, valA, 1_000_000_000_000), setValidator(valA, 1_000_000_000_000))
	a.governed("validator-remove", "GOV-17", "one of two is removed", w, set(done, valA, 0), setValidator(valA, 0))
	a.governed("validator-replace", "GOV-17", "all are removed, then another is added: what counts is the end", w, set(set(set(done, valA, 0), valB, 0), valC, 1), setValidator(valA, 0), setValidator(valB, 0), setValidator(valC, 1))
	a.governed("validator-add-remove", "GOV-17", "one is added and removed by one act", w, done, setValidator(valC, 5), setValidator(valC, 0))
	const most = 1_152_921_504_606_846_975
	heavy := set(w, valA, most-20)
	bad := func(name, comment string, w world, actions ...group) {
		a.refuseGoverned(name, "GOV-17", comment, w, "registry", "-", actions...)
	}
	bad("validator-unknown", "one is removed that is not there", w, setValidator(valC, 0))
	bad("validator-same", "the power that it has", w, setValidator(valA, 10))
	bad("validator-removed-twice", "one is removed twice", w, setValidator(valA, 0), setValidator(valA, 0))
	bad("validator-none", "all are removed", w, setValidator(valA, 0), setValidator(valB, 0))
	bad("validator-ceiling", "power of one more than the engine's ceiling together", heavy, setValidator(valB, 21))
	below := set(w, valA, most-21)
	a.governed("validator-at-ceiling", "GOV-17", "power of exactly the engine's ceiling together", below, set(below.acted(), valB, 21), setValidator(valB, 21))
	full := w
	for i := range 98 {
		full = set(full, edSigner(fmt.Sprint("validator ", i)).x, 1)
	}
	bad("validator-101", "a hundred and first", full, setValidator(valC, 1))
	fewer := set(full, valA, 0)
	a.governed("validator-100", "GOV-17", "a hundredth", fewer, set(fewer.acted(), valC, 1), setValidator(valC, 1))
	a.governed("validator-swap-at-100", "GOV-17", "of a hundred one is added, then one removed", full, set(set(full.acted(), valC, 1), valA, 0), setValidator(valC, 1), setValidator(valA, 0))
}

// admissionStateActions: policy, governance and rules.
func admissionStateActions(a admission, w world) {
	done := w.acted()
	a.governed("policy", "GOV-17", "a policy with every key", w, done.with("policy", fullPolicy()), setPolicy(fullPolicy()))
	had := w.with("policy", fullPolicy())
	a.governed("policy-replaced", "GOV-17", "a policy is replaced as a whole", had, done.with("policy", group{7: 3}), setPolicy(group{7: 3}))
	a.governed("policy-last", "GOV-6", "of two policies the last stays", w, done.with("policy", group{}), setPolicy(fullPolicy()), setPolicy(group{}))
	scheduled := func(version, next, from int64) group { return group{1: version, 2: next, 3: from} }
	a.governed("rules", "GOV-18", "a version from the next height", w, done.with("rules", scheduled(3, 4, 51)), setRules(4, 51))
	a.governed("rules-unknown", "GOV-18", "a version that nobody knows", w, done.with("rules", scheduled(3, 1<<31, 1<<40)), setRules(1<<31, 1<<40))
	waiting := w.with("rules", scheduled(3, 5, 60))
	a.governed("rules-replaced", "GOV-18", "a scheduled version is replaced by a lower one", waiting, done.with("rules", scheduled(3, 4, 70)), setRules(4, 70))
	a.governed("rules-replaced-same", "GOV-18", "a scheduled version is replaced by the same from another height", waiting, done.with("rules", scheduled(3, 5, 59)), setRules(5, 59))
	held := w.with("rules", scheduled(1, 3, 50))
	a.governed("rules-after-held", "STA-5", "the version that was scheduled holds from this height: it becomes the one that is replaced", held, done.with("rules", scheduled(3, 4, 70)), setRules(4, 70))
	a.governed("held-untouched", "STA-5", "an act without rules leaves a version that holds where it stands", held, done.with("rules", scheduled(1, 3, 50)).with("provider/acme", acmeProvider().set(2, 5)), providerStatus("acme", 2))
	bad := func(name, comment string, w world, code string, actions ...group) {
		a.refuseGoverned(name, "GOV-18", comment, w, code, "-", actions...)
	}
	bad("rules-same", "the version that holds", w, "registry", setRules(3, 60))
	bad("rules-lower", "a version below the one that holds", w, "registry", setRules(2, 60))
	bad("rules-held-same", "the version that holds from this height", held, "registry", setRules(3, 60))
	bad("rules-now", "from this block's height", w, "height", setRules(4, 50))
	bad("rules-past", "from a past height", w, "height", setRules(4, 49))
}
