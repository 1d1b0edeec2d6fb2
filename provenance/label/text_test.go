package label

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
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

// What the library makes of a text in pieces is what it makes of it at once, and
// a character that becomes many takes no memory for all of them.
func TestTextInPieces(t *testing.T) {
	pieces := []string{"a", "\u0301", "\u0323", "\u1100", "\u1161", "\u11a8", "\ufdfa", "\u00a0", "\u2003\t", "\u034f", "\u0344", "\U0001f600", "\ufb01"}
	for seed := range 40 {
		var b strings.Builder
		for i := 0; b.Len() < 9000; i++ {
			b.WriteString(pieces[(i*i+i/7*seed+seed)%len(pieces)])
		}
		text := b.String()
		if got, want := normal(t, "text-1", text), norm.NFC.String(text); got != want {
			t.Fatalf("%d: text-1 differs at once and in pieces", seed)
		}
		if got, want := normal(t, "text-match-1", text), strings.Join(strings.Fields(norm.NFKC.String(text)), " "); got != want {
			t.Fatalf("%d: text-match-1 differs at once and in pieces", seed)
		}
	}
	var short strings.Builder // one byte at a time
	s := &spaceFolder{dst: &short}
	for _, c := range []byte(" é \u3000\tü x ") {
		if _, err := s.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	if short.String() != "é ü x" {
		t.Errorf("%q", short.String())
	}
	text := strings.Repeat("\ufdfa", 1<<20) // 3 MiB, which NFKC makes 33
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := PublicCommitment("text-match-1", strings.NewReader(text), int64(len(text))); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	allocated := after.TotalAlloc - before.TotalAlloc
	if allocated > 32<<20 {
		t.Errorf("3 MiB of text take %d bytes", allocated)
	}
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
