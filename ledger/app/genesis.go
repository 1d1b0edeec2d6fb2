package app

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
)

// Validator is a validator of the first block.
type Validator struct {
	PubKey ed25519.PublicKey
	Power  int64 // its votes; more than two thirds of all decide
	Name   string
}

// Genesis is what a chain begins with.
type Genesis struct {
	ChainID    string
	Time       time.Time // kept in UTC and milliseconds
	Validators []Validator
	AppState   json.RawMessage // what the application gets in InitChain
}

// Bytes returns the genesis file: CometBFT's GenesisDoc as indented JSON and a
// newline. The same Genesis always gives the same bytes.
func (g Genesis) Bytes() ([]byte, error) {
	doc := types.GenesisDoc{
		GenesisTime:     g.Time.UTC().Truncate(time.Millisecond),
		ChainID:         g.ChainID,
		InitialHeight:   1,
		ConsensusParams: ConsensusParams(),
		AppState:        g.AppState,
	}
	if !provenance.ValidChainID(g.ChainID) {
		return nil, fmt.Errorf("genesis: the chain id %q is not 1 to 50 of A-Z, a-z, 0-9, '.', '_', '-'", g.ChainID)
	}
	if g.Time.IsZero() || len(g.Validators) == 0 {
		return nil, errors.New("genesis needs a time and at least one validator")
	}
	seen := map[string]bool{}
	for _, v := range g.Validators {
		if len(v.PubKey) != ed25519.PublicKeySize || v.Power <= 0 || seen[string(v.PubKey)] {
			return nil, fmt.Errorf("genesis validator %q: needs an Ed25519 key of its own and power above 0, has %d key bytes and power %d", v.Name, len(v.PubKey), v.Power)
		}
		seen[string(v.PubKey)] = true
		pub := cmted25519.PubKey(v.PubKey)
		doc.Validators = append(doc.Validators, types.GenesisValidator{Address: pub.Address(), PubKey: pub, Power: v.Power, Name: v.Name})
	}
	if err := doc.ValidateAndComplete(); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	b, err := cmtjson.MarshalIndent(&doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	return append(b, '\n'), nil
}

// WriteGenesis writes home's genesis file and returns its SHA-256. It does not
// replace one with other content.
func WriteGenesis(home string, g Genesis) ([32]byte, error) {
	b, err := g.Bytes()
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(b), InstallGenesis(home, b)
}

// InstallGenesis writes raw, a genesis file made elsewhere, to home. It does
// not replace one with other content.
func InstallGenesis(home string, raw []byte) error {
	path := GenesisPath(home)
	if _, err := parseDocument(raw); err != nil {
		return fmt.Errorf("genesis for %s: %w", home, err)
	}
	old, err := os.ReadFile(path)
	if err == nil && !bytes.Equal(old, raw) {
		return fmt.Errorf("%s exists with other content; a chain's genesis never changes", path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("genesis: %w", err)
	}
	if err := writeFile(path, raw, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// CheckGenesis says why no ledger can begin with a genesis file; nil where one
// can.
func CheckGenesis(raw []byte) error {
	doc, err := parseDocument(raw)
	if err != nil {
		return err
	}
	_, err = provenance.ParseGenesis(doc.AppState)
	return err
}

// GenesisValidators returns the hash of the validators that a genesis file names,
// as the first header has it.
func GenesisValidators(raw []byte) (hash provenance.Hash, err error) {
	doc, err := parseDocument(raw)
	if err != nil {
		return hash, err
	}
	copy(hash[:], doc.ValidatorHash())
	return hash, nil
}

// LoadGenesis reads home's genesis file and returns it decoded, its exact bytes,
// and their SHA-256, which with the chain id names the log.
func LoadGenesis(home string) (doc *types.GenesisDoc, raw []byte, sum [32]byte, err error) {
	path := GenesisPath(home)
	raw, err = os.ReadFile(path)
	if err != nil {
		return nil, nil, sum, fmt.Errorf("genesis: %w; run init first or copy the network's genesis file there", err)
	}
	if doc, err = parseDocument(raw); err != nil {
		return nil, nil, sum, fmt.Errorf("genesis %s: %w", path, err)
	}
	return doc, raw, sha256.Sum256(raw), nil
}

// parseDocument decodes a genesis document, without the application's part, and
// refuses one that no ledger can begin with. It may be anybody's.
func parseDocument(raw []byte) (doc *types.GenesisDoc, err error) {
	defer recoverEngine(&err, "read a genesis document")
	doc, err = types.GenesisDocFromJSON(raw)
	switch {
	case err != nil:
		return nil, err
	case !provenance.ValidChainID(doc.ChainID): // SPEC(LOG-2)
		return nil, fmt.Errorf("the chain id %q is not 1 to 50 of A-Z, a-z, 0-9, '.', '_', '-'", doc.ChainID)
	case doc.InitialHeight != 1: // SPEC(GEN-1)
		return nil, fmt.Errorf("the initial height is %d, a ledger begins with 1", doc.InitialHeight)
	}
	doc.ValidatorHash() // panics on a set that cannot be
	return doc, nil
}

// checkGenesis compares sum with what the home started with. started says
// whether the engine's stores hold anything: only a home that never started may
// have no hash yet, and gets it here, before CometBFT keeps its own copy. A
// crash in between leaves a hash and empty stores, which is a first start again.
func checkGenesis(home string, sum [32]byte, started bool) error {
	path, now := filepath.Join(home, genesisHashFile), hex.EncodeToString(sum[:])
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !started:
		if err := writeFile(path, []byte(now+"\n"), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is missing, but the node has blocks; if %s (SHA-256 %s) is the chain's genesis, write that hash there", path, GenesisPath(home), now)
	case err != nil:
		return fmt.Errorf("genesis hash: %w", err)
	}
	if first := strings.TrimSpace(string(b)); first != now {
		return fmt.Errorf("%s changed: its SHA-256 is %s, but the node started with %s; restore the file, or start a new chain in a new home", GenesisPath(home), now, first)
	}
	return nil
}
