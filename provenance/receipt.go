package provenance

import (
	"bytes"
	"crypto"

	"github.com/veraison/go-cose"
)

// COSE header labels of receipts (RFC 9942), and our own, private-use one.
const (
	labelVDS    = 395
	labelVDP    = 396
	labelAnchor = -65537 // SPEC(RCP-2)

	vdsRFC9162 = 1
	receiptMax = 16 << 20 // the light block of a very large validator set fits
)

// An Anchor is what makes a receipt trustworthy: the app hash's preimage, and
// the signed header that carries the app hash (SPEC(RCP-2)).
type Anchor struct {
	Preimage   Preimage
	LightBlock []byte // CometBFT's protobuf tendermint.types.LightBlock
}

// A Receipt is the ledger's proof about an entry (spec/receipt.md). Parsing
// checks its form; Check holds it against a statement.
type Receipt struct {
	Origin    string // of the log
	Statement string // id of the statement, in hex
	KID       Hash   // of the serving node's key
	Proof     Inclusion
	Anchor    Anchor
	raw       []byte
}

// A ReceiptSigner is the key of a serving node.
type ReceiptSigner struct {
	Origin string
	Key    crypto.Signer // Ed25519
}

type receiptClaims struct {
	Origin    string `cbor:"1,keyasint"`
	Statement string `cbor:"2,keyasint"`
}

type receiptProtected struct {
	Alg    int64         `cbor:"1,keyasint"`
	KID    Hash          `cbor:"4,keyasint"`
	Claims receiptClaims `cbor:"15,keyasint"`
	VDS    int64         `cbor:"395,keyasint"`
}

type receiptUnprotected struct {
	VDP struct {
		Inclusion [][]byte `cbor:"-1,keyasint"`
	} `cbor:"396,keyasint"`
	Anchor []byte `cbor:"-65537,keyasint"`
}

type wireReceipt struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected receiptUnprotected
	Payload     []byte
	Signature   []byte
}

type wireAnchor struct {
	_          struct{} `cbor:",toarray"`
	Preimage   rawItem
	LightBlock []byte
}

// Sign makes the receipt of the statement with the given id: proof shows its
// leaf in the log of the anchor's preimage. (SPEC(RCP-1))
func (s ReceiptSigner) Sign(statement Hash, proof Inclusion, anchor Anchor) ([]byte, error) {
	key, err := NewPublicKey(s.Key.Public())
	if err != nil {
		return nil, err
	}
	if key.alg != AlgEdDSA {
		return nil, fail(CodeAlg, "", "receipts are signed with Ed25519")
	}
	headers := cose.Headers{
		Protected: cose.ProtectedHeader{
			cose.HeaderLabelAlgorithm: cose.AlgorithmEdDSA,
			cose.HeaderLabelKeyID:     kidOf(key),
			cose.HeaderLabelCWTClaims: cose.CWTClaims{cose.CWTClaimIssuer: s.Origin, cose.CWTClaimSubject: statement.String()},
			int64(labelVDS):           int64(vdsRFC9162),
		},
		Unprotected: cose.UnprotectedHeader{
			int64(labelVDP):    map[int64][][]byte{-1: {proof.Encode()}},
			int64(labelAnchor): encodeAnchor(anchor),
		},
	}
	return sign1(s.Key, key, headers, anchor.Preimage.LogRoot[:], true)
}

func encodeAnchor(a Anchor) []byte {
	b := append(AppendArray(nil, 2), a.Preimage.Encode()...)
	return AppendBytes(b, a.LightBlock)
}

// ParseReceipt decodes a receipt of this ledger's kind, with one inclusion
// proof and an anchor.
func ParseReceipt(b []byte) (*Receipt, error) {
	switch {
	case len(b) > receiptMax:
		return nil, fail(CodeSize, "receipt", "%d bytes, at most %d are allowed", len(b), receiptMax)
	case len(b) < 2 || b[0] != sign1Tag:
		return nil, fail(CodeEnvelope, "receipt", "not a tagged COSE_Sign1")
	}
	var w wireReceipt
	if err := canonical(b[1:], &w); err != nil {
		return nil, fail(CodeEnvelope, "receipt", "%v", err)
	}
	var p receiptProtected
	if err := canonical(w.Protected, &p); err != nil {
		return nil, fail(CodeProtected, "receipt.protected", "%v", err)
	}
	if p.Alg != AlgEdDSA || p.VDS != vdsRFC9162 || w.Payload != nil || len(w.Unprotected.VDP.Inclusion) != 1 {
		return nil, fail(CodeProtected, "receipt", "wanted alg -8, vds 1, a detached payload and one inclusion proof")
	}
	// SPEC(STM-6): the same of every signature.
	if len(w.Signature) != 64 {
		return nil, fail(CodeSignature, "receipt.signature", "%d bytes, wanted 64", len(w.Signature))
	}
	proof, err := ParseInclusion(w.Unprotected.VDP.Inclusion[0])
	if err != nil {
		return nil, within("receipt.inclusion", err)
	}
	anchor, err := parseAnchor(w.Unprotected.Anchor)
	if err != nil {
		return nil, within("receipt.anchor", err)
	}
	return &Receipt{p.Claims.Origin, p.Claims.Statement, p.KID, *proof, *anchor, b}, nil
}

// canonical decodes b into v and refuses what v does not encode to.
func canonical(b []byte, v any) error {
	if err := unmarshal(b, v); err != nil {
		return err
	}
	again, err := marshal(v)
	if err == nil && !bytes.Equal(again, b) {
		err = fail(CodeNonMinimal, "", "it is not in its one encoding, or holds more than the format has")
	}
	return err
}

func parseAnchor(b []byte) (*Anchor, error) {
	blob := func(c *cursor) error { _, err := c.bytes(); return err }
	if err := parse(b, tuple(preimageForm, blob)); err != nil {
		return nil, err
	}
	var w wireAnchor
	if err := unmarshal(b, &w); err != nil {
		return nil, err
	}
	preimage, err := ParsePreimage(w.Preimage)
	if err != nil {
		return nil, err
	}
	return &Anchor{preimage, w.LightBlock}, nil
}

// Check holds the receipt against a statement and the expected origin
// (SPEC(RCP-3), without the header: that its app hash is AppHash and that it is
// trusted is for whoever knows the validators).
func (r *Receipt) Check(origin string, s *UnverifiedStatement) error {
	return r.CheckEntry(origin, s.ID(), s.Raw())
}

// CheckEntry is Check for an entry of any kind: its id and its leaf's data.
func (r *Receipt) CheckEntry(origin string, id Hash, leaf []byte) error {
	switch {
	case r.Origin != origin:
		return fail(CodeOrigin, "receipt.iss", "the receipt is of the log %q, wanted %q", r.Origin, origin)
	case r.Statement != id.String():
		return fail(CodeBinding, "receipt.sub", "the receipt is about the entry %s, this one is %s", r.Statement, id)
	case r.Proof.Size != r.Anchor.Preimage.Size:
		return fail(CodeAppHash, "receipt.anchor", "the proof is for a log of size %d, the anchor's is %d", r.Proof.Size, r.Anchor.Preimage.Size)
	}
	return within("receipt", r.Proof.Verify(r.Anchor.Preimage.LogRoot, LeafHash(leaf)))
}

// VerifySignature checks the serving node's signature over the log's root.
func (r *Receipt) VerifySignature(key PublicKey) error {
	if key.Thumbprint() != r.KID {
		return fail(CodeKID, "receipt.kid", "%s, the key's thumbprint is %s", r.KID, key.Thumbprint())
	}
	return within("receipt", verifySign1(r.raw, r.Anchor.Preimage.LogRoot[:], key))
}

// EncodeKeySet returns keys as a COSE Key Set (RFC 9052 section 7), for
// /.well-known/scitt-keys.
func EncodeKeySet(keys ...PublicKey) []byte {
	b := AppendHead(nil, majorArray, uint64(len(keys)))
	for _, k := range keys {
		b = append(b, k.cbr...)
	}
	return b
}

// ParseKeySet decodes a COSE Key Set of keys as KEY-1 has them.
func ParseKeySet(b []byte) ([]PublicKey, error) {
	var items []rawItem
	if err := unmarshal(b, &items); err != nil {
		return nil, fail(CodeKey, "", "not a COSE Key Set: %v", err)
	}
	keys := make([]PublicKey, len(items))
	for i, item := range items {
		key, err := ParsePublicKeyCOSE(item)
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	if !bytes.Equal(EncodeKeySet(keys...), b) {
		return nil, fail(CodeKey, "", "the COSE Key Set is not in its one encoding")
	}
	return keys, nil
}
