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
	"github.com/cometbft/cometbft/store"
)

// Identity is the public side of a home's keys.
type Identity struct {
	NodeID    string            // how peers name the node: 40 hex digits
	Validator ed25519.PublicKey // signs blocks
}

// LoadIdentity reads the public side of home's keys.
func LoadIdentity(home string) (Identity, error) {
	nodeKey, pv, err := loadKeys(home)
	if err != nil {
		return Identity{}, err
	}
	return Identity{NodeID: string(nodeKey.ID()), Validator: ed25519.PublicKey(pv.Key.PubKey.Bytes())}, nil
}

// loadKeys reads home's keys and signing state. CometBFT's own loader ends the
// process when a file is missing or damaged, so the files are checked first.
func loadKeys(home string) (*p2p.NodeKey, *privval.FilePV, error) {
	nodeKey, err := p2p.LoadNodeKey(filepath.Join(home, nodeKeyFile))
	if err != nil {
		return nil, nil, fmt.Errorf("node key of %s: %w", home, err)
	}
	key, state := filepath.Join(home, privKeyFile), filepath.Join(home, privStateFile)
	var k privval.FilePVKey
	if err := readJSON(key, &k); err != nil {
		return nil, nil, fmt.Errorf("validator key: %w", err)
	}
	if k.PrivKey == nil || k.PrivKey.Type() != cmted25519.KeyType {
		return nil, nil, fmt.Errorf("validator key %s: not an Ed25519 key", key)
	}
	var s privval.FilePVLastSignState
	err = readJSON(state, &s)
	if errors.Is(err, fs.ErrNotExist) {
		return nodeKey, privval.LoadFilePVEmptyState(key, state), errNoSignState
	}
	if err != nil {
		return nil, nil, fmt.Errorf("validator state: %w; without it the validator could sign two blocks of one height", err)
	}
	return nodeKey, privval.LoadFilePV(key, state), nil
}

// errNoSignState comes with valid keys; only a node without blocks may go on.
var errNoSignState = errors.New("data/priv_validator_state.json is missing")

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := cmtjson.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// signingKeys loads the keys and refuses where the validator could sign a second
// block of a height: its memory of what it signed is gone, or older than a
// signature of its own that the block store holds.
func (n *Node) signingKeys(blocks *store.BlockStore) (*p2p.NodeKey, *privval.FilePV, error) {
	const remedy = "restore the newest copy, or if there is none make this a new validator with a new key"
	tip := blocks.Height()
	nodeKey, pv, err := loadKeys(n.home)
	if errors.Is(err, errNoSignState) {
		if tip > 0 {
			return nil, nil, fmt.Errorf("%w, but the node has %d blocks: the validator could sign two blocks of one height; %s", err, tip, remedy)
		}
		pv.LastSignState.Save()
		err = nil
	}
	if err != nil || tip == 0 {
		return nodeKey, pv, err
	}
	commit := blocks.LoadSeenCommit(tip)
	if commit == nil || pv.LastSignState.Height >= tip {
		return nodeKey, pv, nil
	}
	for _, s := range commit.Signatures {
		if string(s.ValidatorAddress) == string(pv.GetAddress()) {
			return nil, nil, fmt.Errorf("data/priv_validator_state.json ends at height %d, but the validator has signed height %d: an old copy, with which it could sign two blocks of one height; %s", pv.LastSignState.Height, tip, remedy)
		}
	}
	return nodeKey, pv, nil
}
