package main

import (
	"bytes"
	"slices"
)

const (
	typeAct         = "application/vnd.tokentrail.act+cbor"
	typeActEnvelope = "application/vnd.tokentrail.act+cose"
	actChain        = "vectors-1"
)

// govKeys are the keys of governance that most vectors start from.
var govKeys = []signer{edSigner("governor 1"), edSigner("governor 2"), esSigner("governor 3")}

// actOf is the payload of an act (GOV-4); without provider it is governance's.
func actOf(provider string, sequence int64, actions ...group) group {
	all := list{}
	for _, a := range actions {
		all = append(all, a)
	}
	g := group{1: 1, 2: actChain, 4: sequence, 7: all}
	if provider != "" {
		g[3] = provider
	}
	return g
}

func actID(payload []byte) []byte { return hash([]byte("tokentrail/act/v1"), []byte{0}, payload) }

// actHeader is the body's protected header of GOV-1.
func actHeader() group { return group{3: typeAct, 16: typeActEnvelope} }

// An actEnvelope is a COSE_Sign before it is put together; each field may be
// replaced by something wrong.
type actEnvelope struct {
	protected   []byte
	unprotected any
	payload     any
	signatures  list
}

// actSignature is one COSE_Signature of GOV-1 over the payload.
func actSignature(k signer, body []byte, header group, payload []byte) list {
	p := enc(header)
	return list{p, group{}, k.sign(enc(list{"Signature", body, p, []byte{}, payload}))}
}

func signerHeader(k signer) group { return group{1: k.alg, 4: k.kid()} }

// signAct signs a payload with the keys, in the order of their kids.
func signAct(payload []byte, keys ...signer) actEnvelope {
	e := actEnvelope{protected: enc(actHeader()), unprotected: group{}, payload: payload, signatures: list{}}
	for _, k := range byKID(keys) {
		e.signatures = append(e.signatures, actSignature(k, e.protected, signerHeader(k), payload))
	}
	return e
}

func byKID(keys []signer) []signer {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, func(a, b signer) int { return bytes.Compare(a.kid(), b.kid()) })
	return sorted
}

// array is the COSE_Sign without its tag.
func (e actEnvelope) array() []byte {
	return enc(list{e.protected, e.unprotected, e.payload, e.signatures})
}

// bytes is the COSE_Sign.
func (e actEnvelope) bytes() []byte { return cat([]byte{0xd8, 98}, e.array()) }

// withSignature replaces signature i.
func (e actEnvelope) withSignature(i int, s any) actEnvelope {
	e.signatures = slices.Clone(e.signatures)
	e.signatures[i] = s
	return e
}

// keysList is keys as COSE_Keys in byte strings, as they come.
func keysList(keys ...signer) list {
	out := list{}
	for _, k := range keys {
		out = append(out, enc(k.coseKey()))
	}
	return out
}

// governors is keys as `governance` has them: ascending.
func governors(keys ...signer) list {
	sorted := slices.Clone(keys)
	slices.SortFunc(sorted, func(a, b signer) int { return bytes.Compare(enc(a.coseKey()), enc(b.coseKey())) })
	return keysList(sorted...)
}

// The actions of GOV-5, with what each must have.

func providerAdmit(id string, keys ...signer) group {
	return group{1: 1, 2: id, 3: "Provider " + id, 4: list{"DE", "FR"}, 5: keysList(keys...)}
}
func providerDescribe(id string) group {
	return group{1: 2, 2: id, 3: "Renamed 推理", 4: list{"NL"}}
}
func providerStatus(id string, status int) group { return group{1: 3, 2: id, 6: status} }
func keyAdd(id string, k signer) group           { return group{1: 4, 2: id, 7: enc(k.coseKey())} }
func keyExpire(id string, k signer, until int64) group {
	return group{1: 5, 2: id, 9: until, 10: k.kid()}
}
func keyRevoke(id string, k signer) group { return group{1: 6, 2: id, 10: k.kid()} }
func keyStolen(id string, k signer, since, height int64) group {
	return group{1: 7, 2: id, 10: k.kid(), 11: since, 12: height}
}
func setValidator(public []byte, power int64) group { return group{1: 8, 13: public, 14: power} }
func setPolicy(p group) group                       { return group{1: 9, 15: p} }
func setGovernance(threshold int, keys ...signer) group {
	return group{1: 10, 16: threshold, 17: governors(keys...)}
}
func setRules(version, from int64) group { return group{1: 11, 18: version, 19: from} }

// fullPolicy has every key of STA-6.
func fullPolicy() group {
	return group{1: 4096, 2: 4096, 3: 1 << 20, 4: 8 << 20, 5: 65535, 6: 512, 7: 1024, 8: 86_400_000, 9: 600_000,
		10: list{"CN", "DE", "US"}, 11: list{"cn:standard-contract", "eu:46-2-c:m3"},
		12: group{1: 5_000_000, 2: list{1, 3}, 3: 1},
		13: list{list{"CN", "cn-gb-45438"}, list{"DE", "eu-ai-act-50"}, list{"DE", "zz"}}}
}

// everyAction is one action of each type.
func everyAction() []group {
	return []group{
		providerAdmit("hooli", edSigner("hooli 1"), esSigner("hooli 2")), providerDescribe("acme"), providerStatus("acme", 2),
		keyAdd("acme", edSigner("acme new")).set(60, 8).set(70, 9), keyExpire("acme", edKey, 60), keyRevoke("acme", edKey),
		keyStolen("acme", edKey, eventTime, 12), setValidator(edSigner("validator 7").x, 25), setPolicy(fullPolicy()),
		setGovernance(2, govKeys...), setRules(4, 1000),
	}
}

// actionNames are the names of GOV-5 by type.
var actionNames = []string{"", "provider-admit", "provider-describe", "provider-status", "key-add", "key-expire",
	"key-revoke", "key-stolen", "validator", "policy", "governance", "rules"}

// actionFields are the names of the keys of actions, as paths have them.
var actionFields = []string{"", "type", "id", "name", "jurisdictions", "keys", "status", "key", "from", "until", "kid",
	"since", "since-height", "validator", "power", "policy", "threshold", "governors", "rules", "rules-from"}
