package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// A suite is one file of vectors: those of one parser or check.
type suite struct {
	Format  int      `json:"format"`
	Parser  string   `json:"parser"`
	About   string   `json:"about"`
	Vectors []vector `json:"vectors"`
}

// A vector is one input and what must come of it.
type vector struct {
	Name     string   `json:"name"`
	Comment  string   `json:"comment"`
	Rule     string   `json:"rule,omitempty"`
	Given    *values  `json:"given,omitempty"`
	Hex      *string  `json:"hex,omitempty"`
	HexParts []part   `json:"hex_parts,omitempty"`
	Text     *string  `json:"text,omitempty"`
	Items    []string `json:"items,omitempty"`
	OK       bool     `json:"ok"`
	Error    string   `json:"error,omitempty"`
	Path     *string  `json:"path,omitempty"`
	Expect   *values  `json:"expect,omitempty"`
}

// A part is one piece of a long input: hex, repeated.
type part struct {
	Hex    string `json:"hex"`
	Repeat int    `json:"repeat"`
}

// values are what a check is given beside its input, and what is derived.
type values struct {
	Key         string            `json:"key,omitempty"`
	COSEKey     string            `json:"cose_key,omitempty"`
	KID         string            `json:"kid,omitempty"`
	Alg         int64             `json:"alg,omitempty"`
	Issuer      string            `json:"issuer,omitempty"`
	Stream      string            `json:"stream,omitempty"`
	Sequence    *int64            `json:"sequence,omitempty"`
	Index       *int64            `json:"index,omitempty"`
	Count       *int64            `json:"count,omitempty"`
	Previous    string            `json:"previous,omitempty"`
	Record      string            `json:"record,omitempty"`
	Records     []part            `json:"records,omitempty"`
	RecordID    string            `json:"record_id,omitempty"`
	RecordIDs   []string          `json:"record_ids,omitempty"`
	Leaf        string            `json:"leaf,omitempty"`
	LeafHash    string            `json:"leaf_hash,omitempty"`
	StatementID string            `json:"statement_id,omitempty"`
	Root        string            `json:"root,omitempty"`
	OldRoot     string            `json:"old_root,omitempty"`
	Size        *int64            `json:"size,omitempty"`
	LogSize     *int64            `json:"log_size,omitempty"`
	LogRoot     string            `json:"log_root,omitempty"`
	StateRoot   string            `json:"state_root,omitempty"`
	AppHash     string            `json:"app_hash,omitempty"`
	SHA256      string            `json:"sha256,omitempty"`
	Fields      map[string]string `json:"fields,omitempty"`
	Period      []int64           `json:"period,omitempty"`
	Strings     []string          `json:"strings,omitempty"`
	Cells       []string          `json:"cells,omitempty"`
	Height      *int64            `json:"height,omitempty"`
	State       []entry           `json:"state,omitempty"`
	StateKey    string            `json:"state_key,omitempty"`
	Value       *string           `json:"value,omitempty"`
	Origin      string            `json:"origin,omitempty"`
	Statement   string            `json:"statement,omitempty"`
	Type        *int64            `json:"type,omitempty"`
	Chain       string            `json:"chain,omitempty"`
	Time        *int64            `json:"time,omitempty"`
	Keys        []string          `json:"keys,omitempty"`
	ActID       string            `json:"act_id,omitempty"`
	EntryID     string            `json:"entry_id,omitempty"`
	Evidence    string            `json:"evidence,omitempty"`
	JSON        string            `json:"json,omitempty"`
	Payload     string            `json:"payload,omitempty"`
	Joined      string            `json:"joined,omitempty"`

	BlockBytes   *int64 `json:"block_bytes,omitempty"`
	BlockContent *int64 `json:"block_content,omitempty"`
	BlockChanged *int64 `json:"block_changed,omitempty"`
}

// An entry is a key of the state map and its value in hex.
type entry struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func newSuite(parser, about string) *suite {
	return &suite{Format: 1, Parser: parser, About: about}
}

// good adds an input that must be accepted, and what it gives.
func (s *suite) good(name, rule, comment string, b []byte, expect *values) *vector {
	return s.add(vector{Name: name, Rule: rule, Comment: comment, OK: true, Expect: expect}, b)
}

// fieldRules are the rules that hold for every field, by the code of breaking
// them: those of a vector that names no rule of its own.
var fieldRules = map[string]string{
	"type": "ENC-37", "value": "ENC-38", "missing-field": "ENC-39", "forbidden-field": "ENC-39",
}

// bad adds an input that must be refused with the code, and at the path where
// the specification gives one.
func (s *suite) bad(name, rule, comment string, b []byte, code string, path ...string) *vector {
	if rule == "" {
		rule = fieldRules[code]
	}
	v := vector{Name: name, Rule: rule, Comment: comment, Error: code}
	if len(path) > 0 {
		v.Path = &path[0]
	}
	return s.add(v, b)
}

func (s *suite) add(v vector, b []byte) *vector {
	for _, w := range s.Vectors {
		if w.Name == v.Name {
			panic("two vectors " + s.Parser + "/" + v.Name)
		}
	}
	v.Hex, v.HexParts = shorten(b)
	s.Vectors = append(s.Vectors, v)
	return &s.Vectors[len(s.Vectors)-1]
}

// shorten gives bytes as hex, or where they are long as parts.
func shorten(b []byte) (*string, []part) {
	if b == nil {
		return nil, nil
	}
	if len(b) > 512 {
		if parts := partsOf(b); len(parts) > 1 || parts[0].Repeat > 1 {
			return nil, parts
		}
	}
	h := hex.EncodeToString(b)
	return &h, nil
}

// partsOf finds runs of a repeated unit of at most 128 bytes.
func partsOf(b []byte) []part {
	var out []part
	plain := 0
	for i := 0; i < len(b); {
		unit, n := runAt(b, i)
		if n == 0 {
			i++
			continue
		}
		if i > plain {
			out = append(out, part{hex.EncodeToString(b[plain:i]), 1})
		}
		out = append(out, part{hex.EncodeToString(b[i : i+unit]), n})
		i += unit * n
		plain = i
	}
	if plain < len(b) {
		out = append(out, part{hex.EncodeToString(b[plain:]), 1})
	}
	return out
}

// runAt returns the unit and count of a run that begins at i and is worth it.
func runAt(b []byte, i int) (unit, n int) {
	for unit = 1; unit <= 128 && i+2*unit <= len(b); unit++ {
		end := i + unit
		for end < len(b) && b[end] == b[end-unit] {
			end++
		}
		if n = (end - i) / unit; n >= 4 && n*unit >= 96 {
			return unit, n
		}
	}
	return 0, 0
}

// bytesOfParts puts parts together again.
func bytesOfParts(parts []part) []byte {
	var out []byte
	for _, p := range parts {
		b, err := hex.DecodeString(p.Hex)
		if err != nil {
			panic(err)
		}
		out = append(out, bytes.Repeat(b, p.Repeat)...)
	}
	return out
}

// file returns the suite as it is committed.
func (s *suite) file() []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(s); err != nil {
		panic(err)
	}
	return buf.Bytes()
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }

func num(n int64) *int64 { return &n }

// must panics: a generator that cannot go on has a bug.
func must(err error, format string, args ...any) {
	if err != nil {
		panic(fmt.Sprintf(format, args...) + ": " + err.Error())
	}
}
