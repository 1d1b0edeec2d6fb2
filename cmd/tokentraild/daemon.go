package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"tokentrail/ledger"
	"tokentrail/ledger/api"
	"tokentrail/ledger/app"
	"tokentrail/ledger/index"
	"tokentrail/provenance"
)

// withRemedy says what to do about a ledger that cannot be opened, where the error
// itself does not.
func withRemedy(err error) error {
	if errors.As(err, new(*ledger.DamageError)) || errors.As(err, new(*ledger.RulesError)) {
		return err
	}
	return fmt.Errorf("%w; 'tokentraild repair' mends or rebuilds the stores of a home from another node or a backup", err)
}

// httpGrace is how long requests may take to finish when the node stops.
const httpGrace = 10 * time.Second

// daemon is a running node: ledger, engine and HTTP interface of one home. It
// belongs to the goroutine that started it.
type daemon struct {
	lock    *app.HomeLock
	ledger  *ledger.Ledger
	node    *app.Node
	http    string // host:port
	served  chan error
	stop    context.CancelFunc // ends HTTP
	hands   *handovers         // where validators changed
	commits app.Commits
	unfeed  context.CancelFunc // ends what hands held submissions to the mempool, and entries to the index of records
	scrub   *scrubber
	fed     sync.WaitGroup // for the goroutines that end with unfeed
}

// startDaemon starts the node of home. limits bound what HTTP clients can make it
// hold; the zero value has the defaults.
func startDaemon(ctx context.Context, home string, limits api.Limits, log *slog.Logger) (d *daemon, err error) {
	d = &daemon{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
			d = nil
		}
	}()
	conf, err := app.LoadNodeConfig(home)
	if err != nil {
		return d, err // among others, that this is no home
	}
	// Whoever has the lock is the only one to change anything in the home.
	if d.lock, err = app.LockHome(home); err != nil {
		return d, err
	}
	if err := app.FinishRejoin(home); err != nil {
		return d, err
	}
	if err := checkRestored(home); err != nil {
		return d, err
	}
	if d.ledger, err = ledger.Open(app.LedgerDir(home), ledger.Options{Logger: log, ReserveBytes: uint64(conf.Reserve)}); err != nil {
		return d, withRemedy(err)
	}
	application := app.NewApplication(d.ledger, log)
	feeding, stop := context.WithCancel(context.Background())
	d.unfeed = stop
	d.node = app.NewNode(home, d.commits.Measure(app.WaitForRoom(feeding, application, d.ledger.Room, log)), app.NodeOptions{Log: log, Lock: d.lock, Archive: d.ledger})
	if err := d.node.Start(ctx); err != nil {
		return d, err
	}
	log.Info("node started", "home", home, "height", d.node.Height(), "entries", d.ledger.Snapshot().Head().Size, "peers", d.node.P2PAddress())
	d.fed.Go(func() { application.Feed(feeding, d.node.Submit) })
	d.fed.Go(func() { application.Accuse(feeding, d.node.Submit) })
	records, err := d.indexRecords(feeding, home, conf, log)
	if err != nil {
		return d, err
	}
	totals, err := d.countTotals(ctx, log)
	if err != nil {
		return d, err
	}
	if err := d.fetchHistory(feeding, home, conf, totals, log); err != nil {
		return d, err
	}
	if err := d.scrubStore(feeding, home, conf, log); err != nil {
		return d, err
	}
	if err := d.followHandovers(feeding, home, log); err != nil {
		return d, err
	}
	return d, d.serve(home, conf, limits, application, records, totals, log)
}

// scrubStore begins to look for damage in the ledger's store, and to mend it.
func (d *daemon) scrubStore(ctx context.Context, home string, conf app.NodeConfig, log *slog.Logger) error {
	sources, err := sourcesOf(conf.History)
	if err != nil {
		return err
	}
	d.scrub = newScrubber(home, d.ledger, sources, conf.Upkeep, log)
	d.fed.Go(func() { d.scrub.run(ctx) })
	return nil
}

// fetchHistory begins to fetch what the node lacks of the time before it joined.
func (d *daemon) fetchHistory(ctx context.Context, home string, conf app.NodeConfig, totals *index.Totals, log *slog.Logger) error {
	sources, err := sourcesOf(conf.History)
	if err != nil {
		return err
	}
	_, genesis, _, err := app.LoadGenesis(home)
	if err != nil {
		return err
	}
	b := &backfill{home: home, ledger: d.ledger, node: d.node, genesis: genesis, sources: sources, log: log}
	d.fed.Go(func() {
		b.run(ctx)
		// Or the first question about flows would wait for all of it.
		if err := totals.CatchUp(ctx, d.ledger.Snapshot()); err != nil && ctx.Err() == nil {
			log.Error("flows cannot be added up", "error", err)
		}
	})
	return nil
}

// countTotals adds the log's totals up, before anybody can ask: the first question
// about flows of a long log would wait for it. Where history is missing they are
// added up when it is here.
func (d *daemon) countTotals(ctx context.Context, log *slog.Logger) (*index.Totals, error) {
	if from, to := d.ledger.Missing(); from < to {
		return index.New(), nil
	}
	totals, err := index.Build(ctx, d.ledger.Snapshot())
	var damage *ledger.DamageError
	if errors.As(err, &damage) {
		// Questions about flows fail until it is mended; all else goes on (SPEC(NOD-8)).
		log.Error("flows cannot be added up", "error", err)
		return index.New(), nil
	}
	return totals, err
}

// indexDir is where a home has what is derived from the log; it may be removed
// while the node does not run.
const indexDir = "data/index"

// indexRecords begins to index the ledger's records; they can be looked up as far
// as that is. A node that cannot index goes on without.
func (d *daemon) indexRecords(ctx context.Context, home string, conf app.NodeConfig, log *slog.Logger) (*index.Records, error) {
	doc, _, sum, err := app.LoadGenesis(home)
	if err != nil {
		return nil, err
	}
	// The index stops where submissions do. SPEC(NOD-11)
	options := index.RecordsOptions{Logger: log, ReserveBytes: 2 * uint64(conf.Reserve)}
	records := index.NewRecords(filepath.Join(home, indexDir), provenance.Origin(doc.ChainID, sum), options)
	d.fed.Go(func() {
		if err := records.Run(ctx, api.CommittedLog{Ledger: d.ledger, Heights: d.node}); err != nil {
			log.Error("records cannot be looked up until the node is started again", "error", err)
		}
	})
	return records, nil
}

// serve begins to answer HTTP.
func (d *daemon) serve(home string, conf app.NodeConfig, limits api.Limits, application *app.Application, records *index.Records, totals *index.Totals, log *slog.Logger) error {
	doc, raw, _, err := app.LoadGenesis(home)
	if err != nil {
		return err
	}
	key, err := loadReceiptKey(home)
	if err != nil {
		return err
	}
	handler, err := api.New(api.Config{
		ChainID: doc.ChainID, Genesis: raw, Key: key,
		Log:       api.LedgerLog{Ledger: d.ledger, Heights: d.node},
		Headers:   headers{d.node},
		Submitter: submitter{application, d.node, d.ledger.Room, new(atomic.Int64), log, make(chan struct{}, 2*runtime.GOMAXPROCS(0))},
		Engine:    engine{d.node},
		Totals:    totals,
		Records:   records,
		Joining: api.Joining{
			P2P: d.node.P2PAddress(), Validators: d.node.ProposerSet, HeaderHash: d.node.HeaderHash,
			Missing: d.ledger.Missing, Elsewhere: conf.History,
		},
		Changes: d.hands,
		Figures: d.figuresOf(home, conf.Reserve, application),
		Limits:  limits,
		Logger:  log, Damaged: d.scrub.damaged,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", conf.HTTP)
	if err != nil {
		return fmt.Errorf("listen for http: %w; choose another address in config/node.json", err)
	}
	d.http = listener.Addr().String()
	serving, stop := context.WithCancel(context.Background())
	d.stop, d.served = stop, make(chan error, 1)
	go func() { d.served <- api.Serve(serving, listener, handler, httpGrace, log) }()
	return nil
}

// url is the base address of the HTTP interface.
func (d *daemon) url() string { return "http://" + d.http }

// wait returns when ctx ends (nil), or when the node cannot go on.
func (d *daemon) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-d.node.Done():
		return fmt.Errorf("the node stopped: %w", d.node.Err())
	case err := <-d.served:
		d.served <- err // for close
		return err
	}
}

// close stops what runs, last started first.
func (d *daemon) close() error {
	var errs []error
	if d.stop != nil {
		d.stop()
		errs = append(errs, <-d.served)
	}
	if d.unfeed != nil {
		d.unfeed()
		d.fed.Wait()
	}
	if d.node != nil {
		errs = append(errs, d.node.Stop())
	}
	if d.ledger != nil {
		errs = append(errs, d.ledger.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// engine tells HTTP how consensus fares.
type engine struct{ *app.Node }

// Err implements api.Engine: why there are no blocks, ended or stalled.
func (e engine) Err() error {
	if err := e.Node.Err(); err != nil {
		return fmt.Errorf("consensus ended: %w", err)
	}
	return e.Node.Stalled()
}

// headers gives the engine's signed headers to HTTP.
type headers struct{ *app.Node }

// LightBlock implements api.Headers.
func (h headers) LightBlock(height int64) ([]byte, error) {
	b, err := h.Node.LightBlock(height)
	if errors.Is(err, app.ErrNoHeight) {
		err = fmt.Errorf("%w: %w", ledger.ErrNotFound, err)
	}
	return b, err
}

// roomSay is how often the log hears that there is no room for submissions.
const roomSay = time.Minute

// submitter hands what comes by HTTP to the ledger's judgement and the engine's
// mempool.
type submitter struct {
	app     *app.Application
	node    *app.Node
	room    func() error  // says that the disk is nearly full
	said    *atomic.Int64 // when the log heard of it, in nanoseconds since the epoch
	log     *slog.Logger
	judging chan struct{} // a place for each submission being judged: its records take up to 8 MiB expanded
}

// Check implements api.Submitter.
func (s submitter) Check(raw []byte) *ledger.Checked { return s.app.Check(raw) }

// Submit implements api.Submitter.
func (s submitter) Submit(ctx context.Context, c *ledger.Checked) error {
	// SPEC(NOD-80)
	if err := s.room(); err != nil {
		if now, said := time.Now(), s.said.Load(); now.UnixNano()-said > int64(roomSay) && s.said.CompareAndSwap(said, now.UnixNano()) {
			s.log.Error("submissions are refused until there is room on the disk; reads go on", "error", err)
		}
		return err
	}
	// Judged here, on all processors, before the mempool does so one after
	// another; it finds the work done.
	select {
	case s.judging <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := s.app.Judge(c)
	<-s.judging
	if err != nil {
		return err
	}
	code, words, err := s.node.Submit(ctx, c.Raw())
	switch {
	case errors.Is(err, app.ErrTxKnown):
		return nil // on its way already
	case errors.Is(err, app.ErrMempoolFull):
		return fmt.Errorf("%w: %w", api.ErrBusy, err)
	case errors.Is(err, app.ErrStopped):
		return fmt.Errorf("%w: %w", api.ErrUnavailable, err)
	case err != nil:
		return err
	case code == app.CodeHeld:
		return nil // until its predecessor is there
	case code == app.CodeFull:
		return fmt.Errorf("%w: %s", api.ErrBusy, words)
	case code != 0:
		return api.Refusal(code, words)
	}
	return nil
}
