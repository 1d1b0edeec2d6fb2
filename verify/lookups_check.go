package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sort"
	"strconv"

	"tokentrail/provenance"
)

// A RecordPager is a Source that can be asked where records are (spec/api.md,
// API-6): limit candidates behind the first offset. One that is none leaves
// look-ups unchecked.
type RecordPager interface {
	Records(ctx context.Context, q provenance.RecordQuery, offset, limit int) (*provenance.RecordsAnswer, error)
}

// maxLookUpPages bounds the pages of an answer that are read: of maxSpots records,
// and of others that the auditor does not compare or that are none.
const maxLookUpPages = 16

// A lookUp holds the node's answer to one query against the log.
type lookUp struct {
	a     *audit
	of    *drawnName
	place string
	next  int   // of the spots that the answer still has to come to
	size  int64 // of the log, as far as all pages searched it
	ended bool  // the answer was read as far as it is compared
	last  spot  // of the hit before, once there is one
	any   bool
}

// drawLookUps begins to draw names, where the source can be asked by them.
func (a *audit) drawLookUps() {
	a.patience = a.opts.Patience
	if a.patience == 0 {
		a.patience = defaultPatience
	}
	most := a.opts.LookUps
	if most == 0 {
		most = defaultLookUps
	}
	if _, can := a.src.(RecordPager); can && most > 0 {
		a.replay.guesses.sampler = newSampler(a.opts.Seed, most)
	}
}

// sampled notes what a worker found to look up in an entry.
func (r *replay) sampled(c *checkedEntry) {
	s := r.guesses.sampler
	switch {
	case s == nil:
	case c.header != nil && c.recordsErr == nil:
		s.take(c)
	case c.kind == provenance.LeafStatement:
		s.unlooked++
	}
}

// checkLookUps asks the node for the records of every name that was drawn, and
// wants those that the log has. SPEC(VER-60)
func (a *audit) checkLookUps() {
	s, drawn := a.lookUps, a.replay.guesses.sampler
	pager, _ := a.src.(RecordPager)
	switch {
	case drawn == nil:
		s.Optional = true
		s.because("nobody asked for look-ups, or the source cannot be asked for them")
		return
	case a.ours == nil:
		s.because("no log of our own that a trusted header covers")
		return
	}
	s.begin()
	names := drawn.names()
	indexed := a.ours.Size
	for i, of := range names {
		l := &lookUp{a: a, of: of}
		err := l.ask(pager)
		if err != nil {
			s.stop(err)
			var f *Finding
			if !errors.As(err, &f) {
				return
			}
		}
		indexed = min(indexed, l.size)
		if err == nil && indexed == 0 && a.ours.Size > 0 {
			break // it has no index: each name more would only wait for it again
		}
		s.Checked++
		a.progress("look-ups", int64(i)+1, int64(len(names)))
	}
	// SPEC(VER-63)
	if indexed < a.ours.Size {
		s.because(fmt.Sprintf("the node has looked through %d of %d entries; ask again once its index has caught up", indexed, a.ours.Size))
	}
	if drawn.unlooked > 0 {
		s.because(fmt.Sprintf("%s whose records are not as they should be, see the step log: what else a look-up finds is not judged", amount(drawn.unlooked, "entries")))
	}
	if from := drawn.from; from > 0 {
		a.assume(fmt.Sprintf("look-ups were compared for records of the entries from %d on", from))
	}
}

// ask asks until the node has searched the audited log, or the time to wait for
// that is over, which all look-ups share.
func (l *lookUp) ask(pager RecordPager) error {
	for {
		began := l.a.opts.Now()
		name, value := l.of.query.Param()
		*l = lookUp{a: l.a, of: l.of, place: "records?" + name + "=" + value, size: math.MaxInt64}
		if err := l.read(pager); err != nil {
			return err
		}
		if l.size >= l.a.ours.Size || l.a.patience <= 0 || !l.a.pause() {
			return l.conclude()
		}
		// The node may have waited for its index as well.
		l.a.patience -= max(statusPause, l.a.opts.Now().Sub(began))
	}
}

// read reads the pages of an answer, from the first with a record that is compared.
func (l *lookUp) read(pager RecordPager) error {
	first, err := l.skip(pager)
	for page := first; err == nil && page < first+maxLookUpPages && !l.ended; page++ {
		var answer *provenance.RecordsAnswer
		if answer, err = l.page(pager, page); err != nil || answer == nil {
			break
		}
		for i := range answer.Hits {
			if err := l.judge(&answer.Hits[i]); err != nil || l.ended {
				return err
			}
		}
		l.ended = !answer.More
	}
	return err
}

// page asks for one page. Behind the greatest offset there is none: what stands
// there nobody can look up, so that it is not compared.
func (l *lookUp) page(pager RecordPager, page int) (*provenance.RecordsAnswer, error) {
	offset := page * provenance.MaxRecordHits
	if offset > provenance.MaxRecordOffset {
		l.next, l.ended = len(l.of.spots), true
		return nil, nil
	}
	answer, err := pager.Records(l.a.ctx, l.of.query, offset, provenance.MaxRecordHits)
	if err == nil && answer == nil {
		err = ErrAnswer
	}
	if err != nil {
		return nil, l.a.lack(CodeLookUpMissing, l.place, "an answer, if an empty one", err)
	}
	l.size = min(l.size, answer.Size)
	return answer, nil
}

// skip finds the first page with a record that this audit has replayed: where it went
// on from an earlier one, many may stand before.
func (l *lookUp) skip(pager RecordPager) (int, error) {
	var failed error
	from := l.a.replay.guesses.sampler.from
	before := func(page int) bool {
		var answer *provenance.RecordsAnswer
		if answer, failed = l.page(pager, page); failed != nil {
			return false
		}
		n := len(answer.Hits)
		if !answer.More || n == 0 || answer.Hits[n-1].Entry >= from {
			return false
		}
		failed = l.pass(page, answer.Hits)
		return failed == nil
	}
	if from == 0 || !before(0) {
		return 0, failed
	}
	const pages = provenance.MaxRecordOffset/provenance.MaxRecordHits + 1
	page := sort.Search(pages, func(p int) bool { return failed != nil || !before(p) })
	if page == pages && failed == nil {
		l.a.assume(fmt.Sprintf("%s: the node says that more than %d records stand before entry %d: what is behind them, nobody can look up", l.place, provenance.MaxRecordOffset, from))
	}
	return page, failed
}

// pass holds a page before the first that is compared to what can be known of it: all
// has the name and stands in the order of the log, behind the pages seen so far, and
// one record, drawn, is of an entry of the log. Else a node could make up as many
// pages as hide the others. SPEC(VER-62)
func (l *lookUp) pass(page int, hits []provenance.RecordHit) error {
	for i := range hits {
		if err := l.follow(&hits[i]); err != nil {
			return err
		}
	}
	drawn := sha256.Sum256(fmt.Appendf(l.a.replay.guesses.sampler.key[:], "%s/%d", l.place, page))
	hit := &hits[binary.BigEndian.Uint64(drawn[:])%uint64(len(hits))]
	return l.a.askInclusion(l.place+" entries["+strconv.FormatInt(hit.Entry, 10)+"]", hit.Entry, provenance.LeafHash(hit.Statement))
}

// follow holds a hit to what was asked for, and to the one before. SPEC(VER-62)
func (l *lookUp) follow(hit *provenance.RecordHit) error {
	if hit.Proof == nil {
		return l.wrong("a proof of each record", "none")
	}
	if _, _, err := hit.Check(l.of.query); err != nil {
		return l.wrong(fmt.Sprintf("a statement and a record of it with %s", l.place), fmt.Sprintf("entry %d, record %d: %v", hit.Entry, hit.Proof.Index, err))
	}
	at := spot{hit.Entry, int(hit.Proof.Index), provenance.LeafHash(hit.Statement)}
	if l.any && l.last.compare(at.entry, at.index) >= 0 {
		return l.wrong("records in the order of the log, each once", fmt.Sprintf("%s behind %s", at.text(), l.last.text()))
	}
	l.last, l.any = at, true
	return nil
}

// judge holds the next hit of the answer against the next record that it has to
// have.
func (l *lookUp) judge(hit *provenance.RecordHit) error {
	if err := l.follow(hit); err != nil {
		return err
	}
	at := l.last
	switch {
	case at.entry >= l.a.ours.Size:
		l.ended = true // younger than what is audited, as all behind it
		return nil
	case at.entry < l.a.replay.guesses.sampler.from:
		return nil
	case l.next == len(l.of.spots):
		l.ended = l.of.cut
		return l.other(at)
	}
	want := l.of.spots[l.next]
	switch order := want.compare(at.entry, at.index); {
	case order < 0:
		return l.missing(want, at.text()+" next")
	case order > 0:
		return l.other(at)
	case want.leaf != at.leaf:
		return l.wrong(fmt.Sprintf("the statement of entry %d", at.entry), "another one")
	}
	l.next++
	return nil
}

// other is about a hit that is none of the log's records with the name, unless the
// auditor does not know them all: of an id one, which is all there is in a log whose
// streams are unbroken.
func (l *lookUp) other(at spot) error {
	q := &l.of.query
	one := q.ID != nil && !q.Parent && !q.Corrects && l.a.log.Outcome == Failed
	if l.ended || one || l.a.replay.guesses.sampler.unlooked > 0 {
		return nil
	}
	return l.wrong(fmt.Sprintf("no other of the first %d entries than those that have it", l.a.ours.Size), at.text())
}

// conclude wants what the answer has not come to.
func (l *lookUp) conclude() error {
	if !l.ended {
		return fmt.Errorf("%s: %w: more than %d pages", l.place, ErrAnswer, maxLookUpPages)
	}
	if l.next < len(l.of.spots) && l.of.spots[l.next].entry < l.size {
		return l.missing(l.of.spots[l.next], "no such record")
	}
	return nil
}

func (l *lookUp) missing(want spot, got string) error {
	return NewFinding(CodeLookUpMissing, l.place, want.text(), got)
}

func (l *lookUp) wrong(want, got string) error { return NewFinding(CodeLookUp, l.place, want, got) }

func (s spot) text() string { return fmt.Sprintf("record %d of entry %d", s.index, s.entry) }
