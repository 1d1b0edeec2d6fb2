package provenance

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Objects as they were once made and signed. Each file is dated and is only ever
// appended to: whatever was valid stays valid, and means the same for ever.

type frozenFile struct {
	About   string
	Objects []struct {
		Parser string
		vector
	}
}

func TestFrozenObjectsParseToTheSameForEver(t *testing.T) {
	names, err := filepath.Glob("testdata/frozen-*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no frozen objects: %v", err)
	}
	for _, name := range names {
		f := frozenFile{}
		d := json.NewDecoder(bytes.NewReader(must1(os.ReadFile(name))))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, o := range f.Objects {
			t.Run(o.Name, func(t *testing.T) {
				run := vectorRunners[o.Parser]
				switch o.Parser {
				case "key_file":
					run = runKeyFile
				case "act":
					run = runFrozenAct
				case "equivocation":
					run = runFrozenEquivocation
				}
				out, err := run(&o.vector)
				o.judge(t, out, err)
			})
		}
	}
}

// runKeyFile opens a key file; the passphrase is the given value.
func runKeyFile(v *vector) (*got, error) {
	key, err := OpenKey(v.input(), []byte(*v.Given.Value))
	if err != nil {
		return nil, err
	}
	return keyValues(publicOf(key)), nil
}

// runFrozenAct takes a submission of an act; the keys that signed it are given.
func runFrozenAct(v *vector) (*got, error) {
	u, err := ParseActSubmission(v.input())
	if err != nil {
		return nil, err
	}
	fields := map[string]string{"id": u.ID().String()}
	for i, text := range strings.Fields(v.Given.Fields["keys"]) {
		if err := u.VerifySignature(i, must1(ParsePublicKey(text))); err != nil {
			return nil, err
		}
		fields["signatures"] = fmt.Sprint(i + 1)
	}
	text, err := json.Marshal(u.Act())
	if err != nil {
		return nil, err
	}
	fields["json"] = string(text)
	fields["payload"] = hex.EncodeToString(must1(must1(ParseActJSON(text)).Encode()))
	return &got{Fields: fields, LeafHash: LeafHash(u.Raw()).String()}, sameBytes(v, EncodeActSubmission(u.Raw()))
}

// runFrozenEquivocation takes a submission of equivocation; the key that signed
// both statements is given.
func runFrozenEquivocation(v *vector) (*got, error) {
	e, err := ParseEquivocationSubmission(v.input())
	if err != nil {
		return nil, err
	}
	key := must1(ParsePublicKey(v.Given.Key))
	for _, s := range []*UnverifiedStatement{e.A, e.B} {
		if _, err := s.Verify(key); err != nil {
			return nil, err
		}
	}
	if _, err := ParseEquivocation(e.Leaf(), e.Evidence()); err != nil {
		return nil, err
	}
	h := e.A.Header()
	return &got{
		Issuer: h.Issuer, Stream: h.Stream, Sequence: &h.Sequence, Leaf: hex.EncodeToString(e.Leaf()),
		LeafHash: LeafHash(e.Leaf()).String(), Fields: map[string]string{"id": e.ID().String()},
	}, sameBytes(v, EncodeEquivocationSubmission(e))
}
