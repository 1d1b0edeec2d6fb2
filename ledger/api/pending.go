package api

import (
	"slices"
	"sync"
	"time"

	"tokentrail/provenance"
)

// A submitted statement, act or equivocation is one that consensus has and the log
// has not yet.
type submitted struct {
	issuer, stream string // of a batch, else ""
	sequence       int64
	until          time.Time // when it is forgotten
}

// pendingSet remembers submissions that wait for their commit, each for a while
// and so many at most: the oldest is forgotten first. What is forgotten is not
// lost; it only looks unknown until it is committed.
type pendingSet struct {
	most int
	life time.Duration

	mu    sync.Mutex
	byID  map[provenance.Hash]submitted // guarded by mu
	order []provenance.Hash             // guarded by mu: oldest first; may name what is gone
}

func newPendingSet(most int, life time.Duration) *pendingSet {
	return &pendingSet{most: most, life: life, byID: map[provenance.Hash]submitted{}}
}

// add remembers what has this id and place from now on.
func (p *pendingSet) add(id provenance.Hash, place submitted, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, there := p.byID[id]; there && now.Before(s.until) {
		return // its time began when it was first sent
	}
	for len(p.order) > 0 {
		oldest, there := p.byID[p.order[0]]
		if there && len(p.byID) < p.most && now.Before(oldest.until) {
			break
		}
		delete(p.byID, p.order[0])
		p.order = p.order[1:]
	}
	place.until = now.Add(p.life)
	p.byID[id] = place
	p.order = append(p.order, id)
	if len(p.order) > 2*len(p.byID)+64 { // most are committed and gone
		p.order = slices.DeleteFunc(p.order, func(id provenance.Hash) bool {
			_, there := p.byID[id]
			return !there
		})
	}
}

// get returns what is remembered of a submission.
func (p *pendingSet) get(id provenance.Hash, now time.Time) (submitted, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, there := p.byID[id]
	if there && !now.Before(s.until) {
		delete(p.byID, id)
		return submitted{}, false
	}
	return s, there
}

// remove forgets a submission.
func (p *pendingSet) remove(id provenance.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byID, id)
}
