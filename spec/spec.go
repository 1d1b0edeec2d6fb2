// Package spec holds the specification of tokentrail: the normative texts, the
// grammar of the signed format in CDDL, and the test vectors that bind every
// implementation to them, this one included.
//
// The texts are written first and the code to them. A rule has an id such as
// ENC-1; code cites it where it enforces it, and a vector names the rule that
// it tests. A negative vector has exactly one thing wrong with it and states
// the error code that this must give. The vectors are made by a program of
// their own (vectors/generate) that shares no code with the packages under
// test; vectors/README.md describes their files.
//
// The package imports the standard library alone, so that anything may import
// it.
package spec

import (
	"bytes"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Files holds the texts (*.md), the grammar (record.cddl), the schema of
// verification reports (report.schema.json) and the vectors
// (vectors/*.json).
//
//go:embed *.md record.cddl report.schema.json vectors/*.json
var Files embed.FS

// A Suite is one file of vectors: those of one parser or check.
type Suite struct {
	Format  int      `json:"format"` // of the file: 1
	Parser  string   `json:"parser"` // what is tested; the file's name
	About   string   `json:"about"`  // what the input is, and the rules
	Vectors []Vector `json:"vectors"`
}

// A Vector is one input and what must come of it.
type Vector struct {
	Name     string   `json:"name"`      // unique in the suite
	Comment  string   `json:"comment"`   // in words, what is special or wrong
	Rule     string   `json:"rule"`      // id of the rule that it tests; empty where a rule has none
	Given    *Values  `json:"given"`     // what the check is given beside the input
	Hex      *string  `json:"hex"`       // the input
	HexParts []Part   `json:"hex_parts"` // the input, where it is long
	Text     *string  `json:"text"`      // the input, where it is text
	Items    []string `json:"items"`     // the inputs in hex, where they are several
	OK       bool     `json:"ok"`        // whether the input must be accepted
	Error    string   `json:"error"`     // else the code of the error
	Path     *string  `json:"path"`      // and its path; nil where the specification leaves it open
	Expect   *Values  `json:"expect"`    // what a positive vector gives
}

// A Part is one piece of a long input: hex, so many times.
type Part struct {
	Hex    string `json:"hex"`
	Repeat int    `json:"repeat"`
}

// Values are what a check is given, or what it derives. Byte strings are in
// hex. A field that a vector does not use is empty.
type Values struct {
	Key         string            `json:"key"`      // public key as text (KEY-2)
	COSEKey     string            `json:"cose_key"` // public key as COSE_Key
	KID         string            `json:"kid"`
	Alg         int64             `json:"alg"`
	Issuer      string            `json:"issuer"`
	Stream      string            `json:"stream"`
	Sequence    *int64            `json:"sequence"`
	Index       *int64            `json:"index"` // of a record, or a leaf of the log
	Count       *int64            `json:"count"`
	Previous    string            `json:"previous"`
	Record      string            `json:"record"`
	Records     []Part            `json:"records"` // a CBOR sequence
	RecordID    string            `json:"record_id"`
	RecordIDs   []string          `json:"record_ids"`
	Leaf        string            `json:"leaf"` // the bytes that are hashed
	LeafHash    string            `json:"leaf_hash"`
	StatementID string            `json:"statement_id"`
	Root        string            `json:"root"`
	OldRoot     string            `json:"old_root"`
	Size        *int64            `json:"size"` // of a tree in leaves, or of bytes
	LogSize     *int64            `json:"log_size"`
	LogRoot     string            `json:"log_root"`
	StateRoot   string            `json:"state_root"`
	AppHash     string            `json:"app_hash"`
	SHA256      string            `json:"sha256"`
	Fields      map[string]string `json:"fields"` // by path; integers in decimal, bytes in hex
	Period      []int64           `json:"period"`
	Strings     []string          `json:"strings"`
	Cells       []string          `json:"cells"` // 17 integers each, a space between
	Height      *int64            `json:"height"`
	State       []Entry           `json:"state"`     // entries of the state map
	StateKey    string            `json:"state_key"` // a key of it
	Value       *string           `json:"value"`     // its value; nil where it is absent
	Origin      string            `json:"origin"`
	Statement   string            `json:"statement"`
	Type        *int64            `json:"type"`     // of a submission
	Chain       string            `json:"chain"`    // chain id
	Time        *int64            `json:"time"`     // block time, ms
	Keys        []string          `json:"keys"`     // of the signatures, in their order
	ActID       string            `json:"act_id"`   // of an act
	EntryID     string            `json:"entry_id"` // of an entry of any kind
	Evidence    string            `json:"evidence"` // what stands in the place of records (EQV-2)
	JSON        string            `json:"json"`     // an act for people (GOV-31)
	Payload     string            `json:"payload"`  // of an act
	Joined      string            `json:"joined"`   // a file of an act with all signatures (GOV-30)

	// What a block's submissions before this one take (ADM-17).
	BlockBytes   *int64 `json:"block_bytes"`   // as protobuf fields
	BlockContent *int64 `json:"block_content"` // of their frames
	BlockChanged *int64 `json:"block_changed"` // of values that they change
}

// An Entry is a key of the state map and its value in hex.
type Entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Vectors returns the suite of one parser, such as "record".
func Vectors(parser string) (*Suite, error) {
	b, err := Files.ReadFile("vectors/" + parser + ".json")
	if err != nil {
		return nil, fmt.Errorf("spec: no vectors for %q: %w", parser, err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	s := &Suite{}
	if err := d.Decode(s); err != nil {
		return nil, fmt.Errorf("spec: vectors for %q: %w", parser, err)
	}
	if s.Format != 1 {
		return nil, fmt.Errorf("spec: vectors for %q: format %d, wanted 1", parser, s.Format)
	}
	return s, nil
}

// Input returns the bytes of the input.
func (v *Vector) Input() ([]byte, error) {
	if v.Hex != nil {
		return hex.DecodeString(*v.Hex)
	}
	if v.Text != nil {
		return []byte(*v.Text), nil
	}
	return Join(v.HexParts)
}

// Join puts the parts of a long input together.
func Join(parts []Part) ([]byte, error) {
	var out []byte
	for i, p := range parts {
		b, err := hex.DecodeString(p.Hex)
		if err != nil {
			return nil, fmt.Errorf("spec: part %d: %w", i, err)
		}
		out = append(out, bytes.Repeat(b, p.Repeat)...)
	}
	return out, nil
}
