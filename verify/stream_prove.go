package verify

import (
	"errors"
	"fmt"
	"math"

	"tokentrail/provenance"
)

const (
	streamTries = 5      // to see a provider that opens no stream meanwhile
	mostStreams = 65_536 // of a provider: a head, about 200 bytes each
)

// proveOne proves the head of one stream, then its provider. SPEC(VER-90)
func (c *streamCheck) proveOne() {
	c.heads.begin()
	there, err := c.proveHead(c.what.Stream)
	if err == nil && !there {
		err = fmt.Errorf("the ledger has no stream %s/%s: proven absent", c.what.Provider, c.what.Stream)
	}
	if err != nil {
		c.heads.stop(err)
		return
	}
	// Keys that it came to have until the head are in a value that is not older.
	if _, err := c.proveProvider(); err != nil {
		c.registry.stop(err)
	}
}

// proveHead proves where a stream stands; there is false where it is proven that
// there is no such stream.
func (c *streamCheck) proveHead(name string) (there bool, err error) {
	key := provenance.StateStreamKey(c.what.Provider, name)
	value, err := c.proven(key)
	if errors.Is(err, errAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	head, err := provenance.ParseStateValue[provenance.StreamHead](value)
	if err != nil {
		return false, NewFinding(CodeStateValue, fmt.Sprintf("state[%s]", key), "the head of a stream", fmt.Sprintf("%x: %v", value, err))
	}
	// SPEC(LOG-1)
	if head.Index >= c.at.Size {
		return false, NewFinding(CodeStateValue, fmt.Sprintf("state[%s]", key), fmt.Sprintf("a head below entry %d", c.at.Size), fmt.Sprintf("entry %d", head.Index))
	}
	c.streams = append(c.streams, &StreamSays{Provider: c.what.Provider, Stream: name, Sequence: head.Sequence, Statement: head.Statement, Entry: head.Index, Closed: head.Closed})
	c.heads.Checked++
	return true, nil
}

// proveProvider proves what the registry says of the provider.
func (c *streamCheck) proveProvider() (*provenance.Provider, error) {
	if c.registry.Reason == notReached {
		c.registry.begin()
	}
	key := provenance.StateProviderKey(c.what.Provider)
	value, err := c.proven(key)
	if errors.Is(err, errAbsent) {
		if len(c.streams) > 0 {
			// SPEC(ADM-5)
			return nil, NewFinding(CodeIssuer, fmt.Sprintf("state[%s]", key), "a provider of the registry, since it has streams", "none")
		}
		return nil, fmt.Errorf("the ledger has no provider %s: proven absent", c.what.Provider)
	}
	if err != nil {
		return nil, err
	}
	reg, err := newRegistry(map[string][]byte{key: value})
	if err != nil || reg.providers[c.what.Provider] == nil {
		return nil, NewFinding(CodeStateValue, fmt.Sprintf("state[%s]", key), "the value of the provider "+c.what.Provider, fmt.Sprintf("%x: %v", value, err))
	}
	c.provider, c.registry.Checked = reg.providers[c.what.Provider], 1
	return &c.provider.provider, nil
}

// proveAll proves the heads of all streams of a provider: as many as it opened, where
// it opened none while they were looked at. SPEC(VER-92)
func (c *streamCheck) proveAll() {
	for try := 1; ; try++ {
		before, err := c.proveProvider()
		if err != nil {
			c.registry.stop(err)
			return
		}
		signed := c.head.Height
		c.streams = nil
		c.heads.begin()
		c.heads.Checked = 0
		listed, err := c.proveListed()
		if err != nil {
			c.heads.stop(err)
			return
		}
		after, err := c.proveProvider()
		if err != nil {
			c.registry.stop(err)
			return
		}
		reason := ""
		switch {
		case before.Streams != after.Streams || before.Equivocations != after.Equivocations:
			reason = fmt.Sprintf("the provider opened or closed streams each time while they were looked at, %d times; ask again later", try)
		case c.unlisted(after) > 0 && listed < signed-1:
			// SPEC(VER-92): the list may be a little older than what is proven.
			reason = fmt.Sprintf("the node's list of streams is of height %d and lacks some that the provider had at %d, %d times; ask again later", listed, signed-1, try)
		default:
			c.countStreams(after)
			return
		}
		if try == streamTries {
			c.heads.because(reason)
			return
		}
		if !c.pause() {
			c.heads.because(c.ctx.Err().Error())
			return
		}
	}
}

// proveListed proves the heads of the streams that the node lists, and returns the
// height that the list is of. One that is listed and not under the header yet is none.
func (c *streamCheck) proveListed() (height int64, err error) {
	height = math.MaxInt64
	last := ""
	for {
		page, err := c.from.Streams(c.ctx, c.what.Provider, last)
		if err != nil {
			return 0, fmt.Errorf("the node's list of streams: %w", err)
		}
		for _, name := range page.Names {
			if name <= last {
				return 0, fmt.Errorf("the node's list of streams: %w: %q does not come behind %q", ErrAnswer, name, last)
			}
			if len(c.streams) == mostStreams {
				return 0, fmt.Errorf("the provider has more than %s, which is the most that is looked at; audit the ledger", amount(mostStreams, "streams"))
			}
			if _, err := c.proveHead(name); err != nil {
				return 0, err
			}
			last = name
		}
		height = min(height, page.Height)
		if !page.More || len(page.Names) == 0 {
			return height, nil
		}
	}
}

// closedStreams is how many of the streams that were proven are closed.
func (c *streamCheck) closedStreams() (closed int64) {
	for _, s := range c.streams {
		if s.Closed != nil {
			closed++
		}
	}
	return closed
}

// unlisted is how many streams the provider opened, or how many of them were closed,
// beyond those that were proven.
func (c *streamCheck) unlisted(p *provenance.Provider) int64 {
	return max(p.Streams-int64(len(c.streams)), p.Equivocations-c.closedStreams())
}

// countStreams holds the streams that were proven against how many the provider
// opened, and how many of them were closed. SPEC(VER-92)
func (c *streamCheck) countStreams(p *provenance.Provider) {
	place := fmt.Sprintf("state[%s]", provenance.StateProviderKey(p.ID))
	found, closed := int64(len(c.streams)), c.closedStreams()
	counted := c.doc.rules.Version >= streamRules
	switch {
	case c.unlisted(p) > 0:
		c.heads.finding(CodeStreamMissing, fmt.Sprintf("streams[%s]", p.ID), fmt.Sprintf("%s, of which %d are closed: the provider's value says so", amount(p.Streams, "streams"), p.Equivocations),
			fmt.Sprintf("%d listed and proven, of which %d are closed", found, closed))
	case counted && found > p.Streams || closed > p.Equivocations:
		c.heads.finding(CodeStateValue, place, fmt.Sprintf("%s opened, %d closed: so many are proven", amount(found, "streams"), closed),
			fmt.Sprintf("%d opened, %d closed", p.Streams, p.Equivocations))
	case !counted:
		c.heads.because(fmt.Sprintf("the ledger began with rule version %d, and counts a provider's streams from version %d on only, so that nothing shows that the node's list is whole; audit the ledger", c.doc.rules.Version, streamRules))
	}
}

// noteStolen tells of what the ledger keeps of the provider: keys declared stolen,
// streams closed by equivocation. SPEC(VER-25), SPEC(VER-26)
func (c *streamCheck) noteStolen() {
	most := notices{most: defaultFindings}
	for _, s := range c.streams {
		if s.Closed != nil {
			most.add(Notice{Kind: NoticeEquivocation, Provider: s.Provider, Entry: *s.Closed, Stream: s.Stream,
				Says: fmt.Sprintf("%s signed two statements for one place of the stream %s, which entry %d closed", s.Provider, s.Stream, *s.Closed)})
		}
	}
	p := &c.provider.provider
	for kid, at := range c.provider.keys {
		k := &p.Keys[at.at]
		c.moving = c.moving || k.From > 1 || k.Until != nil
		if k.StolenHeight != nil && k.Revoked != nil {
			most.add(Notice{Kind: NoticeStolen, Provider: p.ID, Entry: *k.Revoked, Key: &kid, Since: *k.StolenHeight,
				Says: fmt.Sprintf("a key of %s was declared stolen since height %d: what was signed with it from there on counts all the same", p.ID, *k.StolenHeight)})
		}
	}
	c.rep.Notices, c.rep.MoreNotices = append(c.rep.Notices, most.kept...), most.more
}
