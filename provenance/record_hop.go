package provenance

import "bytes"

// Crossing says what a transfer moved (REC-12).
type Crossing struct {
	Direction int64    `cbor:"1,keyasint"`           // of the data: 1 output, 2 input, 3 both
	Classes   []string `cbor:"2,keyasint,omitempty"` // of data, ascending: "any:non-personal"
	ID        []byte   `cbor:"3,keyasint,omitempty"` // that both sides have
	Mirror    *Parent  `cbor:"4,keyasint,omitempty"` // the other side's record
	ECCN      string   `cbor:"5,keyasint,omitempty"`
}

// Hop says where in a chain the issuer stands, and whether another record
// counts these tokens already (REC-13).
type Hop struct {
	Role  HopRole `cbor:"1,keyasint"`
	Relay *bool   `cbor:"2,keyasint,omitempty"`
}

// HopRole is a place in a chain of hops.
type HopRole int64

// Places in a chain, from the model to the person.
const (
	Host        HopRole = 1
	Gateway     HopRole = 2
	Agent       HopRole = 3
	Application HopRole = 4
)

// String returns the name in the specification.
func (r HopRole) String() string { return name(r, "", "host", "gateway", "agent", "application") }

// Relays reports whether the record's tokens are counted by another record.
func (r *Record) Relays() bool { return r.Hop != nil && r.Hop.Relay != nil && *r.Hop.Relay }

func crossingShape() *shape {
	return shapeOf(
		must(1, "direction", integerIn(1, 3)),
		may(2, "classes", classes),
		may(3, "id", bytesOf(1, 32)),
		may(4, "mirror", parent),
		may(5, "eccn", identifier(16)),
	)
}

// classes wants codes for the class of data, each behind the one before.
func classes(c *cursor) error {
	if err := arity(c, 1, 8, CodeValue); err != nil {
		return err
	}
	var before []byte
	return c.each(func(i int) error {
		start := c.off
		s, err := c.text()
		switch {
		case err != nil:
			return err
		case !isCode(string(s)):
			return c.errorAt(start, CodeValue, "%q is not a class of data: 1 to 48 of a-z, 0-9, ':', '.', '-'", s)
		case i > 0 && bytes.Compare(before, s) >= 0:
			return c.errorAt(start, CodeValue, "%q does not come behind %q", s, before)
		}
		before = s
		return nil
	})
}

func hopShape() *shape {
	return shapeOf(
		must(1, "role", integerIn(1, 4)),
		may(2, "relay", boolean),
	)
}

// readHop takes tokens that another record counts out of the sums.
func (f *facts) readHop(c *cursor, present uint64) error {
	return c.pick(2, func() error {
		relay, err := c.boolean()
		if err != nil || !relay {
			return err
		}
		// SPEC(REC-13)
		if f.Kind != Transfer && f.Kind != Consumption {
			return fail(CodeForbiddenField, "hop.relay", "a %s is no relay; only transfers and consumptions are", f.Kind)
		}
		if present&(1<<5) == 0 {
			return fail(CodeMissingField, "parents", "a relay names the record that counts its tokens, or one that leads to it")
		}
		f.Sums = Sums{Energy: f.Energy}
		return nil
	})
}
