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

// amend adds an amendment that holds to what the record counts. That neither
// falls below 0 nor overflows, Corrected.Apply saw to.
func (r *TracedRecord) amend(d provenance.Sums) {
	if r.Input == nil {
		return
	}
	input, output := r.counts()
	input, output = input+d.Input, output+d.Output
	r.AmendedInput, r.AmendedOutput = &input, &output
	r.What = plain(whatOf(r))
}

// counts returns the tokens that the record counts now, where it has any; of one
// that was reversed, those before. A relay's are counted by another.
func (r *TracedRecord) counts() (input, output int64) {
	if r.AmendedInput != nil {
		return *r.AmendedInput, *r.AmendedOutput
	}
	return *r.Input, *r.Output
}

// Tokens says in words what tokens the record counts now, and from what they were
// amended; nothing where it has none. SPEC(TRC-19)
func (r *TracedRecord) Tokens() string {
	if r.Input == nil {
		return ""
	}
	amount := func(now, recorded int64, what string) string {
		s := group(now) + " " + what
		if now != recorded {
			s += " (amended from " + group(recorded) + ")"
		}
		return s
	}
	input, output := r.counts()
	return amount(input, *r.Input, "in") + ", " + amount(output, *r.Output, "out")
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
func whatOf(traced *TracedRecord) string {
	r := traced.Decoded
	switch {
	case r.Correction != nil:
		return r.Correction.Action.String() + " " + shortKey(provenance.Hash(r.Correction.Record).String())
	case r.Dataset != nil:
		return joined(" ", r.Dataset.Name, r.Dataset.Version)
	case r.Evaluation != nil:
		e := r.Evaluation
		return fmt.Sprintf("%s %s on %s by %s", e.Metric, e.Value, joined(" ", e.Dataset.Name, e.Dataset.Version, e.Dataset.Split), e.Evaluator.Name)
	}
	var model string
	if r.Model != nil {
		model = joined(" ", r.Model.Name, r.Model.Version)
		if r.Model.Developer != "" {
			model += " by " + r.Model.Developer
		}
	}
	return joined(", ", model, placesOf(r), traced.Tokens(), labelOf(r.Label))
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

// differences says in what two sides of a crossing are not the same: what they
// count, each after its own amendments, and places. SPEC(TRC-15)
func differences(one, other *TracedRecord) string {
	var out []string
	a, b := one.Decoded, other.Decoded
	if one.Input != nil && other.Input != nil {
		input, output := one.counts()
		otherInput, otherOutput := other.counts()
		if input != otherInput {
			out = append(out, fmt.Sprintf("input %s and %s", group(input), group(otherInput)))
		}
		if output != otherOutput {
			out = append(out, fmt.Sprintf("output %s and %s", group(output), group(otherOutput)))
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
