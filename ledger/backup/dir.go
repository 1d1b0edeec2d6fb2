package backup

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The files of a backup (SPEC(NOD-60)). Numbers in names have 16 digits.
//
//	genesis.json              the genesis document, byte for byte
//	entries-<index>.cbor      a segment of entries, from that index on
//	headers-<height>.cbor     a segment of light blocks, from that height on
//	checkpoint-<height>.cbor  the frontier of a height
//	.new-<name>               a file that is being written; left by a crash, it goes with the next run
const (
	genesisName      = "genesis.json"
	entriesPrefix    = "entries-"
	headersPrefix    = "headers-"
	checkpointPrefix = "checkpoint-"
	suffix           = ".cbor"
	newPrefix        = ".new-"
)

// maxGenesis bounds a genesis document, in bytes.
const maxGenesis = 64 << 20

// readGenesis reads the backup's genesis document.
func readGenesis(dir string) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, genesisName))
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxGenesis+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("backup: read %s: %w", genesisName, err)
	case len(b) > maxGenesis:
		return nil, &DamageError{genesisName, maxGenesis, fmt.Sprintf("it has more than the %d bytes that a genesis document may have", maxGenesis)}
	}
	return b, nil
}

func fileName(prefix string, number int64) string {
	return fmt.Sprintf("%s%016d%s", prefix, number, suffix)
}

// parseName returns the number in a name of the prefix; false for another name.
func parseName(prefix, name string) (int64, bool) {
	digits, is := strings.CutPrefix(name, prefix)
	digits, ends := strings.CutSuffix(digits, suffix)
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, is && ends && err == nil && n >= 0 && fileName(prefix, n) == name
}

// listing is what a backup's directory holds.
type listing struct {
	dir                           string
	genesis                       bool
	entries, headers, checkpoints []int64  // the numbers in the names, ascending
	stale                         []string // names of files that were never finished
}

// list reads the directory. Names that no run gave are refused: a segment under
// another name is a segment that is missing.
func list(dir string) (*listing, error) {
	l := &listing{dir: dir}
	names, err := os.ReadDir(dir) // in ascending order
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	for _, e := range names {
		name := e.Name()
		if name == genesisName {
			l.genesis = true
			continue
		}
		if strings.HasPrefix(name, newPrefix) {
			l.stale = append(l.stale, name)
			continue
		}
		known := false
		for prefix, into := range map[string]*[]int64{entriesPrefix: &l.entries, headersPrefix: &l.headers, checkpointPrefix: &l.checkpoints} {
			if n, is := parseName(prefix, name); is {
				*into, known = append(*into, n), true
			}
		}
		if !known {
			return nil, fmt.Errorf("backup %s: %q is no file of a backup; keep nothing else in its directory", dir, name)
		}
	}
	for _, numbers := range [][]int64{l.entries, l.headers, l.checkpoints} {
		slices.Sort(numbers)
	}
	return l, nil
}

// lockDir keeps others from writing to the directory until the returned function
// is called; the kernel gives it back when the process ends in whatever way.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	// Some network file systems have no locks: there it is up to the operator.
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.ENOLCK) {
		f.Close()
		return nil, fmt.Errorf("backup %s: another process writes to it; wait until it is done", dir)
	}
	return func() { f.Close() }, nil
}

// A writer makes one file of a backup. Owned by one goroutine.
//
// If we crash before finish has renamed the file, there is a stale .new- file,
// which the next run removes; afterwards the file is there whole, and its name is
// durable when finish returns.
type writer struct {
	dir, name string
	f         *os.File
	out       *bufio.Writer
	sum       hash.Hash
	bytes     int64
}

func create(dir, name string) (*writer, error) {
	f, err := os.OpenFile(filepath.Join(dir, newPrefix+name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	return &writer{dir: dir, name: name, f: f, out: bufio.NewWriterSize(f, 1<<18), sum: sha256.New()}, nil
}

func (w *writer) write(b []byte) error {
	w.sum.Write(b)
	w.bytes += int64(len(b))
	if _, err := w.out.Write(b); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return nil
}

// finish makes the file durable and gives it its name, which nothing has yet.
func (w *writer) finish() error {
	err := errors.Join(w.out.Flush(), w.f.Sync(), w.f.Close())
	path := filepath.Join(w.dir, w.name)
	if err == nil {
		if _, stat := os.Lstat(path); !errors.Is(stat, fs.ErrNotExist) {
			return fmt.Errorf("backup: %s is there already, and files of a backup are never changed (%w)", path, errors.Join(stat, fs.ErrExist))
		}
		err = os.Rename(filepath.Join(w.dir, newPrefix+w.name), path)
	}
	if err == nil {
		err = syncDir(w.dir)
	}
	if err != nil {
		return fmt.Errorf("backup: write %s: %w", path, err)
	}
	return nil
}

// abandon removes a file that was not finished. After finish it does nothing.
func (w *writer) abandon() {
	w.f.Close()
	_ = os.Remove(filepath.Join(w.dir, newPrefix+w.name)) // a stale one goes with the next run
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
