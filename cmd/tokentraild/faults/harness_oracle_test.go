//go:build linux

package faults

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// An account is what the oracle found after a fault.
type account struct {
	entries int // of the log
	lost    int // acknowledged and not there
	forks   int // nodes that have another history than the first
}

// judge is the oracle, for when the load pauses and all nodes run: the nodes
// agree; each has the same log, without gaps, and in it every acknowledged
// statement once and in its place; and the auditor, from genesis, finds nothing
// on those of the nodes that audited names.
func (net *network) judge(t testing.TB, promised map[provenance.Hash]acknowledgement, audited ...*node) account {
	t.Helper()
	var a account
	least := int64(0)
	for _, p := range promised {
		least = max(least, p.index+1)
	}
	status, err := net.settled(least)
	if err != nil {
		t.Errorf("%v", err)
	}
	var first *history
	for _, n := range net.nodes {
		h, err := readHistory(n, status)
		if err != nil {
			t.Errorf("%s: %v", n.url, err)
			continue
		}
		a.lost = max(a.lost, h.missing(t, n.url, promised))
		if first == nil {
			first = h
		}
		if h.log != first.log || h.header != first.header {
			a.forks++
			t.Errorf("%s has another history than %s: at height %d header %s and log %s, not %s and %s",
				n.url, net.nodes[0].url, status.Height, h.header, h.log, first.header, first.log)
		}
	}
	if first != nil {
		a.entries = len(first.ids)
	}
	for _, n := range audited {
		if err := n.audit(net.genesis); err != nil {
			t.Errorf("%v", err)
		}
	}
	return a
}

// A history is what a node serves of the log, read through once.
type history struct {
	ids    map[provenance.Hash]int64 // where each entry is
	log    provenance.Hash           // over statements and records of all entries
	header provenance.Hash           // of the block at the height asked for, which names those before it
}

// readHistory reads the log of a node up to the size of a status, and the header
// at its height: what was still on its way may come behind. A log with a gap in a
// stream or a statement that stands in it twice is an error.
func readHistory(n *node, upTo nodeStatus) (*history, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	source, err := remoteOf(n)
	if err != nil {
		return nil, err
	}
	h := &history{ids: map[provenance.Hash]int64{}}
	next, digest := map[string]int64{}, sha256.New()
	for index := int64(0); index < upTo.LogSize; {
		entries, err := source.Entries(ctx, index, int(min(200, upTo.LogSize-index)))
		if err != nil {
			return nil, fmt.Errorf("entries from %d on: %w", index, err)
		}
		for _, e := range entries {
			if e.Index != index {
				return nil, fmt.Errorf("entry %d comes where %d was asked for", e.Index, index)
			}
			if err := h.add(e, next); err != nil {
				return nil, err
			}
			statement, frame := sha256.Sum256(e.Statement), sha256.Sum256(e.Frame)
			digest.Write(append(statement[:], frame[:]...))
			index++
		}
	}
	h.log = provenance.Hash(digest.Sum(nil))
	if upTo.Height > 0 {
		header, err := headerOf(ctx, source, upTo.Height)
		if err != nil {
			return nil, err
		}
		h.header = provenance.Hash(header.Hash())
	}
	return h, nil
}

// add takes an entry; next is each stream's next sequence.
func (h *history) add(e verify.Entry, next map[string]int64) error {
	id, err := provenance.EntryID(e.Statement)
	if err != nil {
		return fmt.Errorf("entry %d: %w", e.Index, err)
	}
	if other, twice := h.ids[id]; twice {
		return fmt.Errorf("%s is entry %d and entry %d", id, other, e.Index)
	}
	h.ids[id] = e.Index
	if kind, _ := provenance.LeafKindOf(e.Statement); kind != provenance.LeafStatement {
		return nil // has no place in a stream
	}
	s, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		return fmt.Errorf("entry %d: %w", e.Index, err)
	}
	b := s.Header()
	if b.Sequence != next[b.Stream] {
		return fmt.Errorf("entry %d is sequence %d of stream %s, wanted %d", e.Index, b.Sequence, b.Stream, next[b.Stream])
	}
	next[b.Stream]++
	return nil
}

// remoteOf is a node as a source for auditors.
func remoteOf(n *node) (*remote.Node, error) { return remote.New(n.url, remote.Options{}) }

// headerOf is a node's header of a height.
func headerOf(ctx context.Context, source verify.Source, height int64) (*types.Header, error) {
	blocks, err := source.Headers(ctx, height, 1)
	if err != nil {
		return nil, fmt.Errorf("header %d: %w", height, err)
	}
	var wire cmtproto.LightBlock
	if err := wire.Unmarshal(blocks[0]); err != nil {
		return nil, fmt.Errorf("header %d: %w", height, err)
	}
	block, err := types.LightBlockFromProto(&wire)
	if err != nil {
		return nil, fmt.Errorf("header %d: %w", height, err)
	}
	if block.Height != height {
		return nil, fmt.Errorf("header %d comes where %d was asked for", block.Height, height)
	}
	return block.Header, nil
}

// missing counts the acknowledged statements that are not where the receipt said.
func (h *history) missing(t testing.TB, url string, promised map[provenance.Hash]acknowledgement) int {
	t.Helper()
	lost := 0
	for id, a := range promised {
		index, there := h.ids[id]
		if there && index == a.index {
			continue
		}
		if lost++; lost <= 3 {
			t.Errorf("%s: %s/%s sequence %d, id %s, was acknowledged by %s as entry %d and is not there (of %d entries; found: %t at %d)",
				url, issuer, a.stream, a.sequence, id, a.node, a.index, len(h.ids), there, index)
		}
	}
	return lost
}

// audit runs our own auditor on a node, from genesis; nil: it holds.
func (n *node) audit(genesis provenance.Hash) error {
	r, err := n.report(genesis)
	if err != nil || r.Exit() == 0 {
		return err
	}
	said := fmt.Sprintf("%s: the auditor ends with %d", n.url, r.Exit())
	for _, step := range r.Steps {
		if step.Outcome != verify.Passed {
			said += fmt.Sprintf("; %s: %s, %s", step.Name, step.Outcome, step.Reason)
		}
		for _, f := range step.Findings {
			said += fmt.Sprintf("; %v", f)
		}
	}
	return errors.New(said)
}

func (n *node) report(genesis provenance.Hash) (*verify.Report, error) {
	source, err := remoteOf(n)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	o := verify.Options{Now: time.Now, Patience: 30 * time.Second}
	if n.unindexed {
		o.LookUps = -1
	}
	return light.Audit(ctx, source, verify.Trust{Genesis: &genesis}, o), nil
}
