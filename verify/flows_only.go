package verify

import "tokentrail/provenance"

// onlyFlows does of an audit what the sums of flows rest on, and leaves out the rest.
// What providers said against policy is then nobody's question. SPEC(VER-94)
func (a *audit) onlyFlows() {
	a.checkFlows()
	p := a.policy
	p.Outcome, p.Reason, p.Checked = NotChecked, notReached, 0
	p.Findings, p.More, p.beyond, p.notices.kept, p.notices.more = []*Finding{}, 0, nil, nil, 0
	for _, s := range a.rep.Steps {
		if s.Outcome == NotChecked && s.Reason == notReached {
			s.Optional = true
			s.because("only the flows were asked for")
		}
	}
	a.rep.sums = a.early.flows
}

// CheckedFlows is an answer to a query that was computed again from the log.
type CheckedFlows struct {
	Origin  string
	LogSize int64 // entries that were added up
	AppHash provenance.Hash
	Query   FlowsQuery
	Rows    []provenance.FlowRow // computed: those of the node are the same
}

// CheckedFlows returns the answers to the queries of an audit of these alone, in
// order, if its report holds; else none. SPEC(VER-94)
func (r *Report) CheckedFlows() (all []CheckedFlows) {
	if r.Verdict != Holds {
		return nil
	}
	for _, f := range r.sums {
		all = append(all, CheckedFlows{f.head.Origin, f.head.LogSize, f.head.AppHash, EncodeFlowsQuery(f.query), f.sums.Rows()})
	}
	return all
}
