package app

import (
	"sync"
	"time"

	"tokentrail/provenance"
)

const (
	// evidenceTime is how long two statements for a place without an entry are
	// kept: longer than a submission waits for a block where there are blocks.
	evidenceTime = 10 * time.Minute
	// What is kept at most, and of one issuer. Two statements have 128 KiB at most,
	// and half a kilobyte each where they are small.
	evidenceBytes       = 32 << 20
	evidenceCount       = 4096
	evidenceBytesIssuer = evidenceBytes / 4
	evidenceCountIssuer = evidenceCount / 4
)

// keptEvidence are equivocations that the ledger does not take yet: no entry has their
// place. One a stream is kept, that of the lowest sequence, which is the first to
// have an entry. All of it is in memory: who stops loses it. SPEC(EQV-5)
type keptEvidence struct {
	now func() time.Time

	mu       sync.Mutex // guards what follows
	streams  map[stream]early
	all      load
	byIssuer map[string]load
}

// early is an equivocation that waits for an entry.
type early struct {
	sequence int64
	raw      []byte // the submission
	till     time.Time
}

func newKeptEvidence(now func() time.Time) *keptEvidence {
	return &keptEvidence{now: now, streams: map[stream]early{}, byIssuer: map[string]load{}}
}

// keep keeps the submission of an equivocation; false where one of the stream is
// kept that serves as well, or there is no room.
func (v *keptEvidence) keep(at place, raw []byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	before, there := v.streams[at.stream]
	if there && before.sequence <= at.sequence {
		return false
	}
	v.take(at.stream)
	own := v.byIssuer[at.issuer]
	if v.all.count >= evidenceCount || v.all.bytes+len(raw) > evidenceBytes ||
		own.count >= evidenceCountIssuer || own.bytes+len(raw) > evidenceBytesIssuer {
		if there {
			v.put(at.stream, before)
		}
		return false
	}
	v.put(at.stream, early{at.sequence, raw, v.now().Add(evidenceTime)})
	return true
}

// ripe returns what the ledger would take now, which is kept until it has, and
// forgets what is of closed streams or has waited in vain. head gives the newest
// entry of a stream.
func (v *keptEvidence) ripe(head func(issuer, stream string) (provenance.StreamHead, bool, error)) (out []accusation) {
	now := v.now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for of, x := range v.streams {
		newest, exists, err := head(of.issuer, of.name)
		switch {
		case err == nil && exists && newest.Status != provenance.StreamOpen, now.After(x.till):
			v.take(of)
		case err == nil && exists && x.sequence <= newest.Sequence:
			out = append(out, accusation{of, x.raw})
		}
	}
	return out
}

// drop forgets what is kept of a stream.
func (v *keptEvidence) drop(of stream) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.take(of)
}

// put keeps x, for which there is room. Called with mu held.
func (v *keptEvidence) put(of stream, x early) {
	own := v.byIssuer[of.issuer]
	v.streams[of] = x
	v.all = load{v.all.count + 1, v.all.bytes + len(x.raw)}
	v.byIssuer[of.issuer] = load{own.count + 1, own.bytes + len(x.raw)}
}

// take removes what is kept of a stream, if anything is. Called with mu held.
func (v *keptEvidence) take(of stream) {
	x, there := v.streams[of]
	if !there {
		return
	}
	own := v.byIssuer[of.issuer]
	delete(v.streams, of)
	v.all = load{v.all.count - 1, v.all.bytes - len(x.raw)}
	v.byIssuer[of.issuer] = load{own.count - 1, own.bytes - len(x.raw)}
	if own.count == 1 {
		delete(v.byIssuer, of.issuer)
	}
}
