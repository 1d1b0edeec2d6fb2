package label

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// manifestMagic opens what the selectors of C2PA spell: the name, then a version
// of one byte and the store's length in 32 bits, big-endian.
const (
	manifestMagic = "C2PATXT\x00"
	wrapperHead   = len(manifestMagic) + 1 + 4
)

// A wrapper is the range of a text that spells a manifest store, and the store.
type wrapper struct {
	from, to int
	store    []byte
}

func textCarrier() carrier {
	return carrier{
		mediaType: "text/plain", read: readText, write: writeText,
		profile: "text-1", normalise: normaliseText,
	}
}

func readText(src io.ReaderAt, size int64) (*File, error) {
	b, err := readUTF8(Text, src, size)
	if err != nil {
		return nil, err
	}
	file := &File{Format: Text}
	file.C2PA, err = textManifest(Text, b)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// writeText refuses: SPEC(LBL-15).
func writeText(io.Writer, io.ReaderAt, int64, Marks) error {
	return unsupported(Text, "", -1, "plain text has no place for metadata; Markdown has: name the file .md")
}

// readUTF8 returns the bytes of a file that must be UTF-8.
func readUTF8(f Format, src io.ReaderAt, size int64) ([]byte, error) {
	b, err := readAll(f, src, size)
	if err != nil {
		return nil, err
	}
	if utf8.Valid(b) {
		return b, nil
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n < 2 {
			return nil, malformed(f, "", int64(i), "it is not UTF-8; the byte %#02x stands where no character can", b[i])
		}
		i += n
	}
}

// textManifest reads the manifest store that a text's selectors spell, nil where
// there is none.
func textManifest(f Format, b []byte) (*C2PA, error) {
	w, err := findWrapper(f, b)
	if err != nil || w == nil {
		return nil, err
	}
	c, err := parseManifestStore(w.store)
	if err != nil {
		return nil, within(f, "C2PA selectors", -1, err)
	}
	return c, nil
}

// findWrapper returns the one run of U+FEFF and variation selectors that spells
// a manifest store, nil where there is none. SPEC(LBL-15)
func findWrapper(f Format, b []byte) (*wrapper, error) {
	var found *wrapper
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte("\ufeff"))
		if i < 0 {
			return found, nil
		}
		from := at + i
		w, err := wrapperAt(f, b, from)
		if err != nil {
			return nil, err
		}
		at = from + len("\ufeff")
		if w == nil {
			continue
		}
		if found != nil {
			return nil, malformed(f, "C2PA selectors", int64(from), "a second manifest store; the first is at byte %d", found.from)
		}
		found, at = w, w.to
	}
}

// wrapperAt reads the run behind the U+FEFF at from; nil where it is not C2PA's.
func wrapperAt(f Format, b []byte, from int) (*wrapper, error) {
	const place = "C2PA selectors"
	w := &wrapper{from: from, to: from + len("\ufeff")}
	for w.to < len(b) {
		r, n := utf8.DecodeRune(b[w.to:])
		v, ok := selectorByte(r)
		if !ok {
			break
		}
		if len(w.store) == wrapperHead+maxManifest {
			return nil, tooLarge(f, place, int64(from), "they spell more than %d bytes", maxManifest)
		}
		w.store = append(w.store, v)
		w.to += n
		if k := len(w.store); k <= len(manifestMagic) && v != manifestMagic[k-1] {
			return nil, nil
		}
	}
	switch spelt := w.store; {
	case len(spelt) == 0:
		return nil, nil
	case len(spelt) < wrapperHead:
		return nil, malformed(f, place, int64(from), "they are cut short: %d bytes of a head of %d", len(spelt), wrapperHead)
	case spelt[len(manifestMagic)] != 1:
		return nil, unsupported(f, place, int64(from), "they are of version %d; version 1 is read", spelt[len(manifestMagic)])
	}
	declared := binary.BigEndian.Uint32(w.store[wrapperHead-4:])
	w.store = w.store[wrapperHead:]
	if int64(len(w.store)) != int64(declared) {
		return nil, malformed(f, place, int64(from), "they spell a manifest store of %d bytes and say %d", len(w.store), declared)
	}
	return w, nil
}

// selectorByte returns the byte that a variation selector stands for.
func selectorByte(r rune) (byte, bool) {
	switch {
	case r >= 0xfe00 && r <= 0xfe0f:
		return byte(r - 0xfe00), true
	case r >= 0xe0100 && r <= 0xe01ef:
		return byte(r - 0xe0100 + 16), true
	}
	return 0, false
}

// normaliseText is the profile text-1. SPEC(LBL-20)
func normaliseText(dst io.Writer, src io.ReaderAt, size int64) error {
	b, err := readUTF8(Text, src, size)
	if err != nil {
		return err
	}
	return writeNormalText(dst, Text, b, norm.NFC, nil)
}

// normaliseTextMatch is the profile text-match-1. SPEC(LBL-20)
func normaliseTextMatch(dst io.Writer, src io.ReaderAt, size int64) error {
	b, err := readUTF8(Text, src, size)
	if err != nil {
		return err
	}
	return writeNormalText(&spaceFolder{dst: dst}, Text, b, norm.NFKC, isInvisible)
}

// isInvisible tells the characters that text-match-1 leaves out: zero-width
// spaces and joiners, the word joiner, variation selectors.
func isInvisible(r rune) bool {
	_, selector := selectorByte(r)
	return selector || r >= 0x200b && r <= 0x200d || r == 0x2060
}

// writeNormalText writes a text without C2PA's selectors, U+FEFF and what drop
// tells, its lines ended by LF, in the Unicode normalisation form.
func writeNormalText(dst io.Writer, f Format, b []byte, form normalForm, drop func(rune) bool) error {
	store, err := findWrapper(f, b)
	if err != nil {
		return err
	}
	if store != nil {
		b = append(b[:store.from:store.from], b[store.to:]...)
	}
	b = bytes.ReplaceAll(b, []byte("\ufeff"), nil)
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	b = bytes.ReplaceAll(b, []byte("\r"), []byte("\n"))
	if drop != nil {
		b = bytes.Map(func(r rune) rune {
			if drop(r) {
				return -1
			}
			return r
		}, b)
	}
	// The library follows UAX #15's Stream-Safe Text Process: it parts more than
	// 30 combining characters in a row by U+034F, which no form does by itself.
	counter := &joinerCounter{dst: dst}
	err = writeNormalForm(counter, form, b)
	if err == nil && counter.joiners != bytes.Count(b, []byte(joiner)) {
		err = unsupported(f, "", -1, "it has more than 30 combining characters in a row, which the profile does not take")
	}
	return err
}
