package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

// maxWindow is how many statements of a stream the ledger takes ahead of the
// next (SPEC(ADM-14)).
const maxWindow = 64

// settleTime is how long a node may lag behind receipts that it or another has
// given.
const settleTime = 30 * time.Second

type submitFlags struct {
	nodes          []string
	key            string
	passphraseFile string
	genesis        string
	issuer, stream string
	batch, window  int
	state          string
	patience       time.Duration
	again          bool
}

// submitDoc is what submit answers.
type submitDoc struct {
	Format           int     `json:"format"`
	Origin           string  `json:"origin"`
	Issuer           string  `json:"issuer"`
	Stream           string  `json:"stream"`
	Input            string  `json:"input"`
	InputHash        string  `json:"input_sha256"`
	InputRecords     int64   `json:"input_records"`
	AlreadySubmitted int64   `json:"already_submitted"` // records of the input that runs before have signed, without those sent again
	Statements       int64   `json:"statements"`
	Resent           int64   `json:"resent"` // of these, signed by a run before
	Records          int64   `json:"records"`
	InputTokens      int64   `json:"input_tokens"`
	OutputTokens     int64   `json:"output_tokens"`
	Bytes            int64   `json:"bytes"`
	Seconds          float64 `json:"seconds"`
	RecordsPerSecond float64 `json:"records_per_second"`
	FirstEntry       *int64  `json:"first_entry,omitempty"`
	LastEntry        *int64  `json:"last_entry,omitempty"`
	FirstSequence    *int64  `json:"first_sequence,omitempty"`
	LastSequence     *int64  `json:"last_sequence,omitempty"`
	Journal          string  `json:"journal"`
}

func (a *app) submitCommand() *cobra.Command {
	f := &submitFlags{}
	cmd := &cobra.Command{
		Use:   "submit RECORDS",
		Short: "Sign records and submit them to a ledger",
		Long: "Sign a file of records in batches, chain them in a stream, and submit them to a ledger.\n" +
			"Interrupt it when you like and run the same command again: what was signed is sent again\n" +
			"byte for byte, and nothing is counted twice or left out. Files submitted to one stream one\n" +
			"after another follow each other.\n\n" +
			"The journal that makes this so stands under --state. It is part of the stream: keep it.\n\n" +
			"The node is not trusted: what was sent leaves the journal only for a receipt that leads to a\n" +
			"header signed by the validators, whom the genesis document and the headers since name. Name that\n" +
			"document with --genesis.",
		Example: "tokentrail submit usage.records --node http://localhost:7480 \\\n" +
			"  --key acme --issuer acme --stream usage\n" +
			"tokentrail submit usage.records --node http://a:7480 --node http://b:7480 \\\n" +
			"  --key ./acme.key --passphrase-file secret.txt --issuer acme --stream usage --output json",
		Args: oneArg("a file of records"),
	}
	s := cmd.Flags()
	s.StringSliceVar(&f.nodes, "node", nil, "a node's address; more than one may be given (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the ledger's genesis document, from elsewhere than the node")
	s.StringVar(&f.key, "key", "", "the signing key, a name or path")
	s.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the key's passphrase (or "+envPassphrase+")")
	s.StringVar(&f.issuer, "issuer", "", "your id in the ledger's registry")
	s.StringVar(&f.stream, "stream", "", "the stream's name; a new one begins with the first statement")
	s.IntVar(&f.batch, "batch", 2000, "records a statement, 1 to 4096")
	s.IntVar(&f.window, "window", 16, "statements in flight, 1 to 64")
	s.StringVar(&f.state, "state", "", "directory under which the journals stand; made where only it is missing (the user's state directory)")
	s.DurationVar(&f.patience, "patience", 10*time.Minute, "give up when nothing has succeeded for so long")
	s.BoolVar(&f.again, "again", false, "submit the file though another stream of yours has it: its tokens count twice")
	require(cmd, "key", "issuer", "stream")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.submit(ctx, args[0], f) }, asTable, asJSON)
	return cmd
}

func (f *submitFlags) check(a *app) error {
	switch {
	case !provenance.ValidNameID(f.issuer):
		return usagef("--issuer %q: wanted 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", f.issuer)
	case !provenance.ValidNameID(f.stream):
		return usagef("--stream %q: wanted 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", f.stream)
	case f.batch < 1 || f.batch > provenance.MaxRecords:
		return usagef("--batch %d: wanted 1 to %d", f.batch, provenance.MaxRecords)
	case f.window < 1 || f.window > maxWindow:
		return usagef("--window %d: wanted 1 to %d", f.window, maxWindow)
	}
	if len(f.nodes) == 0 {
		node, err := a.nodeURL("")
		if err != nil {
			return err
		}
		f.nodes = []string{node}
	}
	var err error
	if f.state == "" {
		f.state, err = a.userDir("XDG_STATE_HOME", ".local/state")
		return err
	}
	return checkState(f.state)
}

// checkState says what is wrong with the directory that --state names, before
// anybody is asked for a passphrase. Its parents are not made: a journal that a slip
// of the pen begins elsewhere is a second one of the same stream. SPEC(CLI-7)
func checkState(state string) error {
	info, err := os.Stat(state)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("--state %s is a file; wanted the directory under which the journals stand", printable(state))
	case errors.Is(err, fs.ErrNotExist):
		parent := filepath.Dir(filepath.Clean(state))
		if _, err := os.Stat(parent); err != nil {
			return fmt.Errorf("--state %s: there is no directory %s to make it in; mend the path, or make that one first: a journal begun at another place is a second one of the same stream", printable(state), printable(parent))
		}
		return nil
	case err != nil:
		return fmt.Errorf("--state %s cannot be read: %w", printable(state), err)
	}
	if _, err := os.Stat(filepath.Join(state, journalFile)); err == nil {
		return fmt.Errorf("--state %s is a stream's journal itself; wanted the directory under which the journals stand: --state %s", printable(state), printable(filepath.Join(state, "../../../..")))
	}
	return nil
}

func (a *app) submit(ctx context.Context, name string, f *submitFlags) error {
	if err := f.check(a); err != nil {
		return err
	}
	teller := &progress{w: a.stderr}
	ledger, err := newNodes(f.nodes, f.patience, func(text string) { teller.say(text) })
	if err != nil {
		return err
	}
	if ledger.genesis, err = genesisFlag(f.genesis); err != nil {
		return err
	}
	key, err := a.openKey(ctx, f.key, f.passphraseFile)
	if err != nil {
		return err
	}
	ctx, stop := ledger.watch(ctx)
	defer stop()
	origin, err := ledger.ledger(ctx)
	if err != nil {
		return err
	}
	j, err := openJournal(f.state, journalID{Origin: origin, Issuer: f.issuer, Stream: f.stream})
	if err != nil {
		return err
	}
	defer j.close()
	s := &submitter{flags: f, ledger: ledger, journal: j, key: key}
	s.doc = submitDoc{Format: outputFormat, Origin: origin, Issuer: f.issuer, Stream: f.stream, Input: name, Journal: j.dir}
	a.failure = &s.doc
	if err := s.prepare(ctx, name); err != nil {
		return err
	}
	defer s.in.file.Close()
	teller = a.newProgress("records", s.outstanding)
	s.teller = teller
	begun := time.Now()
	err = s.run(ctx)
	teller.end()
	s.doc.Seconds = time.Since(begun).Seconds()
	s.doc.RecordsPerSecond = float64(s.doc.Records) / max(s.doc.Seconds, 1e-9)
	if err != nil {
		return s.explain(ctx, err)
	}
	return a.emit(&s.doc, s.doc.write)
}

// A submitter is one run of submit.
type submitter struct {
	flags   *submitFlags
	ledger  *nodes
	journal *journal
	key     crypto.Signer
	in      *input
	limits  provenance.Limits
	batches *batcher
	teller  *progress
	doc     submitDoc
	unnoted *inputState // of an input that the journal does not know, until something of it is signed

	outstanding int64 // records that this run is to deliver
}

// prepare holds the ledger, the journal and the input against each other,
// before anything is signed.
func (s *submitter) prepare(ctx context.Context, name string) error {
	if err := s.findFounders(ctx); err != nil {
		return err
	}
	known, err := s.journal.inputs()
	if err != nil {
		return err
	}
	if err := s.checkIssuer(ctx); err != nil {
		return err
	}
	if err := s.checkHead(ctx); err != nil {
		return err
	}
	if s.limits, err = limitsOf(ctx, s.ledger); err != nil {
		return err
	}
	if s.in, err = openInput(name, known, s.limits.Rules); err != nil {
		return err
	}
	if s.in.warning != "" {
		s.ledger.notice(fmt.Sprintf("warning: %s: %s", printable(name), printable(s.in.warning)))
	}
	if _, mine := known[s.in.hash.String()]; !mine && !s.flags.again {
		if err := s.journal.elsewhere(s.in); err != nil {
			s.in.file.Close()
			return err
		}
	}
	state, err := s.locate(ctx, known)
	if err != nil {
		s.in.file.Close()
		return err
	}
	records := state.Records
	s.batches = newBatcher(s, records, state.Offset)
	s.doc.InputHash, s.doc.InputRecords, s.doc.AlreadySubmitted = s.in.hash.String(), s.in.records, records
	s.outstanding = s.in.records - records
	for _, n := range s.journal.pending {
		_, at, err := s.journal.submission(n)
		if err != nil {
			return err
		}
		s.outstanding += at.Count
		if at.Input == s.in.hash {
			s.doc.AlreadySubmitted -= at.Count // they are counted when they are acknowledged
		}
	}
	return nil
}

// locate finds how far the input has come, and holds against the ledger what it
// still has to correct there.
func (s *submitter) locate(ctx context.Context, known map[string]inputState) (inputState, error) {
	state, err := s.journal.locate(s.in, known)
	if err == nil {
		err = s.checkCorrections(ctx, state.Records)
	}
	if err != nil {
		return state, err
	}
	if _, ok := known[s.in.hash.String()]; ok {
		return state, s.journal.note(s.in, state)
	}
	s.unnoted = &state
	return state, nil
}

// checkIssuer says early what the ledger would say to every statement.
func (s *submitter) checkIssuer(ctx context.Context) error {
	public, err := provenance.NewPublicKey(s.key.Public())
	if err != nil {
		return err
	}
	issuer := s.flags.issuer
	p, height, err := stateOf[provenance.Provider](ctx, s.ledger, provenance.StateProviderKey(issuer))
	switch {
	case err != nil:
		return err
	case p == nil:
		return fmt.Errorf("the ledger has no provider %q in its registry; --issuer is the id that you were admitted under", issuer)
	case p.Status != provenance.ProviderActive:
		return fmt.Errorf("the provider %q is %s on the ledger and may not submit", issuer, p.Status)
	}
	if _, ok := p.KeyAt(public.Thumbprint(), height); !ok {
		if k, had := p.KeyByID(public.Thumbprint()); had {
			return fmt.Errorf("the key %s of provider %q may not sign now: %s; sign with another one", public, issuer, whyNot(k, height))
		}
		return fmt.Errorf("the key %s is not one of provider %q on the ledger; check --key and --issuer, or have the key registered", public, issuer)
	}
	return nil
}

// whyNot says why a key may not sign at a height.
func whyNot(k *provenance.ProviderKey, height int64) string {
	switch {
	case k.StolenHeight != nil:
		return fmt.Sprintf("it was declared stolen since height %d", *k.StolenHeight)
	case k.Revoked != nil:
		return fmt.Sprintf("it was revoked by the act that is entry %d", *k.Revoked)
	case height < k.From:
		return fmt.Sprintf("it may from height %d on, and the ledger is at %d", k.From, height)
	}
	return fmt.Sprintf("it may before height %d only, and the ledger is at %d", *k.Until, height)
}

// checkHead holds the journal against the stream's head on the ledger. A
// sequence is never guessed: where the two disagree, nothing is signed.
// SPEC(JRN-4)
func (s *submitter) checkHead(ctx context.Context) error {
	j, f := s.journal, s.flags
	told := time.Now()
	for end := time.Now().Add(min(settleTime, f.patience)); ; {
		head, _, err := stateOf[provenance.StreamHead](ctx, s.ledger, provenance.StateStreamKey(f.issuer, f.stream))
		if err != nil {
			return err
		}
		at := int64(-1)
		if head != nil {
			at = head.Sequence
		}
		switch {
		case at > j.head:
			return fmt.Errorf("the ledger's stream %s/%s is at sequence %d, the journal %s only at %d: the journal was lost or is an old copy, or another machine submits to this stream; "+
				"bring the newest journal here (--state). If it is lost for good, begin another stream (--stream), with only the records that the ledger does not have, "+
				"for what it has would be counted twice: the entries under /v1/entries are what it has",
				f.issuer, f.stream, at, j.dir, j.head)
		case at < j.acked && time.Now().Before(end):
			if time.Since(told) >= lineEvery {
				told = time.Now()
				s.ledger.notice(fmt.Sprintf("waiting: the node's stream is at sequence %d, the journal has receipts up to %d", at, j.acked))
			}
			if err := sleep(ctx, pollPause); err != nil { // the node is a little behind
				return err
			}
			continue
		case at < j.acked:
			return couldNotf("the node's stream %s/%s is at sequence %d, the journal %s has receipts up to %d: the node has not caught up, or the ledger was put back; "+
				"try another node, or look at tokentrail status", f.issuer, f.stream, at, j.dir, j.acked)
		case head == nil:
			return nil
		case head.Status != provenance.StreamOpen:
			return errors.New(s.findFork(ctx, head).text())
		}
		mine, _, err := j.statement(at)
		if err != nil {
			return err
		}
		if mine.ID() != head.Statement {
			return fmt.Errorf("the ledger's stream %s/%s has the statement %s at sequence %d, the journal %s has %s: something else signs in this stream; nothing was signed or sent, for the ledger closes a stream for ever that has two statements for one place; "+
				"find it and stop it, have the key revoked if it is none of yours, and go on in another stream (--stream) with only the records that the ledger does not have",
				f.issuer, f.stream, head.Statement, at, j.dir, mine.ID())
		}
		return nil
	}
}

// explain adds to an error what of the work is done, and what to do next.
func (s *submitter) explain(ctx context.Context, err error) error {
	var refused *problemError
	if errors.As(err, &refused) && refused.Code == "fork" {
		return s.forked(ctx, err)
	}
	done := fmt.Sprintf("%s acknowledged in this run; the journal %s keeps what is signed", plural(s.doc.Records, "record"), s.journal.dir)
	if exitCode(err) == exitCouldNot {
		return couldNotf("%w; %s; to go on run the same command again", err, done)
	}
	if refused != nil {
		return fmt.Errorf("%w; %s; when the cause is mended run the same command again: what is signed is sent again as it is", err, done)
	}
	return fmt.Errorf("%w; %s", err, done)
}

func (d *submitDoc) write(w io.Writer) error {
	if d.Statements == 0 {
		_, err := fmt.Fprintf(w, "all %s of %s were submitted before; nothing to do\n", plural(d.InputRecords, "record"), d.Input)
		return err
	}
	resent := ""
	if d.Resent > 0 {
		resent = plural(d.Resent, "statement") + ", signed by a run before"
	}
	already := ""
	if d.AlreadySubmitted > 0 {
		already = plural(d.AlreadySubmitted, "record") + " of this input, by runs before"
	}
	return facts(w,
		fact{"ledger", d.Origin},
		fact{"stream", d.Issuer + "/" + d.Stream},
		fact{"statements", thousands(d.Statements) + ", sequence " + span(d.FirstSequence, d.LastSequence)},
		fact{"entries", span(d.FirstEntry, d.LastEntry)},
		fact{"resent", resent},
		fact{"signed before", already},
		fact{"records", thousands(d.Records)},
		fact{"input tokens", thousands(d.InputTokens)},
		fact{"output tokens", thousands(d.OutputTokens)},
		fact{"sent", thousands(d.Bytes) + " bytes"},
		fact{"time", fmt.Sprintf("%.1f s, %s records/s", d.Seconds, thousands(int64(d.RecordsPerSecond)))},
		fact{"receipts", d.Journal},
	)
}

func span(first, last *int64) string {
	switch {
	case first == nil || last == nil:
		return ""
	case *first == *last:
		return thousands(*first)
	}
	return thousands(*first) + " to " + thousands(*last)
}
