package label

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Markers of JPEG (ITU-T T.81, table B.1) that are told apart here. The rest
// have a length behind them and are passed over by it.
const (
	markerSOI   = 0xd8
	markerEOI   = 0xd9
	markerSOS   = 0xda
	markerTEM   = 0x01
	markerRST0  = 0xd0
	markerRST7  = 0xd7
	markerAPP0  = 0xe0
	markerAPP1  = 0xe1
	markerAPP2  = 0xe2
	markerAPP11 = 0xeb
	markerAPP15 = 0xef

	pieceData    = 0x100 // entropy-coded data behind a start of scan
	pieceTrailer = 0x101 // what follows the end of the image
)

const (
	jpegXMP         = "http://ns.adobe.com/xap/1.0/\x00"
	jpegExtendedXMP = "http://ns.adobe.com/xmp/extension/\x00"
	maxJPEGPacket   = 65502 // bytes of XMP in one segment
)

// A jpegPiece is a segment of a JPEG file, or the bytes between segments.
type jpegPiece struct {
	kind    int    // marker, or one of piece…
	offset  int64  // in the file
	raw     []byte // as it stands, with the fill bytes before the marker
	payload []byte // of a segment: what follows its length
}

func (p jpegPiece) isXMP() bool {
	return p.kind == markerAPP1 && bytes.HasPrefix(p.payload, []byte(jpegXMP))
}

func (p jpegPiece) isExtendedXMP() bool {
	return p.kind == markerAPP1 && bytes.HasPrefix(p.payload, []byte(jpegExtendedXMP))
}

func (p jpegPiece) isExif() bool {
	return p.kind == markerAPP1 && bytes.HasPrefix(p.payload, []byte("Exif\x00"))
}

// isMPF reports whether the piece lists images behind the first (CIPA DC-007).
func (p jpegPiece) isMPF() bool {
	return p.kind == markerAPP2 && bytes.HasPrefix(p.payload, []byte("MPF\x00"))
}

// xmp returns the packet of a piece that isXMP.
func (p jpegPiece) xmp() packet {
	text := p.payload[len(jpegXMP):]
	return packet{text, "APP1", p.offset + int64(len(p.raw)-len(text))}
}

// A jpegScanner cuts a file into pieces.
type jpegScanner struct {
	b       []byte
	at      int
	pieces  []jpegPiece
	packets int
}

// jpegPieces reads a file's pieces, which together are the file.
func jpegPieces(src io.ReaderAt, size int64) ([]jpegPiece, error) {
	b, err := readAll(JPEG, src, size)
	if err != nil {
		return nil, err
	}
	s := &jpegScanner{b: b}
	if err := s.scan(); err != nil {
		return nil, err
	}
	return s.pieces, nil
}

func (s *jpegScanner) scan() error {
	if !bytes.HasPrefix(s.b, []byte{0xff, markerSOI}) {
		return malformed(JPEG, "", 0, "it does not start with a start of image")
	}
	s.take(markerSOI, 2, 0)
	image := false
	for {
		kind, err := s.segment()
		if err != nil {
			return err
		}
		if len(s.pieces) > maxPieces {
			return tooLarge(JPEG, "", int64(s.at), "more than %d segments", maxPieces)
		}
		switch kind {
		case markerSOS:
			image = true
			s.take(pieceData, s.scanData(), 0)
		case markerEOI:
			if !image {
				return malformed(JPEG, "", int64(s.at), "the image ends without a scan")
			}
			if s.at < len(s.b) {
				s.take(pieceTrailer, len(s.b)-s.at, 0)
			}
			return nil
		}
	}
}

// take makes the next n bytes a piece, of which the last are its payload.
func (s *jpegScanner) take(kind, n, payload int) {
	raw := s.b[s.at : s.at+n]
	s.pieces = append(s.pieces, jpegPiece{kind, int64(s.at), raw, raw[n-payload:]})
	s.at += n
}

// segment takes the segment that starts here.
func (s *jpegScanner) segment() (kind int, err error) {
	rest := s.b[s.at:]
	head := 0
	for head < len(rest) && rest[head] == 0xff {
		head++
	}
	switch {
	case head == len(rest):
		return 0, malformed(JPEG, "", int64(len(s.b)), "the file ends where a segment should be; the end of image is missing")
	case head == 0:
		return 0, malformed(JPEG, "", int64(s.at), "the byte %#02x stands where a marker should be", rest[0])
	}
	kind = int(rest[head])
	head++ // fill bytes and the marker
	switch {
	case kind == markerEOI || kind == markerTEM:
		s.take(kind, head, 0)
		return kind, nil
	case kind < 0xc0 || markerRST0 <= kind && kind <= markerSOI:
		return 0, malformed(JPEG, "", int64(s.at), "the marker %#02x is not one of a segment", kind)
	case len(rest) < head+2:
		return 0, malformed(JPEG, segmentName(kind), int64(s.at), "the file ends within the segment's length")
	}
	length := int(binary.BigEndian.Uint16(rest[head:])) // counts itself
	if length < 2 || length > len(rest)-head {
		return 0, malformed(JPEG, segmentName(kind), int64(s.at), "the segment says that it has %d bytes; %d are left", length, len(rest)-head)
	}
	s.take(kind, head+length, length-2)
	if p := s.pieces[len(s.pieces)-1]; p.isXMP() {
		if s.packets++; s.packets > maxPackets {
			return 0, tooLarge(JPEG, "APP1", p.offset, "more than %d packets of XMP", maxPackets)
		}
	}
	return kind, nil
}

// scanData returns how many bytes of entropy-coded data stand here: up to a
// marker that is not a restart's, with the fill bytes before it.
func (s *jpegScanner) scanData() int {
	rest := s.b[s.at:]
	for i := 0; ; {
		next := bytes.IndexByte(rest[i:], 0xff)
		if next < 0 {
			return len(rest)
		}
		start := i + next
		for i = start; i < len(rest) && rest[i] == 0xff; i++ {
		}
		if i == len(rest) {
			return len(rest)
		}
		if c := rest[i]; c != 0 && (c < markerRST0 || c > markerRST7) {
			return start
		}
	}
}

// segmentName names a marker for errors.
func segmentName(kind int) string {
	if kind >= markerAPP0 && kind <= markerAPP15 {
		return fmt.Sprintf("APP%d", kind-markerAPP0)
	}
	return fmt.Sprintf("segment %02X", kind)
}
