package verify

import (
	"fmt"
	"strings"

	"tokentrail/provenance"
)

// What a trace reads in records beyond their ids, parents and times.

// uncorrected is a record before any correction. One that was parsed counts
// somewhere: a correction in a cell of its own kind, which none can name.
func uncorrected(r *TracedRecord) *Corrected {
	if raw, err := r.Decoded.Encode(); err == nil {
		if c, err := NewCorrected(r.Issuer, r.Entry, raw); err == nil {
			return c
		}
	}
	return &Corrected{issuer: r.Issuer, entry: r.Entry, reversed: -1}
}

// crossingOf returns the id that both sides of a crossing have for it, and the
// name of the other side's record; nil where there is none.
func crossingOf(r *provenance.Record) (id []byte, mirror *provenance.Parent) {
	if r.Crossing == nil {
		return nil, nil
	}
	return r.Crossing.ID, r.Crossing.Mirror
}

// whatOf says in words what a record is about, beyond its kind.
func whatOf(r *provenance.Record) string {
	switch {
	case r.Correction != nil:
		return r.Correction.Action.String() + " " + shortKey(provenance.Hash(r.Correction.Record).String())
	case r.Dataset != nil:
		return joined(" ", r.Dataset.Name, r.Dataset.Version)
	case r.Evaluation != nil:
		e := r.Evaluation
		return fmt.Sprintf("%s %s on %s by %s", e.Metric, e.Value, joined(" ", e.Dataset.Name, e.Dataset.Version, e.Dataset.Split), e.Evaluator.Name)
	}
	var model, tokens string
	if r.Model != nil {
		model = joined(" ", r.Model.Name, r.Model.Version)
		if r.Model.Developer != "" {
			model += " by " + r.Model.Developer
		}
	}
	if r.Usage != nil {
		tokens = fmt.Sprintf("%s in, %s out", group(r.Usage.Input), group(r.Usage.Output))
	}
	return joined(", ", model, placesOf(r), tokens, labelOf(r.Label))
}

// joined joins the texts that are not empty.
func joined(by string, texts ...string) string {
	var out []string
	for _, s := range texts {
		if s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, by)
}

// placesOf says where the model runs and where the tokens are used.
func placesOf(r *provenance.Record) string {
	serving, using := placeOf(r.Serving), placeOf(r.Using)
	switch {
	case serving != "" && using != "":
		return serving + " → " + using
	case using != "":
		return "used in " + using
	case serving != "":
		return "in " + serving
	}
	return ""
}

// placeOf writes a place: subdivision or country, and operator.
func placeOf(p *provenance.Place) string {
	if p == nil {
		return ""
	}
	where := p.Subdivision
	if where == "" {
		where = p.Country
	}
	return joined(" ", where, p.Operator)
}

// labelOf says what the label's status is.
func labelOf(l *provenance.Label) string {
	if l == nil || l.Status < 1 || l.Status > 4 {
		return ""
	}
	return "labelled " + [...]string{"synthetic", "possibly synthetic", "suspected synthetic", "not synthetic"}[l.Status-1]
}

// samePlace reports whether two places are the same; strictly, where one says
// more than the other, they are not.
func samePlace(a, b *provenance.Place, strictly bool) bool {
	if a == nil || b == nil {
		return a == b
	}
	same := func(x, y string) bool { return x == y || !strictly && (x == "" || y == "") }
	return a.Country == b.Country && same(a.Subdivision, b.Subdivision) && same(a.Operator, b.Operator)
}

// countedTwice reports whether a transfer or consumption would count the tokens
// of a parent again. SPEC(TRC-14)
func countedTwice(child, parent *provenance.Record) bool {
	if child.Kind != provenance.Transfer && child.Kind != provenance.Consumption || child.Kind != parent.Kind || child.Relays() {
		return false
	}
	if child.Side != nil && parent.Side != nil && *child.Side != *parent.Side {
		return false
	}
	return samePlace(child.Serving, parent.Serving, true) && samePlace(child.Using, parent.Using, true)
}

// opposite reports whether one of two transfers is the exporter's and the other
// the importer's.
func opposite(a, b *provenance.Record) bool {
	return a.Side != nil && b.Side != nil && *a.Side+*b.Side == provenance.Exporter+provenance.Importer && *a.Side != *b.Side && *a.Side != provenance.Neither && *b.Side != provenance.Neither
}

// differences says in what two sides of a crossing are not the same: amounts and
// places.
func differences(a, b *provenance.Record) string {
	var out []string
	if a.Usage != nil && b.Usage != nil {
		if a.Usage.Input != b.Usage.Input {
			out = append(out, fmt.Sprintf("input %s and %s", group(a.Usage.Input), group(b.Usage.Input)))
		}
		if a.Usage.Output != b.Usage.Output {
			out = append(out, fmt.Sprintf("output %s and %s", group(a.Usage.Output), group(b.Usage.Output)))
		}
	}
	if !samePlace(a.Serving, b.Serving, false) {
		out = append(out, fmt.Sprintf("serving %s and %s", placeOf(a.Serving), placeOf(b.Serving)))
	}
	if !samePlace(a.Using, b.Using, false) {
		out = append(out, fmt.Sprintf("using %s and %s", placeOf(a.Using), placeOf(b.Using)))
	}
	return strings.Join(out, ", ")
}
