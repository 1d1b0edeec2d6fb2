package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

// Bounds of the flags of bench.
const (
	maxBenchValidators = 7
	maxBenchStreams    = 64
	maxBenchInFlight   = 1024
	maxBenchRate       = 100_000_000
	leastBenchWindow   = 100 * time.Millisecond
)

type benchFlags struct {
	validators     int
	tokentraild    string
	keep           bool
	nodes          []string
	key            string
	passphraseFile string
	issuer         string
	acknowledged   string
	recordBytes    int
	entropy        int
	batch          int
	streams        int
	rate           int
	inFlight       int
	prepared       int
	halfLoad       bool
	duration       time.Duration
	warmUp         time.Duration
	seed           int
}

func (a *app) benchCommand() *cobra.Command {
	f := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Load a ledger and measure what it commits",
		Long: "Run validators on this machine, each in a process of its own, submit signed records to them as\n" +
			"providers do, and measure what is committed: not what is accepted. At the end the nodes' logs\n" +
			"and app hashes are compared, and what was acknowledged is held against what the ledger has.\n\n" +
			"--rate N submits N records a second whether the ledger keeps up or not, and counts latency from\n" +
			"when a submission was due. Without it, as many as --in-flight says are on their way at any time.\n\n" +
			"With --node it loads a ledger that runs already, and what it writes there stays for ever.",
		Example: "tokentrail bench --validators 4 --half-load\n" +
			"tokentrail bench --validators 1 --rate 20000 --duration 1m --output json\n" +
			"tokentrail bench --node http://localhost:7480 --key ./acme --issuer acme --rate 1000 \\\n" +
			"  --acknowledged acknowledged.jsonl",
		Args: a.noArgs,
	}
	s := cmd.Flags()
	s.IntVar(&f.validators, "validators", 4, "validators to run, 1 to 7")
	s.StringVar(&f.tokentraild, "tokentraild", "", "the node's program (the one beside this program, else the one in PATH)")
	s.BoolVar(&f.keep, "keep", false, "keep the directory with the nodes' homes and say where it is")
	s.StringSliceVar(&f.nodes, "node", nil, "a node that runs already, which is neither started nor stopped; more than one may be given")
	s.StringVar(&f.key, "key", "", "with --node, the signing key, a name or path")
	s.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the key's passphrase (or "+envPassphrase+")")
	s.StringVar(&f.issuer, "issuer", "", "with --node, your id in the ledger's registry")
	s.StringVar(&f.acknowledged, "acknowledged", "", "file to which a line of JSON is added, durably, for each statement that was acknowledged")
	s.IntVar(&f.recordBytes, "record-bytes", 280, "bytes of a record, about")
	s.IntVar(&f.entropy, "entropy", 64, "random bytes in each record, 0 to 288")
	s.IntVar(&f.batch, "batch", 2000, "records a statement, 1 to 4096")
	s.IntVar(&f.streams, "streams", 8, "streams, 1 to 64; on a network of its own each is another provider's")
	s.IntVar(&f.rate, "rate", 0, "records a second; 0: as many as --in-flight lets through")
	s.IntVar(&f.inFlight, "in-flight", 64, "statements on their way, 1 to 1024, where no rate is given")
	s.IntVar(&f.prepared, "prepared", -1, "statements that are signed before the clock starts; -1: as many as will be needed and memory allows")
	s.BoolVar(&f.halfLoad, "half-load", false, "measure once more, at half the rate that was reached")
	s.DurationVar(&f.duration, "duration", 20*time.Second, "how long is measured")
	s.DurationVar(&f.warmUp, "warm-up", 5*time.Second, "load before that, which is not measured")
	s.IntVar(&f.seed, "seed", 1, "what records are made from: the same gives the same")
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error { return a.bench(ctx, f, cmd.Flags().Changed) }, asTable, asJSON)
	return cmd
}

// check says what is wrong with the flags. SPEC(CLI-60)
func (f *benchFlags) check(given func(flag string) bool) error {
	for _, n := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"validators", f.validators, 1, maxBenchValidators}, {"entropy", f.entropy, 0, maxBenchEntropy},
		{"batch", f.batch, 1, provenance.MaxRecords}, {"streams", f.streams, 1, maxBenchStreams},
		{"rate", f.rate, 0, maxBenchRate}, {"in-flight", f.inFlight, 1, maxBenchInFlight},
		{"record-bytes", f.recordBytes, 1, provenance.MaxRecordBytes}, {"prepared", f.prepared, -1, 1 << 30},
	} {
		if n.value < n.least || n.value > n.most {
			return usagef("--%s %d: wanted %d to %d", n.name, n.value, n.least, n.most)
		}
	}
	switch {
	case f.duration < leastBenchWindow || f.warmUp < 0:
		return usagef("--duration %s --warm-up %s: wanted a duration of %s or more, and a warm-up of 0s or more", f.duration, f.warmUp, leastBenchWindow)
	case f.halfLoad && f.rate > 0:
		return usagef("--half-load finds its rate by itself; leave --rate out")
	case f.batch*f.recordBytes > provenance.MaxExpandedBytes:
		return usagef("--batch %d --record-bytes %d: a statement holds at most %d bytes of records", f.batch, f.recordBytes, provenance.MaxExpandedBytes)
	}
	return f.checkNodes(given)
}

// checkNodes says which flags do not go with a network of our own, or with one
// that runs already.
func (f *benchFlags) checkNodes(given func(flag string) bool) error {
	if len(f.nodes) == 0 {
		for _, name := range []string{"key", "issuer", "passphrase-file"} {
			if given(name) {
				return usagef("--%s goes with --node: a network of its own has providers of its own", name)
			}
		}
		return nil
	}
	for _, name := range []string{"validators", "tokentraild", "keep"} {
		if given(name) {
			return usagef("--%s does not go with --node: the nodes that it names run already", name)
		}
	}
	switch {
	case f.key == "" || f.issuer == "":
		return usagef("--node needs --key and --issuer as well: who submits")
	case !provenance.ValidNameID(f.issuer):
		return usagef("--issuer %q: wanted 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", f.issuer)
	}
	return nil
}

// A bencher is one run of bench. What it holds does not change once the nodes
// answer, but for doc, which belongs to the goroutine of bench.
type bencher struct {
	app     *app
	flags   *benchFlags
	records *benchRecords
	ledger  *benchLedger
	acks    *benchAcks // nil where none are kept
	teller  *progress
	doc     benchDoc
}

// A benchLedger is the ledger that is loaded.
type benchLedger struct {
	origin  string
	nodes   []*benchNode
	own     bool  // nobody else submits to it
	already int64 // records of the issuers that it held before
	// author says who signs a stream, and what it is called.
	author func(run string, number int) benchAuthor
}

// A benchAuthor signs one stream.
type benchAuthor struct {
	issuer, stream string
	key            crypto.Signer
}

// bench is the command.
func (a *app) bench(ctx context.Context, f *benchFlags, given func(string) bool) (err error) {
	if err := f.check(given); err != nil {
		return err
	}
	b := &bencher{app: a, flags: f, teller: &progress{w: a.stderr}}
	if b.records, err = newBenchRecords(uint64(f.seed), f.recordBytes, f.entropy); err != nil {
		return err
	}
	if f.acknowledged != "" {
		if b.acks, err = openBenchAcks(f.acknowledged); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.acks.close()) }()
	}
	b.doc = benchDoc{Format: outputFormat, Machine: machineFacts(), Programs: map[string]benchProgram{}, Settings: f.settings(b.records)}
	if self, err := os.Executable(); err == nil {
		b.doc.Programs["tokentrail"] = programOf(self)
	}
	if len(f.nodes) > 0 {
		if err := b.connect(ctx); err != nil {
			return err
		}
		return b.measure(ctx, nil)
	}
	return b.onNetwork(ctx)
}

// onNetwork measures a network of our own, which is gone afterwards.
func (b *bencher) onNetwork(ctx context.Context) (err error) {
	program, err := findTokentraild(b.flags.tokentraild)
	if err != nil {
		return err
	}
	b.doc.Programs["tokentraild"] = programOf(program)
	dir, err := os.MkdirTemp("", "tokentrail-bench-")
	if err != nil {
		return err
	}
	if b.flags.keep {
		b.doc.Directory = dir
		b.teller.say("the nodes' homes are kept in " + dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	b.doc.Settings.FileSystem = fileSystem(dir)
	if b.doc.Settings.FileSystem == "tmpfs" {
		b.teller.say("warning: " + dir + " is in memory, where durable writes cost nothing; set TMPDIR to a directory on a disk")
	}
	network, err := b.launch(ctx, program, dir)
	if err != nil {
		if ctx.Err() != nil {
			err = interrupted(ctx)
		}
		return err
	}
	defer network.stop()
	return b.measure(ctx, network)
}

// measure loads the nodes, checks what they have, and answers. SPEC(CLI-69)
func (b *bencher) measure(ctx context.Context, network *benchNetwork) error {
	b.warn()
	rate := float64(b.flags.rate)
	runs, err := b.run(ctx, "load", rate)
	if err != nil {
		return err
	}
	if reached := b.doc.Runs[0].RecordsPerSecond; b.flags.halfLoad && ctx.Err() == nil && reached > 0 {
		half, err := b.run(ctx, "half", reached/2)
		if err != nil {
			return err
		}
		runs = append(runs, half...)
	}
	b.doc.Interrupted = ctx.Err() != nil
	b.check(ctx, runs)
	if network != nil {
		b.awaitIndexes(ctx)
		b.doc.Check.Problems = append(b.doc.Check.Problems, network.ended()...)
		network.stop()
		b.disk(network)
	}
	if err := b.app.emit(&b.doc, b.doc.write); err != nil {
		return err
	}
	if code := b.doc.exit(); code != exitOK {
		return &reported{code}
	}
	return nil
}

// exit is the exit code of what was measured. SPEC(CLI-67)
func (d *benchDoc) exit() int {
	committed := true
	for _, r := range d.Runs {
		committed = committed && r.Statements > 0
		if len(r.Refused) > 0 {
			return exitAgainst
		}
	}
	switch {
	case len(d.Check.Problems) > 0:
		return exitAgainst
	case d.Interrupted || len(d.Check.Unchecked) > 0 || !committed:
		return exitCouldNot
	}
	return exitOK
}

// disk notes what the nodes' stores take, now that they are closed.
func (b *bencher) disk(network *benchNetwork) {
	records := b.doc.Check.LedgerRecords
	for i, p := range network.nodes {
		below := func(name string) int64 { return filesOnDisk(filepath.Join(p.home, "data", name)) }
		d := &benchDisk{Ledger: below("ledger"), Engine: below("engine"), WAL: below("cs.wal"), Index: below("index"), Total: filesOnDisk(p.home)}
		if each := func(bytes int64) float64 { return float64(bytes) / float64(records) }; records > 0 {
			d.PerRecord = &benchPerRecord{Ledger: each(d.Ledger), Engine: each(d.Engine), WAL: each(d.WAL), Index: each(d.Index), Total: each(d.Total)}
		}
		b.doc.Nodes[i].Disk = d
	}
}

// warn tells what may spoil the figures before anything is measured.
func (b *bencher) warn() {
	if m := &b.doc.Machine; m.Busy {
		b.teller.say(fmt.Sprintf("warning: this machine is busy: its load is %.1f on %s; the figures will say less than it can do", m.Load, plural(int64(m.Cores), "core")))
	}
}

// connect finds out about the ledger that the nodes given serve.
func (b *bencher) connect(ctx context.Context) error {
	f := b.flags
	key, err := b.app.openKey(ctx, f.key, f.passphraseFile)
	if err != nil {
		return err
	}
	ledger, err := newNodes(f.nodes, greeting, b.teller.say)
	if err != nil {
		return err
	}
	watched, stop := ledger.watch(ctx)
	defer stop()
	origin, err := ledger.ledger(watched)
	if err != nil {
		return err
	}
	s := &submitter{flags: &submitFlags{issuer: f.issuer}, ledger: ledger, key: key}
	if err := s.checkIssuer(watched); err != nil {
		return err
	}
	limits, err := limitsOf(watched, ledger)
	if err != nil {
		return err
	}
	if f.batch > limits.Records {
		return usagef("--batch %d: this ledger's policy allows %d records a statement", f.batch, limits.Records)
	}
	// A sequence is signed once. So each run has streams of its own, that nobody
	// has signed in: nothing of a run before can still be on its way.
	name := "bench-" + time.Now().UTC().Format("20060102t150405") + "-" + randomName()
	b.ledger = &benchLedger{origin: origin, author: func(run string, number int) benchAuthor {
		return benchAuthor{issuer: f.issuer, stream: fmt.Sprintf("%s-%s-%d", name, run, number), key: key}
	}}
	for i, c := range ledger.clients {
		b.ledger.nodes = append(b.ledger.nodes, newBenchNode(fmt.Sprintf("node%d", i), c, 0))
		b.doc.Nodes = append(b.doc.Nodes, benchNodeDoc{Name: fmt.Sprintf("node%d", i), URL: c.base.String()})
	}
	b.ledger.already, err = b.ledger.recordsOf(watched, ledger.clients, map[string]bool{f.issuer: true})
	return err
}

func (d *benchDoc) write(w io.Writer) error { return writeBench(w, d) }
