package inspect

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// A Spill gives a new, empty place outside of memory for a sorted run of rows.
type Spill func() (SpillFile, error)

// A SpillFile is written once from its beginning to its end, then read so. Close
// gives it up, with what is in it.
type SpillFile interface {
	io.Writer
	Rewind() (io.Reader, error)
	Close() error
}

// errMemory is why rows could not be sorted.
var errMemory = errors.New("there are more transfers than may be held in memory, and no other place for them")

// rowCost is what a row takes beside its bytes.
const rowCost = 8

// maxRow bounds a row that is read back: two records' worth.
const maxRow = 16 << 10

// A sorter sorts rows by their bytes. What is in memory is bounded: beyond that rows
// go into sorted runs outside of it. One goroutine owns it.
type sorter struct {
	spill Spill
	most  int // bytes in memory

	arena []byte
	rows  []span
	runs  []SpillFile
	err   error // the first; nothing is added behind it
}

// castagnoli is the polynomial of a row's sum: a disk that changes rows is noticed.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type span struct{ at, length uint32 }

func newSorter(spill Spill, most int) *sorter { return &sorter{spill: spill, most: min(most, 1<<31-1)} }

func (s *sorter) row(r span) []byte { return s.arena[r.at : r.at+r.length] }

// add adds a row, a copy of it.
func (s *sorter) add(row []byte) {
	if s.err != nil {
		return
	}
	if len(s.rows) > 0 && len(s.arena)+len(row)+rowCost*(len(s.rows)+1) > s.most {
		if s.err = s.flush(); s.err != nil {
			return
		}
	}
	s.rows = append(s.rows, span{uint32(len(s.arena)), uint32(len(row))})
	s.arena = append(s.arena, row...)
}

func (s *sorter) sort() {
	slices.SortFunc(s.rows, func(a, b span) int { return bytes.Compare(s.row(a), s.row(b)) })
}

// flush writes what is in memory as a run.
func (s *sorter) flush() error {
	if s.spill == nil {
		return errMemory
	}
	s.sort()
	file, err := s.spill()
	if err != nil {
		return fmt.Errorf("a place for rows: %w", err)
	}
	s.runs = append(s.runs, file)
	w := bufio.NewWriterSize(file, 64<<10)
	for _, r := range s.rows {
		head := binary.AppendUvarint(nil, uint64(r.length))
		head = binary.BigEndian.AppendUint32(head, crc32.Checksum(s.row(r), castagnoli))
		if _, err = w.Write(head); err == nil {
			_, err = w.Write(s.row(r))
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return fmt.Errorf("writing rows: %w", err)
	}
	s.arena, s.rows = s.arena[:0], s.rows[:0]
	return nil
}

// each gives all rows in their order, and gives up what the sorter has. A row is
// valid until each is called again.
func (s *sorter) each(do func(row []byte) error) error {
	defer s.close()
	if s.err != nil {
		return s.err
	}
	s.sort()
	if len(s.runs) == 0 {
		for _, r := range s.rows {
			if err := do(s.row(r)); err != nil {
				return err
			}
		}
		return nil
	}
	return s.merge(do)
}

// merge merges the runs with what is in memory.
func (s *sorter) merge(do func(row []byte) error) error {
	var runs runHeap
	for _, file := range s.runs {
		r, err := file.Rewind()
		if err != nil {
			return fmt.Errorf("reading rows: %w", err)
		}
		one := &run{from: bufio.NewReaderSize(r, 64<<10)}
		switch more, err := one.next(); {
		case err != nil:
			return err
		case more:
			runs = append(runs, one)
		}
	}
	held := 0
	next := func() *run {
		if held == len(s.rows) {
			return nil
		}
		held++
		return &run{row: s.row(s.rows[held-1])}
	}
	if memory := next(); memory != nil {
		runs = append(runs, memory)
	}
	heap.Init(&runs)
	for len(runs) > 0 {
		first := runs[0]
		if err := do(first.row); err != nil {
			return err
		}
		if first.from == nil {
			heap.Pop(&runs)
			if memory := next(); memory != nil {
				heap.Push(&runs, memory)
			}
			continue
		}
		more, err := first.next()
		switch {
		case err != nil:
			return err
		case more:
			heap.Fix(&runs, 0)
		default:
			heap.Pop(&runs)
		}
	}
	return nil
}

// close gives up what the sorter has.
func (s *sorter) close() {
	for _, file := range s.runs {
		file.Close() // nothing of it is needed any more
	}
	s.runs, s.rows, s.arena = nil, nil, nil
}

// A run is read row by row; without a reader it is one row in memory.
type run struct {
	from *bufio.Reader
	row  []byte
}

func (r *run) next() (more bool, err error) {
	length, err := binary.ReadUvarint(r.from)
	switch {
	case err == io.EOF:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading rows: %w", err)
	case length > maxRow:
		return false, errRow
	}
	var sum [4]byte
	if _, err := io.ReadFull(r.from, sum[:]); err != nil {
		return false, fmt.Errorf("reading rows: %w", err)
	}
	if uint64(cap(r.row)) < length {
		r.row = make([]byte, length)
	}
	r.row = r.row[:length]
	if _, err := io.ReadFull(r.from, r.row); err != nil {
		return false, fmt.Errorf("reading rows: %w", err)
	}
	if crc32.Checksum(r.row, castagnoli) != binary.BigEndian.Uint32(sum[:]) {
		return false, errRow
	}
	return true, nil
}

type runHeap []*run

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return bytes.Compare(h[i].row, h[j].row) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*run)) }
func (h *runHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
