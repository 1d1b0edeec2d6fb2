package verify

import (
	"context"
	"errors"
	"fmt"

	"tokentrail/provenance"
)

// A StreamSource is where a check of streams gets its evidence from: a node that
// gives entries by their ids, too. Nothing it says is believed.
type StreamSource interface {
	Source
	// Statement returns the leaf of an entry.
	Statement(ctx context.Context, id string) ([]byte, error)
	// Frame returns the records of an entry, compressed as they were submitted.
	Frame(ctx context.Context, id string) ([]byte, error)
	// ReceiptOf returns the receipt of an entry.
	ReceiptOf(ctx context.Context, id string) ([]byte, error)
	// Streams returns a page of the provider's streams behind one: a hint.
	Streams(ctx context.Context, provider, after string) (*StreamsPage, error)
}

// A StreamsPage is a part of a node's list of a provider's streams.
type StreamsPage struct {
	Names  []string // ascending
	More   bool     // there are others behind these
	Height int64    // of the block after which they were so, as the node says
}

// StreamsWanted say which streams are checked.
type StreamsWanted struct {
	Provider string
	Stream   string // empty: all of the provider
	Headless bool   // the records are left out
}

// StreamSays is what a check of streams says of one of them.
type StreamSays struct {
	Provider   string          `json:"provider"`
	Stream     string          `json:"stream"`
	Sequence   int64           `json:"sequence"`         // of the head
	Statement  provenance.Hash `json:"statement"`        // id of the head
	Entry      int64           `json:"entry"`            // of the head
	Closed     *int64          `json:"closed,omitempty"` // entry that closed it
	Statements int64           `json:"statements"`       // that were looked at
	Records    int64           `json:"records"`          // that these sign
}

// CheckStreams checks one stream, or all of a provider, without the rest of the log:
// the head is proven by a state proof under a trusted header, and each statement
// names the one before it, so that what is found is all that there is. headers
// decides which light blocks are trusted. SPEC(VER-90)
func CheckStreams(ctx context.Context, src StreamSource, headers HeaderVerifier, trust Trust, what StreamsWanted, o Options) *Report {
	a := &audit{ctx: ctx, src: src, headers: headers, trust: trust, opts: o, rep: newReport(&o)}
	step := func(name, what string) *Step { return a.rep.step(name, what, o.MaxFindings) }
	a.genesis = step("genesis", "documents")
	c := &streamCheck{audit: a, from: src, what: what, registry: step("registry", "providers"),
		heads: step("streams", "streams"), walked: step("statements", "statements"), recorded: step("records", "statements")}
	if what.Headless {
		c.recorded.Optional = true
		c.recorded.because("nobody asked for the records")
	}
	started := o.Now()
	c.run()
	c.fillIn()
	c.rep.conclude(started, o.Now())
	return c.rep
}

// streamCheck is one check. It fills in the same report as an audit. Its methods
// belong to one goroutine, but for those of streamJob.
type streamCheck struct {
	*audit
	from StreamSource
	what StreamsWanted

	registry, heads, walked, recorded *Step

	provider *registered
	streams  []*StreamSays
	at       *provenance.Preimage // the newest that a trusted header covered
	moving   bool                 // a key holds from or until a height
}

func (c *streamCheck) run() {
	status, err := c.src.Status(c.ctx)
	if err != nil {
		c.genesis.because(fmt.Sprintf("the node's status: %v", err))
		return
	}
	c.status = status // only for whether it is catching up
	if !c.start() {
		return
	}
	if c.what.Stream == "" {
		c.proveAll()
	} else {
		c.proveOne()
	}
	if c.provider == nil || c.heads.Outcome != Passed && len(c.streams) == 0 {
		return
	}
	c.noteStolen()
	c.walk()
}

// start reads the genesis document and starts from the trust.
func (c *streamCheck) start() bool {
	s := c.genesis
	raw, doc := readGenesis(c.ctx, c.src, s, c.trust)
	if s.Outcome != Passed {
		return false
	}
	c.doc, c.origin = doc, provenance.Origin(doc.chainID, doc.hash)
	if err := c.headers.Start(c.ctx, raw); err != nil {
		s.stop(err)
		return false
	}
	return true
}

// errAbsent says that a trusted header proves that nothing stands under a key.
var errAbsent = errors.New("proven absent")

// proven returns the value under a key of the state map, under a trusted header;
// errAbsent where it is proven that there is none. SPEC(VER-90)
func (c *streamCheck) proven(key string) ([]byte, error) {
	place := fmt.Sprintf("state[%s]", key)
	answer, err := c.src.State(c.ctx, key)
	if err != nil {
		return nil, c.lack(CodeStateForm, place, "a value and its proof, or a proof of absence", err)
	}
	pre, err := c.underHeader(place, answer)
	if err != nil {
		return nil, err
	}
	proof, err := provenance.ParseStateProof(answer.Proof)
	if err != nil {
		return nil, NewFinding(CodeStateForm, place+".proof", "a state proof", err.Error())
	}
	// SPEC(STA-2)
	if len(answer.Value) > 0 {
		err = proof.Present(pre.StateRoot, key, answer.Value)
	} else if err = proof.Absent(pre.StateRoot, key); err == nil {
		return nil, errAbsent
	}
	if err != nil {
		return nil, NewFinding(CodeStateProof, place, "a proof under "+pre.StateRoot.String(), err.Error())
	}
	return answer.Value, nil
}

// underHeader returns the preimage of the app hash in a trusted header. A node's
// head never goes back.
func (c *streamCheck) underHeader(place string, answer *StateAnswer) (provenance.Preimage, error) {
	pre, err := provenance.ParsePreimage(answer.Preimage)
	if err != nil {
		return pre, NewFinding(CodeStateForm, place+".preimage", "an app hash's preimage", err.Error())
	}
	// SPEC(VER-19)
	if answer.Height < c.trust.Height {
		return pre, fmt.Errorf("%s: the node's head is signed at %d, below the trusted height %d; ask again later or another node", place, answer.Height, c.trust.Height)
	}
	// SPEC(VER-7)
	if c.at != nil && (answer.Height < c.head.Height || pre.Size < c.at.Size) {
		return pre, NewFinding(CodeStale, place, fmt.Sprintf("height %d and %d entries or more, as before", c.head.Height, c.at.Size),
			fmt.Sprintf("height %d, %d entries", answer.Height, pre.Size))
	}
	page, err := c.src.Headers(c.ctx, answer.Height, 1)
	if err == nil && len(page) != 1 {
		err = fmt.Errorf("%w: %d light blocks, asked for 1", ErrAnswer, len(page))
	}
	if err != nil {
		return pre, c.lack(CodeHeaderMissing, fmt.Sprintf("headers[%d]", answer.Height), "the header that carries the app hash", err)
	}
	header, err := c.headers.Open(c.ctx, page[0])
	if err != nil {
		return pre, opened(place, err)
	}
	if header.Height != answer.Height {
		return pre, NewFinding(CodeHeaderHeight, place, fmt.Sprintf("the header of height %d", answer.Height), fmt.Sprint(header.Height))
	}
	// SPEC(STA-4)
	if got := pre.AppHash(); got != header.AppHash {
		return pre, NewFinding(CodeStateAppHash, place+".preimage", fmt.Sprintf("that of the app hash in header %d, %s", header.Height, header.AppHash), got.String())
	}
	c.head, c.at = header, &pre
	return pre, nil
}

// opened is the error of a light block that is not trusted. Validators to whom
// nothing leads are no evidence. SPEC(VER-28)
func opened(place string, err error) error {
	if errors.Is(err, ErrOtherValidators) {
		return fmt.Errorf("%s: %s", place, err)
	}
	return within(place, err)
}

// fillIn completes the report with what the check rests on.
func (c *streamCheck) fillIn() {
	c.ours = c.at
	c.audit.fillIn()
	t := &c.rep.Trust
	switch {
	case c.trust.Height > 0:
	case c.trust.Genesis != nil:
		t.Says = "the genesis document whose SHA-256 the auditor gave; headers by the validators that it names, and by those whom they handed over to"
	default:
		t.Says = "the genesis document as this node served it: compare its SHA-256 with one from elsewhere, or this shows only that some ledger has these streams, not which one; headers by the validators that it names, and by those whom they handed over to"
	}
	c.rep.Streams = c.streams
	c.rep.Totals.Streams = int64(len(c.streams))
	if c.provider != nil {
		c.rep.Totals.Providers = 1
	}
	// SPEC(VER-93)
	c.assume("what only admission could see is the validators' word: that the provider was active, that the policy of then allowed each statement, that the log has each in its order")
	if c.what.Stream == "" && c.trust.Genesis == nil {
		// SPEC(VER-92)
		c.assume("that the ledger counted the provider's streams from the first on is as the node's genesis document says; name the document's SHA-256 to be sure that none is left out")
	}
	if c.moving {
		c.assume("at which heights keys that hold from or until one were used is the validators' word, too")
	}
	if c.trust.Height == 0 {
		c.assume("validators who left do not sign another history together: a trusted header would show it")
	}
}
