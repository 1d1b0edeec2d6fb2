package app

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
)

// The files of a home, a node's one data directory:
//
//	config/genesis.json            the chain's beginning, the same bytes for all
//	config/node.json               NodeConfig
//	config/node_key.json           the node's key towards its peers (0600)
//	config/priv_validator_key.json the validator's signing key (0600)
//	data/priv_validator_state.json what that key signed last: never to be lost or restored
//	data/genesis.sha256            SHA-256 of genesis.json at the first start, in hex
//	data/LOCK                      held by the one process that uses the home
//	data/engine                    CometBFT's stores
//	data/ledger                    the ledger's store
//	data/index                     what is derived from the log; may be removed while the node does not run
//	data/cs.wal                    CometBFT's write-ahead log of consensus messages
//	data/rejoin, data/old          see Rejoin
const (
	genesisFile     = "config/genesis.json"
	nodeFile        = "config/node.json"
	nodeKeyFile     = "config/node_key.json"
	privKeyFile     = "config/priv_validator_key.json"
	privStateFile   = "data/priv_validator_state.json"
	genesisHashFile = "data/genesis.sha256"
	lockFile        = "data/LOCK"
	engineDir       = "data/engine"
	ledgerDir       = "data/ledger"
)

// GenesisPath is where home has its genesis file.
func GenesisPath(home string) string { return filepath.Join(home, genesisFile) }

// EngineDir is where home has CometBFT's stores.
func EngineDir(home string) string { return filepath.Join(home, engineDir) }

// LedgerDir is where home has the ledger's store.
func LedgerDir(home string) string { return filepath.Join(home, ledgerDir) }

// InitHome makes home with new keys and the configuration c, and refuses one
// that already has a validator key. Genesis is written separately.
func InitHome(home string, c NodeConfig) (Identity, error) {
	key := filepath.Join(home, privKeyFile)
	switch _, err := os.Stat(key); {
	case err == nil:
		return Identity{}, fmt.Errorf("init %s: it is a node's home already, with a validator key at %s; choose another directory", home, key)
	case !errors.Is(err, fs.ErrNotExist):
		return Identity{}, fmt.Errorf("init %s: %w", home, err)
	}
	for _, d := range []string{"config", "data"} {
		if err := os.MkdirAll(filepath.Join(home, d), 0o700); err != nil {
			return Identity{}, fmt.Errorf("init %s: %w", home, err)
		}
	}
	nodeKey := &p2p.NodeKey{PrivKey: cmted25519.GenPrivKey()}
	pv := privval.GenFilePV(key, filepath.Join(home, privStateFile))
	for _, f := range []struct {
		name  string
		value any
	}{{nodeKeyFile, nodeKey}, {privStateFile, pv.LastSignState}, {privKeyFile, pv.Key}} {
		b, err := cmtjson.MarshalIndent(f.value, "", "  ")
		if err == nil {
			err = writeFile(filepath.Join(home, f.name), append(b, '\n'), 0o600)
		}
		if err != nil {
			return Identity{}, fmt.Errorf("init %s: write %s: %w", home, f.name, err)
		}
	}
	if err := WriteNodeConfig(home, c); err != nil {
		return Identity{}, err
	}
	return Identity{NodeID: string(nodeKey.ID()), Validator: ed25519.PublicKey(pv.Key.PubKey.Bytes())}, nil
}

// HasOnlyKeys says whether home has keys, which have signed nothing, and is of no
// chain yet: whoever makes a genesis document with others has to know their keys.
func HasOnlyKeys(home string) bool {
	for _, name := range []string{genesisFile, genesisHashFile, ledgerDir, engineDir} {
		if _, err := os.Lstat(filepath.Join(home, name)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	signed, err := SignedHeight(home)
	return err == nil && signed == 0
}

// writeFile replaces path atomically and durably: after a crash it has the old
// content or the new.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is left to remove after the rename
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// MoveHome moves a home that was made elsewhere on the same file system to its
// place, where nothing stands yet or an empty directory.
func MoveHome(from, to string) error {
	for _, d := range []string{"config", "data", "."} {
		if err := syncDir(filepath.Join(from, d)); err != nil {
			return fmt.Errorf("move %s to %s: %w", from, to, err)
		}
	}
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("move the new home to its place: %w", err)
	}
	return syncDir(filepath.Dir(to))
}
