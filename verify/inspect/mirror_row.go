package inspect

import (
	"encoding/binary"
	"errors"

	"tokentrail/provenance"
)

// amounts are those of usage that are compared.
const amounts = 5

// amountNames name them, in the order of their keys.
var amountNames = [amounts]string{"input", "output", "cache read", "cache write", "reasoning"}

// A crossed is a transfer as it comes back from its row.
type crossed struct {
	number, provider uint32
	entry            int64
	record           int64
	side             provenance.Side
	wanted           bool  // in the range
	named            bool  // gives a crossing id or a mirror
	time             int64 // ms
	direction        int64 // 0 where there is no crossing
	amounts          [amounts]int64
	present          [amounts]bool
	reversed         bool
	model            *provenance.Model // read only
	serving, using   *provenance.Place // read only
}

// blobs are the fields whose encoding stands in a row, which keeps it short to make
// and quick to read: few of them differ.
var blobs = [...]int{keyModel, keyServing, keyUsing}

// transferBody is a transfer's row behind its provider.
func transferBody(r *reader, entry int64, record int, side int64, wanted, named bool) []byte {
	flags := byte(side)
	if wanted {
		flags |= 0x10
	}
	if named {
		flags |= 0x20
	}
	b := append(make([]byte, 0, 96), flags)
	b = binary.AppendVarint(b, entry)
	b = binary.AppendVarint(b, int64(record))
	b = binary.AppendVarint(b, r.time)
	direction := int64(0)
	if r.fields[keyCrossing] != nil {
		var crossing [2]int64
		if provenance.FieldIntegers(r.fields[keyCrossing], crossing[:]) == nil {
			direction = crossing[1]
		}
	}
	b = binary.AppendVarint(b, direction)
	usage := [amounts + 1]int64{-1, -1, -1, -1, -1, -1} // an amount is not below 0
	_ = provenance.FieldIntegers(r.fields[keyUsage], usage[:])
	for _, v := range usage[1:] {
		b = binary.AppendVarint(b, v)
	}
	for _, key := range blobs {
		b = appendBytes(b, r.fields[key])
	}
	return b
}

// fixBody is a correction's row: where it stands, which is left out once it is handed
// on, and what it changes.
func fixBody(at place, c *provenance.Correction) []byte {
	b := binary.AppendVarint(binary.AppendVarint(nil, at.entry), at.record)
	b = append(b, byte(c.Action))
	d := &c.Deltas
	for _, v := range [amounts]int64{d.Input, d.Output, d.CacheRead, d.CacheWrite, d.Reasoning} {
		b = binary.AppendVarint(b, v)
	}
	return b
}

// fix changes a transfer as a correction's row says.
func (c *crossed) fix(body []byte) error {
	p := rowReader{b: body}
	if provenance.CorrectionAction(p.byte()) == provenance.Reverses {
		c.reversed = true
	}
	for i := range c.amounts {
		if delta := p.varint(); delta != 0 {
			c.amounts[i] += delta // no more than there is: what does not hold was refused
			c.present[i] = true
		}
	}
	return p.err()
}

// crossed reads a transfer's row behind its number.
func (m *mirrors) crossed(number uint32, body []byte) (*crossed, error) {
	p := rowReader{b: body}
	c := &crossed{number: number, provider: p.uint32()}
	flags := p.byte()
	c.side, c.wanted, c.named = provenance.Side(flags&0x0f), flags&0x10 != 0, flags&0x20 != 0
	c.entry, c.record, c.time, c.direction = p.varint(), p.varint(), p.varint(), p.varint()
	for i := range c.amounts {
		if v := p.varint(); v >= 0 {
			c.amounts[i], c.present[i] = v, true
		}
	}
	c.model, c.serving, c.using = m.models.get(p.bytes()), m.places.get(p.bytes()), m.places.get(p.bytes())
	if p.err() != nil || c.model == nil || c.serving == nil || c.using == nil || int(c.provider) >= len(m.providers) {
		return nil, errRow
	}
	return c, nil
}

// errRow says that a row is not what was written.
var errRow = errors.New("a row that came back is not the one that was kept: the place for rows is damaged")

// A rowReader reads what rows are made of.
type rowReader struct {
	b      []byte
	broken bool
}

func (p *rowReader) err() error {
	if p.broken {
		return errRow
	}
	return nil
}

func (p *rowReader) cut(n int) []byte {
	if n < 0 || n > len(p.b) {
		p.broken, p.b = true, nil
		return nil
	}
	out := p.b[:n]
	p.b = p.b[n:]
	return out
}

func (p *rowReader) byte() byte {
	if b := p.cut(1); b != nil {
		return b[0]
	}
	return 0
}

func (p *rowReader) uint32() uint32 {
	if b := p.cut(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (p *rowReader) varint() int64 {
	v, n := binary.Varint(p.b)
	if n <= 0 {
		p.broken = true
		return 0
	}
	p.cut(n)
	return v
}

// bytes reads those of a length; nil where it is 0.
func (p *rowReader) bytes() []byte {
	length, n := binary.Uvarint(p.b)
	if n <= 0 || length > maxRow {
		p.broken = true
		return nil
	}
	p.cut(n)
	if length == 0 {
		return nil
	}
	return p.cut(int(length))
}
