package provenance

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
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
				if o.Parser == "key_file" {
					run = runKeyFile
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
