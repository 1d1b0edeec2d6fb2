package main

import (
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"tokentrail/ledger/api"
	"tokentrail/ledger/app"
)

// diskLook is how long the sizes of the stores are taken to be what they were: a
// store has thousands of files.
const diskLook = 30 * time.Second

// disk knows how much the stores of a home take. For any goroutine.
type disk struct {
	home string

	mu     sync.Mutex
	looked time.Time        // guarded by mu
	sizes  map[string]int64 // guarded by mu; by part
}

// parts are the stores of a home, which each have a directory.
func (d *disk) parts() map[string]string {
	return map[string]string{"ledger": app.LedgerDir(d.home), "engine": app.EngineDir(d.home), "index": filepath.Join(d.home, indexDir)}
}

// figures returns what each store takes.
func (d *disk) figures() (out []api.Figure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.looked) > diskLook {
		d.sizes = map[string]int64{}
		for part, dir := range d.parts() {
			d.sizes[part] = sizeOf(dir)
		}
		d.looked = time.Now()
	}
	for part, size := range d.sizes {
		out = append(out, api.Figure{
			Name: "tokentrail_disk_bytes", Help: "What a store takes on disk.", Label: [2]string{"part", part}, Value: float64(size),
		})
	}
	return out
}

// sizeOf is what the files below a directory take; what vanishes meanwhile takes
// nothing.
func sizeOf(dir string) (total int64) {
	_ = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			total += allocated(info)
		}
		return nil
	})
	return total
}

// figuresOf returns what the node tells of itself at each scrape (API-9).
func (d *daemon) figuresOf(home string, reserve int64, application *app.Application) func() []api.Figure {
	stores := &disk{home: home}
	return func() []api.Figure {
		gauge := func(name, help string, value float64) api.Figure {
			return api.Figure{Name: name, Help: help, Value: value}
		}
		counter := func(name, help string, value float64) api.Figure {
			return api.Figure{Name: name, Help: help, Value: value, Counter: true}
		}
		count, bytes := d.node.Waiting()
		commits, spent := d.commits.Measured()
		_, archived := d.ledger.ArchivedHeaders()
		out := append(stores.figures(),
			gauge("tokentrail_peers", "Nodes that this one is connected to.", float64(d.node.Peers())),
			gauge("tokentrail_mempool_submissions", "Submissions that wait for a block.", float64(count)),
			gauge("tokentrail_mempool_bytes", "Bytes of the submissions that wait for a block.", float64(bytes)),
			counter("tokentrail_commits_total", "Blocks that the ledger has made durable since the start.", float64(commits)),
			counter("tokentrail_commit_seconds_total", "Seconds that making blocks durable took together since the start.", spent.Seconds()),
			gauge("tokentrail_archived_height", "The newest height in the header archive.", float64(archived)),
			gauge("tokentrail_first_block", "The oldest block that the engine still has.", float64(d.node.FirstBlock())),
			gauge("tokentrail_disk_reserve_bytes", "What is left free on the ledger's disk.", float64(reserve)))
		if free, err := freeSpace(app.LedgerDir(home)); err == nil {
			out = append(out, gauge("tokentrail_disk_free_bytes", "What the ledger's disk has left.", float64(free)))
		}
		for validator, n := range application.Misbehaviour() {
			out = append(out, api.Figure{
				Name: "tokentrail_misbehaviour_total", Help: "Evidence against a validator in blocks applied since the start.",
				Label: [2]string{"validator", validator}, Counter: true, Value: float64(n),
			})
		}
		return append(out, d.scrub.metrics()...)
	}
}

// metrics are the scrub's and the repair's figures.
func (s *scrubber) metrics() []api.Figure {
	now := s.figures()
	last := float64(0)
	if !now.LastPass.IsZero() {
		last = float64(now.LastPass.UnixMilli()) / 1000
	}
	return []api.Figure{
		{Name: "tokentrail_scrub_passes_total", Help: "Passes of the scrub over the whole store since the start.", Counter: true, Value: float64(now.Passes)},
		{Name: "tokentrail_scrub_entries_total", Help: "Entries that the scrub has read since the start.", Counter: true, Value: float64(now.Entries)},
		{Name: "tokentrail_scrub_last_pass_seconds", Help: "When the last pass ended, in seconds since the epoch; 0: none has.", Value: last},
		{Name: "tokentrail_damage_found_total", Help: "Damaged places that were met since the start.", Counter: true, Value: float64(now.Found)},
		{Name: "tokentrail_damage_mended_total", Help: "Entries that were mended since the start.", Counter: true, Value: float64(now.Mended)},
		{Name: "tokentrail_damage_waiting", Help: "Damaged entries that could not be mended yet.", Value: float64(now.Waiting)},
	}
}
