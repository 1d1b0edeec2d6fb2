package label

import (
	"strings"
	"testing"
)

// What labels in the wild look like is read. SPEC(LBL-2)
func TestParseAIGC(t *testing.T) {
	full := AIGC{"1", "P", "I", "R1", "CP", "PI", "R2"}
	inner := `{"Label":"1","ContentProducer":"P","ProduceID":"I","ReservedCode1":"R1","ContentPropagator":"CP","PropagateID":"PI","ReservedCode2":"R2"}`
	for text, want := range map[string]AIGC{
		inner:                               full,
		` { "AIGC" : ` + inner + "\n}\n":    full,
		`{"ReservedCode2":"x","Label":"2"}`: {Label: "2", ReservedCode2: "x"},
		`{"Label":"","ContentProducer":"\u67d0 公司"}`: {ContentProducer: "某 公司"},
	} {
		got, err := parseAIGC([]byte(text))
		if err != nil || *got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":                          "not a JSON object",
		"[]":                        "not a JSON object",
		`"x"`:                       "not a JSON object",
		"{}":                        "no Label",
		`{"AIGC":{}}`:               "no Label",
		`{"AIGC":null}`:             "not a JSON object",
		`{"AIGC":{"AIGC":{}}}`:      "does not know",
		`{"Label":"1"`:              "JSON", // where it stops, decoders differ
		`{"Label":"1",}`:            "not JSON",
		`{"Label":"1"} {}`:          "follows",
		`{"AIGC":{"Label":"1"}}}`:   "follows",
		`{"Label":1}`:               "Label is not a string",
		`{"Label":["1"]}`:           "Label is not a string",
		`{"Label":"1","Label":"1"}`: "stands twice",
		`{"AIGC":{"Label":"1"},"AIGC":{"Label":"1"}}`:      "stands twice",
		`{"AIGC":{"Label":"1"},"Label":"1"}`:               "does not know",
		`{"Label":"1","AIGC":{"Label":"1"}}`:               "does not know",
		`{"Label":"1","label":"1"}`:                        "does not know",
		`{"Label":"\ud800"}`:                               "damaged",
		"{\"Label\":\"\xff\"}":                             "not UTF-8",
		`{"Label":"` + strings.Repeat("1", maxAIGC) + `"}`: "at most 65536",
		strings.Repeat(`{"AIGC":`, 5000):                   "does not know",
	} {
		_, err := parseAIGC([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v; wanted %q", text, err, want)
		}
	}
}

func TestEncodeAIGC(t *testing.T) {
	a := AIGC{"1", "P", "I", "R1", "CP", "PI", "R2"}
	const want = `{"AIGC":{"Label":"1","ContentProducer":"P","ProduceID":"I","ReservedCode1":"R1","ContentPropagator":"CP","PropagateID":"PI","ReservedCode2":"R2"}}`
	for wrapped, want := range map[bool]string{true: want, false: want[8 : len(want)-1]} {
		if b, err := a.encode(wrapped); err != nil || string(b) != want {
			t.Errorf("%s, %v", b, err)
		}
	}
	a.Label = ""
	if b, err := a.encode(false); err == nil {
		t.Errorf("%s is encoded without a Label", b)
	}
}

func FuzzAIGC(f *testing.F) {
	f.Add([]byte(`{"Label":"1","ContentProducer":"P","ProduceID":"I"}`))
	f.Add([]byte(`{"AIGC":{"Label":"2","ContentProducer":"\u0041 <&>","ProduceID":"I","PropagateID":"x","ContentPropagator":"y"}}`))
	f.Add([]byte(`{"Label":"1","Label":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := parseAIGC(b)
		if err != nil || a.check() != nil {
			return
		}
		for _, wrapped := range []bool{true, false} {
			out, err := a.encode(wrapped)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := parseAIGC(out); err != nil || *again != *a {
				t.Fatalf("%s reads back as %+v, %v", out, again, err)
			}
		}
	})
}

// SPEC(LBL-17)
func TestSourceTypes(t *testing.T) {
	for _, uri := range []string{trained, "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData", "compositeSynthetic",
		iptcSourceTypes + "algorithmicMedia", "https://example.org/a/compositeWithTrainedAlgorithmicMedia"} {
		if !SyntheticSource(uri) {
			t.Errorf("%s does not count as synthetic", uri)
		}
	}
	for _, uri := range []string{"", composite, trained + "/", trained + "2", "http://c2pa.org/digitalsourcetype/empty"} {
		if SyntheticSource(uri) {
			t.Errorf("%s counts as synthetic", uri)
		}
	}
	for _, uri := range []string{"", trained, composite, "http://c2pa.org/digitalsourcetype/empty"} {
		if err := checkSourceType(uri); err != nil {
			t.Error(err)
		}
	}
	for _, uri := range []string{"x", iptcSourceTypes, trained + "/x", trained + " ", iptcSourceTypes + strings.Repeat("x", 65),
		"http://c2pa.org/digitalsourcetype/other", "https" + trained[4:]} {
		if checkSourceType(uri) == nil {
			t.Errorf("%s may be written", uri)
		}
	}
}
