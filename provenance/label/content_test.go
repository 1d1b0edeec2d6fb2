package label

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"
)

func TestCommitments(t *testing.T) {
	key := []byte("0123456789abcdef0123456789abcdef")
	text := "a\r\nb"
	for profile, covered := range map[string]string{"": "a\r\nb", "text-1": "a\nb", "text-match-1": "a b", "markdown-1": "a\nb"} {
		public, err := PublicCommitment(profile, strings.NewReader(text), int64(len(text)))
		if want := sha256.Sum256([]byte(covered)); err != nil || public != want {
			t.Errorf("profile %q: public %x, %v; want %x", profile, public, err, want)
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("tokentrail/content/v1\x00" + profile + "\x00" + covered))
		keyed, err := KeyedCommitment(key, profile, strings.NewReader(text), int64(len(text)))
		if err != nil || string(keyed[:]) != string(mac.Sum(nil)) {
			t.Errorf("profile %q: keyed %x, %v; want %x", profile, keyed, err, mac.Sum(nil))
		}
	}
	for _, bad := range []string{"", text, string(key) + "x"} {
		_, err := KeyedCommitment([]byte(bad), "", strings.NewReader(text), int64(len(text)))
		wantFileError(t, err, Malformed, "a key has 32")
	}
	_, err := PublicCommitment("no-such", strings.NewReader(text), int64(len(text)))
	wantFileError(t, err, Unsupported, "no-such")
}
