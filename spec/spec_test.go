package spec

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ruleID matches the id of a rule, such as ENC-1.
var ruleID = regexp.MustCompile(`\b[A-Z]{3}-[0-9]+\b`)

// ruleDefinition matches where a rule is defined: the first thing in a line,
// or behind a sentence's start, or the first cell of a table's row.
var ruleDefinition = regexp.MustCompile(`(?m)^(?:\| )?([A-Z]{3}-[0-9]+)(?:\.| \|)| ([A-Z]{3}-[0-9]+): `)

// texts returns the normative texts by name.
func texts(t *testing.T) map[string]string {
	t.Helper()
	names, err := fs.Glob(Files, "*.md")
	if err != nil || len(names) == 0 {
		t.Fatal("no texts", err)
	}
	out := map[string]string{}
	for _, name := range names {
		b, err := Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(b)
	}
	return out
}

// definedRules returns where each rule is defined.
func definedRules(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, text := range texts(t) {
		for _, m := range ruleDefinition.FindAllStringSubmatch(text, -1) {
			id := m[1] + m[2]
			if other, twice := out[id]; twice {
				t.Errorf("%s is defined in %s and again in %s", id, other, name)
			}
			out[id] = name
		}
	}
	return out
}

// suites returns every suite by name.
func suites(t *testing.T) map[string]*Suite {
	t.Helper()
	names, err := fs.Glob(Files, "vectors/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("no vectors", err)
	}
	out := map[string]*Suite{}
	for _, name := range names {
		parser := strings.TrimSuffix(path.Base(name), ".json")
		s, err := Vectors(parser)
		if err != nil {
			t.Fatal(err)
		}
		if s.Parser != parser {
			t.Errorf("%s names the parser %q", name, s.Parser)
		}
		out[parser] = s
	}
	return out
}

func TestRulesCitedAreDefined(t *testing.T) {
	defined := definedRules(t)
	for name, text := range texts(t) {
		if name == "dependencies.md" {
			continue // cites advisories
		}
		for _, id := range ruleID.FindAllString(text, -1) {
			if strings.HasPrefix(id, "SHA-") || strings.HasPrefix(id, "UTF-") {
				continue
			}
			if defined[id] == "" {
				t.Errorf("%s cites %s, which is not defined", name, id)
			}
		}
	}
}

func TestVectorsAreSound(t *testing.T) {
	defined := definedRules(t)
	codes := map[string]bool{}
	for _, text := range texts(t) {
		for _, m := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(text, -1) {
			codes[m[1]] = true
		}
	}
	positive, negative := 0, 0
	for name, s := range suites(t) {
		seen := map[string]bool{}
		for _, v := range s.Vectors {
			at := name + "/" + v.Name
			if seen[v.Name] {
				t.Errorf("%s stands twice", at)
			}
			seen[v.Name] = true
			if v.Comment == "" {
				t.Errorf("%s says nothing", at)
			}
			if v.OK != (v.Error == "") {
				t.Errorf("%s: ok is %v, the error %q", at, v.OK, v.Error)
			}
			if !v.OK && !codes[v.Error] {
				t.Errorf("%s: no text has the code %q", at, v.Error)
			}
			if v.Rule != "" && defined[v.Rule] == "" {
				t.Errorf("%s tests %s, which is not defined", at, v.Rule)
			}
			if _, err := v.Input(); err != nil {
				t.Errorf("%s: %v", at, err)
			}
			for _, item := range v.Items {
				if _, err := hex.DecodeString(item); err != nil {
					t.Errorf("%s: %v", at, err)
				}
			}
			if v.OK {
				positive++
			} else {
				negative++
			}
		}
	}
	t.Logf("%d positive, %d negative vectors", positive, negative)
}

// notParsed lists the rules that no input to a parser can break, and why.
var notParsed = map[string]string{
	"REC-3":  "says what side means",
	"REC-12": "for auditors, of two records", "REC-18": "for auditors, of two records",
	"STM-10": "defines the id; positive vectors state it",
	"SUB-5":  "says what is not signed",
	"LOG-1":  "defines the log; positive vectors state roots",
	"LOG-2":  "defines the origin",
	"RCP-4":  "says what is not signed",
	"CHK-2":  "a promise of the node",
	"ADM-11": "blocks, not bytes", "ADM-12": "an effect", "ADM-14": "before consensus", "ADM-15": "forbids a rule",
	"ADM-16": "a node's own check", "ENC-40": "defines paths; vectors state them", "ADM-13": "a look-up",
	"KEY-10": "key files use Argon2id, tested with the code", "KEY-11": "as KEY-10", "KEY-12": "as KEY-10",
	"KEY-13": "file modes", "KEY-14": "file names",
	"GOV-3": "defines the act id; positive vectors state it", "GOV-19": "an effect; positive vectors state it",
	"GOV-20": "says what follows", "GOV-21": "says what evidence does not do", "GEN-2": "defines the first state; positive vectors state it",
	"EQV-5": "a node's own doing",
	"BND-3": "says what the parts are", "BND-17": "of files", "BND-14": "says what is not checked", "BND-15": "of a report",
	"BND-4": "for auditors", "BND-5": "as BND-4", "BND-6": "as BND-4", "BND-7": "as BND-4", "BND-8": "as BND-4", "BND-9": "as BND-4",
	"BND-10": "as BND-4", "BND-11": "as BND-4", "BND-12": "as BND-4", "BND-13": "as BND-4", "BND-18": "as BND-4", "BND-19": "as BND-4",
	"RCP-2": "needs the engine's protobuf, tested with the code", "STA-1": "defines the root; positive vectors state it",
}

func TestEveryRuleHasANegativeVector(t *testing.T) {
	tested, families := map[string]bool{}, map[string]bool{} // a family without vectors has no parser
	for _, s := range suites(t) {
		for _, v := range s.Vectors {
			if !v.OK {
				tested[v.Rule] = true
				families[strings.Split(v.Rule, "-")[0]] = true
			}
		}
	}
	for id, file := range definedRules(t) {
		family, _, _ := strings.Cut(id, "-")
		if family == "VER" {
			continue // for auditors, but for the forms of their files: VER-32 to VER-34
		}
		if why := notParsed[id]; families[family] && !tested[id] && why == "" {
			t.Errorf("%s (%s): no negative vector", id, file)
		}
	}
	for id := range notParsed {
		if tested[id] {
			t.Errorf("%s is listed as untestable and has a negative vector", id)
		}
	}
}

// TestLiteralExample holds the example in record.md to the vector.
func TestLiteralExample(t *testing.T) {
	text := texts(t)["record.md"]
	_, block, ok := strings.Cut(text, "## Literal example")
	if !ok {
		t.Fatal("no literal example")
	}
	block = strings.Split(block, "```")[1]
	var digits strings.Builder
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	suite := suites(t)["record"]
	i := slices.IndexFunc(suite.Vectors, func(v Vector) bool { return v.Name == "literal-example" })
	if got := *suite.Vectors[i].Hex; got != digits.String() {
		t.Errorf("record.md has\n%s, the vector\n%s", digits.String(), got)
	}
	if !strings.Contains(text, fmt.Sprintf("of %d bytes", digits.Len()/2)) {
		t.Errorf("record.md does not say that the example has %d bytes", digits.Len()/2)
	}
}

// grammar reads record.cddl.
func grammar(t *testing.T) cddlFile {
	t.Helper()
	b, err := Files.ReadFile("record.cddl")
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseCDDL(string(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ruleOf says which rule of the grammar the input of a suite follows.
var ruleOf = map[string]string{
	"record": "record", "record_v2": "record", "leaf": "record", "header": "batch-header", "batch": "batch-header", "batch_v2": "batch-header", "key": "cose-key",
	"statement": "statement", "submission": "submission", "record_proof": "record-proof", "state_proof": "state-proof",
	"inclusion": "inclusion", "consistency": "consistency", "apphash": "preimage", "receipt": "receipt", "admission": "submission", "admission_v3": "submission",
	"act_payload": "act-payload", "act": "act", "admission_act": "act-submission",
	"equivocation": "equivocation-submission", "admission_equivocation": "equivocation-submission", "equivocation_leaf": "equivocation-leaf",
	"bundle": "bundle", "transparent": "transparent-statement", "kept": "kept-head", "fork": "fork-evidence",
}

// beyondGrammar lists the errors that the grammar does not show: inputs that
// give them follow the grammar, or need not break it.
var beyondGrammar = []string{
	"size", "depth", "trailing-bytes", "envelope", // of bytes, not of values
	"non-minimal", "unsorted-keys", "duplicate-key", "float", "tag", "simple", "utf8", "integer-range", "key-type", // may stand under kept keys
	"duplicate-parent", "usage-parts", "basis-order", "chain", "period", "strings", "cells", "binding", "alg", "signature", "kid", "key",
	"root", "count", "totals", "overflow", "frame", "expand", "path", "state-proof", "origin", "app-hash", "header",
	"unknown-issuer", "inactive-issuer", "unknown-key", "gap", "fork", "duplicate", "payload-missing",
	"chain-id", "expired", "sequence", "threshold", "registry", "height", "streams", "age", // of the state and the height
}

func TestGrammar(t *testing.T) {
	f := grammar(t)
	follows, breaks := 0, 0
	for name, s := range suites(t) {
		rule, ok := ruleOf[name]
		if !ok {
			continue
		}
		for _, v := range s.Vectors {
			b, err := v.Input()
			if err != nil {
				t.Fatal(err)
			}
			x, err := decodeCBOR(b)
			match := err == nil && f.matches(&cddlType{name: rule}, x)
			switch {
			case v.OK && !match:
				t.Errorf("%s/%s is accepted and does not follow the rule %s (%v)", name, v.Name, rule, err)
			case v.OK:
				follows++
			case !match:
				breaks++
			case !slices.Contains(beyondGrammar, v.Error) && !onlyInWords(name, v.Name):
				t.Errorf("%s/%s is refused (%s) and follows the rule %s", name, v.Name, v.Error, rule)
			}
		}
	}
	t.Logf("%d positive vectors follow record.cddl, %d negative ones break it", follows, breaks)
}

// onlyInWords says which negative vectors break a rule that is in the texts and
// not in the grammar.
func onlyInWords(suite, name string) bool {
	switch {
	case strings.HasSuffix(name, "-under-extension"): // any
	case suite == "submission" && strings.HasPrefix(name, "record-"): // inside the frame
	case name == "links-trace-zero", name == "links-span-zero": // all zero
	case strings.HasPrefix(name, "subdivision-other-country"): // REC-6
	case suite == "record" && strings.HasPrefix(name, "v2-"): // of the version before the grammar's
	case suite == "admission" && strings.HasPrefix(name, "rules-"): // inside the frame
	case suite == "record_v2" && hasAny(name, "crossing-classes-order", "crossing-classes-twice", // order
		"relay-", "evaluation-of-nothing", "lineage-trained-other-country", // of two fields
		"dataset-clean-", "interval-reversed-", // of two values
		"correction-cell-boundary-alone", "correction-cell-method-alone",
		"correction-reverse-", "correction-amend-", "correction-tokens-", "correction-basis-order", "correction-basis-twice"):
	case name == "protected-non-minimal", name == "protected-unsorted", name == "signer-unsorted": // of bytes, not of values
	case strings.HasPrefix(suite, "admission_") && hasAny(name, "rules-", "ungoverned-", "own-ungoverned-"): // of the state
	case strings.Contains(suite, "equivocation") && hasAny(name, "swapped", "same", "ids-swapped"): // order
	case suite == "transparent" && name == "order": // order
	case suite == "kept" && hasAny(name, "checksum-", "content-bit", "preimage-version", "preimage-trailing", "origin-line", "origin-utf8"): // of what is in strings
	case suite == "fork" && hasAny(name, "same-", "changes-together-", "first-changes-", "second-changes-"): // of several values
	case hasAny(suite, "kept", "fork") && strings.HasSuffix(name, "-wide"), hasAny(suite, "kept", "fork") && hasAny(name, "trailing", "array-indefinite"): // of bytes
	case suite == "act" && hasAny(name, "kid-twice", "kid-descending"): // order
	case suite == "act_payload" && (hasAny(name, "keys-129", "until-", "governance-threshold-above") || // of several values
		strings.Contains(name, "-unsorted") || strings.HasSuffix(name, "-twice")): // order
	default:
		return false
	}
	return true
}

// hasAny says whether the name begins with one of the prefixes.
func hasAny(name string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
