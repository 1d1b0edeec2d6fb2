package label

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// An mp4Meta is a meta box of handler mdta: a table of keys and a list of items,
// each of which names its key by its place in the table, from 1.
type mp4Meta struct {
	node  *mp4Node
	lead  []byte // version and flags, which QuickTime's form has not
	boxes []*mp4Node
	keys  *mp4Node // nil where there is none
	ilst  *mp4Node // nil where there is none; its items are in items
	items []*mp4Node
	label map[uint32]bool // places of the key AIGC
	first uint32          // the first of them
}

// handler returns a meta box's handler type, empty where it cannot be told, and
// its boxes.
func (f *mp4File) handler(n *mp4Node) (kind string, lead []byte, boxes []*mp4Node) {
	body := n.body
	if len(body) < 8 || !slices.Contains([]string{"hdlr", "keys", "ilst", "free"}, string(body[4:8])) {
		lead, body = body[:min(4, len(body))], body[min(4, len(body)):]
	}
	boxes, tail, err := f.parseBoxes(body, n.at+int64(n.headSize()+len(lead)))
	if err != nil || len(tail) > 0 {
		return "", nil, nil
	}
	h := (&mp4Node{boxes: boxes}).only("hdlr") // the first box, though not by all writers
	if h == nil || len(h.body) < 12 {
		return "", nil, nil
	}
	return string(h.body[8:12]), lead, boxes
}

// labelMeta reads the meta box where it is of handler mdta, else returns nil.
func (f *mp4File) labelMeta(n *mp4Node) (*mp4Meta, error) {
	kind, lead, boxes := f.handler(n)
	if kind != "mdta" {
		return nil, nil
	}
	m := &mp4Meta{node: n, lead: lead, boxes: boxes}
	for _, b := range boxes {
		switch {
		case b.kind == "keys" && m.keys == nil:
			m.keys = b
		case b.kind == "ilst" && m.ilst == nil:
			m.ilst = b
		case b.kind == "keys" || b.kind == "ilst":
			return nil, malformed(MP4, "meta", b.at, "a second %s", b.kind)
		}
	}
	if err := m.parseKeys(); err != nil {
		return nil, err
	}
	if m.ilst == nil {
		return m, nil
	}
	items, tail, err := f.parseBoxes(m.ilst.body, m.ilst.at+int64(m.ilst.headSize()))
	if err != nil {
		return nil, within(MP4, "ilst", 0, err)
	}
	if len(tail) > 0 {
		return nil, malformed(MP4, "ilst", m.ilst.at, "%d bytes stand behind its items", len(tail))
	}
	m.items = items
	return m, nil
}

// parseKeys finds the places of the key AIGC.
func (m *mp4Meta) parseKeys() error {
	if m.keys == nil {
		return nil
	}
	b := m.keys.body
	if len(b) < 8 {
		return malformed(MP4, "keys", m.keys.at, "it is cut short")
	}
	count := binary.BigEndian.Uint32(b[4:])
	b = b[8:]
	for place := uint32(1); place <= count; place++ {
		if len(b) < 8 {
			return malformed(MP4, "keys", m.keys.at, "it says that it has %d keys and has %d", count, place-1)
		}
		size := binary.BigEndian.Uint32(b)
		if size < 8 || uint64(size) > uint64(len(b)) {
			return malformed(MP4, "keys", m.keys.at, "key %d says that it has %d bytes; there are %d", place, size, len(b))
		}
		if string(b[4:size]) == "mdta"+aigcKey {
			m.addLabel(place)
		}
		b = b[size:]
	}
	if len(b) > 0 {
		return malformed(MP4, "keys", m.keys.at, "%d bytes stand behind its keys", len(b))
	}
	return nil
}

func (m *mp4Meta) addLabel(place uint32) {
	if len(m.label) == 0 {
		m.label, m.first = map[uint32]bool{}, place
	}
	m.label[place] = true
}

func (m *mp4Meta) isLabel(item *mp4Node) bool {
	return m.label[binary.BigEndian.Uint32([]byte(item.kind))]
}

// values returns the labels, which may be any number.
func (f *mp4File) values(m *mp4Meta) (all []*AIGC, err error) {
	for _, item := range m.items {
		if !m.isLabel(item) {
			continue
		}
		data, _, err := f.parseBoxes(item.body, item.at+int64(item.headSize()))
		if err != nil {
			return nil, within(MP4, "ilst, AIGC", 0, err)
		}
		for _, d := range data {
			if d.kind != "data" {
				continue
			}
			if len(d.body) < 8 {
				return nil, malformed(MP4, "ilst, AIGC", d.at, "its data are cut short")
			}
			if kind := binary.BigEndian.Uint32(d.body); kind != 1 {
				return nil, unsupported(MP4, "ilst, AIGC", d.at, "its data are of type %d; type 1 (UTF-8) is read", kind)
			}
			a, err := parseAIGC(d.body[8:])
			if err != nil {
				return nil, within(MP4, "ilst", d.at, err)
			}
			all = append(all, a)
		}
	}
	return all, nil
}

// newMeta returns a meta box of handler mdta without keys.
func newMeta() *mp4Meta {
	handler := make([]byte, 25) // version, flags, 0, the type, 12 reserved, an empty name
	copy(handler[8:], "mdta")
	return &mp4Meta{
		node:  &mp4Node{kind: "meta"},
		lead:  make([]byte, 4),
		boxes: []*mp4Node{{kind: "hdlr", body: handler}},
	}
}

// set writes the label in place of those that are there. Other keys keep their
// places, and so do their items.
func (m *mp4Meta) set(object []byte) {
	if m.keys == nil {
		m.keys = &mp4Node{kind: "keys", body: make([]byte, 8)}
		m.boxes = append(m.boxes, m.keys)
	}
	if m.ilst == nil {
		m.ilst = &mp4Node{kind: "ilst"}
		m.boxes = append(m.boxes, m.ilst)
	}
	if len(m.label) == 0 {
		count := binary.BigEndian.Uint32(m.keys.body[4:]) + 1
		m.keys.body = binary.BigEndian.AppendUint32(bytes.Clone(m.keys.body), uint32(8+len(aigcKey)))
		m.keys.body = append(m.keys.body, "mdta"+aigcKey...)
		binary.BigEndian.PutUint32(m.keys.body[4:], count)
		m.addLabel(count)
	}
	data := &mp4Node{kind: "data", body: append([]byte{0, 0, 0, 1, 0, 0, 0, 0}, object...)}
	item := &mp4Node{
		kind: string(binary.BigEndian.AppendUint32(nil, m.first)),
		body: data.encode(nil),
	}
	place := slices.IndexFunc(m.items, m.isLabel)
	if place < 0 {
		place = len(m.items)
	}
	m.clear()
	m.items = slices.Insert(m.items, place, item)
	m.update()
}

// clear takes the labels out.
func (m *mp4Meta) clear() {
	m.items = slices.DeleteFunc(slices.Clone(m.items), m.isLabel)
	m.update()
}

// update puts the items into the box.
func (m *mp4Meta) update() {
	if m.ilst != nil {
		m.ilst.body = nil
		for _, n := range m.items {
			m.ilst.body = n.encode(m.ilst.body)
		}
	}
	m.node.body = slices.Clone(m.lead)
	for _, b := range m.boxes {
		m.node.body = b.encode(m.node.body)
	}
}

// metas returns the meta boxes of handler mdta of moov/udta and moov, in that
// order, and whether another's stands in either.
func (f *mp4File) metas(moov *mp4Node) (all []*mp4Meta, others map[string]bool, err error) {
	others = map[string]bool{}
	places := slices.DeleteFunc(slices.Clone(moov.boxes), func(b *mp4Node) bool { return b.kind != "udta" })
	for _, around := range append(places, moov) {
		for _, b := range around.boxes {
			if b.kind != "meta" {
				continue
			}
			m, err := f.labelMeta(b)
			if err != nil {
				return nil, nil, err
			}
			if m == nil {
				others[around.kind] = true
			} else {
				all = append(all, m)
			}
		}
	}
	return all, others, nil
}

// only returns the first box of the kind, nil where there is none.
func (n *mp4Node) only(kind string) *mp4Node {
	for _, b := range n.boxes {
		if b.kind == kind {
			return b
		}
	}
	return nil
}

// setLabel puts the label into moov. SPEC(LBL-12)
func (f *mp4File) setLabel(moov *mp4Node, object []byte) error {
	metas, others, err := f.metas(moov)
	if err != nil {
		return err
	}
	for i, m := range metas { // SPEC(LBL-3)
		if i == 0 {
			m.set(object)
		} else {
			m.clear()
		}
	}
	switch {
	case len(metas) > 0:
		return nil
	case others["udta"] && others["moov"]:
		return unsupported(MP4, "moov", moov.at, "meta boxes of other handlers stand in both places for a label, moov/udta/meta and moov/meta")
	}
	m := newMeta()
	around := moov
	if others["udta"] {
		m.lead = nil // in moov it has QuickTime's form, which readers of cameras' files expect
	} else {
		if around = moov.only("udta"); around == nil {
			around = &mp4Node{kind: "udta", inner: true}
			moov.boxes = append(moov.boxes, around)
		}
	}
	m.set(object)
	around.boxes = append(around.boxes, m.node)
	return nil
}
