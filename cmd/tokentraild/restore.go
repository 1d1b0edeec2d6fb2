package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/ledger/backup"
)

type restoreOptions struct {
	from, home string
	height     int64
	trust      trustFlags
	conf       app.NodeConfig
}

func restoreCommand() *cobra.Command {
	o := restoreOptions{}
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Make a node's stores from a backup",
		Long: `restore reads all of a backup, verifies it, and makes a home from it that goes on
where the backup ends: by the blocks of its peers, or, where they keep those no
more, by 'tokentraild rejoin'. Without peers it serves the history read-only.

A new home gets new keys. A home that has keys and no stores (data/ledger and
data/engine) keeps them as they are, with what its validator has signed: a backup
has none of that. Never start two homes with one validator key.`,
		Example: `  tokentraild restore --from /mnt/backup --home node --genesis-hash 5f3c…
  tokentraild restore --from /mnt/backup --home node --trust 120000:9a41… --peer id@host:7481`,
		Args: noArguments,
	}
	home := homeFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "the backup's directory")
	f.Int64Var(&o.height, "height", 0, "the checkpoint of this height, not the newest")
	f.StringVar(&o.conf.Moniker, "name", "node", "a new home's name for logs and peers")
	f.StringArrayVar(&o.conf.PersistentPeers, "peer", nil, "a node that a new home connects to: node-id@host:port (repeatable)")
	f.StringVar(&o.conf.HTTP, "http", defaultHTTP, "where a new home's HTTP interface listens")
	f.StringVar(&o.conf.P2P, "p2p", defaultP2P, "where a new home's peers connect")
	o.trust.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		log, err := logger(cmd)
		if err != nil {
			return err
		}
		if err := checkPeers(o.conf.PersistentPeers); err != nil {
			return err
		}
		o.home = filepath.Clean(*home)
		if o.from == "" {
			return usageError{errors.New("give --from, the backup's directory")}
		}
		return runRestore(cmd.Context(), &o, cmd.OutOrStdout(), cmd.ErrOrStderr(), log)
	}
	return cmd
}

// runRestore verifies all before it makes anything.
func runRestore(ctx context.Context, o *restoreOptions, stdout, stderr io.Writer, log *slog.Logger) (err error) {
	if done, err := endRestore(o.home); done || err != nil {
		if err == nil {
			_, err = fmt.Fprintf(stdout, "the restore of %s that was interrupted is done\nnext: tokentraild start --home %s\n", o.home, o.home)
		}
		return err
	}
	made, lock, err := lockToRestore(o.home)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	_, genesis, err := homeToRestore(o.home)
	if err != nil {
		return err
	}
	if genesis == nil && !o.trust.given() {
		return usageError{errors.New("a backup alone does not say that it is of your chain: give --genesis-hash, the SHA-256 of the genesis document, or --trust HEIGHT:HASH; 'tokentraild backup --check' prints both of the backup, to be compared with what others have")}
	}
	b, p, err := openVerified(ctx, o.from, o.height, &o.trust, nil, stderr)
	if err != nil {
		return err
	}
	if genesis != nil && !bytes.Equal(genesis, b.Genesis()) {
		return fmt.Errorf("the backup is of the chain with the genesis document %s, and %s is another", b.GenesisHash(), app.GenesisPath(o.home))
	}
	r := &restoring{backup: b, proofs: p, log: log, stderr: stderr}
	if made {
		err = r.intoHome(ctx, o.home)
	} else {
		err = r.newHome(ctx, o)
	}
	if err != nil {
		return err
	}
	head := b.Checkpoint().Frontier.Head()
	_, err = fmt.Fprintf(stdout, "restored %s at height %d with %d entries, app hash %s\nnext: tokentraild start --home %s\n", o.home, head.Height, head.Size, head.AppHash, o.home)
	return err
}

// lockToRestore locks a home that is there, else its place, and says which. Only
// whoever has the lock makes anything.
func lockToRestore(home string) (made bool, lock io.Closer, err error) {
	if made, _, err = homeToRestore(home); err != nil {
		return made, nil, err
	}
	if made {
		lock, err = app.LockHome(home)
	} else {
		lock, err = app.LockPlace(home)
	}
	if err != nil {
		return made, nil, err
	}
	// Somebody may have made the home, or started it, before the lock was ours.
	now, _, err := homeToRestore(home)
	if err == nil && now != made {
		err = fmt.Errorf("restore into %s: another process has made or removed this home just now; look at it, and run 'tokentraild restore' again", home)
	}
	if err != nil {
		return made, nil, errors.Join(err, lock.Close())
	}
	return made, lock, nil
}

// homeToRestore says whether there is a home that gets stores, and its genesis
// document. SPEC(NOD-67)
func homeToRestore(home string) (made bool, genesis []byte, err error) {
	left, err := os.ReadDir(home)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(left) == 0 {
		return false, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	if _, err := app.LoadNodeConfig(home); err != nil {
		return false, nil, fmt.Errorf("restore into %s: it is neither empty nor a node's home: %w", home, err)
	}
	for _, dir := range []string{app.LedgerDir(home), app.EngineDir(home)} {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return false, nil, fmt.Errorf("restore into %s: there is %s already; nothing is restored over a node's stores: choose another home, or move data/ledger and data/engine away (never data/priv_validator_state.json)", home, dir)
		}
	}
	genesis, err = os.ReadFile(app.GenesisPath(home))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return true, genesis, err
}

// restoring is a restore whose backup is verified.
type restoring struct {
	backup *backup.Backup
	proofs *backup.Proofs
	log    *slog.Logger
	stderr io.Writer
}

// newHome makes a home with new keys beside its place and moves it there. If we
// crash before that, there is no home, and the next restore begins anew.
func (r *restoring) newHome(ctx context.Context, o *restoreOptions) error {
	staging := o.home + ".restoring"
	if err := os.RemoveAll(staging); err != nil { // of a restore that was killed
		return err
	}
	o.conf.Retention = app.DefaultRetention()
	make := func() error {
		if _, err := app.InitHome(staging, o.conf); err != nil {
			return err
		}
		if err := newReceiptKey(staging); err != nil {
			return err
		}
		if err := r.stores(ctx, staging); err != nil {
			return err
		}
		return app.MoveHome(staging, o.home)
	}
	if err := make(); err != nil {
		return errors.Join(err, os.RemoveAll(staging))
	}
	return nil
}

// stores makes the stores of a home that has none, whole.
func (r *restoring) stores(ctx context.Context, home string) error {
	if err := os.MkdirAll(filepath.Join(home, "config"), 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(home, "data"), 0o700); err != nil {
		return err
	}
	if err := app.InstallGenesis(home, r.backup.Genesis()); err != nil {
		return err
	}
	joint, err := app.ParseJoint(r.backup.Checkpoint().Raw)
	if err != nil {
		return err
	}
	if err := joint.CheckGenesis(r.backup.Genesis()); err != nil {
		return err
	}
	if err := app.Bootstrap(home, joint, r.log); err != nil {
		return err
	}
	return r.history(ctx, home)
}

// endRestore ends a restore that was interrupted when all of it was there but for
// the names.
func endRestore(home string) (done bool, err error) {
	if _, err := os.Lstat(filepath.Join(home, stagingDir, readyFile)); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	lock, err := app.LockHome(home)
	if err != nil {
		return false, err
	}
	return true, errors.Join(placeStores(home), lock.Close())
}

// checkRestored is for the start of a node, which holds the home's lock: it moves
// stores that are ready to their places, and refuses a home whose restore did not
// come to its end.
func checkRestored(home string) error {
	if err := placeStores(home); err != nil {
		return fmt.Errorf("put the restored stores of %s in their places: %w", home, err)
	}
	_, staged := os.Lstat(filepath.Join(home, stagingDir))
	if _, err := os.Lstat(app.LedgerDir(home)); staged == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is being restored, and that did not come to its end: run 'tokentraild restore' again", home)
	}
	return nil
}

// checkSigned refuses a home whose validator could sign twice with what it
// remembers.
func (r *restoring) checkSigned(home string) error {
	joint, err := app.ParseJoint(r.backup.Checkpoint().Raw)
	if err != nil {
		return err
	}
	return app.CheckSigned(home, joint)
}

// history fills the ledger of a home, which begins at the checkpoint, and gives the
// engine the headers by which it judges evidence.
func (r *restoring) history(ctx context.Context, home string) (err error) {
	l, err := ledger.Open(app.LedgerDir(home), ledger.Options{Logger: r.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	meter := newMeter(r.stderr, "entries")
	defer meter.done()
	if err := r.backup.Restore(ctx, l, r.proofs, r.backup.Header().AppHash, meter.update); err != nil {
		return err
	}
	return fillPast(ctx, home, []app.LightBlocks{lightBlocksOf([]*ledger.Ledger{l}, nil)}, r.log)
}

// stagingDir is where the stores of a home are made before they are moved to
// their places; readyFile in it says that they are whole.
const (
	stagingDir = "data/restoring"
	readyFile  = "READY"
)

// intoHome gives a home with keys its stores. If we crash before readyFile is
// there, the next restore begins anew; afterwards it, too, moves the stores to
// their places before it does anything else, and so does repair. The caller holds
// the home's lock.
func (r *restoring) intoHome(ctx context.Context, home string) (err error) {
	if err := r.checkSigned(home); err != nil {
		return err
	}
	staging := filepath.Join(home, stagingDir)
	if err := os.RemoveAll(staging); err != nil {
		return err
	}
	// The engine's log of messages goes with its stores.
	err = os.MkdirAll(filepath.Join(staging, walDir), 0o700)
	if err == nil {
		err = r.stores(ctx, staging)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(staging))
	}
	if err := app.InstallGenesis(home, r.backup.Genesis()); err != nil {
		return errors.Join(err, os.RemoveAll(staging))
	}
	if err := stagingReady(home); err != nil {
		return err
	}
	if err := placeStores(home); err != nil {
		return err
	}
	return dropAside(home)
}

// stagingReady says durably that the stores of the staging directory are whole.
func stagingReady(home string) error {
	staging := filepath.Join(home, stagingDir)
	if err := syncDirs(filepath.Join(staging, "data"), staging, filepath.Dir(staging)); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(staging, readyFile), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDirs(staging)
}

// placeStores moves the stores that are ready to their places. What stands there
// goes aside first, under its name with ".damaged" behind it. Called again after a crash it goes on; where nothing is ready it
// does nothing.
func placeStores(home string) error {
	staging := filepath.Join(home, stagingDir)
	if _, err := os.Lstat(filepath.Join(staging, readyFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, name := range storeNames {
		from, to := filepath.Join(staging, name), filepath.Join(home, name)
		if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
			continue // moved already, or not made anew
		} else if err != nil {
			return err
		}
		if _, err := os.Lstat(to); err == nil {
			if err := os.RemoveAll(to + damagedSuffix); err != nil {
				return err
			}
			if err := os.Rename(to, to+damagedSuffix); err != nil {
				return err
			}
		}
		if err := os.Rename(from, to); err != nil {
			return err
		}
		if err := syncDirs(filepath.Join(home, "data"), filepath.Join(staging, "data")); err != nil {
			return err
		}
	}
	return os.RemoveAll(staging)
}

// walDir is where a home has the engine's log of consensus messages.
const walDir = "data/cs.wal"

// storeNames are what is made anew, in the order in which it is moved: the ledger
// last, without which no node starts.
var storeNames = []string{walDir, "data/genesis.sha256", "data/engine", "data/ledger"}

// dropAside removes what placeStores moved aside.
func dropAside(home string) error {
	for _, name := range storeNames {
		if err := os.RemoveAll(filepath.Join(home, name+damagedSuffix)); err != nil {
			return err
		}
	}
	return nil
}

// damagedSuffix is behind the name of a store that was moved aside.
const damagedSuffix = ".damaged"

func syncDirs(dirs ...string) error {
	for _, dir := range dirs {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(d.Sync(), d.Close()); err != nil {
			return err
		}
	}
	return nil
}
