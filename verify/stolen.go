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
			if r.history == nil {
				r.asked[*k.StolenHeight] = true
			}
			keys = append(keys, &stolenKey{
				provider: id, kid: public.Thumbprint(), since: *k.StolenHeight, sinceTime: *k.StolenSince,
				first: r.before(*k.StolenHeight), last: *k.Revoked, declared: *k.Revoked,
			})
		}
	}
	return keys
}

// sumStolen sums the entries under stolen keys apart. They were counted before
// anything said so: the part of the log is read again, and is the same one where
// its leaves give the same roots. SPEC(VER-26)
func (a *audit) sumStolen() {
	keys := a.replay.stolenKeys()
	if len(keys) == 0 {
		return
	}
	a.replay.totals.Stolen = &StolenTotals{Kinds: map[string]*KindTotals{}}
	if a.replay.history == nil && a.replay.mute {
		a.log.because("a key was stolen since a height, headers were skipped, and the node does not tell the heights of its entries; audit from genesis")
		return
	}
	first, last := keys[0].first, keys[0].last
	for _, k := range keys {
		first, last = min(first, k.first), max(last, k.last)
	}
	if err := a.readAgain(first, last, func(c *checkedEntry) { a.countStolen(keys, c) }); err != nil {
		a.log.stop(fmt.Errorf("entries under stolen keys: %w", err))
		return
	}
	for _, k := range keys {
		a.replay.notices.add(Notice{
			Kind: NoticeStolen, Provider: k.provider, Entry: k.declared, Key: &k.kid, Since: k.since, Entries: k.entries, Records: k.records,
			Says: fmt.Sprintf("a key of %s was declared stolen since height %d: %s signed with it from there on count, and are summed apart", k.provider, k.since, amount(k.entries, "entries")),
		})
	}
}

// countStolen counts an entry if it is signed with a stolen key.
func (a *audit) countStolen(keys []*stolenKey, c *checkedEntry) {
	for _, k := range keys {
		if c.header.Issuer != k.provider || c.statement.KID() != k.kid || c.index < k.first || c.index >= k.last {
			continue
		}
		k.entries++
		k.records += int64(c.header.Count)
		sum := a.replay.totals.Stolen
		sum.Entries++
		sum.Records += int64(c.header.Count)
		for i := range c.header.Totals {
			countCell(sum.Kinds, &c.header.Totals[i])
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
