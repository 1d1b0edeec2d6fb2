package main

import (
	"cmp"
	"fmt"
	"slices"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/inspect"
	"tokentrail/verify/profile"
)

// labelled judges the label in the record, that in the file, and both against each
// other. SPEC(VER-98)
func (c *contentCheck) labelled(of *candidate, e *verify.Exhibit) {
	c.Begin(stepLabel, 1)
	for _, f := range c.agreement(of) {
		if !f.Agrees {
			c.Find(stepLabel, verify.FileFinding(verify.CodeFileLabel, "file.label."+f.Field, f.Record+", as the record says", f.File))
		}
	}
	if err := c.recordLabel(of, e); err != nil {
		c.Because(stepLabel, err.Error())
	}
	if err := c.fileLabel(of); err != nil {
		c.Because(stepLabel, err.Error())
	}
}

// recordLabel inspects the record alone, for what an inspection says of labels.
// SPEC(VER-71), SPEC(VER-72)
func (c *contentCheck) recordLabel(of *candidate, e *verify.Exhibit) error {
	in, err := inspect.New(inspect.Options{Profiles: c.profileIDs()})
	if err != nil {
		return err
	}
	statement, err := provenance.ParseStatement(e.Entry)
	if err != nil {
		return err
	}
	proof, err := provenance.ParseRecordProof(e.Records[0])
	if err != nil {
		return err
	}
	r := of.node.Record
	records := make([][]byte, r.Index+1) // nothing is looked at of the others
	records[r.Index] = proof.Record
	in.Take(in.Look(&verify.Judged{Entry: r.Entry, Statement: statement, Records: records, Policy: &provenance.Policy{}}))
	for _, f := range in.Conclude(0, r.Entry+1).Findings {
		if slices.Contains([]verify.Code{verify.CodeLabelMissing, verify.CodeLabelFails, verify.CodeLabelCode, verify.CodeLabelContradicts}, f.Code) {
			c.Find(stepLabel, f)
		}
	}
	return nil
}

// profileIDs are those that the auditor named; nil for those that are due.
func (c *contentCheck) profileIDs() []string {
	if !slices.Equal(c.profiles, []string{"all"}) {
		return c.profiles
	}
	var all []string
	for _, p := range profile.All() {
		all = append(all, p.ID)
	}
	return all
}

// fileLabel holds the file to what due profiles demand of a file and its label; what
// they demand of the record, recordLabel has looked at. SPEC(VER-98)
func (c *contentCheck) fileLabel(of *candidate) error {
	record := of.node.Record
	subject := profile.Subject{Record: record.Decoded, Issuer: record.Issuer, File: c.file, FileError: cmp.Or(c.other, c.why), At: record.Decoded.Time}
	switch of.binding {
	case bindsOutput:
		subject.Commitment = new(true)
	case bindsOther:
		subject.Commitment = new(false)
	}
	o := inspect.Options{Profiles: c.profileIDs()}
	using := cmp.Or(record.Decoded.Using, &provenance.Place{})
	var gap error
	for _, p := range profile.All() {
		if o.Profiles != nil && !slices.Contains(o.Profiles, p.ID) {
			continue
		}
		due, known := o.DueIn(&p, using)
		named := o.Profiles != nil
		switch {
		case !known && !named:
			gap = cmp.Or(gap, fmt.Errorf("whether %s is due is not known: the record does not say where in %s the content is used", p.ID, using.Country))
		case due || named:
			gap = cmp.Or(gap, c.holdFile(&p, subject))
		}
	}
	return gap
}

// holdFile holds the file to one profile. The error says what was not looked at.
func (c *contentCheck) holdFile(p *profile.Profile, s profile.Subject) (gap error) {
	for _, rule := range profile.Check(p, s).Rules {
		if rule.Of == profile.OfRecord || rule.Severity != profile.Must {
			continue
		}
		switch rule.Outcome {
		case profile.Failed:
			c.Find(stepLabel, verify.FileFinding(verify.CodeFileLabel, "file.label", fmt.Sprintf("%s (%s): %s", rule.ID, rule.Clause, rule.Says), cmp.Or(rule.Reason, "it does not")))
		case profile.NotChecked:
			gap = cmp.Or(gap, fmt.Errorf("%s (%s) of %s: %s", rule.ID, rule.Clause, p.ID, rule.Reason))
		}
	}
	return gap
}
