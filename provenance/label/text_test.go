package label

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// spell writes bytes as U+FEFF and variation selectors.
func spell(b []byte) string {
	var s strings.Builder
	s.WriteRune('\ufeff')
	for _, v := range b {
		if v < 16 {
			s.WriteRune(rune(0xfe00 + int(v)))
		} else {
			s.WriteRune(rune(0xe0100 + int(v) - 16))
		}
	}
	return s.String()
}

// wrapped is what C2PA's selectors spell around a store.
func wrapped(store []byte) []byte {
	head := append([]byte("C2PATXT\x00\x01"), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(head[9:], uint32(len(store)))
	return append(head, store...)
}

// normal returns what a profile makes of a file.
func normal(t *testing.T, profile, file string) string {
	t.Helper()
	var out bytes.Buffer
	if err := Normalise(&out, profile, strings.NewReader(file), int64(len(file))); err != nil {
		t.Fatalf("%s of %.60q: %v", profile, file, err)
	}
	return out.String()
}

func TestTextProfiles(t *testing.T) {
	selectors := spell(wrapped([]byte("store")))
	for _, c := range []struct{ profile, in, want string }{
		{"text-1", "a\r\nb\rc\n", "a\nb\nc\n"},
		{"text-1", "\ufeffa", "a"},
		{"text-1", "a\r\ufeff\nb", "a\nb"},
		{"text-1", "e\u0301", "\u00e9"},
		{"text-1", "a" + selectors + "b", "ab"},
		{"text-1", "e" + selectors + "\u0301", "\u00e9"},
		{"text-1", "\u2764\ufe0f \u200d", "\u2764\ufe0f \u200d"},
		{"text-1", "\ufb01", "\ufb01"},
		{"text-1", "", ""},
		{"text-match-1", "\ufb01 \u2764\ufe0f", "fi \u2764"},
		{"text-match-1", "  a \t\r\n\u00a0b\u3000", "a b"},
		{"text-match-1", "A\u200d\u0301", "\u00c1"},
		{"text-match-1", "a\u2060\u200bb" + selectors, "ab"},
	} {
		if got := normal(t, c.profile, c.in); got != c.want {
			t.Errorf("%s of %q is %q, want %q", c.profile, c.in, got, c.want)
		}
	}
	_, err := PublicCommitment("text-1", strings.NewReader("ab\xffc"), 4)
	wantFileError(t, err, Malformed, "at byte 2")
	marks := "a" + strings.Repeat("\u0301", 31)
	_, err = PublicCommitment("text-1", strings.NewReader(marks), int64(len(marks)))
	wantFileError(t, err, Unsupported, "30 combining")
}

func TestTextIsNotWritten(t *testing.T) {
	var out bytes.Buffer
	err := Write(&out, Text, strings.NewReader("a"), 1, someMarks())
	wantFileError(t, err, Unsupported, "Markdown has")
	if out.Len() > 0 {
		t.Error("something was written")
	}
}

func TestSelectors(t *testing.T) {
	whole := wrapped([]byte("store"))
	w, err := findWrapper(Text, []byte("text\ufeff\ufe0f more"+spell(whole)+"end"))
	if err != nil || w == nil || string(w.store) != "store" {
		t.Fatalf("%v, %v", w, err)
	}
	for _, f := range []Format{Text, Markdown} {
		file := mustRead(t, f, []byte("a "+spell(wrapped(sampleStore()))+" b"))
		if file.C2PA == nil || file.C2PA.Manifests != 2 {
			t.Errorf("%s: %+v", f, file.C2PA)
		}
	}
	version2 := bytes.Clone(whole)
	version2[8] = 2
	for name, c := range map[string]struct {
		text string
		kind ErrorKind
		want string
	}{
		"head cut short":  {spell(whole[:5]), Malformed, "cut short"},
		"store cut short": {spell(whole[:len(whole)-1]), Malformed, "say 5"},
		"store too long":  {spell(append(bytes.Clone(whole), 1)), Malformed, "say 5"},
		"two":             {spell(whole) + "x" + spell(whole), Malformed, "second manifest store"},
		"other version":   {spell(version2), Unsupported, "version 2"},
		"no manifest":     {spell(whole), Malformed, "C2PA selectors"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(Text, strings.NewReader(c.text), int64(len(c.text)))
			wantFileError(t, err, c.kind, c.want)
		})
	}
	for i := range whole {
		text := "a" + spell(whole[:i])
		if _, err := findWrapper(Text, []byte(text)); (err == nil) != (i == 0) {
			t.Errorf("of %d of %d selectors: %v", i, len(whole), err)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte("text \ufeff" + spell(wrapped([]byte("store")))))
	f.Add([]byte(spell(wrapped(nil)[:7])))
	f.Add([]byte("a\r\nb\u0301\u200d\u00a8\u3000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Read(Text, bytes.NewReader(b), int64(len(b)))
		for _, profile := range []string{"text-1", "text-match-1"} {
			var once, twice bytes.Buffer
			if Normalise(&once, profile, bytes.NewReader(b), int64(len(b))) != nil {
				continue
			}
			if err := Normalise(&twice, profile, bytes.NewReader(once.Bytes()), int64(once.Len())); err != nil || twice.String() != once.String() {
				t.Fatalf("%s of %q is %q, and of that %q, %v", profile, b, once.String(), twice.String(), err)
			}
		}
	})
}
