package provenance

import (
	"errors"
	"fmt"
	"strings"
)

// A Code names what is wrong with outside bytes. The codes are those of the
// specification; they are part of the format and never change their meaning.
type Code string

// Codes of spec/encoding.md.
const (
	CodeNonMinimal      Code = "non-minimal"
	CodeIndefinite      Code = "indefinite"
	CodeUnsortedKeys    Code = "unsorted-keys"
	CodeDuplicateKey    Code = "duplicate-key"
	CodeFloat           Code = "float"
	CodeTag             Code = "tag"
	CodeSimple          Code = "simple"
	CodeUTF8            Code = "utf8"
	CodeIntegerRange    Code = "integer-range"
	CodeKeyType         Code = "key-type"
	CodeDepth           Code = "depth"
	CodeTrailingBytes   Code = "trailing-bytes"
	CodeTruncated       Code = "truncated"
	CodeMalformed       Code = "malformed"
	CodeSize            Code = "size"
	CodeUnknownCritical Code = "unknown-critical"
	CodeIdentifier      Code = "identifier"
	CodeValue           Code = "value"
	CodeType            Code = "type"
	CodeMissingField    Code = "missing-field"
	CodeForbiddenField  Code = "forbidden-field"
)

// Codes of spec/record.md and spec/statement.md.
const (
	CodeUnknownKind     Code = "unknown-kind"
	CodeDuplicateParent Code = "duplicate-parent"
	CodeUsageParts      Code = "usage-parts"
	CodeBasisOrder      Code = "basis-order"
	CodeEnvelope        Code = "envelope"
	CodeUnprotected     Code = "unprotected"
	CodeProtected       Code = "protected"
	CodeAlg             Code = "alg"
	CodeBinding         Code = "binding"
	CodeSignature       Code = "signature"
	CodeKey             Code = "key"
	CodeKID             Code = "kid"
	CodeVersion         Code = "version"
	CodeChain           Code = "chain"
	CodeCount           Code = "count"
	CodeRoot            Code = "root"
	CodePeriod          Code = "period"
	CodeStrings         Code = "strings"
	CodeCells           Code = "cells"
	CodeOverflow        Code = "overflow"
	CodeTotals          Code = "totals"
	CodeFrame           Code = "frame"
	CodeExpand          Code = "expand"
)

// Codes of spec/ledger.md and spec/receipt.md.
const (
	CodePath       Code = "path"
	CodeStateProof Code = "state-proof"
	CodeOrigin     Code = "origin"
	CodeAppHash    Code = "app-hash"
	CodeHeader     Code = "header"
)

// Error says what is wrong with bytes from outside, and where.
type Error struct {
	Code   Code   // which rule is broken
	Path   string // where, in field names (SPEC(ENC-40)): "records[7].usage.input"; empty for the whole
	Offset int    // byte offset in the item that was parsed; -1 where none applies
	Detail string // what was found and what was wanted, in words
}

// Error reads "code: path: detail (at byte n)".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Path != "" {
		b.WriteString(": " + e.Path)
	}
	b.WriteString(": " + e.Detail)
	if e.Offset >= 0 {
		fmt.Fprintf(&b, " (at byte %d)", e.Offset)
	}
	return b.String()
}

// CodeOf returns the code of err, or "" where err carries none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// fail makes an Error that no byte offset belongs to.
func fail(code Code, path, format string, args ...any) *Error {
	return &Error{Code: code, Path: path, Offset: -1, Detail: fmt.Sprintf(format, args...)}
}

// within puts a step in front of the path of err, if err is an *Error.
func within(step string, err error) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	out := *e
	switch {
	case e.Path == "":
		out.Path = step
	case strings.HasPrefix(e.Path, "["):
		out.Path = step + e.Path
	default:
		out.Path = step + "." + e.Path
	}
	return &out
}
