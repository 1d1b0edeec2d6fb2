package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLock: of two one has it, and the other is told so, or waits until it is free.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "lock")
	first, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if f, err := tryLock(path); f != nil || !errors.Is(err, errLocked) {
		t.Errorf("%v, %v", f, err)
	}
	const held = 100 * time.Millisecond
	began := time.Now()
	time.AfterFunc(held, func() { first.Close() })
	second, err := waitLock(path)
	if err != nil || time.Since(began) < held {
		t.Fatalf("after %s: %v", time.Since(began), err)
	}
	second.Close()
	if f, err := waitLock(filepath.Join(dir, "none", "lock")); f != nil || !errors.Is(err, fs.ErrNotExist) || errors.Is(err, errLocked) {
		t.Errorf("%v, %v", f, err)
	}
}

// TestRemoveTemps removes what was being written, and nothing else, wherever it is.
func TestRemoveTemps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "[a]*?")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{tempPrefix + "1", tempPrefix + "2", "head", "x" + tempPrefix} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	removeTemps(dir)
	left, err := namesIn(dir, func(string) bool { return true })
	if err != nil || len(left) != 2 || left[0] != "head" {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := namesIn(filepath.Join(dir, "none"), func(string) bool { return true }); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestValidOrigin: what names directories is an origin and nothing else.
func TestValidOrigin(t *testing.T) {
	hash := testOrigin[len(testOrigin)-64:]
	for origin, want := range map[string]bool{
		testOrigin: true, "tokentrail/A.b_c-9/" + hash: true,
		"": false, "tokentrail//" + hash: false, "tokentrail/../" + hash[1:]: false, "tokentrail/a/b/" + hash: false, "x/a/" + hash: false,
		"tokentrail/a\x00/" + hash: false, "tokentrail/[a]/" + hash: false, "tokentrail/a\n/" + hash: false, "tokentrail/a/" + hash + "\n": false,
		"tokentrail/a/" + hash[:63] + "G": false, "tokentrail/a/" + hash[:16] + testOrigin[:48]: false,
		"tokentrail/" + string(make([]byte, 300)) + "/" + hash:                   false,
		"tokentrail/aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeef/" + hash: false,
	} {
		if got := validOrigin(origin); got != want {
			t.Errorf("%q: %v", origin, got)
		}
	}
}
