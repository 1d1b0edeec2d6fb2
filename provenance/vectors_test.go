package provenance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The vectors of spec/vectors, which know nothing of this package: every one
// goes through its parser and must give exactly what it says.

const vectorsDir = "../spec/vectors"

type vectorFile struct {
	Format  int
	Parser  string
	About   string
	Vectors []*vector
}

type vector struct {
	Name     string
	Comment  string
	Rule     string
	Given    vectorValues
	Hex      *string
	HexParts []vectorPart `json:"hex_parts"`
	Text     *string
	Items    []string
	OK       bool
	Error    string
	Path     *string
	Expect   *vectorValues
}

type vectorPart struct {
	Hex    string
	Repeat int
}

type vectorEntry struct{ Key, Value string }

type vectorValues struct {
	Key         string
	COSEKey     string `json:"cose_key"`
	KID         string
	Alg         int64
	Issuer      string
	Stream      string
	Sequence    *int64
	Index       *int64
	Count       *int64
	Previous    string
	Record      string
	Records     []vectorPart
	RecordID    string   `json:"record_id"`
	RecordIDs   []string `json:"record_ids"`
	Leaf        string
	LeafHash    string `json:"leaf_hash"`
	StatementID string `json:"statement_id"`
	Root        string
	OldRoot     string `json:"old_root"`
	Size        *int64
	LogSize     *int64 `json:"log_size"`
	LogRoot     string `json:"log_root"`
	StateRoot   string `json:"state_root"`
	AppHash     string `json:"app_hash"`
	SHA256      string
	Fields      map[string]string
	Period      []int64
	Strings     []string
	Cells       []string
	Height      *int64
	State       []vectorEntry
	StateKey    string `json:"state_key"`
	Value       *string
	Origin      string
	Statement   string
	Type        *int64
	Chain       string
	Time        *int64
	Keys        []string
	ActID       string `json:"act_id"`
	EntryID     string `json:"entry_id"`
	Evidence    string
	JSON        string
	Payload     string
	Joined      string

	// Of the ledger's vectors alone.
	BlockBytes   *int64 `json:"block_bytes"`
	BlockContent *int64 `json:"block_content"`
	BlockChanged *int64 `json:"block_changed"`
}

func partsBytes(parts []vectorPart) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, bytes.Repeat(unhex(p.Hex), p.Repeat)...)
	}
	return out
}

func (v *vector) input() []byte {
	switch {
	case v.Hex != nil:
		return unhex(*v.Hex)
	case v.Text != nil:
		return []byte(*v.Text)
	}
	return partsBytes(v.HexParts)
}

func vectorFiles(t testing.TB) []*vectorFile {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(vectorsDir, "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors in %s: %v", vectorsDir, err)
	}
	var files []*vectorFile
	for _, name := range names {
		d := json.NewDecoder(bytes.NewReader(must1(os.ReadFile(name))))
		d.DisallowUnknownFields()
		f := &vectorFile{}
		if err := d.Decode(f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files = append(files, f)
	}
	return files
}

// got is what a vector's run derived, to be held against what it expects.
type got = vectorValues

// vectorRunners take a vector's input through the package, by the file's parser.
var vectorRunners = map[string]func(v *vector) (*got, error){
	"record": runRecord, "record_v2": runRecordV2, "leaf": runLeaf, "header": runHeader, "batch": runBatch, "batch_v2": runBatchV2, "key": runKey,
	"key_text": runKeyText, "statement": runStatement, "frame": runFrame, "submission": runSubmission,
	"chain": runChain, "record_proof": runRecordProof, "inclusion": runInclusion,
	"consistency": runConsistency, "apphash": runAppHash, "state_proof": runStateProof,
	"state_root": runStateRoot, "state_value": runStateValue, "tree": runTree,
	"receipt": runReceipt, "checkpoint": runCheckpoint,
	"act_payload": runActPayload, "act": runAct, "equivocation": runEquivocation,
	"act_json": runActJSON, "act_file": runActFile, "equivocation_leaf": runEquivocationLeaf,
	"submission_type": runSubmissionType, "genesis": runGenesis, "bundle": runBundle, "transparent": runTransparent,
}

func TestVectors(t *testing.T) {
	for _, f := range vectorFiles(t) {
		if strings.HasPrefix(f.Parser, "admission") || f.Parser == "kept" || f.Parser == "fork" {
			continue // the ledger's, and an auditor's
		}
		run, known := vectorRunners[f.Parser]
		if !known || f.Format != 1 {
			t.Errorf("nothing runs the vectors of %s, format %d", f.Parser, f.Format)
			continue
		}
		for _, v := range f.Vectors {
			t.Run(f.Parser+"/"+v.Name, func(t *testing.T) {
				out, err := run(v)
				v.judge(t, out, err)
			})
		}
	}
}

func (v *vector) judge(t *testing.T, out *got, err error) {
	t.Helper()
	switch {
	case v.OK && err != nil:
		t.Fatalf("refused: %v", err)
	case v.OK:
		v.compare(t, out)
	case err == nil:
		t.Fatalf("accepted, wanted %s", v.Error)
	case string(CodeOf(err)) != v.Error:
		t.Errorf("%v: wanted the code %s", err, v.Error)
	case v.Path != nil && err.(*Error).Path != *v.Path:
		t.Errorf("%v: path %q, wanted %q", err, err.(*Error).Path, *v.Path)
	}
}

// compare holds all that the vector expects against what came out.
func (v *vector) compare(t *testing.T, out *got) {
	t.Helper()
	if v.Expect == nil {
		return
	}
	var want, have map[string]any
	mustJSON := func(x any, into *map[string]any) {
		d := json.NewDecoder(bytes.NewReader(must1(json.Marshal(x))))
		d.UseNumber() // int64 sums would not survive a float
		if err := d.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	mustJSON(v.Expect, &want)
	mustJSON(out, &have)
	for name, w := range want {
		if w == nil || w == "" || name == "Alg" && w == json.Number("0") {
			continue
		}
		if h := have[name]; fmt.Sprint(h) != fmt.Sprint(w) {
			t.Errorf("%s is %v, wanted %v", name, h, w)
		}
	}
}
