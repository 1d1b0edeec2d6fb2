package backup

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"tokentrail/provenance"
)

const (
	headersFormat = "tokentrail/backup/headers/v1"
	// maxLightBlock bounds a light block, with the validator set of a very large
	// network.
	maxLightBlock = 16 << 20
)

// A Header is what a backup has to know of a light block.
type Header struct {
	Height  int64
	Hash    provenance.Hash // of the header
	Parent  provenance.Hash // hash of the header before; zero at height 1
	AppHash provenance.Hash // after the height before

	Validators     provenance.Hash // hash of those who signed it
	NextValidators provenance.Hash // of those who are to sign the next
}

// headersHead begins a segment of light blocks (SPEC(NOD-63)).
func headersHead(genesis provenance.Hash, first int64) []byte {
	b := provenance.AppendInt(provenance.AppendArray(nil, 5), itemHead)
	b = provenance.AppendText(b, headersFormat)
	b = provenance.AppendBytes(b, genesis[:])
	return sealItem(provenance.AppendInt(b, first))
}

// splitLightBlock cuts a light block behind its first field, so that the second,
// the validator set, need not be stored where it is that of the height before.
// What is no such message is all first part.
func splitLightBlock(b []byte) (signed, set []byte) {
	if len(b) == 0 || b[0] != 0x0a { // field 1, length-delimited
		return b, nil
	}
	n, width := binary.Uvarint(b[1:])
	if width <= 0 || n > uint64(len(b)-1-width) {
		return b, nil
	}
	cut := 1 + width + int(n)
	return b[:cut], b[cut:]
}

// A headersWriter writes new segments of light blocks. Owned by one goroutine.
type headersWriter struct {
	dir     string
	genesis provenance.Hash
	most    int64
	next    int64
	set     []byte // of the light block before, in this segment
	out     *writer
	files   []string
	bytes   int64
}

func (w *headersWriter) add(lightBlock []byte) (err error) {
	signed, set := splitLightBlock(lightBlock)
	if len(set) == 0 {
		return fmt.Errorf("the light block of height %d has no validator set", w.next)
	}
	if w.out != nil && w.out.bytes+int64(len(lightBlock)) > w.most {
		if err := w.close(); err != nil {
			return err
		}
	}
	if w.out == nil {
		w.set = nil
		if w.out, err = create(w.dir, fileName(headersPrefix, w.next)); err != nil {
			return err
		}
		if err := w.out.write(headersHead(w.genesis, w.next)); err != nil {
			return err
		}
	}
	if bytes.Equal(set, w.set) {
		set = nil
	} else {
		w.set = set
	}
	b := provenance.AppendInt(provenance.AppendArray(nil, 5), itemBody)
	b = provenance.AppendInt(b, w.next)
	b = provenance.AppendBytes(provenance.AppendBytes(b, signed), set)
	w.next++
	return w.out.write(sealItem(b))
}

func (w *headersWriter) close() error {
	if w.out == nil {
		return nil
	}
	b := provenance.AppendInt(provenance.AppendArray(nil, 3), itemEnd)
	if err := w.out.close(provenance.AppendInt(b, w.next)); err != nil {
		return err
	}
	w.files, w.bytes, w.out = append(w.files, w.out.name), w.bytes+w.out.bytes, nil
	return nil
}

func (w *headersWriter) abandon() {
	if w.out != nil {
		w.out.abandon()
	}
}

// readHeaders reads a segment and calls visit for each light block; it returns
// the height behind the last.
func readHeaders(dir string, genesis provenance.Hash, first int64, visit func(height int64, lightBlock []byte) error) (next int64, err error) {
	f, r, err := openFile(dir, fileName(headersPrefix, first))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	r.begun(5, headersFormat, genesis, first)
	r.check()
	next = first
	var set []byte
	for {
		n, kind := r.begin()
		if r.err == nil && kind == itemEnd && n == 3 {
			if got := r.integer(); r.err == nil && got != next {
				r.fail("it ends before height %d, its light blocks before %d", got, next)
			}
			r.end()
			return next, r.err
		}
		if r.err == nil && (n != 5 || kind != itemBody) {
			r.fail("an item of %d elements and kind %d is neither a light block nor the end", n, kind)
		}
		height, signed, newSet := r.integer(), r.bytes(maxLightBlock), r.bytes(maxLightBlock)
		r.check()
		if r.err == nil && height != next {
			r.fail("height %d, wanted %d", height, next)
		}
		if r.err != nil {
			return next, r.err
		}
		if len(newSet) > 0 {
			set = newSet
		}
		next++
		if err := visit(height, append(signed, set...)); err != nil {
			return next, err
		}
	}
}

// link wants h to be the header of a height and to follow the one before, if that
// is known, signed by the validators that this one announced: anybody can sign
// for validators of his own.
func link(h Header, height int64, before *Header) error {
	switch {
	case h.Height != height:
		return fmt.Errorf("the light block of height %d is of height %d", height, h.Height)
	case before != nil && h.Validators != before.NextValidators:
		return fmt.Errorf("the header of height %d is signed by the validators %s, and that of height %d announced %s", height, h.Validators, before.Height, before.NextValidators)
	case before != nil && h.Parent != before.Hash:
		return fmt.Errorf("the header of height %d follows %s, and that of height %d is %s", height, h.Parent, before.Height, before.Hash)
	}
	return nil
}
