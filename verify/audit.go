package verify

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"tokentrail/provenance"
)

// An audit is one run. Its methods are the steps, in order.
type audit struct {
	ctx     context.Context
	src     Source
	headers HeaderVerifier
	trust   Trust
	opts    Options
	rep     *Report
	draw    *rand.Rand

	genesis, signed, log, policy, roots, validators, corrections, said, state, checkpoint, receipts, flows, lookUps *Step

	inspection        *Step // nil where nobody asked for it
	memory, witnesses *Step // nil where the auditor has none

	doc     *genesisDoc
	given   []byte // the genesis document, as it was given
	origin  string
	status  *Status
	early   early
	replay  *replay
	kept    *Kept // nil where nothing was
	keptErr error // why its header could not be asked for again
	asked   []*asked

	patience time.Duration // left to wait for the node's index of records

	saving   saving
	head     *Header              // trusted, at the status's height; nil where there is none
	middle   int64                // an older size of the log, for a consistency proof
	complete bool                 // the log was read to the status's size
	ours     *provenance.Preimage // ours, once it is that of the trusted app hash
}

// early is what the node is asked for before its status, so that the head that
// is audited covers it: whatever the node answers first it must own up to.
type early struct {
	note          []byte // the checkpoint as it came
	checkpoint    *provenance.Checkpoint
	checkpointErr error
	keys          []provenance.PublicKey
	keysErr       error
	flows         []*flowSum
}

// Audit holds everything a node says against headers that the validators
// signed, and says what it found. It always returns a report; the verdict is
// "holds" only where every step was carried through.
func Audit(ctx context.Context, src Source, headers HeaderVerifier, trust Trust, o Options) *Report {
	a := newAudit(ctx, src, headers, trust, o)
	started := o.Now()
	a.saving.last = started
	a.run()
	a.tellAgain()
	a.fillIn()
	a.rep.conclude(started, o.Now())
	a.handOut()
	a.saveEnd()
	return a.rep
}

func newAudit(ctx context.Context, src Source, headers HeaderVerifier, trust Trust, o Options) *audit {
	if s := o.Resume; s != nil && s.done == nil {
		o.Seed = [32]byte(s.seed) // the samples are those that it would have drawn
	}
	a := &audit{ctx: ctx, src: src, headers: headers, trust: trust, opts: o}
	a.rep = newReport(&o)
	a.rep.Seed = hex.EncodeToString(o.Seed[:])
	a.draw = rand.New(rand.NewChaCha8(o.Seed))
	step := func(name, what string) *Step { return a.rep.step(name, what, o.MaxFindings) }
	a.genesis = step("genesis", "documents")
	a.signed = step("headers", "headers")
	a.log = step("log", "entries")
	a.policy = step("policy", "entries")
	a.roots = step("roots", "app hashes")
	a.validators = step("validators", "sets")
	a.corrections = step("corrections", "corrections")
	a.said = step("status", "fields")
	a.state = step("state", "proofs")
	a.checkpoint = step("checkpoint", "proofs")
	a.receipts = step("receipts", "entries")
	a.flows = step("flows", "queries")
	a.lookUps = step("look-ups", "names")
	if o.Inspect != nil {
		a.inspection = a.rep.step("inspection", "records", math.MaxInt) // the inspector keeps to a bound
	}
	if o.Kept != nil {
		a.memory = step("kept", "heads")
	}
	if len(o.Witnesses) > 0 {
		a.witnesses = step("witnesses", "nodes")
	}
	return a
}

func (a *audit) run() {
	a.askEarly()
	status, err := a.src.Status(a.ctx)
	if err != nil {
		for _, s := range a.rep.Steps {
			s.because(fmt.Sprintf("the node's status: %v", err))
		}
		return
	}
	a.status = status
	begun := a.checkGenesis()
	a.askKept()
	if !begun {
		return
	}
	a.saving.ready = true
	a.follow()
	a.checkInitial()
	a.checkRoots()
	if a.opts.FlowsOnly {
		a.onlyFlows()
		return
	}
	a.checkValidators()
	a.checkCorrections()
	a.checkStatus()
	a.checkState()
	a.checkCheckpoint()
	a.checkReceipts()
	a.checkFlows()
	a.checkLookUps()
	a.checkInspection()
	a.checkKept()
	a.checkWitnesses()
	a.keep()
}

// checkGenesis reads the genesis document and starts from the trust. SPEC(VER-10)
func (a *audit) checkGenesis() bool {
	s := a.genesis
	raw, doc := readGenesis(a.ctx, a.src, s, a.trust)
	if doc == nil {
		return false
	}
	a.doc, a.origin, a.given = doc, provenance.Origin(doc.chainID, doc.hash), raw
	// SPEC(LOG-2)
	if a.status.GenesisHash != doc.hash {
		s.finding(CodeGenesisHash, "status.genesis_hash", "SHA-256 of the genesis document, "+doc.hash.String(), a.status.GenesisHash.String())
	}
	if a.status.Origin != a.origin {
		s.finding(CodeGenesisHash, "status.origin", a.origin, a.status.Origin)
	}
	if a.status.ChainID != doc.chainID {
		s.finding(CodeChainID, "status.chain_id", doc.chainID, a.status.ChainID)
	}
	var err error
	if a.replay, err = newReplay(doc, a.log, a.policy); err != nil {
		s.stop(err)
		return false
	}
	a.replay.flows, a.replay.guesses.profile = a.early.flows, a.opts.Profile
	a.replay.notices.most, a.replay.guesses.inspector = a.log.most, a.opts.Inspect
	a.drawLookUps()
	if !a.resume() {
		return false
	}
	a.recall()
	a.askWitnesses()
	a.setMarks()
	if s.Outcome != Passed {
		return false // another ledger than the one asked for: nothing else is about it
	}
	return a.start(raw)
}

// start begins with the trust. A node whose head is below the trusted header
// need not have that header: it lags. SPEC(VER-4)
func (a *audit) start(genesis []byte) bool {
	err := a.headers.Start(a.ctx, genesis)
	if err == nil {
		err = a.resumeHeaders()
	}
	switch {
	case err == nil:
		return true
	case a.beyond() && isMissing(err):
		a.signed.because(fmt.Sprintf("the node has not reached the trusted height %d, its head is signed at %d; ask again later or another node", a.trust.Height, a.status.Height+1))
	default:
		a.signed.stop(err)
	}
	return false
}

// beyond reports whether the trusted header is above the head that the node's
// status names.
func (a *audit) beyond() bool { return a.trust.Height > a.status.Height+1 }

// setMarks names the sizes of the log at which something will be compared.
func (a *audit) setMarks() {
	a.middle = max(0, a.status.LogSize) / 2
	if a.middle < a.replay.tree.size && a.replay.marks[a.middle] == nil {
		a.middle = a.replay.tree.size // what stood there before is not known any more
	}
	a.replay.mark(a.middle)
	if cp := a.early.checkpoint; cp != nil {
		a.replay.mark(cp.Size)
	}
	for _, f := range a.early.flows {
		if f.err == nil {
			a.replay.mark(f.head.LogSize)
		}
	}
	a.markOthers()
}

// follow verifies headers and replays the log up to the node's head, and on to
// what the node has answered from already.
func (a *audit) follow() {
	a.replay.begun = a.replay.tree.size
	a.signed.begin()
	a.log.begin()
	a.policy.begin()
	a.resumeFlows()
	a.advance()
	patience := a.opts.Patience
	if patience == 0 {
		patience = defaultPatience
	}
	for ; a.short() && patience > 0; patience -= statusPause {
		if !a.pause() {
			break
		}
		status, err := a.src.Status(a.ctx)
		if err != nil {
			a.said.because(err.Error())
			break
		}
		// SPEC(VER-7)
		if status.LogSize < a.status.LogSize || status.Height < a.status.Height {
			a.said.finding(CodeStale, "status", fmt.Sprintf("height %d and log size %d or more, as before", a.status.Height, a.status.LogSize),
				fmt.Sprintf("height %d and log size %d", status.Height, status.LogSize))
			break
		}
		a.status = status
		a.advance()
	}
	a.signed.Checked = a.headers.Verified()
	switch {
	case !a.complete:
		a.policy.because("the log was not read to its end")
	case a.replay.unlooked != "":
		a.policy.Optional = true
		a.policy.because(fmt.Sprintf("the ledger's policy names the label profile %q, which this program cannot look at", a.replay.unlooked))
	}
}

// short reports whether the node has answered from a log beyond the audited one,
// or given the trusted header that is beyond it.
func (a *audit) short() bool {
	if a.head == nil || !a.complete {
		return false
	}
	if a.beyond() || a.behindKept() {
		return true
	}
	if cp := a.early.checkpoint; cp != nil && cp.Size > a.status.LogSize {
		return true
	}
	for _, f := range a.early.flows {
		if f.err == nil && f.head.LogSize > a.status.LogSize {
			return true
		}
	}
	return false
}

func (a *audit) pause() bool {
	t := time.NewTimer(statusPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-a.ctx.Done():
		return false
	}
}

// advance goes on to the head that the status names. SPEC(VER-11)
func (a *audit) advance() {
	a.head, a.complete = nil, false
	head, err := a.headers.Header(a.ctx, a.status.Height+1)
	switch {
	case err == nil:
		a.head = head
	case a.status.CatchingUp && isMissing(err):
		a.signed.because("the node is catching up and has no header yet that carries its app hash; try again later")
	case a.status.Height <= 0 && a.status.LogSize == 0 && isMissing(err):
		a.signed.because("nothing is signed yet: the ledger has no block")
	default:
		a.signed.stop(err)
		var f *Finding
		if !errors.As(err, &f) {
			a.log.because("no trusted header to hold it against")
			return
		}
	}
	// Even under a header that cannot be trusted the log is read: an auditor
	// wants all the evidence there is.
	a.replay.history, a.replay.top = a.headers.History(), a.status.Height
	if a.replay.history != nil {
		a.replay.timeOf = a.timeOf
	}
	err = a.readLog(a.status.LogSize)
	switch {
	case err == nil:
		a.complete = a.replay.tree.size == a.status.LogSize
	case a.status.CatchingUp && isMissing(err):
		a.log.because(fmt.Sprintf("the node is catching up and does not have entry %d yet; try again later", a.replay.tree.size))
	default:
		a.log.stop(err)
	}
}

// timeOf returns the time of a verified header.
func (a *audit) timeOf(height int64) (time.Time, error) {
	h, err := a.headers.Header(a.ctx, height)
	if err != nil {
		return time.Time{}, err
	}
	return h.Time, nil
}

// isMissing reports whether all that is wrong is that the node lacks something. SPEC(VER-19)
func isMissing(err error) bool {
	var f *Finding
	if errors.As(err, &f) {
		return f.Code == CodeHeaderMissing || f.Code == CodeEntryMissing
	}
	return errors.Is(err, ErrMissing)
}

func (a *audit) progress(step string, done, total int64) {
	if a.opts.Progress != nil {
		p := Progress{Step: step, Done: done, Total: total}
		if a.replay != nil {
			p.Records = a.replay.totals.Records - a.rep.before
		}
		a.opts.Progress(p)
	}
}

// fillIn completes the report with what was used, seen and assumed.
func (a *audit) fillIn() {
	r, t := a.rep, a.trust
	u := TrustUsed{Kind: "genesis", GenesisFrom: "node", Height: t.Height, Kept: r.Trust.Kept}
	if a.doc != nil {
		u.GenesisHash = &a.doc.hash
	}
	if t.Genesis != nil {
		u.GenesisFrom, u.GenesisHash = "auditor", t.Genesis // whatever the node gave
	}
	switch {
	case t.Height > 0:
		u.Kind, u.Hash, u.Period = "header", &t.Hash, t.Period.String()
		u.Says = fmt.Sprintf("trusted header %d with hash %s, within %s; later headers by CometBFT's light client, %s", t.Height, t.Hash, days(t.Period), a.seenFrom())
	case t.Genesis != nil:
		u.Says = "the genesis document whose SHA-256 the auditor gave; every header from block 1 on in order, without expiry"
	case a.src == nil:
		u.GenesisFrom, u.Says = "exhibit", "nothing: the genesis document is the exhibit's own"
	default:
		u.Says = "the genesis document as this node served it: compare its SHA-256 with one from elsewhere, or the audit shows only that the ledger is sound, not which one it is; every header from block 1 on in order, without expiry"
	}
	r.Trust = a.onReport(u)
	if a.replay != nil {
		r.Totals = a.replay.totals
		r.Totals.Stolen = a.replay.stolenSums.totals
		r.Totals.Streams, r.Totals.Providers = int64(len(a.replay.streams)), int64(len(a.replay.issuers))
		told := notices{slices.Clone(a.replay.notices.kept), a.replay.notices.most, a.replay.notices.more}
		a.replay.stolenSums.tell(&told)
		r.Notices, r.MoreNotices = append(r.Notices, told.kept...), told.more
	}
	r.Totals.Headers = a.headers.Verified()
	if a.ours != nil {
		r.Ledger = &Ledger{
			ChainID: a.head.ChainID, Origin: a.origin, Height: a.head.Height, Header: a.head.Hash,
			Time: a.head.Time.UTC().Format(time.RFC3339Nano), LogSize: a.ours.Size, LogRoot: a.ours.LogRoot,
			StateRoot: a.ours.StateRoot, AppHash: a.head.AppHash,
		}
	}
	// SPEC(VER-2)
	a.assume("fewer than a third of the validators, by voting power, are dishonest")
	if a.replay == nil {
		return
	}
	a.assumeSources()
	if t.Height > 0 {
		a.assume("the genesis document's SHA-256 in the origin is as given: a header covers the chain id, and of the state what it is now")
		a.assume("headers were skipped: where a key, act or rule holds from or until a height, the heights of entries are as the node says, held against the header of that height")
	}
}

func (a *audit) assume(what string) { a.rep.Assumptions = append(a.rep.Assumptions, what) }
