package main

import (
	"encoding/json"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// exported is the evaluation of --help as an in-toto Statement.
func exported(t *testing.T, change func(r *provenance.Record)) ([]byte, error) {
	t.Helper()
	text := exampleRecords[strings.LastIndex(exampleRecords, `{"kind": "evaluation"`):]
	r, err := intake.ParseRecordJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	statement, err := inTotoStatement(r, object{{"encoding", "a0"}})
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(statement)
	if err != nil {
		t.Fatal(err)
	}
	return b, nil
}

// What in-toto's attestation/v1 wants of a Statement: exactly these members,
// subjects each with a digest in lower-case hex, the predicate an object.
func TestStatementIsOneOfInToto(t *testing.T) {
	b, err := exported(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(b, &members); err != nil || len(members) != 4 {
		t.Fatalf("%d members, %v", len(members), err)
	}
	var s struct {
		Type    string `json:"_type"`
		Subject []struct {
			Name   string
			Digest map[string]string
		}
		PredicateType string
		Predicate     map[string]any
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	if s.Type != "https://in-toto.io/Statement/v1" || s.PredicateType != "urn:tokentrail:evaluation:1" || len(s.Subject) != 1 {
		t.Errorf("%+v", s)
	}
	want := "e7a3b8c9d0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"
	if s.Subject[0].Name != "example-7b" || len(s.Subject[0].Digest) != 1 || s.Subject[0].Digest["sha256"] != want {
		t.Errorf("%+v", s.Subject)
	}
	evaluation := s.Predicate["evaluation"].(map[string]any)
	if evaluation["value"] != "0.689" || evaluation["n"] != 14042.0 || s.Predicate["kind"] != "evaluation" {
		t.Errorf("%v", s.Predicate)
	}
}

func TestExportRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(r *provenance.Record)
		want   string
	}{
		{func(r *provenance.Record) { r.Kind = provenance.ModelMade }, "a record of kind model; only an evaluation"},
		{func(r *provenance.Record) { r.Model.Digest = nil }, "has no weights digest"},
	} {
		if _, err := exported(t, c.change); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, wanted %s", err, c.want)
		}
	}
}
