package verify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"tokentrail/provenance"
)

// A flowSum is a query, the node's answer, and the same sum made from the log.
//
// The node answers before the log is read, and for as many rows as it likes. Of
// its answer only the first page is kept in rows, of the later ones a hash.
type flowSum struct {
	place string
	query provenance.FlowQuery
	sums  *provenance.Flows
	err   error // why there is no answer, or a *Finding about it

	head  FlowsAnswer // the first page
	later []flowsHash
}

// flowsHash stands for a page of an answer.
type flowsHash struct {
	rows int // how many
	hash provenance.Hash
}

// ask reads all pages of the answer, beginning again where the log grows in
// between (SPEC(FLO-7), SPEC(VER-17)).
func (f *flowSum) ask(ctx context.Context, src Source) error {
	for range flowsTries {
		if whole, err := f.askPages(ctx, src); whole || err != nil {
			return err
		}
	}
	return fmt.Errorf("the log grew while the %d rows of the answer were read, %d times in a row; ask for fewer rows: less time, or fewer groups",
		f.head.TotalRows, flowsTries)
}

// askPages reads the pages of one log; whole is false where it grew.
func (f *flowSum) askPages(ctx context.Context, src Source) (whole bool, err error) {
	f.later = nil
	for offset := int64(0); ; offset += flowsPage {
		page, err := src.Flows(ctx, f.query, FlowsPage{offset, flowsPage, f.head.LogSize})
		switch {
		case err != nil:
			return false, err
		case page.LogSize < 0 || page.TotalRows < 0:
			return false, fmt.Errorf("%w: a log of %d entries with %d rows", ErrAnswer, page.LogSize, page.TotalRows)
		case len(page.Rows) > flowsPage:
			return false, fmt.Errorf("%w: %d rows, asked for %d", ErrAnswer, len(page.Rows), flowsPage)
		case offset == 0:
			f.head = *page
		case page.LogSize != f.head.LogSize:
			return false, nil
		default:
			if err := f.sameHead(offset, page); err != nil {
				return false, err
			}
			f.later = append(f.later, flowsHash{len(page.Rows), hashRows(page.Rows)})
		}
		// A page that is short of rows is the node's last, whatever else it says.
		if len(page.Rows) < flowsPage || offset+flowsPage >= f.head.TotalRows {
			return true, nil
		}
	}
}

// sameHead holds a later page against the first one.
func (f *flowSum) sameHead(offset int64, page *FlowsAnswer) error {
	place := fmt.Sprintf("%s, offset %d", f.place, offset)
	// SPEC(FLO-7)
	switch {
	case page.Origin != f.head.Origin:
		return NewFinding(CodeFlowsHead, place+", origin", f.head.Origin, page.Origin)
	case page.AppHash != f.head.AppHash:
		return NewFinding(CodeFlowsHead, place+", app_hash", f.head.AppHash.String(), page.AppHash.String())
	case !page.Query.repeats(f.query):
		return NewFinding(CodeFlowsHead, place+", query", fmt.Sprintf("%+v", f.query), fmt.Sprintf("%+v", page.Query))
	case page.TotalRows != f.head.TotalRows:
		return NewFinding(CodeFlows, place+", total_rows", fmt.Sprint(f.head.TotalRows), fmt.Sprint(page.TotalRows))
	}
	return nil
}

// hashRows hashes rows, one JSON line each.
func hashRows(rows []provenance.FlowRow) provenance.Hash {
	h := sha256.New()
	lines := json.NewEncoder(h)
	for i := range rows {
		_ = lines.Encode(&rows[i]) // texts and integers, into memory: neither fails
	}
	return provenance.Hash(h.Sum(nil))
}

// add counts a cell, if it belongs to the log of the size the answer names.
func (f *flowSum) add(index int64, provider string, c *provenance.Cell) {
	if f.err == nil && index < f.head.LogSize {
		f.sums.Add(provider, c)
	}
}

// checkFlows holds the node's sums against those made from the log. SPEC(VER-17)
func (a *audit) checkFlows() {
	s := a.flows
	if a.ours == nil {
		s.because("no log of our own that a trusted header covers")
		return
	}
	s.begin()
	for _, f := range a.early.flows {
		if err := a.checkFlow(f); err != nil {
			s.stop(err)
		}
		s.Checked++
	}
}

func (a *audit) checkFlow(f *flowSum) error {
	if f.err != nil {
		return fmt.Errorf("%s: %w", f.place, f.err)
	}
	// SPEC(FLO-6)
	switch {
	case f.head.Origin != a.origin:
		return NewFinding(CodeFlowsHead, f.place+".origin", a.origin, f.head.Origin)
	case f.head.LogSize > a.ours.Size:
		return NewFinding(CodeFlowsHead, f.place+".log_size", fmt.Sprintf("at most %d entries: more are not under a header", a.ours.Size), fmt.Sprint(f.head.LogSize))
	case !f.head.Query.repeats(f.query):
		return NewFinding(CodeFlowsHead, f.place+".query", fmt.Sprintf("%+v", f.query), fmt.Sprintf("%+v", f.head.Query))
	}
	want, known := a.replay.appAt(f.head.LogSize)
	if mark := a.replay.marks[f.head.LogSize]; mark != nil {
		want, known = mark.AppHash(), true
	}
	if !known && a.replay.unknowable() {
		return fmt.Errorf("%s: the answer is of %d entries, which the saved audit had passed, and the node does not tell the heights of its entries, so that the app hash of then is not known; ask again", f.place, f.head.LogSize)
	}
	if !known {
		return NewFinding(CodeFlowsHead, f.place+".log_size", "a size that the log had behind a block", fmt.Sprint(f.head.LogSize))
	}
	if want != f.head.AppHash {
		return NewFinding(CodeFlowsHead, f.place+".app_hash", want.String(), f.head.AppHash.String())
	}
	return f.compare()
}

// compare holds the node's rows against ours, page by page.
func (f *flowSum) compare() error {
	ours := f.sums.Page(0, max(flowsPage, len(f.head.Rows)))
	for i := range min(len(ours), len(f.head.Rows)) {
		// SPEC(FLO-1), SPEC(FLO-2), SPEC(FLO-5)
		if ours[i] != f.head.Rows[i] {
			return NewFinding(CodeFlows, fmt.Sprintf("%s.rows[%d]", f.place, i), fmt.Sprintf("%+v", ours[i]), fmt.Sprintf("%+v", f.head.Rows[i]))
		}
	}
	got := len(f.head.Rows)
	for _, page := range f.later {
		ours := f.sums.Page(got, page.rows)
		if want := hashRows(ours); len(ours) == page.rows && want != page.hash {
			return NewFinding(CodeFlows, fmt.Sprintf("%s.rows[%d:%d]", f.place, got, got+page.rows),
				fmt.Sprintf("rows from %+v on, as JSON lines with SHA-256 %s", ours[0], want), page.hash.String())
		}
		got += page.rows
	}
	// SPEC(FLO-7)
	if want := f.sums.Len(); want != got {
		return NewFinding(CodeFlows, f.place+".rows", fmt.Sprintf("%d rows", want), fmt.Sprint(got))
	}
	if want := int64(f.sums.Len()); want != f.head.TotalRows {
		return NewFinding(CodeFlows, f.place+".total_rows", fmt.Sprint(want), fmt.Sprint(f.head.TotalRows))
	}
	return nil
}
