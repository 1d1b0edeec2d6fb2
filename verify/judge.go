package verify

import (
	"fmt"
	"math"
	"time"

	"tokentrail/provenance"
)

// judgeStatement holds a statement against what the entries before it left:
// issuer, key, place in its stream, rules and policy. It becomes its stream's
// head, whatever is wrong: what comes after is held against it, so that one break
// is one finding. SPEC(VER-12)
func (r *replay) judgeStatement(c *checkedEntry) {
	if r.judgeSigner(c) {
		c.by = c.header.Issuer
	}
	r.judgePlace(c)
	r.judgeAge(c)
	if c.terms != r.terms {
		r.guesses.checkRecords(c, r.terms) // the rules or the policy changed since it was looked at
	}
	if c.recordsErr != nil {
		r.find(recordsCode(c.recordsErr), c, ".records", "records that give the statement's count, root, period and totals", c.recordsErr.Error())
	}
	skew := maxDrift
	if ms := r.registry.policy.Skew; ms > 0 && ms < math.MaxInt64/int64(time.Millisecond) {
		skew = time.Duration(ms) * time.Millisecond
	}
	if f := futureFinding(fmt.Sprintf("entries[%d]", c.index), c.by, c.header.Last, r.clock, skew); f != nil {
		r.step.find(f)
	}
	r.judgePolicy(c)
	if c.unlabelled != "" {
		r.unlooked = c.unlabelled
	}
	c.statement, c.frame = nil, nil
}

func (r *replay) find(code Code, c *checkedEntry, at, want, got string) {
	r.step.finding(code, fmt.Sprintf("entries[%d]%s", c.index, at), want, got)
}

// judgeSigner checks issuer, key and signature, and reports whether all hold.
func (r *replay) judgeSigner(c *checkedEntry) bool {
	p := r.providers[c.header.Issuer]
	// SPEC(ADM-5)
	if p == nil || p.provider.Status != provenance.ProviderActive {
		r.find(CodeIssuer, c, ".statement.issuer", "an active provider of the registry", fmt.Sprintf("%q", c.header.Issuer))
		return false
	}
	// SPEC(ADM-6), SPEC(STM-7)
	kid := c.statement.KID()
	key, public := p.key(kid)
	if key == nil {
		r.find(CodeKey, c, ".statement.kid", "a key of "+c.header.Issuer, kid.String())
		return false
	}
	if ok, known := r.keyValid(key); known && !ok {
		want := fmt.Sprintf("a key that is valid at height %d", r.now)
		if key.Revoked != nil {
			want = fmt.Sprintf("a key that is not revoked, as this one is since entry %d", *key.Revoked)
		}
		r.find(CodeKey, c, ".statement.kid", want, public.String())
		return false
	}
	if !c.signed {
		c.checkSignature(public)
	}
	// SPEC(STM-6), SPEC(KEY-3), SPEC(KEY-4)
	if c.signedErr != nil {
		r.find(CodeSignature, c, ".statement.signature", "a signature by "+public.String(), c.signedErr.Error())
	}
	return c.signedErr == nil
}

// judgePlace holds a statement against its stream's head and makes it the new
// head.
func (r *replay) judgePlace(c *checkedEntry) {
	h := c.header
	key := provenance.StateStreamKey(h.Issuer, h.Stream)
	at := fmt.Sprintf(".statement, stream %s/%s", h.Issuer, h.Stream)
	var before *provenance.BatchHeader
	var previous provenance.Hash
	next := &provenance.StreamHead{Sequence: h.Sequence, Statement: c.id, Index: c.index, Status: provenance.StreamOpen}
	if head := r.streams[key]; head != nil {
		before = &provenance.BatchHeader{Issuer: h.Issuer, Stream: h.Stream, Sequence: head.Sequence}
		previous = head.Statement
		next.Status, next.Closed = head.Status, head.Closed
	}
	if next.Closed != nil {
		// SPEC(EQV-4)
		r.find(CodeChain, c, at, fmt.Sprintf("no statement: entry %d closed the stream", *next.Closed), fmt.Sprintf("sequence %d", h.Sequence))
	} else if err := h.Follows(before, previous); err != nil {
		// SPEC(BAT-7), SPEC(ADM-8), SPEC(ADM-9)
		want := "the first statement of the stream, sequence 0"
		if before != nil {
			want = fmt.Sprintf("sequence %d behind statement %s", before.Sequence+1, previous)
		}
		r.find(CodeChain, c, at, want, err.Error())
	}
	if before == nil {
		r.openStream(c)
	}
	r.setHead(c, key, next)
	r.issuers[h.Issuer] = true
}

// setHead sets a stream's head. SPEC(ADM-12)
func (r *replay) setHead(c *checkedEntry, key string, head *provenance.StreamHead) {
	if err := put(r.registry, key, *head); err != nil {
		r.find(CodeStatementForm, c, ".statement", "a head of the stream", err.Error())
		return
	}
	r.streams[key] = head
}

// openStream counts a provider's new stream. SPEC(ADM-12), SPEC(ADM-18)
func (r *replay) openStream(c *checkedEntry) {
	version, known := r.version()
	p := r.providers[c.header.Issuer]
	if !known || version < streamRules || p == nil {
		return
	}
	most := int64(provenance.MaxStreams)
	if set := r.registry.policy.Streams; set > 0 {
		most = min(most, set)
	}
	if p.provider.Streams++; p.provider.Streams > most {
		r.find(CodeStreams, c, ".statement.stream", fmt.Sprintf("at most %d streams of %s", most, c.header.Issuer), fmt.Sprintf("one more, %q", c.header.Stream))
	}
	if err := put(r.registry, provenance.StateProviderKey(p.provider.ID), p.provider); err != nil {
		r.find(CodeStreams, c, ".statement.stream", "a number of streams that the state map can hold", err.Error())
	}
}

// judgeAge holds the end of the statement's period against the time of its block,
// where policy limits the age. SPEC(ADM-19)
func (r *replay) judgeAge(c *checkedEntry) {
	version, known := r.version()
	most := r.registry.policy.Age
	if most == 0 || !known || version < streamRules {
		return
	}
	switch {
	case r.now == 0:
		r.aged = true // the height is not known
	case r.timeOf == nil:
		r.noteAge(c, most)
	default:
		at, err := r.timeOf(r.now)
		if err != nil {
			r.aged = true
			return
		}
		if f := tooOld(c.index, c.header.Last, most, at); f != nil {
			r.step.find(f)
		}
	}
}

// judgeEquivocation holds an entry of equivocation against the registry and its
// stream, closes the stream and notes what the provider did. SPEC(VER-25)
func (r *replay) judgeEquivocation(c *checkedEntry) {
	e := c.equivocation
	h := e.A.Header()
	key := provenance.StateStreamKey(h.Issuer, h.Stream)
	p, head := r.providers[h.Issuer], r.streams[key]
	if want, got := r.equivocationWrong(e, p, head); want != "" {
		// SPEC(EQV-3)
		r.find(CodeEquivocation, c, ".equivocation", want, got)
	} else {
		r.notices.add(Notice{
			Kind: NoticeEquivocation, Provider: h.Issuer, Stream: h.Stream, Sequence: &h.Sequence, Entry: c.index,
			Says: fmt.Sprintf("%s signed two statements for sequence %d of its stream %s: %s and %s. The stream is closed; its entries count", h.Issuer, h.Sequence, h.Stream, e.A.ID(), e.B.ID()),
		})
	}
	r.totals.Equivocations++
	// SPEC(EQV-4)
	if head != nil {
		closed := *head
		closed.Status, closed.Closed = provenance.StreamClosed, &c.index
		r.setHead(c, key, &closed)
	}
	if p != nil {
		p.provider.Equivocations++
		if err := put(r.registry, provenance.StateProviderKey(h.Issuer), p.provider); err != nil {
			r.find(CodeEquivocation, c, ".equivocation", "a number that the state map can hold", err.Error())
		}
	}
}

// equivocationWrong checks what EQV-3 does, in its order; nothing is wrong where
// want is empty.
func (r *replay) equivocationWrong(e *provenance.Equivocation, p *registered, head *provenance.StreamHead) (want, got string) {
	h := e.A.Header()
	// SPEC(EQV-1), SPEC(ADM-20)
	if version, known := r.version(); known && version < actRules {
		return fmt.Sprintf("no equivocation under rule version %d", version), "one"
	}
	switch {
	case p == nil:
		return aProvider, fmt.Sprintf("%q", h.Issuer)
	case head == nil:
		return fmt.Sprintf("a stream %s/%s", h.Issuer, h.Stream), "none"
	case h.Sequence > head.Sequence:
		return fmt.Sprintf("a sequence up to %d, that an entry holds", head.Sequence), fmt.Sprint(h.Sequence)
	case head.Closed != nil:
		return "a stream that is open", fmt.Sprintf("one that entry %d closed", *head.Closed)
	}
	for _, s := range []*provenance.UnverifiedStatement{e.A, e.B} {
		key, public := p.key(s.KID())
		if key == nil || key.Revoked != nil {
			return "a key of " + h.Issuer + " that is not revoked", s.KID().String()
		}
		if _, err := s.Verify(public); err != nil {
			return "a signature by " + public.String(), err.Error()
		}
	}
	return "", ""
}
