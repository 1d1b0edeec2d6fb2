package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
)

// Exit codes of scrub, with exitOK for nothing found.
const (
	exitDamage   = 1
	exitCouldNot = 2
)

// An exitError is an error with the exit code that it ends in.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

func scrubCommand() *cobra.Command {
	var asJSON bool
	var part string
	var hashes []string
	cmd := &cobra.Command{
		Use:   "scrub",
		Short: "Read all of a stopped node's stores and say what is damaged",
		Long: `scrub reads everything that a home has stored and checks it: entries against the
log's hashes and these against the app hash, records, pointers, the state, the
archived headers, the engine's blocks, keys and configuration. The node must not
run; a running one scrubs itself.

The exit code is the verdict: 0 nothing is damaged, 1 something is, 2 it could not
be checked. Damage is mended by 'tokentraild repair'.`,
		Example: `  tokentraild scrub --home node
  tokentraild scrub --home node --json`,
		Args: noArguments,
	}
	home := homeFlag(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	cmd.Flags().StringVar(&part, "part", "", "read this part only, in this process, which some damage ends")
	cmd.Flags().StringArrayVar(&hashes, "app-hash", nil, "with --part ledger: what the header of a height carries, as height:hash")
	for _, hidden := range []string{"part", "app-hash"} {
		_ = cmd.Flags().MarkHidden(hidden) // the flag is there
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		log, err := logger(cmd)
		if err != nil {
			return err
		}
		var r *scrubReport
		if part != "" {
			r, err = scrubPart(cmd.Context(), *home, part, hashes, cmd.ErrOrStderr(), log)
		} else {
			r, err = scrubApart(cmd.Context(), *home, cmd.ErrOrStderr())
		}
		if err != nil {
			return &exitError{exitCouldNot, err}
		}
		if asJSON {
			err = printJSON(cmd.OutOrStdout(), r)
		} else {
			err = r.print(cmd.OutOrStdout())
		}
		if err != nil {
			return &exitError{exitCouldNot, err}
		}
		if len(r.Damage) > 0 {
			return &exitError{exitDamage, fmt.Errorf("damaged places of %s: %d; 'tokentraild repair --home %s --from URL|DIR' mends what a node or a backup can mend", *home, len(r.Damage), *home)}
		}
		return nil
	}
	return cmd
}

// A scrubReport is what a scrub has read and found.
type scrubReport struct {
	Home    string        `json:"home"`
	Height  int64         `json:"height"`
	Entries int64         `json:"entries"`
	Headers int64         `json:"headers"`
	Blocks  int64         `json:"blocks"`
	Damage  []scrubDamage `json:"damage"`

	// Between the processes of a scrub: the height of the engine's state, and what
	// its newest headers carry.
	EngineHeight int64    `json:"engine_height,omitempty"`
	AppHashes    []string `json:"app_hashes,omitempty"`
}

// The parts of a home.
const (
	partLedger = "ledger"
	partEngine = "engine"
	partHome   = "home"
)

// A scrubDamage is one place that is damaged.
type scrubDamage struct {
	Part  string `json:"part"`
	What  string `json:"what"`
	Where string `json:"where"`
	Found string `json:"found"`
	// Opens says that the part can be read apart from this place; else it has to be
	// made anew.
	Opens  bool   `json:"opens"`
	Remedy string `json:"remedy"`
}

func (r *scrubReport) add(d scrubDamage) { r.Damage = append(r.Damage, d) }

const (
	remedyRepair = "tokentraild repair"
	remedyEngine = "tokentraild repair, or 'tokentraild rejoin'"
)

func (r *scrubReport) print(w io.Writer) error {
	if len(r.Damage) == 0 {
		_, err := fmt.Fprintf(w, "%s: nothing is damaged: height %d, %d entries, %d archived headers, %d blocks\n", r.Home, r.Height, r.Entries, r.Headers, r.Blocks)
		return err
	}
	for _, d := range r.Damage {
		if _, err := fmt.Fprintf(w, "%-7s %s %s: %s\n        remedy: %s\n", d.Part, d.What, d.Where, d.Found, d.Remedy); err != nil {
			return err
		}
	}
	return nil
}

// scrubPart scrubs a part of a stopped home in this process.
func scrubPart(ctx context.Context, home, part string, hashes []string, stderr io.Writer, log *slog.Logger) (r *scrubReport, err error) {
	lock, err := app.LockHome(home)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	r = &scrubReport{Home: home, Damage: []scrubDamage{}}
	if part == partLedger {
		return r, scrubLedger(ctx, home, r, hashes, stderr, log)
	}
	scrubFiles(home, r)
	return r, scrubEngine(ctx, home, r, stderr, log)
}

// scrubFiles checks configuration and keys.
func scrubFiles(home string, r *scrubReport) {
	for _, f := range []struct {
		what   string
		check  func() error
		remedy string
	}{
		{"config/node.json", func() error { _, err := app.LoadNodeConfig(home); return err }, "put it back from a copy, or write it anew"},
		{"config/genesis.json", func() error { return app.CheckHomeGenesis(home) }, "put the chain's genesis document back, unchanged; every node has it, at /v1/genesis"},
		{"keys and signing state", func() error { _, err := app.LoadIdentity(home); return err }, "put the newest copy of it back; if there is none, make this a new validator with a new key"},
		{receiptKeyFile, func() error { _, err := loadReceiptKey(home); return err }, "move it away: the node makes a new one"},
	} {
		if err := f.check(); err != nil {
			r.add(scrubDamage{Part: partHome, What: f.what, Where: home, Found: err.Error(), Opens: true, Remedy: f.remedy})
		}
	}
}

// scrubEngine scrubs the engine's stores; those that do not open are damage.
func scrubEngine(ctx context.Context, home string, r *scrubReport, stderr io.Writer, log *slog.Logger) error {
	say := func(err error) {
		d := scrubDamage{Part: partEngine, What: "store", Where: app.EngineDir(home), Found: err.Error(), Remedy: remedyEngine}
		var known *app.EngineDamage
		if errors.As(err, &known) {
			d.What, d.Where, d.Found = known.What, known.Where, known.Found
		}
		if d.What == "cs.wal" {
			d.Opens, d.Remedy = true, "none needed: the engine mends it at the next start, and asks its peers"
		}
		r.add(d)
	}
	if err := app.ScrubWAL(home, say); err != nil {
		return err
	}
	if !exists(app.EngineDir(home)) {
		return nil
	}
	s, err := app.OpenStores(home, log)
	if err != nil {
		say(err)
		return nil
	}
	meter := newMeter(stderr, "blocks")
	base, tip := s.Blocks()
	err = s.Scrub(ctx, say, func(bytes, blocks int64) { meter.update(blocks, max(0, tip-base+1), bytes) })
	meter.done()
	if tip > 0 {
		r.Blocks = tip - max(1, base) + 1
	}
	for h := max(1, base, tip-8); h <= tip; h++ {
		if hash, ok := s.AppHashAt(h); ok {
			r.AppHashes = append(r.AppHashes, fmt.Sprintf("%d:%x", h, hash))
		}
	}
	height, heightErr := s.Height()
	r.EngineHeight = max(height, tip)
	if heightErr != nil {
		say(heightErr)
	}
	return errors.Join(err, s.Close())
}

// scrubLedger scrubs the ledger, and holds its newest heights against the app
// hashes that the engine's headers carry.
func scrubLedger(ctx context.Context, home string, r *scrubReport, hashes []string, stderr io.Writer, log *slog.Logger) error {
	say := func(opens bool) func(error) {
		return func(err error) { r.add(ledgerDamage(home, err, opens)) }
	}
	if !exists(app.LedgerDir(home)) {
		return nil
	}
	l, err := ledger.Open(app.LedgerDir(home), ledger.Options{Logger: log, ReserveBytes: 1})
	if errors.As(err, new(*ledger.RulesError)) {
		return err // it is whole, and of a release that is newer than this one
	}
	if err != nil {
		say(false)(err)
		return nil
	}
	head := l.Snapshot().Head()
	r.Height, r.Entries = head.Height, head.Size
	if first, last := l.ArchivedHeaders(); last > 0 {
		r.Headers = last - first + 1
	}
	for _, text := range hashes {
		var h int64
		var want string
		if _, err := fmt.Sscanf(text, "%d:%s", &h, &want); err != nil {
			return usageError{fmt.Errorf("--app-hash %q: want height:hash", text)}
		}
		if s, ok := l.SnapshotAt(h - 1); ok && s.Head().AppHash.String() != want {
			say(false)(fmt.Errorf("the app hash after height %d is %s, the engine's header of height %d carries %s", h-1, s.Head().AppHash, h, want))
		}
	}
	meter := newMeter(stderr, "entries")
	err = l.Scrub(ctx, ledger.Scrubbing{Found: say(true), Progress: func(done int64) { meter.update(done, head.Size, 0) }})
	meter.done()
	return errors.Join(err, l.Close())
}

// ledgerDamage says what is damaged in the ledger.
func ledgerDamage(home string, err error, opens bool) scrubDamage {
	d := scrubDamage{Part: partLedger, What: "store", Where: app.LedgerDir(home), Found: err.Error(), Opens: opens, Remedy: remedyRepair}
	var known *ledger.DamageError
	if errors.As(err, &known) {
		d.What, d.Where, d.Found = known.What, known.Where, strings.TrimSpace(known.Found)
	}
	return d
}
