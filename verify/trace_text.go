package verify

import (
	"encoding/json"
	"strings"
	"time"

	"tokentrail/provenance"
)

// JSON returns the graph and its sums as one JSON document. SPEC(TRC-18)
func (g *Graph) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(struct {
		*Graph
		Sums *TraceSums `json:"sums"`
	}{g, g.Sums()}, "", "  ")
	return append(b, '\n'), err
}

// absence says what it means that nothing was found.
const absence = "nothing is known of it: only the node says so, and a node can withhold"

// shortDigits is how many hex digits of an id are shown.
const shortDigits = 12

// KeyText writes a node's key for people: an id as it is, and issuer/ref as a
// label and the tools name it, with the ref as text in place of hex. SPEC(LBL-1)
func KeyText(key string) string {
	if q, err := provenance.ParseRecordQuery("ref", key); err == nil {
		return q.Issuer + "/" + provenance.RefText(q.Ref)
	}
	return key
}

// shortKey is KeyText with the beginning of an id.
func shortKey(key string) string {
	if strings.Contains(key, "/") {
		return KeyText(key)
	}
	return key[:min(len(key), shortDigits)]
}

// askedText writes the query for people. SPEC(TRC-19)
func (g *Graph) askedText() string {
	name, value, _ := strings.Cut(g.Asked, "=")
	if name == "ref" || name == "parent" {
		return name + "=" + KeyText(value)
	}
	return g.Asked
}

// title says what a node is: kind, side, and what the record is about.
func (n *GraphNode) title() string {
	if n.Record == nil {
		return "no record"
	}
	r := n.Record
	kind := joined(" ", r.Kind, r.Side)
	if r.Relay {
		kind += " (relay)"
	}
	return plain(joined(" ", kind, r.What))
}

// origin says who recorded it and when, to the second; that times are UTC, the
// summary says.
func (n *GraphNode) origin() string {
	if n.Record == nil {
		return ""
	}
	when := n.Record.Time
	if t, err := time.Parse(time.RFC3339, when); err == nil {
		when = t.UTC().Format(time.DateTime)
	}
	return plain(n.Record.Issuer + " " + when)
}

// words says a mark in words.
func (m *Mark) words() string {
	short := make([]string, len(m.By))
	for i, key := range m.By {
		short[i] = shortKey(key)
	}
	by := strings.Join(short, ", ")
	switch m.Name {
	case MarkReversed, MarkAmended, MarkDisputed:
		by = joined("", " by ", by)
	case MarkAmbiguous:
		by = " with " + by
	case MarkLater:
		by = " than " + by
	case MarkDouble:
		by = " of " + by
	case MarkMirrored:
		by = " by " + by
	case MarkDiffers:
		by = " from " + by
	}
	if m.Says != "" {
		by += ": " + m.Says
	}
	return plain(string(m.Name) + by)
}

// summary says what was asked for and what the graph is.
func (g *Graph) summary() (asked, found string) {
	records, missing := 0, 0
	for _, n := range g.Nodes {
		if n.Record == nil {
			missing++
		} else {
			records++
		}
	}
	parts := []string{"no record"}
	if records > 0 {
		parts[0] = counted(records, "record", "records")
	}
	if missing > 0 {
		parts = append(parts, counted(missing, "missing name", "missing names"))
	}
	parts = append(parts, "as of "+counted(int(g.Size), "entry", "entries")+" of the log")
	if records > 0 {
		parts = append(parts, "times in UTC")
	}
	found = strings.Join(parts, ", ")
	if g.Cut {
		found += "; cut: there may be more"
	}
	return plain(g.askedText()) + ":", found
}

// counted writes a number of things.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return group(int64(n)) + " " + many
}
