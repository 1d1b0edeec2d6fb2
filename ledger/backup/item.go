package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"tokentrail/provenance"
)

// The kinds of items that a file is a sequence of: one head, any number of body
// items, one end.
const (
	itemHead = 0
	itemBody = 1
	itemEnd  = 2
)

// checkBytes is the length of the checksum that ends heads and body items. It
// tells where damage is; that there is none, the file's SHA-256 says.
const checkBytes = 8

// CBOR major types (RFC 8949 section 3.1).
const (
	majorUint  = 0
	majorBytes = 2
	majorText  = 3
	majorArray = 4
)

// A DamageError says that a file of a backup is not as it was written. The rest
// of the backup is unaffected.
type DamageError struct {
	File   string // its name in the backup's directory
	Offset int64  // in bytes; that of the item that is wrong
	Found  string // what is wrong
}

// Error says where the damage is, what it is, and what to do.
func (e *DamageError) Error() string {
	return fmt.Sprintf("the backup is damaged: %s at byte %d: %s; put back this file from another copy of the backup, or make a new backup in another directory", e.File, e.Offset, e.Found)
}

// sealItem appends the checksum to an item that lacks only it.
func sealItem(item []byte) []byte {
	sum := sha256.Sum256(item)
	return provenance.AppendBytes(item, sum[:checkBytes])
}

// A reader takes a file apart, item by item. After a failure every read returns
// nothing and err says why, with the place. No more memory is taken than the file
// has bytes left, and than the caller allows for a string.
type reader struct {
	name  string
	in    *bufio.Reader
	left  int64 // bytes of the file that are not read
	start int64 // offset of the item
	raw   []byte
	sum   hash.Hash // of all bytes before raw
	err   error
}

func newReader(name string, in io.Reader, size int64) *reader {
	return &reader{name: name, in: bufio.NewReaderSize(in, 1<<16), left: size, sum: sha256.New()}
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &DamageError{r.name, r.start, fmt.Sprintf(format, args...)}
	}
}

// begin opens the next item, an array of n elements of which the first is its
// kind.
func (r *reader) begin() (n int, kind int64) {
	r.start += int64(len(r.raw))
	r.sum.Write(r.raw)
	r.raw = nil
	n = int(r.head(majorArray, 16))
	return n, r.integer()
}

// take reads n more bytes of the item; the result is valid until the next take.
func (r *reader) take(n int64) []byte {
	if r.err != nil {
		return nil
	}
	if n > r.left {
		r.fail("the file ends %d bytes too early", n-r.left)
		return nil
	}
	at := len(r.raw)
	r.raw = append(r.raw, make([]byte, n)...)
	if _, err := io.ReadFull(r.in, r.raw[at:]); err != nil {
		r.err = fmt.Errorf("read %s at byte %d: %w", r.name, r.start+int64(at), err)
		return nil
	}
	r.left -= n
	return r.raw[at:]
}

// head reads a head of the given major type with an argument of at most most.
func (r *reader) head(major byte, most uint64) uint64 {
	b := r.take(1)
	if r.err != nil {
		return 0
	}
	info := b[0] & 0x1f
	if b[0]>>5 != major || info > 27 {
		r.fail("byte %d is 0x%02x, wanted a head of major type %d", len(r.raw)-1, b[0], major)
		return 0
	}
	arg := uint64(info)
	if info >= 24 {
		width := int64(1) << (info - 24)
		arg = 0
		for _, x := range r.take(width) {
			arg = arg<<8 | uint64(x)
		}
		if r.err == nil && (arg < 24 || width > 1 && arg>>(4*width) == 0) {
			r.fail("%d is not in its shortest form", arg)
		}
	}
	if r.err == nil && arg > most {
		r.fail("%d, at most %d is possible", arg, most)
	}
	if r.err != nil {
		return 0
	}
	return arg
}

func (r *reader) integer() int64 { return int64(r.head(majorUint, 1<<62)) }

// bytes reads a byte string of at most most bytes.
func (r *reader) bytes(most int64) []byte {
	return bytes.Clone(r.take(int64(r.head(majorBytes, uint64(most)))))
}

func (r *reader) text(most int64) string {
	return string(r.take(int64(r.head(majorText, uint64(most)))))
}

func (r *reader) hash() (h provenance.Hash) {
	b := r.take(int64(r.head(majorBytes, provenance.HashSize)))
	if r.err == nil && len(b) != len(h) {
		r.fail("a hash of %d bytes", len(b))
		return h
	}
	copy(h[:], b)
	return h
}

// hashes reads an array of hashes.
func (r *reader) hashes() []provenance.Hash {
	var out []provenance.Hash
	for range r.head(majorArray, 64) {
		out = append(out, r.hash())
	}
	return out
}

// check reads the checksum that ends a head or a body item.
func (r *reader) check() {
	want := sha256.Sum256(r.raw)
	got := r.bytes(checkBytes)
	if r.err == nil && !bytes.Equal(got, want[:checkBytes]) {
		r.fail("an item of %d bytes does not match its checksum", len(r.raw))
	}
}

// end reads the file's SHA-256, which is the last of it.
func (r *reader) end() {
	r.sum.Write(r.raw)
	want := provenance.Hash(r.sum.Sum(nil))
	if got := r.hash(); r.err == nil && got != want {
		r.fail("the file's SHA-256 is %s, it says %s", want, got)
	}
	if r.err == nil && r.left > 0 {
		r.fail("%d bytes follow the end", r.left)
	}
}
