package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/cometbft/cometbft/types"
)

// The directories of a node that moves forward to a state of its peers, in data:
//
//	data/rejoin         the stores to be, in the layout of a home
//	data/rejoin/READY   they are whole: the old ones go
//	data/old/ledger     the ledger before, until its entries are in the new one;
//	                    ledger.2 and on where it rejoined again before that
const (
	rejoinDir   = "data/rejoin"
	rejoinReady = "READY"
	oldDir      = "data/old"
)

// moved are the parts of data that are replaced together: what is of one height.
var moved = []string{"engine", "ledger", "cs.wal", "index"}

// OldLedgerDirs is where home has the ledgers that it had before it rejoined, the
// first one first: each may have entries that no other has.
func OldLedgerDirs(home string) (dirs []string) {
	for n := 1; exists(oldLedgerDir(home, n)); n++ {
		dirs = append(dirs, oldLedgerDir(home, n))
	}
	return dirs
}

func oldLedgerDir(home string, n int) string {
	dir := filepath.Join(home, oldDir, "ledger")
	if n > 1 {
		dir += fmt.Sprintf(".%d", n)
	}
	return dir
}

// Rejoin puts the stores of a joint, whose header the caller has verified, in the
// place of home's. Keys, configuration, genesis and the validator's signing state
// stay. The caller holds the home's lock. SPEC(NOD-39)
//
// If we crash before the new stores are whole, the old ones are as they were. If
// we crash after that, FinishRejoin goes on, which each start calls.
func Rejoin(home string, genesis []byte, j *Joint, log *slog.Logger) error {
	if err := checkSigned(home, j); err != nil {
		return err
	}
	if err := FinishRejoin(home); err != nil {
		return err
	}
	staging := filepath.Join(home, rejoinDir)
	for _, dir := range []string{"config", "data/index"} {
		if err := os.MkdirAll(filepath.Join(staging, dir), 0o700); err != nil {
			return fmt.Errorf("rejoin: %w", err)
		}
	}
	if err := InstallGenesis(staging, genesis); err != nil {
		return err
	}
	if err := Bootstrap(staging, j, log); err != nil {
		return errors.Join(err, os.RemoveAll(staging))
	}
	if err := syncDir(filepath.Join(staging, "data")); err != nil {
		return fmt.Errorf("rejoin: %w", err)
	}
	if err := writeFile(filepath.Join(staging, rejoinReady), nil, 0o600); err != nil {
		return fmt.Errorf("rejoin: %w", err)
	}
	return FinishRejoin(home)
}

// checkSigned refuses where the validator signed a height that its signing state
// does not know.
func checkSigned(home string, j *Joint) error {
	_, pv, err := loadKeys(home)
	if errors.Is(err, errNoSignState) {
		return fmt.Errorf("%w: the validator could sign two blocks of one height; %s", err, signRemedy)
	}
	if err != nil {
		return err
	}
	for _, b := range []*types.LightBlock{j.Current, j.Last} {
		if b.Height > pv.LastSignState.Height && signedBy(b.Commit, pv.GetAddress()) {
			return oldSignState(pv.LastSignState.Height, b.Height)
		}
	}
	return nil
}

// FinishRejoin ends what a crash has interrupted: where the new stores are whole
// they take their places, else they are removed. It does nothing where there is
// nothing to do. The caller holds the home's lock.
func FinishRejoin(home string) error {
	staging, old := filepath.Join(home, rejoinDir), filepath.Join(home, oldDir)
	switch _, err := os.Stat(filepath.Join(staging, rejoinReady)); {
	case errors.Is(err, fs.ErrNotExist):
		return os.RemoveAll(staging)
	case err != nil:
		return fmt.Errorf("rejoin: %w", err)
	}
	if err := os.MkdirAll(old, 0o700); err != nil {
		return fmt.Errorf("rejoin: %w", err)
	}
	for _, name := range moved {
		from, to, aside := filepath.Join(staging, "data", name), filepath.Join(home, "data", name), filepath.Join(old, name)
		if !exists(from) {
			continue // it is in its place already
		}
		if name == "ledger" {
			aside = oldLedgerDir(home, len(OldLedgerDirs(home))+1)
		}
		if exists(to) {
			if err := os.Rename(to, aside); err != nil {
				return fmt.Errorf("rejoin: %w", err)
			}
		}
		if err := os.Rename(from, to); err != nil {
			return fmt.Errorf("rejoin: %w", err)
		}
	}
	if err := errors.Join(syncDir(filepath.Join(home, "data")), syncDir(old), syncDir(filepath.Join(staging, "data"))); err != nil {
		return fmt.Errorf("rejoin: %w", err)
	}
	for _, name := range moved {
		if name != "ledger" { // whose entries are history for the new one
			if err := os.RemoveAll(filepath.Join(old, name)); err != nil {
				return fmt.Errorf("rejoin: %w", err)
			}
		}
	}
	return os.RemoveAll(staging)
}

// DropOldLedgers removes the ledgers that home had before it rejoined.
func DropOldLedgers(home string) error { return os.RemoveAll(filepath.Join(home, oldDir)) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
