package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/fxamacker/cbor/v2"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// A storedValue is a value of the ledger's store, and where its bytes stand on disk.
type storedValue struct {
	key, stored []byte // the value and, but of chunks of frames, its seal
	ledger      string // the directory of the ledger's store
	file        string
	at          int64 // of the value in the file
	block, end  int64 // of the block of the table that holds it, up to its checksum
}

// seal is what stands behind the value: in the ledger's store a hash of both, but a
// frame's is with its entry; in the engine's a checksum of both.
func (v *storedValue) seal(value []byte) []byte {
	if filepath.Dir(v.file) != v.ledger {
		sum := crc32.Checksum(slices.Concat(v.key, value), crc32.MakeTable(crc32.Castagnoli))
		return binary.BigEndian.AppendUint32(nil, sum)
	}
	if v.key[0] == 'f' {
		return nil
	}
	sum := sha256.Sum256(slices.Concat([]byte{byte(len(v.key))}, v.key, value))
	return sum[:]
}

// value is the value without its seal.
func (v *storedValue) value() []byte { return v.stored[:len(v.stored)-len(v.seal(nil))] }

// storedValues finds the values of a stopped ledger's store in its tables.
func storedValues(t testing.TB, home, dir string, wanted func(key []byte) bool) []storedValue {
	t.Helper()
	db, err := badger.Open(badger.DefaultOptions(dir).WithReadOnly(true).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	var all []storedValue
	err = db.View(func(txn *badger.Txn) error {
		walk := txn.NewIterator(badger.DefaultIteratorOptions)
		defer walk.Close()
		for walk.Rewind(); walk.Valid(); walk.Next() {
			if key := walk.Item().KeyCopy(nil); wanted(key) {
				value, err := walk.Item().ValueCopy(nil)
				if err != nil {
					return err
				}
				all = append(all, storedValue{ledger: app.LedgerDir(home), key: key, stored: value})
			}
		}
		return nil
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		for _, file := range tables {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if at := bytes.Index(b, all[i].stored); at >= 0 {
				all[i].file, all[i].at = file, int64(at)
				all[i].block, all[i].end = blockAround(t, b, uint32(at))
			}
		}
		if all[i].file == "" {
			t.Fatalf("the value under %q is in none of the tables %v", all[i].key, tables)
		}
	}
	return all
}

// blockAround finds the block of a table that a place is in: a table ends with its
// index, the size of that, a checksum and the size of that.
func blockAround(t testing.TB, b []byte, at uint32) (from, to int64) {
	t.Helper()
	end := uint32(len(b)) - 4
	end -= binary.BigEndian.Uint32(b[end:]) + 4
	size := binary.BigEndian.Uint32(b[end:])
	index := fb.GetRootAsTableIndex(b[end-size:end], 0)
	var block fb.BlockOffset
	for i := range index.OffsetsLength() {
		if index.Offsets(&block, i) && block.Offset() <= at && at < block.Offset()+block.Len() {
			return int64(block.Offset()), int64(block.Offset() + block.Len())
		}
	}
	t.Fatalf("no block holds byte %d", at)
	return 0, 0
}

// change puts a value of the same size in the place of v's, underneath whoever has
// the store open, with the seal and the block's checksum that belong to it; the file
// is as it was when undo is called.
func (v *storedValue) change(t testing.TB, value []byte, sealed bool) (undo func()) {
	t.Helper()
	f, err := os.OpenFile(v.file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	was := make([]byte, v.end-v.block)
	if _, err := f.ReadAt(was, v.block); err != nil {
		t.Fatal(err)
	}
	block := bytes.Clone(was)
	in := block[v.at-v.block:]
	if n := len(v.value()); len(value) != n {
		t.Fatalf("a value of %d bytes in the place of one of %d", len(value), n)
	}
	copy(in, value)
	if sealed {
		copy(in[len(value):], v.seal(value))
	}
	recheck(t, block)
	if _, err := f.WriteAt(block, v.block); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := overwrite(v.file, v.block, was); err != nil {
			t.Fatal(err)
		}
	}
}

// recheck makes a block's checksum that of its content. It is a field of a message
// whose size stays as it is: a number may be written longer than it need be.
func recheck(t testing.TB, block []byte) {
	t.Helper()
	n := len(block) - 4
	field := block[n-int(binary.BigEndian.Uint32(block[n:])) : n]
	if len(field) < 2 || field[0] != 0x10 {
		t.Fatalf("a checksum of another kind: %x", field)
	}
	sum := uint64(crc32.Checksum(block[:n-len(field)], crc32.MakeTable(crc32.Castagnoli)))
	for i := 1; i < len(field); i++ {
		field[i] = byte(sum&0x7f) | 0x80
		sum >>= 7
	}
	field[len(field)-1] &= 0x7f
	if sum != 0 {
		t.Fatal("the new checksum needs a byte more than there is room for")
	}
}

func overwrite(file string, at int64, b []byte) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, at)
	return errors.Join(err, f.Close())
}

// A storeEdit changes values of a store, of which it knows all.
type storeEdit func(t testing.TB, values map[string]*storedValue) (undo []func())

// storedEntry is the value of an entry (ledger/keys.go).
type storedEntry struct {
	Height     int64           `cbor:"1,keyasint"`
	ID         provenance.Hash `cbor:"2,keyasint"`
	FrameBytes int64           `cbor:"3,keyasint"`
	FrameHash  provenance.Hash `cbor:"4,keyasint"`
	Statement  []byte          `cbor:"5,keyasint"`
}

// placeOf is the key of a value that has an index.
func placeOf(prefix byte, index uint64, rest ...byte) string {
	return string(append(binary.BigEndian.AppendUint64([]byte{prefix}, index), rest...))
}

// editValue changes one value; sealed or, as damage leaves it, not.
func editValue(t testing.TB, values map[string]*storedValue, key string, sealed bool, change func(value []byte)) func() {
	t.Helper()
	v := values[key]
	if v == nil {
		t.Fatalf("nothing is stored under %q", key)
	}
	value := bytes.Clone(v.value())
	change(value)
	return v.change(t, value, sealed)
}

// ofEntry changes what is stored of an entry, in place.
func ofEntry(t testing.TB, values map[string]*storedValue, index uint64, change func(e *storedEntry, value []byte)) func() {
	return editValue(t, values, placeOf('e', index), true, func(value []byte) {
		var e storedEntry
		if err := cbor.Unmarshal(value, &e); err != nil {
			t.Fatal(err)
		}
		change(&e, value)
	})
}

// put writes bytes over others of the same number.
func put(t testing.TB, in, old, replacement []byte) {
	t.Helper()
	at := bytes.Index(in, old)
	if at < 0 || len(old) != len(replacement) {
		t.Fatalf("%d bytes for %d at %d", len(replacement), len(old), at)
	}
	copy(in[at:], replacement)
}

// statementEdit changes an entry's statement, and where it is consistent also the
// leaf's hash in the log.
func statementEdit(index uint64, consistent bool, change func(statement []byte)) storeEdit {
	return func(t testing.TB, values map[string]*storedValue) []func() {
		var leaf provenance.Hash
		undo := []func(){ofEntry(t, values, index, func(e *storedEntry, value []byte) {
			changed := bytes.Clone(e.Statement)
			change(changed)
			put(t, value, e.Statement, changed)
			leaf = provenance.LeafHash(changed)
		})}
		if consistent {
			undo = append(undo, editValue(t, values, placeOf('h', index), true, func(value []byte) { copy(value, leaf[:]) }))
		}
		return undo
	}
}

// frameEdit changes the frame of an entry's records, and the hash that is kept of it.
func frameEdit(index uint64, change func(t testing.TB, frame []byte)) storeEdit {
	return func(t testing.TB, values map[string]*storedValue) []func() {
		var sum provenance.Hash
		first := editValue(t, values, placeOf('f', index, 0, 0), true, func(value []byte) {
			change(t, value)
			sum = sha256.Sum256(value)
		})
		return []func(){first, ofEntry(t, values, index, func(e *storedEntry, value []byte) { put(t, value, e.FrameHash[:], sum[:]) })}
	}
}

// oneMore is a frame of the same size in which a record has other tokens.
func oneMore(t testing.TB, frame []byte) {
	records, err := provenance.ExpandRecords(frame, batchOfUnderneath, provenance.FormatLimits())
	if err != nil {
		t.Fatal(err)
	}
	for i, raw := range records {
		for more := int64(1); more < 20; more++ {
			r, err := provenance.ParseRecord(raw)
			if err != nil {
				t.Fatal(err)
			}
			r.Usage.Output += more
			changed, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			all := slices.Clone(records)
			all[i] = changed
			if other := packed(t, all); len(other) == len(frame) {
				copy(frame, other)
				return
			}
		}
	}
	t.Fatal("no frame of this size has other tokens")
}

// packed is the frame of records.
func packed(t testing.TB, records [][]byte) []byte {
	h, err := provenance.NewBatch("acme", "s", 0, nil, records)
	if err != nil {
		t.Fatal(err)
	}
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	s, err := h.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, records)
	if err != nil {
		t.Fatal(err)
	}
	return sub.Frame
}

// batchOfUnderneath is how many records an entry of TestChangedUnderneath has.
const batchOfUnderneath = 50

// roomy reports whether there is room for any checksum at the end of v's block: one
// of sixteen is written shorter.
func (v *storedValue) roomy(t testing.TB) bool {
	b, err := os.ReadFile(v.file)
	if err != nil {
		t.Fatal(err)
	}
	return binary.BigEndian.Uint32(b[v.end-4:]) == 6
}

// underneathNode is a running node with so many entries, and what its stores hold,
// all of which can be changed in place.
func underneathNode(t *testing.T, entries int64) (*validator, map[string]*storedValue) {
	for range 10 {
		node, values := storedNode(t, entries)
		cramped := slices.ContainsFunc(slices.Collect(maps.Values(values)), func(v *storedValue) bool { return !v.roomy(t) })
		if !cramped {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			node.start(t)
			node.wait(t, ctx, entries)
			return node, values
		}
	}
	t.Fatal("no store has room for what is to be changed")
	return nil, nil
}

// storedNode is a stopped node with so many entries, and what its stores hold.
func storedNode(t *testing.T, entries int64) (*validator, map[string]*storedValue) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p := newProvider(t, "acme")
	node := startNetwork(t, 1, p)[0]
	node.wait(t, ctx, 0)
	for i, sub := range p.submissions(t, traceRecords(t), batchOfUnderneath)[:entries] {
		if a := post(t, node.url, sub); a.status != http.StatusCreated {
			t.Fatalf("statement %d: %d %s", i, a.status, a.body)
		}
	}
	waitArchive(t, ctx, node.url, 2)
	if err := node.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	values := map[string]*storedValue{}
	ledger := storedValues(t, node.home, app.LedgerDir(node.home), func(key []byte) bool { return strings.IndexByte("ehf", key[0]) >= 0 })
	engine := storedValues(t, node.home, app.EngineDir(node.home), func(key []byte) bool { return bytes.HasPrefix(key, []byte("blockstore\x00C:")) })
	for _, v := range slices.Concat(ledger, engine) {
		values[string(v.key)] = &v
	}
	return node, values
}

// TestChangedUnderneath changes values in the store underneath a running node: with
// their seals and the store's checksums, as an operator could who knows the format,
// so that the node does not notice and serves them; and without. The auditor finds
// each that is served, in its place. What the node notices it does not serve, and
// that is never a pass. SPEC(VER-12), SPEC(VER-19)
func TestChangedUnderneath(t *testing.T) {
	node, values := underneathNode(t, 12)
	auditNode(t, node.home, node.url)
	bit := func(b []byte) { b[len(b)-3] ^= 1 }
	damage := func(key string) storeEdit {
		return func(t testing.TB, values map[string]*storedValue) []func() {
			return []func(){editValue(t, values, key, false, bit)}
		}
	}
	for name, c := range map[string]struct {
		edit  storeEdit
		exit  int
		code  verify.Code // of a finding, or none
		place string      // of it, or in the reason of what was not checked
	}{
		"signature":                 {statementEdit(5, true, bit), 1, verify.CodeSignature, "entries[5].statement.signature"},
		"first byte of a statement": {statementEdit(7, true, func(b []byte) { b[0] ^= 1 }), 1, verify.CodeStatementForm, "entries[7].statement"},
		"tokens of a record":        {frameEdit(5, oneMore), 1, verify.CodeRoot, "entries[5].records"},
		"frame":                     {frameEdit(3, func(_ testing.TB, frame []byte) { frame[len(frame)/2] ^= 1 }), 1, verify.CodeRecords, "entries[3].records"},
		"height": {func(t testing.TB, values map[string]*storedValue) []func() {
			return []func(){ofEntry(t, values, 5, func(e *storedEntry, value []byte) {
				put(t, value, []byte{1, byte(e.Height), 2}, []byte{1, byte(e.Height - 1), 2})
			})}
		}, 1, verify.CodeHeight, "entries[5].height"},
		"statement without its hash": {statementEdit(5, false, bit), 2, "", "entries"},
		"hashes of the log": {func(t testing.TB, values map[string]*storedValue) []func() {
			return []func(){editValue(t, values, placeOf('h', 5), true, bit)}
		}, 1, verify.CodeInclusion, "entries[6].inclusion"},
		"an entry's damage":     {damage(placeOf('e', 5)), 2, "", "entries"},
		"a frame's damage":      {damage(placeOf('f', 5, 0, 0)), 2, "", "entries"},
		"damage of log hashes":  {damage(placeOf('h', 5)), 2, "", "entries"},
		"nothing at all, as is": {func(testing.TB, map[string]*storedValue) []func() { return nil }, 0, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			undo := c.edit(t, values)
			r := auditOf(t, node)
			for _, u := range slices.Backward(undo) { // they may be of one block
				u()
			}
			found := slices.ContainsFunc(r.Findings(), func(f *verify.Finding) bool { return f.Code == c.code && strings.HasPrefix(f.Place, c.place) })
			unlooked := slices.ContainsFunc(r.Steps, func(s *verify.Step) bool {
				return s.Outcome == verify.NotChecked && strings.Contains(s.Reason, c.place)
			})
			if r.Exit() != c.exit || c.exit == 1 && !found || c.exit == 2 && !unlooked {
				var b strings.Builder
				_ = r.WriteText(&b)
				t.Errorf("exit %d, wanted %d with %s at %s:\n%s", r.Exit(), c.exit, c.code, c.place, b.String())
			}
		})
	}
	auditNode(t, node.home, node.url)

	// The engine keeps what it has read: this comes last, to a node that has not.
	if err := node.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	node.start(t)
	node.wait(t, t.Context(), 12)
	editValue(t, values, "blockstore\x00C:7", true, bit)
	if r := auditOf(t, node); r.Exit() != 1 || !strings.HasPrefix(r.Findings()[0].Place, "headers[7]") {
		t.Errorf("a commit's signature: exit %d, %v", r.Exit(), r.Findings())
	}
}

// auditOf audits a node from its genesis document.
func auditOf(t *testing.T, node *validator) *verify.Report {
	t.Helper()
	document, err := os.ReadFile(app.GenesisPath(node.home))
	if err != nil {
		t.Fatal(err)
	}
	source, err := remote.New(node.url, remote.Options{Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	trust := verify.Trust{Genesis: new(provenance.Hash(sha256.Sum256(document)))}
	return light.Audit(t.Context(), source, trust, verify.Options{Now: time.Now, Receipts: -1})
}
