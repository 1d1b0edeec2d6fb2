package inspect

import (
	"cmp"
	"maps"
	"slices"

	"tokentrail/verify"
)

// others is the name of the rows that are summed in one.
const others = "*"

// labelGroup, basisGroup name rows of the coverage.
type (
	labelGroup struct{ profile, provider, model, destination string }
	basisGroup struct{ provider, from, to string }
)

// labelCounts are numbers of records by class.
type labelCounts [labelClasses]int64

// sums are counted in a statement by whoever looks at it, and in all by who takes.
type sums struct {
	labels   map[labelGroup]*labelCounts
	bases    map[basisGroup]*verify.BasisCoverage
	energies map[string]*verify.EnergyCoverage
	rules    []verify.RuleCoverage // in the order of the file
}

func newSums(r *Rules) *sums {
	s := &sums{}
	if r != nil {
		s.rules = make([]verify.RuleCoverage, len(r.list))
		for i := range r.list {
			s.rules[i].ID, s.rules[i].Says = r.list[i].ID, r.list[i].Says
		}
	}
	return s
}

// row returns the row of a group, or that of the others where there are too many.
func row[K comparable, V any](rows *map[K]*V, group, rest K) *V {
	if v := (*rows)[group]; v != nil {
		return v
	}
	if *rows == nil {
		*rows = map[K]*V{}
	}
	summed := (*rows)[rest]
	full := len(*rows) >= maxRows
	if summed != nil {
		full = len(*rows) > maxRows
	}
	switch {
	case full && summed != nil:
		return summed
	case full:
		group = rest
	}
	v := new(V)
	(*rows)[group] = v
	return v
}

func (s *sums) label(group labelGroup, class labelClass) { s.labelRow(group)[class]++ }

func (s *sums) labelRow(group labelGroup) *labelCounts {
	return row(&s.labels, group, labelGroup{others, others, others, others})
}

func (s *sums) basis(group basisGroup) *verify.BasisCoverage {
	return row(&s.bases, group, basisGroup{others, others, others})
}

func (s *sums) energy(provider string) *verify.EnergyCoverage {
	return row(&s.energies, provider, others)
}

// rule returns the row of a rule, of as many as there are.
func (s *sums) rule(i, of int) *verify.RuleCoverage {
	if s.rules == nil {
		s.rules = make([]verify.RuleCoverage, of)
	}
	return &s.rules[i]
}

// add adds those of a statement. Where there is no room for all, it is the order that
// says for which: so it is that of the log, and by name within a statement.
func (s *sums) add(t *sums) {
	for _, group := range slices.SortedFunc(maps.Keys(t.labels), compareLabels) {
		into := s.labelRow(group)
		for class, n := range t.labels[group] {
			into[class] += n
		}
	}
	for _, group := range slices.SortedFunc(maps.Keys(t.bases), compareBases) {
		into, b := s.basis(group), t.bases[group]
		into.With += b.With
		into.Missing += b.Missing
		into.Expired += b.Expired
		into.Unknown += b.Unknown
		into.Free += b.Free
	}
	for provider, e := range t.energies {
		into := s.energy(provider)
		into.With += e.With
		into.Without += e.Without
		into.Judged += e.Judged
		into.Impossible += e.Impossible
		into.Above += e.Above
		into.Boundary += e.Boundary
	}
	for i := range t.rules {
		into, from := s.rule(i, len(t.rules)), &t.rules[i]
		into.Asked += from.Asked
		into.Broken += from.Broken
		into.Errors += from.Errors
		if into.First == "" {
			into.First = from.First
		}
	}
}

// coverage makes the report's tables, sorted.
func (s *sums) coverage(records int64) *verify.Coverage {
	c := &verify.Coverage{Records: records, Rules: s.rules}
	for _, group := range slices.SortedFunc(maps.Keys(s.labels), compareLabels) {
		n := s.labels[group]
		row := verify.LabelCoverage{
			Profile: group.profile, Provider: group.provider, Model: group.model, Destination: group.destination,
			Labelled: n[labelled], Unlabelled: n[unlabelled], Failed: n[failed], Unknown: n[unknown], Out: n[out],
		}
		if all := row.Labelled + row.Unlabelled + row.Failed; all > 0 {
			row.UnlabelledShare, row.FailedShare = millionths(row.Unlabelled, all), millionths(row.Failed, all)
		}
		c.Labels = append(c.Labels, row)
	}
	for _, group := range slices.SortedFunc(maps.Keys(s.bases), compareBases) {
		row := *s.bases[group]
		row.Provider, row.From, row.To = group.provider, group.from, group.to
		c.Basis = append(c.Basis, row)
	}
	for _, provider := range slices.Sorted(maps.Keys(s.energies)) {
		row := *s.energies[provider]
		row.Provider = provider
		c.Energy = append(c.Energy, row)
	}
	return c
}

// millionths is n of all, in parts per million.
func millionths(n, all int64) int64 { return int64(float64(n) * 1e6 / float64(all)) }

func compareLabels(a, b labelGroup) int {
	return cmp.Or(cmp.Compare(a.profile, b.profile), cmp.Compare(a.provider, b.provider), cmp.Compare(a.model, b.model), cmp.Compare(a.destination, b.destination))
}

func compareBases(a, b basisGroup) int {
	return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
}
