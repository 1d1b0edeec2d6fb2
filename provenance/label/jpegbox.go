package label

import (
	"bytes"
	"encoding/binary"
)

// JPEG XT (ISO/IEC 18477-3, annex B) cuts a box into APP11 segments: each holds
// "JP", the box's instance, the segment's number from 1, the box's head and a
// part of its content.
const jpegBoxHead = 16 // bytes to the end of a short box head

// isJUMBF reports whether the piece is a part of a JUMBF superbox.
func (p jpegPiece) isJUMBF() bool {
	return p.kind == markerAPP11 && len(p.payload) >= jpegBoxHead &&
		string(p.payload[:2]) == "JP" && string(p.payload[12:16]) == "jumb"
}

// isManifest reports whether the piece is a part of a manifest store, which the
// box's first part tells. Stores has what the first parts before it told.
func (p jpegPiece) isManifest(stores map[uint16]bool) bool {
	if !p.isJUMBF() {
		return false
	}
	instance := binary.BigEndian.Uint16(p.payload[2:])
	if binary.BigEndian.Uint32(p.payload[4:]) == 1 {
		head := jpegBoxHead
		if binary.BigEndian.Uint32(p.payload[8:]) == 1 { // a length of 64 bits follows
			head += 8
		}
		stores[instance] = describesManifest(p.payload[min(head, len(p.payload)):])
	}
	return stores[instance]
}

// A jpegBox is a box as far as its segments were met.
type jpegBox struct {
	offset int64 // of its first segment
	number uint32
	length uint64
	head   []byte // of the box; each segment repeats it
	joined []byte // head and content
}

// jpegManifestStore joins the segments of the C2PA manifest store; nil where
// there is none. A part that is missing or out of order is an error.
func jpegManifestStore(pieces []jpegPiece) ([]byte, error) {
	open := map[uint16]*jpegBox{} // by instance
	var store []byte
	for _, p := range pieces {
		if !p.isJUMBF() {
			continue
		}
		instance, number := binary.BigEndian.Uint16(p.payload[2:]), binary.BigEndian.Uint32(p.payload[4:])
		box := open[instance]
		if box == nil && number == 1 {
			box = &jpegBox{offset: p.offset}
			open[instance] = box
		}
		if box == nil {
			return nil, malformed(JPEG, "APP11", p.offset, "part %d of a JUMBF box without the first", number)
		}
		whole, err := box.add(p)
		if err != nil {
			return nil, err
		}
		if !whole {
			continue
		}
		delete(open, instance)
		if !box.isManifestStore() {
			continue
		}
		if store != nil {
			return nil, malformed(JPEG, "APP11", box.offset, "a second manifest store")
		}
		store = box.joined
	}
	var cut *jpegBox
	for _, box := range open {
		if cut == nil || box.offset < cut.offset {
			cut = box
		}
	}
	if cut != nil {
		return nil, malformed(JPEG, "APP11", cut.offset, "a JUMBF box of %d bytes has %d: parts are missing", cut.length, len(cut.joined))
	}
	return store, nil
}

// add joins the next part, and reports whether the box is whole.
func (b *jpegBox) add(p jpegPiece) (whole bool, err error) {
	number := binary.BigEndian.Uint32(p.payload[4:])
	if number != b.number+1 {
		return false, malformed(JPEG, "APP11", p.offset, "part %d of a JUMBF box follows part %d", number, b.number)
	}
	b.number = number
	part := p.payload[8:]
	if number == 1 {
		if err := b.start(p, part); err != nil {
			return false, err
		}
	} else if !bytes.HasPrefix(part, b.head) {
		return false, malformed(JPEG, "APP11", p.offset, "part %d of a JUMBF box does not repeat the box's head", number)
	}
	b.joined = append(b.joined, part[len(b.head):]...)
	if uint64(len(b.joined)) > b.length {
		return false, malformed(JPEG, "APP11", p.offset, "a JUMBF box of %d bytes has parts of %d", b.length, len(b.joined))
	}
	return uint64(len(b.joined)) == b.length, nil
}

// start takes the box's head from its first part.
func (b *jpegBox) start(p jpegPiece, part []byte) error {
	b.head, b.length = part[:8], uint64(binary.BigEndian.Uint32(part))
	if b.length == 1 && len(part) >= 16 {
		b.head, b.length = part[:16], binary.BigEndian.Uint64(part[8:])
	}
	if b.length < uint64(len(b.head)) {
		return malformed(JPEG, "APP11", p.offset, "a JUMBF box says that it has %d bytes", b.length)
	}
	if b.length > maxManifest {
		return tooLarge(JPEG, "APP11", p.offset, "a JUMBF box of %d bytes; at most %d are read", b.length, maxManifest)
	}
	b.joined = bytes.Clone(b.head)
	return nil
}

func (b *jpegBox) isManifestStore() bool { return describesManifest(b.joined[len(b.head):]) }

// describesManifest tells what a JUMBF superbox holds by the type in its
// description, the first box within.
func describesManifest(content []byte) bool {
	return len(content) >= 12 && string(content[4:12]) == "jumdc2pa"
}
