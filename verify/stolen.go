package verify

import (
	"fmt"
	"slices"

	"tokentrail/provenance"
)

// StolenTotals are the entries that were signed with a key from the height on
// since which governance declared it stolen. They count in all other sums too.
type StolenTotals struct {
	Entries int64                  `json:"entries"`
	Records int64                  `json:"records"`
	Kinds   map[string]*KindTotals `json:"kinds"`
}

// A stolenKey is such a key, and the entries that may be signed with it: from the
// first of its height to the one that revoked it.
type stolenKey struct {
	provider         string
	kid              provenance.Hash
	since, sinceTime int64 // height, ms
	first, last      int64 // entries; last exclusive
	declared         int64 // entry that revoked it
	entries, records int64
}

// stolenSums are what was summed under stolen keys: nil where none was, or where it
// could not be.
type stolenSums struct {
	keys   []*stolenKey
	totals *StolenTotals
}

// knows reports whether a key was summed before.
func (s *stolenSums) knows(key *stolenKey) bool {
	return slices.ContainsFunc(s.keys, func(k *stolenKey) bool {
		known := *k
		known.entries, known.records = 0, 0
		return known == *key
	})
}

// know reports whether exactly these keys were summed before.
func (s *stolenSums) know(keys []*stolenKey) bool {
	return len(s.keys) == len(keys) && !slices.ContainsFunc(keys, func(k *stolenKey) bool { return !s.knows(k) })
}

// stolenKeys returns the keys that the registry knows as stolen, by provider.
func (r *replay) stolenKeys() (keys []*stolenKey) {
	for _, id := range sortedKeys(r.providers) {
		p := &r.providers[id].provider
		for i := range p.Keys {
			k := &p.Keys[i]
			if k.StolenHeight == nil || k.Revoked == nil {
				continue
			}
			public, err := provenance.ParsePublicKeyCOSE(k.Key)
			if err != nil {
				continue // the registry has read it
			}
			key := &stolenKey{
				provider: id, kid: public.Thumbprint(), since: *k.StolenHeight, sinceTime: *k.StolenSince,
				first: r.before(*k.StolenHeight), last: *k.Revoked, declared: *k.Revoked,
			}
			if r.history == nil && !r.stolenSums.knows(key) {
				r.asked[*k.StolenHeight] = true
			}
			keys = append(keys, key)
		}
	}
	return keys
}

// sumStolen sums the entries under stolen keys apart. They were counted before
// anything said so: the part of the log is read again, and is the same one where
// its leaves give the same roots. SPEC(VER-26)
func (a *audit) sumStolen() {
	keys := a.replay.stolenKeys()
	if len(keys) == 0 || a.replay.stolenSums.know(keys) {
		return
	}
	sums := &stolenSums{keys, &StolenTotals{Kinds: map[string]*KindTotals{}}}
	a.replay.stolenSums = stolenSums{totals: sums.totals}
	if a.replay.history == nil && a.replay.mute {
		a.log.because("a key was stolen since a height, headers were skipped, and the node does not tell the heights of its entries; audit from genesis")
		return
	}
	first, last := keys[0].first, keys[0].last
	for _, k := range keys {
		first, last = min(first, k.first), max(last, k.last)
	}
	if err := a.readAgain(first, last, sums.count); err != nil {
		a.log.stop(fmt.Errorf("entries under stolen keys: %w", err))
		return
	}
	a.replay.stolenSums = *sums
}

// tell adds a notice of each key.
func (s *stolenSums) tell(to *notices) {
	for _, k := range s.keys {
		to.add(Notice{
			Kind: NoticeStolen, Provider: k.provider, Entry: k.declared, Key: &k.kid, Since: k.since, Entries: k.entries, Records: k.records,
			Says: fmt.Sprintf("a key of %s was declared stolen since height %d: %s signed with it from there on count, and are summed apart", k.provider, k.since, amount(k.entries, "entries")),
		})
	}
}

// count counts an entry if it is signed with a stolen key.
func (s *stolenSums) count(c *checkedEntry) {
	for _, k := range s.keys {
		if c.header.Issuer != k.provider || c.statement.KID() != k.kid || c.index < k.first || c.index >= k.last {
			continue
		}
		k.entries++
		k.records += int64(c.header.Count)
		s.totals.Entries++
		s.totals.Records += int64(c.header.Count)
		for i := range c.header.Totals {
			countCell(s.totals.Kinds, &c.header.Totals[i])
		}
	}
}

// readAgain reads entries that were replayed before, in whole chunks around
// [first, last), and hands on the statements of those whose chunk has the root
// that it had.
func (a *audit) readAgain(first, last int64, each func(*checkedEntry)) error {
	from, to := first/chunkSize*chunkSize, min((last+chunkSize-1)/chunkSize*chunkSize, a.replay.tree.size)
	var chunk []*checkedEntry
	var wrong error
	whole := func() bool {
		i := chunk[0].index / chunkSize
		var tree frontier
		for _, c := range chunk {
			tree.add(c.leaf)
		}
		if want, got := a.replay.tree.chunk(i), tree.root(); want != got {
			wrong = NewFinding(CodeAppHash, fmt.Sprintf("entries[%d:%d]", i*chunkSize, i*chunkSize+tree.size), "the same entries as before, whose leaves have the root "+want.String(), got.String())
			return false
		}
		for _, c := range chunk {
			if c.header != nil {
				each(c)
			}
		}
		chunk = chunk[:0]
		return true
	}
	err := a.fetchEntries(a.ctx, from, to, func(e Entry) bool {
		c := &checkedEntry{index: e.Index, leaf: provenance.LeafHash(e.Statement)}
		if s, err := provenance.ParseStatement(slices.Clone(e.Statement)); err == nil {
			c.statement, c.header = s, s.Header()
		}
		chunk = append(chunk, c)
		return c.index%chunkSize != chunkSize-1 && c.index != to-1 || whole()
	})
	if wrong != nil {
		return wrong
	}
	return err
}

func (c *codec) stolenSums(s *stolenSums) {
	c.tuple(2)
	list(c, &s.keys, maxList, c.stolenKey)
	maybe(c, &s.totals, func(t *StolenTotals) {
		c.tuple(3)
		c.natural(&t.Entries)
		c.natural(&t.Records)
		c.kinds(&t.Kinds)
	})
}

func (c *codec) stolenKey(k **stolenKey) {
	if c.reads() {
		*k = &stolenKey{}
	}
	v := *k
	c.tuple(9)
	c.text(&v.provider, maxKept)
	c.hash(&v.kid)
	for _, n := range []*int64{&v.since, &v.sinceTime, &v.first, &v.last, &v.declared, &v.entries, &v.records} {
		c.integer(n)
	}
}
