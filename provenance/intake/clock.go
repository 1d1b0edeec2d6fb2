package intake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Formats of times that are numbers.
const (
	formatUnix   = "unix"
	formatUnixMs = "unix-ms"
)

// A clock reads the times of one column.
type clock struct {
	layouts []string
	number  string // formatUnix, formatUnixMs, or "" for layouts
	zone    *time.Location
}

func newClock(format string, zone *time.Location) (clock, error) {
	if zone == nil {
		zone = time.UTC
	}
	switch format {
	case formatUnix, formatUnixMs:
		return clock{number: format, zone: zone}, nil
	case "":
		return clock{layouts: []string{
			"2006-01-02 15:04:05",
			"2006-01-02T15:04:05Z07:00",
			"2006-01-02T15:04:05",
			"2006-01-02 15:04:05Z07:00",
			"2006-01-02 15:04:05 Z07:00",
			"2006-01-02 15:04:05 -0700",
			"2006-01-02 15:04:05-0700",
			"2006-01-02T15:04:05-0700",
			"2006-01-02 15:04:05 MST",
		}, zone: zone}, nil
	}
	// A layout that does not bring a time back would give every row the same one.
	probe := time.Date(2019, 11, 23, 17, 0, 0, 0, time.UTC)
	back, err := time.ParseInLocation(format, probe.Format(format), time.UTC)
	if err != nil || back.Year() != probe.Year() || back.YearDay() != probe.YearDay() || back.Hour() != probe.Hour() {
		return clock{}, fmt.Errorf("%q does not give year, month, day and hour; a format is how the time 2006-01-02 15:04:05 (Monday, 15:04:05 in 24 hours) would be written, or %s, or %s", format, formatUnix, formatUnixMs)
	}
	return clock{layouts: []string{format}, zone: zone}, nil
}

// parse returns a time in milliseconds since the epoch; what is finer is cut off.
// SPEC(IMP-5)
func (c *clock) parse(s string) (int64, error) {
	switch c.number {
	case formatUnix:
		return unixSeconds(s)
	case formatUnixMs:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, errors.New("not a number of milliseconds since 1970")
		}
		return n, nil
	}
	for i, layout := range c.layouts {
		t, err := time.ParseInLocation(layout, s, c.zone)
		if err != nil {
			continue
		}
		// The same form is likely to come again.
		c.layouts[0], c.layouts[i] = c.layouts[i], c.layouts[0]
		if layout == "2006-01-02 15:04:05 MST" && t.Location() != time.UTC {
			return 0, errors.New("a zone by abbreviation says nothing sure, except UTC; write the offset, as +01:00")
		}
		if !hasOffset(layout) {
			err = c.once(t, layout, s)
		}
		return t.UnixMilli(), err
	}
	if len(c.layouts) == 1 {
		return 0, fmt.Errorf("not a time of the form %q", c.layouts[0])
	}
	return 0, errors.New("not a time: wanted 2023-11-16 18:15:46.68, with or without an offset, or T between date and time; for other forms say the time format")
}

// hasOffset reports whether a layout says where its times are.
func hasOffset(layout string) bool {
	return strings.Contains(layout, "07") || strings.Contains(layout, "MST")
}

// once refuses local times that a change of the clock skipped or made twice:
// guessing would move tokens to another hour.
func (c *clock) once(t time.Time, layout, s string) error {
	if c.zone == time.UTC {
		return nil
	}
	wall := t.Format(time.DateTime)
	naive, err := time.ParseInLocation(layout, s, time.UTC)
	if err == nil && naive.Format(time.DateTime) != wall {
		return fmt.Errorf("there was no such time in %s: the clock was put forward; give times in UTC or with an offset", c.zone)
	}
	start, end := t.ZoneBounds()
	_, here := t.Zone()
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		_, before := change.Add(-time.Second).Zone()
		_, after := change.Zone()
		other := before // behind the change, the same reading stood before it
		if here == before {
			other = after
		}
		twin := t.Add(time.Duration(here-other) * time.Second)
		if !twin.Equal(t) && twin.Format(time.DateTime) == wall {
			return fmt.Errorf("there were two such times in %s: the clock was put back; give times in UTC or with an offset", c.zone)
		}
	}
	return nil
}

// unixSeconds reads seconds since the epoch, with or without decimals.
func unixSeconds(s string) (int64, error) {
	whole, fraction := s, ""
	for i := range len(s) {
		if s[i] == '.' {
			whole, fraction = s[:i], s[i+1:]
			break
		}
	}
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<50 {
		return 0, errors.New("not a number of seconds since 1970")
	}
	for _, c := range []byte(fraction) {
		if c < '0' || c > '9' {
			return 0, errors.New("not a number of seconds since 1970")
		}
	}
	ms, err := strconv.ParseInt((fraction + "000")[:3], 10, 64)
	if err != nil {
		return 0, err
	}
	return seconds*1000 + ms, nil
}
