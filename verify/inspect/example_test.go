package inspect_test

import (
	"errors"
	"fmt"

	"tokentrail/verify"
	"tokentrail/verify/inspect"
)

// What an audit is told to look at. The report's step inspection and its coverage
// then say what came of it.
func Example() {
	rules, err := inspect.ParseRules([]byte(`
format: 1
rules:
  - id: served-at-home
    says: llama-2-70b runs in the US
    when: record.model.name == "llama-2-70b"
    expect: record.serving.country == "US"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	inspector, err := inspect.New(inspect.Options{Destinations: []string{"CN"}, Rules: rules, Mirrors: &inspect.MirrorOptions{}})
	if err != nil {
		fmt.Println(err)
		return
	}
	options := verify.Options{Inspect: inspector} // for light.Audit
	fmt.Println(options.Inspect != nil, rules.Len())
	// Output: true 1
}

// A mistake in a file of rules is told with its place, before anything is read.
func ExampleParseRules() {
	_, err := inspect.ParseRules([]byte("format: 1\nrules:\n  - {id: a, says: b, expect: record.usage.ouput > 0}\n"))
	var wrong *inspect.RuleError
	if errors.As(err, &wrong) {
		fmt.Println(wrong.Line, wrong.Column, wrong.Err)
	}
	// Output: 3 42 undefined field 'ouput'
}
