package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A flagValue is what is behind a flag.
type flagValue interface {
	String() string
	Set(text string) error
	Type() string
}

// strictFlags are the flags with a value, and what is said of an empty one:
// a command substitution that failed must not pass for a flag left out.
func strictFlags() map[string]string {
	flags := map[string]string{
		"genesis": "wanted a SHA-256, 64 hex digits; leave the flag out to take the node's own document",
		"trust":   "wanted height:hash, a header's height and its hash, 64 hex digits; leave the flag out to verify from genesis on",
		"node":    "wanted the node's address, as http://localhost:7480; leave the flag out to take that in " + envNode,
		"from":    "wanted a country, two letters A-Z (ISO 3166-1)",
		"to":      "wanted a country, two letters A-Z (ISO 3166-1)",
		"model":   "wanted the model's name",
		"witness": "wanted a node's address, as http://localhost:7480",
	}
	for _, name := range []string{
		"alg", "amend", "basis", "batch", "by", "cache-read", "cache-write", "developer", "format", "index", "input", "issuer", "key", "kind", "label", "limit",
		"look-ups", "model-column", "note", "operator", "out", "output", "passphrase-file", "patience", "reason", "reasoning", "receipts", "side", "since", "state",
		"stream", "time", "time-format", "trusting-period", "until", "using-operator", "window", "zone",
		"breadth", "down", "modality", "nodes", "producer", "profile", "propagate-id", "propagator", "record", "ref", "reserved1", "reserved2", "role", "source-type", "status", "up", "value",
		"file", "governor", "height", "jurisdictions", "last-height", "name", "new", "new-passphrase-file", "old-until", "provider-key", "threshold", "valid-from",
		"acknowledged", "duration", "entropy", "providers", "in-flight", "prepared", "rate", "record-bytes", "seed", "streams", "tokentraild", "validators", "warm-up",
		"boundary", "energy-most", "entries", "mirror", "provider", "rules", "tolerance", "watts", "within",
		"genesis-document", "receipt", "records",
		"every", "listen", "log-key", "reports", "webhook", "webhook-key", "witness-key",
	} {
		flags[name] = "give it a value, or leave the flag out"
	}
	return flags
}

// A strictValue is a flag's value that is given once, unless it is a list, and
// never empty.
type strictValue struct {
	flagValue
	name  string
	empty string // what is said of an empty value
	given bool
}

// A flagError says in our own words what is wrong with a flag's value.
type flagError struct{ text string }

// Error returns the words.
func (e *flagError) Error() string { return e.text }

// strict makes the flags of a command and of those below it strict.
func strict(cmd *cobra.Command) {
	for name, empty := range strictFlags() {
		f := cmd.LocalNonPersistentFlags().Lookup(name)
		if f == nil {
			f = cmd.PersistentFlags().Lookup(name)
		}
		if name == "from" && cmd.Name() == "propose" {
			empty = "wanted a file with an act in JSON"
		}
		if f != nil {
			f.Value = &strictValue{flagValue: f.Value, name: name, empty: empty}
		}
	}
	for _, child := range cmd.Commands() {
		strict(child)
	}
}

func (v *strictValue) list() bool {
	return strings.HasPrefix(v.Type(), "string") && v.Type() != "string"
}

// String returns the value for people; an empty list is nothing.
func (v *strictValue) String() string {
	if s := v.flagValue.String(); !v.list() || s != "[]" {
		return s
	}
	return ""
}

// Set takes the value from the command line.
func (v *strictValue) Set(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return &flagError{fmt.Sprintf("--%s is empty: %s", v.name, v.empty)}
	case v.given && !v.list():
		return &flagError{fmt.Sprintf("--%s is given twice, %q and %q: say which", v.name, v.String(), text)}
	}
	v.given = true
	err := v.flagValue.Set(text)
	switch wanted := map[string]string{"int": "a whole number", "int64": "a whole number", "duration": "a time as 90s, 10m or 36h", "period": "a time as 90d or 36h"}[v.Type()]; {
	case err == nil:
		return nil
	case wanted != "":
		return &flagError{fmt.Sprintf("--%s %q: wanted %s", v.name, text, wanted)}
	}
	return &flagError{fmt.Sprintf("--%s %q: %v", v.name, text, err)}
}

// A period is a flag's length of time, in which days may be said: 90d.
type period time.Duration

// String writes whole days as days.
func (p *period) String() string {
	if day := 24 * time.Hour; time.Duration(*p)%day == 0 {
		return fmt.Sprintf("%dd", time.Duration(*p)/day)
	}
	return time.Duration(*p).String()
}

// Set reads 90d, or what time.ParseDuration does.
func (p *period) Set(text string) error {
	d, ok := parseAgo(text)
	if !ok || d == 0 {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			return err
		}
	}
	*p = period(d)
	return nil
}

// Type is what help calls the value.
func (p *period) Type() string { return "period" }

// flagProblem puts what is wrong with a command's flags in our own words.
func flagProblem(cmd *cobra.Command, err error) error {
	var ours *flagError
	if errors.As(err, &ours) {
		return ours
	}
	return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
}

// require marks the flags that a command cannot do without, and says in our own
// words which are missing.
func require(cmd *cobra.Command, names ...string) {
	for _, name := range names {
		_ = cmd.MarkFlagRequired(name)
	}
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		missing := slices.DeleteFunc(slices.Clone(names), cmd.Flags().Changed)
		if len(missing) == 0 {
			return nil
		}
		return fmt.Errorf("%s needs --%s as well; see %s --help", cmd.CommandPath(), strings.Join(missing, ", --"), cmd.CommandPath())
	}
}
