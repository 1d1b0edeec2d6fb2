package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/cosign"
)

// notNow is what others are told of what only the operator is to know.
const notNow = "nothing can be cosigned now"

const (
	maxDisputed = 100 // checkpoints of which it is remembered that they were told of
	maxAsking   = 16  // clients at once, for each of which the node may be asked
)

// witnessServeFlags say who the witness is, and whose checkpoints it cosigns.
type witnessServeFlags struct {
	key     string   // file of its private key; empty: there is no witness
	logKeys []string // verifier keys of the log; none: those that the node lists
}

// bindWitness adds the flags of a watch that is a witness.
func bindWitness(s *pflag.FlagSet, f *witnessServeFlags) {
	s.StringVar(&f.key, "witness-key", "", "be a C2SP witness too, and cosign what was verified, with the key in this file (tokentrail key witness)")
	s.StringArrayVar(&f.logKeys, "log-key", nil, "with --witness-key, a key that signs the log's checkpoints, as name+id+base64; more than one may be given (those that the node lists)")
}

// A witness cosigns checkpoints of the ledger that is watched, as far as that was
// verified. Its handler answers while rounds go on. SPEC(VER-86)
type witness struct {
	key     *cosign.Key
	origin  string              // that the log's keys were given for; empty: whatever is watched
	logKeys []ed25519.PublicKey // that were given
	state   string              // the directory of state
	node    verify.Source       // that is watched: asked for consistency proofs
	now     func() time.Time
	tell    func(string) // what the operator is to know; not called under the mutex
	figures *witnessFigures
	mux     *http.ServeMux

	mu       sync.Mutex // guards what follows
	log      cosign.Log // as it is; its origin is empty until a round came to its end
	memory   *cosignedMemory
	audited  *cosign.Tree // nil: nothing may be cosigned
	why      string       // there is nothing
	disputed map[cosign.Tree]bool
	troubled bool // what is wrong here was told, and nothing was cosigned since

	asking chan struct{} // one for each client that is answered
}

// witnessHandler makes the witness that the flags ask for, nil where they ask for none.
// It serves the routes of witnessRoutes. After every round its report is to be handed to
// verified, and in the end close gives up what the witness holds. SPEC(CLI-103)
func (a *app) witnessHandler(f *witnessServeFlags, m *memory, node verify.Source) (*witness, error) {
	switch {
	case f.key == "" && len(f.logKeys) > 0:
		return nil, usagef("--log-key says whose checkpoints a witness cosigns; give its own key with --witness-key")
	case f.key == "":
		return nil, nil
	case m == nil:
		return nil, usagef("--witness-key: a witness must remember what it cosigned; name a directory with --state")
	}
	key, err := readWitnessKey(f.key)
	if err != nil {
		return nil, err
	}
	w := &witness{
		key: key, state: m.state, node: node, now: time.Now, disputed: map[cosign.Tree]bool{}, asking: make(chan struct{}, maxAsking),
		figures: newWitnessFigures(),
		tell:    func(s string) { fmt.Fprintf(a.stderr, "witness %s: %s\n", key.Name(), printable(s)) },
		why:     "nothing of the log was verified yet",
	}
	for _, text := range f.logKeys {
		// SPEC(CLI-104)
		origin, public, err := cosign.ParseLogKey(text)
		if err != nil {
			return nil, usagef("--log-key: %w", err)
		}
		if w.origin != "" && w.origin != origin {
			return nil, usagef("--log-key: keys of two logs, %s and %s; one ledger is watched", w.origin, origin)
		}
		w.origin, w.logKeys = origin, append(w.logKeys, public)
	}
	w.mux = w.routes()
	w.tell("its verifier key is " + key.Public())
	return w, nil
}

// verified takes the report of a round: what it verified may be cosigned from now on,
// and the node's checkpoint is cosigned at once. An error is for the operator: the
// round stands whatever becomes of it here. SPEC(VER-86), SPEC(VER-89)
func (w *witness) verified(ctx context.Context, r *verify.Report) error {
	if w == nil {
		return nil
	}
	if r.Against.Ledger > 0 {
		w.suspend("there is evidence against the ledger")
		return nil
	}
	if l := r.AuditedLog(); l != nil {
		return w.take(ctx, l)
	}
	return nil
}

// take cosigns by what an audit handed out from now on.
func (w *witness) take(ctx context.Context, l *verify.AuditedLog) error {
	if err := w.learn(l); err != nil {
		w.suspend(notNow)
		return err
	}
	if l.Checkpoint == nil {
		return nil
	}
	if err := w.cosignOwn(ctx, l); err != nil {
		return fmt.Errorf("the node's checkpoint of %d entries was not cosigned: %w", l.CheckpointSize, err)
	}
	return nil
}

// suspend cosigns nothing until a round passes.
func (w *witness) suspend(why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.audited, w.why = nil, why
	w.figures.can(false)
}

// learn takes the log that was audited. The first time it tells which ledger this is,
// and with that where to find what was cosigned before.
func (w *witness) learn(l *verify.AuditedLog) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.origin != "" && w.origin != l.Origin || w.log.Origin != "" && w.log.Origin != l.Origin {
		return fmt.Errorf("the ledger that is watched is %s, and the log whose checkpoints are to be cosigned another; mend --log-key, or --node", l.Origin)
	}
	if w.memory == nil {
		m, last, err := openCosigned(w.state, l.Origin, w.key)
		if err != nil {
			return err
		}
		w.memory, w.log.Origin, w.log.Last = m, l.Origin, last
		w.figures.last(last)
	}
	// SPEC(VER-88): each node has a key of its own. It tells who asks, no more.
	switch {
	case w.logKeys != nil:
		w.log.Keys = w.logKeys
	case len(l.Keys) > 0: // else the node did not say this time
		w.log.Keys = l.Keys
	}
	now := &cosign.Tree{Size: l.Size, Root: l.Root}
	if was := w.audited; was != nil && was.Size == now.Size && was.Root != now.Root {
		return fmt.Errorf("two logs of %d entries were verified, with the roots %s and %s", now.Size, was.Root, now.Root)
	} else if was == nil || was.Size < now.Size {
		w.audited, w.why = now, ""
	}
	w.figures.can(true)
	return nil
}

// cosignOwn cosigns the node's checkpoint that the round verified. One that is behind
// what was cosigned is no news.
func (w *witness) cosignOwn(ctx context.Context, l *verify.AuditedLog) error {
	w.mu.Lock()
	last := w.log.LastTree()
	w.mu.Unlock()
	if l.CheckpointSize < last.Size {
		return nil
	}
	path, err := w.path(ctx, last.Size, l.CheckpointSize)
	if err != nil {
		return err
	}
	r, err := cosign.Begin(l.Checkpoint, last.Size, path)
	if err != nil {
		return err
	}
	_, err = w.add(ctx, r)
	var refused *cosign.Refusal
	if errors.As(err, &refused) && refused.Status == cosign.Conflict {
		return nil // a client was faster: the next round is about that
	}
	return err
}

// add cosigns what a request is for, if that holds. The node is asked for a proof in
// between, without the mutex: what was judged is held against the log again when it
// is signed.
func (w *witness) add(ctx context.Context, r *cosign.Request) (*cosign.Cosigned, error) {
	w.mu.Lock()
	log, audited, why := w.log, w.audited, w.why
	w.mu.Unlock()
	if audited == nil {
		return nil, &cosign.Refusal{Status: cosign.NotYet, Reason: why}
	}
	c, err := log.Judge(r)
	if err != nil {
		return nil, err
	}
	var path []provenance.Hash
	if c.Size < audited.Size {
		if path, err = w.path(ctx, c.Size, audited.Size); err != nil {
			return nil, &cosign.Refusal{Status: cosign.NotYet, Reason: fmt.Sprintf("the node gives no consistency proof from %d to %d entries now", c.Size, audited.Size)}
		}
	}
	g, err := c.Within(*audited, path)
	if err != nil {
		return nil, err
	}
	return w.sign(g)
}

// path asks the node for a consistency proof. Nobody believes it: it is verified by
// whoever gets it.
func (w *witness) path(ctx context.Context, from, to int64) ([]provenance.Hash, error) {
	if from == 0 || from == to {
		return nil, nil
	}
	raw, err := w.node.Consistency(ctx, from, to)
	if err != nil {
		return nil, fmt.Errorf("the node gives no consistency proof from %d to %d entries: %w", from, to, err)
	}
	p, err := provenance.ParseConsistency(raw)
	if err != nil || p.Older != from || p.Newer != to {
		return nil, fmt.Errorf("what the node gives is no consistency proof from %d to %d entries", from, to)
	}
	return p.Path, nil
}

// sign cosigns, and keeps that before anybody sees it: a crash may lose an answer,
// never what was answered. Of the same tree there is one cosignature a second.
// SPEC(VER-87)
func (w *witness) sign(g *cosign.Granted) (*cosign.Cosigned, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.audited == nil {
		return nil, &cosign.Refusal{Status: cosign.NotYet, Reason: w.why}
	}
	c, err := w.key.Sign(g, &w.log, w.now())
	if err != nil {
		return nil, err
	}
	if last := w.log.Last; last != nil && last.Line == c.Line {
		return last, nil
	}
	if err := w.memory.keep(c); err != nil {
		return nil, fmt.Errorf("what is to be cosigned cannot be kept: %w", err)
	}
	w.log.Last, w.troubled = c, false
	w.figures.cosignatures.Inc()
	w.figures.last(c)
	return c, nil
}

// last is what was cosigned last; nil: nothing.
func (w *witness) last() *cosign.Cosigned {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Last
}

// dispute tells once of a tree that a key of the log signed and that is not of the log.
func (w *witness) dispute(tree cosign.Tree, why string) {
	w.mu.Lock()
	told := w.disputed[tree] || len(w.disputed) >= maxDisputed
	if !told {
		w.disputed[tree] = true
	}
	w.mu.Unlock()
	if !told {
		w.figures.disputed.Inc()
		w.tell(fmt.Sprintf("a key of the log signed a checkpoint of %d entries with the root %s: %s", tree.Size, tree.Root, why))
	}
}

// trouble tells what is wrong here, once until something is cosigned again: clients ask as
// often as they like.
func (w *witness) trouble(err error) {
	w.mu.Lock()
	told := w.troubled
	w.troubled = true
	w.mu.Unlock()
	if !told {
		w.tell(err.Error())
	}
}

// close gives up what the witness holds.
func (w *witness) close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.audited, w.why = nil, "the watch has ended"
	w.figures.can(false)
	if w.memory != nil {
		w.memory.close()
	}
}
