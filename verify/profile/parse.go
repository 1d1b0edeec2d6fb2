package profile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// parse reads and checks a profile. SPEC(PRO-1)
func parse(id string, b []byte) (*Profile, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	d.UseNumber()
	p := &Profile{}
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("profile %s: %w", id, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("profile %s: something follows the profile", id)
	}
	if p.ID != id {
		return nil, fmt.Errorf("profile %s: its id is %q, wanted the file's name", id, p.ID)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("profile %s: %w", id, err)
	}
	return p, nil
}

func (p *Profile) check() error {
	for _, member := range [][2]string{
		{"title", p.Title}, {"law.name", p.Law.Name}, {"law.jurisdiction", p.Law.Jurisdiction},
		{"law.source", p.Law.Source}, {"note", p.Note},
	} {
		if member[1] == "" {
			return fmt.Errorf("%s is missing", member[0])
		}
	}
	if p.Version < 1 {
		return fmt.Errorf("version is %d, wanted 1 or more", p.Version)
	}
	if _, err := p.Law.inForce(); err != nil {
		return err
	}
	if err := p.checkScope(); err != nil {
		return err
	}
	if p.Applies != nil {
		if err := p.Applies.compile(0); err != nil {
			return fmt.Errorf("applies: %w", err)
		}
	}
	return p.checkRules()
}

func (p *Profile) checkScope() error {
	if len(p.Scope) == 0 {
		return errors.New("scope is missing")
	}
	for i, m := range p.Scope {
		if _, err := ParseModality(string(m)); err != nil {
			return fmt.Errorf("scope: %w", err)
		}
		if slices.Contains(p.Scope[:i], m) {
			return fmt.Errorf("scope: %s stands twice", m)
		}
	}
	return nil
}

// inForce returns the first millisecond of the day, in UTC, from which the law
// is in force; 0 where it names none.
func (l Law) inForce() (int64, error) {
	if l.Since == "" {
		return 0, nil
	}
	day, err := time.Parse(time.DateOnly, l.Since)
	if err != nil {
		return 0, fmt.Errorf("law.since is %q, wanted a day such as 2025-09-01", l.Since)
	}
	return day.UnixMilli(), nil
}

var ruleID = regexp.MustCompile(`^([A-Z0-9]+)-([1-9][0-9]{0,3})$`)

// checkRules wants ids of one prefix in ascending order: a rule that is given up
// leaves a gap, so that no id gets another meaning.
func (p *Profile) checkRules() error {
	if len(p.Rules) == 0 {
		return errors.New("rules are missing")
	}
	prefix, last := "", 0
	for i := range p.Rules {
		r := &p.Rules[i]
		parts := ruleID.FindStringSubmatch(r.ID)
		if parts == nil {
			return fmt.Errorf("rule %d: the id %q is not of the form CN-1", i+1, r.ID)
		}
		n, _ := strconv.Atoi(parts[2]) // four digits, by the pattern
		if i > 0 && parts[1] != prefix || n <= last {
			return fmt.Errorf("rule %s does not follow %s-%d", r.ID, prefix, last)
		}
		prefix, last = parts[1], n
		if err := r.check(); err != nil {
			return fmt.Errorf("rule %s: %w", r.ID, err)
		}
	}
	return nil
}

func (r *Rule) check() error {
	switch {
	case r.Clause == "":
		return errors.New("clause is missing")
	case !strings.HasSuffix(r.Says, ".") || strings.ContainsAny(r.Says+r.Clause, "|\n"):
		return errors.New("says is not one sentence that ends with a full stop and fits a table")
	case !slices.Contains([]Of{OfRecord, OfLabel, OfFile}, r.Of):
		return fmt.Errorf("of is %q, wanted record, label or file", r.Of)
	case !slices.Contains([]Severity{Must, Should}, r.Severity):
		return fmt.Errorf("severity is %q, wanted must or should", r.Severity)
	case !slices.Contains([]Known{Primary, Secondary, Memory, Inferred}, r.Known):
		return fmt.Errorf("known is %q, wanted primary, secondary, memory or inferred", r.Known)
	case r.Severity == Must && (r.Known == Memory || r.Known == Inferred):
		// SPEC(PRO-2)
		return fmt.Errorf("a must that is known by %s only; wanted should", r.Known)
	}
	if err := r.Require.compile(0); err != nil {
		return fmt.Errorf("require: %w", err)
	}
	if !r.Require.asksOf(r.Of) {
		return fmt.Errorf("require looks at nothing of the %s", r.Of)
	}
	if r.When == nil {
		return nil
	}
	if err := r.When.compile(0); err != nil {
		return fmt.Errorf("when: %w", err)
	}
	return nil
}
