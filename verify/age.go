package verify

import (
	"fmt"
	"math"
	"time"
)

// tooOld is the finding on a statement whose period ends further behind the time
// of its block than policy allows, in milliseconds; nil where it does not.
// SPEC(ADM-19)
func tooOld(index, last, most int64, block time.Time) *Finding {
	oldest := block.UnixMilli() - most
	if last >= oldest {
		return nil
	}
	return NewFinding(CodeAge, fmt.Sprintf("entries[%d].statement.period", index),
		"records of "+time.UnixMilli(oldest).UTC().Format(time.RFC3339Nano)+" or later", time.UnixMilli(last).UTC().Format(time.RFC3339Nano))
}

// An ageBound is the statement of a block that may be old the soonest, where
// headers were skipped: the block is to be of no later time than latest.
type ageBound struct {
	height, latest     int64 // latest in ms
	index, last, limit int64 // of the statement
}

// noteAge keeps the tightest bound of each block.
func (r *replay) noteAge(c *checkedEntry, most int64) {
	latest := int64(math.MaxInt64)
	if c.header.Last < latest-most {
		latest = c.header.Last + most
	}
	bound := ageBound{r.now, latest, c.index, c.header.Last, most}
	if n := len(r.ages); n > 0 && r.ages[n-1].height == r.now {
		if latest < r.ages[n-1].latest {
			r.ages[n-1] = bound
		}
		return
	}
	r.ages = append(r.ages, bound)
}

// checkAges holds the bounds against times of headers, from the newest on. Times
// only grow: a header keeps the bounds of all blocks before it that allow for its
// own time, and only for the next that does not another is asked for. SPEC(VER-8)
func (a *audit) checkAges() {
	r := a.replay
	if r.aged {
		a.log.because("policy limits the age of statements, headers were skipped, and the node does not tell the heights of its entries; audit from genesis")
		return
	}
	at, back, asked := a.head.Time, int64(0), 0
	for i := len(r.ages) - 1; i >= 0; i-- {
		bound := &r.ages[i]
		if at.UnixMilli() <= bound.latest {
			continue
		}
		back += max(0, a.trust.Height-bound.height)
		if asked++; asked > maxAsked || back > maxBack {
			a.log.because(fmt.Sprintf("policy limits the age of statements, and the time of block %d was not looked at: it is too far from the trusted header; audit from genesis", bound.height))
			return
		}
		header, err := a.headers.Header(a.ctx, bound.height)
		if err != nil {
			a.log.stop(err)
			return
		}
		at = header.Time
		// What is said of heights is to hold on both sides of the block.
		r.asked[bound.height], r.asked[bound.height+1] = true, true
		if f := tooOld(bound.index, bound.last, bound.limit, at); f != nil {
			a.log.find(f)
		}
	}
}
