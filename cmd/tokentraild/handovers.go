package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

const (
	// handoversFile is beside the index: it may be removed while the node does not
	// run.
	handoversFile = "handovers.json"
	// handoversKept is how many headers are read between two writings of the file.
	handoversKept = 100_000
	// handoversPause is how long to wait for headers that are not here yet.
	handoversPause = time.Second
	// handoversWait is how long who asks waits for the newest headers to be read.
	handoversWait = 2 * time.Second
)

// handovers knows at which heights validators hand over to others, by reading
// each header once (api.Changes). Clients take them as hints.
type handovers struct {
	node  headerReader
	file  string
	chain string // origin of the ledger
	log   *slog.Logger

	mu      sync.Mutex
	upTo    int64         // guarded by mu: headers 1 to upTo were read
	heights []int64       // guarded by mu, ascending
	changed chan struct{} // guarded by mu: closed and replaced when upTo grows
}

// A headerReader is what handovers need of the node.
type headerReader interface {
	HandsOver(height int64) (bool, error)
	Height() int64
	WaitHeight(ctx context.Context, height int64) error
}

// handoversDoc is the file: what was found, with a check of its own, since
// nothing else would tell that it was damaged.
type handoversDoc struct {
	Origin  string          `json:"origin"`
	UpTo    int64           `json:"up_to"`
	Heights []int64         `json:"heights"`
	Check   provenance.Hash `json:"check"`
}

func (d *handoversDoc) check() provenance.Hash {
	return sha256.Sum256(fmt.Appendf(nil, "%s %d %d", d.Origin, d.UpTo, d.Heights))
}

// openHandovers reads what an earlier run has found; what cannot be read is found
// anew.
func openHandovers(dir, origin string, node headerReader, log *slog.Logger) *handovers {
	h := &handovers{node: node, file: filepath.Join(dir, handoversFile), chain: origin, log: log, changed: make(chan struct{})}
	b, err := os.ReadFile(h.file)
	if err != nil {
		return h
	}
	var d handoversDoc
	if err := json.Unmarshal(b, &d); err != nil || d.Check != d.check() || d.Origin != origin || d.UpTo > node.Height() {
		log.Warn("where validators changed is looked for anew: what was found before cannot be used", "file", h.file)
		return h
	}
	h.upTo, h.heights = d.UpTo, d.Heights
	return h
}

// followHandovers begins to read where the validators change.
func (d *daemon) followHandovers(ctx context.Context, home string, log *slog.Logger) error {
	doc, _, sum, err := app.LoadGenesis(home)
	if err != nil {
		return err
	}
	d.hands = openHandovers(filepath.Join(home, indexDir), provenance.Origin(doc.ChainID, sum), d.node, log)
	d.fed.Go(func() { d.hands.run(ctx) })
	return nil
}

// run reads the headers as they come until ctx ends.
func (h *handovers) run(ctx context.Context) {
	kept := h.upTo
	for height := h.upTo + 1; ctx.Err() == nil; {
		if height > h.node.Height() {
			if h.node.WaitHeight(ctx, height) != nil {
				break
			}
		}
		hands, err := h.node.HandsOver(height)
		if err != nil {
			if !errors.Is(err, ledger.ErrNotHere) && !errors.Is(err, app.ErrNoHeight) && ctx.Err() == nil {
				h.log.Error("cannot tell whether validators changed; trying again", "height", height, "error", err)
			}
			h.pause(ctx)
			continue
		}
		h.read(height, hands)
		if hands || height-kept >= handoversKept {
			h.keep()
			kept = height
		}
		height++
	}
	h.keep()
}

func (h *handovers) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(handoversPause):
	}
}

// read takes note of one header, the next.
func (h *handovers) read(height int64, hands bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.upTo = height
	if hands {
		h.heights = append(h.heights, height)
	}
	close(h.changed)
	h.changed = make(chan struct{})
}

// keep writes the file. It is no loss where it does not come to that.
func (h *handovers) keep() {
	h.mu.Lock()
	d := handoversDoc{Origin: h.chain, UpTo: h.upTo, Heights: slices.Clone(h.heights)}
	h.mu.Unlock()
	d.Check = d.check()
	b, err := json.Marshal(d)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(h.file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(h.file+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(h.file+".new", h.file)
	}
	if err != nil {
		h.log.Warn("where validators changed is not kept; the next start looks for it anew", "error", err)
	}
}

// ValidatorChanges implements api.Changes.
func (h *handovers) ValidatorChanges(ctx context.Context, from int64, most int) ([]int64, error) {
	newest := h.node.Height()
	ctx, cancel := context.WithTimeout(ctx, handoversWait)
	defer cancel()
	for {
		h.mu.Lock()
		upTo, heights, changed := h.upTo, h.heights, h.changed
		h.mu.Unlock()
		at, _ := slices.BinarySearch(heights, from)
		heights = heights[at:] // what is there is never changed
		if upTo >= newest || len(heights) >= most {
			return slices.Clone(heights[:min(most, len(heights))]), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("headers %d to %d were not read for changes of validators yet: %w", upTo+1, newest, ledger.ErrNotHere)
		}
	}
}
