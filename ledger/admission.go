package ledger

import (
	"fmt"

	"tokentrail/provenance"
)

const (
	// pipelineWindow is how many sequences a node takes before consensus: the next
	// one and 63 beyond it (SPEC(ADM-14)).
	pipelineWindow = 64
	// rulesEquivocation is the rule version that has equivocation, the ceilings on
	// streams and age, and acts of providers without governance (SPEC(ADM-16)).
	rulesEquivocation = 3
	// maxStreams is how many streams a provider opens where policy says nothing.
	maxStreams = 1024
)

// admit decides on c as the next entry and, where it is admitted, takes it in.
// A refusal is a *provenance.Error with the first code in the order of ADM-1;
// another error means that the state cannot be read.
func (v *view) admit(c *Checked) error {
	if err := v.checkForm(c); err != nil {
		return err
	}
	switch c.kind {
	case provenance.SubmissionAct:
		return v.admitAct(c)
	case provenance.SubmissionEquivocation:
		return v.admitEquivocation(c)
	}
	return v.admitBatch(c)
}

// checkForm is what comes before all that differs between the types: ADM-2,
// ADM-20, and the outcome of decoding.
func (v *view) checkForm(c *Checked) error {
	// SPEC(ADM-20)
	if !v.hasType(c.kind) {
		return refuse(provenance.CodeVersion, "type", "submissions of type %d are not part of this ledger at height %d, under rule version %d", c.kind, v.height, v.rules)
	}
	return c.err
}

// hasType reports whether the ledger has submissions of a type at this height.
func (v *view) hasType(kind int64) bool {
	switch kind {
	case provenance.SubmissionAct:
		// SPEC(GOV-2)
		return v.governed || v.rules >= rulesEquivocation
	case provenance.SubmissionEquivocation:
		// SPEC(EQV-1)
		return v.rules >= rulesEquivocation
	}
	return true
}

// admitBatch is ADM-2 to ADM-12 for a statement with its records.
func (v *view) admitBatch(c *Checked) error {
	if err := v.checkIssuer(c); err != nil {
		return err
	}
	if err := v.checkNext(c); err != nil {
		return err
	}
	if err := v.checkBounds(c); err != nil {
		return err
	}
	// SPEC(ADM-10)
	if err := c.records(v.limits); err != nil {
		return err
	}
	return v.accept(c)
}

// checkIssuer is ADM-2 to ADM-7: all that does not depend on the stream.
func (v *view) checkIssuer(c *Checked) error {
	key, err := v.issuerKey(c)
	if err != nil {
		return err
	}
	// SPEC(ADM-7)
	return c.signature(0, key)
}

// issuerKey is ADM-2 to ADM-6 for a batch: it finds the key that is said to have
// signed.
func (v *view) issuerKey(c *Checked) (none provenance.PublicKey, err error) {
	if c.err != nil {
		return none, c.err
	}
	if err := v.checkPolicy(c.sub); err != nil {
		return none, err
	}
	s := c.sub.Statement
	issuer := s.Header().Issuer
	p, err := v.provider(issuer)
	switch {
	case err != nil:
		return none, err
	case p == nil:
		// SPEC(ADM-5)
		return none, refuse(CodeUnknownIssuer, "issuer", "%q is not in this ledger's registry", issuer)
	case p.Status != provenance.ProviderActive:
		// SPEC(ADM-5)
		return none, refuse(CodeInactiveIssuer, "issuer", "%q is %s", issuer, p.Status)
	}
	key, ok := p.KeyAt(s.KID(), v.height)
	if !ok {
		// SPEC(ADM-6)
		return none, refuse(CodeUnknownKey, "protected.kid", "%s is no key of %q that may sign at height %d", s.KID(), issuer, v.height)
	}
	return key, nil
}

// checkPolicy is the part of ADM-2 that policy lowers and that shows without
// expanding the records; CheckRecords holds the rest.
func (v *view) checkPolicy(sub *provenance.Submission) error {
	h := sub.Statement.Header()
	for _, x := range []struct {
		path     string
		got, max int
	}{
		{"statement", len(sub.Statement.Raw()), v.limits.StatementBytes},
		{"records", len(sub.Frame), v.limits.FrameBytes},
		{"count", h.Count, v.limits.Records},
		{"totals", len(h.Totals), v.limits.Cells},
	} {
		// SPEC(ADM-2)
		if x.got > x.max {
			return refuse(provenance.CodeSize, x.path, "%d, this ledger's policy allows %d; split the batch", x.got, x.max)
		}
	}
	return nil
}

// checkNext is ADM-8 and ADM-9.
func (v *view) checkNext(c *Checked) error {
	h := c.sub.Statement.Header()
	head, exists, err := v.streamHead(h.Issuer, h.Stream)
	if err != nil {
		return err
	}
	next := int64(0)
	if exists {
		next = head.Sequence + 1
		if head.Status != provenance.StreamOpen {
			// SPEC(ADM-8)
			return refuseClosed(h, head)
		}
	}
	switch {
	case h.Sequence > next:
		// SPEC(ADM-8)
		return refuse(CodeGap, "sequence", "%d, the stream's next is %d; send what lies between first", h.Sequence, next)
	case exists && h.Sequence == head.Sequence && c.ID() == head.Statement:
		// SPEC(ADM-8)
		return refuse(CodeDuplicate, "sequence", "the statement is already entry %d", head.Index)
	case h.Sequence < next:
		// SPEC(ADM-8): whether an older one is a duplicate, only the log can tell
		// (SPEC(ADM-13)), which consensus does not look at.
		return refuse(CodeFork, "sequence", "%d, the stream's next is %d and that place is taken", h.Sequence, next)
	case exists && (h.Previous == nil || *h.Previous != head.Statement):
		// SPEC(ADM-9)
		return refuse(CodeFork, "previous", "it does not name the stream's head %s", head.Statement)
	}
	return nil
}

// refuseClosed is the answer to whatever comes for a stream that is closed.
func refuseClosed(h *provenance.BatchHeader, head provenance.StreamHead) error {
	by := ""
	if head.Closed != nil {
		by = ": equivocation closed it, entry " + fmt.Sprint(*head.Closed)
	}
	return refuse(CodeFork, "stream", "%s/%s is not open%s; begin another stream", h.Issuer, h.Stream, by)
}

// checkBounds is ADM-18 and ADM-19.
func (v *view) checkBounds(c *Checked) error {
	if v.rules < rulesEquivocation {
		return nil
	}
	h := c.sub.Statement.Header()
	_, exists, err := v.streamHead(h.Issuer, h.Stream)
	if err != nil {
		return err
	}
	if !exists {
		p, err := v.provider(h.Issuer)
		if err != nil {
			return err
		}
		// SPEC(ADM-18)
		if most := v.maxStreams(); p.Streams >= most {
			return refuse(CodeStreams, "stream", "%s/%s would be a new one, and %q has opened %d of the %d that it may; go on with one of those", h.Issuer, h.Stream, h.Issuer, p.Streams, most)
		}
	}
	// SPEC(ADM-19)
	if age := v.policy.Age; age > 0 && v.time-h.Last > age {
		return refuse(CodeAge, "period", "it ends %d ms before the block time, this ledger's policy takes %d at most", v.time-h.Last, age)
	}
	return nil
}

// maxStreams is how many streams a provider may open.
func (v *view) maxStreams() int64 {
	if n := v.policy.Streams; n > 0 {
		return min(n, maxStreams)
	}
	return maxStreams
}

// accept takes an admitted batch in: SPEC(ADM-12).
func (v *view) accept(c *Checked) error {
	h := c.sub.Statement.Header()
	key := provenance.StateStreamKey(h.Issuer, h.Stream)
	changes := map[string][]byte{}
	_, exists := v.get(key)
	opens := !exists && v.rules >= rulesEquivocation
	if opens {
		if err := v.changeProvider(changes, h.Issuer, func(p *provenance.Provider) { p.Streams++ }); err != nil {
			return err
		}
	}
	err := setState(changes, key, provenance.StreamHead{
		Sequence: h.Sequence, Statement: c.ID(), Index: v.size, Status: provenance.StreamOpen,
	})
	if err != nil {
		return err
	}
	if opens {
		defer delete(v.providers, h.Issuer)
	}
	return v.take(changes)
}
