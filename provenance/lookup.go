package provenance

import (
	"encoding/hex"
	"strings"
)

// A RecordQuery asks for records by what names them (spec/api.md, API-6).
// Exactly one of its forms: an id, (issuer, ref), or a content's value; Parent
// asks for the records that name the one of ID or (Issuer, Ref) as a parent,
// Corrects for the corrections of the one of ID by Issuer.
type RecordQuery struct {
	ID       *Hash
	Issuer   string // with Ref where ID and Content are nil, or with Corrects
	Ref      []byte
	Content  *Hash
	Parent   bool
	Corrects bool
}

// ByID asks for the record with an id.
func ByID(id Hash) RecordQuery { return RecordQuery{ID: &id} }

// ByRef asks for the records of an issuer with a ref.
func ByRef(issuer string, ref []byte) RecordQuery { return RecordQuery{Issuer: issuer, Ref: ref} }

// ByContent asks for the records that commit to content with a value.
func ByContent(value Hash) RecordQuery { return RecordQuery{Content: &value} }

// Children asks for the records that name, as parent, what q names: a record's
// id or an issuer's ref.
func (q RecordQuery) Children() RecordQuery {
	q.Parent = true
	return q
}

// Corrections asks for the corrections by an issuer that name the record with an
// id. Only those by the record's own issuer count (spec/verify.md, VER-23):
// however many others write, they do not stand between these.
func Corrections(issuer string, id Hash) RecordQuery {
	return RecordQuery{ID: &id, Issuer: issuer, Corrects: true}
}

// Param returns the query as a parameter of the route: its name and its value.
func (q RecordQuery) Param() (name, value string) {
	switch {
	case q.Content != nil:
		return "content", q.Content.String()
	case q.Corrects:
		return "correction", q.Issuer + "/" + q.ID.String()
	case q.ID != nil:
		name, value = "id", q.ID.String()
	default:
		name, value = "ref", q.Issuer+"/"+hex.EncodeToString(q.Ref)
	}
	if q.Parent {
		name = "parent"
	}
	return name, value
}

// ParseRecordQuery reads a parameter of the route. The error is an *Error.
func ParseRecordQuery(name, value string) (RecordQuery, error) {
	wrong := func(wanted string) (RecordQuery, error) {
		return RecordQuery{}, fail(CodeValue, name, "%q is not %s", value, wanted)
	}
	hash, isHash := hashFromHex(value)
	issuer, ref, ofIssuer := strings.Cut(value, "/")
	ofIssuer = ofIssuer && ValidNameID(issuer)
	refBytes, err := hex.DecodeString(ref)
	isRef := ofIssuer && err == nil && ref == strings.ToLower(ref) && len(refBytes) >= 1 && len(refBytes) <= 32
	corrected, isCorrection := hashFromHex(ref)
	switch {
	case name == "content" && isHash:
		return ByContent(hash), nil
	case name == "id" && isHash:
		return ByID(hash), nil
	case name == "parent" && isHash:
		return ByID(hash).Children(), nil
	case name == "ref" && isRef:
		return ByRef(issuer, refBytes), nil
	case name == "parent" && isRef:
		return ByRef(issuer, refBytes).Children(), nil
	case name == "correction" && ofIssuer && isCorrection:
		return Corrections(issuer, corrected), nil
	case name == "content" || name == "id":
		return wrong("64 lower-case hex digits")
	case name == "parent":
		return wrong("64 lower-case hex digits, or issuer/ref with the ref in lower-case hex")
	case name == "correction":
		return wrong("issuer/id of the corrected record, the id in 64 lower-case hex digits")
	}
	return wrong("issuer/ref with the ref, 1 to 32 bytes, in lower-case hex")
}

func hashFromHex(s string) (h Hash, ok bool) {
	if len(s) != 2*HashSize || s != strings.ToLower(s) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err == nil
}
