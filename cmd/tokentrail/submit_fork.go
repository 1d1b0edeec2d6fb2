package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"tokentrail/provenance"
)

// closingTime is how long a ledger may take to close a stream after a node has
// refused a statement as a fork.
const closingTime = 10 * time.Second

// A fork is what is known of a stream in which two statements were signed for one
// place.
type fork struct {
	issuer, stream string
	journal        string
	closed         *int64     // entry that closed the stream; nil: it is open
	taken          bool       // an entry that is not the journal's has a place that it signed for
	sequence       int64      // of the two, where their entry could be read
	sides          []forkSide // the two; none where their entry could not be read
	unread         error      // why not
	pending        []int64    // sequences of the journal that the ledger will not take
	rest           []restOfInput
}

// A forkSide is one of the two statements.
type forkSide struct {
	id    provenance.Hash
	key   string // that signed it
	mine  bool   // it is this journal's
	entry *int64 // of the log; nil: it is only evidence
}

// A restOfInput is where the part of an input begins that the ledger does not have.
type restOfInput struct {
	name            string
	records, offset int64 // that come before it
}

// forked finds out about a fork that a node has refused a statement for.
func (s *submitter) forked(ctx context.Context, refused error) error {
	var head *provenance.StreamHead
	for end := time.Now().Add(min(closingTime, s.flags.patience)); ; {
		var err error
		head, _, err = stateOf[provenance.StreamHead](ctx, s.ledger, provenance.StateStreamKey(s.flags.issuer, s.flags.stream))
		closed := err == nil && head != nil && head.Status != provenance.StreamOpen
		if err != nil || closed || time.Now().After(end) || sleep(ctx, pollPause) != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return refused
	}
	if head == nil {
		head = &provenance.StreamHead{Sequence: -1, Status: provenance.StreamOpen}
	}
	f := s.findFork(ctx, head)
	return fmt.Errorf("%w\n%s", refused, f.text())
}

// findFork reads the evidence, and settles what of the journal the ledger has. What
// cannot be read is left out: the stream's state says enough. SPEC(JRN-8)
func (s *submitter) findFork(ctx context.Context, head *provenance.StreamHead) *fork {
	f := &fork{issuer: s.flags.issuer, stream: s.flags.stream, journal: s.journal.dir}
	f.taken = s.settle(ctx, head.Sequence)
	if head.Status != provenance.StreamOpen {
		f.closed = head.Closed
	}
	if f.closed != nil {
		f.unread = s.readSides(ctx, f)
	}
	f.pending = slices.Clone(s.journal.pending)
	f.rest = s.rest()
	return f
}

// settle gets the receipts of what is signed and stands in the log. Statements name
// the one before: behind the first that is not there, none is. It reports whether
// that one's place, in a log that has entries up to newest, is another's.
func (s *submitter) settle(ctx context.Context, newest int64) (taken bool) {
	for _, sequence := range slices.Clone(s.journal.pending) {
		sub, at, err := s.journal.submission(sequence)
		if err != nil {
			return false
		}
		receipt, raw, err := s.ledger.entryOf(ctx, sub.Statement)
		if err == nil && receipt == nil {
			return sequence <= newest
		}
		if err != nil || s.journal.acknowledge(sequence, at, sub.Statement.Raw(), raw) != nil {
			return false
		}
	}
	return false
}

// entryOf returns the receipt of a statement, proven, or nil where the log does not
// have it.
func (n *nodes) entryOf(ctx context.Context, statement *provenance.UnverifiedStatement) (receipt *provenance.Receipt, raw []byte, err error) {
	err = n.try(ctx, noStatement, func(c *client) error {
		receipt, raw = nil, nil
		got, err := c.get(ctx, "/entries/"+statement.ID().String(), nil, maxReceiptBody)
		var refused *problemError
		if errors.As(err, &refused) && refused.Status == http.StatusNotFound || err == nil && got.status != http.StatusOK {
			return nil
		}
		if err != nil {
			return err
		}
		if receipt, err = n.prove(ctx, c, got.body, statement); err != nil {
			receipt = nil
			return fmt.Errorf("the receipt that the node at %s gives does not hold: %w", c.base, err)
		}
		raw = got.body
		return nil
	})
	return receipt, raw, err
}

// readSides reads the two statements from the entry that closed the stream, which
// is proven.
func (s *submitter) readSides(ctx context.Context, f *fork) error {
	e, err := s.ledger.equivocation(ctx, *f.closed)
	if err != nil {
		return err
	}
	h := e.A.Header()
	if h.Issuer != f.issuer || h.Stream != f.stream {
		return fmt.Errorf("entry %d is of %s/%s", *f.closed, h.Issuer, h.Stream)
	}
	p, _, err := stateOf[provenance.Provider](ctx, s.ledger, provenance.StateProviderKey(f.issuer))
	if err != nil {
		return err
	}
	f.sequence = h.Sequence
	for _, statement := range []*provenance.UnverifiedStatement{e.A, e.B} {
		side := forkSide{id: statement.ID(), key: "the key with the thumbprint " + statement.KID().String()}
		if p != nil {
			if k, is := p.KeyByID(statement.KID()); is {
				side.key = coseText(k.Key)
			}
		}
		if f.sequence <= s.journal.head {
			mine, _, err := s.journal.statement(f.sequence)
			side.mine = err == nil && mine.ID() == side.id
		}
		if receipt, _, err := s.ledger.entryOf(ctx, statement); err == nil && receipt != nil {
			side.entry = &receipt.Proof.Index
		}
		f.sides = append(f.sides, side)
	}
	return nil
}

// equivocation fetches an entry of that kind and proves that it stands in the log.
func (n *nodes) equivocation(ctx context.Context, entry int64) (e *provenance.Equivocation, err error) {
	path := "/entries/" + strconv.FormatInt(entry, 10)
	err = n.try(ctx, noStatement, func(c *client) error {
		leaf, err := c.get(ctx, path+"/statement", nil, provenance.MaxEquivocationBytes)
		if err != nil {
			return err
		}
		evidence, err := c.get(ctx, path+"/records", nil, provenance.MaxEquivocationBytes)
		if err != nil {
			return err
		}
		if e, err = provenance.ParseEquivocation(leaf.body, evidence.body); err != nil {
			return err
		}
		receipt, err := c.get(ctx, path, nil, maxReceiptBody)
		if err != nil {
			return err
		}
		_, err = n.proveEntry(ctx, c, receipt.body, e.ID(), leaf.body)
		return err
	})
	return e, err
}

// rest says where what the ledger does not have begins in each input of which
// something is signed and not taken, and in the one that is being submitted.
func (s *submitter) rest() (all []restOfInput) {
	known, err := s.journal.inputs()
	if err != nil {
		return nil
	}
	seen := map[provenance.Hash]bool{}
	for _, sequence := range s.journal.pending {
		_, at, err := s.journal.submission(sequence)
		if err != nil {
			return all
		}
		if !seen[at.Input] {
			seen[at.Input] = true
			all = append(all, restOfInput{orElse(known[at.Input.String()].Name, "the input "+at.Input.String()), at.Records, at.Offset})
		}
	}
	if s.batches != nil && !seen[s.in.hash] && s.batches.at < s.in.records {
		all = append(all, restOfInput{s.in.name, s.batches.at, s.batches.offset})
	}
	return all
}
