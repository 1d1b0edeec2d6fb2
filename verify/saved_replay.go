package verify

import (
	"fmt"
	"math/bits"
	"strings"

	"tokentrail/provenance"
)

// A savedReplay is a replay as it is saved: what cannot be made of the rest again.
// Its fields are those of replay, registry and heights. SPEC(VER-40)
type savedReplay struct {
	tree    frontier
	values  map[string][]byte // of the state map: registry and streams are read from it
	removed map[string]bool
	issuers map[string]bool

	totals  Totals
	notices notices
	stolen  stolenSums

	next        int64
	now, floor  int64
	ends        []blockEnd
	apps        []provenance.Hash
	wrong       []wrongHeight
	asked       []int64
	mute, loose bool

	unlooked           string
	moved, aged, blind bool
	sets               []setOf
	ages               []ageBound

	corrections []*correction
	forgotten   int64
	settled     int64 // corrections that were held against their records
	marks       map[int64]*provenance.Preimage

	sampler savedSampler
}

// saved returns what there is to save. It shares memory with the replay.
func (r *replay) saved() savedReplay {
	s := savedReplay{
		tree: r.tree, values: r.registry.state.values, removed: r.removed, issuers: r.issuers,
		totals: r.totals, notices: r.notices, stolen: r.stolenSums,
		next: int64(r.next), now: r.now, floor: r.floor, ends: r.ends, apps: r.apps, wrong: r.wrong, asked: sortedKeys(r.asked), mute: r.mute, loose: r.loose,
		unlooked: r.unlooked, moved: r.moved, aged: r.aged, blind: r.blind, sets: r.sets, ages: r.ages,
		corrections: r.corrections, forgotten: r.forgotten, settled: r.settled, marks: map[int64]*provenance.Preimage{},
		sampler: r.guesses.sampler.saved(),
	}
	for size, mark := range r.marks {
		if size <= r.tree.size {
			s.marks[size] = mark
		}
	}
	return s
}

// restore puts a saved replay in the place of an empty one.
func (r *replay) restore(s *savedReplay) error {
	if err := s.check(); err != nil {
		return err
	}
	reg, err := newRegistry(s.values)
	if err != nil {
		return err
	}
	reg.removed = s.removed
	r.registry, r.tree, r.issuers = reg, s.tree, s.issuers
	for key, value := range s.values {
		if !strings.HasPrefix(key, "stream/") {
			continue
		}
		head, err := provenance.ParseStateValue[provenance.StreamHead](value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		r.streams[key] = &head
	}
	most := r.notices.most
	r.totals, r.notices, r.stolenSums = s.totals, s.notices, s.stolen
	r.notices.most = most
	h := &r.heights
	h.next, h.now, h.floor, h.ends, h.apps, h.wrong, h.mute, h.loose = int(s.next), s.now, s.floor, s.ends, s.apps, s.wrong, s.mute, s.loose
	for _, height := range s.asked {
		h.asked[height] = true
	}
	r.unlooked, r.moved, r.aged, r.blind, r.sets, r.ages = s.unlooked, s.moved, s.aged, s.blind, s.sets, s.ages
	r.corrections, r.forgotten, r.settled, r.marks = s.corrections, s.forgotten, s.settled, s.marks
	for _, p := range reg.providers {
		r.teach(p)
	}
	if err := r.guesses.sampler.restore(&s.sampler, s.tree.size); err != nil {
		return err
	}
	r.terms = nil // of what the registry says now: made for the next entry
	return nil
}

// check wants of what was read that its parts can belong together.
func (s *savedReplay) check() error {
	t := &s.tree
	switch {
	case len(t.roots) != bits.OnesCount64(uint64(t.size)) || int64(len(t.chunks)) != t.size>>chunkLevel:
		return fmt.Errorf("%w: a tree of %d leaves with %d roots and %d chunks", errDamaged, t.size, len(t.roots), len(t.chunks))
	case s.next < 1 || len(s.sets) == 0 || s.settled > int64(len(s.corrections)) || s.totals.Entries != t.size:
		return fmt.Errorf("%w: sums that do not belong together", errDamaged)
	case len(s.apps) != 0 && len(s.apps) != len(s.ends) || s.totals.Kinds == nil:
		return fmt.Errorf("%w: %d ends of blocks with %d app hashes", errDamaged, len(s.ends), len(s.apps))
	}
	for size := range s.marks {
		if size < 0 || size > t.size {
			return fmt.Errorf("%w: a mark at %d of %d entries", errDamaged, size, t.size)
		}
	}
	return nil
}

func (c *codec) savedReplay(s *savedReplay) {
	c.tuple(29)
	c.natural(&s.tree.size)
	list(c, &s.tree.roots, 64, c.hash)
	list(c, &s.tree.chunks, maxList, c.hash)
	sorted(c, &s.values, maxList, func(k *string) { c.text(k, maxKept) }, func(v *[]byte) { c.bytes(v, maxKept) })
	c.set(&s.removed, maxList)
	c.set(&s.issuers, maxList)
	c.totals(&s.totals)
	c.notices(&s.notices)
	c.stolenSums(&s.stolen)
	for _, n := range []*int64{&s.next, &s.now, &s.floor} {
		c.natural(n)
	}
	list(c, &s.ends, maxList, func(e *blockEnd) { c.pair(&e.height, &e.size) })
	list(c, &s.apps, maxList, c.hash)
	list(c, &s.wrong, maxList, func(w *wrongHeight) { c.pair(&w.index, &w.claim) })
	list(c, &s.asked, maxList, c.integer)
	for _, flag := range []*bool{&s.mute, &s.loose, &s.moved, &s.aged, &s.blind} {
		c.boolean(flag)
	}
	c.text(&s.unlooked, maxKept)
	list(c, &s.sets, maxList, func(v *setOf) { c.tuple(2); c.natural(&v.from); c.hash(&v.hash) })
	list(c, &s.ages, maxList, c.ageBound)
	list(c, &s.corrections, maxCorrections, c.correction)
	c.natural(&s.forgotten)
	c.natural(&s.settled)
	sorted(c, &s.marks, maxList, c.natural, c.preimage)
	c.savedSampler(&s.sampler)
}

func (c *codec) pair(a, b *int64) {
	c.tuple(2)
	c.integer(a)
	c.integer(b)
}

func (c *codec) ageBound(b *ageBound) {
	c.tuple(5)
	for _, n := range []*int64{&b.height, &b.latest, &b.index, &b.last, &b.limit} {
		c.integer(n)
	}
}

func (c *codec) preimage(p **provenance.Preimage) {
	if c.reads() {
		*p = &provenance.Preimage{}
	}
	c.tuple(3)
	c.natural(&(*p).Size)
	c.hash(&(*p).LogRoot)
	c.hash(&(*p).StateRoot)
}

func (c *codec) totals(t *Totals) {
	c.tuple(5)
	for _, n := range []*int64{&t.Entries, &t.Acts, &t.Equivocations, &t.Records} {
		c.natural(n)
	}
	c.kinds(&t.Kinds)
}

// correction is a correction with its place; what it corrects is a record of the
// format's own.
func (c *codec) correction(v **correction) {
	if c.reads() {
		*v = &correction{}
	}
	one := *v
	c.tuple(5)
	c.natural(&one.entry)
	index := int64(one.index)
	c.natural(&index)
	one.index = int(index)
	c.text(&one.issuer, maxKept)
	c.text(&one.by, maxKept)
	var raw []byte
	if !c.reads() && c.err == nil {
		raw, c.err = (&provenance.Record{Kind: provenance.Corrected, Correction: one.Correction}).Encode()
	}
	if c.bytes(&raw, provenance.MaxRecordBytes); !c.reads() || c.err != nil {
		return
	}
	r, err := provenance.ParseRecord(raw)
	if err != nil || r.Correction == nil {
		c.fail("no correction: %v", err)
		return
	}
	one.Correction = r.Correction
}
