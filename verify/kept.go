package verify

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"tokentrail/provenance"
)

// What files of this package begin with, behind the head of an array.
const (
	keptFamily  = "tokentrail/kept/"
	keptVersion = keptFamily + "v1"
)

// Ceilings of kept heads and fork evidence. SPEC(VER-34)
const (
	MaxForkBytes     = 64 << 20 // of either file
	MaxChangesOneWay = 10_000   // of validators, on the way to one header

	maxForkGenesis  = 8 << 20
	maxForkBlock    = 16 << 20
	maxForkPreimage = 128
	maxForkPath     = 64
	maxKeptText     = 200
)

// Errors of files that this package reads.
var (
	// ErrNewer: a file of a version that this package does not know.
	ErrNewer = errors.New("a newer format than this program knows; use a release that has it")
	// ErrDamaged: a file that is not what it is said to be, or not whole.
	ErrDamaged = errors.New("damaged")
)

// A Kept is the newest head of a ledger to which an audit led: the auditor's
// memory. Nothing rests on it; a later audit is compared with it. SPEC(VER-30)
type Kept struct {
	Origin     string // of the log
	Height     int64
	Header     provenance.Hash
	LightBlock []byte
	Preimage   provenance.Preimage // of the header's app hash
	Changes    [][]byte            // light blocks at which validators change, on the way here
	Trust      KeptTrust           // of the audit
	When       time.Time           // whole milliseconds
}

// KeptTrust is the trust under which a head was verified.
type KeptTrust struct {
	Kind   string          `json:"kind"`
	From   string          `json:"genesis_from"`
	Height int64           `json:"height,omitempty"`
	Hash   provenance.Hash `json:"-"` // of the genesis document, or of the trusted header
}

// says tells the trust in words.
func (t KeptTrust) says() string {
	if t.Kind == "header" {
		return fmt.Sprintf("from the trusted header %d", t.Height)
	}
	return "from the genesis document that the " + t.From + " named"
}

// Encode returns the kept head's one encoding. SPEC(VER-32)
func (k *Kept) Encode() ([]byte, error) {
	b := provenance.AppendText(provenance.AppendArray(nil, 10), keptVersion)
	b = provenance.AppendInt(provenance.AppendText(b, k.Origin), k.Height)
	b = provenance.AppendBytes(provenance.AppendBytes(b, k.Header[:]), k.LightBlock)
	b = appendBlocks(provenance.AppendBytes(b, k.Preimage.Encode()), k.Changes)
	b = provenance.AppendText(provenance.AppendText(provenance.AppendArray(b, 4), k.Trust.Kind), k.Trust.From)
	b = provenance.AppendBytes(provenance.AppendInt(b, k.Trust.Height), k.Trust.Hash[:])
	b = provenance.AppendInt(b, k.When.UnixMilli())
	sum := sha256.Sum256(b)
	b = provenance.AppendBytes(b, sum[:])
	_, err := ParseKept(b)
	return b, err
}

// ParseKept reads a kept head. What is wrong is ErrNewer or ErrDamaged; whether it
// is of the ledger at hand, its origin says. SPEC(VER-32), SPEC(VER-34)
func ParseKept(b []byte) (*Kept, error) {
	r, err := openForm("kept head", b, 10, keptFamily, keptVersion)
	if err != nil {
		return nil, err
	}
	k := &Kept{Origin: r.text(maxKeptText), Height: r.integer(), Header: r.hash(), LightBlock: r.bounded(1, maxForkBlock)}
	preimage := r.bounded(1, maxForkPreimage)
	k.Changes = r.blocks(MaxChangesOneWay)
	r.array(4)
	k.Trust = KeptTrust{Kind: r.text(maxKeptText), From: r.text(maxKeptText), Height: r.integer(), Hash: r.hash()}
	k.When = time.UnixMilli(r.integer()).UTC()
	body := len(b) - len(r.b)
	sum := r.hash()
	if err := r.closed("kept head"); err != nil {
		return nil, err
	}
	if sum != sha256.Sum256(b[:body]) {
		return nil, fmt.Errorf("kept head: %w: its checksum is of other content", ErrDamaged)
	}
	if k.Preimage, err = provenance.ParsePreimage(preimage); err != nil {
		return nil, fmt.Errorf("kept head: %w: preimage: %v", ErrDamaged, err)
	}
	return k, nil
}

// openForm reads the head of a file: an array of so many, and the version.
func openForm(what string, b []byte, parts int, family, version string) (*reader, error) {
	if len(b) > MaxForkBytes {
		return nil, fmt.Errorf("%s: %w: %d bytes, at most %d are read", what, ErrDamaged, len(b), MaxForkBytes)
	}
	r := &reader{b: b}
	got := r.expect(majorArray)
	name := r.text(maxKeptText)
	switch {
	case r.err == nil && name != version && strings.HasPrefix(name, family):
		return nil, fmt.Errorf("%s: %q: %w", what, name, ErrNewer)
	case r.err == nil && name != version:
		r.fail("it begins with %q, wanted %q", name, version)
	case r.err == nil && got != uint64(parts):
		r.fail("an array of %d, wanted %d", got, parts)
	}
	if r.err != nil {
		return nil, r.closed(what)
	}
	return r, nil
}

// begins reports whether bytes begin as a file of a family does: with a short array
// of however many, and a text.
func begins(b []byte, version, family string) bool {
	head := provenance.AppendText(nil, version)
	head = append(head[:len(head)-len(version)], family...)
	return len(b) > 0 && b[0]>>5 == majorArray && b[0]&31 < 24 && bytes.HasPrefix(b[1:], head)
}

// appendBlocks encodes light blocks.
func appendBlocks(b []byte, blocks [][]byte) []byte {
	b = provenance.AppendArray(b, len(blocks))
	for _, block := range blocks {
		b = provenance.AppendBytes(b, block)
	}
	return b
}

// closed returns what was wrong with a file, or that more follows it.
func (r *reader) closed(what string) error {
	if r.err == nil && len(r.b) > 0 {
		r.fail("%d bytes follow it", len(r.b))
	}
	if r.err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", what, ErrDamaged, strings.TrimPrefix(r.err.Error(), ErrAnswer.Error()+": "))
}

// text reads a text of printable ASCII, at least one character.
func (r *reader) text(most int) string {
	n := r.expect(majorText)
	if r.err == nil && (n < 1 || n > uint64(most) || n > uint64(len(r.b))) {
		r.fail("a text of %d bytes, of which %d are there; wanted 1 to %d", n, len(r.b), most)
	}
	if r.err != nil {
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	if strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		r.fail("a text with other characters than printable ASCII")
	}
	return s
}

// bounded reads a byte string of at least and at most so many bytes.
func (r *reader) bounded(least, most int) []byte {
	b := r.bytes()
	if r.err == nil && (len(b) < least || len(b) > most) {
		r.fail("a string of %d bytes, wanted %d to %d", len(b), least, most)
	}
	return b
}

// hash reads a hash.
func (r *reader) hash() (h provenance.Hash) {
	copy(h[:], r.bounded(provenance.HashSize, provenance.HashSize))
	return h
}

// blocks reads an array of at most so many light blocks.
func (r *reader) blocks(most int) (blocks [][]byte) {
	n := r.expect(majorArray)
	if r.err == nil && n > uint64(most) {
		r.fail("an array of %d light blocks, at most %d are read", n, most)
	}
	for ; n > 0 && r.err == nil; n-- {
		blocks = append(blocks, r.bounded(1, maxForkBlock))
	}
	return blocks
}
