package verify

import (
	"crypto/ed25519"

	"tokentrail/provenance"
)

// An AuditedLog is the log to which an audit led, for whoever vouches for it to
// others: a witness. SPEC(VER-86)
type AuditedLog struct {
	Origin string
	Size   int64
	Root   provenance.Hash
	Keys   []ed25519.PublicKey // Ed25519 keys that the node lists

	Checkpoint     []byte // the node's own, of this log's first entries; nil where that was not shown
	CheckpointSize int64
}

// AuditedLog returns the log that was audited, nil where the report has anything
// against the ledger, or what the log rests on was not carried through.
func (r *Report) AuditedLog() *AuditedLog { return r.audited }

// handOut makes the log to vouch for. What providers said, and the ledger rightly
// kept, says nothing of the log. SPEC(VER-86)
func (a *audit) handOut() {
	if a.ours == nil || a.rep.Against.Ledger > 0 || a.rep.Verdict == Expired {
		return
	}
	for _, s := range []*Step{a.genesis, a.signed, a.log, a.roots} {
		if s.Outcome == NotChecked || s.Reason != "" {
			return
		}
	}
	if a.memory != nil && a.memory.Outcome == NotChecked && !a.memory.Optional {
		return
	}
	l := &AuditedLog{Origin: a.origin, Size: a.ours.Size, Root: a.ours.LogRoot}
	for _, key := range a.early.keys {
		if public, ok := key.Crypto().(ed25519.PublicKey); ok {
			l.Keys = append(l.Keys, public)
		}
	}
	if a.checkpoint.Outcome == Passed {
		l.Checkpoint, l.CheckpointSize = a.early.note, a.early.checkpoint.Size
	}
	a.rep.audited = l
}
