package inspect

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// mirrors pairs both sides' records of a crossing (SPEC(VER-77)), in three sorts.
// While the log is read each transfer gets a number, and goes into transfers under
// it and into names under whatever can join it to another. Sorted by name, those of
// one name are joined; sorted again by the group that this makes, each group is seen
// as a whole. In memory are the sorters, as far as they may, and 4 bytes a transfer.
// What Take and Conclude work on belongs to the goroutine that calls them.
type mirrors struct {
	in   *Inspector
	opts MirrorOptions

	providers []string
	numbers   map[string]uint32 // of providers
	count     uint32            // of transfers
	refused   map[place]bool    // corrections that do not hold
	names     *sorter           // name, role, number, provider, correction
	transfers *sorter           // number, 0, transfer; number, 1, correction
	parents   []uint32          // of each transfer, to whom it is joined: a union-find
	pairs     map[[2]string]*verify.MirrorPair
	models    cache[provenance.Model]
	places    cache[provenance.Place]
}

// A place is that of a record in the log.
type place struct {
	entry  int64
	record int64
}

// Roles of rows under one name, in the order in which they are met.
const (
	roleOwner = iota // the name is that of this transfer
	roleNamer        // this transfer names it, or both sides do
	roleFix          // a correction of the transfer whose name this is
)

// nameSize is the length of a name in a row: its sort and half a SHA-256.
const nameSize = 17

type name [nameSize]byte

func newName(sort byte, parts ...[]byte) (n name) {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.AppendUvarint(nil, uint64(len(p))))
		h.Write(p)
	}
	n[0] = sort
	copy(n[1:], h.Sum(nil))
	return n
}

// Sorts of names.
const (
	nameCrossing = 'c'
	nameID       = 'i'
	nameRef      = 'r'
)

// idName is that of a record id, which is a hash already.
func idName(id []byte) (n name) {
	n[0] = nameID
	copy(n[1:], id)
	return n
}

func parentName(p *provenance.Parent) name {
	if p.ID != nil {
		return idName(p.ID)
	}
	return newName(nameRef, []byte(p.Issuer), p.Ref)
}

// A transferRow is what is kept of a transfer, or of a correction of one.
type transferRow struct {
	provider string
	owns     []name
	names    []name
	fixes    *name
	body     []byte // behind the number and 0 or 1
}

func newMirrors(in *Inspector, o MirrorOptions) *mirrors {
	if o.Within == 0 {
		o.Within = defaultWithin
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	return &mirrors{
		in: in, opts: o, numbers: map[string]uint32{}, refused: map[place]bool{}, names: newSorter(o.Spill, o.Memory/2), transfers: newSorter(o.Spill, o.Memory/2),
		pairs: map[[2]string]*verify.MirrorPair{}, models: cache[provenance.Model]{}, places: cache[provenance.Place]{},
	}
}

// look notes a record, if it is a transfer with a side or corrects one. It is called
// by several goroutines. wanted says that the record is in the range.
func (m *mirrors) look(p *part, r *reader, i int, j *verify.Judged, wanted bool) {
	h := j.Statement.Header()
	switch r.kind {
	case provenance.Corrected:
		c := field[provenance.Correction](r, keyCorrection)
		if c == nil || c.Cell.Kind != provenance.Transfer {
			return
		}
		target := idName(c.Record)
		p.rows = append(p.rows, transferRow{provider: h.Issuer, fixes: &target, body: fixBody(place{j.Entry, int64(i)}, c)})
	case provenance.Transfer:
		side, err := provenance.FieldInteger(r.fields[keySide])
		if err != nil || side != int64(provenance.Exporter) && side != int64(provenance.Importer) || relays(r) {
			return
		}
		id := provenance.RecordID(h.Issuer, h.Stream, h.Sequence, i, r.raw)
		row := transferRow{provider: h.Issuer, owns: []name{idName(id[:])}}
		if ref := field[[]byte](r, keyRef); ref != nil {
			row.owns = append(row.owns, newName(nameRef, []byte(h.Issuer), *ref))
		}
		if c := field[provenance.Crossing](r, keyCrossing); c != nil {
			if c.ID != nil {
				row.names = append(row.names, newName(nameCrossing, c.ID))
			}
			if c.Mirror != nil {
				row.names = append(row.names, parentName(c.Mirror))
			}
		}
		row.body = transferBody(r, j.Entry, i, side, wanted, len(row.names) > 0)
		p.rows = append(p.rows, row)
	}
}

// relays reports whether another record counts these tokens.
func relays(r *reader) bool {
	hop := field[provenance.Hop](r, keyHop)
	return hop != nil && hop.Relay != nil && *hop.Relay
}

// take adds the transfers of a statement.
func (m *mirrors) take(rows []transferRow) {
	for i := range rows {
		t := &rows[i]
		provider := m.number(t.provider)
		if t.fixes != nil {
			m.addName(*t.fixes, roleFix, 0, provider, t.body)
			continue
		}
		if m.count == math.MaxUint32 {
			m.names.err = errors.New("there are more transfers than can be numbered")
			return
		}
		for _, n := range t.owns {
			m.addName(n, roleOwner, m.count, provider, nil)
		}
		for _, n := range t.names {
			m.addName(n, roleNamer, m.count, provider, nil)
		}
		m.addRow(m.count, 0, binary.BigEndian.AppendUint32(nil, provider), t.body)
		m.parents = append(m.parents, m.count)
		m.count++
	}
}

// number is that of a provider.
func (m *mirrors) number(provider string) uint32 {
	n, ok := m.numbers[provider]
	if !ok {
		n = uint32(len(m.providers))
		m.numbers[provider] = n
		m.providers = append(m.providers, provider)
	}
	return n
}

func (m *mirrors) addName(n name, role byte, number, provider uint32, body []byte) {
	row := append(n[:], role)
	row = binary.BigEndian.AppendUint32(row, number)
	row = binary.BigEndian.AppendUint32(row, provider)
	m.names.add(append(row, body...))
}

func (m *mirrors) addRow(number uint32, kind byte, parts ...[]byte) {
	row := append(binary.BigEndian.AppendUint32(nil, number), kind)
	for _, part := range parts {
		row = append(row, part...)
	}
	m.transfers.add(row)
}

// find gives the transfer that stands for all that are joined with one.
func (m *mirrors) find(n uint32) uint32 {
	for m.parents[n] != n {
		m.parents[n] = m.parents[m.parents[n]]
		n = m.parents[n]
	}
	return n
}

func (m *mirrors) join(a, b uint32) {
	a, b = m.find(a), m.find(b)
	m.parents[max(a, b)] = min(a, b)
}

// joinNames joins what has a name with what names it, and hands corrections on to
// the transfer that they correct, of the same issuer.
func (m *mirrors) joinNames() error {
	var current name
	var owners []owner
	first, named := uint32(0), false
	return m.names.each(func(row []byte) error {
		var n name
		copy(n[:], row)
		role, number, provider := row[nameSize], binary.BigEndian.Uint32(row[nameSize+1:]), binary.BigEndian.Uint32(row[nameSize+5:])
		if n != current {
			current, owners, named = n, owners[:0], false
		}
		switch role {
		case roleOwner:
			owners = append(owners, owner{number, provider})
		case roleNamer:
			if named {
				m.join(first, number)
				break
			}
			first, named = number, true
			for _, o := range owners {
				m.join(o.number, number)
			}
		case roleFix:
			return m.handFix(owners, provider, row[nameSize+9:])
		}
		return m.transfers.err
	})
}

// handFix hands a correction on to the transfers of its issuer, unless it does not
// hold. SPEC(VER-77)
func (m *mirrors) handFix(owners []owner, provider uint32, body []byte) error {
	p := rowReader{b: body}
	at := place{p.varint(), p.varint()}
	if p.err() != nil || m.refused[at] {
		return p.err()
	}
	for _, o := range owners {
		if o.provider == provider {
			m.addRow(o.number, 1, p.b)
		}
	}
	return m.transfers.err
}

// An owner is a transfer, and who recorded it.
type owner struct{ number, provider uint32 }

// conclude pairs, and sums by pair of countries.
func (m *mirrors) conclude() ([]verify.MirrorPair, error) {
	defer m.names.close()
	defer m.transfers.close()
	if err := m.joinNames(); err != nil {
		return nil, err
	}
	groups := newSorter(m.opts.Spill, m.opts.Memory/2)
	defer groups.close()
	err := m.transfers.each(func(row []byte) error {
		group := binary.BigEndian.AppendUint32(nil, m.find(binary.BigEndian.Uint32(row)))
		groups.add(append(group, row...))
		return groups.err
	})
	if err != nil {
		return nil, err
	}
	if err := m.eachGroup(groups); err != nil {
		return nil, err
	}
	return m.sorted(), nil
}
