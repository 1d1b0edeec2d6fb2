package label

import (
	"encoding/binary"
	"fmt"
	"io"
)

// normaliseMP4 is the profile mp4-1. SPEC(LBL-20)
func normaliseMP4(dst io.Writer, src io.ReaderAt, size int64) error {
	f, err := openMP4(src, size)
	if err != nil {
		return err
	}
	ordinals := make([]uint64, len(f.boxes))
	for i := 1; i < len(f.boxes); i++ {
		ordinals[i] = ordinals[i-1]
		if f.boxes[i-1].covered() {
			ordinals[i]++
		}
	}
	for i := range f.boxes {
		b := &f.boxes[i]
		if !b.covered() {
			continue
		}
		if b.kind != "moov" && b.kind != "moof" && b.kind != "mfra" {
			err = f.copyBox(dst, b)
		} else {
			err = f.normaliseTree(dst, i, ordinals)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyBox writes a box's type, the length of its payload and the payload.
func (f *mp4File) copyBox(dst io.Writer, b *mp4Box) error {
	n := b.size - b.head
	if _, err := dst.Write(binary.BigEndian.AppendUint64([]byte(b.kind), uint64(n))); err != nil {
		return err
	}
	copied, err := io.Copy(dst, io.NewSectionReader(f.src, b.at+b.head, n))
	if err == nil && copied < n {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read %d bytes of the MP4 file at byte %d: %w", n, b.at+b.head, err)
	}
	return nil
}

// normaliseTree writes a box that is looked into.
func (f *mp4File) normaliseTree(dst io.Writer, i int, ordinals []uint64) error {
	n, err := f.tree(&f.boxes[i])
	if err != nil {
		return err
	}
	if err := f.unlabel(n); err != nil {
		return err
	}
	w := &mp4Normal{f: f, ordinals: ordinals}
	out, err := w.box(nil, n)
	if err != nil {
		return err
	}
	if n.kind == "moof" { // offsets of a fragment may count from its own start
		next := i + 1
		for next < len(f.boxes) && !f.boxes[next].covered() {
			next++
		}
		end := f.size
		if next < len(f.boxes) {
			end = f.boxes[next].at
		}
		out = binary.BigEndian.AppendUint64(out, uint64(end-f.boxes[i].end()))
	}
	_, err = dst.Write(out)
	return err
}

// An mp4Normal writes boxes as mp4-1 covers them.
type mp4Normal struct {
	f        *mp4File
	ordinals []uint64 // by box: how many covered boxes stand before it
}

// box appends the box's type, the length of what follows, and that.
func (w *mp4Normal) box(out []byte, n *mp4Node) (_ []byte, err error) {
	if n.leftOut() {
		return out, nil
	}
	out = append(out, n.kind...)
	start := len(out)
	out = append(out, make([]byte, 8)...)
	if n.inner {
		for _, b := range n.boxes {
			if out, err = w.box(out, b); err != nil {
				return nil, err
			}
		}
	} else if out, err = w.leaf(out, n); err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint64(out[start:], uint64(len(out)-start-8))
	return out, nil
}

// leftOut tells the boxes that mp4-1 does not cover within others.
func (n *mp4Node) leftOut() bool {
	switch {
	case n.kind == "free" || n.kind == "skip":
		return true
	case n.kind == "udta" && n.inner:
		for _, b := range n.boxes {
			if !b.leftOut() {
				return false
			}
		}
		return true
	}
	return false
}

// leaf appends what a leaf holds, each offset as the box that it points into and
// the distance from that box's start.
func (w *mp4Normal) leaf(out []byte, n *mp4Node) ([]byte, error) {
	done := 0
	err := n.eachOffset(func(_ *mp4Node, at, width int) error {
		offset := fieldOffset(n.body[at : at+width])
		ordinal, distance, err := w.relation(n, offset)
		out = append(out, n.body[done:at]...)
		out = binary.BigEndian.AppendUint64(out, ordinal)
		out = binary.BigEndian.AppendUint64(out, distance)
		done = at + width
		return err
	})
	return append(out, n.body[done:]...), err
}

// relation says into which covered box an offset points, and how far.
func (w *mp4Normal) relation(leaf *mp4Node, offset uint64) (ordinal, distance uint64, err error) {
	i, ok := w.f.boxOf(offset)
	if !ok || !w.f.boxes[i].covered() {
		return 0, 0, malformed(MP4, leaf.kind, leaf.at, "the offset %d lies in no box of media", offset)
	}
	return w.ordinals[i], offset - uint64(w.f.boxes[i].at), nil
}
