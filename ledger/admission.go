package ledger

import (
	"fmt"

	"tokentrail/provenance"
)

// pipelineWindow is how many sequences a node takes before consensus: the next
// one and 63 beyond it (SPEC(ADM-14)).
const pipelineWindow = 64

// view is the state as one admission after another sees it: a tree, and what the
// entries admitted so far have changed. Admission (SPEC(ADM-1)) is a function of
// the view, the height and the submission; block time is a parameter of the
// rules that no rule of version 1 looks at (SPEC(ADM-15)). Owned by one
// goroutine.
type view struct {
	tree    stateTree
	changes map[string][]byte // by key; only looked up, and sorted before they are used
	size    int64             // of the log: the next entry's index
	limits  provenance.Limits

	providers map[string]*provenance.Provider // decoded, by id
}

// newView reads the policy and refuses rules that this code does not know. Its
// error is no refusal: the node cannot go on.
func newView(tree stateTree, size int64) (*view, error) {
	v := &view{tree: tree, changes: map[string][]byte{}, size: size, providers: map[string]*provenance.Provider{}}
	rules, ok, err := stateValue[provenance.Rules](v.tree, provenance.StateRules)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, fmt.Errorf("the ledger has no genesis yet")
	case !provenance.KnownRules(rules.Version):
		// SPEC(ADM-16)
		return nil, fmt.Errorf("the ledger's rules have version %d, this program knows 1 to %d; install a release that has it", rules.Version, provenance.RuleVersion)
	}
	policy, _, err := stateValue[provenance.Policy](v.tree, provenance.StatePolicy)
	v.limits = policy.Limits(rules.Version)
	return v, err
}

// stateValue decodes what stands under key; false where nothing does.
func stateValue[T provenance.StateValue](tree stateTree, key string) (value T, ok bool, err error) {
	b, ok := tree.get(key)
	if !ok {
		return value, false, nil
	}
	value, err = provenance.ParseStateValue[T](b)
	if err != nil {
		err = damaged("state", key, "%v", err)
	}
	return value, true, err
}

// provider returns a registered provider, nil where there is none.
func (v *view) provider(id string) (*provenance.Provider, error) {
	if p, ok := v.providers[id]; ok {
		return p, nil
	}
	p, ok, err := stateValue[provenance.Provider](v.tree, provenance.StateProviderKey(id))
	if err != nil || !ok {
		return nil, err
	}
	v.providers[id] = &p
	return &p, nil
}

// streamHead returns the head of a stream as the entries so far have left it;
// false for a new stream.
func (v *view) streamHead(issuer, stream string) (provenance.StreamHead, bool, error) {
	key := provenance.StateStreamKey(issuer, stream)
	if b, ok := v.changes[key]; ok {
		h, err := provenance.ParseStateValue[provenance.StreamHead](b)
		return h, true, err
	}
	return stateValue[provenance.StreamHead](v.tree, key)
}

// admit decides on c as the next entry and, where it is admitted, takes it in.
// A refusal is a *provenance.Error with the first code in the order of ADM-1;
// another error means that the state cannot be read.
func (v *view) admit(height int64, c *Checked) error {
	if err := v.checkIssuer(height, c); err != nil {
		return err
	}
	if err := v.checkNext(c); err != nil {
		return err
	}
	// SPEC(ADM-10)
	if err := c.records(v.limits); err != nil {
		return err
	}
	return v.accept(c)
}

// checkIssuer is ADM-2 to ADM-7: all that does not depend on the stream.
func (v *view) checkIssuer(height int64, c *Checked) error {
	key, err := v.issuerKey(height, c)
	if err != nil {
		return err
	}
	// SPEC(ADM-7)
	return c.signature(key)
}

// issuerKey is ADM-2 to ADM-6: it finds the key that is said to have signed.
func (v *view) issuerKey(height int64, c *Checked) (none provenance.PublicKey, err error) {
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
	key, ok := p.KeyAt(s.KID(), height)
	if !ok {
		// SPEC(ADM-6)
		return none, refuse(CodeUnknownKey, "protected.kid", "%s is no key of %q that may sign at height %d", s.KID(), issuer, height)
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
			return refuse(CodeFork, "stream", "%s/%s is not open", h.Issuer, h.Stream)
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

// accept takes an admitted submission in: SPEC(ADM-12).
func (v *view) accept(c *Checked) error {
	h := c.sub.Statement.Header()
	value, err := provenance.EncodeStateValue(provenance.StreamHead{
		Sequence: h.Sequence, Statement: c.ID(), Index: v.size, Status: provenance.StreamOpen,
	})
	if err != nil {
		return fmt.Errorf("encode the head of %s/%s: %w", h.Issuer, h.Stream, err)
	}
	v.changes[provenance.StateStreamKey(h.Issuer, h.Stream)] = value
	v.size++
	return nil
}
