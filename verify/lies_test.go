package verify_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	cmted "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// A lie is something that a node, or the validators, do; want and place are the
// finding that it has to end in, and also what else is found then.
type lie struct {
	name  string
	want  verify.Code
	place string
	also  []verify.Code                  // that follow from it
	do    func(l *ledger)                // to the small ledger
	build func(t testing.TB) *ledger     // another ledger instead
	trust func(l *ledger) []verify.Trust // nil: genesis, given by the auditor
	looks func(t testing.TB) verify.Inspector
	with  func(l *ledger, o *verify.Options)
}

// unanchored is what follows where the log is not the one that the validators signed.
var unanchored = []verify.Code{verify.CodeAppHash, verify.CodeStateValue}

// asServed trusts whatever genesis document the node serves.
func asServed(*ledger) []verify.Trust { return []verify.Trust{{}} }

// on changes the answers to requests that begin with a prefix.
func on(prefix string, change func(b []byte) []byte) func(l *ledger) {
	return func(l *ledger) {
		l.answer = func(path string, b []byte) []byte {
			if strings.HasPrefix(path, prefix) {
				return change(bytes.Clone(b))
			}
			return b
		}
	}
}

func garbage([]byte) []byte { return []byte("garbage") }

// inHeader changes what the validators sign in the header of a height.
func inHeader(height int64, change func(*types.Header)) func(t testing.TB) *ledger {
	return func(t testing.TB) *ledger {
		l := newLedger(t)
		l.tweak = func(h *types.Header) {
			if h.Height == height {
				change(h)
			}
		}
		l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
		l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
		l.commit()
		return l
	}
}

// committed is a ledger whose validators let an entry through.
func committed(make func(l *ledger) verify.Entry) func(t testing.TB) *ledger {
	return func(t testing.TB) *ledger {
		l := newLedger(t)
		l.commit(l.batch("beta", "eu", l.records(1, "DE", "US")))
		l.commit(make(l))
		l.commit()
		return l
	}
}

// spoilt is an entry whose signed header was changed.
func spoilt(change func(h *provenance.BatchHeader)) func(t testing.TB) *ledger {
	return committed(func(l *ledger) verify.Entry { return l.batch("acme", "us", l.records(3, "US", "CN"), change) })
}

// rewrite changes the light block of a height and leaves the rest.
func rewrite(height int, change func(b *types.LightBlock)) func(l *ledger) {
	return func(l *ledger) {
		b := decodeBlock(l.t, l.blocks[height-1])
		change(b)
		l.blocks[height-1] = encodeBlock(l.t, b)
	}
}

func spoilSignatures(n int) func(b *types.LightBlock) {
	return func(b *types.LightBlock) {
		for i := range n {
			b.Commit.Signatures[i].Signature[5] ^= 1
		}
	}
}

// alter changes a JSON answer.
func alter[T any](path string, change func(v *T)) func(l *ledger) {
	return on(path, func(b []byte) []byte {
		var v T
		_ = json.Unmarshal(b, &v)
		change(&v)
		b, _ = json.Marshal(v)
		return b
	})
}

// fork makes a second history from height 3 on, signed by the same validators.
func fork(l *ledger) []byte {
	h := *decodeBlock(l.t, l.blocks[3]).Header
	h.DataHash = seed("another block")
	return l.sign(&h, 4)
}

func headerLies() []lie {
	other := func(l *ledger) []verify.Trust { return []verify.Trust{{Genesis: &provenance.Hash{1}}} }
	return []lie{
		{name: "another genesis than the auditor's", want: verify.CodeGenesisHash, place: "genesis", trust: other},
		{name: "genesis hash", want: verify.CodeGenesisHash, place: "status.genesis_hash",
			do: func(l *ledger) { l.status = func(s *verify.Status) { s.GenesisHash[0] ^= 1 } }},
		{name: "another origin", want: verify.CodeGenesisHash, place: "status.origin",
			do: func(l *ledger) { l.status = func(s *verify.Status) { s.Origin += "0" } }},
		{name: "another chain id", want: verify.CodeChainID, place: "status.chain_id",
			do: func(l *ledger) { l.status = func(s *verify.Status) { s.ChainID = "other" } }},
		{name: "genesis is not a document", want: verify.CodeGenesisForm, place: "genesis", do: func(l *ledger) { l.genesis = []byte("{") }, trust: asServed},
		{name: "genesis with a chain id that is no name", want: verify.CodeGenesisForm, place: "genesis.chain_id", trust: asServed,
			do: func(l *ledger) { l.genesis = bytes.Replace(l.genesis, []byte("test-1"), []byte("test/1"), 1) }},
		{name: "genesis with an unknown member", want: verify.CodeGenesisForm, place: "genesis.app_state", trust: asServed,
			do: func(l *ledger) {
				l.genesis = bytes.Replace(l.genesis, []byte(`"format"`), []byte(`"x": 1, "format"`), 1)
			}},
		{name: "genesis with another provider's name", want: verify.CodeInitialState, place: "headers[1].app_hash", also: unanchored, trust: asServed,
			do: func(l *ledger) {
				l.genesis = bytes.Replace(l.genesis, []byte(`"name": "acme"`), []byte(`"name": "acne"`), 1)
			}},
		{name: "genesis with another validator power", want: verify.CodeValidators, place: "headers[1].validators_hash", trust: asServed,
			do: func(l *ledger) {
				l.genesis = bytes.Replace(l.genesis, []byte(`"power": "10"`), []byte(`"power": "11"`), 1)
			}},
		{name: "header of another chain", want: verify.CodeChainID, place: "headers[2]", build: inHeader(2, func(h *types.Header) { h.ChainID = "other" })},
		{name: "header of another height", want: verify.CodeHeaderHeight, place: "headers[2]",
			do: func(l *ledger) { l.blocks[1] = l.blocks[2] }},
		{name: "headers swapped", want: verify.CodeHeaderHeight, place: "headers[2]",
			do: func(l *ledger) { l.blocks[1], l.blocks[2] = l.blocks[2], l.blocks[1] }},
		{name: "header not after the one before", want: verify.CodeHeaderTime, place: "headers[3]",
			build: inHeader(3, func(h *types.Header) { h.Time = h.Time.Add(-time.Hour) })},
		{name: "header from the future", want: verify.CodeHeaderTime, place: "headers[3]",
			build: inHeader(3, func(h *types.Header) { h.Time = h.Time.AddDate(1, 0, 0) })},
		{name: "first header not at genesis time", want: verify.CodeHeaderTime, place: "headers[1]",
			build: inHeader(1, func(h *types.Header) { h.Time = h.Time.Add(time.Millisecond) })},
		{name: "header on another block", want: verify.CodeHeaderLink, place: "headers[3]",
			build: inHeader(3, func(h *types.Header) { h.LastBlockID.Hash = seed("other") })},
		{name: "header that names other validators", want: verify.CodeValidators, place: "headers[2]",
			build: inHeader(2, func(h *types.Header) { h.ValidatorsHash = seed("other") })},
		{name: "made-up validators", want: verify.CodeValidators, place: "headers[3].validators_hash", do: usurp},
		{name: "not a light block", want: verify.CodeHeaderForm, place: "headers[2]", do: func(l *ledger) { l.blocks[1] = []byte("garbage") }},
		{name: "an empty light block", want: verify.CodeHeaderForm, place: "headers[2]", do: func(l *ledger) { l.blocks[1] = nil }},
		{name: "a light block with something behind it", want: verify.CodeHeaderForm, place: "headers[2]",
			do: func(l *ledger) { l.blocks[1] = append(bytes.Clone(l.blocks[1]), 0x7a, 1, 0) }},
		{name: "a validator with the power of all", want: verify.CodeHeaderForm, place: "headers[2]",
			do: rewrite(2, func(b *types.LightBlock) { b.ValidatorSet.Validators[0].VotingPower = types.MaxTotalVotingPower })},
		{name: "app hash", want: verify.CodeHeaderCommit, place: "headers[4].commit", do: rewrite(4, func(b *types.LightBlock) { b.AppHash[0] ^= 1 })},
		{name: "two of four signatures", want: verify.CodeHeaderCommit, place: "headers[3].commit", do: rewrite(3, spoilSignatures(2))},
		{name: "one of four signatures", want: verify.CodeHeaderSignature, place: "headers[3].commit", do: rewrite(3, spoilSignatures(1))},
		{name: "two absent signatures", want: verify.CodeHeaderCommit, place: "headers[1].commit",
			build: func(t testing.TB) *ledger { l := newLedger(t); l.signers = 2; l.commit(); l.commit(); return l }},
		{name: "headers withheld", want: verify.CodeHeaderMissing, place: "headers[1]", do: on("/v1/headers?from=1", func(b []byte) []byte { return nil })},
		{name: "last header withheld", want: verify.CodeHeaderMissing, place: "headers[5]",
			do: func(l *ledger) { l.status = func(s *verify.Status) { s.Height = 4 } }},
		{name: "a height below the first", want: verify.CodeHeaderHeight, place: "headers[-6]", also: []verify.Code{verify.CodeHeight, verify.CodeStale},
			do: func(l *ledger) { l.status = func(s *verify.Status) { s.Height = -7 } }},
		{name: "another header than the trusted one", want: verify.CodeTrustHash, place: "headers[2]",
			trust: func(l *ledger) []verify.Trust { tr := l.at(2); tr.Hash[0] ^= 1; return []verify.Trust{tr} }},
		{name: "trusted header withheld", want: verify.CodeHeaderMissing, place: "headers[2]",
			do:    on("/v1/headers?from=2&", func([]byte) []byte { return []byte{} }),
			trust: func(l *ledger) []verify.Trust { return []verify.Trust{l.at(2)} }},
		{name: "light client: header below two thirds", want: verify.CodeHeaderCommit, place: "headers[4]", do: rewrite(4, spoilSignatures(2)),
			trust: func(l *ledger) []verify.Trust { return []verify.Trust{l.at(1)} }},
		{name: "light client: validators of nobody", want: verify.CodeHeaderTrust, place: "headers[4]", do: usurpTip,
			trust: func(l *ledger) []verify.Trust { return []verify.Trust{l.at(1)} }},
	}
}

// usurp signs header 3 with validators of its own.
func usurp(l *ledger) { l.replaceValidators(3) }

// usurpTip signs the last header with validators of its own.
func usurpTip(l *ledger) { l.replaceValidators(4) }

func (l *ledger) replaceValidators(height int) {
	h := *decodeBlock(l.t, l.blocks[height-1]).Header
	key := cmted.GenPrivKeyFromSecret(seed("usurper"))
	l.private[key.PubKey().Address().String()] = key
	l.validators = types.NewValidatorSet([]*types.Validator{types.NewValidator(key.PubKey(), 1)})
	h.ValidatorsHash, h.NextValidatorsHash, h.ProposerAddress = l.validators.Hash(), l.validators.Hash(), key.PubKey().Address()
	l.blocks[height-1] = l.sign(&h, 1)
}

func logLies() []lie {
	return []lie{
		{name: "last entry dropped", want: verify.CodeEntryMissing, place: "entries[3]", do: func(l *ledger) { l.entries = l.entries[:3] }},
		{name: "entry dropped", want: verify.CodeEntryIndex, place: "entries[1]", do: func(l *ledger) { l.entries = slices.Delete(l.entries, 1, 2) }},
		{name: "entries swapped", want: verify.CodeEntryIndex, place: "entries[1]",
			do: func(l *ledger) { l.entries[1], l.entries[2] = l.entries[2], l.entries[1] }},
		{name: "entries swapped and numbered again", want: verify.CodeAppHash, place: "headers[3].app_hash", also: []verify.Code{verify.CodeStateValue},
			do: func(l *ledger) {
				l.entries[1], l.entries[2] = l.entries[2], l.entries[1]
				l.entries[1].Index, l.entries[2].Index = 1, 2
			}},
		{name: "reordered stream", want: verify.CodeChain, place: "entries[0].statement, stream acme/us", also: unanchored,
			do: func(l *ledger) {
				l.entries[0], l.entries[2] = l.entries[2], l.entries[0]
				l.entries[0].Index, l.entries[2].Index = 0, 2
			}},
		{name: "not a statement", want: verify.CodeStatementForm, place: "entries[1].statement", also: unanchored, do: func(l *ledger) { l.entries[1].Statement = []byte("garbage") }},
		{name: "not a statement, signed by all", want: verify.CodeStatementForm, place: "entries[1].statement",
			build: committed(func(*ledger) verify.Entry { return verify.Entry{Statement: []byte("garbage"), Frame: []byte{1}} })},
		{name: "no statement", want: verify.CodeStatementForm, place: "entries[1].statement", also: unanchored, do: func(l *ledger) { l.entries[1].Statement = nil }},
		{name: "issuer of nowhere", want: verify.CodeIssuer, place: "entries[1].statement.issuer",
			build: committed(func(l *ledger) verify.Entry {
				l.keys["nobody"] = ed25519.NewKeyFromSeed(seed("nobody"))
				return l.batch("nobody", "us", l.records(1, "US", "CN"))
			})},
		{name: "somebody else's key", want: verify.CodeKey, place: "entries[1].statement.kid",
			build: committed(func(l *ledger) verify.Entry {
				l.keys["acme"] = l.keys["beta"]
				return l.batch("acme", "us", l.records(1, "US", "CN"))
			})},
		{name: "signature", want: verify.CodeSignature, place: "entries[1].statement.signature", also: []verify.Code{verify.CodeAppHash},
			do: func(l *ledger) { flip(&l.entries[1].Statement, -3) }},
		{name: "signature, committed by all", want: verify.CodeSignature, place: "entries[1].statement.signature",
			build: committed(func(l *ledger) verify.Entry {
				e := l.batch("acme", "us", l.records(1, "US", "CN"))
				flip(&e.Statement, -3)
				return e
			})},
		{name: "gap in a stream", want: verify.CodeChain, place: "entries[1]",
			build: committed(func(l *ledger) verify.Entry {
				l.batch("acme", "us", l.records(1, "US", "CN")) // never submitted
				return l.batch("acme", "us", l.records(1, "US", "CN"))
			})},
		{name: "sequence twice", want: verify.CodeChain, place: "entries[1]",
			build: committed(func(l *ledger) verify.Entry {
				l.next["beta/eu"], l.previous["beta/eu"] = 0, nil
				return l.batch("beta", "eu", l.records(2, "DE", "US"))
			})},
		{name: "stream forked", want: verify.CodeChain, place: "entries[1]",
			build: committed(func(l *ledger) verify.Entry {
				l.previous["beta/eu"] = &provenance.Hash{7}
				return l.batch("beta", "eu", l.records(2, "DE", "US"))
			})},
		{name: "wrong count", want: verify.CodeCount, place: "entries[1].records", also: []verify.Code{verify.CodeRecords}, build: spoilt(func(h *provenance.BatchHeader) { h.Count++ })},
		{name: "wrong root", want: verify.CodeRoot, place: "entries[1].records", also: []verify.Code{verify.CodeRecordProof}, build: spoilt(func(h *provenance.BatchHeader) { h.Root[0] ^= 1 })},
		{name: "wrong period", want: verify.CodePeriod, place: "entries[1].records", build: spoilt(func(h *provenance.BatchHeader) { h.Last++ })},
		{name: "wrong total", want: verify.CodeTotals, place: "entries[1].records", build: spoilt(func(h *provenance.BatchHeader) { h.Totals[0].Output++ })},
		{name: "more records than the policy allows", want: verify.CodePolicy, place: "entries[1].records", build: overPolicy},
		{name: "records of the future", want: verify.CodeFuture, place: "entries[1].statement.period", build: committed(tomorrow)},
		{name: "not a frame", want: verify.CodeRecords, place: "entries[2].records", do: func(l *ledger) { l.entries[2].Frame = []byte("garbage") }},
		{name: "no records", want: verify.CodeRecords, place: "entries[2].records", do: func(l *ledger) { l.entries[2].Frame = nil }},
		{name: "other records", want: verify.CodeRoot, place: "entries[0].records", also: []verify.Code{verify.CodeRecordProof},
			do: func(l *ledger) { l.entries[0].Frame = frameOf(l.t, "acme", l.records(2, "US", "IN")) }},
		{name: "one record less", want: verify.CodeCount, place: "entries[0].records", also: []verify.Code{verify.CodeRecords},
			do: func(l *ledger) { l.entries[0].Frame = frameOf(l.t, "acme", l.records(1, "US", "CN")) }},
		{name: "frames swapped", want: verify.CodeCount, place: "entries[0].records", also: []verify.Code{verify.CodeRecords},
			do: func(l *ledger) { l.entries[0].Frame, l.entries[2].Frame = l.entries[2].Frame, l.entries[0].Frame }},
		{name: "entry of another ledger", want: verify.CodeAppHash, place: "headers[2].app_hash", also: []verify.Code{verify.CodeChain},
			do: func(l *ledger) {
				other := newLedger(l.t)
				l.entries[0] = other.batch("acme", "us", other.records(9, "US", "CN"))
			}},
	}
}

// overPolicy is a ledger with a batch larger than its policy allows. Records
// above a policy are told as a count by the format: size here is the frame's.
func overPolicy(t testing.TB) *ledger {
	l := newLedger(t)
	l.genesis = bytes.Replace(l.genesis, []byte(`"records": 64`), []byte(`"record_bytes": 40`), 1)
	return rebuilt(t, l)
}

// rebuilt commits one entry on a ledger whose genesis document was changed.
func rebuilt(t testing.TB, l *ledger) *ledger {
	var doc struct {
		AppState json.RawMessage `json:"app_state"`
	}
	check(t, json.Unmarshal(l.genesis, &doc))
	g, err := provenance.ParseGenesis(doc.AppState)
	check(t, err)
	var validators []provenance.Validator
	for _, v := range l.validators.Validators {
		validators = append(validators, provenance.Validator{Type: "ed25519", Key: v.PubKey.Bytes(), Power: v.VotingPower})
	}
	l.state, err = g.State(validators)
	check(t, err)
	l.heads = []provenance.Preimage{{LogRoot: l.tree(0).Root(), StateRoot: naiveState(l.state)}}
	l.states = []map[string][]byte{l.state}
	l.commit(l.batch("beta", "eu", l.records(1, "DE", "US")))
	l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
	l.commit()
	return l
}

func tomorrow(l *ledger) verify.Entry {
	r, err := provenance.ParseRecord(l.records(1, "US", "CN")[0])
	check(l.t, err)
	r.Time = l.start.AddDate(0, 0, 1).UnixMilli()
	b, err := r.Encode()
	check(l.t, err)
	return l.batch("acme", "us", [][]byte{b})
}

// flip changes one bit; an offset below 0 counts from the end.
func flip(b *[]byte, at int) {
	*b = bytes.Clone(*b)
	if at < 0 {
		at += len(*b)
	}
	(*b)[at] ^= 1
}

func proofLies() []lie {
	bit := func(at int) func(b []byte) []byte {
		return func(b []byte) []byte { flip(&b, at); return b }
	}
	key := "/v1/state?key=stream%2Facme%2Fus"
	return []lie{
		{name: "log root", want: verify.CodeStatus, place: "status.log_root", do: func(l *ledger) { l.status = func(s *verify.Status) { s.LogRoot[0] ^= 1 } }},
		{name: "state root", want: verify.CodeStatus, place: "status.state_root", do: func(l *ledger) { l.status = func(s *verify.Status) { s.StateRoot[0] ^= 1 } }},
		{name: "app hash of the status", want: verify.CodeStatus, place: "status.app_hash", do: func(l *ledger) { l.status = func(s *verify.Status) { s.AppHash[0] ^= 1 } }},
		{name: "log size", want: verify.CodeAppHash, place: "headers[4].app_hash", also: []verify.Code{verify.CodeStale}, do: func(l *ledger) { l.status = func(s *verify.Status) { s.LogSize-- } }},
		{name: "stale head", want: verify.CodeStale, place: "status.log_size", also: []verify.Code{verify.CodeFlowsHead}, do: staleStatus},
		{name: "stale head behind the trusted header", want: verify.CodeStale, place: "status.height", also: []verify.Code{verify.CodeFlowsHead}, do: staleStatus,
			trust: func(l *ledger) []verify.Trust { return []verify.Trust{l.at(4)} }},
		{name: "stale state", want: verify.CodeStale, place: "state[", do: on("/v1/state", staleState)},
		{name: "state is no proof", want: verify.CodeStateForm, place: "state[policy].proof", do: on("/v1/state?key=policy", stateWith(func(a *verify.StateAnswer) { a.Proof = []byte{0x80} }))},
		{name: "state has no preimage", want: verify.CodeStateForm, place: "state[policy].preimage", do: on("/v1/state?key=policy", stateWith(func(a *verify.StateAnswer) { a.Preimage = []byte{0x80} }))},
		{name: "state withheld", want: verify.CodeStateForm, place: "state[policy]", do: on("/v1/state?key=policy", func([]byte) []byte { return nil })},
		{name: "state of another app hash", want: verify.CodeStateAppHash, place: "state[policy].preimage", do: on("/v1/state?key=policy", stateWith(func(a *verify.StateAnswer) { flip(&a.Preimage, -1) }))},
		{name: "state value", want: verify.CodeStateProof, place: "state[stream/acme/us]", do: on(key, stateWith(func(a *verify.StateAnswer) { flip(&a.Value, 2) }))},
		{name: "state proof", want: verify.CodeStateProof, place: "state[stream/acme/us]", do: on(key, stateWith(func(a *verify.StateAnswer) { flip(&a.Proof, -1) }))},
		{name: "value for an absent key", want: verify.CodeStateValue, place: "state[provider/NOBODY", do: on("/v1/state?key=provider%2FNOBODY", stateWith(func(a *verify.StateAnswer) { a.Value = []byte{1} }))},
		{name: "presence shown for absence", want: verify.CodeStateProof, place: "state[provider/NOBODY", do: swapPaths("/v1/state?key=provider%2FNOBODY", key)},
		{name: "keys", want: verify.CodeKeys, place: "scitt-keys", do: on("/.well-known", garbage)},
		{name: "checkpoint of another log", want: verify.CodeCheckpoint, place: "checkpoint.origin", do: checkpoint(func(c *provenance.Checkpoint) { c.Origin += "x" })},
		{name: "checkpoint root", want: verify.CodeCheckpoint, place: "checkpoint.root", do: checkpoint(func(c *provenance.Checkpoint) { c.Root[0] ^= 1 })},
		{name: "checkpoint of an older log with another root", want: verify.CodeCheckpoint, place: "checkpoint.root", do: checkpoint(func(c *provenance.Checkpoint) { c.Size-- })},
		{name: "checkpoint unsigned", want: verify.CodeCheckpointSignature, place: "checkpoint", do: on("/checkpoint", bit(70))},
		{name: "checkpoint by another key", want: verify.CodeCheckpointSignature, place: "checkpoint", also: []verify.Code{verify.CodeReceiptSignature}, do: on("/.well-known", otherKeys)},
		{name: "consistency path", want: verify.CodeConsistency, place: "consistency[2:4]", do: on("/proof/consistency", bit(-1))},
		{name: "consistency of other sizes", want: verify.CodeConsistency, place: "consistency[2:4]", do: on("/proof/consistency", bit(1))},
		{name: "consistency is no proof", want: verify.CodeConsistency, place: "consistency[2:4]", do: on("/proof/consistency", garbage)},
		{name: "consistency withheld", want: verify.CodeConsistency, place: "consistency[2:4]", do: on("/proof/consistency", func([]byte) []byte { return nil })},
		{name: "inclusion path", want: verify.CodeInclusion, place: "entries[0].inclusion", do: on("/proof/inclusion?index=0", bit(-1))},
		{name: "inclusion of another entry", want: verify.CodeInclusion, place: "entries[0].inclusion", do: swapPaths("/proof/inclusion?index=0&size=4", "/proof/inclusion?index=1&size=4")},
		{name: "record of another place", want: verify.CodeRecordProof, place: "entries[1].records[", do: anotherRecord},
		{name: "record", want: verify.CodeRecordProof, place: "entries[0].records[", do: on("/entries/0/records/", bit(9))},
		{name: "record path", want: verify.CodeRecordProof, place: "entries[0].records[", do: on("/entries/0/records/", bit(-1))},
		{name: "record proof is none", want: verify.CodeRecordProof, place: "entries[0].records[", do: on("/entries/0/records/", garbage)},
	}
}

func answerLies() []lie {
	rows := func(change func(f *verify.FlowsAnswer)) func(l *ledger) { return alter("/v1/flows", change) }
	return []lie{
		{name: "receipt is none", want: verify.CodeReceiptForm, place: "entries[2].receipt", also: []verify.Code{verify.CodeRecordProof}, do: on("/entries/2", garbage)},
		{name: "receipt withheld", want: verify.CodeReceiptForm, place: "entries[2].receipt", also: []verify.Code{verify.CodeRecordProof}, do: on("/entries/2", func([]byte) []byte { return nil })},
		{name: "receipt of another statement", want: verify.CodeReceiptBinding, place: "entries[2].receipt", do: swapPaths("/entries/2", "/entries/1")},
		{name: "receipt of the same statement elsewhere", want: verify.CodeReceiptIndex, place: "entries[1].receipt", also: []verify.Code{verify.CodeChain}, build: twice, do: swapPaths("/entries/1", "/entries/0")},
		{name: "receipt of another log", want: verify.CodeReceiptOrigin, place: "entries[2].receipt", do: receipt(2, func(r *receiptParts) { r.origin += "x" })},
		{name: "receipt's path", want: verify.CodeReceiptPath, place: "entries[2].receipt", do: receipt(2, func(r *receiptParts) { r.proof.Path[0][0] ^= 1 })},
		{name: "receipt's path for another root", want: verify.CodeReceiptAppHash, place: "entries[2].receipt", do: receipt(2, shorterLog)},
		{name: "receipt's state root", want: verify.CodeReceiptAppHash, place: "entries[2].receipt.anchor", do: receipt(2, func(r *receiptParts) { r.anchor.Preimage.StateRoot[0] ^= 1 })},
		{name: "receipt under a fork", want: verify.CodeHeaderTrust, place: "entries[2].receipt.anchor", do: receipt(2, func(r *receiptParts) { r.anchor.LightBlock = r.fork })},
		{name: "receipt under no header", want: verify.CodeHeaderForm, place: "entries[2].receipt.anchor", do: receipt(2, func(r *receiptParts) { r.anchor.LightBlock = []byte("garbage") })},
		{name: "receipt signed by another key", want: verify.CodeReceiptSignature, place: "entries[2].receipt.kid", do: receipt(2, func(r *receiptParts) { r.key = ed25519.NewKeyFromSeed(seed("other")) })},
		{name: "receipt's signature", want: verify.CodeReceiptSignature, place: "entries[2].receipt.signature", do: on("/entries/2", func(b []byte) []byte {
			if len(b) > 500 { // not a record's proof
				flip(&b, -1)
			}
			return b
		})},
		{name: "a flow's tokens", want: verify.CodeFlows, place: "flows[0].rows[0]", do: rows(func(f *verify.FlowsAnswer) { f.Rows[0].Tokens = f.Rows[0].Tokens.AddInt(1) })},
		{name: "a flow's destination", want: verify.CodeFlows, place: "flows[0].rows[0]", do: rows(func(f *verify.FlowsAnswer) { f.Rows[0].Destination = "ZZ" })},
		{name: "a flow less", want: verify.CodeFlows, place: "flows[0].rows", do: rows(func(f *verify.FlowsAnswer) { f.Rows = f.Rows[:len(f.Rows)-1] })},
		{name: "a flow more", want: verify.CodeFlows, place: "flows[0].rows", do: rows(func(f *verify.FlowsAnswer) { f.Rows = append(f.Rows, f.Rows[0]) })},
		{name: "flows withheld", want: verify.CodeFlows, place: "flows[0].total_rows", do: rows(func(f *verify.FlowsAnswer) { f.TotalRows++ })},
		{name: "flows swapped", want: verify.CodeFlows, place: "flows[0].rows[0]", do: rows(func(f *verify.FlowsAnswer) { slices.Reverse(f.Rows) })},
		{name: "flows of another log", want: verify.CodeFlowsHead, place: "flows[0].origin", do: rows(func(f *verify.FlowsAnswer) { f.Origin += "x" })},
		{name: "flows of another app hash", want: verify.CodeFlowsHead, place: "flows[0].app_hash", do: rows(func(f *verify.FlowsAnswer) { f.AppHash[0] ^= 1 })},
		{name: "flows of a log to come", want: verify.CodeFlowsHead, place: "flows[0].log_size", do: rows(func(f *verify.FlowsAnswer) { f.LogSize += 1000 })},
		{name: "flows of another query", want: verify.CodeFlowsHead, place: "flows[0].query", do: rows(func(f *verify.FlowsAnswer) { f.Query.From = "US" })},
	}
}

func staleStatus(l *ledger) {
	old := l.heads[2]
	l.status = func(s *verify.Status) {
		s.Height, s.LogSize, s.LogRoot, s.StateRoot, s.AppHash = 2, old.Size, old.LogRoot, old.StateRoot, old.AppHash()
	}
}

// staleState answers as of an older height: any lie will do that says so.
func staleState(b []byte) []byte {
	return stateWith(func(a *verify.StateAnswer) { a.Height = 2 })(b)
}

// stateWith changes the parts of a state answer.
func stateWith(change func(a *verify.StateAnswer)) func(b []byte) []byte {
	return func(b []byte) []byte {
		a, err := verify.DecodeState(b)
		if err != nil {
			return b
		}
		change(a)
		out := append([]byte{0x84}, a.Preimage...)
		out = appendHead(out, 0, a.Height)
		return append(appendBytes(out, a.Value), a.Proof...)
	}
}

// swapPaths answers one request with what is asked by another.
func swapPaths(asked, given string) func(l *ledger) {
	return func(l *ledger) {
		l.answer = func(path string, b []byte) []byte {
			if strings.HasPrefix(path, asked) && strings.Count(path, "/") == strings.Count(asked, "/") {
				return l.honest(parseURL(l.t, given))
			}
			return b
		}
	}
}

func anotherRecord(l *ledger) {
	l.answer = func(path string, b []byte) []byte {
		switch path {
		case "/entries/1/records/0":
			return l.serveRecord("1", "1")
		case "/entries/1/records/1", "/entries/1/records/2":
			return l.serveRecord("1", "0")
		}
		return b
	}
}

func checkpoint(change func(c *provenance.Checkpoint)) func(l *ledger) {
	return func(l *ledger) {
		on("/checkpoint", func([]byte) []byte {
			c := provenance.Checkpoint{Origin: l.origin(), Size: l.head().Size, Root: l.head().LogRoot}
			change(&c)
			b, err := c.Sign(l.nodeKey)
			check(l.t, err)
			return b
		})(l)
	}
}

func otherKeys([]byte) []byte {
	public, _ := provenance.NewPublicKey(ed25519.NewKeyFromSeed(seed("other")).Public())
	return provenance.EncodeKeySet(public)
}

// receiptParts are what a receipt is made of, to be made wrong.
type receiptParts struct {
	origin string
	proof  provenance.Inclusion
	anchor provenance.Anchor
	key    ed25519.PrivateKey
	fork   []byte
}

func receipt(index int64, change func(r *receiptParts)) func(l *ledger) {
	return func(l *ledger) {
		honest, err := provenance.ParseReceipt(l.serveReceipt("2"))
		check(l.t, err)
		parts := &receiptParts{honest.Origin, honest.Proof, honest.Anchor, l.nodeKey, fork(l)}
		change(parts)
		id := provenance.Hash{}
		check(l.t, id.UnmarshalText([]byte(honest.Statement)))
		b, err := provenance.ReceiptSigner{Origin: parts.origin, Key: parts.key}.Sign(id, parts.proof, parts.anchor)
		check(l.t, err)
		l.answer = func(path string, honest []byte) []byte {
			if path == "/entries/2" {
				return b
			}
			return honest
		}
	}
}

// twice is a ledger whose validators let one statement in twice.
func twice(t testing.TB) *ledger {
	l := newLedger(t)
	e := l.batch("acme", "us", l.records(1, "US", "CN"))
	l.commit(e)
	l.commit(e)
	l.commit()
	return l
}

func shorterLog(r *receiptParts) { r.anchor.Preimage.Size = 3 }

// allLies are the lies of every kind.
func allLies() []lie {
	return slices.Concat(headerLies(), logLies(), proofLies(), answerLies(), correctionLies(), actLies(), governLies(), policyLies(), inspectionLies(), forkLies(), lookUpLies())
}

// tell tells the lie to an auditor.
func (lie *lie) tell(t testing.TB) *verify.Report {
	build := small
	if lie.build != nil {
		build = lie.build
	}
	l := build(t)
	if lie.do != nil {
		lie.do(l)
	}
	var trust []verify.Trust
	if lie.trust != nil {
		trust = lie.trust(l)
	}
	o := l.options()
	o.Profile = noLabel
	if lie.looks != nil {
		o.Inspect = lie.looks(t)
	}
	if lie.with != nil {
		lie.with(l, &o)
	}
	return l.auditWith(o, trust...)
}
