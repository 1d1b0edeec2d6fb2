package intake

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"tokentrail/provenance"
)

// A RecordsReader reads a file of records: a CBOR sequence (SPEC(IMP-1)).
type RecordsReader struct {
	r      *bufio.Reader
	count  int64
	offset int64

	// Latest, where it is set, is the last time that is believed: a record behind
	// it is an error.
	Latest time.Time
}

// FutureTime is how far ahead of this computer's clock a record's time may be,
// for those who set Latest: clocks differ. SPEC(IMP-7)
const FutureTime = 10 * time.Minute

// NewRecordsReader returns a reader of the records in r.
func NewRecordsReader(r io.Reader) *RecordsReader {
	return &RecordsReader{r: bufio.NewReaderSize(r, 256<<10)}
}

// Next returns the next record and its encoding, or io.EOF at the end.
func (r *RecordsReader) Next() (*provenance.Record, []byte, error) {
	ahead, err := r.r.Peek(provenance.MaxRecordBytes + 1)
	if len(ahead) == 0 {
		return nil, nil, err // io.EOF among them
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	size := itemSize(ahead)
	if size == 0 && len(ahead) <= provenance.MaxRecordBytes {
		size = len(ahead) // cut short: the parser says where
	}
	if size == 0 || size > provenance.MaxRecordBytes {
		return nil, nil, r.fault(fmt.Errorf("size: the record has more than %d bytes, or this is not a file of records", provenance.MaxRecordBytes))
	}
	raw := make([]byte, size)
	copy(raw, ahead)
	record, err := provenance.ParseRecord(raw)
	if err != nil {
		return nil, nil, r.fault(err)
	}
	if !r.Latest.IsZero() && record.Time > r.Latest.UnixMilli() {
		return nil, nil, r.fault(fmt.Errorf("time %s: %w", time.UnixMilli(record.Time).UTC().Format(time.RFC3339), ErrFuture))
	}
	if _, err := r.r.Discard(size); err != nil {
		return nil, nil, err
	}
	r.count++
	r.offset += int64(size)
	return record, raw, nil
}

// Count returns how many records have been read.
func (r *RecordsReader) Count() int64 { return r.count }

// Offset returns how many bytes the records that have been read take.
func (r *RecordsReader) Offset() int64 { return r.offset }

func (r *RecordsReader) fault(err error) error {
	return fmt.Errorf("record %d (byte %d of the file): %w", r.count, r.offset, err)
}

// itemSize returns the length of the CBOR item that b begins with, or 0 where b
// does not hold all of it. Whether it is a record is for the parser to say.
func itemSize(b []byte) int {
	at := 0
	for open := uint64(1); open > 0; open-- {
		if at >= len(b) {
			return 0
		}
		major, info := b[at]>>5, b[at]&31
		at++
		n := uint64(info)
		if info >= 24 {
			width := 1 << (info - 24)
			if info > 27 {
				return at // not well-formed: the parser says so
			}
			if at+width > len(b) {
				return 0
			}
			var wide [8]byte
			copy(wide[8-width:], b[at:at+width])
			n = binary.BigEndian.Uint64(wide[:])
			at += width
		}
		switch major {
		case 2, 3: // byte string, text
			if n > uint64(len(b)-at) {
				return 0
			}
			at += int(n)
		case 4, 5, 6: // array, map, tag
			if n > uint64(len(b)) {
				return 0
			}
			open += elements(major, n)
		}
	}
	return at
}

// elements returns how many items follow a head of a container.
func elements(major byte, n uint64) uint64 {
	switch major {
	case 5:
		return 2 * n
	case 6:
		return 1
	}
	return n
}
