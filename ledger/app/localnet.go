package app

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

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
		configs[i] = NodeConfig{Moniker: name, HTTP: local(ports[3*i]), P2P: local(ports[3*i+1]), RPC: local(ports[3*i+2]), Retention: DefaultRetention()}
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
