package verify

import (
	"encoding/json"
	"fmt"

	"tokentrail/provenance"
)

// A savedFlow is what was added up for a query.
type savedFlow struct {
	query string // as JSON
	upTo  int64  // entries that are counted
	rows  []provenance.FlowRow
}

func savedQuery(q provenance.FlowQuery) string {
	b, err := json.Marshal(EncodeFlowsQuery(q))
	if err != nil {
		return ""
	}
	return string(b)
}

// savedFlows returns the sums so far, of the queries that were answered.
func (a *audit) savedFlows() (saved []savedFlow) {
	for _, f := range a.early.flows {
		if f.err == nil {
			saved = append(saved, savedFlow{savedQuery(f.query), min(a.replay.tree.size, f.head.LogSize), f.sums.Rows()})
		}
	}
	return saved
}

// resumeFlows goes on from the saved sums. Where the node's answer is of another
// size than they are, the entries between are read again: all, where it is of a
// smaller one. SPEC(VER-48)
func (a *audit) resumeFlows() {
	if a.opts.Resume == nil {
		return
	}
	for _, f := range a.early.flows {
		if f.err != nil {
			continue
		}
		from := int64(0)
		for i := range a.opts.Resume.flows {
			s := &a.opts.Resume.flows[i]
			if s.query != savedQuery(f.query) || s.upTo > f.head.LogSize {
				continue
			}
			from = s.upTo
			for _, row := range s.rows {
				f.sums.Take(row)
			}
			break
		}
		if to := min(a.replay.tree.size, f.head.LogSize); from < to {
			f.err = a.countAgain(f, from, to)
		}
	}
}

// countAgain counts entries that were looked at before.
func (a *audit) countAgain(f *flowSum, from, to int64) error {
	if from == 0 {
		a.assume(fmt.Sprintf("%s: the first %d entries were read again, to add up what the saved audit has no sums of", f.place, to))
	}
	return a.readAgain(from, to, func(c *checkedEntry) {
		if c.index < from || c.index >= to {
			return
		}
		for i := range c.header.Totals {
			f.add(c.index, c.header.Issuer, &c.header.Totals[i])
		}
	})
}

func (c *codec) savedFlow(f *savedFlow) {
	c.tuple(3)
	c.text(&f.query, maxKept)
	c.natural(&f.upTo)
	list(c, &f.rows, maxList, c.flowRow)
}

func (c *codec) flowRow(r *provenance.FlowRow) {
	c.tuple(16)
	for _, text := range []*string{
		&r.Day, &r.Hour, &r.Kind, &r.Side, &r.Origin, &r.Destination, &r.Provider, &r.Model, &r.Label, &r.Basis, &r.Direction,
	} {
		c.text(text, maxKept)
	}
	for _, sum := range []*provenance.Sum{&r.Records, &r.Tokens, &r.CacheRead, &r.CacheWrite, &r.Reasoning} {
		c.sum128(sum)
	}
}
