package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

const (
	sidecarFormat    = "1"
	sidecarAlgorithm = "HMAC-SHA-256"
	sidecarSuffix    = ".tokentrail-key.json"
	maxSidecar       = 4096
	maxMediaType     = 127 // record.md, content
)

// A sidecar holds the key of one keyed commitment, and what it is a commitment
// to. Whoever has it can open the commitment. SPEC(CLI-21), SPEC(PRV-3)
type sidecar struct {
	key       []byte
	profile   string // empty: the bytes as they are
	mediaType string
	value     provenance.Hash
	record    string // content reference; empty where none was given
}

// newSidecar makes a fresh key. The value is for the caller to fill.
func newSidecar() *sidecar {
	s := &sidecar{key: make([]byte, label.CommitmentKey)}
	rand.Read(s.key) // never fails (crypto/rand)
	return s
}

// encode writes the sidecar's file.
func (s *sidecar) encode() ([]byte, error) {
	b, err := json.MarshalIndent(struct {
		Format    int    `json:"format"`
		Algorithm string `json:"algorithm"`
		Key       string `json:"key"`
		Profile   string `json:"profile"`
		MediaType string `json:"media_type"`
		Value     string `json:"value"`
		Record    string `json:"record,omitempty"`
	}{1, sidecarAlgorithm, base64.RawURLEncoding.EncodeToString(s.key), s.profile, s.mediaType, s.value.String(), s.record}, "", "  ")
	return append(b, '\n'), err
}

// parseSidecar reads a sidecar's file: each member once, none that it does not
// know, each in its one form. SPEC(CLI-21)
func parseSidecar(b []byte) (*sidecar, error) {
	if len(b) > maxSidecar {
		return nil, fmt.Errorf("it has %d bytes, a sidecar has at most %d", len(b), maxSidecar)
	}
	m, err := flatObject(b)
	if err != nil {
		return nil, err
	}
	for name := range m {
		if !slices.Contains([]string{"format", "algorithm", "key", "profile", "media_type", "value", "record"}, name) {
			return nil, fmt.Errorf("it has a member %.80q, which a sidecar has not", name)
		}
	}
	for _, name := range []string{"format", "algorithm", "key", "profile", "media_type", "value"} {
		if _, ok := m[name]; !ok {
			return nil, fmt.Errorf("it has no %s", name)
		}
	}
	s := &sidecar{profile: m["profile"], mediaType: m["media_type"], record: m["record"]}
	if m["format"] != sidecarFormat || m["algorithm"] != sidecarAlgorithm {
		return nil, fmt.Errorf("format %.20q and algorithm %.20q, wanted %s and %s", m["format"], m["algorithm"], sidecarFormat, sidecarAlgorithm)
	}
	s.key, err = base64.RawURLEncoding.Strict().DecodeString(m["key"])
	if err != nil || len(s.key) != label.CommitmentKey || strings.ContainsAny(m["key"], "\r\n") {
		return nil, fmt.Errorf("key: wanted %d bytes in base64url without padding", label.CommitmentKey) // what it is, is never said
	}
	if err := s.value.UnmarshalText([]byte(m["value"])); err != nil || m["value"] != strings.ToLower(m["value"]) {
		return nil, fmt.Errorf("value %.80q: wanted 64 lower-case hex digits", m["value"])
	}
	return s, s.check(m)
}

// check holds the members that are shown, and that go into records, to their
// forms.
func (s *sidecar) check(m map[string]string) error {
	if s.profile != "" && !slices.Contains(label.Profiles(), s.profile) {
		return fmt.Errorf("profile %.80q: there are %s", s.profile, strings.Join(label.Profiles(), ", "))
	}
	if len(s.mediaType) > maxMediaType || printable(s.mediaType) != s.mediaType {
		return fmt.Errorf("media_type %.80q: wanted at most %d printable characters", s.mediaType, maxMediaType)
	}
	if _, given := m["record"]; given {
		if _, _, err := label.ParseContentReference(s.record); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	return nil
}

// flatObject reads a JSON object of strings, but for the number under format; no
// name stands twice and nothing follows.
func flatObject(b []byte) (map[string]string, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	m := map[string]string{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		name := key.(string) // in an object it is nothing else
		if _, twice := m[name]; twice {
			return nil, fmt.Errorf("%.80q stands twice", name)
		}
		value, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("it is not JSON: %w", err)
		}
		text, isText := value.(string)
		number, isNumber := value.(json.Number)
		if isText == (name == "format") || isNumber != (name == "format") {
			return nil, fmt.Errorf("%.80q is neither the number format nor a string", name)
		}
		m[name] = text + number.String()
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is JSON that does not end")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the object")
	}
	return m, nil
}

// readSidecar reads a sidecar that is only its owner's. SPEC(PRV-3)
func readSidecar(path string) (*sidecar, error) {
	f, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no sidecar %s: tokentrail content commit makes one; a key that was lost cannot be made again", printable(path))
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("sidecar %s has mode %04o: others than its owner may read the key; run: chmod 600 %s", printable(path), mode.Perm(), printable(path))
	}
	b, err := readBounded(f, maxSidecar, path)
	if err != nil {
		return nil, err
	}
	s, err := parseSidecar(b)
	if err != nil {
		return nil, fmt.Errorf("sidecar %s: %w", printable(path), err)
	}
	return s, nil
}

// commitment returns the value that the sidecar's key gives for a file.
func (s *sidecar) commitment(src *source) (provenance.Hash, error) {
	v, err := label.KeyedCommitment(s.key, s.profile, src, src.size)
	return v, src.unreadable(err)
}
