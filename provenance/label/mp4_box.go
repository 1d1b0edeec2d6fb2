package label

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// maxMovie is how many bytes of moov, moof and mfra are held in memory, each.
// SPEC(LBL-19)
const maxMovie = 16 << 20

// The extended types of the two uuid boxes that matter. SPEC(LBL-12)
const (
	xmpUUID  = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac"
	c2paUUID = "\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81"
)

// An mp4Box is a box at the top of the file. Its payload may be of any size and
// is not read.
type mp4Box struct {
	kind string // four bytes
	uuid string // the extended type, sixteen bytes, of a uuid box
	at   int64  // of the header, in the file
	head int64  // bytes of the header, without the extended type
	size int64  // bytes of the whole
}

func (b *mp4Box) end() int64 { return b.at + b.size }

// covered tells the boxes that mp4-1 covers.
func (b *mp4Box) covered() bool {
	return b.kind != "free" && b.kind != "skip" && b.uuid != xmpUUID && b.uuid != c2paUUID
}

// An mp4File is a file as a row of boxes.
type mp4File struct {
	src   io.ReaderAt
	size  int64
	boxes []mp4Box
	moov  int // index in boxes
	seen  int // boxes so far: at the top, or in the box that is looked into
}

// openMP4 walks over the boxes at the top of the file (ISO/IEC 14496-12, 4.2).
func openMP4(src io.ReaderAt, size int64) (*mp4File, error) {
	f := &mp4File{src: src, size: size, moov: -1}
	for at := int64(0); at < size; {
		b, err := f.boxAt(at)
		if err != nil {
			return nil, err
		}
		if b.kind == "moov" {
			if f.moov >= 0 {
				return nil, malformed(MP4, "moov", at, "a second one; the first is at byte %d", f.boxes[f.moov].at)
			}
			f.moov = len(f.boxes)
		}
		f.boxes = append(f.boxes, b)
		at = b.end()
	}
	if f.moov < 0 {
		return nil, malformed(MP4, "", -1, "it has no moov box")
	}
	return f, nil
}

// boxAt reads the header of the box at the top of the file.
func (f *mp4File) boxAt(at int64) (mp4Box, error) {
	head := make([]byte, min(32, f.size-at))
	if err := f.read(head, at); err != nil {
		return mp4Box{}, err
	}
	kind, n, size, err := f.header(head, at, f.size-at)
	if err != nil {
		return mp4Box{}, err
	}
	b := mp4Box{kind: kind, at: at, head: int64(n), size: size}
	if kind == "uuid" {
		if size < b.head+16 {
			return mp4Box{}, malformed(MP4, "uuid", at, "it has %d bytes, too few for its extended type", size)
		}
		b.uuid = string(head[n : n+16])
	}
	return b, nil
}

// header reads a box's header from the bytes at its start, of which there are
// left to the end of the file or of the box around it. A size of 0 reaches to
// that end.
func (f *mp4File) header(b []byte, at, left int64) (kind string, head int, size int64, err error) {
	if f.seen++; f.seen > maxPieces {
		return "", 0, 0, tooLarge(MP4, "", at, "there are more than %d boxes", maxPieces)
	}
	if len(b) < 8 {
		return "", 0, 0, malformed(MP4, "", at, "%d bytes are left, too few for a box", len(b))
	}
	kind, head = string(b[4:8]), 8
	declared := uint64(binary.BigEndian.Uint32(b))
	switch declared {
	case 0:
		declared = uint64(left)
	case 1:
		if len(b) < 16 {
			return "", 0, 0, malformed(MP4, boxName(kind), at, "its 64-bit size is cut short")
		}
		declared, head = binary.BigEndian.Uint64(b[8:]), 16
	}
	if declared < uint64(head) || declared > uint64(left) {
		return "", 0, 0, malformed(MP4, boxName(kind), at, "it says that it has %d bytes; there are %d up to the end of what it is in", declared, left)
	}
	return kind, head, int64(declared), nil
}

// boxName shows a box's type.
func boxName(kind string) string {
	for i := range len(kind) {
		if kind[i] < 0x20 || kind[i] > 0x7e {
			return fmt.Sprintf("box %x", kind)
		}
	}
	return kind
}

// read fills b from the file.
func (f *mp4File) read(b []byte, at int64) error {
	if n, err := f.src.ReadAt(b, at); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("read %d bytes of the MP4 file at byte %d: %w", len(b), at, err)
	}
	return nil
}

// payload returns what stands in a box behind its header and extended type.
func (f *mp4File) payload(b *mp4Box, most int64) ([]byte, error) {
	from := b.at + b.head + int64(len(b.uuid))
	n := b.end() - from
	if n > most {
		return nil, tooLarge(MP4, boxName(b.kind), b.at, "it has %d bytes; at most %d are read", n, most)
	}
	p := make([]byte, n)
	return p, f.read(p, from)
}

// An mp4Node is a box that is held in memory: a container with its boxes, or a
// leaf with its bytes.
type mp4Node struct {
	kind  string
	at    int64 // of the header, in the file
	wide  bool  // its header has a 64-bit size
	boxes []*mp4Node
	body  []byte // what a leaf holds; of a container, what stands behind its boxes
	inner bool   // it is a container
}

// isContainer tells the boxes that are looked into, by the box around them.
// SPEC(LBL-20)
func isContainer(around, kind string) bool {
	switch around + "/" + kind {
	case "/moov", "moov/trak", "moov/udta", "trak/mdia", "mdia/minf", "minf/dinf", "minf/stbl",
		"/moof", "moof/traf", "/mfra":
		return true
	}
	return false
}

// tree reads a box at the top of the file with all that is in it.
func (f *mp4File) tree(b *mp4Box) (*mp4Node, error) {
	body, err := f.payload(b, maxMovie)
	if err != nil {
		return nil, err
	}
	f.seen = 0
	n := &mp4Node{kind: b.kind, at: b.at, wide: b.head == 16}
	return n, f.grow(n, "", body, b.at+b.head)
}

// grow puts the bytes of a box, which are at the given place in the file, into
// the node. The nesting is that of isContainer, so it has an end.
func (f *mp4File) grow(n *mp4Node, around string, body []byte, at int64) (err error) {
	if n.inner = isContainer(around, n.kind); !n.inner {
		n.body = body
		return nil
	}
	if n.boxes, n.body, err = f.parseBoxes(body, at); err != nil {
		return within(MP4, n.kind, 0, err)
	}
	for _, b := range n.boxes {
		if err := f.grow(b, n.kind, b.body, b.at+int64(b.headSize())); err != nil {
			return err
		}
	}
	return nil
}

// parseBoxes reads a row of boxes as leaves. Four zero bytes may end it, which
// QuickTime puts behind the last one.
func (f *mp4File) parseBoxes(b []byte, at int64) (boxes []*mp4Node, tail []byte, err error) {
	for len(b) > 0 {
		if string(b) == "\x00\x00\x00\x00" {
			return boxes, b, nil
		}
		kind, head, size, err := f.header(b, at, int64(len(b)))
		if err != nil {
			return nil, nil, err
		}
		if binary.BigEndian.Uint32(b) == 0 {
			return nil, nil, malformed(MP4, boxName(kind), at, "it has no size")
		}
		boxes = append(boxes, &mp4Node{kind: kind, at: at, wide: head == 16, body: b[head:size]})
		b, at = b[size:], at+size
	}
	return boxes, nil, nil
}

func (n *mp4Node) headSize() int {
	if n.wide {
		return 16
	}
	return 8
}

// encode appends the box.
func (n *mp4Node) encode(out []byte) []byte {
	start := len(out)
	out = append(out, 0, 0, 0, 0)
	out = append(out, n.kind...)
	if n.wide {
		out = append(out, make([]byte, 8)...)
	}
	for _, b := range n.boxes {
		out = b.encode(out)
	}
	out = append(out, n.body...)
	size := uint64(len(out) - start)
	if n.wide {
		binary.BigEndian.PutUint32(out[start:], 1)
		binary.BigEndian.PutUint64(out[start+8:], size)
	} else { // at most maxMovie and a label
		binary.BigEndian.PutUint32(out[start:], uint32(min(size, math.MaxUint32)))
	}
	return out
}
