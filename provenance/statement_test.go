package provenance

import (
	"bytes"
	"crypto"
	"errors"
	"slices"
	"strings"
	"testing"
)

// taken apart: a statement's protected header, payload and signature.
func parts(s *Statement) (protected, payload, signature []byte) {
	env := must1(parseEnvelope(s.Raw()))
	return env.protected, env.payload, env.signature
}

// withUnprotected is the statement with the given item as its unprotected header.
func withUnprotected(s *Statement, item []byte) []byte {
	protected, payload, signature := parts(s)
	return slices.Concat([]byte{0xd2, 0x84}, AppendBytes(nil, protected), item, AppendBytes(nil, payload), AppendBytes(nil, signature))
}

func TestUnprotectedHeadersAreEmptied(t *testing.T) {
	s := sampleBatch(AlgEdDSA, 1).statement
	for name, item := range map[string]string{
		"empty":            "a0",
		"receipt":          "a119018a81420102",
		"empty, long head": "b800",
		"indefinite":       "bfff",
		"text and float":   "a2616101 6162fb3ff8000000000000",
		"tag and null":     "a201c0616102f6",
		"unsorted":         "a202000100",
		"nested":           "a101" + strings.Repeat("81", 12) + "00",
	} {
		raw := withUnprotected(s, unhex(item))
		clean, err := EmptyUnprotected(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(clean, s.Raw()) {
			t.Errorf("%s: %x", name, clean)
		}
		if !bytes.Equal(raw, withUnprotected(s, unhex(item))) {
			t.Errorf("%s: the input was changed", name)
		}
		if name == "empty" {
			continue
		}
		if _, err := ParseStatement(raw); CodeOf(err) != CodeUnprotected && CodeOf(err) != CodeEnvelope {
			t.Errorf("%s: parsed as it was: %v", name, err)
		}
	}
}

func TestUnprotectedHeadersThatAreNone(t *testing.T) {
	s := sampleBatch(AlgEdDSA, 1).statement
	for name, b := range map[string][]byte{
		"null":                   withUnprotected(s, []byte{0xf6}),
		"an array":               withUnprotected(s, []byte{0x80}),
		"an integer":             withUnprotected(s, []byte{0x00}),
		"cut short":              withUnprotected(s, []byte{0xa5})[:len(s.Raw())-200],
		"nothing":                nil,
		"no tag":                 s.Raw()[1:],
		"protected is a text":    append([]byte{0xd2, 0x84, 0x60}, s.Raw()[3:]...),
		"protected is cut short": s.Raw()[:10],
		"nested too deep":        withUnprotected(s, unhex("a101"+strings.Repeat("81", 100)+"00")),
	} {
		if _, err := EmptyUnprotected(b); CodeOf(err) != CodeEnvelope {
			t.Errorf("%s: %v, wanted envelope", name, err)
		}
	}
}

func TestCleanSubmission(t *testing.T) {
	s := sampleBatch(AlgES256, 3)
	dirty := encodeSubmission(withUnprotected(s.statement, unhex("a119018a80")), s.submission.Frame)
	if _, err := ParseSubmission(dirty); CodeOf(err) != CodeUnprotected {
		t.Errorf("as it came: %v", err)
	}
	clean, err := CleanSubmission(dirty)
	if err != nil || !bytes.Equal(clean, s.submission.Encode()) {
		t.Errorf("%v", err)
	}
	again, err := CleanSubmission(clean)
	if err != nil || !bytes.Equal(again, clean) {
		t.Errorf("cleaned twice: %v", err)
	}
	for name, b := range map[string][]byte{"nothing": nil, "a map": {0xa0}, "cut short": clean[:30], "a byte more": append(slices.Clone(clean), 0)} {
		if _, err := CleanSubmission(b); CodeOf(err) != CodeEnvelope {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, f := range map[string]func([]byte) error{"clean": parseWith(CleanSubmission), "parse": parseWith(ParseSubmission)} {
		wantCode(t, f(make([]byte, MaxSubmissionBytes+1)), CodeSize)
		if err := f(append([]byte{0x83, 2}, clean[2:]...)); CodeOf(err) != CodeVersion {
			t.Errorf("%s, type 2: %v", name, err)
		}
	}
}

func TestSubmissionsOfOtherRecordsAreNotMade(t *testing.T) {
	s := sampleBatch(AlgEdDSA, 3)
	_, err := NewSubmission(&s.statement.UnverifiedStatement, sampleRecords(2))
	wantCode(t, err, CodeCount)
	_, err = NewSubmission(&s.statement.UnverifiedStatement, nil)
	wantCode(t, err, CodeFrame)
	swapped := sampleRecords(3)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	_, err = NewSubmission(&s.statement.UnverifiedStatement, swapped)
	wantCode(t, err, CodeRoot)
}

func TestSignatureIsOverTheSigStructure(t *testing.T) {
	s := sampleBatch(AlgEdDSA, 1)
	protected, payload, signature := parts(s.statement)
	tbs := AppendText(AppendArray(nil, 4), "Signature1")
	tbs = AppendBytes(AppendBytes(AppendBytes(tbs, protected), nil), payload)
	key := testKey(AlgEdDSA, "provider")
	if want := must1(key.Sign(nil, tbs, crypto.Hash(0))); !bytes.Equal(signature, want) {
		t.Errorf("signature %x, wanted %x", signature, want)
	}
	if s.statement.ID() != StatementID(payload) || s.statement.KID() != s.key.Thumbprint() || s.statement.Alg() != AlgEdDSA {
		t.Error("the statement says otherwise")
	}
}

func TestErrorsReadWell(t *testing.T) {
	err := within("records[7]", &Error{Code: CodeValue, Path: "usage.input", Offset: 12, Detail: "what was found"})
	if got, want := err.Error(), "value: records[7].usage.input: what was found (at byte 12)"; got != want {
		t.Errorf("%q, wanted %q", got, want)
	}
	if got := within("basis", fail(CodeValue, "[0].code", "x")).(*Error).Path; got != "basis[0].code" {
		t.Errorf("path %q", got)
	}
	if got := CodeOf(errors.Join(errors.New("x"), err)); got != CodeValue {
		t.Errorf("code %q", got)
	}
	if CodeOf(nil) != "" || CodeOf(errors.New("x")) != "" || within("x", nil) != nil {
		t.Error("errors of others")
	}
}
