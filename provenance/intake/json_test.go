package intake

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// vectorRecords are the records of spec/vectors that are accepted.
func vectorRecords(t testing.TB) map[string][]byte {
	t.Helper()
	records := map[string][]byte{}
	for _, file := range []string{"record", "record_v2"} {
		var suite struct {
			Vectors []struct {
				Name string
				Hex  string
				OK   bool
			}
		}
		b, err := os.ReadFile("../../spec/vectors/" + file + ".json")
		if err == nil {
			err = json.Unmarshal(b, &suite)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range suite.Vectors {
			if raw, err := hex.DecodeString(v.Hex); err == nil && v.OK && v.Hex != "" {
				records[file+"/"+v.Name] = raw
			}
		}
	}
	return records
}

// Every accepted vector goes round, but for those with keys that are kept and
// not known: they are not in the JSON.
func TestVectorsGoRound(t *testing.T) {
	round := 0
	for name, raw := range vectorRecords(t) {
		r, err := provenance.ParseRecord(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if plain, err := r.Encode(); err != nil || !bytes.Equal(plain, raw) {
			continue
		}
		round++
		text, err := json.MarshalIndent(RecordJSON(r), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseRecordJSON(text)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
			continue
		}
		if again, err := back.Encode(); err != nil || !bytes.Equal(again, raw) {
			t.Errorf("%s: other bytes\n%s", name, text)
		}
	}
	if round < 40 {
		t.Errorf("only %d vectors were tried", round)
	}
}

const modelJSON = `{
  "kind": "model",
  "time": "2023-07-18T00:00:00.000Z",
  "model": {"name": "llama-2-70b", "digest": "sha256:` + digest64 + `", "known": "asserted"},
  "lineage": {
    "stage": "pre-training",
    "compute": "8.1e23",
    "method": "from hardware and time"
  }
}`

const digest64 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestInputSugar(t *testing.T) {
	usage := `{"kind": "consumption", "time": %s, "using": {"country": "DE", "known": "asserted"}, "usage": {"input": 1, "output": 2}%s}`
	same := func(a, b string) {
		t.Helper()
		x, err := ParseRecordJSON([]byte(a))
		if err != nil {
			t.Fatal(err)
		}
		y, err := ParseRecordJSON([]byte(b))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(RecordJSON(x)) != fmt.Sprint(RecordJSON(y)) {
			t.Errorf("%v, and %v", RecordJSON(x), RecordJSON(y))
		}
	}
	same(fmt.Sprintf(usage, `"2023-11-16T18:15:46.680Z"`, ""), fmt.Sprintf(usage, `1700158546680`, ""))
	same(fmt.Sprintf(usage, `"2023-11-16T18:15:46.680Z"`, ""), fmt.Sprintf(usage, `"2023-11-16T19:15:46.6805+01:00"`, ""))
	same(fmt.Sprintf(usage, `1700158546680`, `, "ref": "7265712d31"`), fmt.Sprintf(usage, `1700158546680`, `, "ref": "text:req-1"`))
	same(fmt.Sprintf(usage, `1700158546680`, `, "parents": [{"issuer": "acme", "ref": "61"}]`), fmt.Sprintf(usage, `1700158546680`, `, "parents": [{"ref": "text:a", "issuer": "acme"}]`))
	same(fmt.Sprintf(usage, `100000000000`, ""), fmt.Sprintf(usage, `"1973-03-03T09:46:40Z"`, "")) // the least number that is a time
	same(modelJSON, strings.Replace(modelJSON, "8.1e23", "81e22", 1))
	same(modelJSON, strings.Replace(modelJSON, "8.1e23", "810000000000000000000000", 1))
}

// The specification's example is a record.
func TestSpecificationExample(t *testing.T) {
	b, err := os.ReadFile("../../spec/client.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), "```json\n{\"kind\"")
	text, _, ended := strings.Cut("{\"kind\""+text, "```")
	if _, err := ParseRecordJSON([]byte(text)); err != nil || !found || !ended {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestScaledText(t *testing.T) {
	for text, want := range map[string]provenance.Scaled{
		"0.7351": {Mantissa: 7351, Exponent: -4}, "0.70": {Mantissa: 70, Exponent: -2}, "-0.05": {Mantissa: -5, Exponent: -2},
		"12": {Mantissa: 12}, "0": {}, "0.00": {Exponent: -2}, "3.8e25": {Mantissa: 38, Exponent: 24}, "3e2": {Mantissa: 3, Exponent: 2},
		"-3.80e5": {Mantissa: -380, Exponent: 3}, "0e5": {Exponent: 5}, "-9223372036854775808": {Mantissa: -1 << 63},
		"-9.223372036854775808e20": {Mantissa: -1 << 63, Exponent: 2}, "0.000000000000000001": {Mantissa: 1, Exponent: -18},
	} {
		got, err := parseScaled(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if back := scaledText(want); back != text {
			t.Errorf("%+v: %q, wanted %q", want, back, text)
		}
	}
	for _, text := range []string{"", "-", ".5", "5.", "1e", "e5", "1e+", "0x1", "1,5", "01", "1e999", "9223372036854775808", "1.9223372036854775808", " 1", "+1", "NaN", "1e5e5", "--1"} {
		if got, err := parseScaled(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestRecordJSONErrors(t *testing.T) {
	evaluation := `{"kind": "evaluation", "time": "1970-01-01T00:00:00Z",
 "model": {"name": "m", "digest": "sha256:` + digest64 + `", "known": "asserted"},
 "evaluation": {"dataset": {"name": "d", "digest": "sha256:` + digest64 + `"},
  "harness": {"name": "h", "commit": "0011223344556677889900112233445566778899"},
  "n": 10, "metric": "acc",
  "value": "0.70",
  "interval": {"low": "0.6", "high": "0.8", "level": 950000},
  "evaluator": {"name": "e", "interest": "none"}}}`
	for _, c := range []struct{ in, from, to, want string }{
		{modelJSON, `"kind"`, `"knd"`, `line 2: knd: there is no such member; did you mean "kind"?`},
		{modelJSON, `"stage"`, `"Stage"`, `line 6: lineage.Stage: there is no such member; did you mean "stage"?`},
		{modelJSON, `"stage"`, `"\u001b[31m"`, `line 6: lineage.\x1b[31m: there is no such member; there are stage`},
		{modelJSON, `"stage"`, `"` + strings.Repeat("é", 200) + `"`, `line 6: lineage.` + strings.Repeat(`\u00e9`, 32) + `: there is no such member`},
		{modelJSON, `"stage"`, `"colour"`, `line 6: lineage.colour: there is no such member; there are stage, base, compute, method, parameters`},
		{modelJSON, `"pre-training"`, `"pretraining"`, `line 6: lineage.stage: "pretraining" is none of "pre-training", "fine-tuning", "distillation", "merging", "quantisation"; did you mean "pre-training"?`},
		{modelJSON, `"pre-training"`, `1`, `line 6: lineage.stage: a number: wanted one of "pre-training"`},
		{modelJSON, `"8.1e23"`, `8.1e23`, `line 7: lineage.compute: a number: wanted a decimal as a string, as "0.7351"`},
		{modelJSON, `"8.1e23"`, `"lots"`, `line 7: lineage.compute: "lots" is no decimal: wanted a string as`},
		{modelJSON, `"8.1e23"`, `"8.1e45"`, `line 7: lineage.compute: value: `},
		{modelJSON, `"8.1e23"`, `"92233720368547758079"`, `its digits go beyond 64 bits`},
		{modelJSON, `"compute": "8.1e23",`, ``, `line 5: lineage.compute: missing-field: there is a method and no training compute`},
		{modelJSON, `"method": "from hardware and time"`, `"method": "from hardware and time", "method": "measured"`, `line 8: lineage: the member "method" stands twice`},
		{modelJSON, `"model"`, `"mode"`, `line 2: kind: "mode" is none of`},
		{modelJSON, `, "digest": "sha256:` + digest64 + `"`, ``, `line 4: model.digest: missing-field: a model record has the digest of the weights`},
		{modelJSON, `sha256:`, ``, `line 4: model.digest: "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" is no digest: wanted sha256: and 64`},
		{modelJSON, `sha256:00112233`, `sha256:0011223G`, `is no digest`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `"2023-07-18"`, `line 3: time: "2023-07-18" is no time: wanted RFC 3339`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `"2023-07-18T00:00:00"`, `is no time`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `-1`, `line 3: time: -1: this is no number of milliseconds of 1973-03-03 or later; give an earlier time as RFC 3339`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `"1969-12-31T23:59:59Z"`, `line 3: time: value: -1000 is not in 0 to`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `1700161200`, `line 3: time: 1700161200: this looks like seconds; give milliseconds, 1700161200000, or RFC 3339`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `99999999999`, `line 3: time: 99999999999: this looks like seconds; give milliseconds, 99999999999000, or RFC 3339`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `1.5`, `line 3: time: 1.5: wanted a whole number`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `true`, `line 3: time: true: wanted a whole number`},
		{modelJSON, `"2023-07-18T00:00:00.000Z"`, `null`, `line 3: time: null: leave the member out`},
		{modelJSON, `"time": "2023-07-18T00:00:00.000Z",`, ``, `line 1: the member "time" must be there`},
		{modelJSON, `"llama-2-70b"`, `"llama 2"`, `line 4: model.name: identifier: character 5`},
		{modelJSON, `"llama-2-70b"`, `""`, `line 4: model.name: empty`},
		{modelJSON, `"llama-2-70b"`, `"\ud800"`, `half of a surrogate pair`},
		{modelJSON, `"llama-2-70b"`, "\"\xff\"", `line 4: not UTF-8`},
		{modelJSON, `"llama-2-70b"`, `["a"]`, `line 4: model.name: an array: wanted a string`},
		{modelJSON, `"lineage": {`, `"serving": {"country": "US", "known": "asserted"}, "lineage": {`, `line 5: serving: forbidden-field`},
		{modelJSON, `"lineage": {`, `"serving": {"country": "US"}, "lineage": {`, `line 5: serving: the member "known" must be there`},
		{modelJSON, `"lineage": {`, `"parents": [], "lineage": {`, `line 5: parents: empty`},
		{modelJSON, `"lineage": {`, `"parents": {}, "lineage": {`, `line 5: parents: an object: wanted an array`},
		{modelJSON, `"lineage": {`, `"parents": ["ab"], "lineage": {`, `line 5: parents[0]: "ab" is no record id`},
		{modelJSON, `"lineage": {`, `"parents": [{"issuer": "a"}], "lineage": {`, `line 5: parents[0]: wanted both "issuer" and "ref"`},
		{modelJSON, `"lineage": {`, `"parents": [{"issuer": "A", "ref": "aa"}], "lineage": {`, `line 5: parents[0].issuer: identifier: "A"`},
		{modelJSON, `"lineage": {`, `"parents": [{"issuer": "a", "ref": "AA"}], "lineage": {`, `line 5: parents[0].ref: "AA": wanted lower-case hex digits, two a byte, or text:`},
		{modelJSON, `"lineage": {`, `"ref": "text:", "lineage": {`, `line 5: ref: "text:": wanted`},
		{modelJSON, `"lineage": {`, `"links": {"trace": "text:a"}, "lineage": {`, `line 5: links.trace: "text:a": wanted lower-case hex digits, two a byte`},
		{modelJSON, `"lineage": {`, `"id": "` + digest64 + `", "lineage": {`, `line 5: id: an id follows from where a record stands`},
		{modelJSON, `"lineage": {`, `"diagnostic": "{}", "lineage": {`, `line 5: diagnostic: the record holds keys that this version does not know`},
		{modelJSON, `"lineage": {`, `"format": 1, "lineage": {`, `line 5: format: this is a document of ours`},
		{modelJSON, `"lineage": {`, `"lineage": {,`, `line 5: lineage: not JSON: invalid character ','`},
		{modelJSON, "\n}", "\n}}", `line 10: something follows the record`},
		{modelJSON, "\n}", "\n", `the JSON text ends too early`},
		{modelJSON, `"lineage": {`, `"lineage": [[[[[[[[[[`, `line 5: lineage[0][0][0][0][0][0][0]: nested more than 8 deep`},
		{modelJSON, `"lineage": {`, `"energy": {"micro_watt_hours": -5, "method": "measured", "boundary": "accelerator"}, "lineage": {`, `line 5: energy.micro_watt_hours: value: -5`},
		{modelJSON, `"lineage": {`, `"energy": {"micro_watt_hours": 5}, "lineage": {`, `line 5: energy: the member "method" must be there`},
		{modelJSON, `"lineage": {`, `"energy": {"micro_watt_hours": 99999999999999999999, "method": "measured", "boundary": "accelerator"}, "lineage": {`, `line 5: energy.micro_watt_hours: 99999999999999999999: wanted a whole number, in digits only, of 64 bits`},
		{modelJSON, `"lineage": {`, `"parents": [` + strings.Repeat("0, ", 64) + `0], "lineage": {`, `line 5: parents: more than 64 members or elements`},
		{evaluation, `"0.6"`, `"0.9"`, `line 7: evaluation.interval: value: its low end 0.9 is above its high end 0.8`},
		{evaluation, `"commit": "00`, `"commit": "0`, `line 4: evaluation.harness.commit: "011223344556677889900112233445566778899": wanted lower-case hex`},
		{evaluation, `"n": 10`, `"n": 0`, `line 5: evaluation.n: value: 0 is not in 1`},
		{evaluation, `"evaluator": {"name": "e", "interest": "none"}`, `"evaluators": {"name": "e", "interest": "none"}`, `line 8: evaluation.evaluators: there is no such member; did you mean "evaluator"?`},
		{`[]`, ``, ``, `line 1: an array: a record is an object`},
	} {
		in := strings.Replace(c.in, c.from, c.to, 1)
		_, err := ParseRecordJSON([]byte(in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s -> %s: %v\nwanted %s", c.from, c.to, err, c.want)
		}
		var place *JSONError
		if !errors.As(err, &place) {
			t.Errorf("%T is no *JSONError", err)
		}
	}
	if _, err := ParseRecordJSON([]byte(modelJSON)); err != nil {
		t.Error(err)
	}
	if _, err := ParseRecordJSON([]byte(evaluation)); err != nil {
		t.Error(err)
	}
	if _, err := ParseRecordJSON(bytes.Repeat([]byte{' '}, MaxRecordJSON+1)); err == nil || !strings.Contains(err.Error(), "at most 65536") {
		t.Error(err)
	}
}

// The greatest record fits the bound on its JSON, however it is indented.
func TestGreatestRecordFits(t *testing.T) {
	most := 0
	for _, raw := range vectorRecords(t) {
		r, err := provenance.ParseRecord(raw)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.MarshalIndent(RecordJSON(r), "", "    ")
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(b))
	}
	if most > MaxRecordJSON/3 {
		t.Errorf("%d bytes of JSON", most)
	}
}

func readJSON(in string) (n int, err error) {
	r := NewRecordsJSONReader(strings.NewReader(in))
	r.Latest = time.UnixMilli(provenance.MaxTime / 2)
	for {
		_, raw, err := r.Next()
		if err == nil {
			if _, err := provenance.ParseRecord(raw); err != nil {
				return n, err
			}
			n++
			continue
		}
		if int64(n) != r.Count() {
			return n, fmt.Errorf("%d counted", r.Count())
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		return n, err
	}
}

func TestRecordsJSONReader(t *testing.T) {
	line := strings.ReplaceAll(modelJSON, "\n", " ")
	for in, want := range map[string]int{
		"": 0, " \n": 0, "[]": 0, " [ ] \n": 0, modelJSON: 1, "\uFEFF" + modelJSON: 1, "[" + modelJSON + "]": 1,
		"[" + modelJSON + ",\n" + modelJSON + "\n]\n": 2, line + "\n" + line + "\n" + line: 3, line + line: 2,
	} {
		if n, err := readJSON(in); err != nil || n != want {
			t.Errorf("%.60q: %d records, %v", in, n, err)
		}
	}
	for _, c := range []struct {
		in, want string
		n        int
	}{
		{"x", `line 1: 'x' is no beginning of records as JSON`, 0},
		{"[", `the JSON text ends within the array`, 0},
		{"[,", `line 1: ',' where the array goes on`, 0},
		{"[" + line, `the JSON text ends within the array`, 1},
		{"[" + line + ",]", `']' where the array goes on`, 1},
		{"[" + line + "\n" + line + "]", `line 2: '{' where the array goes on`, 1},
		{"[" + line + ",\n\n7]", `line 3: '7' where the array goes on`, 1},
		{"[" + line + "]\n{", `line 2: '{' follows the array`, 1},
		{line + ",\n" + line, `line 1: ',' between records`, 1},
		{line + "\n{\"kind\":\n", `line 2: the JSON text ends within the record that begins here`, 1},
		{line + "\n\n{\"kind\":\n\"sale\"}", `line 4: kind: "sale" is none of`, 1},
		{line + "\n{\"kind\": \"" + strings.Repeat("a", MaxRecordJSON), `line 2: the record that begins here has more than 65536 bytes`, 1},
		{strings.Replace(line, "2023", "9999", 1), `line 1: time: 9999-07-18T00:00:00.000Z: the time is in the future`, 0},
	} {
		n, err := readJSON(c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) || n != c.n {
			t.Errorf("%.80q: %d records, %v; wanted %d, %s", c.in, n, err, c.n, c.want)
		}
	}
}

// What is read is shown, and read again as the same; nothing makes the reader
// panic.
func FuzzRecordJSON(f *testing.F) {
	for _, raw := range vectorRecords(f) {
		if r, err := provenance.ParseRecord(raw); err == nil {
			b, err := RecordJSON(r).MarshalJSON()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Add([]byte("[" + modelJSON + "," + modelJSON + "]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		in := NewRecordsJSONReader(bytes.NewReader(b))
		for {
			r, raw, err := in.Next()
			if err != nil {
				return
			}
			text, err := RecordJSON(r).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			_, again, err := parseRecordJSON(text, 1)
			if err != nil || !bytes.Equal(again, raw) {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{
		"LogRoot": "log_root", "KID": "kid", "A2ATask": "a2a_task", "MCPRequest": "mcp_request",
		"MicroWattHours": "micro_watt_hours", "PUE": "pue", "TopP": "top_p", "N": "n", "ECCN": "eccn", "ContentID": "content_id", "Time": "time",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s: %s, wanted %s", name, got, want)
		}
	}
}

// The members are named as the specification's paths name the fields: every path
// of an accepted vector leads to a member.
func TestNamesAreThoseOfTheSpecification(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range []string{"record", "record_v2"} {
		var suite struct {
			Vectors []struct {
				Name   string
				Hex    string
				OK     bool
				Expect struct{ Fields map[string]string }
			}
		}
		b, err := os.ReadFile("../../spec/vectors/" + file + ".json")
		if err == nil {
			err = json.Unmarshal(b, &suite)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range suite.Vectors {
			raw, err := hex.DecodeString(v.Hex)
			if err != nil || !v.OK || v.Hex == "" {
				continue
			}
			r, err := provenance.ParseRecord(raw)
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			text, err := RecordJSON(r).MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			root, err := parseNode(text, 1)
			if err != nil {
				t.Fatal(err)
			}
			for path := range v.Expect.Fields {
				seen[path] = true
				whole := strings.TrimSuffix(strings.TrimSuffix(path, "[0]"), "[1]") // digests and decimals are one value
				if root.find(jsonPath(path)) == nil && (whole == path || root.find(jsonPath(whole)) == nil) {
					t.Errorf("%s: no %s", v.Name, jsonPath(path))
				}
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("only %d paths were looked for", len(seen))
	}
}

// find returns the node with a path, or nil.
func (n *node) find(path string) *node {
	if n.path == path {
		return n
	}
	for _, item := range n.items {
		if found := item.find(path); found != nil {
			return found
		}
	}
	return nil
}
