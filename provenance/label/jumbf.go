package label

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// A jumbfBox is one box of ISO 19566-5, "JUMBF". A superbox has a type and
// perhaps a label, which its first box (jumd) gives, and boxes; another has
// bytes.
type jumbfBox struct {
	kind     string // four characters: jumb for a superbox
	offset   int64  // in the store
	content  []byte // of one that is no superbox
	typeID   [16]byte
	label    string
	children []*jumbfBox
}

// contentType returns the first four bytes of a superbox's type, which name it
// in C2PA's types and in JUMBF's own; empty for a type of another family.
func (b *jumbfBox) contentType() string {
	family := []byte{0x00, 0x11, 0x00, 0x10, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71}
	if !bytes.Equal(b.typeID[4:], family) {
		return ""
	}
	return string(b.typeID[:4])
}

// find returns the first superbox of that type right below b.
func (b *jumbfBox) find(contentType string) *jumbfBox {
	for _, c := range b.children {
		if c.kind == "jumb" && c.contentType() == contentType {
			return c
		}
	}
	return nil
}

// data returns the bytes of the first box of that kind right below b.
func (b *jumbfBox) data(kind string) ([]byte, bool) {
	for _, c := range b.children {
		if c.kind == kind {
			return c.content, true
		}
	}
	return nil, false
}

// A jumbfParser counts what it has met, against the limits of LBL-19.
type jumbfParser struct {
	boxes int
}

// parseBoxes reads boxes that fill b, which starts at offset in the store.
func (p *jumbfParser) parseBoxes(b []byte, offset int64, depth int) ([]*jumbfBox, error) {
	if depth > maxNesting {
		return nil, tooLarge("", "", offset, "boxes are nested more than %d deep", maxNesting)
	}
	var out []*jumbfBox
	for len(b) > 0 {
		if p.boxes++; p.boxes > maxPieces {
			return nil, tooLarge("", "", offset, "more than %d boxes", maxPieces)
		}
		kind, head, length, err := boxHead(b, offset)
		if err != nil {
			return nil, err
		}
		box := &jumbfBox{kind: kind, offset: offset, content: b[head:length]}
		if kind == "jumb" {
			if err := p.parseSuperbox(box, offset+int64(head), depth); err != nil {
				return nil, err
			}
		}
		out = append(out, box)
		b, offset = b[length:], offset+int64(length)
	}
	return out, nil
}

// boxHead returns a box's type and the bytes of its head and of the whole.
func boxHead(b []byte, offset int64) (kind string, head, length int, err error) {
	if len(b) < 8 {
		return "", 0, 0, malformed("", "", offset, "%d bytes are left, too few for a box", len(b))
	}
	kind, head = string(b[4:8]), 8
	size := uint64(binary.BigEndian.Uint32(b))
	switch size {
	case 0: // to the end of what is around it
		size = uint64(len(b))
	case 1:
		if len(b) < 16 {
			return "", 0, 0, malformed("", "", offset, "the box %q ends within its length", kind)
		}
		size, head = binary.BigEndian.Uint64(b[8:]), 16
	}
	if size < uint64(head) || size > uint64(len(b)) {
		return "", 0, 0, malformed("", "", offset, "the box %q says that it has %d bytes; there are %d", kind, size, len(b))
	}
	return kind, head, int(size), nil
}

func (p *jumbfParser) parseSuperbox(box *jumbfBox, offset int64, depth int) error {
	children, err := p.parseBoxes(box.content, offset, depth+1)
	if err != nil {
		return err
	}
	if len(children) == 0 || children[0].kind != "jumd" {
		return malformed("", "", box.offset, "a superbox does not start with its description")
	}
	box.children, box.content = children[1:], nil
	return box.describe(children[0].content)
}

// describe reads a description box: type, toggles, label. What may follow the
// label (id, hash, private boxes) is not needed.
func (b *jumbfBox) describe(d []byte) error {
	if len(d) < 17 {
		return malformed("", "", b.offset, "the description of a superbox has %d bytes, too few for its type", len(d))
	}
	copy(b.typeID[:], d)
	const hasLabel = 2
	if d[16]&hasLabel == 0 {
		return nil
	}
	label, _, ended := bytes.Cut(d[17:], []byte{0})
	if !ended || len(label) > maxBoxLabel || !utf8.Valid(label) || bytes.ContainsFunc(label, unicode.IsControl) {
		return malformed("", "", b.offset, "the label of a superbox is not at most %d bytes of UTF-8 without control characters, and a zero byte", maxBoxLabel)
	}
	b.label = string(label)
	return nil
}
