package verify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// WriteJUnit writes the report as JUnit XML: a test case for each step, a failure
// for each finding. SPEC(VER-53)
func (r *Report) WriteJUnit(w io.Writer) error {
	suite := junitSuite{
		Name: "tokentrail verify", Time: seconds(r.Totals.Millis), Timestamp: strings.TrimSuffix(plain(r.Started), "Z"),
		Properties: r.properties(),
	}
	for _, s := range r.Steps {
		c := junitCase{Name: plain(s.Name), Class: "tokentrail.verify"}
		for _, f := range s.Findings {
			c.Failures = append(c.Failures, junitFailure{plain(string(f.Code)), plain(f.Place), f.lines()})
		}
		switch {
		case s.Outcome == Failed:
			if s.More > 0 || len(c.Failures) == 0 {
				c.Failures = append(c.Failures, junitFailure{"more", amount(s.More, "more findings"), plain(s.Reason)})
			}
			suite.Failures++
		case s.Outcome == NotChecked && (s.expired || !s.Optional):
			c.Error = &junitFailure{string(NotChecked), plain(s.Reason), plain(s.counts())}
			suite.Errors++
		case s.Outcome == NotChecked:
			c.Skipped = &junitSkipped{plain(s.Reason)}
			suite.Skipped++
		}
		if c.Skipped == nil {
			c.Out = plain(s.counts())
		}
		if s.Outcome == Failed && s.Reason != "" {
			c.Out += "\n" + plain(s.Reason) // beside failures it has no element of its own
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Tests = len(suite.Cases)
	all := junitSuites{xml.Name{}, suite.Name, suite.Tests, suite.Failures, suite.Errors, suite.Skipped, suite.Time, []junitSuite{suite}}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// lines are a finding's evidence, one piece a line.
func (f *Finding) lines() string {
	return fmt.Sprintf("\nplace: %s\nwanted: %s\ngot: %s\nsee: %s\nspeaks: %s\n",
		plain(f.Place), plain(f.Want), plain(f.Got), plain(f.How), plain(f.whom()))
}

// properties are what of a report is no step.
func (r *Report) properties() []junitProperty {
	var all []junitProperty
	add := func(name, value string) { all = append(all, junitProperty{name, plain(value)}) }
	add("verdict", string(r.Verdict))
	add("exit", strconv.Itoa(r.Exit()))
	add("says", r.inWords()+r.accused())
	for _, f := range r.facts() {
		add(strings.ToLower(f.name), f.value)
	}
	add("against the ledger", strconv.FormatInt(r.Against.Ledger, 10))
	add("against providers", strconv.FormatInt(r.Against.Providers, 10))
	if r.Against.File > 0 {
		add("against the file", strconv.FormatInt(r.Against.File, 10))
	}
	for _, provider := range sortedKeys(r.Against.By) {
		add("against "+plain(provider), strconv.FormatInt(r.Against.By[provider], 10))
	}
	for i := range r.Notices {
		add("notice", r.Notices[i].told())
	}
	if r.MoreNotices > 0 {
		add("notice", "and "+amount(r.MoreNotices, "more notices"))
	}
	add("looked at", r.Totals.counts())
	for _, line := range r.Totals.byKind() {
		add("total", line)
	}
	for _, a := range r.Assumptions {
		add("assumed", a)
	}
	if r.Seed != "" {
		add("seed", r.Seed)
	}
	return all
}

// seconds writes milliseconds as JUnit has times.
func seconds(millis int64) string { return strconv.FormatFloat(float64(millis)/1000, 'f', 3, 64) }

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name     string         `xml:"name,attr"`
	Class    string         `xml:"classname,attr"`
	Failures []junitFailure `xml:"failure"`
	Error    *junitFailure  `xml:"error"`
	Skipped  *junitSkipped  `xml:"skipped"`
	Out      string         `xml:"system-out,omitempty"`
}

type junitFailure struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",cdata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}
