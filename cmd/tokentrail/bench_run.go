package main

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

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
		defer func() { _ = b.acks.close() }() // once more, where it did not come to measure
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
func (b *bencher) onNetwork(ctx context.Context) error {
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
		defer func() {
			if err := os.RemoveAll(dir); err != nil {
				b.teller.say("warning: the nodes' homes are still there: " + err.Error())
			}
		}()
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
		if err != nil && ctx.Err() == nil {
			return err
		}
		runs = append(runs, half...) // none where it was interrupted before it began
	}
	b.doc.Interrupted = ctx.Err() != nil
	b.check(ctx, runs)
	if b.acks != nil {
		if err := b.acks.close(); err != nil {
			b.doc.Check.Unchecked = append(b.doc.Check.Unchecked, "not all lines are in the file of --acknowledged: "+err.Error())
		}
	}
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
