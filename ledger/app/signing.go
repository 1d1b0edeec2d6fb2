package app

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cometbft/cometbft/crypto"
	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	sm "github.com/cometbft/cometbft/state"
	"github.com/cometbft/cometbft/store"
	"github.com/cometbft/cometbft/types"

	"tokentrail/ledger"
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
	// A validator under another key than its own would wait for ever, and say
	// nothing.
	secret := k.PrivKey.Bytes()
	if len(secret) != ed25519.PrivateKeySize || !bytes.Equal(ed25519.NewKeyFromSeed(secret[:ed25519.SeedSize]), secret) ||
		k.PubKey == nil || !bytes.Equal(k.PubKey.Bytes(), secret[ed25519.SeedSize:]) || !bytes.Equal(k.Address, k.PubKey.Address()) {
		return nil, nil, fmt.Errorf("validator key %s: its secret, public key and address do not belong together: the file is damaged; restore it from your own copy", key)
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
// signature of its own that the node has seen committed (SPEC(NOD-40)). tip is the
// height of the engine's state.
func (n *Node) signingKeys(blocks *store.BlockStore, state sm.State, tip int64) (*p2p.NodeKey, *privval.FilePV, error) {
	nodeKey, pv, err := loadKeys(n.home)
	if errors.Is(err, errNoSignState) {
		if tip > 0 {
			return nil, nil, fmt.Errorf("%w, but the node is at height %d: the validator could sign two blocks of one height; %s", err, tip, signRemedy)
		}
		pv.LastSignState.Save()
		err = nil
	}
	if err != nil {
		return nil, nil, err
	}
	if mode, err := fileMode(filepath.Join(n.home, privKeyFile)); err == nil && mode&0o077 != 0 {
		n.log.Warn("others on this machine can read the validator's key: make it readable by its owner only", "file", filepath.Join(n.home, privKeyFile), "mode", fmt.Sprintf("%#o", mode), "wanted", "0600")
	}
	address := pv.GetAddress()
	if !votes(state, address) {
		return nodeKey, pv, nil
	}
	signed, err := n.lastSigned(blocks, address, pv.LastSignState.Height, tip)
	if err != nil {
		return nil, nil, err
	}
	if signed > 0 {
		return nil, nil, oldSignState(pv.LastSignState.Height, signed)
	}
	return nodeKey, pv, nil
}

const signRemedy = "restore the newest copy, or if there is none make this a new validator with a new key"

// oldSignState says that the signing state of a validator is older than what it
// signed.
func oldSignState(have, signed int64) error {
	return fmt.Errorf("%s ends at height %d, but the validator has signed height %d: an old copy, or the key is in use elsewhere; it could sign two blocks of one height; %s", privStateFile, have, signed, signRemedy)
}

// votes says whether a validator may be asked to sign the next blocks.
func votes(state sm.State, address crypto.Address) bool {
	for _, set := range []*types.ValidatorSet{state.Validators, state.NextValidators} {
		if set != nil && set.HasAddress(address) {
			return true
		}
	}
	return false
}

// signedHeights is how many heights are searched for signatures that the signing
// state does not know: a validator that was away for longer finds its newest
// signature among those that are older, which says nothing.
const signedHeights = 100_000

// lastSigned returns the newest height from above after to tip whose commit, in
// the engine's stores or in the archive, has a signature of the validator; 0 for
// none. What is neither here nor there is passed over.
func (n *Node) lastSigned(blocks *store.BlockStore, address crypto.Address, after, tip int64) (int64, error) {
	for h := tip; h > max(after, tip-signedHeights); h-- {
		commit := blocks.LoadBlockCommit(h)
		if commit == nil {
			commit = blocks.LoadSeenCommit(h)
		}
		if commit == nil && n.opt.Archive != nil {
			pb, err := n.opt.Archive.ArchivedHeader(h)
			if errors.Is(err, ledger.ErrNotFound) || errors.Is(err, ledger.ErrNotHere) {
				continue
			}
			if err != nil {
				return 0, err
			}
			block, err := parseLightBlock(pb)
			if err != nil {
				return 0, fmt.Errorf("archived header %d: %w", h, err)
			}
			commit = block.Commit
		}
		if signedBy(commit, address) {
			return h, nil
		}
	}
	return 0, nil
}

// signedBy says whether a commit has a signature of a validator.
func signedBy(commit *types.Commit, address crypto.Address) bool {
	return commit != nil && slices.ContainsFunc(commit.Signatures, func(s types.CommitSig) bool {
		return bytes.Equal(s.ValidatorAddress, address)
	})
}

func fileMode(path string) (fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Mode().Perm(), nil
}
