package verify_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"testing"

	"tokentrail/provenance"
	"tokentrail/spec"
	"tokentrail/verify"
)

// TestVectors takes the vectors of this package's own files through its parsers:
// they know nothing of it. SPEC(VER-32), SPEC(VER-33), SPEC(VER-34)
func TestVectors(t *testing.T) {
	for parser, run := range map[string]func(b []byte) (fields map[string]string, again []byte, err error){"kept": runKept, "fork": runFork} {
		suite, err := spec.Vectors(parser)
		check(t, err)
		for i := range suite.Vectors {
			v := &suite.Vectors[i]
			t.Run(parser+"/"+v.Name, func(t *testing.T) {
				b, err := v.Input()
				check(t, err)
				fields, again, err := run(b)
				if got := codeOfFile(err); got != v.Error {
					t.Fatalf("%v: %q, wanted %q", err, got, v.Error)
				}
				if err != nil {
					return
				}
				if !bytes.Equal(again, b) {
					t.Errorf("encoded again: %.200x", again)
				}
				for name, want := range v.Expect.Fields {
					if fields[name] != want {
						t.Errorf("%s is %s, wanted %s", name, fields[name], want)
					}
				}
				if n := len(v.Expect.Fields); n > 0 && n != len(fields) {
					t.Errorf("%d fields, wanted %d", len(fields), n)
				}
			})
		}
	}
}

// codeOfFile is the code of VER-34.
func codeOfFile(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, verify.ErrNewer):
		return "newer"
	case errors.Is(err, verify.ErrDamaged):
		return "damaged"
	}
	return err.Error()
}

func runKept(b []byte) (map[string]string, []byte, error) {
	k, err := verify.ParseKept(b)
	if err != nil {
		return nil, nil, err
	}
	again, err := k.Encode()
	return map[string]string{
		"origin": k.Origin, "height": strconv.FormatInt(k.Height, 10), "header": k.Header.String(), "light-block": hex.EncodeToString(k.LightBlock),
		"preimage": hex.EncodeToString(k.Preimage.Encode()), "changes": hexOfList(k.Changes),
		"trust.kind": k.Trust.Kind, "trust.from": k.Trust.From, "trust.height": strconv.FormatInt(k.Trust.Height, 10), "trust.hash": k.Trust.Hash.String(),
		"time": strconv.FormatInt(k.When.UnixMilli(), 10),
	}, again, err
}

func runFork(b []byte) (map[string]string, []byte, error) {
	f, err := verify.ParseFork(b)
	if err != nil {
		return nil, nil, err
	}
	again, err := f.Encode()
	first, second := f.Sides[0].Changes, f.Sides[1].Changes
	common := 0
	for common < min(len(first), len(second)) && bytes.Equal(first[common], second[common]) {
		common++
	}
	fields := map[string]string{"genesis": hex.EncodeToString(f.Genesis), "anchor": hex.EncodeToString(f.Anchor), "changes": hexOfList(first[:common])}
	for i, s := range f.Sides {
		at := fmt.Sprintf("sides[%d].", i)
		fields[at+"light-block"], fields[at+"preimage"] = hex.EncodeToString(s.LightBlock), hex.EncodeToString(s.Preimage)
		fields[at+"changes"] = hexOfList(s.Changes[common:])
	}
	var part [][]byte
	if f.Root != nil {
		part = append(part, f.Root[:])
	}
	for _, h := range f.Path {
		part = append(part, h[:])
	}
	fields["part"] = hexOfList(part)
	return fields, again, err
}

// hexOfList is an array of byte strings as CBOR in hex.
func hexOfList(of [][]byte) string {
	b := provenance.AppendArray(nil, len(of))
	for _, item := range of {
		b = provenance.AppendBytes(b, item)
	}
	return hex.EncodeToString(b)
}
