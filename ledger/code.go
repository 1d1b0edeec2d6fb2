package ledger

import (
	"fmt"

	"tokentrail/provenance"
)

// Codes of spec/ledger.md, "Admission". A refused submission's error is a
// *provenance.Error with one of these or one of the format's codes.
const (
	CodePayloadMissing provenance.Code = "payload-missing"
	CodeUnknownIssuer  provenance.Code = "unknown-issuer"
	CodeInactiveIssuer provenance.Code = "inactive-issuer"
	CodeUnknownKey     provenance.Code = "unknown-key"
	CodeGap            provenance.Code = "gap"
	CodeDuplicate      provenance.Code = "duplicate"
	CodeFork           provenance.Code = "fork"
	CodeStreams        provenance.Code = "streams"
	CodeAge            provenance.Code = "age"
)

// Codes of spec/governance.md, "Admission".
const (
	CodeChainID   provenance.Code = "chain-id"
	CodeExpired   provenance.Code = "expired"
	CodeSequence  provenance.Code = "sequence"
	CodeThreshold provenance.Code = "threshold"
	CodeRegistry  provenance.Code = "registry"
	CodeHeight    provenance.Code = "height"
)

// A NumberedCode is an error code and the number that stands for it in a
// transaction's result.
type NumberedCode struct {
	Code   provenance.Code
	Number uint32
}

// ResultCodes returns the numbers of all codes that can refuse a transaction.
// A result's number goes into the hash of a block's results: it is consensus,
// stable for ever and never used again for another code. New codes are only
// appended. 0 is admitted; 1 is a code that the table lacks.
func ResultCodes() []NumberedCode {
	return []NumberedCode{
		// spec/encoding.md
		{provenance.CodeNonMinimal, 100},
		{provenance.CodeIndefinite, 101},
		{provenance.CodeUnsortedKeys, 102},
		{provenance.CodeDuplicateKey, 103},
		{provenance.CodeFloat, 104},
		{provenance.CodeTag, 105},
		{provenance.CodeSimple, 106},
		{provenance.CodeUTF8, 107},
		{provenance.CodeIntegerRange, 108},
		{provenance.CodeKeyType, 109},
		{provenance.CodeDepth, 110},
		{provenance.CodeTrailingBytes, 111},
		{provenance.CodeTruncated, 112},
		{provenance.CodeMalformed, 113},
		{provenance.CodeSize, 114},
		{provenance.CodeUnknownCritical, 115},
		{provenance.CodeIdentifier, 116},
		{provenance.CodeValue, 117},
		{provenance.CodeType, 118},
		{provenance.CodeMissingField, 119},
		{provenance.CodeForbiddenField, 120},
		// spec/record.md
		{provenance.CodeUnknownKind, 200},
		{provenance.CodeDuplicateParent, 201},
		{provenance.CodeUsageParts, 202},
		{provenance.CodeBasisOrder, 203},
		// spec/statement.md
		{provenance.CodeEnvelope, 300},
		{provenance.CodeUnprotected, 301},
		{provenance.CodeProtected, 302},
		{provenance.CodeAlg, 303},
		{provenance.CodeBinding, 304},
		{provenance.CodeSignature, 305},
		{provenance.CodeKey, 306},
		{provenance.CodeKID, 307},
		{provenance.CodeVersion, 308},
		{provenance.CodeChain, 309},
		{provenance.CodeCount, 310},
		{provenance.CodeRoot, 311},
		{provenance.CodePeriod, 312},
		{provenance.CodeStrings, 313},
		{provenance.CodeCells, 314},
		{provenance.CodeOverflow, 315},
		{provenance.CodeTotals, 316},
		{provenance.CodeFrame, 317},
		{provenance.CodeExpand, 318},
		// spec/ledger.md
		{CodePayloadMissing, 400},
		{CodeUnknownIssuer, 401},
		{CodeInactiveIssuer, 402},
		{CodeUnknownKey, 403},
		{CodeGap, 404},
		{CodeDuplicate, 405},
		{CodeFork, 406},
		{CodeStreams, 407},
		{CodeAge, 408},
		// spec/governance.md
		{CodeChainID, 409},
		{CodeExpired, 410},
		{CodeSequence, 411},
		{CodeThreshold, 412},
		{CodeRegistry, 413},
		{CodeHeight, 414},
	}
}

// ResultCode returns the number of code (see ResultCodes).
func ResultCode(code provenance.Code) uint32 {
	for _, n := range ResultCodes() {
		if n.Code == code {
			return n.Number
		}
	}
	return 1
}

// refuse makes the error of a submission that is not admitted.
func refuse(code provenance.Code, path, format string, args ...any) error {
	return &provenance.Error{Code: code, Path: path, Offset: -1, Detail: fmt.Sprintf(format, args...)}
}
