package provenance

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/pem"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

// cheap is the least cost that a reader accepts.
func cheap() KeyCost { return KeyCost{Passes: 1, KiB: 8, Lanes: 1} }

var passphrase = []byte("correct horse")

type equaler interface{ Equal(crypto.PrivateKey) bool }

func TestKeyFileComesBack(t *testing.T) {
	for name, alg := range algorithms() {
		key := testKey(alg, "a")
		file := must1(SealKey(key, passphrase, cheap()))
		got, err := OpenKey(file, passphrase)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !got.(equaler).Equal(key) {
			t.Errorf("%s: another key came back", name)
		}
		if pub, err := KeyFilePublic(file); err != nil || pub.String() != publicOf(key).String() {
			t.Errorf("%s: public key %v, %v", name, pub, err)
		}
		_, err = OpenKey(file, []byte("wrong horse"))
		wantCode(t, err, CodeKey)
		_, err = OpenKey(file, nil)
		wantCode(t, err, CodeKey)
		if again := must1(SealKey(key, passphrase, cheap())); bytes.Equal(again, file) {
			t.Errorf("%s: the same salt and nonce twice", name)
		}
		for _, secret := range [][]byte{must1(secretOf(key)), passphrase} {
			if bytes.Contains(must1(pemBytes(file)), secret) {
				t.Errorf("%s: a secret stands in the file", name)
			}
		}
	}
}

func pemBytes(file []byte) ([]byte, error) {
	block, _ := pem.Decode(file)
	return block.Bytes, nil
}

// inPEM wraps a key file's map again.
func inPEM(b []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: keyFileLabel, Bytes: b})
}

func TestEveryFlippedBitOfAKeyFileIsNoticed(t *testing.T) {
	for name, alg := range algorithms() {
		b := must1(pemBytes(must1(SealKey(testKey(alg, "a"), passphrase, cheap()))))
		for i := range b {
			for bit := range 8 {
				changed := slices.Clone(b)
				changed[i] ^= 1 << bit
				key, err := OpenKey(inPEM(changed), passphrase)
				if err == nil || key != nil || CodeOf(err) == "" {
					t.Errorf("%s: bit %d of byte %d: %v, %v", name, bit, i, key, err)
				}
			}
		}
	}
}

func TestEveryFlippedByteOfTheTextOfAKeyFile(t *testing.T) {
	// PEM itself is lenient (RFC 7468): a change may be lost on it, never lead to another key.
	key := testKey(AlgEdDSA, "a")
	file := must1(SealKey(key, passphrase, cheap()))
	for i := range file {
		for bit := range 8 {
			changed := slices.Clone(file)
			changed[i] ^= 1 << bit
			if got, err := OpenKey(changed, passphrase); err == nil && !got.(equaler).Equal(key) {
				t.Errorf("bit %d of byte %d: another key", bit, i)
			}
		}
	}
}

// changedFile is a good key file with one key of its map set to another value.
func changedFile(t *testing.T, key int64, value any) []byte {
	t.Helper()
	var m map[int64]any
	if err := cbor.Unmarshal(must1(pemBytes(must1(SealKey(testKey(AlgEdDSA, "a"), passphrase, cheap())))), &m); err != nil {
		t.Fatal(err)
	}
	m[key] = value
	return inPEM(must1(marshal(m)))
}

func TestHostileKeyFiles(t *testing.T) {
	cost := func(passes, kib, lanes int64) []byte { return changedFile(t, 5, []int64{passes, kib, lanes}) }
	tests := []struct {
		name string
		file []byte
		code Code
	}{
		{"no pass", cost(0, 8, 1), CodeValue},
		{"17 passes", cost(17, 8, 1), CodeValue},
		{"2^40 passes", cost(1<<40, 8, 1), CodeValue},
		{"7 KiB", cost(1, 7, 1), CodeValue},
		{"1 GiB and 1 KiB", cost(1, 1<<20+1, 1), CodeValue},
		{"4 TiB", cost(1, 1<<32, 1), CodeValue},
		{"no lane", cost(1, 8, 0), CodeValue},
		{"17 lanes", cost(1, 8, 17), CodeValue},
		{"256 lanes", cost(1, 8, 256), CodeValue},
		{"negative", cost(1, 8, -1), CodeValue},
		{"two costs", changedFile(t, 5, []int64{1, 8}), CodeValue},
		{"version 2", changedFile(t, 1, 2), CodeVersion},
		{"another algorithm", changedFile(t, 2, -37), CodeAlg},
		{"the other algorithm", changedFile(t, 2, -7), CodeKey},
		{"short salt", changedFile(t, 4, make([]byte, 15)), CodeValue},
		{"short nonce", changedFile(t, 6, make([]byte, 12)), CodeValue},
		{"short seal", changedFile(t, 7, make([]byte, 47)), CodeValue},
		{"another's public key", changedFile(t, 3, publicOf(testKey(AlgEdDSA, "b")).COSE()), CodeKey},
		{"key 8", changedFile(t, 8, 0), CodeUnknownCritical},
		{"a key added that is kept", changedFile(t, 64, 0), CodeKey},
		{"a byte more", inPEM(append(must1(pemBytes(cost(1, 8, 1))), 0)), CodeTrailingBytes},
		{"another label", []byte(strings.ReplaceAll(string(cost(1, 8, 1)), "TOKENTRAIL", "OPENSSH")), CodeKey},
		{"something behind", append(cost(1, 8, 1), "x"...), CodeKey},
		{"two of them", append(cost(1, 8, 1), cost(1, 8, 1)...), CodeKey},
		{"5,000 bytes", append(cost(1, 8, 1), make([]byte, 5000)...), CodeSize},
		{"nothing", nil, CodeKey},
	}
	for _, tt := range tests {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		key, err := OpenKey(tt.file, passphrase)
		runtime.ReadMemStats(&after)
		if CodeOf(err) != tt.code || key != nil {
			t.Errorf("%s: %v, %v, wanted %s", tt.name, key, err, tt.code)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: %d bytes allocated", tt.name, used)
		}
	}
}

func TestTheSealBindsWhatALaterVersionKeeps(t *testing.T) {
	// A file with key 64, sealed by who knows it: SPEC(KEY-11) has the seal bind it.
	w := wireKeyFile{
		Version: 1, Alg: AlgEdDSA, Public: publicOf(testKey(AlgEdDSA, "a")).COSE(), Cost: cheap(),
		Salt: make([]byte, 16), Nonce: make([]byte, 24), Sealed: make([]byte, 48),
	}
	b := must1(marshal(w))
	kept := append(append([]byte{b[0] + 1}, b[1:]...), 0x18, 64, 0x01)
	ad, err := associated(kept)
	if err != nil {
		t.Fatal(err)
	}
	w.Sealed = nil
	want := must1(marshal(w))
	want = append(append([]byte{want[0] + 1}, want[1:]...), 0x18, 64, 0x01)
	if !bytes.Equal(ad, want) {
		t.Errorf("%x, wanted %x", ad, want)
	}
}

func TestSealKeyRefuses(t *testing.T) {
	key := testKey(AlgEdDSA, "a")
	_, err := SealKey(key, []byte("1234567"), cheap())
	wantCode(t, err, CodeValue)
	if _, err := SealKey(key, []byte("12345678"), cheap()); err != nil {
		t.Error(err)
	}
	for _, cost := range []KeyCost{{}, {KiB: 8, Lanes: 1}, {Passes: 1, KiB: 8}, {Passes: 17, KiB: 8, Lanes: 1}, {Passes: 1, KiB: 1<<20 + 1, Lanes: 1}, {Passes: 1, KiB: 8, Lanes: 17}} {
		_, err := SealKey(key, passphrase, cost)
		wantCode(t, err, CodeValue)
	}
	_, err = SealKey(opaqueSigner{key}, passphrase, cheap())
	wantCode(t, err, CodeKey)
}

// An opaqueSigner keeps its key to itself, as a hardware token does.
type opaqueSigner struct{ crypto.Signer }

func TestSigningWithAKeyOutsideTheProcess(t *testing.T) {
	for name, alg := range algorithms() {
		h := must1(NewBatch("acme", "s", 0, nil, sampleRecords(1)))
		if _, err := h.Sign(opaqueSigner{testKey(alg, "a")}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	liar := lyingSigner{testKey(AlgEdDSA, "a")}
	h := must1(NewBatch("acme", "s", 0, nil, sampleRecords(1)))
	if _, err := h.Sign(liar); CodeOf(err) != CodeSignature {
		t.Errorf("a signer that signs something else: %v", err)
	}
}

type lyingSigner struct{ crypto.Signer }

func (l lyingSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return l.Signer.Sign(rand.Reader, append([]byte("not "), digest...), opts)
}

func TestDefaultKeyCost(t *testing.T) {
	// SPEC(KEY-11)
	if got := DefaultKeyCost(); got != (KeyCost{Passes: 3, KiB: 65536, Lanes: 4}) {
		t.Errorf("%+v", got)
	}
	if testing.Short() {
		return
	}
	key := testKey(AlgEdDSA, "a")
	if got, err := OpenKey(must1(SealKey(key, passphrase, DefaultKeyCost())), passphrase); err != nil || !got.(equaler).Equal(key) {
		t.Errorf("%v", err)
	}
}
