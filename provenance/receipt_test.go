package provenance

import (
	"crypto"
	"crypto/ed25519"
	"strings"
	"testing"
)

// sampleReceipt is a receipt of a statement that stands at index 2 of 5.
func sampleReceipt() (*sample, *Receipt, crypto.Signer) {
	s := sampleBatch(AlgEdDSA, 2)
	leaves := testLeaves(5)
	leaves[2] = LeafHash(s.statement.Raw())
	log := treeOf(leaves)
	anchor := Anchor{Preimage{5, log.Root(), hashOf("state")}, []byte("light block")}
	key := testKey(AlgEdDSA, "node")
	b := must1(ReceiptSigner{"tokentrail/x/00", key}.Sign(s.statement.ID(), Inclusion{5, 2, must1(log.Path(2))}, anchor))
	return s, must1(ParseReceipt(b)), key
}

func TestReceipt(t *testing.T) {
	s, r, key := sampleReceipt()
	other := sampleBatch(AlgEdDSA, 3)
	if err := r.Check("tokentrail/x/00", &s.statement.UnverifiedStatement); err != nil {
		t.Error(err)
	}
	if err := r.VerifySignature(publicOf(key)); err != nil {
		t.Error(err)
	}
	wantCode(t, r.Check("tokentrail/y/00", &s.statement.UnverifiedStatement), CodeOrigin)
	wantCode(t, r.Check("tokentrail/x/00", &other.statement.UnverifiedStatement), CodeBinding)
	wantCode(t, r.VerifySignature(publicOf(testKey(AlgEdDSA, "another"))), CodeKID)
	wantCode(t, r.VerifySignature(publicOf(testKey(AlgES256, "node"))), CodeKID)
	wantCode(t, r.VerifySignature(PublicKey{}), CodeKID)

	grown := *r
	grown.Proof.Size++
	wantCode(t, grown.Check("tokentrail/x/00", &s.statement.UnverifiedStatement), CodeAppHash)
	moved := *r
	moved.Proof.Index = 3
	wantCode(t, moved.Check("tokentrail/x/00", &s.statement.UnverifiedStatement), CodePath)
	forged := *r
	forged.Anchor.Preimage.LogRoot[0] ^= 1
	wantCode(t, forged.Check("tokentrail/x/00", &s.statement.UnverifiedStatement), CodePath)
	wantCode(t, forged.VerifySignature(publicOf(key)), CodeSignature)
	// A size that would make the Merkle library go on for ever.
	hostile := *r
	hostile.Proof.Size, hostile.Anchor.Preimage.Size = 1<<63-1, 1<<63-1
	withinTime(t, func() {
		wantCode(t, hostile.Check("tokentrail/x/00", &s.statement.UnverifiedStatement), CodePath)
	})
}

func TestReceiptsAreSignedWithEd25519(t *testing.T) {
	_, err := ReceiptSigner{"tokentrail/x/00", testKey(AlgES256, "node")}.Sign(Hash{}, Inclusion{}, Anchor{})
	wantCode(t, err, CodeAlg)
}

func TestMalformedReceipts(t *testing.T) {
	_, r, _ := sampleReceipt()
	good := string(r.raw)
	signature := good[len(good)-66:]
	tests := []struct {
		name, b string
		code    Code
	}{
		{"nothing", "", CodeEnvelope},
		{"no tag", good[1:], CodeEnvelope},
		{"a byte more", good + "\x00", CodeEnvelope},
		{"long head of the signature", strings.Replace(good, signature, "\x59\x00"+signature[1:], 1), CodeEnvelope},
		{"null signature", strings.Replace(good, signature, "\xf6", 1), CodeSignature},
		{"short signature", strings.Replace(good, signature, "\x41\x00", 1), CodeSignature},
		{"attached payload", strings.Replace(good, "\xf6"+signature, "\x40"+signature, 1), CodeProtected},
		{"null anchor", strings.Replace(good, "\x3a\x00\x01\x00\x00\x58", "\x3a\x00\x01\x00\x00\xf6", 1), CodeEnvelope},
	}
	for _, tt := range tests {
		if tt.b == good {
			t.Errorf("%s: nothing changed", tt.name)
		}
		_, err := ParseReceipt([]byte(tt.b))
		if CodeOf(err) != tt.code {
			t.Errorf("%s: %v, wanted %s", tt.name, err, tt.code)
		}
	}
}

func TestKeySet(t *testing.T) {
	a, b := publicOf(testKey(AlgEdDSA, "a")), publicOf(testKey(AlgES256, "b"))
	set := EncodeKeySet(a, b)
	keys, err := ParseKeySet(set)
	if err != nil || len(keys) != 2 || keys[0].String() != a.String() || keys[1].String() != b.String() {
		t.Errorf("%v, %v", keys, err)
	}
	for name, bad := range map[string][]byte{
		"null":            {0xf6},
		"nothing":         {},
		"a map":           {0xa0},
		"long head":       append([]byte{0x98, 2}, set[1:]...),
		"a byte more":     append(append([]byte{}, set...), 0),
		"an element less": append([]byte{0x83}, set[1:]...),
		"no keys in it":   {0x81, 0x00},
	} {
		if _, err := ParseKeySet(bad); CodeOf(err) != CodeKey {
			t.Errorf("%s: %v, wanted key", name, err)
		}
	}
}

func TestCheckpoint(t *testing.T) {
	key := testKey(AlgEdDSA, "node").(ed25519.PrivateKey)
	public := key.Public().(ed25519.PublicKey)
	c := Checkpoint{Origin("demo-1", hashOf("genesis")), 20, hashOf("root")}
	b := must1(c.Sign(key))
	if got, err := OpenCheckpoint(b, c.Origin, public); err != nil || *got != c {
		t.Errorf("%v, %v", got, err)
	}
	_, err := OpenCheckpoint(b, "tokentrail/other/00", public)
	wantCode(t, err, CodeSignature)
	_, err = OpenCheckpoint(b, c.Origin, testKey(AlgEdDSA, "another").Public().(ed25519.PublicKey))
	wantCode(t, err, CodeSignature)
	text := c.String()
	lines := strings.Split(text, "\n")
	for name, bad := range map[string]string{
		"nothing":               "",
		"no newline at the end": strings.TrimSuffix(text, "\n"),
		"extension line":        text + "x\n",
		"no origin":             "\n20\n" + lines[2] + "\n",
		"leading zero":          lines[0] + "\n020\n" + lines[2] + "\n",
		"plus sign":             lines[0] + "\n+20\n" + lines[2] + "\n",
		"negative":              lines[0] + "\n-1\n" + lines[2] + "\n",
		"beyond int64":          lines[0] + "\n9223372036854775808\n" + lines[2] + "\n",
		"short root":            lines[0] + "\n20\nAAAA\n",
		"url alphabet":          lines[0] + "\n20\n" + strings.Repeat("_", 43) + "=\n",
		"return in the root":    lines[0] + "\n20\n" + lines[2] + "\r\n",
		"bits past the root":    lines[0] + "\n20\n" + strings.Repeat("A", 42) + "B=\n",
	} {
		if _, err := ParseCheckpoint(bad); CodeOf(err) != CodeValue {
			t.Errorf("%s: %v, wanted value", name, err)
		}
	}
}
