package verify

import (
	"cmp"
	"fmt"
	"slices"
	"sort"

	"tokentrail/provenance"
)

// heights tells at which height each entry was committed. From genesis the headers
// do: each block with entries changes the app hash, and the entry behind a prefix
// whose app hash one header is the first to carry is of the block before the next
// such header. Where headers were skipped there is only what the node says, and of
// that what judgements rest on is noted, to be held against headers. The replay's
// goroutine owns it. SPEC(VER-8)
type heights struct {
	history []Change // headers with another app hash; nil where headers were skipped
	next    int      // the first of them whose app hash was not reached
	top     int64    // the greatest height that an entry can have, where headers were skipped
	now     int64    // of the entry that is judged; 0 where it is not known
	floor   int64    // the greatest height whose entries were all read by an earlier audit

	ends  []blockEnd        // of blocks with entries: 16 bytes each,
	apps  []provenance.Hash // and 32 where headers were skipped: the app hash after each
	first provenance.Hash   // the app hash of genesis

	wrong []wrongHeight  // of the block under way, from genesis
	asked map[int64]bool // heights on which a judgement rested, where headers were skipped
	mute  bool           // the node left a height out, where headers were skipped
	loose bool           // a judgement rested on a height that is not known
}

// A blockEnd is a block with entries and the size of the log behind it.
type blockEnd struct{ height, size int64 }

// wrongHeight is what a node says of an entry's height, against the headers.
type wrongHeight struct{ index, claim int64 }

// Bounds of what is done about heights where headers were skipped.
const (
	maxAsked = 1000 // headers that are asked for
	maxBack  = 1000 // heights that are gone back from the trusted header, in all
)

// enter learns the height of the entry that comes next. What is wrong with what
// the node says is a finding.
func (h *heights) enter(c *checkedEntry) (f *Finding) {
	switch {
	case h.next < len(h.history):
		h.now = h.history[h.next].Height - 1
		if c.claim != 0 && c.claim != h.now && len(h.wrong) < defaultFindings {
			h.wrong = append(h.wrong, wrongHeight{c.index, c.claim})
		}
	case h.history != nil:
		h.now = 0 // behind the last app hash that a header carries
	case c.claim == 0 || h.mute:
		h.mute, h.now = true, 0
	case c.claim < max(h.now, h.floor+1) || c.claim > h.top:
		// SPEC(VER-8)
		h.now = max(h.now, h.floor+1)
		f = NewFinding(CodeHeight, fmt.Sprintf("entries[%d].height", c.index), fmt.Sprintf("%d to %d", h.now, h.top), fmt.Sprint(c.claim))
	default:
		h.now = c.claim
	}
	return f
}

// since reports whether the entry that is judged is of a height or a later one,
// and whether that is known.
func (h *heights) since(height int64) (yes, known bool) {
	if height <= 1 {
		return true, true
	}
	if h.now == 0 {
		h.loose = true
		return false, false
	}
	if h.history == nil {
		h.asked[height] = true
	}
	return h.now >= height, true
}

// before returns how many entries are of lower heights than one.
func (h *heights) before(height int64) int64 {
	n := sort.Search(len(h.ends), func(i int) bool { return h.ends[i].height >= height })
	if n == 0 {
		return 0
	}
	return h.ends[n-1].size
}

// appBefore returns the app hash after all entries of lower heights than one,
// where headers were skipped.
func (h *heights) appBefore(height int64) provenance.Hash {
	n := sort.Search(len(h.ends), func(i int) bool { return h.ends[i].height >= height })
	if n == 0 {
		return h.first
	}
	return h.apps[n-1]
}

// appAt returns the app hash behind the block with which the log came to a size.
// SPEC(VER-49)
func (h *heights) appAt(size int64) (app provenance.Hash, known bool) {
	i, found := slices.BinarySearchFunc(h.ends, size, func(e blockEnd, size int64) int { return cmp.Compare(e.size, size) })
	switch {
	case size == 0:
		return h.first, true
	case found && h.history == nil:
		return h.apps[i], true
	case found && i+1 < len(h.history):
		return h.history[i+1].AppHash, true
	}
	return app, false
}

// unknowable reports whether it is not known which entries a block had: headers were
// skipped, and the node leaves out heights.
func (h *heights) unknowable() bool { return h.history == nil && h.mute }

// checkHeights holds the heights on which judgements rested against trusted
// headers: the one of a height carries the app hash of exactly the entries of
// lower heights. SPEC(VER-8)
func (a *audit) checkHeights() {
	h := &a.replay.heights
	if h.loose {
		a.log.because("some keys, acts or rules hold from or until a height, headers were skipped, and the node does not tell the heights of its entries; audit from genesis")
	}
	if h.history != nil || len(h.asked) == 0 {
		return
	}
	if h.unknowable() {
		// What was said of the heights before one was left out cannot be held against
		// headers: from there on it is not known which entries are of lower ones.
		a.log.because("some keys, acts or rules hold from or until a height, headers were skipped, and the node leaves out the heights of some of its entries; audit from genesis")
		return
	}
	heights := sortedKeys(h.asked)
	slices.Reverse(heights)
	back := int64(0)
	for i, height := range heights {
		if height > a.head.Height {
			continue // no entry of the log is that young
		}
		back += max(0, a.trust.Height-height)
		if i >= maxAsked || back > maxBack {
			a.log.because(fmt.Sprintf("some keys, acts or rules hold from or until height %d, and what the node says of the heights of its entries was not checked there: it is too far from the trusted header; audit from genesis", height))
			return
		}
		header, err := a.headers.Header(a.ctx, height)
		if err != nil {
			a.log.stop(err)
			return
		}
		if want := h.appBefore(height); want != header.AppHash {
			a.log.finding(CodeHeight, fmt.Sprintf("entries[%d].height", h.before(height)),
				fmt.Sprintf("all entries before it, and none behind, under the app hash in header %d, %s", height, header.AppHash),
				fmt.Sprintf("%s, that of the %d entries that the node says are of lower heights", want, h.before(height)))
		}
	}
}
