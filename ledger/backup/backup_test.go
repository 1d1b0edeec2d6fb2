package backup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tokentrail/provenance"
)

// TestBackupHoldsTheLedger: after each run the backup has all that the ledger has,
// and nothing that was there has changed.
func TestBackupHoldsTheLedger(t *testing.T) {
	c, dir := newChain(t), t.TempDir()
	before := map[string][]byte{}
	for _, n := range []int{0, 1, 5, 0, 17, 40} {
		c.block(n)
		r, err := Run(t.Context(), dir, c, small())
		if err != nil {
			t.Fatal(err)
		}
		if r.NewEntries != int64(n) || r.Entries != c.ledger.Snapshot().Head().Size {
			t.Errorf("%+v, wanted %d new entries", r, n)
		}
		b, _, err := whole(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := b.Checkpoint().Frontier.Head(), c.ledger.Snapshot().Head(); got != want {
			t.Errorf("the checkpoint has %+v, the ledger %+v", got, want)
		}
		now := readFiles(t, dir)
		for name, content := range before {
			if !bytes.Equal(now[name], content) {
				t.Errorf("%s changed", name)
			}
		}
		before = now
	}
	if r, err := Run(t.Context(), dir, c, small()); err != nil || !r.AlreadyThere || len(r.Files) > 0 {
		t.Errorf("a run with nothing new: %+v, %v", r, err)
	}
	b, _, err := whole(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	next := 0
	for raw, err := range b.LightBlocks(1) {
		if err != nil || !bytes.Equal(raw, c.headers[next]) {
			t.Fatalf("light block %d: %v", next+1, err)
		}
		next++
	}
	if next != len(c.headers) {
		t.Errorf("%d light blocks, wanted %d", next, len(c.headers))
	}
}

func readFiles(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if files[n.Name()], err = os.ReadFile(filepath.Join(dir, n.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestProofs: of any log, pages can be proven, and the entries that were asked for.
func TestProofs(t *testing.T) {
	var leaves []provenance.Hash
	for size := int64(0); size < 100; size++ {
		wanted := []int64{size / 3, size / 2}
		p, tree := newProofs(wanted), provenance.Tree{}
		roots := []provenance.Hash{tree.Root()}
		for _, leaf := range leaves {
			p.append(leaf)
			tree.Append(leaf)
			roots = append(roots, tree.Root())
		}
		if p.log.root() != tree.Root() || p.log.check() != nil {
			t.Fatalf("size %d: another root", size)
		}
		for older := int64(0); older <= size; older += pageEntries {
			proof, err := p.Consistency(older)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.Verify(roots[older], roots[size]); err != nil {
				t.Errorf("sizes %d and %d: %v", older, size, err)
			}
		}
		for _, index := range wanted {
			if index >= size {
				continue
			}
			proof, err := p.Inclusion(index)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.Verify(roots[size], leaves[index]); err != nil {
				t.Errorf("entry %d of %d: %v", index, size, err)
			}
		}
		leaves = append(leaves, provenance.LeafHash([]byte{byte(size)}))
	}
}

// TestInterruptedRunGoesOn: a run that ends at any moment leaves a backup to which
// the next adds what is missing.
func TestInterruptedRunGoesOn(t *testing.T) {
	c := newChain(t)
	for range 4 {
		c.block(10)
	}
	for failAt := 1; failAt < 16; failAt++ {
		dir := t.TempDir()
		c.asked, c.failAt = 0, failAt
		_, err := Run(t.Context(), dir, c, small())
		if (err == nil) != (failAt > 14) {
			t.Fatalf("with the call %d failing: %v", failAt, err)
		}
		// As a kill leaves it.
		if err := os.WriteFile(filepath.Join(dir, newPrefix+"entries-x"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		c.failAt = 0
		if _, err := Run(t.Context(), dir, c, small()); err != nil {
			t.Fatal(err)
		}
		if _, _, err := whole(t, dir); err != nil {
			t.Errorf("with the call %d failing: %v", failAt, err)
		}
	}
}

// TestEveryByteCounts flips every third byte of a small backup, all in the soak: nothing passes, and what
// is said names the file and the place.
func TestEveryByteCounts(t *testing.T) {
	_, dir := backedUp(t, 3, 20)
	if _, _, err := whole(t, dir); err != nil {
		t.Fatal(err)
	}
	flips := 0
	for name, content := range readFiles(t, dir) {
		path := filepath.Join(dir, name)
		step := 3
		if os.Getenv("TOKENTRAIL_SOAK") != "" {
			step = 1
		}
		for i := 0; i < len(content); i += step {
			bad := bytes.Clone(content)
			bad[i] ^= 1 << (i / step % 8)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := whole(t, dir)
			var damage *DamageError
			if !errors.As(err, &damage) || name != genesisName && (damage.File != name || damage.Offset > int64(i)) {
				t.Fatalf("%s with bit %d of byte %d flipped: %v", name, i/step%8, i, err)
			}
			flips++
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d flips", flips)
}

// TestCutAndMissingFiles: a backup of which a file is cut short, has more than it
// should, or is gone, is damaged.
func TestCutAndMissingFiles(t *testing.T) {
	_, dir := backedUp(t, 3, 20, 1)
	newest := ""
	for name := range readFiles(t, dir) {
		if strings.HasPrefix(name, checkpointPrefix) && name > newest {
			newest = name
		}
	}
	for name, content := range readFiles(t, dir) {
		path := filepath.Join(dir, name)
		for _, bad := range [][]byte{nil, content[:len(content)/2], content[:len(content)-1], append(bytes.Clone(content), 0)} {
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := whole(t, dir); err == nil {
				t.Errorf("%s with %d of %d bytes passes", name, len(bad), len(content))
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, _, err := whole(t, dir); (err == nil) != (strings.HasPrefix(name, checkpointPrefix)) {
			t.Errorf("without %s: %v", name, err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForgedSource: a source that gives other entries than the log has leaves no
// segment behind.
func TestForgedSource(t *testing.T) {
	c, dir := newChain(t), t.TempDir()
	c.block(20)
	forgeries := map[string]func(*Entry){
		"another statement": func(e *Entry) { e.Statement[len(e.Statement)-1] ^= 1 },
		"other records":     func(e *Entry) { e.Records[len(e.Records)-1] ^= 1 },
		"another index":     func(e *Entry) { e.Index++ },
		"no height":         func(e *Entry) { e.Height = 0 },
		"a later height":    func(e *Entry) { e.Height++ },
	}
	for what, forge := range forgeries {
		c.forge = func(e *Entry) {
			if e.Index == 2 {
				forge(e)
			}
		}
		o := small()
		o.CheckRecords = true
		if _, err := Run(t.Context(), dir, c, o); err == nil {
			t.Errorf("%s: taken", what)
		}
		for name := range readFiles(t, dir) {
			if strings.HasPrefix(name, entriesPrefix) || strings.HasPrefix(name, checkpointPrefix) {
				t.Errorf("%s: there is %s", what, name)
			}
		}
	}
	c.forge = nil
	if _, err := Run(t.Context(), dir, c, small()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := whole(t, dir); err != nil {
		t.Error(err)
	}
}

// TestWrongSources: another chain, a source that is behind, a header that does not
// carry the app hash or does not follow.
func TestWrongSources(t *testing.T) {
	c, dir := backedUp(t, 3, 20)
	behind := newChain(t)
	behind.block(3)
	if _, err := Run(t.Context(), dir, behind, small()); err == nil || !strings.Contains(err.Error(), "behind") {
		t.Errorf("a source that is behind: %v", err)
	}
	c.block(1)
	last := len(c.headers) - 1
	good := c.headers[last]
	for at := 2; at < 82; at += 5 { // who comes next is the signers' own word
		c.headers[last] = bytes.Clone(good)
		c.headers[last][at] ^= 1
		if _, err := Run(t.Context(), dir, c, small()); err == nil {
			t.Errorf("a header with another byte %d is taken", at)
		}
	}
	c.headers[last] = good
	if _, err := Run(t.Context(), dir, c, small()); err != nil {
		t.Fatal(err)
	}
	genesis := genesisDoc
	genesisDoc = []byte("{}")
	defer func() { genesisDoc = genesis }()
	if _, err := Run(t.Context(), dir, c, small()); err == nil || !strings.Contains(err.Error(), "another chain") {
		t.Errorf("another chain: %v", err)
	}
}

// TestBackupOfImpostor: a source with the chain's own genesis document, entries and
// headers, that goes on with validators of its own, adds nothing to a backup. The
// last height at which it could begin is one that the backup has already.
func TestBackupOfImpostor(t *testing.T) {
	for _, from := range []int{0, 1, 2} {
		c, dir := backedUp(t, 3, 20)
		before := readFiles(t, dir)
		honest := c.headers
		c.names, c.headers = "evil", honest[:len(honest)-from]
		for range from { // headers of its own at heights that are there
			c.parent = provenance.Hash{byte(from)}
			c.sign()
		}
		c.block(2)
		if _, err := Run(t.Context(), dir, c, small()); err == nil {
			t.Errorf("with %d headers of its own before: taken", from)
		}
		for name := range readFiles(t, dir) {
			if before[name] == nil {
				t.Errorf("with %d headers of its own before: %s was added", from, name)
			}
		}
	}
	// Nor does it begin one.
	c, dir := newChain(t), t.TempDir()
	c.names, c.headers, c.parent = "evil", nil, provenance.Hash{}
	c.sign()
	c.block(2)
	if _, err := Run(t.Context(), dir, c, small()); err == nil || !strings.Contains(err.Error(), "validators") {
		t.Errorf("a chain of somebody's own: %v", err)
	}
}

// TestForeignFiles: what no run wrote is not passed over.
func TestForeignFiles(t *testing.T) {
	_, dir := backedUp(t, 3)
	for _, name := range []string{"entries-1.cbor", "notes.txt", "entries-0000000000000000.cbor.bak"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, 0, testReading); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none"), 0, testReading); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(t.TempDir(), 0, testReading); err == nil {
		t.Error("an empty directory passes for a backup")
	}
	if _, err := Open(dir, 99, testReading); err == nil || !strings.Contains(err.Error(), "99") {
		t.Error(err)
	}
}

// TestOneWriter: two runs do not write to one backup.
func TestOneWriter(t *testing.T) {
	c, dir := backedUp(t, 3)
	unlock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := Run(t.Context(), dir, c, small()); err == nil || !strings.Contains(err.Error(), "another process") {
		t.Error(err)
	}
}
