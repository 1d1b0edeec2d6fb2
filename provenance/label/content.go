package label

import (
	"crypto/hmac"
	"crypto/sha256"
	"io"
)

// contentDomain keeps a keyed commitment apart from every other use of its key.
const contentDomain = "tokentrail/content/v1"

// CommitmentKey is how many bytes the key of a keyed commitment has.
const CommitmentKey = 32

// PublicCommitment returns the value of a commitment that anyone can check who
// has the content: SHA-256 over what the profile covers. Content that can be
// guessed is not hidden by it. SPEC(LBL-21)
func PublicCommitment(profile string, src io.ReaderAt, size int64) ([32]byte, error) {
	h := sha256.New()
	if err := Normalise(h, profile, src, size); err != nil {
		return [32]byte{}, err
	}
	return [32]byte(h.Sum(nil)), nil
}

// KeyedCommitment returns the value of a commitment that only holders of the key
// can check: HMAC-SHA-256. The key has 32 random bytes and serves one record:
// without it, the commitment says nothing. SPEC(LBL-21)
func KeyedCommitment(key []byte, profile string, src io.ReaderAt, size int64) ([32]byte, error) {
	if len(key) != CommitmentKey {
		return [32]byte{}, malformed("", "content key", -1, "it has %d bytes; a key has %d", len(key), CommitmentKey)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(contentDomain + "\x00" + profile + "\x00")) // a hash's Write has no error
	if err := Normalise(h, profile, src, size); err != nil {
		return [32]byte{}, err
	}
	return [32]byte(h.Sum(nil)), nil
}
