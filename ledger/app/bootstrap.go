package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cometbft/cometbft/consensus"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"

	"tokentrail/ledger"
)

// Bootstrap makes the ledger's and the engine's stores of home from a joint, whose
// header the caller has verified; home has its genesis and no stores yet. Of a
// Bootstrap that was interrupted the stores are to be removed. SPEC(NOD-35)
func Bootstrap(home string, j *Joint, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := bootstrapLedger(LedgerDir(home), j, log); err != nil {
		return err
	}
	return bootstrapEngine(home, j, log)
}

func bootstrapLedger(dir string, j *Joint, log *slog.Logger) (err error) {
	l, err := ledger.Open(dir, ledger.Options{Logger: log})
	if err != nil {
		return err
	}
	if err := l.Restore(j.Frontier, j.appHash()); err != nil {
		_ = l.Close() // the first error says what is wrong
		return err
	}
	return l.Close()
}

// bootstrapEngine writes the engine's state of the height, and the commit from
// which consensus and block sync go on.
func bootstrapEngine(home string, j *Joint, log *slog.Logger) (err error) {
	doc, _, sum, err := LoadGenesis(home)
	if err != nil {
		return err
	}
	// A first start, as far as genesis is concerned: later ones want the same.
	if err := checkGenesis(home, sum, false); err != nil {
		return err
	}
	engine, err := OpenEngineDB(EngineDir(home), log)
	if err != nil {
		return err
	}
	defer func() {
		if closed := engine.Close(); err == nil {
			err = closed
		}
	}()
	states := sm.NewStore(engine.Store("state"), sm.StoreOptions{DiscardABCIResponses: true})
	blocks := store.NewBlockStore(engine.Store("blockstore"))
	if old, err := states.Load(); err != nil || !old.IsEmpty() || !blocks.IsEmpty() {
		return fmt.Errorf("bootstrap %s: its engine has a state or blocks already (%w)", home, err)
	}
	if err := blocks.SaveSeenCommit(j.Last.Height, j.Last.Commit); err != nil {
		return fmt.Errorf("bootstrap %s: %w", home, err)
	}
	if err := states.Bootstrap(j.state(doc)); err != nil {
		return fmt.Errorf("bootstrap %s: %w", home, err)
	}
	if err := (&past{engine, states, blocks}).begin(j); err != nil {
		return fmt.Errorf("bootstrap %s: %w", home, err)
	}
	return endHeight(home, j.Last.Height)
}

// endHeight begins the log of consensus messages with the end of a height: where
// no block is synced before consensus begins, it looks there for what it said.
func endHeight(home string, height int64) (err error) {
	path := EngineConfig(home, EngineOptions{}).Consensus.WalFile()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("bootstrap %s: %w", home, err)
	}
	wal, err := consensus.NewWAL(path)
	if err == nil {
		err = wal.Start()
	}
	if err == nil {
		err = errors.Join(wal.WriteSync(consensus.EndHeightMessage{Height: height}), wal.Stop())
		wal.Wait()
	}
	if err != nil {
		return fmt.Errorf("bootstrap %s: the log of consensus: %w", home, err)
	}
	return nil
}

// goOnWithoutBlocks lets a node that was bootstrapped and has no block yet start
// again: the engine forgets after one start that it is to go on behind its
// state's height rather than at 1, and then refuses the home. tip is the height up
// to which the engine has anything.
func goOnWithoutBlocks(states sm.Store, blocks *store.BlockStore) (state sm.State, tip int64, err error) {
	if state, err = states.Load(); err != nil {
		return state, 0, fmt.Errorf("load the engine's state: %w", err)
	}
	tip = max(state.LastBlockHeight, blocks.Height())
	if blocks.Height() == 0 && tip > 0 {
		err = states.SetOfflineStateSyncHeight(tip)
	}
	return state, tip, err
}

// checkHeights refuses an engine whose stores end below the ledger: what they held
// is gone, with it perhaps what the validator has signed. SPEC(NOD-40)
func (n *Node) checkHeights(tip int64) error {
	if n.opt.Archive == nil {
		return nil
	}
	if height, _ := n.opt.Archive.Info(); height > tip {
		return fmt.Errorf("the ledger is at height %d and the engine's stores in %s end at %d: they were removed or are damaged; run 'tokentraild repair', or 'tokentraild rejoin --home %s --join URL --trust HEIGHT:HASH', or restore the home from a backup", height, EngineDir(n.home), tip, n.home)
	}
	return nil
}
