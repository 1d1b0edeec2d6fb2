package label

import (
	"encoding/binary"
	"slices"
)

// unlabel puts what mp4-1 covers of the meta boxes of handler mdta in their
// places in moov and its udta, and takes out those of which it covers nothing.
// SPEC(LBL-20)
func (f *mp4File) unlabel(n *mp4Node) error {
	if n.kind != "moov" && n.kind != "udta" {
		return nil
	}
	var kept []*mp4Node
	for _, b := range n.boxes {
		if b.kind == "udta" {
			if err := f.unlabel(b); err != nil {
				return err
			}
		}
		if b.kind == "meta" {
			m, err := f.labelMeta(b)
			if err != nil {
				return err
			}
			if m != nil {
				b = m.unlabelled()
			}
		}
		if b != nil {
			kept = append(kept, b)
		}
	}
	n.boxes = kept
	return nil
}

// unlabelled returns the meta box as mp4-1 covers it, without the label; nil
// where nothing else is in it.
func (m *mp4Meta) unlabelled() *mp4Node {
	body, something := slices.Clone(m.lead), false
	for _, b := range m.boxes {
		content := b.body
		switch b.kind {
		case "free", "skip":
			continue
		case "keys":
			content = m.otherKeys()
		case "ilst":
			content = m.otherItems()
		}
		if (b.kind == "keys" || b.kind == "ilst") && content == nil {
			continue
		}
		something = something || b.kind != "hdlr"
		body = appendCovered(body, b.kind, content)
	}
	if !something {
		return nil
	}
	return &mp4Node{kind: m.node.kind, at: m.node.at, body: body}
}

// otherKeys returns the table of keys without the label's; nil where there is no
// other. That the table is sound, parseKeys has seen.
func (m *mp4Meta) otherKeys() []byte {
	const head = 8 // version, flags and the count
	out, count := slices.Clone(m.keys.body[:head]), uint32(0)
	rest := m.keys.body[head:]
	for place := uint32(1); len(rest) > 0; place++ {
		size := binary.BigEndian.Uint32(rest)
		if !m.label[place] {
			out = append(out, rest[:size]...)
			count++
		}
		rest = rest[size:]
	}
	if count == 0 {
		return nil
	}
	binary.BigEndian.PutUint32(out[head-4:], count)
	return out
}

// otherItems returns the items without the label's, each named by its key's
// place among the other keys; nil where there is none.
func (m *mp4Meta) otherItems() []byte {
	var labels []uint32
	for place := range m.label {
		labels = append(labels, place)
	}
	slices.Sort(labels)
	var out []byte
	for _, item := range m.items {
		if m.isLabel(item) {
			continue
		}
		place := binary.BigEndian.Uint32([]byte(item.kind))
		before, _ := slices.BinarySearch(labels, place)
		kind := binary.BigEndian.AppendUint32(nil, place-uint32(before))
		out = appendCovered(out, string(kind), item.body)
	}
	return out
}

// appendCovered appends a box in the form of mp4-1: type, length, content.
func appendCovered(out []byte, kind string, content []byte) []byte {
	out = binary.BigEndian.AppendUint64(append(out, kind...), uint64(len(content)))
	return append(out, content...)
}
