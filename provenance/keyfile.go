package provenance

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	keyFileLabel   = "TOKENTRAIL ENCRYPTED KEY"
	keyFileVersion = 1
	keyFileSealed  = 7 // the key of what is sealed

	// MinPassphrase is the least length of a passphrase, in bytes (KEY-13).
	MinPassphrase = 8
)

// KeyCost is what opening a key file takes: the parameters of Argon2id.
type KeyCost struct {
	_      struct{} `cbor:",toarray"`
	Passes uint32
	KiB    uint32
	Lanes  uint8
}

// DefaultKeyCost returns the cost of new key files (KEY-11): 64 MiB, about a
// tenth of a second.
func DefaultKeyCost() KeyCost { return KeyCost{Passes: 3, KiB: 64 << 10, Lanes: 4} }

// costForm is what a reader accepts (SPEC(KEY-11)).
func costForm(c *cursor) error {
	start := c.off
	if err := tuple(integerIn(1, 16), integerIn(8, 1<<20), integerIn(1, 16))(c); err != nil {
		return err
	}
	var cost KeyCost
	if err := unmarshal(c.b[start:c.off], &cost); err != nil {
		return err
	}
	if cost.KiB < 8*uint32(cost.Lanes) {
		return c.errorAt(start, CodeValue, "%d KiB for %d lanes, wanted at least 8 for each", cost.KiB, cost.Lanes)
	}
	return nil
}

// check refuses a cost that no reader would accept, before it is paid.
func (k KeyCost) check() error {
	b, err := marshal(k)
	if err != nil {
		return err
	}
	return within("cost", parse(b, costForm))
}

// wireKeyFile is a key file as it is stored (KEY-10).
type wireKeyFile struct {
	Version int64   `cbor:"1,keyasint"`
	Alg     int64   `cbor:"2,keyasint"`
	Public  []byte  `cbor:"3,keyasint"`
	Salt    []byte  `cbor:"4,keyasint"`
	Cost    KeyCost `cbor:"5,keyasint"`
	Nonce   []byte  `cbor:"6,keyasint"`
	Sealed  []byte  `cbor:"7,keyasint,omitempty"`
}

var keyFileShape = sync.OnceValue(func() *shape {
	return shapeOf(
		must(1, "version", withCode(CodeVersion, integerIn(keyFileVersion, keyFileVersion))),
		must(2, "algorithm", withCode(CodeAlg, oneOf(AlgEdDSA, AlgES256))),
		must(3, "public", bytesOf(1, 128)),
		must(4, "salt", bytesOf(16, 16)),
		must(5, "cost", costForm),
		must(6, "nonce", bytesOf(chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX)),
		must(keyFileSealed, "sealed", bytesOf(48, 48)),
	)
})

// GenerateKey makes a private key for the COSE algorithm, from the system's
// randomness.
func GenerateKey(alg int64) (crypto.Signer, error) {
	switch alg {
	case AlgEdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case AlgES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return nil, fail(CodeAlg, "", "algorithm %d is not part of the format; use %d (EdDSA) or %d (ES256)", alg, AlgEdDSA, AlgES256)
}

// SealKey encrypts a private key under a passphrase, as a key file
// (spec/key.md).
func SealKey(key crypto.Signer, passphrase []byte, cost KeyCost) ([]byte, error) {
	if len(passphrase) < MinPassphrase {
		// SPEC(KEY-13)
		return nil, fail(CodeValue, "passphrase", "%d bytes, wanted at least %d", len(passphrase), MinPassphrase)
	}
	public, err := NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	secret, err := secretOf(key)
	if err != nil {
		return nil, err
	}
	if err := cost.check(); err != nil {
		return nil, err
	}
	w := wireKeyFile{
		Version: keyFileVersion, Alg: public.alg, Public: public.cbr, Cost: cost,
		Salt: make([]byte, 16), Nonce: make([]byte, chacha20poly1305.NonceSizeX),
	}
	rand.Read(w.Salt) // never fails (crypto/rand)
	rand.Read(w.Nonce)
	aead, err := chacha20poly1305.NewX(w.sealKey(passphrase))
	if err != nil {
		return nil, err
	}
	ad, err := marshal(w) // without key 7, which is still empty
	if err != nil {
		return nil, err
	}
	w.Sealed = aead.Seal(nil, w.Nonce, secret, ad)
	b, err := marshal(w)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: keyFileLabel, Bytes: b}), nil
}

func secretOf(key crypto.Signer) ([]byte, error) {
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return k.Seed(), nil
	case *ecdsa.PrivateKey:
		return k.Bytes()
	}
	return nil, fail(CodeKey, "", "a key of type %T cannot be stored", key)
}

// associated returns what the seal binds beside the secret: the map of a key
// file without key 7, with whatever a later version keeps there (SPEC(KEY-11)).
func associated(file []byte) ([]byte, error) {
	head, c := &cursor{b: file}, &cursor{b: file}
	if _, err := head.expect(majorMap); err != nil {
		return nil, err
	}
	var pairs []byte
	n, start := 0, head.off
	err := c.pairs(func(key int64) error {
		err := c.skip()
		if key != keyFileSealed {
			pairs = append(pairs, file[start:c.off]...)
			n++
		}
		start = c.off
		return err
	})
	return append(AppendHead(nil, majorMap, uint64(n)), pairs...), err
}

func (w wireKeyFile) sealKey(passphrase []byte) []byte {
	return argon2.IDKey(passphrase, w.Salt, w.Cost.Passes, w.Cost.KiB, w.Cost.Lanes, chacha20poly1305.KeySize)
}

// KeyFilePublic returns the public key that a key file says it holds, without
// its passphrase.
func KeyFilePublic(file []byte) (PublicKey, error) {
	w, _, err := parseKeyFile(file)
	if err != nil {
		return PublicKey{}, err
	}
	return ParsePublicKeyCOSE(w.Public)
}

// OpenKey decrypts a key file. A wrong passphrase and a damaged file look
// alike; the error's code is then "key".
func OpenKey(file, passphrase []byte) (crypto.Signer, error) {
	w, ad, err := parseKeyFile(file)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(w.sealKey(passphrase))
	if err != nil {
		return nil, err
	}
	secret, err := aead.Open(nil, w.Nonce, w.Sealed, ad)
	if err != nil {
		return nil, fail(CodeKey, "", "the passphrase is wrong or the key file is damaged")
	}
	key, err := signerOf(w.Alg, secret)
	if err != nil {
		return nil, err
	}
	// SPEC(KEY-12)
	public, err := NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(public.cbr, w.Public) {
		return nil, fail(CodeKey, "public", "the key file's public key is not that of its private key")
	}
	return key, nil
}

func signerOf(alg int64, secret []byte) (crypto.Signer, error) {
	if alg == AlgEdDSA {
		return ed25519.NewKeyFromSeed(secret), nil
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret)
	if err != nil {
		return nil, fail(CodeKey, "", "the secret is not a P-256 scalar")
	}
	return key, nil
}

// parseKeyFile returns what a key file holds and the data that its seal binds.
func parseKeyFile(file []byte) (w *wireKeyFile, ad []byte, err error) {
	if len(file) > 4096 {
		return nil, nil, fail(CodeSize, "", "a key file of %d bytes, at most 4096 are allowed", len(file))
	}
	block, rest := pem.Decode(file)
	if block == nil || block.Type != keyFileLabel || len(bytes.TrimSpace(rest)) > 0 {
		return nil, nil, fail(CodeKey, "", "not a key file: it begins with -----BEGIN %s-----", keyFileLabel)
	}
	if err := parse(block.Bytes, keyFileShape().check); err != nil {
		return nil, nil, within("key file", err)
	}
	w = &wireKeyFile{}
	if err := unmarshal(block.Bytes, w); err != nil {
		return nil, nil, err
	}
	ad, err = associated(block.Bytes)
	return w, ad, err
}
