package profile

import (
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

const (
	issuer    = "acme"
	reference = "tokentrail:acme/img-7"
	code      = "001191440300708461136T1XGW3"
	trained   = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
	captured  = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
)

var made = time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC).UnixMilli()

func ptr[T any](v T) *T { return &v }

// labelled is an image of which record and file say all that any profile asks.
func labelled() Subject {
	r := &provenance.Record{
		Kind: provenance.Production, Time: made, Ref: []byte("img-7"),
		Model:   &provenance.Model{Name: "acme-image", Version: "2.1", Known: provenance.Asserted},
		Usage:   &provenance.Usage{Input: 12, Output: 900},
		Serving: &provenance.Place{Country: "CN", Known: provenance.Asserted},
		Label: &provenance.Label{
			Status: 1, Extent: 1, Modality: 2, Producer: "Acme", ProducerCode: code, System: "acme-image 2.1",
			ContentID: reference, Made: ptr(made), SourceType: "trainedAlgorithmicMedia", Oversight: 2,
			Explicit: &provenance.Explicit{Applied: true, Position: 4, Notified: ptr(true), Form: 1, Height: ptr(int64(60))},
			Marks:    ptr(int64(15)), Seal: []byte{1},
		},
		Content: []provenance.Content{{Role: 2, Algorithm: -16, Value: make([]byte, 32), Profile: "png-1"}},
	}
	f := &label.File{
		Format:     label.PNG,
		SourceType: trained,
		AIGC: &label.AIGC{
			Label: "1", ContentProducer: code, ProduceID: reference, ReservedCode1: "AQ==",
			ContentPropagator: code, PropagateID: reference,
		},
		C2PA: &label.C2PA{
			Manifests: 1, Active: "urn:c2pa:1", Generators: []string{"acme-image 2.1"},
			Actions: []label.Action{{Name: "c2pa.created", SourceType: trained}, {Name: "c2pa.watermarked"}},
		},
	}
	return Subject{Record: r, Issuer: issuer, File: f, Commitment: ptr(true), Signature: ptr(true), At: made + 1}
}

func TestLabelledHolds(t *testing.T) {
	for _, p := range All() {
		if r := Check(&p, labelled()); r.Verdict != Holds {
			t.Errorf("%s: %s: %+v", p.ID, r.Verdict, r.Rules)
		}
	}
}

func TestModality(t *testing.T) {
	for _, c := range []struct {
		name     string
		declared int64
		format   label.Format
		given    Modality
		want     Modality
	}{
		{"nothing known", 0, "", "", ""},
		{"as declared", 3, "", "", Audio},
		{"a number without a name", 7, "", "", ""},
		{"by format", 0, label.JPEG, "", Image},
		{"the record's word is borne out", 3, label.MP4, "", Audio},
		{"the record's word is not", 1, label.PNG, "", Image},
		{"code in a text file", 6, label.Text, "", Code},
		{"an image said to be text", 2, label.Markdown, "", Text},
		{"a format that has none", 2, "gif", "", Image},
		{"the caller's word", 1, label.PNG, Scene, Scene},
		{"the caller's word is none", 1, label.PNG, "smell", Image},
	} {
		s := Subject{Modality: c.given, Record: &provenance.Record{Label: &provenance.Label{Modality: c.declared}}}
		if c.format != "" {
			s.File = &label.File{Format: c.format}
		}
		if got := s.modality(); got != c.want {
			t.Errorf("%s: %q, wanted %q", c.name, got, c.want)
		}
	}
}

func TestLoggedMonths(t *testing.T) {
	for _, c := range []struct {
		from, until string
		want        int64
	}{
		{"2026-01-15T10:00:00Z", "2026-07-15T10:00:00Z", 6},
		{"2026-01-15T10:00:00Z", "2026-07-15T09:59:59Z", 5},
		{"2026-08-31T00:00:00Z", "2027-02-28T00:00:00Z", 6}, // February has no 31st
		{"2026-08-31T00:00:00Z", "2027-02-27T23:59:59Z", 5},
		{"2027-08-31T00:00:00Z", "2028-02-28T23:59:59Z", 5}, // a leap year
		{"2027-08-31T00:00:00Z", "2028-02-29T00:00:00Z", 6},
		{"2026-11-30T23:00:00Z", "2027-05-30T23:00:00Z", 6},
		{"2026-01-15T10:00:00Z", "2026-01-14T10:00:00Z", 0},
		{"1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", 12*8029 + 11},
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		until, _ := time.Parse(time.RFC3339, c.until)
		if got := loggedMonths(from.UnixMilli(), until.UnixMilli()); got != c.want {
			t.Errorf("%s to %s: %d, wanted %d", c.from, c.until, got, c.want)
		}
	}
}

func TestDeclaredReal(t *testing.T) {
	real := func() Subject {
		s := labelled()
		s.Record.Label = &provenance.Label{Status: 4}
		s.File = &label.File{Format: label.PNG, SourceType: captured, C2PA: &label.C2PA{Actions: []label.Action{{Name: "c2pa.created", SourceType: captured}}}}
		return s
	}
	for _, c := range []struct {
		name string
		edit func(*Subject)
		want bool
	}{
		{"declared", func(*Subject) {}, true},
		{"without a file", func(s *Subject) { s.File = nil }, true},
		{"without a record", func(s *Subject) { s.Record = nil }, false},
		{"without a label", func(s *Subject) { s.Record.Label = nil }, false},
		{"another status", func(s *Subject) { s.Record.Label.Status = 3 }, false},
		{"the file has an AIGC object", func(s *Subject) { s.File.AIGC = &label.AIGC{} }, false},
		{"the source type is synthetic", func(s *Subject) { s.File.SourceType = trained }, false},
		{"an action is synthetic", func(s *Subject) { s.File.C2PA.Actions[0].SourceType = trained }, false},
		{"the file could not be read", func(s *Subject) { s.File, s.FileError = nil, &label.FileError{} }, false},
	} {
		s := real()
		c.edit(&s)
		if got := s.declaredReal(); got != c.want {
			t.Errorf("%s: %t, wanted %t", c.name, got, c.want)
		}
		p, _ := Find("eu-aia-50")
		if got := Check(p, s).Verdict; (got == OutOf) != c.want {
			t.Errorf("%s: the verdict is %s", c.name, got)
		}
	}
}
