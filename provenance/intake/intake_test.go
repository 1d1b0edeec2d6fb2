package intake

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // zones where the system has none

	"tokentrail/provenance"
)

// What the cut of the trace holds, by awk.
const (
	cutInput  = 467684
	cutOutput = 132536
)

func azure() CSV {
	return CSV{
		Constants: provenance.Record{
			Kind:    provenance.Transfer,
			Model:   &provenance.Model{Name: "llama-2-70b", Known: provenance.Asserted},
			Serving: &provenance.Place{Country: "US", Known: provenance.Asserted},
			Using:   &provenance.Place{Country: "CN", Known: provenance.Asserted},
			Side:    new(provenance.Exporter),
			Basis:   []provenance.Basis{{Code: "cn:standard-contract"}},
		},
		Time: "TIMESTAMP", Input: "ContextTokens", Output: "GeneratedTokens",
	}
}

const header = "TIMESTAMP,ContextTokens,GeneratedTokens\n"

func read(m CSV, text string) ([]*provenance.Record, error) {
	r, err := m.NewReader(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	var out []*provenance.Record
	for {
		record, raw, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if again, err := record.Encode(); err != nil || !bytes.Equal(again, raw) {
			return out, errors.New("the encoding is not that of the record")
		}
		out = append(out, record)
	}
}

func TestCutOfTheTrace(t *testing.T) {
	f, err := os.Open("testdata/azure-llm-2023-conv-cut.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := azure().NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var rows, input, output int64
	var sequence bytes.Buffer
	for {
		record, raw, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rows == 0 && record.Time != 1700158546680 {
			t.Errorf("first time %d, wanted 1700158546680", record.Time)
		}
		rows++
		input += record.Usage.Input
		output += record.Usage.Output
		sequence.Write(raw)
	}
	if rows != 500 || input != cutInput || output != cutOutput {
		t.Errorf("%d rows, %d input and %d output tokens; wanted 500, %d, %d", rows, input, output, cutInput, cutOutput)
	}
	back := NewRecordsReader(&sequence)
	size := int64(sequence.Len())
	for {
		if _, _, err := back.Next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if back.Count() != 500 || back.Offset() != size {
		t.Errorf("read back %d records, %d bytes", back.Count(), back.Offset())
	}
}

// TestForms reads one row written in many ways; all are the same record.
func TestForms(t *testing.T) {
	const row = "2023-11-16 18:15:46.6805900,374,44"
	want, err := read(azure(), header+row)
	if err != nil || len(want) != 1 {
		t.Fatal(want, err)
	}
	for name, text := range map[string]string{
		"final newline":   header + row + "\n",
		"crlf":            strings.ReplaceAll(header+row+"\n", "\n", "\r\n"),
		"bom":             "\ufeff" + header + row,
		"bom and quotes":  "\ufeff" + `"TIMESTAMP","ContextTokens","GeneratedTokens"` + "\n" + row,
		"quoted":          header + `"2023-11-16 18:15:46.6805900","374","44"`,
		"blank lines":     header + "\n" + row + "\n\n",
		"T and Z":         header + "2023-11-16T18:15:46.6805900Z,374,44",
		"offset":          header + "2023-11-17 02:15:46.6805900+08:00,374,44",
		"offset, spaced":  header + "2023-11-17 02:15:46.6805900 +0800,374,44",
		"UTC":             header + "2023-11-16 18:15:46.6805900 UTC,374,44",
		"zeros behind":    header + "2023-11-16 18:15:46.68059,374.0,44.00",
		"other order":     "x,GeneratedTokens,ContextTokens,TIMESTAMP\n\"a,\"\"b\nc\",44,374,2023-11-16 18:15:46.68",
		"comma for point": header + `"2023-11-16 18:15:46,6805900",374,44`,
	} {
		got, err := read(azure(), text)
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %d records, %v", name, len(got), err)
			continue
		}
		a, _ := want[0].Encode()
		b, _ := got[0].Encode()
		if !bytes.Equal(a, b) {
			t.Errorf("%s: another record: %+v", name, got[0])
		}
	}
}

func TestBadRows(t *testing.T) {
	long := strings.Repeat("x", MaxRowBytes+2*rowBuffer)
	withParts := azure()
	withParts.CacheRead, withParts.Reasoning, withParts.Model = "c", "r", "m"
	before2024 := azure()
	before2024.Latest = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		mapping CSV
		text    string
		want    string
		fatal   bool
	}{
		"empty":         {azure(), "", "the file is empty", true},
		"no column":     {azure(), "a,b\n1,2", `time: the file has no column "TIMESTAMP"; it has "a", "b"`, true},
		"column twice":  {azure(), "TIMESTAMP,ContextTokens,ContextTokens,GeneratedTokens\n", `more than one column "ContextTokens"`, true},
		"few cells":     {azure(), header + "2023-11-16 18:15:46,374", "line 2: not as many cells as the header, which has 3", false},
		"many cells":    {azure(), header + "2023-11-16 18:15:46,374,44,1", "line 2: not as many cells", false},
		"bare quote":    {azure(), header + `2023-11-16 18:15:46,3"74,44`, "line 2 (byte 22): bare", false},
		"open quote":    {azure(), header + `2023-11-16 18:15:46,374,"44`, `line 2: a quote is opened and not closed; it is the last line`, true},
		"swallowed":     {azure(), header + "2023-11-16 18:15:46,374,\"44\n" + strings.Repeat("2023-11-16 18:15:46,1,1\n", 1000), `line 2: a quote is opened and not closed; 1,000 lines follow it`, true},
		"quote later":   {azure(), header + "2023-11-16 18:15:46,374,\"44\n2023-11-16 18:15:46,1,\"1\"\nx\ny", `line 2: a quote is opened and not closed; 3 lines follow it`, true},
		"joined rows":   {azure(), header + "2023-11-16 18:15:46,\"374,44\n2023-11-16 18:15:46,1,1\"\n", `lines 2 to 3: not as many cells`, false},
		"long cell":     {azure(), header + "2023-11-16 18:15:46,\"3\n4\",44\n", `lines 2 to 3, column "ContextTokens", value "3\n4"`, false},
		"text behind":   {azure(), header + "2023-11-16 18:15:46,374,\"4\"4\n2023-11-16 18:15:46,1,1\n", `line 2 (byte 27): extraneous or missing "`, false},
		"future":        {before2024, header + "2024-01-01 00:00:00.001,374,44", `line 2, column "TIMESTAMP" (byte 1), value "2024-01-01 00:00:00.001": the time is in the future`, false},
		"word":          {azure(), header + "2023-11-16 18:15:46,many,44", `line 2, column "ContextTokens" (byte 21), value "many": not a number`, false},
		"negative":      {azure(), header + "2023-11-16 18:15:46,-1,44", `value "-1": not a number of tokens`, false},
		"plus":          {azure(), header + "2023-11-16 18:15:46,+1,44", `value "+1": not a number of tokens`, false},
		"thousands":     {azure(), header + `2023-11-16 18:15:46,"1,000",44`, `value "1,000": not a number`, false},
		"half":          {azure(), header + "2023-11-16 18:15:46,1.5,44", `value "1.5": not a whole number`, false},
		"point only":    {azure(), header + "2023-11-16 18:15:46,.0,44", "not a whole number", false},
		"empty cell":    {azure(), header + "2023-11-16 18:15:46,374,", `column "GeneratedTokens" (byte 25), value "": the cell is empty`, false},
		"too many":      {azure(), header + "2023-11-16 18:15:46,9223372036854775808,44", "more tokens than 64 bits", false},
		"time":          {azure(), header + "16/11/2023,374,44", `column "TIMESTAMP" (byte 1), value "16/11/2023": not a time`, false},
		"impossible":    {azure(), header + "2023-02-30 00:00:00,374,44", "not a time", false},
		"before 1970":   {azure(), header + "1969-12-31 23:59:59,374,44", `column "TIMESTAMP" (byte 1), value "1969-12-31 23:59:59": value:`, false},
		"abbreviation":  {azure(), header + "2023-11-16 18:15:46 PST,374,44", "abbreviation says nothing sure", false},
		"later line":    {azure(), header + "2023-11-16 18:15:46,1,1\n\n2023-11-16 18:15:46,x,1", "line 4, column", false},
		"long row":      {azure(), header + "2023-11-16 18:15:46,1,1\n" + long, "behind line 2: a row of more than 1048576 bytes", true},
		"long quote":    {azure(), header + "\"" + strings.Repeat("x\n", MaxRowBytes), "a row of more than 1048576 bytes", true},
		"cache > input": {withParts, "TIMESTAMP,ContextTokens,GeneratedTokens,c,r,m\n2023-11-16 18:15:46,3,1,4,,", "line 2: usage: usage-parts", false},
		"bad model":     {withParts, "TIMESTAMP,ContextTokens,GeneratedTokens,c,r,m\n2023-11-16 18:15:46,3,1,,,a b", `column "m" (byte 27), value "a b": identifier`, false},
		"bad cache":     {withParts, "TIMESTAMP,ContextTokens,GeneratedTokens,c,r,m\n2023-11-16 18:15:46,3,1,x,,", `column "c"`, false},
	} {
		_, err := read(c.mapping, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, wanted %q", name, err, c.want)
			continue
		}
		var row *RowError
		if errors.As(err, &row) == c.fatal {
			t.Errorf("%s: a *RowError: %t", name, !c.fatal)
		}
	}
}

// TestOtherFiles: what is no CSV with commas in UTF-8 is told by name.
func TestOtherFiles(t *testing.T) {
	for text, want := range map[string]string{
		"TIMESTAMP;ContextTokens;GeneratedTokens\n": `seem to be separated by ";"`,
		"\xff\xfeT\x00I\x00":                        "the file is in UTF-16",
		"T\x00I\x00M\x00":                           "the file is in UTF-16",
		"\x1f\x8b\x08\x00":                          "the file is compressed (gzip)",
	} {
		if _, err := read(azure(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, wanted %q", text, err, want)
		}
	}
}

func TestGoesOnBehindABadRow(t *testing.T) {
	r, err := azure().NewReader(strings.NewReader(header + "x,1,1\n2023-11-16 18:15:46,3\"7,1\n2023-11-16 18:15:46,5,1\n2023-11-16 18:15:46,5\n2023-11-16 18:15:46,7,1"))
	if err != nil {
		t.Fatal(err)
	}
	var good, bad []int64
	for {
		record, _, err := r.Next()
		var row *RowError
		if errors.Is(err, io.EOF) {
			break
		} else if errors.As(err, &row) {
			bad = append(bad, int64(row.Line))
		} else if err != nil {
			t.Fatal(err)
		} else {
			good = append(good, record.Usage.Input)
		}
	}
	if len(good) != 2 || good[0] != 5 || good[1] != 7 || len(bad) != 3 || bad[0] != 2 || bad[1] != 3 || bad[2] != 5 {
		t.Errorf("good %v, bad %v", good, bad)
	}
}

func TestOptionalColumns(t *testing.T) {
	m := azure()
	m.CacheRead, m.CacheWrite, m.Reasoning, m.Model = "c", "w", "r", "m"
	got, err := read(m, "TIMESTAMP,ContextTokens,GeneratedTokens,c,w,r,m\n2023-11-16 18:15:46,10,5,4,2,3,other\n2023-11-16 18:15:46,10,5,,,0,")
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if u := got[0].Usage; *u.CacheRead != 4 || *u.CacheWrite != 2 || *u.Reasoning != 3 || got[0].Model.Name != "other" {
		t.Errorf("%+v", got[0])
	}
	if u := got[1].Usage; u.CacheRead != nil || u.CacheWrite != nil || *u.Reasoning != 0 || got[1].Model.Name != "llama-2-70b" {
		t.Errorf("%+v", got[1])
	}
	if m.Constants.Model.Name != "llama-2-70b" || m.Constants.Usage != nil {
		t.Error("the mapping was changed")
	}
}

func TestMappings(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*CSV)
		want   string
	}{
		"no time":       {func(m *CSV) { m.Time = "" }, "time: no column is named"},
		"country":       {func(m *CSV) { m.Constants.Serving.Country = "usa" }, "serving.country: value:"},
		"no side":       {func(m *CSV) { m.Constants.Side = nil }, "side: missing-field"},
		"basis order":   {func(m *CSV) { m.Constants.Basis = []provenance.Basis{{Code: "b"}, {Code: "a"}} }, "basis-order"},
		"model":         {func(m *CSV) { m.Constants.Model.Name = "a b" }, "model.name: identifier"},
		"format":        {func(m *CSV) { m.TimeFormat = "2006-01-02" }, "time format: "},
		"format, words": {func(m *CSV) { m.TimeFormat = "%Y-%m-%d" }, "time format: "},
	} {
		m := azure()
		c.change(&m)
		_, err := m.NewReader(strings.NewReader(header))
		var e *MappingError
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, wanted %q", name, err, c.want)
		}
	}
}

func TestTimes(t *testing.T) {
	newYork, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		format, text string
		zone         *time.Location
		want         string // RFC 3339, or what the error says
	}{
		{"", "2023-11-16 18:15:46", newYork, "2023-11-16T23:15:46Z"},
		{"", "2023-11-16T18:15:46-05:00", newYork, "2023-11-16T23:15:46Z"},
		{"", "2023-11-05 00:59:59", newYork, "2023-11-05T04:59:59Z"},
		{"", "2023-11-05 01:30:00", newYork, "two such times"},
		{"", "2023-11-05 01:30:00-04:00", newYork, "2023-11-05T05:30:00Z"},
		{"", "2023-11-05 02:00:00", newYork, "2023-11-05T07:00:00Z"},
		{"", "2023-03-12 02:30:00", newYork, "no such time"},
		{"", "2023-03-12 03:00:00", newYork, "2023-03-12T07:00:00Z"},
		{"unix", "1700158546", nil, "2023-11-16T18:15:46Z"},
		{"unix", "1700158546.68059", nil, "2023-11-16T18:15:46.68Z"},
		{"unix", "1e9", nil, "not a number of seconds"},
		{"unix", "-1", nil, "not a number of seconds"},
		{"unix-ms", "1700158546680", nil, "2023-11-16T18:15:46.68Z"},
		{"unix-ms", "1700158546.680", nil, "not a number of milliseconds"},
		{"02/01/2006 15:04", "16/11/2023 18:15", nil, "2023-11-16T18:15:00Z"},
		{"02/01/2006 15:04", "11/16/2023 18:15", nil, "not a time of the form"},
	} {
		k, err := newClock(c.format, c.zone)
		if err != nil {
			t.Errorf("%q: %v", c.format, err)
			continue
		}
		ms, err := k.parse(c.text)
		got := time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%q in %v: %s, wanted %s", c.text, c.zone, got, c.want)
		}
	}
}

func TestBadRecordFiles(t *testing.T) {
	one, err := read(azure(), header+"2023-11-16 18:15:46,374,44")
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := one[0].Encode()
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"cut":      {append(bytes.Clone(raw), raw[:len(raw)-1]...), "record 1 (byte "},
		"text":     {[]byte("TIMESTAMP,ContextTokens"), "record 0 (byte 0 of the file): "},
		"huge":     {append([]byte{0x5a, 0xff, 0xff, 0xff, 0xff}, make([]byte, 5000)...), "size: "},
		"huge map": {append([]byte{0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, make([]byte, 5000)...), "record 0"},
		"endless":  {bytes.Repeat([]byte{0xa1}, 5000), "size: "},
		"reserved": {[]byte{0x1c}, "malformed"},
	} {
		r := NewRecordsReader(bytes.NewReader(c.file))
		var err error
		for err == nil {
			_, _, err = r.Next()
		}
		if errors.Is(err, io.EOF) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, wanted %q", name, err, c.want)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add(header + "2023-11-16 18:15:46.6805900,374,44\n")
	f.Add("\ufeff" + header + "\"2023-11-16 18:15:46\",374,44\r\n,,\n\"")
	f.Add(header + "x\n2023-11-16T18:15:46Z,1.0,9223372036854775807")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := azure().NewReader(strings.NewReader(text))
		if err != nil {
			return
		}
		for range 1 + strings.Count(text, "\n") {
			record, raw, err := r.Next()
			var row *RowError
			if err != nil && !errors.As(err, &row) {
				return
			}
			if err == nil {
				if _, err := provenance.ParseRecord(raw); err != nil || record.Usage.Input < 0 {
					t.Fatalf("%v: %+v", err, record)
				}
			}
		}
		if _, _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("more rows than lines: %v", err)
		}
	})
}

func FuzzRecords(f *testing.F) {
	one, err := read(azure(), header+"2023-11-16 18:15:46,374,44")
	if err != nil {
		f.Fatal(err)
	}
	raw, _ := one[0].Encode()
	f.Add(append(bytes.Clone(raw), raw...))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, total := NewRecordsReader(bytes.NewReader(b)), 0
		for {
			_, raw, err := r.Next()
			if err != nil {
				return
			}
			if !bytes.Equal(raw, b[total:total+len(raw)]) || len(raw) == 0 {
				t.Fatal("not the bytes of the file")
			}
			total += len(raw)
		}
	})
}
