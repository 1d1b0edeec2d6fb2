package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"tokentrail/provenance"
)

// How long the nodes may take to have the same log when the load is over.
const (
	benchSettle     = time.Minute
	benchSettleHurt = 10 * time.Second // after an interruption
	benchSettleAway = 10 * time.Second // for one that does not answer, where the others agree
)

// A benchCheck is what the ledger was found to hold. SPEC(CLI-67)
type benchCheck struct {
	Acknowledged  int64           `json:"acknowledged_statements"` // warm-up included
	Unresolved    int64           `json:"unresolved_statements"`   // sent, and nothing was heard of them
	LedgerEntries int64           `json:"ledger_statements"`       // that the heads of our streams prove
	LedgerRecords int64           `json:"ledger_records"`
	FlowRecords   int64           `json:"flow_records"` // that the ledger's totals have more than before
	LogSize       int64           `json:"log_size"`
	AppHash       provenance.Hash `json:"app_hash"`
	Problems      []string        `json:"problems"`  // what does not hold
	Unchecked     []string        `json:"unchecked"` // what could not be looked at
}

// check compares the nodes, and holds what was acknowledged against what they
// have. It goes on where the load was interrupted, though not for long.
func (b *bencher) check(ctx context.Context, streams []*benchStream) {
	c := &b.doc.Check
	c.Problems, c.Unchecked = []string{}, []string{}
	settle := benchSettle
	if ctx.Err() != nil {
		settle = benchSettleHurt
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settle)
	defer cancel()
	for i, n := range b.ledger.nodes {
		if n.pid != 0 {
			b.doc.Nodes[i].PeakResident = peakResident(n.pid)
		}
	}
	answering := b.compare(ctx, streams)
	for _, s := range streams {
		sent, acked, _ := s.window.state()
		c.Acknowledged, c.Unresolved = c.Acknowledged+acked, c.Unresolved+sent-acked
	}
	if len(answering) == 0 {
		return
	}
	issuers := map[string]bool{}
	for _, s := range streams {
		issuers[s.author.issuer] = true
		count, err := headCount(ctx, answering, s.author)
		if err != nil {
			c.Unchecked = append(c.Unchecked, fmt.Sprintf("the head of the stream %s/%s: %v", s.author.issuer, s.author.stream, err))
			continue
		}
		c.LedgerEntries += count
		c.Problems = append(c.Problems, s.compare(count)...)
	}
	c.LedgerRecords = c.LedgerEntries * int64(b.flags.batch)
	b.checkTotals(ctx, answering, issuers)
}

// compare says where the ledger's stream does not have what it acknowledged, or
// has what was never sent to it.
func (s *benchStream) compare(count int64) (problems []string) {
	sent, _, end := s.window.state()
	if count < end {
		problems = append(problems, fmt.Sprintf("the stream %s/%s has %d statements on the ledger, and sequence %d was acknowledged", s.author.issuer, s.author.stream, count, end-1))
	}
	if count > sent {
		problems = append(problems, fmt.Sprintf("the stream %s/%s has %d statements on the ledger, and only %d were sent", s.author.issuer, s.author.stream, count, sent))
	}
	return problems
}

// checkTotals holds the sums of the ledger against the records of our streams: on
// a ledger of our own they are all that there is.
func (b *bencher) checkTotals(ctx context.Context, answering []*client, issuers map[string]bool) {
	c := &b.doc.Check
	flows, err := b.ledger.recordsOf(ctx, answering, issuers)
	if err != nil {
		c.Unchecked = append(c.Unchecked, "the totals of /v1/flows: "+err.Error())
		return
	}
	c.FlowRecords = flows - b.ledger.already
	if len(c.Unchecked) > 0 {
		return // the heads that are missing are counted in the totals
	}
	if c.FlowRecords < c.LedgerRecords || b.ledger.own && c.FlowRecords != c.LedgerRecords {
		c.Problems = append(c.Problems, fmt.Sprintf("/v1/flows counts %d records, the streams have %d", c.FlowRecords, c.LedgerRecords))
	}
	if c.LogSize < c.LedgerEntries || b.ledger.own && c.LogSize != c.LedgerEntries {
		c.Problems = append(c.Problems, fmt.Sprintf("/v1/status has a log of %d entries, the streams have %d", c.LogSize, c.LedgerEntries))
	}
}

// compare waits until all nodes have the same log, and returns those that answer.
// Two nodes never have different app hashes of one height, or of logs of one size
// that are ours alone.
func (b *bencher) compare(ctx context.Context, streams []*benchStream) (answering []*client) {
	c := &b.doc.Check
	least := int64(0)
	for _, s := range streams {
		_, _, end := s.window.state()
		least += end
	}
	byHeight := map[int64]*statusDoc{}
	for patience := time.Now().Add(benchSettleAway); ; {
		answering = nil
		same, away := true, ""
		var first *statusDoc
		for i, n := range b.ledger.nodes {
			s, err := n.client.status(ctx)
			if err != nil {
				away = fmt.Sprintf("%s: %v", n.name, err)
				continue
			}
			answering = append(answering, n.client)
			b.doc.Nodes[i].Height, b.doc.Nodes[i].LogSize, b.doc.Nodes[i].AppHash = s.Height, s.LogSize, s.AppHash.String()
			if other := byHeight[s.Height]; other != nil && other.AppHash != s.AppHash {
				c.Problems = append(c.Problems, fmt.Sprintf("at height %d one node has the app hash %s, %s has %s", s.Height, other.AppHash, n.name, s.AppHash))
				return answering
			}
			byHeight[s.Height] = s
			if first == nil {
				first, c.LogSize, c.AppHash = s, s.LogSize, s.AppHash
			}
			same = same && s.AppHash == first.AppHash && s.LogSize == first.LogSize && s.LogSize >= least
		}
		if same && away == "" {
			return answering
		}
		if sleep(ctx, pollPause) != nil || same && first != nil && time.Now().After(patience) {
			why := "the nodes do not come to one log that has all that was acknowledged"
			if away != "" {
				why = "a node does not answer: " + away
			}
			c.Unchecked = append(c.Unchecked, why)
			return answering
		}
	}
}

// headCount returns how many statements a stream has, by its proven head.
func headCount(ctx context.Context, nodes []*client, author benchAuthor) (count int64, err error) {
	err = firstOf(ctx, nodes, func(c *client) error {
		raw, _, err := c.state(ctx, provenance.StateStreamKey(author.issuer, author.stream))
		if err != nil || raw == nil {
			return err
		}
		head, err := provenance.ParseStateValue[provenance.StreamHead](raw)
		count = head.Sequence + 1
		return err
	})
	return count, err
}

// recordsOf returns how many records of production the ledger's totals count of
// the issuers. Each of ours has output tokens, and counts once in their flow.
func (l *benchLedger) recordsOf(ctx context.Context, nodes []*client, issuers map[string]bool) (total int64, err error) {
	q := &provenance.FlowQuery{Kinds: []provenance.Kind{provenance.Production}, By: []string{"provider"}}
	err = firstOf(ctx, nodes, func(c *client) error {
		total = 0
		doc, err := c.flows(ctx, q)
		if err != nil {
			return err
		}
		for _, row := range doc.Rows {
			if row.Direction != "output" || !issuers[row.Provider] {
				continue
			}
			n, err := strconv.ParseInt(row.Records.String(), 10, 64)
			if err != nil {
				return fmt.Errorf("the records of %s: %w", row.Provider, err)
			}
			total += n
		}
		return nil
	})
	return total, err
}

// firstOf asks one node after another until one answers, as long as there is
// time.
func firstOf(ctx context.Context, nodes []*client, ask func(c *client) error) (err error) {
	for i := 0; ; i++ {
		if err = ask(nodes[i%len(nodes)]); err == nil || !transient(err) || ctx.Err() != nil {
			return err
		}
		if i+1 >= len(nodes) && sleep(ctx, pollPause) != nil {
			return err
		}
	}
}
