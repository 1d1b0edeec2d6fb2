//go:build linux

package faults

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tokentrail/provenance"
)

// issuer is the provider of all tests.
const issuer = "acme"

// A network is some validators on this machine, and the provider that they
// admit.
type network struct {
	nodes   []*node
	key     crypto.Signer
	genesis provenance.Hash // what an auditor has to know
}

// newNetwork makes a network whose provider is this test.
func newNetwork(t testing.TB, validators int) *network {
	t.Helper()
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	public, err := provenance.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	net := newNetworkOf(t, validators, public.String())
	net.key = key
	return net
}

// newNetworkOf makes the homes of a network in a temporary directory; nothing
// runs yet. public is the provider's key, or its file; flags are further ones.
func newNetworkOf(t testing.TB, validators int, public string, flags ...string) *network {
	t.Helper()
	out, err := exec.Command(program("tokentraild"), append([]string{"localnet", "--init-only", "--dir", filepath.Join(t.TempDir(), "net"),
		"--validators", fmt.Sprint(validators), "--provider", issuer + ",US," + public}, flags...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("localnet: %v\n%s", err, out)
	}
	net := &network{}
	for home := range strings.Lines(string(out)) {
		net.nodes = append(net.nodes, openNode(t, strings.TrimSpace(home)))
	}
	if len(net.nodes) != validators {
		t.Fatalf("localnet made %d homes, wanted %d:\n%s", len(net.nodes), validators, out)
	}
	document, err := os.ReadFile(filepath.Join(net.nodes[0].home, "config", "genesis.json"))
	if err != nil {
		t.Fatal(err)
	}
	net.genesis = sha256.Sum256(document)
	return net
}

// start runs all nodes that are down and waits until they answer.
func (net *network) start(t testing.TB) {
	t.Helper()
	for _, n := range net.nodes {
		if n.cmd == nil {
			n.start(t)
		}
	}
	for _, n := range net.nodes {
		if err := n.up(t); err != nil {
			t.Fatal(err)
		}
	}
}

// stop ends all nodes well.
func (net *network) stop(t testing.TB) {
	t.Helper()
	for _, n := range net.nodes {
		if err := n.stop(); err != nil {
			t.Errorf("%s ended with %v\n%s", n.home, err, n.said)
		}
	}
}

// urls are where the nodes answer.
func (net *network) urls() []string {
	var urls []string
	for _, n := range net.nodes {
		urls = append(urls, n.url)
	}
	return urls
}

// settled waits until no node is catching up and all have the same height, log
// and app hash, with size entries at least, and returns them. An idle chain rests, so that
// they meet. A node that ends meanwhile is an error.
func (net *network) settled(size int64) (nodeStatus, error) {
	var seen string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var all []nodeStatus
		seen = ""
		for _, n := range net.nodes {
			if n.cmd == nil || n.gone() {
				return nodeStatus{}, fmt.Errorf("%s is down\n%s", n.home, n.said)
			}
			s, err := n.status()
			if err == nil {
				all = append(all, s)
			}
			seen += fmt.Sprintf("%s: %+v %v\n", n.url, s, err)
		}
		if same(all, len(net.nodes)) && all[0].LogSize >= size {
			return all[0], nil
		}
	}
	return nodeStatus{}, fmt.Errorf("the nodes do not agree within %s on a log of %d entries or more:\n%s", patience, size, seen)
}

func same(all []nodeStatus, n int) bool {
	if len(all) < n {
		return false
	}
	for _, s := range all {
		if s != all[0] || s.Behind {
			return false
		}
	}
	return true
}
