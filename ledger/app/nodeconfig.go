package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

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
	// History are the HTTP addresses of nodes from which this one fetches the
	// history that it lacks, as http://host:port.
	History []string `json:"history,omitempty"`
	Retention
	Upkeep
}

// Retention says which of the engine's blocks are kept (SPEC(NOD-31)): those that
// any of the three wants, or the age of evidence. What the blocks carried is in
// the ledger, and their headers are in its archive for ever.
type Retention struct {
	// Blocks is how many of the newest are kept at least; 0: all, whatever else
	// is said.
	Blocks int64 `json:"retain_blocks"`
	// Age is how much older than the newest block a block is kept at least.
	Age Duration `json:"retain"`
	// Bytes is how much the newest blocks that are kept hold at least. Below
	// 64 MiB the engine may not be able to replay what a damaged write-ahead log
	// of the ledger takes along; the node then has to join again.
	Bytes int64 `json:"retain_bytes"`
}

// DefaultRetention is what holds where config/node.json does not say.
func DefaultRetention() Retention {
	return Retention{Blocks: 100_000, Age: Duration(7 * 24 * time.Hour), Bytes: 64 << 20}
}

// Duration is a time.Duration that is text in JSON, as "168h0m0s".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// WriteNodeConfig writes config/node.json, replacing it.
func WriteNodeConfig(home string, c NodeConfig) error {
	if c.PersistentPeers == nil {
		c.PersistentPeers = []string{}
	}
	if c.Upkeep == (Upkeep{}) {
		c.Upkeep = DefaultUpkeep()
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
	c := NodeConfig{Retention: DefaultRetention(), Upkeep: DefaultUpkeep()}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return NodeConfig{}, fmt.Errorf("node configuration %s: %w", path, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return NodeConfig{}, fmt.Errorf("node configuration %s: something follows the object", path)
	}
	if err := c.check(); err != nil {
		return NodeConfig{}, fmt.Errorf("node configuration %s: %w", path, err)
	}
	return c, nil
}

// check says what is wrong with a configuration.
func (c *NodeConfig) check() error {
	for _, a := range []struct{ name, addr string }{{"http", c.HTTP}, {"p2p", c.P2P}, {"rpc", c.RPC}} {
		if a.addr == "" && a.name == "rpc" {
			continue
		}
		if _, _, err := net.SplitHostPort(a.addr); err != nil {
			return fmt.Errorf("%s is not host:port: %w", a.name, err)
		}
	}
	for _, h := range c.History {
		if u, err := url.Parse(h); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("history: %q is not a node's address such as http://127.0.0.1:7480", h)
		}
	}
	if err := c.Upkeep.Check(); err != nil {
		return err
	}
	if c.Blocks < 0 || c.Age < 0 || c.Bytes < 0 {
		return fmt.Errorf("retain_blocks, retain and retain_bytes are %d, %s and %d; none may be below 0", c.Blocks, time.Duration(c.Age), c.Bytes)
	}
	return nil
}
