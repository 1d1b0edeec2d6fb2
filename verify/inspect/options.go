package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify/profile"
)

// Options say what is looked at, and against what. The zero value looks at
// everything by the built-in rules.
type Options struct {
	// Since and Until bound the records' times, [Since, Until), in milliseconds since
	// the epoch; an Until of 0 is no bound.
	Since, Until int64
	// From and To bound the entries, [From, To); a To of 0 is no bound.
	From, To int64
	// Of each that is not empty a record has one: its issuer, its model's name, the
	// country of its using place.
	Providers, Models, Destinations []string

	// Skip leaves the built-in rules out.
	Skip bool
	// Profiles are the label profiles that records are held against; nil means all
	// whose law is of the destination.
	Profiles []string
	// Bases are legal bases that are known beside the list and the ledger's policy.
	Bases []string
	// Boundaries of energy that are accepted, 1 to 4; nil accepts any.
	Boundaries []int64
	// EnergyMost is the most energy for 1,000 tokens, in µWh; 0 leaves it to the
	// ledger's policy.
	EnergyMost int64
	// Watts is the most that an accelerator draws whose type is not in the table; 0
	// means 2,000.
	Watts int64

	// Rules are the auditor's own.
	Rules *Rules

	// Mirrors asks for both sides of crossings to be compared.
	Mirrors *MirrorOptions

	// MaxFindings bounds the findings kept for a rule; 0 means 100. The rest count.
	MaxFindings int
}

// MirrorOptions say how both sides of crossings are compared.
type MirrorOptions struct {
	// From and To are serving and using country of what is told; empty is any.
	From, To string
	// Within is how far apart both sides' times may be; 0 means 10 minutes.
	Within time.Duration
	// Tolerance is how far amounts may be apart, in parts per million of the
	// exporter's.
	Tolerance int64
	// Spill gives a place outside of memory for a sorted run of rows; nil keeps to
	// memory, and where that does not do mirrors are not checked.
	Spill Spill
	// Memory bounds the rows that are held to be sorted, in bytes; 0 means 64 MiB.
	Memory int
}

const (
	defaultWatts    = 2000
	defaultFindings = 100
	defaultWithin   = 10 * time.Minute
	defaultMemory   = 64 << 20
	maxRows         = 10_000 // of a table of the coverage
)

// An OptionError names the option that cannot be.
type OptionError struct {
	Option string
	Err    error
}

// Error reads "option: what".
func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap gives what was wrong.
func (e *OptionError) Unwrap() error { return e.Err }

// check refuses what cannot be meant.
func (o *Options) check() error {
	wrong := func(option, format string, args ...any) error {
		return &OptionError{option, fmt.Errorf(format, args...)}
	}
	switch {
	case o.Until != 0 && o.Until <= o.Since:
		return wrong("until", "it is not after since")
	case o.From < 0 || o.To < 0 || o.To != 0 && o.To <= o.From:
		return wrong("entries", "%d:%d holds no entry", o.From, o.To)
	case o.EnergyMost < 0:
		return wrong("energy-most", "%d is below 0", o.EnergyMost)
	case o.Watts < 0 || o.Watts > maxWatts:
		return wrong("watts", "%d: wanted 1 to %d", o.Watts, maxWatts)
	case slices.ContainsFunc(o.Boundaries, func(b int64) bool { return b < 1 || b > 4 }):
		return wrong("boundary", "wanted 1 (accelerator) to 4 (and facility overhead)")
	}
	for _, id := range o.Profiles {
		if _, err := profile.Find(id); err != nil {
			return &OptionError{"profile", err}
		}
	}
	if m := o.Mirrors; m != nil && (m.Within < 0 || m.Tolerance < 0 || m.Tolerance > 1_000_000 || m.Memory < 0) {
		return wrong("mirrors", "a tolerance is 0 to 1,000,000 parts per million, a time between both sides not below 0")
	}
	return nil
}

// wants reports whether an entry can hold what is asked for, by its header.
func (o *Options) wants(entry int64, h *provenance.BatchHeader) bool {
	switch {
	case entry < o.From || o.To != 0 && entry >= o.To:
		return false
	case len(o.Providers) > 0 && !slices.Contains(o.Providers, h.Issuer):
		return false
	}
	return h.Last >= o.Since && (o.Until == 0 || h.First < o.Until)
}

// inTime reports whether a time is in the range.
func (o *Options) inTime(at int64) bool { return at >= o.Since && (o.Until == 0 || at < o.Until) }

// picks reports whether a record is one that is asked for.
func (o *Options) picks(at int64, model, destination string) bool {
	return o.inTime(at) && has(o.Models, model) && has(o.Destinations, destination)
}

// has reports whether a list that is not empty has a name.
func has(list []string, name string) bool { return len(list) == 0 || slices.Contains(list, name) }

// DueIn reports whether a profile is asked for where tokens are used, as far as that
// can be told. SPEC(VER-71)
func (o *Options) DueIn(p *profile.Profile, using *provenance.Place) (due, known bool) {
	if p.Law.Jurisdiction == "none" {
		return o.Profiles != nil, true
	}
	country, _, divided := strings.Cut(p.Law.Jurisdiction, "-")
	switch {
	case p.Law.Jurisdiction == "EU":
		return slices.Contains(memberStates[:], using.Country), true
	case country != using.Country:
		return false, true
	case !divided || using.Subdivision == p.Law.Jurisdiction:
		return true, true
	}
	return false, using.Subdivision != ""
}

// memberStates of the European Union.
var memberStates = [...]string{
	"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL",
	"PL", "PT", "RO", "SE", "SI", "SK",
}

// inEEA reports whether a country is of the European Economic Area.
func inEEA(country string) bool {
	return country == "IS" || country == "LI" || country == "NO" || slices.Contains(memberStates[:], country)
}
