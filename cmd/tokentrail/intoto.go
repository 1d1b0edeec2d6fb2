package main

import (
	"encoding/hex"
	"errors"
	"fmt"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// Types of an in-toto attestation of an evaluation. SPEC(CLI-10)
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "urn:tokentrail:evaluation:1"
)

// inTotoStatement makes an in-toto Statement v1 of an evaluation record: about
// the weights, with all that the record says. record tells which record it is.
// SPEC(CLI-10)
func inTotoStatement(r *provenance.Record, record object) (object, error) {
	switch {
	case r.Kind != provenance.Evaluated:
		return nil, fmt.Errorf("a record of kind %s; only an evaluation can be exported as in-toto", r.Kind)
	case r.Model.Digest == nil:
		return nil, errors.New("the evaluation names its model's record as a parent and has no weights digest (model.digest), which is the subject of an in-toto Statement; record it with the digest")
	}
	subject := object{
		{"name", r.Model.Name},
		{"digest", object{{"sha256", hex.EncodeToString(r.Model.Digest.Value)}}},
	}
	predicate := append(objectOf(intake.RecordJSON(r)), member{"record", record})
	return object{
		{"_type", statementType}, {"subject", []any{subject}},
		{"predicateType", predicateType}, {"predicate", predicate},
	}, nil
}
