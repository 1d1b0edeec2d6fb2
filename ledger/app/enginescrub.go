package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cometbft/cometbft/consensus"
	badger "github.com/dgraph-io/badger/v4"
)

// walDir is where a home has the engine's write-ahead log of consensus messages.
const walDir = "data/cs.wal"

// EngineDamage is what a scrub has found in the engine's stores.
type EngineDamage struct {
	What  string // "key", "block", "state", "cs.wal"
	Where string
	Found string
}

// Error implements error.
func (d *EngineDamage) Error() string { return d.What + " " + d.Where + ": " + d.Found }

// Scrub reads all of the engine's stores: each value by its checksum, then each
// block by its parts, whose root the block's id names, its header's hash, and the
// commit behind it. found is told each damage; progress, if not nil, the number of
// bytes and of blocks that are done. The error says why it could not go on.
func (s *Stores) Scrub(ctx context.Context, found func(error), progress func(bytes, blocks int64)) error {
	if err := s.scrubKeys(ctx, found, progress); err != nil {
		return err
	}
	base, tip := s.Blocks()
	for h := max(1, base); h <= tip; h++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.scrubBlock(h, tip); err != nil {
			found(&EngineDamage{"block", fmt.Sprintf("height %d", h), err.Error()})
		}
		if progress != nil {
			progress(0, h-max(1, base)+1)
		}
	}
	if err := s.scrubState(tip); err != nil {
		found(&EngineDamage{"state", fmt.Sprintf("height %d", tip), err.Error()})
	}
	return nil
}

// scrubKeys checks the checksum of every value. Where Badger itself fails on a
// block of a table, what lies behind it cannot be read, which is said.
func (s *Stores) scrubKeys(ctx context.Context, found func(error), progress func(bytes, blocks int64)) (err error) {
	if !s.engine.enter() {
		return errEngineClosed
	}
	defer s.engine.leave()
	var at []byte
	defer func() {
		if p := recover(); p != nil {
			found(&EngineDamage{"key", fmt.Sprintf("behind %q", at), fmt.Sprintf("reading on fails: %v", p)})
		}
	}()
	txn := s.engine.db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	read := int64(0)
	for it.Rewind(); it.Valid(); it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		at = it.Item().KeyCopy(at)
		v, err := it.Item().ValueCopy(nil)
		if err == nil {
			_, err = decodeEngineValue(at, v)
		}
		if err != nil {
			found(&EngineDamage{"key", fmt.Sprintf("%q", at), err.Error()})
		}
		if read += int64(len(at) + len(v)); progress != nil {
			progress(read, 0)
		}
	}
	return nil
}

// scrubBlock checks that a block is there whole.
func (s *Stores) scrubBlock(height, tip int64) (err error) {
	defer recoverEngine(&err, "reading it fails")
	meta := s.blocks.LoadBlockMeta(height)
	if meta == nil {
		return errors.New("its meta is missing")
	}
	if got := meta.Header.Hash(); meta.Header.Height != height || !bytes.Equal(got, meta.BlockID.Hash) {
		return fmt.Errorf("its header is of height %d with the hash %X, wanted %X", meta.Header.Height, got, meta.BlockID.Hash)
	}
	parts := meta.BlockID.PartSetHeader
	for i := range int(parts.Total) {
		part := s.blocks.LoadBlockPart(height, i)
		if part == nil {
			return fmt.Errorf("part %d of %d is missing", i, parts.Total)
		}
		if err := part.Proof.Verify(parts.Hash, part.Bytes); err != nil || int(part.Index) != i {
			return fmt.Errorf("part %d of %d is not the block's: %v", i, parts.Total, err)
		}
	}
	commit := s.blocks.LoadBlockCommit(height)
	if height == tip {
		commit = s.blocks.LoadSeenCommit(height)
	}
	switch {
	case commit == nil:
		return errors.New("its commit is missing")
	case !commit.BlockID.Equals(meta.BlockID):
		return fmt.Errorf("its commit is of %s, wanted %s", commit.BlockID, meta.BlockID)
	}
	return nil
}

// scrubState checks that the engine's state is there and goes with its blocks, and
// the validators of each of these.
func (s *Stores) scrubState(tip int64) (err error) {
	defer recoverEngine(&err, "reading it fails")
	state, err := s.states.Load()
	switch {
	case err != nil:
		return err
	case state.IsEmpty() && tip > 0:
		return errors.New("it is missing")
	case tip > 0 && state.LastBlockHeight != tip && state.LastBlockHeight != tip-1:
		return fmt.Errorf("it is of height %d, the last block is %d", state.LastBlockHeight, tip)
	case state.IsEmpty():
		return nil
	}
	for h := max(1, s.blocks.Base()); h <= tip; h++ {
		if _, err := validatorsAt(s.states, h); err != nil {
			return fmt.Errorf("validators of height %d: %w", h, err)
		}
	}
	return nil
}

// ScrubWAL reads the write-ahead log of consensus messages of a stopped home. The
// engine mends what is wrong with it when it starts, and asks its peers.
func ScrubWAL(home string, found func(error)) error {
	files, err := filepath.Glob(filepath.Join(home, walDir, "wal*"))
	if err != nil {
		return err
	}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		d := consensus.NewWALDecoder(f)
		for n := 0; ; n++ {
			_, err := d.Decode()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				found(&EngineDamage{"cs.wal", filepath.Base(path), fmt.Sprintf("message %d: %v", n, err)})
				break
			}
		}
		f.Close()
	}
	return nil
}

// CheckHomeGenesis says what is wrong with the genesis document of a home, or that
// it is not the one with which the home started.
func CheckHomeGenesis(home string) error {
	_, _, sum, err := LoadGenesis(home)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(home, genesisHashFile)); errors.Is(err, os.ErrNotExist) {
		return nil // it never started
	}
	return checkGenesis(home, sum, true)
}
