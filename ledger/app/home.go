package app

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
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

// NodeConfig is config/node.json: what a node needs to know beside genesis and
// its keys. Addresses are host:port; port 0 means a free one at each start.
type NodeConfig struct {
	Moniker string `json:"moniker"` // a name for logs and peers
	HTTP    string `json:"http"`    // the ledger's HTTP API
	P2P     string `json:"p2p"`     // CometBFT's peers
	RPC     string `json:"rpc"`     // CometBFT's RPC; empty for none
	// PersistentPeers are the nodes to dial, each node-id@host:port. Of two nodes
	// one need name the other.
	PersistentPeers []string `json:"persistent_peers"`
}

// Identity is the public side of a home's keys.
type Identity struct {
	NodeID    string            // how peers name the node: 40 hex digits
	Validator ed25519.PublicKey // signs blocks
}

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

// WriteNodeConfig writes config/node.json, replacing it.
func WriteNodeConfig(home string, c NodeConfig) error {
	if c.PersistentPeers == nil {
		c.PersistentPeers = []string{}
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = writeFile(filepath.Join(home, nodeFile), append(b, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", nodeFile, home, err)
	}
	return nil
}

// LoadNodeConfig reads config/node.json. Keys that it does not know are errors,
// so that a misspelt setting is not silently a default.
func LoadNodeConfig(home string) (NodeConfig, error) {
	path := filepath.Join(home, nodeFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return NodeConfig{}, fmt.Errorf("node configuration: %w; run init first", err)
	}
	var c NodeConfig
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return NodeConfig{}, fmt.Errorf("node configuration %s: %w", path, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return NodeConfig{}, fmt.Errorf("node configuration %s: something follows the object", path)
	}
	for name, addr := range map[string]string{"http": c.HTTP, "p2p": c.P2P, "rpc": c.RPC} {
		if addr == "" && name == "rpc" {
			continue
		}
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return NodeConfig{}, fmt.Errorf("node configuration %s: %s is not host:port: %w", path, name, err)
		}
	}
	return c, nil
}

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
// refuses one that no ledger can begin with.
func parseDocument(raw []byte) (*types.GenesisDoc, error) {
	doc, err := types.GenesisDocFromJSON(raw)
	switch {
	case err != nil:
		return nil, err
	case !provenance.ValidChainID(doc.ChainID): // SPEC(LOG-2)
		return nil, fmt.Errorf("the chain id %q is not 1 to 50 of A-Z, a-z, 0-9, '.', '_', '-'", doc.ChainID)
	case doc.InitialHeight != 1: // SPEC(GEN-1)
		return nil, fmt.Errorf("the initial height is %d, a ledger begins with 1", doc.InitialHeight)
	}
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

// Localnet describes a network of validators on this machine.
type Localnet struct {
	ChainID    string
	Validators int
	Time       time.Time // of genesis
	AppState   json.RawMessage
	// BasePort is the first of 3 ports for each validator (HTTP, P2P, RPC); 0
	// takes free ones.
	BasePort int
}

// InitLocalnet makes the homes dir/node0, dir/node1, ... of a network on
// 127.0.0.1 with one genesis, each with those before it as persistent peers, and
// returns their paths. Each pair has one side that dials: where both do at once,
// each may drop the other's connection as the duplicate of its own.
func InitLocalnet(dir string, l Localnet) ([]string, error) {
	if l.Validators < 1 {
		return nil, fmt.Errorf("localnet in %s: needs at least one validator, not %d", dir, l.Validators)
	}
	ports := make([]int, 3*l.Validators)
	for i := range ports {
		ports[i] = l.BasePort + i
	}
	if l.BasePort == 0 {
		var err error
		if ports, err = FreePorts(len(ports)); err != nil {
			return nil, err
		}
	}
	g := Genesis{ChainID: l.ChainID, Time: l.Time, AppState: l.AppState}
	homes, configs, peers := make([]string, l.Validators), make([]NodeConfig, l.Validators), make([]string, l.Validators)
	for i := range homes {
		name := "node" + strconv.Itoa(i)
		homes[i] = filepath.Join(dir, name)
		configs[i] = NodeConfig{Moniker: name, HTTP: local(ports[3*i]), P2P: local(ports[3*i+1]), RPC: local(ports[3*i+2])}
		id, err := InitHome(homes[i], configs[i])
		if err != nil {
			return nil, err
		}
		peers[i] = id.NodeID + "@" + configs[i].P2P
		g.Validators = append(g.Validators, Validator{PubKey: id.Validator, Power: 10, Name: name})
	}
	for i, home := range homes {
		configs[i].PersistentPeers = peers[:i]
		if err := WriteNodeConfig(home, configs[i]); err != nil {
			return nil, err
		}
		if _, err := WriteGenesis(home, g); err != nil {
			return nil, err
		}
	}
	return homes, nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func joinPeers(peers []string) string { return strings.Join(peers, ",") }

// FreePorts returns n different TCP ports of 127.0.0.1 that were free a moment
// ago; another process may still take one.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // all at the end, so that none is found twice
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// HomeLock is held by the one process that uses a home.
type HomeLock struct{ f *os.File }

// LockHome takes home's lock. The kernel drops it when the process ends in
// whatever way; the file stays and names the last holder.
func LockHome(home string) (*HomeLock, error) {
	path := filepath.Join(home, lockFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		return nil, fmt.Errorf("lock %s: process %s uses this home; stop it first", home, strings.TrimSpace(string(holder)))
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", home, err)
	}
	return &HomeLock{f}, nil
}

// Close gives the lock back.
func (l *HomeLock) Close() error { return l.f.Close() }

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
