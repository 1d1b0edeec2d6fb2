package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
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
