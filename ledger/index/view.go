package index

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// A View is the totals of the log as it was at one head. It never changes.
type View struct {
	Head ledger.Head // the log that the totals are of (SPEC(FLO-6))

	hours []*hour // ascending
	bare  []int64 // entries without records, ascending
}

// Bare returns the entries without records, acts and equivocations, from an index
// on. They must not be changed.
func (v *View) Bare(from int64) []int64 {
	at, _ := slices.BinarySearch(v.bare, from)
	return v.bare[at:]
}

// hour holds the cells of one hour, in the order in which the log first named
// them. It never changes.
type hour struct {
	hour  int64 // since the epoch
	cells []cell
}

func byHour(h *hour, at int64) int { return cmp.Compare(h.hour, at) }

// View returns the totals as they were last published.
func (t *Totals) View() *View { return t.published.Load() }

// Flows answers a query from the cells of the hours that it covers
// (SPEC(FLO-3)): at most limit rows behind the first offset, and how many there
// are in all (SPEC(FLO-7)). A query that is wrong is a *provenance.Error; ctx
// ends the work early.
//
// Rows by hour or day are added up one hour or day after another, which is
// their order, and forgotten where they are not of the page.
func (v *View) Flows(ctx context.Context, q provenance.FlowQuery, offset, limit int64) (page []provenance.FlowRow, total int64, err error) {
	page = []provenance.FlowRow{}
	hours := v.covered(q.Since, q.Until)
	for {
		part := hours[:leading(hours, q.By)]
		hours = hours[len(part):]
		flows, err := addUp(ctx, q, part)
		if err != nil {
			return nil, 0, err
		}
		all := int64(flows.Len())
		if from, most := max(0, offset-total), limit-int64(len(page)); from < all && most > 0 {
			page = append(page, flows.Page(int(from), int(most))...)
		}
		total += all
		if len(hours) == 0 {
			return page, total, nil
		}
	}
}

// leading returns how many of the first hours share rows under a grouping.
func leading(hours []*hour, by []string) int {
	span := int64(1)
	switch {
	case slices.Contains(by, "hour"):
	case slices.Contains(by, "day"):
		span = 24
	default:
		return len(hours)
	}
	n := 0
	for n < len(hours) && hours[n].hour/span == hours[0].hour/span {
		n++
	}
	return n
}

// addUp adds the cells of hours up.
func addUp(ctx context.Context, q provenance.FlowQuery, hours []*hour) (*provenance.Flows, error) {
	flows, err := provenance.NewFlows(q)
	if err != nil {
		return nil, err
	}
	for _, h := range hours {
		for i := range h.cells {
			if i%1024 == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			flows.Add(h.cells[i].provider, &h.cells[i].Cell)
		}
	}
	return flows, nil
}

// covered returns the hours from since until before until; a zero time does not
// restrict.
func (v *View) covered(since, until time.Time) []*hour {
	hours := v.hours
	if !until.IsZero() {
		end, _ := slices.BinarySearchFunc(hours, hourOf(until), byHour)
		hours = hours[:end]
	}
	if !since.IsZero() {
		start, _ := slices.BinarySearchFunc(hours, hourOf(since), byHour)
		hours = hours[start:]
	}
	return hours
}

// hourOf returns the hour that t, on a whole one, begins.
func hourOf(t time.Time) int64 { return t.Unix() / 3600 }
