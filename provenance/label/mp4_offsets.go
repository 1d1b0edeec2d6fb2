package label

import "encoding/binary"

// eachOffset calls f for each field of the box, and of those in it, that holds
// an offset from the start of the file: where it stands in the leaf's bytes, and
// its width of 4 or 8. SPEC(LBL-20)
func (n *mp4Node) eachOffset(f func(leaf *mp4Node, at, width int) error) error {
	for _, b := range n.boxes {
		if err := b.eachOffset(f); err != nil {
			return err
		}
	}
	if n.inner {
		return nil
	}
	switch n.kind {
	case "stco":
		return n.eachRow(4, 8, 4, f)
	case "co64":
		return n.eachRow(4, 8, 8, f)
	case "tfhd":
		return n.baseOffset(f)
	case "tfra":
		return n.randomAccess(f)
	case "dref":
		return n.checkReferences()
	}
	return nil
}

// eachRow goes over the chunks of a track: a count of 32 bits, then that many
// offsets (ISO/IEC 14496-12, 8.7.5).
func (n *mp4Node) eachRow(count, first, width int, f func(leaf *mp4Node, at, width int) error) error {
	if len(n.body) < first {
		return malformed(MP4, n.kind, n.at, "it is cut short")
	}
	rows := int64(binary.BigEndian.Uint32(n.body[count:]))
	if rows*int64(width) != int64(len(n.body)-first) {
		return malformed(MP4, n.kind, n.at, "it says that it has %d offsets; it has %d bytes of them", rows, len(n.body)-first)
	}
	for at := first; at < len(n.body); at += width {
		if err := f(n, at, width); err != nil {
			return err
		}
	}
	return nil
}

// baseOffset goes to a fragment's base offset, where it has one (8.8.7).
func (n *mp4Node) baseOffset(f func(leaf *mp4Node, at, width int) error) error {
	const hasBase = 1
	switch {
	case len(n.body) < 8:
		return malformed(MP4, n.kind, n.at, "it is cut short")
	case n.body[3]&hasBase == 0:
		return nil
	case len(n.body) < 16:
		return malformed(MP4, n.kind, n.at, "its base offset is cut short")
	}
	return f(n, 8, 8)
}

// randomAccess goes over the entries of a table of fragments (8.8.10): time and
// offset, of 32 bits or in version 1 of 64, then three numbers of 1 to 4 bytes.
func (n *mp4Node) randomAccess(f func(leaf *mp4Node, at, width int) error) error {
	const first = 16
	if len(n.body) < first {
		return malformed(MP4, n.kind, n.at, "it is cut short")
	}
	width := 4
	if n.body[0] == 1 {
		width = 8
	}
	sizes := n.body[11]
	entry := 2*width + 3 + int(sizes&3) + int(sizes>>2&3) + int(sizes>>4&3)
	rows := int64(binary.BigEndian.Uint32(n.body[12:]))
	if rows*int64(entry) != int64(len(n.body)-first) {
		return malformed(MP4, n.kind, n.at, "it says that it has %d entries of %d bytes; it has %d bytes of them", rows, entry, len(n.body)-first)
	}
	for at := first; at < len(n.body); at += entry {
		if err := f(n, at+width, width); err != nil {
			return err
		}
	}
	return nil
}

// checkReferences refuses media in other files (8.7.2): offsets into those are
// none into this. The lowest flag of an entry says that its media are here.
func (n *mp4Node) checkReferences() error {
	if len(n.body) < 8 {
		return malformed(MP4, n.kind, n.at, "it is cut short")
	}
	for b := n.body[8:]; len(b) > 0; {
		if len(b) < 12 {
			return malformed(MP4, n.kind, n.at, "an entry is cut short")
		}
		size := binary.BigEndian.Uint32(b)
		if size < 12 || uint64(size) > uint64(len(b)) {
			return malformed(MP4, n.kind, n.at, "an entry says that it has %d bytes; there are %d", size, len(b))
		}
		if b[11]&1 == 0 {
			return unsupported(MP4, n.kind, n.at, "the media of a track are in another file")
		}
		b = b[size:]
	}
	return nil
}
