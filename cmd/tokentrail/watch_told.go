package main

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"tokentrail/verify"
)

// A toldFinding is a finding that was told, and when.
type toldFinding struct {
	Step    string          `json:"step"`
	Finding *verify.Finding `json:"finding"`
	When    string          `json:"when"` // RFC 3339
}

// toldFindings are what a watch has told and what still stands, so that nothing is
// told in every round. The goroutine of the rounds owns it. SPEC(VER-81)
type toldFindings struct {
	Format int                    `json:"format"`
	Told   map[string]toldFinding `json:"told"`
	More   map[string]int64       `json:"more"`      // beyond those that a report keeps, by step
	Blind  map[string]bool        `json:"unchecked"` // steps that cannot be checked, of which one was told
	Owed   bool                   `json:"owed"`      // evidence of a fork that was told could not be written

	path string // empty: in memory
}

func newToldFindings() *toldFindings {
	return &toldFindings{Format: outputFormat, Told: map[string]toldFinding{}, More: map[string]int64{}, Blind: map[string]bool{}}
}

// placed are the steps that look at each thing once, or at the same things each time:
// of their findings each place is told. Others draw samples, or see whatever the newest
// head has: of those the code is told, once for each provider.
var placed = map[string]bool{"genesis": true, "log": true, "policy": true, "corrections": true, "status": true, "witnesses": true}

// numberless are those of them whose places have numbers that change each time: heights,
// or whatever a lying node's document has.
var numberless = map[string]bool{"genesis": true, "witnesses": true}

var numbered = regexp.MustCompile(`\[[0-9]+\]`)

// toldKey is what makes a finding the same one in another round. Amounts do not: they
// change as a log grows.
func toldKey(step string, f *verify.Finding) string {
	place := ""
	if placed[step] {
		place = f.Place
	}
	if numberless[step] {
		place = numbered.ReplaceAllString(place, "[]")
	}
	return strings.Join([]string{step, string(f.Code), string(f.Against), f.Provider, place}, "\x00")
}

// news takes what a round found, and returns what was not told before, how many more
// there are now, and what was told and is gone: findings of steps that passed.
func (t *toldFindings) news(r *verify.Report, now time.Time) (fresh []*verify.Finding, more int64, gone []toldFinding) {
	for _, s := range r.Steps {
		for _, f := range s.Findings {
			key := toldKey(s.Name, f)
			if _, told := t.Told[key]; !told {
				t.Told[key] = toldFinding{s.Name, shortened(f), now.UTC().Format(time.RFC3339)}
				fresh = append(fresh, f)
			}
		}
		more += max(0, s.More-t.More[s.Name])
		t.More[s.Name] = max(t.More[s.Name], s.More)
		if s.Outcome == verify.Passed {
			gone = append(gone, t.forget(s.Name)...)
		}
	}
	return fresh, more, gone
}

// forget takes out what was told of a step.
func (t *toldFindings) forget(step string) (gone []toldFinding) {
	for key, f := range t.Told {
		if f.Step == step {
			gone = append(gone, f)
			delete(t.Told, key)
		}
	}
	delete(t.More, step)
	slices.SortFunc(gone, func(a, b toldFinding) int {
		return strings.Compare(a.Finding.Error(), b.Finding.Error())
	})
	return gone
}
