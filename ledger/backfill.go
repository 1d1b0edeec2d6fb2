package ledger

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
	"tokentrail/provenance"
)

// backfillPart is how many bytes of entries go in one transaction: few, so that
// a block never waits long for its turn.
const backfillPart = 1 << 20

// Received is an entry as another node, or a backup, hands it over.
type Received struct {
	Height    int64  // of the block that carried it: a hint, it is not in the leaf
	Statement []byte // the leaf's bytes
	Records   []byte // the frame
}

// Backfill adds entries that are missing: those from Missing's from on, in
// ascending order. proof leads from the size of the log behind the last of them
// to the frontier's, which is Missing's to; it is nil where they reach that. Of
// what comes from others nothing is written that is not proven: the leaves by
// the log's root, the records by the statement's (SPEC(NOD-5)).
//
// Entries go in several short transactions, each with how far the history is
// here, so that blocks go on beside it. If we crash in between, those that were
// made are there, and the next call goes on behind them. What Backfill has
// written is durable when it returns; after an error, Missing says how much it
// was.
func (l *Ledger) Backfill(entries []Received, proof *provenance.Consistency) error {
	l.filling.Lock()
	defer l.filling.Unlock()
	past := l.store.history.Load()
	if past == nil {
		return fmt.Errorf("backfill: no entries are missing")
	}
	rows, err := past.prove(entries, proof)
	if err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	part := &backfill{ledger: l, at: past, edge: past.edge.clone()}
	for i, r := range entries {
		if err := part.add(r, rows[i]); err != nil {
			return fmt.Errorf("backfill: entry %d: %w", past.next+int64(i), err)
		}
	}
	if err := part.flush(); err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	return nil
}

// prove holds the leaves of entries against the frontier's root and returns the
// hashes to be stored with each.
func (h *history) prove(entries []Received, proof *provenance.Consistency) ([][]tlog.Hash, error) {
	size := h.next + int64(len(entries))
	switch {
	case len(entries) == 0:
		return nil, fmt.Errorf("it was given no entries")
	case size > h.frontier.size:
		return nil, fmt.Errorf("entries %d to %d, of which only those below %d are missing", h.next, size-1, h.frontier.size)
	}
	edge := h.edge.clone()
	rows := make([][]tlog.Hash, len(entries))
	for i, r := range entries {
		var err error
		// SPEC(LOG-1)
		if rows[i], err = edge.append(provenance.LeafHash(r.Statement)); err != nil {
			return nil, err
		}
	}
	root, err := edge.root()
	if err != nil {
		return nil, err
	}
	// SPEC(NOD-5)
	if proof == nil {
		proof = &provenance.Consistency{Older: size, Newer: size}
	}
	if proof.Older != size || size != h.frontier.size && proof.Newer != h.frontier.size {
		return nil, fmt.Errorf("entries %d to %d, with a proof from size %d to %d: wanted one from %d to %d", h.next, size-1, proof.Older, proof.Newer, size, h.frontier.size)
	}
	if err := provenance.VerifyConsistency(size, root, h.frontier.size, h.start.LogRoot, proof.Path); err != nil {
		return nil, fmt.Errorf("entries %d to %d are not those of the log, or their proof is not: %w", h.next, size-1, err)
	}
	return rows, nil
}

// backfill is a Backfill under way. Owned by the holder of filling.
type backfill struct {
	ledger *Ledger
	at     *history // what is stored
	edge   *logEdge // behind what was added
	last   int64    // height of what was added
	groups [][]storeOp
	size   int64 // of groups, in bytes
}

// add takes one more entry, whose leaf is proven.
func (b *backfill) add(r Received, row []tlog.Hash) error {
	// SPEC(NOD-6)
	if least := max(1, b.last, b.at.last); r.Height < least || r.Height > b.at.start.Height {
		return fmt.Errorf("height %d, wanted %d to %d", r.Height, least, b.at.start.Height)
	}
	ops, err := receivedOps(b.edge.size, r, row)
	if err != nil {
		return err
	}
	size := int64(0)
	for _, op := range ops {
		size += op.size()
	}
	if len(b.groups) > 0 && b.size+size > backfillPart {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if _, err := b.edge.append(provenance.Hash(row[0])); err != nil {
		return err
	}
	b.groups, b.size, b.last = append(b.groups, ops), b.size+size, r.Height
	return nil
}

// flush writes what was added, and publishes it.
func (b *backfill) flush() error {
	l := b.ledger
	if err := checkReserve(l.dir, roomFactor*l.reserve); err != nil {
		return err
	}
	now := *b.at
	now.next, now.edge, now.last = b.edge.size, b.edge.clone(), b.last
	next := &now
	if now.next == now.frontier.size {
		next = nil
	}
	if err := l.store.writeLast(b.groups, progressOps(next)); err != nil {
		return err
	}
	l.store.history.Store(next)
	b.at, b.groups, b.size = &now, nil, 0
	return nil
}

// receivedOps checks the records of an entry whose leaf is proven and returns
// the operations that store all of it.
func receivedOps(index int64, r Received, row []tlog.Hash) ([]storeOp, error) {
	id, pointers, err := checkFrame(r)
	if err != nil {
		return nil, err
	}
	e := &Entry{
		Index: index, Height: r.Height, ID: id, Statement: bytes.Clone(r.Statement),
		FrameBytes: int64(len(r.Records)), FrameHash: sha256.Sum256(r.Records),
	}
	return entryOps(e, pointers, bytes.Clone(r.Records), row), nil
}

// checkFrame checks that the records are those that the leaf commits to, and
// returns the entry's id and the pointers to it. Whatever is a leaf was admitted
// by consensus, under the rules of its height: it is not judged again, only its
// records' number and root are compared, or that the evidence of an equivocation
// gives its leaf (SPEC(NOD-5)).
func checkFrame(r Received) (id provenance.Hash, pointers [][]byte, err error) {
	switch kind, _ := provenance.LeafKindOf(r.Statement); kind {
	case provenance.LeafAct:
		if len(r.Records) > 0 {
			return id, nil, fmt.Errorf("it is an act and comes with %d bytes of records", len(r.Records))
		}
	case provenance.LeafEquivocation:
		if _, err := provenance.ParseEquivocation(r.Statement, r.Records); err != nil {
			return id, nil, fmt.Errorf("its evidence: %w", err)
		}
	default:
		return checkBatch(r)
	}
	if id, err = provenance.EntryID(r.Statement); err != nil {
		return id, nil, fmt.Errorf("its leaf: %w", err)
	}
	return id, [][]byte{idKey(id)}, nil
}

func checkBatch(r Received) (id provenance.Hash, pointers [][]byte, err error) {
	st, err := provenance.ParseStatement(r.Statement)
	if err != nil {
		return id, nil, fmt.Errorf("its statement: %w", err)
	}
	h := st.Header()
	records, err := provenance.ExpandRecords(r.Records, h.Count, provenance.FormatLimits())
	if err != nil {
		return id, nil, fmt.Errorf("its records: %w", err)
	}
	var tree provenance.Tree
	for i, record := range records {
		tree.Append(provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, record))
	}
	if root := tree.Root(); root != h.Root {
		return id, nil, fmt.Errorf("its records have the root %s, the statement says %s", root, h.Root)
	}
	return st.ID(), statementPointers(st), nil
}
