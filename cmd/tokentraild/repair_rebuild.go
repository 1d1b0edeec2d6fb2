package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"tokentrail/ledger/app"
	"tokentrail/ledger/backup"
	"tokentrail/provenance"
	"tokentrail/verify"
)

// copyDir is where repair keeps what it fetches from a node, as a backup: one that
// was interrupted goes on with what is there.
const copyDir = "data/repairing"

// rebuild makes the stores anew that cannot be opened any more. SPEC(NOD-76)
//
// If we crash before the new stores are ready, the old ones are where they were
// and the next repair goes on with what was fetched. Afterwards the next start or
// repair moves them to their places.
func rebuild(ctx context.Context, o *repairOptions, plan *repairPlan, src *repairSource, stdout, stderr io.Writer, log *slog.Logger) (err error) {
	lock, err := app.LockHome(o.home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	raw, err := os.ReadFile(app.GenesisPath(o.home))
	if err != nil {
		return fmt.Errorf("the home's genesis document says which chain it is of: %w", err)
	}
	genesis := provenance.Hash(sha256.Sum256(raw))
	b, proofs, err := src.whole(ctx, o, genesis)
	if err != nil {
		return err
	}
	height := b.Checkpoint().Frontier.Head().Height
	keep, err := keepsEngine(o, plan, height, src.reach(height), log)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "made anew from %s: the ledger at height %d%s\n", o.from, height, map[bool]string{true: "; the engine's stores stay", false: ", and the engine's stores"}[keep])
	r := &restoring{backup: b, proofs: proofs, log: log, stderr: stderr}
	if err := r.checkSigned(o.home); err != nil && !keep {
		return err
	}
	staging := filepath.Join(o.home, stagingDir)
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(staging, walDir), 0o700); err != nil {
		return err
	}
	if err := r.stores(ctx, staging); err != nil {
		return errors.Join(err, os.RemoveAll(staging))
	}
	if keep {
		for _, name := range storeNames[:len(storeNames)-1] {
			if err := os.RemoveAll(filepath.Join(staging, name)); err != nil {
				return err
			}
		}
	}
	if err := stagingReady(o.home); err != nil {
		return err
	}
	if err := placeStores(o.home); err != nil {
		return err
	}
	// Derived from the log (SPEC(NOD-78)).
	if err := os.RemoveAll(filepath.Join(o.home, indexDir)); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(o.home, copyDir))
}

// whole returns a verified backup: the one that was named, or what a node has,
// fetched as one.
func (s *repairSource) whole(ctx context.Context, o *repairOptions, genesis provenance.Hash) (*backup.Backup, *backup.Proofs, error) {
	dir := s.dir
	if s.node != nil {
		dir = filepath.Join(o.home, copyDir)
		meter := newMeter(s.stderr, "entries fetched")
		_, err := backup.Run(ctx, dir, nodeSource{s.node, &genesis}, backup.Options{Reading: engineReading(), CheckRecords: true, Progress: meter.update})
		meter.done()
		if err != nil {
			return nil, nil, err
		}
	}
	b, err := backup.Open(dir, o.height, engineReading())
	if err != nil {
		return nil, nil, err
	}
	meter := newMeter(s.stderr, "entries verified")
	p, err := b.Verify(ctx, backup.VerifyOptions{Progress: meter.update})
	meter.done()
	if err != nil {
		return nil, nil, err
	}
	return b, p, verifyHeader(ctx, b, verify.Trust{Genesis: &genesis})
}

// reach is up to which height the source has what a state at a height grows by. A
// running node has the block, too, whose signed header proves its newest state: in a
// ledger at rest that block is the last one of all nodes, and nothing is lost.
func (s *repairSource) reach(height int64) int64 {
	if s.node != nil {
		return height + 1
	}
	return height
}

// keepsEngine says whether the engine's stores can go on with a ledger at a
// height: they replay the blocks behind it. It refuses a source that reaches less
// far than this node had, unless the operator allows it: where no other node has
// what is between, that is lost, and a validator that signed it cannot sign it again.
func keepsEngine(o *repairOptions, plan *repairPlan, height, reach int64, log *slog.Logger) (keep bool, err error) {
	had := int64(0)
	if !plan.engine && exists(app.EngineDir(o.home)) {
		stores, err := app.OpenStores(o.home, log)
		if err != nil {
			return false, err
		}
		base, tip := stores.Blocks()
		state, err := stores.Height()
		if err := errors.Join(err, stores.Close()); err != nil {
			return false, err
		}
		if base > 0 && base-1 <= height && height <= state {
			return true, nil
		}
		had = max(tip, state)
	}
	if signed, err := app.SignedHeight(o.home); err == nil {
		had = max(had, signed)
	}
	if reach < had && !o.older {
		return false, fmt.Errorf("%s is at height %d, and this node had height %d: what is between would have to come from other nodes; take a newer source, or give --older", o.from, height, had)
	}
	return false, nil
}
