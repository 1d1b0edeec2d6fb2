package provenance

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"slices"
	"testing"
)

// Points and numbers of Ed25519, little-endian.
var (
	// smallOrder are the canonical encodings of the eight points of small order:
	// orders 1, 2, 4, 4, 8, 8, 8, 8.
	smallOrder = []string{
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	}
	// nonCanonical are other encodings of y, beyond the field's prime or with the
	// sign of x = 0 set.
	nonCanonical = []string{
		"0100000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // y = 3, on the curve
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	}
	groupOrder, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
)

func TestWeakEd25519KeysAreRefused(t *testing.T) {
	notOnCurve := "0200000000000000000000000000000000000000000000000000000000000000"
	for _, enc := range slices.Concat(smallOrder, nonCanonical, []string{notOnCurve}) {
		b := unhex(enc)
		if _, err := NewPublicKey(ed25519.PublicKey(b)); CodeOf(err) != CodeKey {
			t.Errorf("%s as a key: %v", enc, err)
		}
		if _, err := ParsePublicKeyCOSE(slices.Concat(unhex("a3010120062158 20"), b)); CodeOf(err) != CodeKey {
			t.Errorf("%s as a COSE_Key: %v", enc, err)
		}
		if _, err := ParsePublicKey("ed25519:" + base64.RawURLEncoding.EncodeToString(b)); CodeOf(err) != CodeKey {
			t.Errorf("%s in text: %v", enc, err)
		}
	}
}

func TestWeakEd25519SignaturesAreRefused(t *testing.T) {
	key := publicOf(testKey(AlgEdDSA, "a"))
	for _, enc := range slices.Concat(smallOrder, nonCanonical) {
		wantCode(t, key.checkSignatureForm(append(unhex(enc), make([]byte, 32)...)), CodeSignature)
	}
}

// plusL adds the group's order to the second half of an Ed25519 signature.
func plusL(sig []byte) []byte {
	s := slices.Clone(sig[32:])
	slices.Reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), groupOrder).FillBytes(make([]byte, 32))
	slices.Reverse(sum)
	return append(slices.Clone(sig[:32]), sum...)
}

// resigned is the statement with another signature.
func resigned(s *Statement, sig []byte) []byte {
	raw := s.Raw()
	return append(slices.Clone(raw[:len(raw)-66]), AppendBytes(nil, sig)...)
}

func verifyRaw(raw []byte, key PublicKey) error {
	u, err := ParseStatement(raw)
	if err == nil {
		_, err = u.Verify(key)
	}
	return err
}

func signatureOf(s *Statement) []byte { return slices.Clone(s.Raw()[len(s.Raw())-64:]) }

func TestMalleatedSignaturesAreRefused(t *testing.T) {
	ed, es := sampleBatch(AlgEdDSA, 1), sampleBatch(AlgES256, 1)
	n := elliptic.P256().Params().N
	sig := signatureOf(es.statement)
	r, s := sig[:32], new(big.Int).SetBytes(sig[32:])
	high := append(slices.Clone(r), new(big.Int).Sub(n, s).FillBytes(make([]byte, 32))...)
	order := n.FillBytes(make([]byte, 32))
	zero := make([]byte, 32)
	der := must1(asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), s}))
	tests := []struct {
		name string
		of   *sample
		sig  []byte
	}{
		{"S plus L", ed, plusL(signatureOf(ed.statement))},
		{"zero", ed, make([]byte, 64)},
		{"63 bytes", ed, signatureOf(ed.statement)[:63]},
		{"65 bytes", ed, append(signatureOf(ed.statement), 0)},
		{"high s", es, high},
		{"DER", es, der},
		{"r of zero", es, slices.Concat(zero, sig[32:])},
		{"s of zero", es, slices.Concat(r, zero)},
		{"r of n", es, slices.Concat(order, sig[32:])},
		{"s of n", es, slices.Concat(r, order)},
		{"another's", es, signatureOf(ed.statement)},
	}
	for _, tt := range tests {
		if err := verifyRaw(resigned(tt.of.statement, signatureOf(tt.of.statement)), tt.of.key); err != nil {
			t.Fatalf("unchanged: %v", err)
		}
		if err := verifyRaw(resigned(tt.of.statement, tt.sig), tt.of.key); CodeOf(err) != CodeSignature {
			t.Errorf("%s: %v, wanted signature", tt.name, err)
		}
	}
	// A plain verifier takes the high s: the rule is the format's own.
	pub := es.key.Crypto().(*ecdsa.PublicKey)
	digest := sha256.Sum256([]byte("x"))
	key := testKey(AlgES256, "provider").(*ecdsa.PrivateKey)
	ra, sa, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil || !ecdsa.Verify(pub, digest[:], ra, new(big.Int).Sub(n, sa)) {
		t.Errorf("the high s does not verify by itself: %v", err)
	}
}

func TestES256IsSignedWithLowS(t *testing.T) {
	h := must1(NewBatch("acme", "s", 0, nil, sampleRecords(1)))
	for range 40 { // half of them would have been high
		sig := signatureOf(must1(h.Sign(testKey(AlgES256, "a"))))
		if new(big.Int).SetBytes(sig[32:]).Cmp(halfOrder()) > 0 {
			t.Fatalf("%x", sig)
		}
	}
}

func TestStatementsUnderAnotherKey(t *testing.T) {
	ed, es := sampleBatch(AlgEdDSA, 1), sampleBatch(AlgES256, 1)
	_, err := ed.statement.Verify(es.key)
	wantCode(t, err, CodeAlg)
	_, err = ed.statement.Verify(publicOf(testKey(AlgEdDSA, "another")))
	wantCode(t, err, CodeKID)
	_, err = ed.statement.Verify(PublicKey{})
	wantCode(t, err, CodeAlg)
	if ed.statement.ID() != es.statement.ID() {
		t.Error("the id depends on who signed")
	}
}

// RFC 8032 section 7.1, tests 1 to 3.
func TestRFC8032Vectors(t *testing.T) {
	tests := []struct{ seed, public, message, signature string }{
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
	}
	for i, tt := range tests {
		key := ed25519.NewKeyFromSeed(unhex(tt.seed))
		pub := publicOf(key)
		if want := slices.Concat(unhex("a301012006215820"), unhex(tt.public)); !bytes.Equal(pub.COSE(), want) {
			t.Errorf("test %d: COSE_Key %x, wanted %x", i+1, pub.COSE(), want)
		}
		sig := unhex(tt.signature)
		if err := pub.checkSignatureForm(sig); err != nil {
			t.Errorf("test %d: %v", i+1, err)
		}
		if !ed25519.Verify(pub.Crypto().(ed25519.PublicKey), unhex(tt.message), sig) {
			t.Errorf("test %d does not verify", i+1)
		}
		if got := must1(key.Sign(nil, unhex(tt.message), crypto.Hash(0))); !bytes.Equal(got, sig) {
			t.Errorf("test %d: signature %x", i+1, got)
		}
	}
}

// RFC 9679 section 6; for OKP keys the RFC has no example.
func TestThumbprintOfRFC9679(t *testing.T) {
	b := unhex("a4010220012158 20 65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d" +
		"225820 1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c")
	key, err := ParsePublicKeyCOSE(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := key.Thumbprint().String(); got != "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec" {
		t.Errorf("thumbprint %s", got)
	}
}

func TestPublicKeysInEveryForm(t *testing.T) {
	for name, alg := range algorithms() {
		key := publicOf(testKey(alg, "a"))
		if !oracleNegativeKeys(key.COSE()) {
			t.Errorf("%s: the COSE_Key %x is not in its one encoding", name, key.COSE())
		}
		for _, again := range []PublicKey{must1(ParsePublicKeyCOSE(key.COSE())), must1(ParsePublicKey(key.String()))} {
			if !bytes.Equal(again.COSE(), key.COSE()) || again.Alg() != alg || again.Thumbprint() != key.Thumbprint() || again.String() != key.String() {
				t.Errorf("%s: %v, wanted %v", name, again, key)
			}
		}
		for i := range key.COSE() {
			for bit := range 8 {
				b := key.COSE()
				b[i] ^= 1 << bit
				if other, err := ParsePublicKeyCOSE(b); err == nil && (other.String() == key.String() || !bytes.Equal(other.COSE(), b)) {
					t.Errorf("%s: with byte %d changed it is the same key", name, i)
				}
			}
		}
	}
	if s := (PublicKey{}).String(); s != "none" {
		t.Errorf("the zero key is %q", s)
	}
}

// oracleNegativeKeys is oracleAccepts for the one kind of map with negative keys.
func oracleNegativeKeys(b []byte) bool {
	var m map[int64]any
	if unmarshal(b, &m) != nil {
		return false
	}
	return bytes.Equal(must1(marshal(m)), b)
}

func TestGeneratedKeysSignAndVerify(t *testing.T) {
	h := must1(NewBatch("acme", "s", 0, nil, sampleRecords(1)))
	for name, alg := range algorithms() {
		a, b := must1(GenerateKey(alg)), must1(GenerateKey(alg))
		s := must1(h.Sign(a))
		if _, err := s.Verify(publicOf(a)); err != nil || s.Alg() != alg {
			t.Errorf("%s: %v", name, err)
		}
		if publicOf(a).String() == publicOf(b).String() {
			t.Errorf("%s: the same key twice", name)
		}
	}
}

func TestKeysThatAreNotOfTheFormat(t *testing.T) {
	p384 := must1(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	tests := map[string]crypto.PublicKey{
		"P-384": &p384.PublicKey, "RSA": &rsa.PublicKey{}, "nil": nil, "short": ed25519.PublicKey{1, 2},
	}
	for name, key := range tests {
		if _, err := NewPublicKey(key); CodeOf(err) != CodeKey {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := GenerateKey(-37)
	wantCode(t, err, CodeAlg)
	x := publicOf(testKey(AlgEdDSA, "a")).COSE()[8:]
	for name, b := range map[string][]byte{
		"with alg":      slices.Concat(unhex("a401010327200621 5820"), x),
		"with kid":      slices.Concat(unhex("a40101024101200621 5820"), x),
		"X25519":        slices.Concat(unhex("a301012004215820"), x),
		"unsorted":      slices.Concat(unhex("a320060101215820"), x),
		"two for three": slices.Concat(unhex("a201012006215820"), x),
		"long head":     slices.Concat(unhex("a3010120062159 0020"), x),
		"no key":        nil,
	} {
		if _, err := ParsePublicKeyCOSE(b); CodeOf(err) != CodeKey {
			t.Errorf("%s: %v", name, err)
		}
	}
}
