package label

import (
	"bytes"
	"encoding/binary"
	"io"
)

func mp4Carrier() carrier {
	return carrier{
		mediaType: "video/mp4", read: readMP4, write: writeMP4,
		profile: "mp4-1", normalise: normaliseMP4, streams: true,
	}
}

func readMP4(src io.ReaderAt, size int64) (*File, error) {
	f, err := openMP4(src, size)
	if err != nil {
		return nil, err
	}
	moov, err := f.tree(&f.boxes[f.moov])
	if err != nil {
		return nil, err
	}
	metas, _, err := f.metas(moov)
	if err != nil {
		return nil, err
	}
	var labels []*AIGC
	for _, m := range metas {
		values, err := f.values(m)
		if err != nil {
			return nil, err
		}
		labels = append(labels, values...)
	}
	file := &File{Format: MP4}
	var inXMP *AIGC
	if inXMP, file.SourceType, err = f.readXMP(); err != nil {
		return nil, err
	}
	if inXMP != nil {
		labels = append(labels, inXMP)
	}
	switch len(labels) {
	case 0:
	case 1:
		file.AIGC = labels[0]
	default: // SPEC(LBL-3)
		return nil, malformed(MP4, "", -1, "%d AIGC labels; a file has one", len(labels))
	}
	file.C2PA, err = f.readManifest()
	return file, err
}

// readXMP reads the packets of the file's XMP boxes.
func (f *mp4File) readXMP() (*AIGC, string, error) {
	var packets []packet
	for i := range f.boxes {
		b := &f.boxes[i]
		if b.uuid != xmpUUID {
			continue
		}
		text, err := f.payload(b, maxMetadata)
		if err != nil {
			return nil, "", err
		}
		if packets = append(packets, packet{text, "uuid (XMP)", b.at + b.head + 16}); len(packets) > maxPackets {
			return nil, "", tooLarge(MP4, "uuid (XMP)", b.at, "it has more than %d XMP boxes", maxPackets)
		}
	}
	return readPackets(MP4, packets)
}

// readManifest reads the manifest store, nil where there is none. Its box is a
// full box: version and flags, the purpose, a zero byte, the offset of the first
// box of hashes, the store (C2PA 2.2, A.5). SPEC(LBL-12)
func (f *mp4File) readManifest() (*C2PA, error) {
	const place = "uuid (C2PA)"
	var found *C2PA
	for i := range f.boxes {
		b := &f.boxes[i]
		if b.uuid != c2paUUID {
			continue
		}
		head := make([]byte, min(64, b.end()-b.at-b.head-16))
		if err := f.read(head, b.at+b.head+16); err != nil {
			return nil, err
		}
		end := bytes.IndexByte(head[min(4, len(head)):], 0)
		if end < 0 {
			return nil, malformed(MP4, place, b.at, "it does not say its purpose")
		}
		if string(head[4:4+end]) != "manifest" {
			continue
		}
		if found != nil {
			return nil, malformed(MP4, place, b.at, "a second manifest store")
		}
		p, err := f.payload(b, maxManifest+64)
		if err != nil {
			return nil, err
		}
		const lead = 4 + len("manifest\x00") + 8
		if len(p) < lead+8 {
			return nil, malformed(MP4, place, b.at, "it is cut short")
		}
		p = p[lead:]
		// Room for a store that grows may follow, filled with zero bytes.
		if n := binary.BigEndian.Uint32(p); n >= 8 && uint64(n) <= uint64(len(p)) {
			if len(bytes.Trim(p[n:], "\x00")) == 0 {
				p = p[:n]
			}
		}
		if found, err = parseManifestStore(p); err != nil {
			return nil, within(MP4, place, b.at, err)
		}
	}
	return found, nil
}

// writeMP4 lays out the written file as pieces of the source and new ones, holds
// it to what is promised, and only then copies it.
func writeMP4(dst io.Writer, src io.ReaderAt, size int64, m Marks) error {
	f, err := openMP4(src, size)
	if err != nil {
		return err
	}
	bound := false
	for _, b := range f.boxes {
		bound = bound || b.uuid == c2paUUID
	}
	if err := refuseBound(MP4, bound, m); err != nil {
		return err
	}
	layout, err := f.relabel(m)
	if err != nil {
		return err
	}
	if err := checkWritten(MP4, src, size, layout, layout.size, m); err != nil {
		return err
	}
	_, err = io.Copy(dst, io.NewSectionReader(layout, 0, layout.size))
	return err
}

// relabel lays out the file with the marks.
func (f *mp4File) relabel(m Marks) (*mp4Layout, error) {
	object, err := m.AIGC.encode(false)
	if err != nil {
		return nil, err
	}
	moov, err := f.tree(&f.boxes[f.moov])
	if err != nil {
		return nil, err
	}
	if err := f.setLabel(moov, object); err != nil {
		return nil, err
	}
	l := &mp4Layout{f: f, moov: moov, boxes: make([]newBox, len(f.boxes))}
	for i := range f.boxes {
		l.boxes[i] = newBox{size: f.boxes[i].size}
	}
	l.boxes[f.moov].set(moov.encode(nil))
	if err := l.setXMP(m); err != nil {
		return nil, err
	}
	if err := l.place(); err != nil {
		return nil, err
	}
	return l, nil
}

// setXMP puts the source type into the first XMP box, or into a new one behind
// moov, and takes labels out of all: the label is in moov.
func (l *mp4Layout) setXMP(m Marks) error {
	wanted := m.SourceType != ""
	for i := range l.f.boxes {
		b := &l.f.boxes[i]
		if b.uuid != xmpUUID {
			continue
		}
		old, err := l.f.payload(b, maxMetadata)
		if err != nil {
			return err
		}
		var packet []byte
		if wanted {
			packet, err = sourcePacket(old, m)
		} else {
			packet, err = stripXMP(old, m)
		}
		if err != nil {
			return within(MP4, "uuid (XMP)", b.at+b.head+16, err)
		}
		if wanted = false; !bytes.Equal(packet, old) {
			l.boxes[i].set(xmpBox(packet))
		}
	}
	if !wanted {
		return nil
	}
	packet, err := sourcePacket(nil, m)
	if err != nil {
		return err
	}
	l.behind = xmpBox(packet)
	return nil
}

// sourcePacket returns the packet with the source type and no label; nil makes a
// new one.
func sourcePacket(packet []byte, m Marks) ([]byte, error) {
	both, err := editXMP(packet, m)
	if err != nil {
		return nil, err
	}
	return stripXMP(both, Marks{})
}

func xmpBox(packet []byte) []byte {
	n := &mp4Node{kind: "uuid", body: append([]byte(xmpUUID), packet...)}
	return n.encode(nil)
}
