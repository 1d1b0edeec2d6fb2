package cosign_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"tokentrail/verify/cosign"
)

// TestKeys: a private key is read back, also one that another program made for
// ordinary notes. SPEC(VER-87)
func TestKeys(t *testing.T) {
	k := witnessKey(t)
	got, err := cosign.ParseKey(k.Private())
	if err != nil || got.Public() != k.Public() || got.Name() != witnessName || got.Private() != k.Private() {
		t.Fatalf("%v, %v", got, err)
	}
	private, public, err := note.GenerateKey(nil, "other.example/w")
	check(t, err)
	other, err := cosign.ParseKey(private)
	check(t, err)
	name, key, err := cosign.ParseLogKey(public)
	check(t, err)
	if name != "other.example/w" || !strings.HasSuffix(other.Public(), base64.StdEncoding.EncodeToString(append([]byte{4}, key...))) {
		t.Errorf("%s of %s", other.Public(), public)
	}
}

// TestKeysThatAreNone: each with one thing wrong.
func TestKeysThatAreNone(t *testing.T) {
	k := witnessKey(t)
	good, public := k.Private(), k.Public()
	parts := strings.SplitN(good, "+", 5)
	join := func(name, id, base string) string {
		return strings.Join([]string{"PRIVATE", "KEY", name, id, base}, "+")
	}
	raw, err := base64.StdEncoding.DecodeString(parts[4])
	check(t, err)
	for name, text := range map[string]string{
		"nothing":            "",
		"a public key":       public,
		"another id":         join(parts[2], "00000000", parts[4]),
		"an id in capitals":  join(parts[2], strings.ToUpper(parts[3]), parts[4]),
		"an id of 7 digits":  join(parts[2], parts[3][:7], parts[4]),
		"another name":       join("auditor.example/witnes", parts[3], parts[4]),
		"no name":            join("", parts[3], parts[4]),
		"a name with spaces": join("a b", parts[3], parts[4]),
		"no base64":          join(parts[2], parts[3], "***"),
		"a seed cut short":   join(parts[2], parts[3], base64.StdEncoding.EncodeToString(raw[:32])),
		"more behind it":     good + "AAAA",
		"a line break":       good + "\n",
		"one in the middle":  good[:len(good)-5] + "\n" + good[len(good)-5:],
		"a type of another":  join(parts[2], parts[3], base64.StdEncoding.EncodeToString(append([]byte{6}, raw[1:]...))),
		"too long":           join(strings.Repeat("a", 600), parts[3], parts[4]),
	} {
		if _, err := cosign.ParseKey(text); err == nil || strings.Contains(err.Error(), parts[4]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"a witness's key": public,
		"a private key":   good,
		"small order":     "a.example+" + fmt.Sprintf("%08x", idOf("a.example", 1, make([]byte, 32))) + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, make([]byte, 32)...)),
	} {
		if _, _, err := cosign.ParseLogKey(text); err == nil {
			t.Errorf("a log's key: %s", name)
		}
	}
}

func idOf(name string, kind byte, key []byte) uint32 {
	h := sha256.Sum256(append(append([]byte(name), '\n', kind), key...))
	return uint32(h[0])<<24 | uint32(h[1])<<16 | uint32(h[2])<<8 | uint32(h[3])
}

// TestNames: what may name a witness.
func TestNames(t *testing.T) {
	seed := [ed25519.SeedSize]byte{1}
	for _, name := range []string{"w", "auditor.example/witness", "oid/1.3.6.1.4.1.32473.1", strings.Repeat("n", cosign.MaxName)} {
		if _, err := cosign.NewKey(name, seed); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", " ", "a b", "a+b", "a\nb", "a\u00a0b", "é", "https://auditor.example/w", strings.Repeat("n", cosign.MaxName+1)} {
		if k, err := cosign.NewKey(name, seed); err == nil {
			t.Errorf("%q: %s", name, k.Public())
		}
	}
}
