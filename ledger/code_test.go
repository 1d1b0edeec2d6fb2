package ledger

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"tokentrail/provenance"
)

// TestResultCodes: every code of the format and of admission has one number, no
// number stands for two, and none has moved since it was first given.
func TestResultCodes(t *testing.T) {
	numbers, codes := map[uint32]provenance.Code{}, map[provenance.Code]uint32{}
	for _, n := range ResultCodes() {
		if other, taken := numbers[n.Number]; taken || n.Number < 100 {
			t.Errorf("%s has the number %d, so has %q", n.Code, n.Number, other)
		}
		if _, taken := codes[n.Code]; taken {
			t.Errorf("%s stands twice", n.Code)
		}
		numbers[n.Number], codes[n.Code] = n.Code, n.Number
		if ResultCode(n.Code) != n.Number {
			t.Errorf("ResultCode of %s is %d", n.Code, ResultCode(n.Code))
		}
	}
	// Codes of proofs and receipts refuse no transaction.
	elsewhere := map[provenance.Code]bool{
		provenance.CodePath: true, provenance.CodeStateProof: true, provenance.CodeOrigin: true,
		provenance.CodeAppHash: true, provenance.CodeHeader: true,
	}
	for code := range codesIn(t, "../provenance/errors.go", "code.go") {
		if _, there := codes[code]; !there && !elsewhere[code] {
			t.Errorf("%s has no number", code)
		}
	}
	for code, want := range map[provenance.Code]uint32{
		"non-minimal": 100, "forbidden-field": 120, "unknown-kind": 200, "basis-order": 203, "envelope": 300, "expand": 318,
		"payload-missing": 400, "unknown-issuer": 401, "inactive-issuer": 402, "unknown-key": 403, "gap": 404, "duplicate": 405, "fork": 406,
	} {
		if got := ResultCode(code); got != want {
			t.Errorf("%s moved from %d to %d", code, want, got)
		}
	}
}

// codesIn returns the values of the constants named Code... in Go files.
func codesIn(t *testing.T, files ...string) map[provenance.Code]bool {
	t.Helper()
	out := map[provenance.Code]bool{}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 || len(spec.Names[0].Name) < 5 || spec.Names[0].Name[:4] != "Code" {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
				s, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				out[provenance.Code(s)] = true
			}
			return true
		})
	}
	if len(out) < 40 {
		t.Fatalf("only %d codes found", len(out))
	}
	return out
}
