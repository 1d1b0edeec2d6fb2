package verify_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// form writes a report in one of its forms.
func form(t testing.TB, write func(io.Writer) error) []byte {
	var b bytes.Buffer
	check(t, write(&b))
	return b.Bytes()
}

// junit is what a reader takes from JUnit XML.
type junit struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Suites   []struct {
		Properties []struct {
			Name  string `xml:"name,attr"`
			Value string `xml:"value,attr"`
		} `xml:"properties>property"`
		Cases []struct {
			Name     string        `xml:"name,attr"`
			Failures []junitDetail `xml:"failure"`
			Error    *junitDetail  `xml:"error"`
			Skipped  *junitDetail  `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

type junitDetail struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

func readJUnit(t testing.TB, r *verify.Report) *junit {
	b := form(t, r.WriteJUnit)
	read := &junit{}
	if err := xml.Unmarshal(b, read); err != nil || len(read.Suites) != 1 {
		t.Fatalf("%v:\n%s", err, b)
	}
	return read
}

// TestJUnit: what a reader of JUnit XML counts as broken is what does not hold.
// SPEC(VER-53)
func TestJUnit(t *testing.T) {
	expired := small(t)
	old := expired.at(2)
	old.Period = 1
	none := expired.exhibit("1")
	none.Records = nil
	for name, c := range map[string]struct {
		r                         *verify.Report
		failures, errors, skipped int
	}{
		"holds":         {small(t).audit(), 0, 0, 0},
		"evidence":      {unheardOf(t).audit(), 1, 0, 0},
		"not checked":   {broken1(t, "/proof"), 0, 2, 0},
		"down":          {broken1(t, "/"), 0, 13, 0},
		"expired":       {expired.audit(old), 0, 12, 0},
		"not asked for": {expired.show(none), 0, 0, 1},
	} {
		read := readJUnit(t, c.r)
		cases := read.Suites[0].Cases
		if read.Failures != c.failures || read.Errors != c.errors || read.Skipped != c.skipped || read.Tests != len(c.r.Steps) || len(cases) != read.Tests {
			t.Errorf("%s: %d tests, %d failures, %d errors, %d skipped\n%s", name, read.Tests, read.Failures, read.Errors, read.Skipped, form(t, c.r.WriteJUnit))
		}
		if (read.Failures > 0) != (c.r.Exit() == 1) || (read.Errors+read.Failures == 0) != (c.r.Exit() == 0) {
			t.Errorf("%s: exit %d", name, c.r.Exit())
		}
		for i, step := range c.r.Steps {
			if len(cases[i].Failures) != len(step.Findings) || cases[i].Name != step.Name ||
				cases[i].Error != nil && cases[i].Error.Message != step.Reason || cases[i].Skipped != nil && cases[i].Skipped.Message != step.Reason {
				t.Errorf("%s: %s: %+v", name, step.Name, cases[i])
			}
			for j, f := range step.Findings {
				got := cases[i].Failures[j]
				if got.Type != string(f.Code) || got.Message != f.Place || !strings.Contains(got.Text, "\nwanted: "+f.Want+"\ngot: "+f.Got+"\nsee: "+f.How+"\n") {
					t.Errorf("%s: %+v", name, got)
				}
			}
		}
	}
}

// broken1 is the report of a small ledger of which a route is down.
func broken1(t testing.TB, route string) *verify.Report {
	l := small(t)
	return auditOf(l, broken(l, route))
}

// withoutCode writes CODE for each code span of Markdown: a run of backticks up to
// the next of the same length.
func withoutCode(text string) string {
	runs := regexp.MustCompile("`+")
	var out strings.Builder
	for {
		open := runs.FindStringIndex(text)
		if open == nil {
			return out.String() + text
		}
		fence, rest := text[open[0]:open[1]], text[open[1]:]
		closing := slices.IndexFunc(runs.FindAllStringIndex(rest, -1), func(at []int) bool { return at[1]-at[0] == len(fence) })
		if closing < 0 {
			return out.String() + text
		}
		out.WriteString(text[:open[0]] + "CODE")
		text = rest[runs.FindAllStringIndex(rest, -1)[closing][1]:]
	}
}

// hostile are texts that steer terminals, close elements, spans and cells, or make
// links.
var hostile = []string{
	"", " ", "`", "``", " ` `` ``` ", "a|b\\|c", "|\n| --- |\n", "\x1b[2J\x1b]0;x\x07", "\u202e\u2066\u200b\ufeff", "\xff\xfe", "\r\n# heading\r\n",
	"]]>&<!--<script>alert(1)</script>", "<![CDATA[", "\x00\x01\x7f\u0085\u009b31m", "[x](javascript:alert(1)) ![y](http://e.test) www.e.test @you #1",
	"\ufffe\uffff", "\U000e0001", "&#x1b;&lt;", strings.Repeat("é", 5000), "\\`\\", "***_~~", "-----\n===", "\ud7ff\U0010ffff",
}

// FuzzForms puts one text into everything that a report says: none of its forms
// can be steered by it. SPEC(VER-52), SPEC(VER-54), SPEC(VER-55)
func FuzzForms(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	clean := spoken(f, "x")
	wantMark := withoutCode(string(form(f, clean.WriteMarkdown)))
	f.Fuzz(func(t *testing.T, said string) {
		r := spoken(t, said)
		for name, write := range map[string]func(io.Writer) error{"text": r.WriteText, "junit": r.WriteJUnit, "markdown": r.WriteMarkdown} {
			wantPrintable(t, name, form(t, write))
		}
		if got := withoutCode(string(form(t, r.WriteMarkdown))); strings.TrimSpace(said) != "" && got != wantMark {
			t.Errorf("%q changes the Markdown:\n%s", said, got)
		}
		read, want := readJUnit(t, r), readJUnit(t, clean)
		if len(read.Suites[0].Cases) != len(want.Suites[0].Cases) || len(read.Suites[0].Properties) != len(want.Suites[0].Properties) {
			t.Errorf("%q changes the XML:\n%s", said, form(t, r.WriteJUnit))
		}
		b, err := r.JSON()
		check(t, err)
		wantPrintable(t, "json", b)
		var back verify.Report
		if err := json.Unmarshal(b, &back); err != nil || back.Trust.Says != strings.ToValidUTF8(said, "\ufffd") && utf8.ValidString(said) {
			t.Errorf("%v: %q for %q", err, back.Trust.Says, said)
		}
	})
}

func wantPrintable(t *testing.T, name string, b []byte) {
	for at, c := range string(b) {
		if c != '\n' && !unicode.IsPrint(c) || c == utf8.RuneError && !bytes.HasPrefix(b[at:], []byte("\ufffd")) {
			t.Errorf("%s: %q at byte %d", name, c, at)
		}
	}
}

// spoken is a report of every verdict's parts in which each text that can come
// from others is said.
func spoken(t testing.TB, said string) *verify.Report {
	hash := provenance.Hash{7}
	finding := &verify.Finding{Code: "root", Against: verify.AgainstProvider}
	r := &verify.Report{
		Verdict: verify.Evidence, Trust: verify.TrustUsed{GenesisHash: &hash, Hash: &hash}, Ledger: &verify.Ledger{},
		Steps: []*verify.Step{
			{Name: "log", Outcome: verify.Failed, Findings: []*verify.Finding{finding, {Code: "key", Against: verify.AgainstLedger}}, More: 3},
			{Name: "roots", Outcome: verify.NotChecked}, {Name: "state", Outcome: verify.NotChecked, Checked: 2}, {Name: "flows", Outcome: verify.NotChecked, Optional: true},
		},
		Notices: []verify.Notice{{Entry: 1}, {Entry: -1, Finding: finding}}, Assumptions: []string{"our own words"},
		Against: verify.AgainstCounts{Providers: 2, By: map[string]int64{said: 2}},
		Totals:  verify.Totals{Kinds: map[string]*verify.KindTotals{"transfer": {}}, Stolen: &verify.StolenTotals{Kinds: map[string]*verify.KindTotals{"transfer": {}}}},
	}
	fill(reflect.ValueOf(r), said)
	for _, s := range r.Steps {
		s.What, s.Name = "things", "step"
		if said == "" {
			s.Reason = "x" // a step without one is another report
		}
	}
	r.From = "x" + said
	r.Seed = "seed"
	return r
}

// fill sets every text below a value that has none.
func fill(v reflect.Value, said string) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			fill(v.Elem(), said)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), said)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), said)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.Len() == 0 {
			v.SetString(said)
		}
	}
}

// TestTextKeepsToItsColumns: only what cannot be broken is longer. SPEC(VER-52)
func TestTextKeepsToItsColumns(t *testing.T) {
	for _, r := range []*verify.Report{small(t).audit(), unheardOf(t).audit(), broken1(t, "/proof"), broken1(t, "/"), spoken(t, "several words of a node, "+strings.Repeat("again ", 30))} {
		for line := range strings.Lines(text(r)) {
			words := strings.Fields(line)
			if utf8.RuneCountInString(strings.TrimRight(line, "\n")) > 80 && len(words) > 2 {
				t.Errorf("%q", line)
			}
			if strings.TrimRight(line, " \n")+"\n" != line {
				t.Errorf("%q has something behind it", line)
			}
		}
	}
}

// TestHowNamesThePlace: what a place names stands in the way to see for oneself.
// SPEC(VER-22)
func TestHowNamesThePlace(t *testing.T) {
	for _, name := range []string{"wrong root", "app hash", "record path", "consistency path", "state proof", "inclusion path"} {
		all := allLies()
		i := slices.IndexFunc(all, func(l lie) bool { return l.name == name })
		for _, f := range all[i].tell(t).Findings() {
			if regexp.MustCompile(`\b(INDEX|RECORD|HEIGHT|FROM|TO|KEY)\b`).MatchString(f.How) {
				t.Errorf("%s at %s: %s", f.Code, f.Place, f.How)
			}
		}
	}
}
