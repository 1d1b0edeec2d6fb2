package main

import (
	"tokentrail/spec"
	"tokentrail/verify"
)

// Forms of reports beside text and JSON.
const (
	asJUnit    = "junit"
	asMarkdown = "markdown"
)

// reportForms are the forms that a report comes in, the default first.
func reportForms() []string { return []string{asText, asJSON, asJUnit, asMarkdown} }

// report writes a report in the form asked for. SPEC(CLI-90)
func (a *app) report(r *verify.Report) error {
	switch a.output {
	case asJSON:
		b, err := r.JSON()
		if err == nil {
			_, err = a.stdout.Write(b)
		}
		return err
	case asJUnit:
		return r.WriteJUnit(a.stdout)
	case asMarkdown:
		return r.WriteMarkdown(a.stdout)
	}
	return r.WriteText(a.stdout)
}

// reportSchema writes the schema of reports as JSON. SPEC(CLI-90), SPEC(VER-56)
func (a *app) reportSchema() error {
	b, err := spec.Files.ReadFile("report.schema.json")
	if err == nil {
		_, err = a.stdout.Write(b)
	}
	return err
}
