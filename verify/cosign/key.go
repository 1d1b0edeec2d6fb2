package cosign

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"tokentrail/provenance"
)

// Types of keys in signed notes (C2SP signed-note, "Signature types").
const (
	typeEd25519     = 0x01 // over the note's text: a log's
	typeCosignature = 0x04 // over a time and the text: a witness's
)

// Bounds of what a key is written in. Names are short, and so are keys of 32 bytes.
const (
	MaxName    = 200
	MaxKeyText = 512 // of a private or public key's text

	privatePrefix = "PRIVATE+KEY+"
)

// A Key is a witness's: it makes cosignatures.
type Key struct {
	name    string
	private ed25519.PrivateKey
}

// NewKey makes the key with a name from 32 random bytes.
func NewKey(name string, seed [ed25519.SeedSize]byte) (*Key, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	return &Key{name, ed25519.NewKeyFromSeed(seed[:])}, nil
}

// ParseKey reads a private key: PRIVATE+KEY+name+id+base64 of the type and the seed.
// The id is that of the cosignatures' key. A key of an ordinary note signer (type
// 0x01), as other witnesses have them, is taken for one too. SPEC(VER-87)
func ParseKey(text string) (*Key, error) {
	rest, ok := strings.CutPrefix(text, privatePrefix)
	if !ok {
		return nil, fmt.Errorf("a witness's key begins with %q", privatePrefix)
	}
	name, id, kind, seed, err := splitKey(rest)
	if err != nil {
		return nil, fmt.Errorf("a witness's key: %w", err)
	}
	k := &Key{name, ed25519.NewKeyFromSeed(seed)}
	if kind != typeCosignature && kind != typeEd25519 {
		return nil, fmt.Errorf("a witness's key: type 0x%02x, wanted 0x%02x", kind, typeCosignature)
	}
	if want := keyID(name, kind, k.public()); id != want {
		return nil, fmt.Errorf("a witness's key: its id is %08x, and that of its name and key %08x: it was changed", id, want)
	}
	return k, nil
}

// Name returns the name that cosignatures stand under.
func (k *Key) Name() string { return k.name }

// ID returns the key's id in notes.
func (k *Key) ID() uint32 { return keyID(k.name, typeCosignature, k.public()) }

// Private returns the text that ParseKey reads. It is secret.
func (k *Key) Private() string {
	return privatePrefix + joinKey(k.name, k.ID(), append([]byte{typeCosignature}, k.private.Seed()...))
}

// Public returns the verifier key (vkey) by which others know the witness.
func (k *Key) Public() string {
	return joinKey(k.name, k.ID(), append([]byte{typeCosignature}, k.public()...))
}

func (k *Key) public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// ParseLogKey reads the verifier key of a log (type 0x01), whose name is the origin.
func ParseLogKey(text string) (origin string, key ed25519.PublicKey, err error) {
	name, id, kind, public, err := splitKey(text)
	if err != nil {
		return "", nil, fmt.Errorf("a log's key: %w", err)
	}
	if kind != typeEd25519 {
		return "", nil, fmt.Errorf("a log's key: type 0x%02x, wanted 0x%02x, Ed25519", kind, typeEd25519)
	}
	if want := keyID(name, kind, public); id != want {
		return "", nil, fmt.Errorf("a log's key: its id is %08x, and that of its name and key %08x: it was changed", id, want)
	}
	if _, err := provenance.NewPublicKey(ed25519.PublicKey(public)); err != nil {
		return "", nil, fmt.Errorf("a log's key: %w", err)
	}
	return name, public, nil
}

// splitKey reads name+id+base64 of a type and 32 bytes.
func splitKey(text string) (name string, id uint32, kind byte, key []byte, err error) {
	if len(text) > MaxKeyText {
		return "", 0, 0, nil, fmt.Errorf("%d bytes, at most %d are read", len(text), MaxKeyText)
	}
	parts := strings.SplitN(text, "+", 3) // base64 may have a plus
	if len(parts) != 3 {
		return "", 0, 0, nil, fmt.Errorf("wanted a name, an id and base64, with + between them")
	}
	if err := checkName(parts[0]); err != nil {
		return "", 0, 0, nil, err
	}
	n, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil || fmt.Sprintf("%08x", n) != parts[1] {
		return "", 0, 0, nil, fmt.Errorf("the id is not 8 lower-case hex digits")
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.SeedSize || strings.ContainsAny(parts[2], "\r\n") { // the decoder passes over them
		return "", 0, 0, nil, fmt.Errorf("what follows the id is not base64 of a type and 32 bytes")
	}
	return parts[0], uint32(n), raw[0], raw[1:], nil
}

func joinKey(name string, id uint32, key []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, id, base64.StdEncoding.EncodeToString(key))
}

// keyID is the id of a key in notes (C2SP signed-note, "Signatures").
func keyID(name string, kind byte, key []byte) uint32 {
	h := sha256.Sum256(bytes.Join([][]byte{[]byte(name), {'\n', kind}, key}, nil))
	return binary.BigEndian.Uint32(h[:])
}

// checkName holds a key's name to what notes allow, and to printable ASCII, so that
// no two names look the same. SPEC(VER-87)
func checkName(name string) error {
	switch {
	case name == "" || len(name) > MaxName:
		return fmt.Errorf("a name of %d characters, wanted 1 to %d", len(name), MaxName)
	case strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == '+' }):
		return fmt.Errorf("the name %q: wanted printable ASCII without spaces and +", name)
	case strings.Contains(name, "://"):
		return fmt.Errorf("the name %q: wanted one without a scheme, as auditor.example/witness", name)
	}
	return nil
}
