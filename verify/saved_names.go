package verify

import (
	"fmt"

	"tokentrail/provenance"
)

// A savedSampler is a sampler as it is saved. SPEC(VER-63)
type savedSampler struct {
	key      []byte // empty where nothing was drawn
	most     int64  // names of a kind
	from     int64
	unlooked int64
	names    []savedName
}

// A savedName is a name that was drawn.
type savedName struct {
	kind        int64
	draw        provenance.Hash
	param, text string // of the query
	cut         bool
	spots       []spot
}

// saved returns what there is to save; s may be nil.
func (s *sampler) saved() (out savedSampler) {
	if s == nil {
		return out
	}
	out = savedSampler{key: s.key[:], most: int64(s.most), from: s.from, unlooked: s.unlooked}
	for kind, held := range s.held {
		for _, draw := range drawsOf(held) {
			name := held[draw]
			param, text := name.query.Param()
			out.names = append(out.names, savedName{int64(kind), draw, param, text, name.cut, name.spots})
		}
	}
	return out
}

// restore goes on from what was saved if it was drawn by the same seed; else what is
// behind size is drawn alone. Of a name that was not drawn before, the records before
// are not known: so no more are drawn than were. s may be nil.
func (s *sampler) restore(saved *savedSampler, size int64) error {
	if s == nil {
		return nil
	}
	if string(saved.key) != string(s.key[:]) {
		s.from = size
		return nil
	}
	s.from, s.unlooked, s.most = saved.from, saved.unlooked, int(min(int64(s.most), saved.most))
	for i := range saved.names {
		name := &saved.names[i]
		query, err := provenance.ParseRecordQuery(name.param, name.text)
		if err != nil || name.kind >= int64(nameKinds) {
			return fmt.Errorf("%w: no name of a record is %.200q", errDamaged, name.text)
		}
		s.held[name.kind][name.draw] = &drawnName{query, name.spots, name.cut}
		s.bound(byte(name.kind))
	}
	return nil
}

func (c *codec) savedSampler(s *savedSampler) {
	c.tuple(5)
	c.bytes(&s.key, 16)
	c.natural(&s.most)
	c.natural(&s.from)
	c.natural(&s.unlooked)
	list(c, &s.names, maxList, func(n *savedName) {
		c.tuple(6)
		c.natural(&n.kind)
		c.hash(&n.draw)
		c.text(&n.param, maxKept)
		c.text(&n.text, maxKept)
		c.boolean(&n.cut)
		list(c, &n.spots, maxSpots, func(p *spot) {
			index := int64(p.index)
			c.tuple(3)
			c.natural(&p.entry)
			c.natural(&index)
			c.hash(&p.leaf)
			p.index = int(index)
		})
	})
}
