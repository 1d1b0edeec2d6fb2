package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

// An inputState is how far an input had come when the stream's head was at
// Sequence. It is written before anything of the input is signed, and then at
// the beginning of each run: what came after it is in the journal's entries.
type inputState struct {
	Format   int    `json:"format"`
	Name     string `json:"name"` // as it was called, for people
	Size     int64  `json:"size"`
	Sequence int64  `json:"sequence"`
	Records  int64  `json:"records"`
	Offset   int64  `json:"offset"`
}

// An input is a file of records, looked through once from end to end.
type input struct {
	name    string
	file    *os.File
	hash    provenance.Hash
	size    int64
	records int64
	changed time.Time
	warning string // what people should look at before it is signed; empty for nothing

	corrections []plannedCorrection // the first maxPlanned of them
	unplanned   bool                // there are more
}

// openInput reads the file through: every record is checked before the first
// is signed. known are the inputs that the stream has seen, rules the version of
// the ledger's.
func openInput(name string, known map[string]inputState, rules int) (*input, error) {
	if name == "-" {
		return nil, usagef("submit reads its input twice and again after an interruption: name a file, standard input cannot be")
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() { // opening a named pipe could wait for ever
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	in := &input{name: name, file: f}
	if err := in.readThrough(known, rules); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return in, nil
}

func (in *input) readThrough(known map[string]inputState, rules int) error {
	info, err := in.file.Stat()
	if err != nil {
		return err
	}
	in.size, in.changed = info.Size(), info.ModTime()
	sums := newPrefixHash(known, in.size)
	records := intake.NewRecordsReader(io.TeeReader(io.LimitReader(in.file, in.size), sums))
	records.Latest = time.Now().Add(intake.FutureTime) // SPEC(IMP-7)
	for {
		r, _, err := records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, intake.ErrFuture) {
			return err
		}
		if err != nil {
			return fmt.Errorf("not a file of records, as tokentrail import writes: %w", err)
		}
		if err := checkKind(r.Kind, rules); err != nil {
			return fmt.Errorf("record %s: %w; nothing of the file was signed in this run", thousands(records.Count()), err)
		}
		in.look(r, records.Count())
	}
	in.records = records.Count()
	if in.records == 0 {
		return errors.New("no records in it")
	}
	in.hash = provenance.Hash(sums.whole.Sum(nil))
	return sums.grown(in)
}

// chainRules is the rule version that the kinds behind consumption came with.
const chainRules = 2

// checkKind says in words what the ledger would refuse as unknown-kind.
// SPEC(ADM-16)
func checkKind(kind provenance.Kind, rules int) error {
	if rules >= chainRules || kind <= provenance.Consumption {
		return nil
	}
	return fmt.Errorf("the ledger's rules (version %d) do not know the kind %s (%d), which came with version %d; "+
		"submit it to a ledger that has those, or leave it out", rules, kind, kind, chainRules)
}

// look remembers corrections, and warns of the first record that seems to hold
// what none may. SPEC(PRV-1)
func (in *input) look(r *provenance.Record, number int64) {
	switch {
	case r.Correction == nil:
	case len(in.corrections) == maxPlanned:
		in.unplanned = true
	default:
		in.corrections = append(in.corrections, plannedCorrection{number, r.Correction})
	}
	if in.warning != "" {
		return
	}
	if path, what := intake.Personal(r); what != "" {
		in.warning = fmt.Sprintf("record %s: %s looks like %s; personal data can never be taken off a ledger, stop now if it is", thousands(number), path, what)
	}
}

// A prefixHash hashes a stream, and keeps the hashes of its beginnings that
// are as long as inputs known before.
type prefixHash struct {
	whole hash.Hash
	at    int64
	ends  []int64 // ascending, those ahead
	known map[string]inputState
	found map[string]bool // hashes of beginnings
}

func newPrefixHash(known map[string]inputState, size int64) *prefixHash {
	p := &prefixHash{whole: sha256.New(), known: known, found: map[string]bool{}}
	for _, k := range known {
		if k.Size > 0 && k.Size < size {
			p.ends = append(p.ends, k.Size)
		}
	}
	slices.Sort(p.ends)
	p.ends = slices.Compact(p.ends)
	return p
}

func (p *prefixHash) Write(b []byte) (int, error) {
	n := len(b)
	for len(p.ends) > 0 && p.ends[0] <= p.at+int64(len(b)) {
		cut := p.ends[0] - p.at
		p.whole.Write(b[:cut])
		p.found[provenance.Hash(p.whole.Sum(nil)).String()] = true
		p.at += cut
		b = b[cut:]
		p.ends = p.ends[1:]
	}
	p.whole.Write(b)
	p.at += int64(len(b))
	return n, nil
}

// grown refuses a file that is an earlier input with more behind it: by its
// hash it would be a new one, and its beginning would be counted twice.
// SPEC(JRN-3)
func (p *prefixHash) grown(in *input) error {
	for sum := range p.found {
		if k, ok := p.known[sum]; ok {
			return fmt.Errorf("its first %s bytes are the input %s, which was submitted to this stream before; submit what is new as a file of its own", thousands(k.Size), k.Name)
		}
	}
	return nil
}

// unchanged says whether the file is still the one that was looked through.
func (in *input) unchanged() error {
	info, err := in.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != in.size || !info.ModTime().Equal(in.changed) {
		return fmt.Errorf("%s changed while it was being submitted; what was signed until now stands, submit the rest as a file of its own", in.name)
	}
	return nil
}

// from returns a reader of the records behind the offset.
func (in *input) from(offset int64) *intake.RecordsReader {
	return intake.NewRecordsReader(io.NewSectionReader(in.file, offset, in.size-offset))
}

// inputs returns the states of all inputs that the journal knows, by hash.
func (j *journal) inputs() (map[string]inputState, error) {
	dir := filepath.Join(j.dir, journalInputs)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	known := map[string]inputState{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if strings.HasPrefix(e.Name(), tempPrefix) {
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("journal: %w", err)
			}
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		var s inputState
		if err := decodeJSON(b, &s); err != nil || s.Format != journalVersion {
			return nil, fmt.Errorf("journal entry %s is damaged; restore it from a copy", path)
		}
		known[e.Name()] = s
	}
	return known, nil
}

// elsewhere refuses an input that another stream of the issuer on the ledger has,
// as far as journals beside this one tell: it would be counted twice. SPEC(JRN-3)
func (j *journal) elsewhere(in *input) error {
	streams, err := os.ReadDir(filepath.Dir(j.dir))
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, stream := range streams {
		_, err := os.Stat(filepath.Join(filepath.Dir(j.dir), stream.Name(), journalInputs, in.hash.String()))
		if err == nil && stream.Name() != filepath.Base(j.dir) {
			return fmt.Errorf("%s was submitted to the stream %s of the same ledger and issuer: its tokens would be counted twice; nothing was signed, say --again if that is meant", in.name, stream.Name())
		}
	}
	return nil
}

// locate returns how much of an input has been signed. SPEC(JRN-3)
func (j *journal) locate(in *input, known map[string]inputState) (inputState, error) {
	state, ok := known[in.hash.String()]
	if !ok {
		state = inputState{Format: journalVersion, Size: in.size, Sequence: j.head}
	}
	state.Name = in.name
	for n := state.Sequence + 1; n <= j.head; n++ {
		_, at, err := j.statement(n)
		if err != nil {
			return state, err
		}
		if at.Input != in.hash {
			continue
		}
		if at.Records != state.Records || at.Offset != state.Offset {
			return state, fmt.Errorf("journal %s is damaged: sequence %d holds records from %d of %s, wanted from %d", j.dir, n, at.Records, in.name, state.Records)
		}
		state.Records, state.Offset = at.end()
	}
	state.Sequence = j.head
	return state, nil
}

// note keeps what locate found, so that the entries up to there need not be read
// again. It comes before anything of the input is signed, and not before it is
// known that something will be: to other streams an input that is noted is one
// that was submitted.
func (j *journal) note(in *input, state inputState) error {
	b, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := writeDurable(filepath.Join(j.dir, journalInputs), in.hash.String(), append(b, '\n')); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}
