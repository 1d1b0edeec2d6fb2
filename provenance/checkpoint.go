package provenance

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// A Checkpoint is the log's origin, size and root (spec/receipt.md, CHK-1).
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// ValidChainID reports whether s may be the id of a chain: 1 to 50 of A-Z, a-z,
// 0-9, '.', '_', '-' (SPEC(LOG-2)), so that an origin is a name of a signed note.
func ValidChainID(s string) bool { return only(s, 1, 50, "AZaz09..__--") }

// Origin returns a log's origin: its chain and the SHA-256 of its genesis
// document's bytes (SPEC(LOG-2)).
func Origin(chainID string, genesis Hash) string {
	return "tokentrail/" + chainID + "/" + genesis.String()
}

// String returns the text that is signed (C2SP tlog-checkpoint).
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign returns the checkpoint as a C2SP signed note under the node's key.
func (c Checkpoint) Sign(key ed25519.PrivateKey) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.String()}, noteSigner{c.Origin, key})
}

// OpenCheckpoint checks a signed checkpoint under the node's key and origin.
func OpenCheckpoint(b []byte, origin string, key ed25519.PublicKey) (*Checkpoint, error) {
	n, err := note.Open(b, note.VerifierList(noteVerifier{origin, key}))
	if err != nil {
		return nil, fail(CodeSignature, "checkpoint", "%v", err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err == nil && c.Origin != origin {
		return nil, fail(CodeOrigin, "checkpoint", "it is of the log %q, wanted %q", c.Origin, origin)
	}
	return c, err
}

// ParseCheckpoint reads the text of a checkpoint, without signatures and
// without extension lines. Nothing about it is verified.
func ParseCheckpoint(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] == "" || lines[3] != "" {
		return nil, fail(CodeValue, "checkpoint", "wanted three lines: origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return nil, fail(CodeValue, "checkpoint.size", "%.40q is not a size", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != HashSize || strings.Contains(lines[2], "\r") { // the decoder passes over \r
		return nil, fail(CodeValue, "checkpoint.root", "%.80q is not a hash in base64", lines[2])
	}
	return &Checkpoint{lines[0], size, Hash(root)}, nil
}

// noteKeyID is that of C2SP signed-note for Ed25519, type 0x01.
func noteKeyID(name string, key ed25519.PublicKey) uint32 {
	h := sha256.Sum256(bytes.Join([][]byte{[]byte(name), {'\n', 0x01}, key}, nil))
	return binary.BigEndian.Uint32(h[:])
}

// The note package makes its own signers from its own key format; these serve
// the keys that a node has.
type noteSigner struct {
	name string
	key  ed25519.PrivateKey
}

func (s noteSigner) Name() string { return s.name }
func (s noteSigner) KeyHash() uint32 {
	return noteKeyID(s.name, s.key.Public().(ed25519.PublicKey))
}
func (s noteSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

type noteVerifier struct {
	name string
	key  ed25519.PublicKey
}

func (v noteVerifier) Name() string    { return v.name }
func (v noteVerifier) KeyHash() uint32 { return noteKeyID(v.name, v.key) }
func (v noteVerifier) Verify(msg, sig []byte) bool {
	return ed25519.Verify(v.key, msg, sig)
}
