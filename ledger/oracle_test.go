package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"

	"tokentrail/provenance"
)

// An oracle is admission written a second time, from the specification, without
// regard for speed: plain maps, everything decoded anew, nothing remembered. What
// the ledger answers must be what it answers. It shares the signed format with
// the ledger and nothing else.
type oracle struct {
	chain        string
	height, time int64 // of the block

	version, next, from int64 // rules
	policy              provenance.Policy
	governors           *provenance.Governance // nil: nobody governs
	providers           map[string]*oracleProvider
	streams             map[string]*oracleStream // by issuer/stream
	validators          map[string]int64         // power by public key
	entries             int64                    // in the log
}

type oracleProvider struct {
	id, name           string
	countries          []string
	status             provenance.ProviderStatus
	keys               []oracleKey
	opened, closed, at int64 // streams opened, streams closed, acts
}

type oracleKey struct {
	cose                                         []byte
	from                                         int64
	until, added, revoked, stolen, stolenHeights *int64
}

type oracleStream struct {
	ids    []provenance.Hash // by sequence
	index  int64             // entry of the newest
	closed *int64
}

// copy returns an oracle that shares nothing which changes.
func (o *oracle) copy() *oracle {
	c := *o
	if o.governors != nil {
		c.governors = &provenance.Governance{Threshold: o.governors.Threshold, Keys: slices.Clone(o.governors.Keys), Sequence: o.governors.Sequence}
	}
	c.providers, c.streams, c.validators = map[string]*oracleProvider{}, map[string]*oracleStream{}, map[string]int64{}
	for id, p := range o.providers {
		q := *p
		q.keys = slices.Clone(p.keys)
		c.providers[id] = &q
	}
	for id, s := range o.streams {
		q := *s
		q.ids = slices.Clone(s.ids)
		c.streams[id] = &q
	}
	for k, p := range o.validators {
		c.validators[k] = p
	}
	return &c
}

// rules is STA-5.
func (o *oracle) rules() int64 {
	if o.next != 0 && o.height >= o.from {
		return o.next
	}
	return o.version
}

// judge says with which code a submission is refused, "" where it is admitted,
// which changes the oracle.
func (o *oracle) judge(raw []byte) provenance.Code {
	if len(raw) > provenance.MaxSubmissionBytes { // ADM-2
		return provenance.CodeSize
	}
	code := provenance.Code("")
	after := o.copy()
	switch kind, _ := provenance.SubmissionType(raw); kind {
	case 2:
		if o.governors == nil && o.rules() < 3 { // ADM-20
			return provenance.CodeVersion
		}
		u, err := provenance.ParseActSubmission(raw)
		if err != nil {
			return provenance.CodeOf(err)
		}
		code = after.act(u)
	case 3:
		if o.rules() < 3 {
			return provenance.CodeVersion
		}
		e, err := provenance.ParseEquivocationSubmission(raw)
		if err != nil {
			return provenance.CodeOf(err)
		}
		code = after.equivocation(e)
	default:
		sub, err := provenance.ParseSubmission(raw)
		if err != nil {
			return provenance.CodeOf(err)
		}
		code = after.batch(sub)
	}
	if code == "" {
		after.entries++
		*o = *after
	}
	return code
}

// batch is ADM-5 to ADM-12.
func (o *oracle) batch(sub *provenance.Submission) provenance.Code {
	h := sub.Statement.Header()
	limits := o.policy.Limits(o.rules())
	if len(sub.Statement.Raw()) > limits.StatementBytes || len(sub.Frame) > limits.FrameBytes || h.Count > limits.Records || len(h.Totals) > limits.Cells {
		return provenance.CodeSize
	}
	p := o.providers[h.Issuer]
	if p == nil {
		return CodeUnknownIssuer
	}
	if p.status != provenance.ProviderActive {
		return CodeInactiveIssuer
	}
	k := p.key(sub.Statement.KID())
	if k == nil || !k.inForce(o.height) {
		return CodeUnknownKey
	}
	public, err := provenance.ParsePublicKeyCOSE(k.cose)
	if err != nil {
		panic(err)
	}
	if _, err := sub.Statement.Verify(public); err != nil {
		return provenance.CodeOf(err)
	}
	s := o.streams[h.Issuer+"/"+h.Stream]
	isNew := s == nil
	if isNew {
		s = &oracleStream{}
	}
	n := int64(len(s.ids))
	id := sub.Statement.ID()
	switch {
	case s.closed != nil:
		return CodeFork
	case h.Sequence > n:
		return CodeGap
	case h.Sequence == n-1 && s.ids[n-1] == id:
		return CodeDuplicate
	case h.Sequence < n:
		return CodeFork
	case n > 0 && *h.Previous != s.ids[n-1]:
		return CodeFork
	}
	if o.rules() >= 3 {
		most := int64(1024)
		if o.policy.Streams > 0 {
			most = o.policy.Streams
		}
		if isNew && p.opened >= most {
			return CodeStreams
		}
		if o.policy.Age > 0 && h.Last < o.time-o.policy.Age {
			return CodeAge
		}
	}
	if _, _, err := sub.CheckRecords(limits); err != nil {
		return provenance.CodeOf(err)
	}
	if isNew && o.rules() >= 3 {
		p.opened++
	}
	s.ids, s.index = append(s.ids, id), o.entries
	o.streams[h.Issuer+"/"+h.Stream] = s
	return ""
}

// equivocation is EQV-3 and EQV-4.
func (o *oracle) equivocation(e *provenance.Equivocation) provenance.Code {
	h := e.A.Header()
	p := o.providers[h.Issuer]
	if p == nil {
		return CodeUnknownIssuer
	}
	s := o.streams[h.Issuer+"/"+h.Stream]
	if s == nil || h.Sequence >= int64(len(s.ids)) {
		return CodeGap
	}
	if s.closed != nil {
		return CodeDuplicate
	}
	both := []*provenance.UnverifiedStatement{e.A, e.B}
	for _, st := range both {
		if k := p.key(st.KID()); k == nil || k.revoked != nil {
			return CodeUnknownKey
		}
	}
	for _, st := range both {
		public, err := provenance.ParsePublicKeyCOSE(p.key(st.KID()).cose)
		if err != nil {
			panic(err)
		}
		if _, err := st.Verify(public); err != nil {
			return provenance.CodeOf(err)
		}
	}
	entry := o.entries
	s.closed = &entry
	p.closed++
	return ""
}

// key returns the provider's key with a thumbprint.
func (p *oracleProvider) key(kid provenance.Hash) *oracleKey {
	for i := range p.keys {
		if sha256.Sum256(p.keys[i].cose) == kid {
			return &p.keys[i]
		}
	}
	return nil
}

func (k *oracleKey) inForce(height int64) bool {
	return k.revoked == nil && height >= k.from && (k.until == nil || height < *k.until)
}

// state returns the state map that the oracle stands for: STA-3.
func (o *oracle) state() map[string][]byte {
	out := map[string][]byte{}
	put(out, "rules", provenance.Rules{Version: o.version, Next: o.next, From: o.from})
	put(out, "policy", o.policy)
	if o.governors != nil {
		put(out, "governance", *o.governors)
	}
	for id, p := range o.providers {
		v := provenance.Provider{ID: id, Name: p.name, Jurisdictions: p.countries, Status: p.status, Streams: p.opened, Equivocations: p.closed, Acts: p.at}
		for _, k := range p.keys {
			v.Keys = append(v.Keys, provenance.ProviderKey{
				Alg: provenance.AlgEdDSA, Key: k.cose, From: k.from, Until: k.until, Added: k.added, Revoked: k.revoked,
				StolenSince: k.stolen, StolenHeight: k.stolenHeights,
			})
		}
		put(out, "provider/"+id, v)
	}
	for id, s := range o.streams {
		head := provenance.StreamHead{Sequence: int64(len(s.ids) - 1), Statement: s.ids[len(s.ids)-1], Index: s.index, Status: 1}
		if s.closed != nil {
			head.Status, head.Closed = 2, s.closed
		}
		put(out, "stream/"+id, head)
	}
	for key, power := range o.validators {
		v := provenance.Validator{Type: "ed25519", Key: []byte(key), Power: power}
		put(out, fmt.Sprintf("validator/%x", v.Address()), v)
	}
	return out
}

func put[T provenance.StateValue](state map[string][]byte, key string, v T) {
	b, err := provenance.EncodeStateValue(v)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", key, err))
	}
	state[key] = b
}

// differ says where a snapshot's state map is not the oracle's.
func (o *oracle) differ(s *Snapshot) error {
	want := o.state()
	n := 0
	var wrong []string
	s.tree.each(func(l *stateLeaf) {
		n++
		if !bytes.Equal(want[l.key], l.value) {
			wrong = append(wrong, fmt.Sprintf("%s: %x, wanted %x", l.key, l.value, want[l.key]))
		}
	})
	sort.Strings(wrong)
	if n != len(want) || len(wrong) > 0 || s.Head().Size != o.entries {
		return fmt.Errorf("%d values and %d entries, wanted %d and %d; %v", n, s.Head().Size, len(want), o.entries, wrong)
	}
	return nil
}

// updates is the difference of validators between two oracles, by address.
func (o *oracle) updates(before *oracle) []provenance.Validator {
	var out []provenance.Validator
	for key, power := range o.validators {
		if before.validators[key] != power {
			out = append(out, provenance.Validator{Type: "ed25519", Key: []byte(key), Power: power})
		}
	}
	for key := range before.validators {
		if _, there := o.validators[key]; !there {
			out = append(out, provenance.Validator{Type: "ed25519", Key: []byte(key)})
		}
	}
	slices.SortFunc(out, func(a, b provenance.Validator) int { return bytes.Compare(a.Address(), b.Address()) })
	return out
}
