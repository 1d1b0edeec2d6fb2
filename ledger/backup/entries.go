package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	// segmentBytes is how large a segment may get; an item that would take it
	// further begins the next one.
	segmentBytes = 64 << 20
	// maxLeafBytes bounds a log leaf, above what any kind of entry has.
	maxLeafBytes = 1 << 20

	entriesFormat = "tokentrail/backup/entries/v1"
	maxFormat     = 40 // bytes of such a text
)

// An Entry is an entry of the log as a backup has it.
type Entry struct {
	Index     int64
	Height    int64  // of the block that carried it; not under the log's root
	Statement []byte // the log leaf's data
	Records   []byte // the records' frame
}

// Received is the entry as a ledger takes it.
func (e *Entry) Received() ledger.Received {
	return ledger.Received{Height: e.Height, Statement: e.Statement, Records: e.Records}
}

// A segment says what a file of entries holds.
type segment struct {
	name        string
	begin, end  *edge // the log before the first entry and behind the last
	first, last int64 // heights of those, 0 where there is none
}

// entriesHead begins a segment (SPEC(NOD-62)).
func entriesHead(genesis provenance.Hash, begin *edge) []byte {
	b := provenance.AppendInt(provenance.AppendArray(nil, 6), itemHead)
	b = provenance.AppendText(b, entriesFormat)
	b = provenance.AppendBytes(b, genesis[:])
	b = provenance.AppendInt(b, begin.size)
	return sealItem(appendHashes(b, begin.roots))
}

func (e *Entry) encode() []byte {
	b := make([]byte, 0, len(e.Statement)+len(e.Records)+64)
	b = provenance.AppendInt(provenance.AppendArray(b, 6), itemBody)
	b = provenance.AppendInt(b, e.Index)
	b = provenance.AppendInt(b, e.Height)
	b = provenance.AppendBytes(b, e.Statement)
	return sealItem(provenance.AppendBytes(b, e.Records))
}

// entriesEnd closes a segment: all but the SHA-256 that follows.
func entriesEnd(end *edge) []byte {
	b := provenance.AppendInt(provenance.AppendArray(nil, 5), itemEnd)
	b = provenance.AppendInt(b, end.size)
	root := end.root()
	return appendHashes(provenance.AppendBytes(b, root[:]), end.roots)
}

// close ends a file with its SHA-256 (SPEC(NOD-61)) and gives it its name.
func (w *writer) close(end []byte) error {
	if err := w.write(end); err != nil {
		return err
	}
	if err := w.write(provenance.AppendBytes(nil, w.sum.Sum(nil))); err != nil {
		return err
	}
	return w.finish()
}

// openFile opens a file of the backup for a reader.
func openFile(dir, name string) (*os.File, *reader, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, nil, fmt.Errorf("backup: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("backup: %w", err)
	}
	return f, newReader(name, f, info.Size()), nil
}

// begun reads the head of a file as far as all kinds have it alike.
func (r *reader) begun(elements int, format string, genesis provenance.Hash, first int64) {
	n, kind := r.begin()
	if r.err == nil && (n != elements || kind != itemHead) {
		r.fail("the file begins with an item of %d elements and kind %d, wanted %d and %d", n, kind, elements, itemHead)
	}
	if got := r.text(maxFormat); r.err == nil && got != format {
		r.fail("the format is %.40q, wanted %q", got, format)
	}
	if got := r.hash(); r.err == nil && got != genesis {
		r.fail("it is of the chain with the genesis document %s, and %s has %s", got, genesisName, genesis)
	}
	if got := r.integer(); r.err == nil && got != first {
		r.fail("it begins with %d, its name says %d", got, first)
	}
}

// errStop ends a reading early.
var errStop = errors.New("enough")

// readEntries reads a segment and calls visit, if not nil, for each entry. What a
// segment says is only known to be as it was written once all of it is read.
func readEntries(dir string, genesis provenance.Hash, first int64, visit func(*Entry) error) (*segment, error) {
	name := fileName(entriesPrefix, first)
	f, r, err := openFile(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r.begun(6, entriesFormat, genesis, first)
	s := &segment{name: name, begin: &edge{size: first, roots: r.hashes()}}
	r.check()
	if err := s.begin.check(); err != nil {
		r.fail("%v", err)
	}
	if r.err != nil {
		return nil, r.err
	}
	s.end = s.begin.clone()
	for {
		n, kind := r.begin()
		if kind == itemEnd && n == 5 {
			return s, r.endEntries(s)
		}
		e := r.entry(n, kind, s)
		if r.err != nil {
			return nil, r.err
		}
		s.end.append(provenance.LeafHash(e.Statement), nil)
		if visit != nil {
			if err := visit(e); err != nil {
				return s, err
			}
		}
	}
}

// entry reads the body item behind what is known of s.
func (r *reader) entry(n int, kind int64, s *segment) *Entry {
	if r.err == nil && (n != 6 || kind != itemBody) {
		r.fail("an item of %d elements and kind %d is neither an entry nor the end", n, kind)
	}
	e := &Entry{Index: r.integer(), Height: r.integer(), Statement: r.bytes(maxLeafBytes), Records: r.bytes(provenance.MaxFrameBytes)}
	r.check()
	if r.err == nil && e.Index != s.end.size {
		r.fail("entry %d, wanted %d", e.Index, s.end.size)
	}
	if r.err == nil && e.Height < max(1, s.last) {
		r.fail("entry %d is of height %d, the one before of %d", e.Index, e.Height, s.last)
	}
	if s.first == 0 {
		s.first = e.Height
	}
	s.last = e.Height
	return e
}

func (r *reader) endEntries(s *segment) error {
	said := &edge{size: r.integer()}
	root := r.hash()
	said.roots = r.hashes()
	if r.err == nil && (said.size != s.end.size || root != s.end.root() || said.check() != nil || said.root() != root) {
		r.fail("it ends with %d entries and the root %s, its entries give %d and %s", said.size, root, s.end.size, s.end.root())
	}
	r.end()
	return r.err
}

// An entriesWriter writes new segments behind those that are there. Owned by one
// goroutine.
type entriesWriter struct {
	dir     string
	genesis provenance.Hash
	most    int64 // bytes of a segment
	log     *edge
	last    int64   // height of the newest entry, 0 for none
	newest  int64   // height that no entry may be above
	out     *writer // nil: no segment is open
	files   []string
	bytes   int64
	// prove is asked before a segment gets its name: whether its log is the
	// beginning of the one that is to be backed up.
	prove func(log *edge) error
}

func (w *entriesWriter) add(e *Entry) (err error) {
	// SPEC(NOD-6): what a reader would refuse is not written.
	if least := max(1, w.last); e.Height < least || e.Height > w.newest {
		return fmt.Errorf("backup: entry %d is said to be of height %d, wanted %d to %d; take another node", e.Index, e.Height, least, w.newest)
	}
	w.last = e.Height
	item := e.encode()
	if w.out != nil && w.out.bytes+int64(len(item)) > w.most {
		if err := w.close(); err != nil {
			return err
		}
	}
	if w.out == nil {
		if w.out, err = create(w.dir, fileName(entriesPrefix, w.log.size)); err != nil {
			return err
		}
		if err := w.out.write(entriesHead(w.genesis, w.log)); err != nil {
			return err
		}
	}
	w.log.append(provenance.LeafHash(e.Statement), nil)
	return w.out.write(item)
}

// close ends the open segment, if there is one.
func (w *entriesWriter) close() error {
	if w.out == nil {
		return nil
	}
	if err := w.prove(w.log); err != nil {
		return err
	}
	if err := w.out.close(entriesEnd(w.log)); err != nil {
		return err
	}
	w.files, w.bytes, w.out = append(w.files, w.out.name), w.bytes+w.out.bytes, nil
	return nil
}

// abandon drops a segment that was not closed.
func (w *entriesWriter) abandon() {
	if w.out != nil {
		w.out.abandon()
	}
}
