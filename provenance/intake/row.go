package intake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tokentrail/provenance"
)

// ErrFuture says that a time is behind the last one that is believed.
var ErrFuture = errors.New("the time is in the future; what is on a ledger stays there: mend the time, or this computer's clock")

// record makes the record of a row.
func (r *CSVReader) record(row []string) (*provenance.Record, error) {
	record := r.mapping.Constants
	usage := &provenance.Usage{}
	record.Usage = usage
	t, err := r.clock.parse(row[r.at.time])
	if err != nil {
		return nil, r.cell(row, r.at.time, err)
	}
	if latest := r.mapping.Latest; !latest.IsZero() && t > latest.UnixMilli() {
		return nil, r.cell(row, r.at.time, ErrFuture) // SPEC(IMP-7)
	}
	record.Time = t
	for _, c := range []struct {
		at int
		to *int64
	}{{r.at.input, &usage.Input}, {r.at.output, &usage.Output}} {
		if *c.to, err = count(row[c.at]); err != nil {
			return nil, r.cell(row, c.at, err)
		}
	}
	for _, c := range []struct {
		at int
		to **int64
	}{{r.at.cacheRead, &usage.CacheRead}, {r.at.cacheWrite, &usage.CacheWrite}, {r.at.reasoning, &usage.Reasoning}} {
		if c.at < 0 || row[c.at] == "" {
			continue
		}
		n, err := count(row[c.at])
		if err != nil {
			return nil, r.cell(row, c.at, err)
		}
		*c.to = &n
	}
	if r.at.model >= 0 {
		switch name := row[r.at.model]; {
		case name != "":
			record.Model = r.mapping.modelNamed(name)
		case record.Model == nil || record.Model.Name == "":
			return nil, r.cell(row, r.at.model, errors.New("no model is named, and none for all rows"))
		}
	}
	return &record, nil
}

// count reads a number of tokens: decimal digits, and at most zeros behind a
// point, as spreadsheets and data frames write whole numbers. SPEC(IMP-4)
func count(s string) (int64, error) {
	if s == "" {
		return 0, errors.New("the cell is empty, wanted a number of tokens")
	}
	digits, fraction, _ := strings.Cut(s, ".")
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, errors.New("not a number of tokens: a whole number, in digits only")
		}
	}
	if strings.Trim(fraction, "0") != "" || digits == "" {
		return 0, errors.New("not a whole number of tokens")
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("more tokens than 64 bits, signed, can hold")
	}
	return n, nil
}
