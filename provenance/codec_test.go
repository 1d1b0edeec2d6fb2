package provenance

import (
	"bytes"
	"testing"
)

// TestAppend holds what is appended by hand to what the encoder makes.
func TestAppend(t *testing.T) {
	for _, v := range []int64{0, 1, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, 1<<63 - 1, -1, -24, -25, -256, -257, -1 << 63} {
		want, err := marshal(v)
		if got := AppendInt(nil, v); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d is %x, wanted %x", v, got, want)
		}
	}
	for _, n := range []int{0, 1, 23, 24, 255, 256, 65536} {
		s := string(make([]byte, n))
		want, err := marshal(map[int]any{1: []any{s, []byte(s)}})
		got := AppendArray(AppendInt(AppendMap(nil, 1), 1), 2)
		if got = AppendBytes(AppendText(got, s), []byte(s)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("strings of %d bytes are %x, wanted %x", n, got, want)
		}
	}
}
