package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/provenance"
)

// The files of a journal, one directory for each ledger, issuer and stream
// (spec/client.md, "Journal"):
//
//	lock             held by the one process that uses the journal
//	journal.json     whose journal it is
//	genesis.json     the ledger's genesis document
//	inputs/<hash>    how far an input had come at some sequence
//	<sequence>.sub   a signed submission that has no receipt yet
//	<sequence>.done  an accepted statement and its receipt
//
// The journal's rule is that a sequence is never signed twice with different
// content. A submission is durable under its name before a byte of it is sent:
//
//   - a crash before the name is durable leaves a temporary file, or nothing,
//     of what nobody has seen: the sequence is free;
//   - a crash after it leaves a .sub file: it is sent again, byte for byte, and
//     the ledger answers a duplicate with the first one's receipt;
//   - the .done file is durable before the .sub file goes; with both there,
//     .done holds.
const (
	journalLock   = "lock"
	journalFile   = "journal.json"
	journalDoc    = "genesis.json"
	journalInputs = "inputs"
	subSuffix     = ".sub"
	doneSuffix    = ".done"

	journalVersion  = 1
	maxJournalEntry = provenance.MaxSubmissionBytes + maxReceiptBody
)

// A journal is the memory of one stream. Its methods are not for concurrent
// use: the loop of submit owns it.
type journal struct {
	dir     string
	lock    *os.File
	pending []int64          // sequences with a .sub and no .done, ascending
	head    int64            // greatest sequence ever signed; -1 for none
	acked   int64            // greatest sequence with a receipt; -1 for none
	prev    *provenance.Hash // id of the statement at head
}

// An origin of records: which input, and which part of it.
type position struct {
	_       struct{}        `cbor:",toarray"`
	Input   provenance.Hash // SHA-256 of the whole input
	Records int64           // records of the input that come before
	Offset  int64           // their bytes
	Count   int64           // records of this batch
	Bytes   int64           // their bytes
}

// end returns the position behind the batch: records and bytes.
func (p position) end() (records, offset int64) { return p.Records + p.Count, p.Offset + p.Bytes }

// A subEntry is the content of a .sub file.
type subEntry struct {
	_          struct{} `cbor:",toarray"`
	Version    int64
	Position   position
	Submission []byte
}

// A doneEntry is the content of a .done file.
type doneEntry struct {
	_         struct{} `cbor:",toarray"`
	Version   int64
	Position  position
	Statement []byte
	Receipt   []byte
}

// A journalID says whose journal it is.
type journalID struct {
	Format int    `json:"format"`
	Origin string `json:"origin"` // of the log
	Issuer string `json:"issuer"`
	Stream string `json:"stream"`
}

// journalNames returns the directories of a journal below the state directory.
func journalNames(id journalID) []string {
	// tokentrail/<chain id>/<genesis hash>
	parts := strings.Split(id.Origin, "/")
	hash := parts[len(parts)-1]
	chain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '_'
	}, strings.Join(parts[:len(parts)-1], "-"))
	return []string{"journal", chain + "-" + hash[:min(len(hash), 16)], id.Issuer, id.Stream}
}

// openJournal opens or begins the journal of a stream and locks it.
func openJournal(state string, id journalID) (*journal, error) {
	if !validOrigin(id.Origin) {
		return nil, fmt.Errorf("the log's origin %q is not tokentrail/<chain id>/<genesis hash>", id.Origin)
	}
	dir, err := makeDirs(state, journalNames(id)...)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if _, err := makeDirs(dir, journalInputs); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	j := &journal{dir: dir, head: -1, acked: -1}
	if err := j.open(id); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

func (j *journal) open(id journalID) error {
	var err error
	j.lock, err = tryLock(filepath.Join(j.dir, journalLock))
	if errors.Is(err, errLocked) {
		return couldNotf("another process submits to this stream now: the journal %s is locked; wait for it to end", j.dir)
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := j.identify(id); err != nil {
		return err
	}
	if err := j.scan(); err != nil {
		return err
	}
	return j.readHead()
}

// close releases the journal.
func (j *journal) close() {
	if j.lock != nil {
		j.lock.Close()
	}
}

// identify holds the journal's own name against the one wanted.
func (j *journal) identify(id journalID) error {
	b, err := os.ReadFile(filepath.Join(j.dir, journalFile))
	if errors.Is(err, fs.ErrNotExist) {
		id.Format = journalVersion
		b, err := json.Marshal(id)
		if err != nil {
			return err
		}
		return writeDurable(j.dir, journalFile, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	var got journalID
	if err := decodeJSON(bytes.TrimSpace(b), &got); err != nil {
		return fmt.Errorf("journal %s is damaged: %s: %w", j.dir, journalFile, err)
	}
	id.Format = journalVersion
	if got != id {
		return fmt.Errorf("journal %s is of %s/%s on %s, not of %s/%s on %s", j.dir, got.Issuer, got.Stream, got.Origin, id.Issuer, id.Stream, id.Origin)
	}
	return nil
}

// scan reads the names in the directory: what is signed, and what of it has a
// receipt.
func (j *journal) scan() error {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	var sequences []int64
	done := map[int64]bool{}
	sub := map[int64]bool{}
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, tempPrefix) {
			if err := os.Remove(filepath.Join(j.dir, name)); err != nil {
				return fmt.Errorf("journal: %w", err)
			}
			continue
		}
		suffix := filepath.Ext(name)
		if suffix != subSuffix && suffix != doneSuffix {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(name, suffix), 10, 64)
		if err != nil || n < 0 || name != entryName(n, suffix) {
			return fmt.Errorf("journal %s is damaged: it holds %s, which is not a sequence", j.dir, name)
		}
		if !sub[n] && !done[n] {
			sequences = append(sequences, n)
		}
		sub[n] = sub[n] || suffix == subSuffix
		done[n] = done[n] || suffix == doneSuffix
	}
	slices.Sort(sequences)
	for i, n := range sequences {
		if i > 0 && n != sequences[i-1]+1 {
			return fmt.Errorf("journal %s is damaged: sequence %d is followed by %d; restore it from a copy, or begin another stream", j.dir, sequences[i-1], n)
		}
		j.head = n
		switch {
		case !done[n]:
			j.pending = append(j.pending, n)
			continue
		case sub[n]: // a crash between the two
			if err := os.Remove(j.path(n, subSuffix)); err != nil {
				return fmt.Errorf("journal: %w", err)
			}
		}
		j.acked = n
	}
	return nil
}

func entryName(sequence int64, suffix string) string { return fmt.Sprintf("%019d%s", sequence, suffix) }

func (j *journal) path(sequence int64, suffix string) string {
	return filepath.Join(j.dir, entryName(sequence, suffix))
}

func (j *journal) readHead() error {
	if j.head < 0 {
		return nil
	}
	s, _, err := j.statement(j.head)
	if err != nil {
		return err
	}
	j.prev = new(s.ID())
	return nil
}

// record makes the signed submission that comes next in the stream durable.
// Only then may it be sent. SPEC(JRN-1)
func (j *journal) record(sub *provenance.Submission, at position) error {
	header := sub.Statement.Header()
	if header.Sequence != j.head+1 {
		return fmt.Errorf("journal: sequence %d does not come behind %d", header.Sequence, j.head)
	}
	b, err := cbor.Marshal(subEntry{Version: journalVersion, Position: at, Submission: sub.Encode()})
	if err != nil {
		return err
	}
	if err := writeDurable(j.dir, entryName(header.Sequence, subSuffix), b); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.head, j.prev = header.Sequence, new(sub.Statement.ID())
	j.pending = append(j.pending, header.Sequence)
	return nil
}

// acknowledge keeps the receipt of a submission in place of its records.
// SPEC(JRN-2)
func (j *journal) acknowledge(sequence int64, at position, statement, receipt []byte) error {
	b, err := cbor.Marshal(doneEntry{Version: journalVersion, Position: at, Statement: statement, Receipt: receipt})
	if err != nil {
		return err
	}
	if err := writeDurable(j.dir, entryName(sequence, doneSuffix), b); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := os.Remove(j.path(sequence, subSuffix)); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.pending = slices.DeleteFunc(j.pending, func(n int64) bool { return n == sequence })
	j.acked = max(j.acked, sequence)
	return nil
}

// submission reads back what was signed and has no receipt yet.
func (j *journal) submission(sequence int64) (*provenance.Submission, position, error) {
	var e subEntry
	if err := j.read(sequence, subSuffix, &e); err != nil {
		return nil, position{}, err
	}
	s, err := provenance.ParseSubmission(e.Submission)
	if err != nil {
		return nil, position{}, j.damaged(sequence, subSuffix, err)
	}
	if s.Statement.Header().Sequence != sequence {
		return nil, position{}, j.damaged(sequence, subSuffix, fmt.Errorf("it holds sequence %d", s.Statement.Header().Sequence))
	}
	return s, e.Position, nil
}

// statement reads the statement at a sequence, accepted or not.
func (j *journal) statement(sequence int64) (*provenance.UnverifiedStatement, position, error) {
	if slices.Contains(j.pending, sequence) {
		s, at, err := j.submission(sequence)
		if err != nil {
			return nil, at, err
		}
		return s.Statement, at, nil
	}
	var e doneEntry
	if err := j.read(sequence, doneSuffix, &e); err != nil {
		return nil, position{}, err
	}
	s, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		return nil, position{}, j.damaged(sequence, doneSuffix, err)
	}
	if s.Header().Sequence != sequence {
		return nil, position{}, j.damaged(sequence, doneSuffix, fmt.Errorf("it holds sequence %d", s.Header().Sequence))
	}
	return s, e.Position, nil
}

func (j *journal) read(sequence int64, suffix string, into any) error {
	f, err := os.Open(j.path(sequence, suffix))
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer f.Close()
	b, err := readBounded(f, maxJournalEntry, f.Name())
	if err != nil {
		return err
	}
	if err := cbor.Unmarshal(b, into); err != nil {
		return j.damaged(sequence, suffix, err)
	}
	return nil
}

func (j *journal) damaged(sequence int64, suffix string, err error) error {
	return fmt.Errorf("journal entry %s is damaged: %w; restore it from a copy: signing its sequence again would be equivocation", j.path(sequence, suffix), err)
}

// An origin's chain id and hash name directories. SPEC(LOG-2)
var originForm = regexp.MustCompile(`^tokentrail/[A-Za-z0-9._-]{1,50}/[0-9a-f]{64}$`)

func validOrigin(origin string) bool { return originForm.MatchString(origin) }
