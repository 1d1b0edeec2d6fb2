package label

import (
	"bytes"
	"encoding/binary"
	"slices"
)

const (
	zipEnd, zipEndSize     = "PK\x05\x06", 22
	zipEntry, zipEntrySize = "PK\x01\x02", 46
	zipLocal, zipLocalSize = "PK\x03\x04", 30
	zipDescriptor          = "PK\x07\x08" // which may stand before sizes that follow a part
)

// checkDirectory walks over the ZIP directory (APPNOTE 4.3): it ends the file,
// and each of its entries is the head of one part that no other one overlaps.
func checkDirectory(b []byte) error {
	end := bytes.LastIndex(b, []byte(zipEnd))
	if end < 0 || len(b)-end < zipEndSize {
		return malformed(DOCX, "", -1, "it is no ZIP archive, or its end is missing")
	}
	e := b[end:]
	count := binary.LittleEndian.Uint16(e[10:])
	size, from := binary.LittleEndian.Uint32(e[12:]), binary.LittleEndian.Uint32(e[16:])
	switch {
	case count == 1<<16-1 || size == 1<<32-1 || from == 1<<32-1:
		return unsupported(DOCX, "directory", int64(end), "it is in ZIP64, which no document of this size needs")
	case binary.LittleEndian.Uint32(e[4:]) != 0 || binary.LittleEndian.Uint16(e[8:]) != count:
		return unsupported(DOCX, "directory", int64(end), "it is one of several volumes")
	case int(binary.LittleEndian.Uint16(e[20:])) != len(e)-zipEndSize:
		return malformed(DOCX, "directory", int64(end), "%d bytes stand behind it; its comment says %d", len(e)-zipEndSize, binary.LittleEndian.Uint16(e[20:]))
	case uint64(from)+uint64(size) != uint64(end):
		return malformed(DOCX, "directory", int64(end), "it says that it has %d bytes from byte %d; it ends at byte %d", size, from, end)
	case count > maxParts:
		return tooLarge(DOCX, "directory", int64(end), "it has %d parts; at most %d are read", count, maxParts)
	}
	var taken []span
	at := int(from)
	for i := range int(count) {
		part, length, err := checkEntry(b[:end], at, int(from))
		if err != nil {
			return err
		}
		if length == 0 {
			return malformed(DOCX, "directory", int64(at), "it says that it has %d parts and has %d", count, i)
		}
		taken = append(taken, part)
		at += length
	}
	if at != end {
		return malformed(DOCX, "directory", int64(at), "%d bytes stand behind its %d entries", end-at, count)
	}
	return checkRow(taken, int(from))
}

// checkRow holds the parts to a row without gaps up to the directory: what stood
// in one would be a part to a reader that goes from head to head.
func checkRow(taken []span, directory int) error {
	slices.SortFunc(taken, func(a, b span) int { return a.start - b.start })
	at := 0
	for _, part := range append(taken, span{start: directory}) {
		switch {
		case part.start < at:
			return malformed(DOCX, "", int64(part.start), "a part begins within another")
		case part.start > at:
			return malformed(DOCX, "", int64(at), "%d bytes belong to no part", part.start-at)
		}
		at = part.end
	}
	return nil
}

// checkEntry compares the directory's entry at a place with the head of the part.
// It returns where the part stands, and the entry's length, 0 where there is none.
func checkEntry(b []byte, at, directory int) (part span, length int, err error) {
	e := b[at:]
	if len(e) < zipEntrySize || string(e[:4]) != zipEntry {
		return span{}, 0, nil
	}
	n := int(binary.LittleEndian.Uint16(e[28:]))
	length = zipEntrySize + n + int(binary.LittleEndian.Uint16(e[30:])) + int(binary.LittleEndian.Uint16(e[32:]))
	if length > len(e) {
		return span{}, 0, malformed(DOCX, "directory", int64(at), "an entry is cut short")
	}
	if hasOtherName(e[zipEntrySize+n:length], e[zipEntrySize:zipEntrySize+n]) {
		return span{}, 0, malformed(DOCX, "directory", int64(at), "an entry has a second name, which some readers take")
	}
	flags := binary.LittleEndian.Uint16(e[8:])
	compressed, expanded := binary.LittleEndian.Uint32(e[20:]), binary.LittleEndian.Uint32(e[24:])
	start := binary.LittleEndian.Uint32(e[42:])
	switch {
	case compressed == 1<<32-1 || expanded == 1<<32-1 || start == 1<<32-1:
		return span{}, 0, unsupported(DOCX, "directory", int64(at), "an entry is in ZIP64, which no document of this size needs")
	case flags&(1<<0|1<<6|1<<13) != 0:
		return span{}, 0, unsupported(DOCX, "directory", int64(at), "a part is encrypted; save the document without a password")
	case uint64(start)+zipLocalSize > uint64(directory):
		return span{}, 0, malformed(DOCX, "directory", int64(at), "a part is said to be at byte %d, where none can be", start)
	}
	l := b[start:directory]
	data := zipLocalSize + int(binary.LittleEndian.Uint16(l[26:])) + int(binary.LittleEndian.Uint16(l[28:]))
	const described = 1 << 3 // sizes follow the data
	switch {
	case string(l[:4]) != zipLocal || int(binary.LittleEndian.Uint16(l[26:])) != n || len(l) < data ||
		!bytes.Equal(l[zipLocalSize:zipLocalSize+n], e[zipEntrySize:zipEntrySize+n]):
		return span{}, 0, malformed(DOCX, "directory", int64(start), "no part of the name in the directory begins here")
	case !bytes.Equal(l[8:10], e[10:12]) || flags&described == 0 && !bytes.Equal(l[14:26], e[16:28]):
		return span{}, 0, malformed(DOCX, "directory", int64(start), "the part and the directory differ on its method, size or checksum")
	case uint64(data)+uint64(compressed) > uint64(len(l)):
		return span{}, 0, malformed(DOCX, "directory", int64(start), "the part is said to have %d bytes; there are %d", compressed, len(l)-data)
	}
	data += int(compressed)
	if flags&described != 0 {
		tail := l[data:]
		if signed := bytes.HasPrefix(tail, []byte(zipDescriptor)); signed && bytes.HasPrefix(tail[4:], e[16:28]) {
			data += 16
		} else if bytes.HasPrefix(tail, e[16:28]) {
			data += 12
		} else {
			return span{}, 0, malformed(DOCX, "directory", int64(start), "the sizes behind the part are not those in the directory")
		}
	}
	return span{int(start), int(start) + data}, length, nil
}

// hasOtherName looks for a field that gives the part another name than its own
// (APPNOTE 4.6.9: version, checksum of the name that it is for, the name).
func hasOtherName(extra, name []byte) bool {
	const field, head = 0x7075, 4 + 1 + 4
	for len(extra) >= 4 {
		size := min(4+int(binary.LittleEndian.Uint16(extra[2:])), len(extra))
		if binary.LittleEndian.Uint16(extra) == field && (size < head || !bytes.Equal(extra[head:size], name)) {
			return true
		}
		extra = extra[size:]
	}
	return false
}
