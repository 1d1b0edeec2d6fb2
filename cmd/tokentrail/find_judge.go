package main

import (
	"fmt"
	"slices"
	"strings"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// Outcomes of content find. SPEC(CLI-23)
const (
	outcomeBound     = "bound"
	outcomeOther     = "another-content"
	outcomeReversed  = "reversed"
	outcomeDiffers   = "label-differs"
	outcomeRefuted   = "refuted"
	outcomeNothing   = "nothing-known"
	outcomeUncertain = "cannot-tell"
)

// A ruling is what a search comes to.
type ruling struct {
	outcome string
	exit    int
	says    string
	record  *candidate // that it is about; nil where it is about none
}

func against(outcome, says string, c *candidate) ruling {
	return ruling{outcome, exitAgainst, says, c}
}

func cannotTell(says string, c *candidate) ruling {
	return ruling{outcomeUncertain, exitCouldNot, says, c}
}

// judge decides, by the table of SPEC(CLI-23); the rows are named there.
func (l *look) judge() ruling {
	if len(l.findings) > 0 { // row 1
		return against(outcomeRefuted, "what the node says does not hold: "+l.findings[0].Error(), nil)
	}
	if _, reference, ok := labelReference(l.file); ok {
		return l.judgeNamed(reference)
	}
	c := l.first(bindsOutput, nil)
	switch {
	case c != nil && l.why != nil: // row 12
		return cannotTell("the content is that of a record on the ledger, but the file's own label cannot be read: "+l.why.Error(), c)
	case c != nil: // row 11
		return l.found(c, "no label names a record; the content itself is committed to")
	}
	if l.why != nil {
		return l.judgeUnnamed("the file's own label cannot be read")
	}
	return l.judgeUnnamed("no label names a record")
}

// judgeNamed decides about a file whose label names a record.
func (l *look) judgeNamed(reference string) ruling {
	bound := l.first(bindsOutput, nil)
	named := func(c *candidate) bool { return slices.Contains(c.by, byLabel) }
	c := l.first("", named)
	switch {
	case c == nil && l.names(named): // row 3
		return cannotTell("the label names "+reference+", whose record the node gives and nothing here could prove", nil)
	case c == nil && bound != nil: // row 4
		return cannotTell("the label names "+reference+", which the node does not know; the content is that of another record", bound)
	case c == nil:
		return l.judgeUnnamed("the label names " + reference + ", which the node does not know")
	}
	if opened := l.first(bindsOutput, named); opened != nil { // row 2
		return l.found(opened, "the label names this record, and the content is the one that it commits to")
	}
	if l.all(named, bindsOther) { // row 5
		return against(outcomeOther, "the label names this record, but the content is another than the one that it commits to", c)
	}
	switch {
	case c.node.Has(verify.MarkReversed): // row 6
		return against(outcomeReversed, "the label names this record, which its issuer has reversed", c)
	case c.binding == bindsNone && bound != nil && isParent(c, bound): // row 7
		return l.found(c, "the label names this record, which comes from one that commits to the content")
	case c.binding == bindsNone: // row 8
		return cannotTell("the label names this record, which commits to no output: nothing binds the content to it", c)
	case c.binding == bindsInput: // row 9
		return cannotTell("the label names this record, and the content is what was put in there, not what came out", c)
	case l.key == nil: // row 10
		return cannotTell("the label names this record, and whether the content is its own was not checked: its commitment is keyed and no key was given (--key)", c)
	}
	return cannotTell("the label names this record, and whether the content is its own could not be checked: the key is not that of its commitment", c) // row 10
}

// judgeUnnamed decides where no record on the ledger was found to be the
// content's.
func (l *look) judgeUnnamed(because string) ruling {
	switch c := l.first(bindsInput, nil); {
	case c != nil: // row 13
		return cannotTell(because+"; the content was put into this record's model, and who made it cannot be told", c)
	case l.more || l.unproven: // row 14
		return cannotTell(because+"; not all records that were named could be read and proven", nil)
	case l.key == nil: // row 15
		return cannotTell(because+", and no public digest is known; a keyed commitment could still be to this content, which only its key would tell (--key)", nil)
	case !l.opens: // row 16
		return cannotTell(because+", no public digest is known, and the key is of other content: what a keyed commitment could tell stays open", nil)
	}
	// row 17
	return against(outcomeNothing, because+", and neither a public digest nor the commitment under this key is known. That nothing is known is the node's word alone", nil)
}

// found is about a record that is the content's: unless it was taken back, or
// the file's label says something else. Rows 2, 7, 11.
func (l *look) found(c *candidate, says string) ruling {
	if c.node.Has(verify.MarkReversed) {
		return against(outcomeReversed, says+"; but its issuer has reversed the record", c)
	}
	if crowded(c.node) { // row 14
		return cannotTell(says+"; but not all corrections by its issuer could be read, and one of them may reverse it", c)
	}
	if differ := l.agreement(c).differing(); len(differ) > 0 {
		return against(outcomeDiffers, says+"; but the file's label does not say what the record says: "+strings.Join(differ, ", "), c)
	}
	return ruling{outcomeBound, exitOK, says, c}
}

// first returns the first proven record in the log with a binding ("" for any)
// that is as wanted. One that was reversed gives way to any other: what counted
// wrong is reversed and recorded anew (record.md REC-17).
func (l *look) first(b binding, wanted func(*candidate) bool) *candidate {
	var first *candidate
	for _, c := range l.records {
		if !c.node.Record.Proven || b != "" && c.binding != b || wanted != nil && !wanted(c) {
			continue
		}
		if first == nil || before(c.node, first.node) {
			first = c
		}
	}
	return first
}

func before(a, b *verify.GraphNode) bool {
	if taken := a.Has(verify.MarkReversed); taken != b.Has(verify.MarkReversed) {
		return !taken
	}
	return a.Record.Entry < b.Record.Entry || a.Record.Entry == b.Record.Entry && a.Record.Index < b.Record.Index
}

// names reports whether there is a record as wanted, proven or not.
func (l *look) names(wanted func(*candidate) bool) bool {
	return slices.ContainsFunc(l.records, wanted)
}

// all reports whether every record that is as wanted is proven and has a
// binding, and that there are no more of them.
func (l *look) all(wanted func(*candidate) bool, b binding) bool {
	for _, c := range l.records {
		if wanted(c) && (c.binding != b || !c.node.Record.Proven || len(c.graph.Start) >= maxShownRecords) {
			return false
		}
	}
	return true
}

// isParent reports whether a record names another as a parent.
func isParent(child, parent *candidate) bool {
	for _, p := range child.node.Record.Decoded.Parents {
		switch {
		case p.ID != nil:
			if provenance.Hash(p.ID) == parent.node.Record.ID {
				return true
			}
		case p.Issuer == parent.node.Record.Issuer && string(p.Ref) == string(parent.node.Record.Decoded.Ref):
			return true
		}
	}
	return false
}

// agreement compares the file's label with the record's.
type agreement []agreed

// An agreed is one field that both may have.
type agreed struct {
	Field  string `json:"field"`
	File   string `json:"file"`
	Record string `json:"record"`
	Agrees bool   `json:"agrees"`
}

// agreement holds the file's label against a record's. What one of them does not
// say is not compared; who spreads content writes the propagator's pair anew, so
// that neither is that.
func (l *look) agreement(c *candidate) agreement {
	r := c.node.Record.Decoded.Label
	if l.file == nil || r == nil {
		return nil
	}
	var out agreement
	add := func(field, file, record string, agrees bool) {
		if file != "" && record != "" {
			out = append(out, agreed{field, file, record, agrees})
		}
	}
	if f := l.file.AIGC; f != nil {
		add("status", aigcWord(f.Label), provenance.LabelStatus(r.Status), f.Label == fmt.Sprint(r.Status))
		add("producer", f.ContentProducer, strings.Join(nonEmpty(r.Producer, r.ProducerCode), " or "), f.ContentProducer == r.Producer || f.ContentProducer == r.ProducerCode)
		add("content id", f.ProduceID, r.ContentID, f.ProduceID == r.ContentID)
	}
	add("source type", l.file.SourceType, r.SourceType, lastSegment(l.file.SourceType) == lastSegment(r.SourceType))
	return out
}

// differing names the fields that differ.
func (a agreement) differing() []string {
	var out []string
	for _, f := range a {
		if !f.Agrees {
			out = append(out, fmt.Sprintf("%s %q, in the record %q", f.Field, f.File, f.Record))
		}
	}
	return out
}

// lastSegment is the code of a digital source type, which may be a URI.
func lastSegment(uri string) string { return uri[strings.LastIndexByte(uri, '/')+1:] }
