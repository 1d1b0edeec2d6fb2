package label

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"sort"
)

// An mp4Layout is a file as it will be written: boxes of the source, each kept
// or made anew. It reads like the written file, and holds none of the media.
type mp4Layout struct {
	f      *mp4File
	moov   *mp4Node
	boxes  []newBox // one for each of the source's
	behind []byte   // new, behind moov
	size   int64

	patches []mp4Patch // of kept boxes, ascending
	pieces  []mp4Piece
}

// A newBox says what becomes of a box.
type newBox struct {
	at   int64 // in the written file
	size int64
	data []byte // nil where it is kept
}

func (b *newBox) set(data []byte) { b.data, b.size = data, int64(len(data)) }

// An mp4Patch replaces bytes of a kept box.
type mp4Patch struct {
	at   int64 // in the source
	data []byte
}

// An mp4Piece is a range of the written file: new bytes, or some of the source.
type mp4Piece struct {
	at, size int64
	data     []byte // nil where it is the source's
	from     int64  // in the source
}

// place gives each box its place, mends the offsets of the file where boxes have
// moved, and cuts the written file into pieces. SPEC(LBL-12)
func (l *mp4Layout) place() error {
	var at int64
	moved := false
	for i := range l.boxes {
		b := &l.boxes[i]
		b.at = at
		moved = moved || at != l.f.boxes[i].at
		at += b.size
		if i == l.f.moov {
			at += int64(len(l.behind))
		}
	}
	l.size = at
	if moved {
		if err := l.relocate(); err != nil {
			return err
		}
	}
	for i := range l.boxes {
		if b := &l.boxes[i]; b.data != nil {
			l.pieces = append(l.pieces, mp4Piece{at: b.at, size: b.size, data: b.data})
		} else {
			l.keep(&l.f.boxes[i], b.at)
		}
		if i == l.f.moov && len(l.behind) > 0 {
			l.pieces = append(l.pieces, mp4Piece{at: l.boxes[i].at + l.boxes[i].size, size: int64(len(l.behind)), data: l.behind})
		}
	}
	return nil
}

// keep adds the pieces of a box of the source, with its patches.
func (l *mp4Layout) keep(b *mp4Box, to int64) {
	shift := to - b.at
	at := b.at
	for ; len(l.patches) > 0 && l.patches[0].at < b.end(); l.patches = l.patches[1:] {
		p := l.patches[0]
		l.pieces = append(l.pieces,
			mp4Piece{at: at + shift, size: p.at - at, from: at},
			mp4Piece{at: p.at + shift, size: int64(len(p.data)), data: p.data})
		at = p.at + int64(len(p.data))
	}
	l.pieces = append(l.pieces, mp4Piece{at: at + shift, size: b.end() - at, from: at})
}

// ReadAt reads from the written file.
func (l *mp4Layout) ReadAt(b []byte, at int64) (int, error) {
	done := 0
	i := sort.Search(len(l.pieces), func(i int) bool { return l.pieces[i].at+l.pieces[i].size > at })
	for ; i < len(l.pieces) && done < len(b); i++ {
		p := &l.pieces[i]
		skip := at + int64(done) - p.at
		n := int(min(p.size-skip, int64(len(b)-done)))
		if p.data != nil {
			copy(b[done:done+n], p.data[skip:])
		} else if err := l.f.read(b[done:done+n], p.from+skip); err != nil {
			return done, err
		}
		done += n
	}
	if done < len(b) {
		return done, io.EOF
	}
	return done, nil
}

// moved returns where the byte of the source at an offset stands in the written
// file.
func (l *mp4Layout) moved(offset uint64) (uint64, bool) {
	i, ok := l.f.boxOf(offset)
	if !ok {
		return 0, false
	}
	distance := int64(offset) - l.f.boxes[i].at
	if l.boxes[i].data != nil && distance > 0 {
		return 0, false
	}
	return uint64(l.boxes[i].at + distance), true
}

// boxOf returns the box at the top of the file in which an offset lies.
func (f *mp4File) boxOf(offset uint64) (int, bool) {
	if offset >= uint64(f.size) {
		return 0, false
	}
	return sort.Search(len(f.boxes), func(i int) bool { return f.boxes[i].end() > int64(offset) }), true
}

// relocate mends every offset of the file that counts from its start, and
// refuses files with such offsets in places that it does not know.
func (l *mp4Layout) relocate() error {
	if err := l.checkMovable(); err != nil {
		return err
	}
	if err := l.mend(l.moov); err != nil {
		return err
	}
	l.boxes[l.f.moov].set(l.moov.encode(nil))
	for i := range l.f.boxes {
		b := &l.f.boxes[i]
		if b.kind != "moof" && b.kind != "mfra" {
			continue
		}
		n, err := l.f.tree(b)
		if err != nil {
			return err
		}
		if b.kind == "mfra" {
			if err := l.mend(n); err != nil {
				return err
			}
			l.boxes[i].set(n.encode(nil))
			continue
		}
		if err := l.patch(n); err != nil {
			return err
		}
	}
	return nil
}

// mend replaces the offsets in a box that is held in memory.
func (l *mp4Layout) mend(n *mp4Node) error {
	return n.eachOffset(func(leaf *mp4Node, at, width int) error {
		return l.replace(leaf, leaf.body[at:at+width])
	})
}

// maxPatches is how many base offsets of fragments are mended at most: they are
// held in memory. SPEC(LBL-19)
const maxPatches = 1_000_000

// patch notes the new base offsets of a fragment, which is kept but for them.
func (l *mp4Layout) patch(n *mp4Node) error {
	return n.eachOffset(func(leaf *mp4Node, at, width int) error {
		if len(l.patches) == maxPatches {
			return tooLarge(MP4, leaf.kind, leaf.at, "more than %d fragments count from the start of the file", maxPatches)
		}
		field := slices.Clone(leaf.body[at : at+width])
		l.patches = append(l.patches, mp4Patch{leaf.at + int64(leaf.headSize()+at), field})
		return l.replace(leaf, field)
	})
}

// replace puts the new offset into a field of 32 or 64 bits.
func (l *mp4Layout) replace(leaf *mp4Node, field []byte) error {
	offset := fieldOffset(field)
	to, ok := l.moved(offset)
	if !ok {
		return malformed(MP4, leaf.kind, leaf.at, "the offset %d lies in no box of media", offset)
	}
	if len(field) == 8 {
		binary.BigEndian.PutUint64(field, to)
		return nil
	}
	if to > math.MaxUint32 {
		return unsupported(MP4, leaf.kind, leaf.at, "the label would move data to byte %d, beyond an offset of 32 bits; remux the file so that moov is its last box, or with 64-bit offsets", to)
	}
	binary.BigEndian.PutUint32(field, uint32(to))
	return nil
}

func fieldOffset(field []byte) uint64 {
	if len(field) == 8 {
		return binary.BigEndian.Uint64(field)
	}
	return uint64(binary.BigEndian.Uint32(field))
}

// checkMovable refuses what would not hold any more when boxes move: offsets in
// places that are not mended, and fragments and indices that count from their own
// place, where what they count to moves otherwise.
func (l *mp4Layout) checkMovable() error {
	const advice = "remux the file so that moov is its last box"
	if err := l.moov.checkMovable(l.f, advice); err != nil {
		return err
	}
	for i := range l.f.boxes {
		b := &l.f.boxes[i]
		switch b.kind {
		case "meta", "meco":
			return unsupported(MP4, b.kind, b.at, "the label would move data that it may point to; %s", advice)
		case "sidx", "moof":
			for j := i + 1; j < len(l.boxes) && (b.kind == "sidx" || l.f.boxes[j].kind != "moof"); j++ {
				if l.shift(j) != l.shift(i) && l.f.boxes[j].covered() {
					return unsupported(MP4, b.kind, b.at, "the label would move data that it points to, but not itself; put moov and XMP before it")
				}
			}
		}
	}
	return nil
}

// shift is by how much a box moves.
func (l *mp4Layout) shift(i int) int64 { return l.boxes[i].at - l.f.boxes[i].at }

// checkMovable looks for offsets in moov that are not mended.
func (n *mp4Node) checkMovable(f *mp4File, advice string) error {
	switch n.kind {
	case "saio", "cmov", "iloc":
		return unsupported(MP4, n.kind, n.at, "it holds offsets that are not known here, and the label would move what they point to; %s", advice)
	case "meta":
		if _, _, boxes := f.handler(n); (&mp4Node{boxes: boxes}).only("iloc") != nil {
			return unsupported(MP4, "iloc", n.at, "the label would move the items that it points to; %s", advice)
		}
	}
	for _, b := range n.boxes {
		if err := b.checkMovable(f, advice); err != nil {
			return err
		}
	}
	return nil
}
