package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// An amount is one of the sums that an amendment can name.
type amount struct {
	name string // on the command line
	of   func(s *provenance.Sums) *int64
}

func amounts() []amount {
	return []amount{
		{"input", func(s *provenance.Sums) *int64 { return &s.Input }},
		{"output", func(s *provenance.Sums) *int64 { return &s.Output }},
		{"cache-read", func(s *provenance.Sums) *int64 { return &s.CacheRead }},
		{"cache-write", func(s *provenance.Sums) *int64 { return &s.CacheWrite }},
		{"reasoning", func(s *provenance.Sums) *int64 { return &s.Reasoning }},
		{"energy", func(s *provenance.Sums) *int64 { return &s.Energy }},
	}
}

// parseDeltas reads --amend: input=-10,output=+3.
func parseDeltas(text string) (deltas provenance.Sums, err error) {
	var given []string
	for part := range strings.SplitSeq(text, ",") {
		name, number, ok := strings.Cut(strings.TrimSpace(part), "=")
		i := slices.IndexFunc(amounts(), func(a amount) bool { return a.name == name })
		switch {
		case !ok || i < 0:
			return deltas, usagef("--amend %q: wanted NAME=DELTA, as input=-10, with commas between; names are input, output, cache-read, cache-write, reasoning (tokens) and energy (µWh)", part)
		case slices.Contains(given, name):
			return deltas, usagef("--amend: %s is there twice", name)
		case !strings.HasPrefix(number, "+") && !strings.HasPrefix(number, "-"):
			return deltas, usagef("--amend %q: wanted what is added, with its sign, as %s=+3 or %s=-3", part, name, name)
		}
		given = append(given, name)
		v, err := strconv.ParseInt(number, 10, 64)
		if err != nil || v == 0 || v == -1<<63 {
			return deltas, usagef("--amend %q: wanted a whole number that is not 0, as %s=+3 or %s=-3", part, name, name)
		}
		*amounts()[i].of(&deltas) = v
	}
	return deltas, nil
}

// checkAmended says why a record that counts as left cannot be amended so. It
// returns what it then counts as. SPEC(CLI-12)
func checkAmended(r *provenance.Record, left, deltas provenance.Sums) (provenance.Sums, error) {
	tokens := deltas
	tokens.Energy = 0
	switch {
	case tokens != provenance.Sums{} && r.Kind > provenance.Consumption:
		return left, fmt.Errorf("a %s counts no tokens: only its energy can be amended", r.Kind)
	case tokens != provenance.Sums{} && r.Relays():
		return left, fmt.Errorf("the record is a relay, whose tokens another record counts: amend that one")
	case deltas.Energy != 0 && r.Energy == nil:
		return left, fmt.Errorf("the record gives no energy, nor how it was measured: reverse it and record it anew")
	}
	after := left
	for _, a := range amounts() {
		was, delta := *a.of(&left), *a.of(&deltas)
		switch { // was is not negative
		case delta > 0 && was > 1<<63-1-delta:
			return left, fmt.Errorf("%s: %d and %d go beyond 64 bits, signed", a.name, was, delta)
		case was+delta < 0:
			return left, fmt.Errorf("%s: it counts as %d, %d cannot be taken from it", a.name, was, -delta)
		}
		*a.of(&after) = was + delta
	}
	// REC-5 holds for a record; what it is amended to says no less.
	switch {
	case after.CacheRead > after.Input || after.CacheWrite > after.Input-after.CacheRead:
		return left, fmt.Errorf("cache read %d and write %d would be more than input %d: amend them together", after.CacheRead, after.CacheWrite, after.Input)
	case after.Reasoning > after.Output:
		return left, fmt.Errorf("reasoning %d would be more than output %d: amend them together", after.Reasoning, after.Output)
	}
	return after, nil
}

// negated returns the sums with the other sign; none is negative.
func negated(s provenance.Sums) provenance.Sums {
	return provenance.Sums{Records: -s.Records, Input: -s.Input, Output: -s.Output, CacheRead: -s.CacheRead,
		CacheWrite: -s.CacheWrite, Reasoning: -s.Reasoning, Energy: -s.Energy}
}

// parseReason reads --reason: the words of a correction's reason, with hyphens.
func parseReason(text string) (int64, error) {
	words := intake.Words("Correction.Reason")
	if i := slices.Index(words, strings.ReplaceAll(text, "-", " ")); i >= 0 {
		return int64(i) + 1, nil
	}
	return 0, usagef("--reason %q: wanted one of %s", text, strings.Join(reasons(), ", "))
}

// reasons are the words of --reason.
func reasons() []string {
	words := intake.Words("Correction.Reason")
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, " ", "-")
	}
	return words
}
