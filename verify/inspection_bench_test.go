//go:build unix

package verify_test

import (
	"bytes"
	"io"
	"testing"

	"tokentrail/verify"
	"tokentrail/verify/inspect"
)

// benchRules are what an auditor may want of every record.
const benchRules = `format: 1
rules:
  - id: basis
    says: what goes to China has its standard contract
    when: record.kind == "transfer" && record.using.country == "CN"
    expect: record.basis.exists(b, b.code == "cn:standard-contract")
  - id: size
    says: no request is beyond the window
    expect: record.usage.input + record.usage.output <= 128000
`

// BenchmarkAuditInspected audits a log as BenchmarkAuditLong does, plainly and with
// what an inspection adds: built-in rules, rules in CEL, mirrors.
func BenchmarkAuditInspected(b *testing.B) {
	l := newLongLog(b, auditRecords())
	rules, err := inspect.ParseRules([]byte(benchRules))
	check(b, err)
	for _, c := range []struct {
		name string
		o    *inspect.Options
	}{
		{"plain", nil},
		{"built-in", &inspect.Options{}},
		{"rules", &inspect.Options{Skip: true, Rules: rules}},
		{"mirrors", &inspect.Options{Skip: true, Mirrors: &inspect.MirrorOptions{Spill: spillBuffer}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchInspected(b, l, l, func() verify.Inspector {
				if c.o == nil {
					return nil
				}
				in, err := inspect.New(*c.o)
				check(b, err)
				return in
			})
		})
	}
}

// A rowsBuffer is a place for rows in memory.
type rowsBuffer struct{ bytes.Buffer }

func spillBuffer() (inspect.SpillFile, error) { return &rowsBuffer{}, nil }

func (r *rowsBuffer) Rewind() (io.Reader, error) { return &r.Buffer, nil }
func (r *rowsBuffer) Close() error               { return nil }
