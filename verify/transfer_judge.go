package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tokentrail/provenance"
)

// judge says what became of the other side, of the corrections, and of the crossing.
// SPEC(VER-96)
func (c *transferCheck) judge(asked *crossedRecord) {
	gap := c.corrected()
	missing, why := c.otherSide(asked)
	alone := len(c.sides.members) == 1
	switch {
	case c.unproven:
		c.Because(stepCrossing, "the other side is not proven, see the step mirror")
		return
	case why != "":
		c.Because(stepMirror, why)
		c.Because(stepCrossing, "nothing was found to hold the record against, see the step mirror")
		return
	case alone:
		c.Leave(stepMirror, "there is none to prove: "+missing)
	}
	if c.step(stepCorrections).Reason != "" {
		gap = cmp.Or(gap, "not all that was asked for could be looked up, see the step corrections")
	}
	switch {
	case gap != "" || c.lied:
		c.Because(stepCrossing, "what each side counts is not known: "+cmp.Or(gap, "an answer of the node did not hold"))
	case c.inspector == nil:
		c.Because(stepCrossing, "nobody gave what pairs both sides")
	default:
		c.pair(asked, missing)
	}
}

// corrected holds the members' corrections to what they can be, and says why they are
// not all known; empty where they are. SPEC(VER-23)
func (c *transferCheck) corrected() (gap string) {
	for _, m := range c.sides.members {
		switch {
		case m.node == nil || !m.node.Record.Proven:
			gap = "corrections of record " + m.id.String() + " were not found with it"
		case m.node.Cut != nil && m.node.Cut.Corrections:
			gap = fmt.Sprintf("record %s has more than %d corrections by its issuer, or not all could be read", m.id, maxCorrectionsRead)
		}
		for _, by := range c.correctionsOf(m) {
			c.Begin(stepCorrections, 1)
			why, disputed := m.disputes(by)
			switch {
			case !by.node.Record.Proven:
				gap = fmt.Sprintf("the correction %s of record %s is not proven", by.id, m.id)
			case disputed:
				c.Find(stepCorrections, ProviderFinding(by.issuer, CodeCorrection, by.place(), "a correction that holds for record "+m.id.String(), why))
			}
		}
	}
	if gap != "" {
		c.Because(stepCorrections, gap)
	}
	return gap
}

// correctionsOf are the issuer's own corrections of a record, in the order of the log.
func (c *transferCheck) correctionsOf(of *crossedRecord) (all []*crossedRecord) {
	for _, r := range c.sides.known {
		if r.node != nil && r.record.Correction != nil && r.issuer == of.issuer && provenance.Hash(r.record.Correction.Record) == of.id {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, byPlace)
	return all
}

// disputes reports whether a correction changes nothing of the record, and why.
func (r *crossedRecord) disputes(by *crossedRecord) (why string, disputed bool) {
	for _, m := range r.node.Marks {
		if m.Name == MarkDisputed && slices.Contains(m.By, by.id.String()) {
			return m.Says, true
		}
	}
	return "", false
}

// place is where the record stands in the log.
func (r *crossedRecord) place() string {
	return fmt.Sprintf("entries[%d].records[%d]", r.entry, r.index)
}

// byID ends what is said where only a crossing id can join both sides.
const byID = "a crossing id, by which no node finds the other side: name that (--mirror), or hold all crossings against each other (tokentrail mirror)"

// otherSide says what is missing where the record names another side that is not
// there, or why no other side is known; nothing where one is. SPEC(VER-96)
func (c *transferCheck) otherSide(asked *crossedRecord) (missing, why string) {
	id, mirror := crossingOf(asked.record)
	switch {
	case c.what.Mirror != nil:
		return "", c.wrongMirror(asked)
	case len(c.sides.members) > 1 || c.unproven:
		return "", ""
	case mirror == nil && len(id) > 0:
		return "", "the record gives no mirror, but " + byID
	case mirror == nil:
		return "", "the record names no other side: name it (--mirror), if it names this one"
	case c.lied || c.step(stepCorrections).Reason != "":
		return "", "whether there is the record that it names is not known, see the step corrections"
	}
	q := parentQuery(*mirror)
	missing, known := c.missing(asked, q)
	switch {
	case len(id) > 0:
		return "", missing + "; but it gives " + byID
	case !known || q.ID == nil:
		return "", missing + "; whether the ledger has another, a look-up does not prove: hold all crossings against each other (tokentrail mirror)"
	}
	return missing, ""
}

// missing says what there is in the place of the record that another names, and
// whether there is anything: that there is not, is the node's word.
func (c *transferCheck) missing(asked *crossedRecord, q provenance.RecordQuery) (what string, known bool) {
	if slices.Contains(asked.owns(), nameOf(q)) {
		return "the record names itself", true
	}
	if found := c.sides.answers(q); len(found) > 0 {
		return fmt.Sprintf("record %s, which it names, is %s", found[0].id, noSide(found[0].record)), true
	}
	return "the node knows no record " + keyOf(q) + ", which it names", false
}

// wrongMirror says what is wrong with the record that the auditor named as the other
// side; nothing where it is.
func (c *transferCheck) wrongMirror(asked *crossedRecord) string {
	for _, r := range c.named {
		switch {
		case r == asked:
			return "the record that was named is the record itself"
		case r.joined:
			return ""
		}
	}
	switch {
	case c.lied || c.step(stepCorrections).Reason != "":
		return "not all that was asked for could be looked up, see the step corrections"
	case len(c.named) == 0:
		return "the node knows no record " + keyOf(*c.what.Mirror) + "; whether there is one, that does not say"
	case noSide(c.named[0].record) != "":
		return "the record that was named is " + noSide(c.named[0].record)
	}
	return "the record that was named is not the other side: neither record names the other, nor do they give one crossing id"
}

// pair holds the members against each other, as an inspection of the log does that has
// nothing but them and their corrections. SPEC(VER-77), SPEC(VER-78)
func (c *transferCheck) pair(asked *crossedRecord, missing string) {
	last := int64(0)
	for _, j := range c.judged() {
		c.inspector.Take(c.inspector.Look(j))
		last = j.Entry + 1
	}
	found := c.inspector.Conclude(0, last)
	c.Begin(stepCrossing, int64(len(c.sides.members)))
	c.Covers(found.Coverage)
	for _, f := range found.Findings {
		if f.Code == CodeMirrorMissing {
			if missing == "" {
				continue // one was reversed, which is told below
			}
			f.Want, f.Got = "the other side's record, which it names as its mirror", missing
		}
		c.Find(stepCrossing, f)
	}
	if found.Reason != "" {
		c.Because(stepCrossing, found.Reason)
	}
	// SPEC(VER-96): in its place another may stand, which nothing here names.
	if gone, left := c.reversed(); left < 2 && len(gone) > 0 {
		were := " was"
		if len(gone) > 1 {
			were = " were"
		}
		c.Because(stepCrossing, strings.Join(gone, " and ")+were+" reversed, and what is left is no pair; what was recorded in its place is to be named (--mirror)")
	}
}

// reversed are the members that their issuers reversed, and how many are left.
func (c *transferCheck) reversed() (gone []string, left int) {
	for _, m := range c.sides.members {
		if m.reversed() {
			gone = append(gone, m.place()+" of "+m.issuer)
		}
	}
	return gone, len(c.sides.members) - len(gone)
}

func (r *crossedRecord) reversed() bool { return r.node != nil && r.node.Has(MarkReversed) }

// judged are the members and the corrections that hold, as an inspection sees a log: in
// the place of all other records there is nothing.
func (c *transferCheck) judged() (all []*Judged) {
	var records []*crossedRecord
	for _, m := range c.sides.members {
		records = append(records, m)
		for _, by := range c.correctionsOf(m) {
			if _, disputed := m.disputes(by); !disputed {
				records = append(records, by)
			}
		}
	}
	slices.SortFunc(records, byPlace)
	for _, r := range slices.CompactFunc(records, func(a, b *crossedRecord) bool { return a == b }) {
		raw, statement := r.raw, r.statement
		if raw == nil {
			statement = r.node.Record.statement
			raw, _ = r.record.Encode() // of a correction, which was decoded from its bytes
		}
		if n := len(all); n == 0 || all[n-1].Entry != r.entry {
			all = append(all, &Judged{Entry: r.entry, Statement: statement, Policy: &provenance.Policy{}})
		}
		j := all[len(all)-1]
		for int64(len(j.Records)) < r.index {
			j.Records = append(j.Records, nil)
		}
		j.Records = append(j.Records, raw)
	}
	return all
}
