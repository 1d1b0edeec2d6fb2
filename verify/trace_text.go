package verify

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
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

// shortKey returns the beginning of an id; of issuer/ref, with the ref as text
// where it is printable.
func shortKey(key string) string {
	issuer, ref, isRef := strings.Cut(key, "/")
	if !isRef {
		return key[:min(len(key), shortDigits)]
	}
	if b, err := hex.DecodeString(ref); err == nil && printable(b) {
		ref = string(b)
	}
	return issuer + "/" + ref
}

// printable reports whether all bytes are printable ASCII, without the space.
func printable(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
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

// origin says who recorded it and when.
func (n *GraphNode) origin() string {
	if n.Record == nil {
		return ""
	}
	return plain(n.Record.Issuer + " " + n.Record.Time)
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

// summary says in a line what the graph is.
func (g *Graph) summary() string {
	records, missing := 0, 0
	for _, n := range g.Nodes {
		if n.Record == nil {
			missing++
		} else {
			records++
		}
	}
	s := fmt.Sprintf("%s: %s, %s, as of %s of the log", g.Asked, counted(records, "record", "records"), counted(missing, "missing name", "missing names"), counted(int(g.Size), "entry", "entries"))
	if g.Cut {
		s += "; cut: there may be more"
	}
	return plain(s)
}

// counted writes a number of things.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return group(int64(n)) + " " + many
}
