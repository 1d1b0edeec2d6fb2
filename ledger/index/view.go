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
// (SPEC(FLO-3)). A query that is wrong, or a sum that leaves int64, is a
// *provenance.Error; ctx ends the work early.
func (v *View) Flows(ctx context.Context, q provenance.FlowQuery) ([]provenance.FlowRow, error) {
	flows, err := provenance.NewFlows(q)
	if err != nil {
		return nil, err
	}
	for _, h := range v.covered(q.Since, q.Until) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i := range h.cells {
			if err := flows.Add(h.cells[i].provider, &h.cells[i].Cell); err != nil {
				return nil, err
			}
		}
	}
	return flows.Rows(), nil
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
