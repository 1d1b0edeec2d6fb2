package label

import (
	"encoding/binary"
	"io"
)

func jpegCarrier() carrier {
	return carrier{mediaType: "image/jpeg", read: readJPEG, write: writeJPEG, profile: "jpeg-1", normalise: normaliseJPEG}
}

// readJPEG reads a file's marks. SPEC(LBL-11)
func readJPEG(src io.ReaderAt, size int64) (*File, error) {
	pieces, err := jpegPieces(src, size)
	if err != nil {
		return nil, err
	}
	var packets []packet
	for _, p := range pieces {
		if p.isXMP() {
			packets = append(packets, p.xmp())
		}
	}
	file := &File{Format: JPEG}
	if file.AIGC, file.SourceType, err = readPackets(JPEG, packets); err != nil {
		return nil, err
	}
	store, err := jpegManifestStore(pieces)
	if err != nil || store == nil {
		return file, err
	}
	if file.C2PA, err = parseManifestStore(store); err != nil {
		return nil, within(JPEG, "APP11", -1, err)
	}
	return file, nil
}

// writeJPEG puts the marks into the first packet, or into a new one behind APP0
// and Exif.
func writeJPEG(dst io.Writer, src io.ReaderAt, size int64, m Marks) error {
	pieces, err := jpegPieces(src, size)
	if err != nil {
		return err
	}
	store, err := jpegManifestStore(pieces)
	if err != nil {
		return err
	}
	if err := refuseBound(JPEG, store != nil, m); err != nil {
		return err
	}
	at, found := xmpPlaceIn(pieces)
	if err := refuseShift(pieces, at); err != nil {
		return err
	}
	for i, p := range pieces {
		if i == at {
			var old []byte // none
			if found {
				old = p.xmp().text
			}
			text, err := editXMP(old, m)
			if err != nil {
				return within(JPEG, "APP1", p.offset, err)
			}
			if err := writePacket(dst, text); err != nil {
				return err
			}
			if found {
				continue
			}
		} else if p.isXMP() {
			if err := writeStripped(dst, p, m); err != nil {
				return err
			}
			continue
		}
		if _, err := dst.Write(p.raw); err != nil {
			return err
		}
	}
	return nil
}

// xmpPlaceIn returns the index of the first packet, or of the piece that a new
// one comes before. There is one: the file ends with more than these.
func xmpPlaceIn(pieces []jpegPiece) (at int, found bool) {
	for i, p := range pieces {
		if p.isXMP() {
			return i, true
		}
	}
	for at = 1; pieces[at].kind == markerAPP0 || pieces[at].isExif(); at++ {
	}
	return at, false
}

// refuseShift refuses to move images that another segment finds by their
// distance from itself.
func refuseShift(pieces []jpegPiece, at int) error {
	if pieces[len(pieces)-1].kind != pieceTrailer {
		return nil
	}
	for _, p := range pieces[:at] {
		if p.isMPF() {
			return unsupported(JPEG, "APP2", p.offset, "an index of images (MPF) stands before the XMP; writing would make it point to the wrong bytes")
		}
	}
	return nil
}

// writeStripped writes a packet that is not the file's first without the marks.
func writeStripped(dst io.Writer, p jpegPiece, m Marks) error {
	text, err := stripXMP(p.xmp().text, m)
	if err != nil {
		return within(JPEG, "APP1", p.xmp().offset, err)
	}
	return writePacket(dst, text)
}

// writePacket writes the segment of a packet. SPEC(LBL-11)
func writePacket(dst io.Writer, text []byte) error {
	if len(text) > maxJPEGPacket {
		return tooLarge(JPEG, "APP1", -1, "with the label the XMP packet would have %d bytes; a segment holds %d", len(text), maxJPEGPacket)
	}
	b := binary.BigEndian.AppendUint16([]byte{0xff, markerAPP1}, uint16(2+len(jpegXMP)+len(text)))
	_, err := dst.Write(append(append(b, jpegXMP...), text...))
	return err
}

// normaliseJPEG writes what jpeg-1 covers. SPEC(LBL-20)
func normaliseJPEG(dst io.Writer, src io.ReaderAt, size int64) error {
	pieces, err := jpegPieces(src, size)
	if err != nil {
		return err
	}
	stores := map[uint16]bool{} // by instance: the box that is open is a manifest store
	for _, p := range pieces {
		if p.isXMP() || p.isExtendedXMP() || p.isManifest(stores) {
			continue
		}
		if _, err := dst.Write(p.raw); err != nil {
			return err
		}
	}
	return nil
}
