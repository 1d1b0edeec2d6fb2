package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tokentrail/verify"
)

// everything is the step that all others follow from: where the log cannot be read,
// nothing can be checked.
const everything = "log"

// An unseen is a step that could not be carried through, and why.
type unseen struct{ step, why string }

// unchecked returns the steps that were asked for and could not be carried through, in
// order.
func unchecked(r *verify.Report) (left []unseen) {
	for _, s := range r.Steps {
		if s.Outcome == verify.NotChecked && !s.Optional {
			left = append(left, unseen{s.Name, s.Name + ": " + s.Reason})
		}
	}
	return left
}

// cannot notes what cannot be checked, and returns why of the first that was not among it
// before; empty where there is none, or where nothing could be checked before.
func (t *toldFindings) cannot(left []unseen) (why string) {
	told := t.Blind[everything]
	for _, u := range left {
		if !told && why == "" && !t.Blind[u.step] {
			why = u.why
		}
		t.Blind[u.step] = true
	}
	return why
}

// can forgets what could not be checked and now could, and returns it.
func (t *toldFindings) can(left []unseen) (back []string) {
	for _, step := range slices.Sorted(maps.Keys(t.Blind)) {
		if !slices.ContainsFunc(left, func(u unseen) bool { return u.step == step }) {
			delete(t.Blind, step)
			back = append(back, step)
		}
	}
	return back
}

// cannot tells what cannot be checked and could be before. SPEC(VER-81)
func (w *watcher) cannot(v verify.Verdict, left []unseen, since time.Time) {
	if len(left) == 0 {
		return
	}
	w.health.cannot(left[0].why)
	if w.blind.IsZero() {
		w.blind = since
	}
	if why := w.told.cannot(left); why != "" {
		w.tell(w.event(eventBlind, v, why))
		w.remembered()
	}
}

// can takes a round that checked all but what is left, and tells what could be checked
// again. SPEC(VER-81)
func (w *watcher) can(r round, left []unseen) {
	back, says := w.told.can(left), "all"
	if len(left) > 0 {
		says = strings.Join(back, ", ")
	} else {
		w.health.good(w.now(), w.between(r)+r.took)
		w.metrics.success.Set(seconds(w.now()))
	}
	if says += " can be checked again"; !w.blind.IsZero() {
		says += fmt.Sprintf(", after %s", w.now().Sub(w.blind).Round(time.Second))
	}
	if len(left) == 0 {
		w.blind = time.Time{}
	}
	if len(back) > 0 {
		w.tell(w.event(eventRecovered, r.report.Verdict, says))
		w.remembered()
	}
}
