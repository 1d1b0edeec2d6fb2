package intake

import (
	"net/netip"
	"strconv"
	"strings"

	"tokentrail/provenance"
)

// Personal looks through the texts of a record for what looks like an e-mail or
// network address, which no record may hold (SPEC(PRV-1)). It returns the field's
// path and what it looks like; both are empty where nothing was found. It knows
// forms, not people: what it lets pass may still be personal data.
func Personal(r *provenance.Record) (path, what string) {
	eachText(r, func(at, text string) bool {
		if what = personalForm(text); what != "" {
			path = at
		}
		return what == ""
	})
	return path, what
}

// personalForm says what a text looks like; empty where it looks like nothing.
func personalForm(text string) string {
	if !strings.ContainsAny(text, "@.:") {
		return ""
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;/()<>\"'=[]", r) }) {
		name, host, at := strings.Cut(word, "@")
		if at && name != "" && strings.Contains(strings.Trim(host, "."), ".") {
			return "an e-mail address"
		}
		// A version such as 1.2.3 is no address; one of four numbers is taken for it.
		if a, err := netip.ParseAddr(word); err == nil && (a.Is4() || strings.Count(word, ":") > 2) {
			return "a network address"
		}
	}
	return ""
}

// eachText yields the texts that a provider fills in, until yield says stop.
func eachText(r *provenance.Record, yield func(path, text string) bool) {
	more := true
	say := func(path, text string) { more = more && (text == "" || yield(path, text)) }
	say("ref", string(r.Ref))
	if l := r.Links; l != nil {
		say("links.response", l.Response)
		say("links.generation", l.Generation)
		say("links.a2a-task", l.A2ATask)
		say("links.a2a-context", l.A2AContext)
		say("links.mcp-request", l.MCPRequest)
	}
	if m := r.Model; m != nil {
		say("model.name", m.Name)
		say("model.developer", m.Developer)
	}
	for name, p := range map[string]*provenance.Place{"serving": r.Serving, "using": r.Using} {
		if p != nil {
			say(name+".operator", p.Operator)
		}
	}
	for i := range r.Basis {
		say(at("basis", i)+".reference", r.Basis[i].Reference)
	}
	if l := r.Label; l != nil {
		say("label.producer", l.Producer)
		say("label.system", l.System)
		say("label.content-id", l.ContentID)
		say("label.propagator", l.Propagator)
		say("label.propagate-id", l.PropagateID)
	}
	if d := r.Dataset; d != nil {
		say("dataset.name", d.Name)
		for i := range d.Sources {
			say(at("dataset.sources", i)+".reference", d.Sources[i].Reference)
		}
	}
	if e := r.Evaluation; e != nil {
		say("evaluation.evaluator.name", e.Evaluator.Name)
		say("evaluation.evaluator.statement", e.Evaluator.Statement)
	}
	if c := r.Correction; c != nil {
		say("correction.note", c.Note)
	}
}

func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
