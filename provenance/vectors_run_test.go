package provenance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// runRecord runs a vector of rule version 1. Version 2 only adds to it: what was
// accepted stays so and counts alike, what was refused for another reason than
// a kind or key that version 2 has is refused alike.
func runRecord(v *vector) (*got, error) {
	b := v.input()
	first, err := examine(b, nil, 1)
	second, later := examine(b, nil, 2)
	if err != nil {
		added := CodeOf(err) == CodeUnknownKind || CodeOf(err) == CodeUnknownCritical
		if !added && err.Error() != fmt.Sprint(later) {
			return nil, fmt.Errorf("version 1 says %v, version 2 %v", err, later)
		}
		return nil, err
	}
	if later != nil || first != second {
		return nil, fmt.Errorf("version 1 reads %+v, version 2 %+v (%v)", first, second, later)
	}
	return parseAgain(b)
}

// runRecordV2 runs a vector of rule version 2; all that are accepted have a kind
// or key that version 1 does not have.
func runRecordV2(v *vector) (*got, error) {
	b := v.input()
	if _, err := examine(b, nil, 1); v.OK && CodeOf(err) != CodeUnknownKind && CodeOf(err) != CodeUnknownCritical {
		return nil, fmt.Errorf("under rule version 1: %v", err)
	}
	return parseAgain(b)
}

func parseAgain(b []byte) (*got, error) {
	r, err := ParseRecord(b)
	if err != nil {
		return nil, err
	}
	if again, err := r.Encode(); err != nil || !bytes.Equal(again, b) && !hasKept(b) {
		return nil, fmt.Errorf("encoded again: %x (%v)", again, err)
	}
	return &got{Fields: recordFields(r)}, nil
}

func runLeaf(v *vector) (*got, error) {
	b := v.input()
	if _, err := ParseRecord(b); err != nil {
		return nil, err
	}
	g := v.Given
	leaf := RecordLeaf(g.Issuer, g.Stream, *g.Sequence, int(*g.Index), b)
	id := RecordID(g.Issuer, g.Stream, *g.Sequence, int(*g.Index), b)
	return &got{Leaf: hex.EncodeToString(leaf), RecordID: id.String()}, nil
}

func headerValues(h *BatchHeader, payload []byte) *got {
	g := &got{
		Issuer: h.Issuer, Stream: h.Stream, Sequence: &h.Sequence, Count: new(int64(h.Count)),
		Root: h.Root.String(), Period: []int64{h.First, h.Last}, Strings: h.Strings,
		StatementID: StatementID(payload).String(),
	}
	if h.Previous != nil {
		g.Previous = h.Previous.String()
	}
	for _, c := range toWire(h.Totals, h.Strings) {
		g.Cells = append(g.Cells, strings.Trim(fmt.Sprint(c), "[]"))
	}
	return g
}

func runHeader(v *vector) (*got, error) {
	b := v.input()
	h, err := ParseBatchHeader(b)
	if err != nil {
		return nil, err
	}
	if again, err := h.Encode(); err != nil || !bytes.Equal(again, b) && !hasKept(b) {
		return nil, fmt.Errorf("encoded again: %x (%v)", again, err)
	}
	return headerValues(h, b), nil
}

func splitRecords(sequence []byte) [][]byte {
	var out [][]byte
	for c := (&cursor{b: sequence}); c.off < len(sequence); {
		start := c.off
		if c.skip() != nil {
			return append(out, sequence[start:])
		}
		out = append(out, sequence[start:c.off:c.off])
	}
	return out
}

func recordIDs(h *BatchHeader, records [][]byte) (ids []string) {
	for i, r := range records {
		ids = append(ids, RecordID(h.Issuer, h.Stream, h.Sequence, i, r).String())
	}
	return ids
}

// limitsOf are the format's ceilings under a rule version.
func limitsOf(rules int64) Limits { return Policy{}.Limits(rules) }

func runBatch(v *vector) (*got, error) { return runBatchUnder(v, limitsOf(1)) }

func runBatchV2(v *vector) (*got, error) { return runBatchUnder(v, limitsOf(2)) }

func runBatchUnder(v *vector, limits Limits) (*got, error) {
	h, err := ParseBatchHeader(v.input())
	if err != nil {
		return nil, err
	}
	records := splitRecords(partsBytes(v.Given.Records))
	if _, err := h.CheckRecords(records, limits); err != nil {
		return nil, err
	}
	derived, err := NewBatch(h.Issuer, h.Stream, h.Sequence, h.Previous, records)
	if err != nil {
		return nil, err
	}
	if b := must1(derived.Encode()); !bytes.Equal(b, v.input()) && !hasKept(v.input()) {
		return nil, fmt.Errorf("NewBatch gives %x", b)
	}
	g := headerValues(derived, v.input())
	g.RecordIDs = recordIDs(h, records)
	return g, nil
}

func keyValues(k PublicKey) *got {
	return &got{Key: k.String(), COSEKey: hex.EncodeToString(k.COSE()), KID: k.Thumbprint().String(), Alg: k.Alg()}
}

func runKey(v *vector) (*got, error) {
	k, err := ParsePublicKeyCOSE(v.input())
	return keyValues(k), err
}

func runKeyText(v *vector) (*got, error) {
	k, err := ParsePublicKey(string(v.input()))
	return keyValues(k), err
}

func runStatement(v *vector) (*got, error) {
	s, err := ParseStatement(v.input())
	if err != nil {
		return nil, err
	}
	key, err := ParsePublicKey(v.Given.Key)
	if err != nil {
		return nil, err
	}
	verified, err := s.Verify(key)
	if err != nil {
		return nil, err
	}
	h := verified.Header()
	return &got{
		Issuer: h.Issuer, Stream: h.Stream, Sequence: &h.Sequence, KID: s.KID().String(), Alg: s.Alg(),
		StatementID: s.ID().String(), LeafHash: LeafHash(s.Raw()).String(), Root: h.Root.String(),
	}, nil
}

func runFrame(v *vector) (*got, error) {
	out, err := expandFrame(v.input(), MaxExpandedBytes)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(out)
	return &got{Size: new(int64(len(out))), SHA256: hex.EncodeToString(sum[:])}, nil
}

func runSubmission(v *vector) (*got, error) {
	sub, err := ParseSubmission(v.input())
	if err != nil {
		return nil, err
	}
	key, err := ParsePublicKey(v.Given.Key)
	if err != nil {
		return nil, err
	}
	if _, err := sub.Statement.Verify(key); err != nil {
		return nil, err
	}
	records, _, err := sub.CheckRecords(limitsOf(1))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(sub.Encode(), v.input()) {
		return nil, fmt.Errorf("it does not encode to itself")
	}
	g := headerValues(sub.Statement.Header(), nil)
	g.StatementID = sub.Statement.ID().String()
	g.RecordIDs = recordIDs(sub.Statement.Header(), records)
	return g, nil
}

func runChain(v *vector) (*got, error) {
	var before *BatchHeader
	var prev Hash
	for _, item := range v.Items {
		h, err := ParseBatchHeader(unhex(item))
		if err != nil {
			return nil, err
		}
		if err := h.Follows(before, prev); err != nil {
			return nil, err
		}
		before, prev = h, StatementID(unhex(item))
	}
	return &got{StatementID: prev.String()}, nil
}

// recordFields flattens a record to paths and values in text, as the vectors do:
// integers in decimal, byte strings in hex.
func recordFields(r *Record) map[string]string {
	out := map[string]string{}
	flatten(out, "", reflect.ValueOf(*r))
	return out
}

func flatten(out map[string]string, path string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		flatten(out, path, v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			out[path] = hex.EncodeToString(v.Bytes())
			return
		}
		for i := range v.Len() {
			flatten(out, fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Struct:
		flattenStruct(out, path, v)
	case reflect.String:
		out[path] = v.String()
	case reflect.Bool:
		out[path] = fmt.Sprint(v.Bool())
	default:
		out[path] = fmt.Sprint(v.Int())
	}
}

func flattenStruct(out map[string]string, path string, v reflect.Value) {
	switch x := v.Interface().(type) {
	case Digest:
		out[path+"[0]"], out[path+"[1]"] = fmt.Sprint(x.Algorithm), hex.EncodeToString(x.Value)
		return
	case Parent:
		if x.ID != nil {
			out[path] = hex.EncodeToString(x.ID)
			return
		}
		out[path+"[0]"], out[path+"[1]"] = x.Issuer, hex.EncodeToString(x.Ref)
		return
	case Scaled:
		out[path+"[0]"], out[path+"[1]"] = fmt.Sprint(x.Mantissa), fmt.Sprint(x.Exponent)
		return
	case CellKey, Sums: // arrays: their fields in order
		for i := range v.NumField() {
			flatten(out, fmt.Sprintf("%s[%d]", path, i), v.Field(i))
		}
		return
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if strings.Contains(f.Tag.Get("cbor"), "omitempty") && v.Field(i).IsZero() {
			continue
		}
		name := fieldName(f.Name)
		if path != "" {
			name = path + "." + name
		}
		flatten(out, name, v.Field(i))
	}
}

// fieldName is a Go field's name in the specification.
func fieldName(name string) string {
	switch name {
	case "MicroWattHours":
		return "energy"
	case "A2ATask", "A2AContext":
		return "a2a-" + strings.ToLower(name[3:])
	case "MCPRequest":
		return "mcp-request"
	}
	var b strings.Builder
	for i, c := range name {
		if i > 0 && unicode.IsUpper(c) && !unicode.IsUpper(rune(name[i-1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
