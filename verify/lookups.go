package verify

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync/atomic"

	"tokentrail/provenance"
)

// Limits of look-ups that are compared (SPEC(VER-61)).
const (
	defaultLookUps = 64  // names of a kind
	maxSpots       = 200 // records of a name that are remembered
)

// Kinds of names that records are looked up by.
const (
	nameID byte = iota
	nameRef
	nameContent
	nameParentID
	nameParentRef
	nameCorrection
	nameKinds
)

// A spot is where a record stands: an entry, by index and by its leaf's hash, and
// the record's place in it.
type spot struct {
	entry int64
	index int
	leaf  provenance.Hash
}

// compare orders spots as the log does.
func (s spot) compare(entry int64, index int) int {
	return cmp.Or(cmp.Compare(s.entry, entry), cmp.Compare(s.index, index))
}

// A candidate is a name that a record has, or names, and that may be drawn.
type candidate struct {
	kind  byte
	draw  provenance.Hash
	query provenance.RecordQuery
	index int // of the record in its entry
}

// A drawnName is a name that was drawn, with the records that a look-up by it has
// to find, in the order of the log.
type drawnName struct {
	query provenance.RecordQuery
	spots []spot
	cut   bool // there are more than maxSpots
}

// A sampler draws names by which a node is asked for records: of each kind those
// with the least keyed hashes, of all that the log has. A hash depends on its name
// alone and the bound only falls, so that what is drawn in the end was drawn where
// the log had it first, and all records of it are known. SPEC(VER-61)
//
// Workers call look; all else is the replay's.
type sampler struct {
	key   [16]byte // from the seed: nobody else can tell what will be drawn
	most  int      // names of a kind
	below [nameKinds]atomic.Uint64
	held  [nameKinds]map[provenance.Hash]*drawnName
	last  [nameKinds]provenance.Hash // the greatest hash that is held, once there are most

	from     int64 // the first entry that was looked at
	unlooked int64 // entries whose records are not known
}

// newSampler draws by a seed.
func newSampler(seed [32]byte, most int) *sampler {
	key := sha256.Sum256(append([]byte("tokentrail/look-ups/v1\x00"), seed[:]...))
	s := &sampler{key: [16]byte(key[:16]), most: most}
	for kind := range s.held {
		s.held[kind] = map[provenance.Hash]*drawnName{}
		s.below[kind].Store(^uint64(0))
	}
	return s
}

// drawOf hashes a name, of at most two parts; drawn is false where it is above what
// can still be drawn.
func (s *sampler) drawOf(kind byte, first string, second []byte) (draw provenance.Hash, drawn bool) {
	var room [160]byte
	b := append(append(room[:0], s.key[:]...), kind)
	b = append(append(append(b, first...), 0), second...) // no id of a provider has a zero byte
	draw = sha256.Sum256(b)
	return draw, binary.BigEndian.Uint64(draw[:]) <= s.below[kind].Load()
}

// look returns the names in the records of a statement that may be drawn.
func (s *sampler) look(entry int64, h *provenance.BatchHeader, in *provenance.CheckedRecords) []candidate {
	records := in.Records
	var of []candidate
	add := func(kind byte, draw provenance.Hash, index int, q provenance.RecordQuery) {
		of = append(of, candidate{kind, draw, q, index})
	}
	// Where streams are unbroken no two records have one id. So ids are drawn by entries, and one of each.
	if draw, drawn := s.drawOf(nameID, "", binary.BigEndian.AppendUint64(nil, uint64(entry))); drawn && len(records) > 0 {
		i := int(binary.BigEndian.Uint64(draw[8:]) % uint64(len(records)))
		add(nameID, draw, i, provenance.ByID(provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, records[i])))
	}
	for i := range records {
		refs, err := in.References(i)
		if err != nil {
			continue // of records that were checked before, this cannot be
		}
		if len(refs.Ref) > 0 {
			if draw, drawn := s.drawOf(nameRef, h.Issuer, refs.Ref); drawn {
				add(nameRef, draw, i, provenance.ByRef(h.Issuer, bytes.Clone(refs.Ref)))
			}
		}
		for _, value := range refs.Contents {
			if draw, drawn := s.drawOf(nameContent, "", value[:]); drawn {
				add(nameContent, draw, i, provenance.ByContent(value))
			}
		}
		for _, p := range refs.Parents {
			if p.ID != nil {
				if draw, drawn := s.drawOf(nameParentID, "", p.ID); drawn {
					add(nameParentID, draw, i, provenance.ByID(provenance.Hash(p.ID)).Children())
				}
			} else if draw, drawn := s.drawOf(nameParentRef, p.Issuer, p.Ref); drawn {
				add(nameParentRef, draw, i, provenance.ByRef(p.Issuer, bytes.Clone(p.Ref)).Children())
			}
		}
		if refs.Corrects != nil {
			if draw, drawn := s.drawOf(nameCorrection, h.Issuer, refs.Corrects[:]); drawn {
				add(nameCorrection, draw, i, provenance.Corrections(h.Issuer, *refs.Corrects))
			}
		}
	}
	return of
}

// take puts what a worker found in the next entry behind what is known.
func (s *sampler) take(c *checkedEntry) {
	for i := range c.named {
		s.hold(&c.named[i], c.index, c.leaf)
	}
	c.named = nil
}

// hold draws a name, or notes one more record of it.
func (s *sampler) hold(of *candidate, entry int64, leaf provenance.Hash) {
	held := s.held[of.kind]
	name := held[of.draw]
	if name == nil {
		if len(held) == s.most && bytes.Compare(of.draw[:], s.last[of.kind][:]) > 0 {
			return
		}
		name = &drawnName{query: of.query}
		held[of.draw] = name
		s.bound(of.kind)
		if held[of.draw] == nil {
			return
		}
	}
	if n := len(name.spots); n > 0 && name.spots[n-1].compare(entry, of.index) == 0 {
		return // a record may say a name twice
	}
	if name.cut = name.cut || len(name.spots) == maxSpots; !name.cut {
		name.spots = append(name.spots, spot{entry, of.index, leaf})
	}
}

// bound keeps the names with the least hashes, and has workers look for no others.
func (s *sampler) bound(kind byte) {
	held := s.held[kind]
	if len(held) > s.most {
		delete(held, greatest(held))
	}
	if len(held) == s.most {
		s.last[kind] = greatest(held)
		s.below[kind].Store(binary.BigEndian.Uint64(s.last[kind][:8]))
	}
}

// greatest returns the greatest hash that is held.
func greatest(held map[provenance.Hash]*drawnName) (most provenance.Hash) {
	for draw := range held {
		if bytes.Compare(draw[:], most[:]) > 0 {
			most = draw
		}
	}
	return most
}

// names returns what was drawn, in an order that follows from the seed.
func (s *sampler) names() []*drawnName {
	var all []*drawnName
	for _, held := range s.held {
		for _, draw := range drawsOf(held) {
			all = append(all, held[draw])
		}
	}
	return all
}

// drawsOf returns the hashes that are held in ascending order.
func drawsOf(held map[provenance.Hash]*drawnName) []provenance.Hash {
	draws := make([]provenance.Hash, 0, len(held))
	for draw := range held {
		draws = append(draws, draw)
	}
	slices.SortFunc(draws, func(a, b provenance.Hash) int { return bytes.Compare(a[:], b[:]) })
	return draws
}
