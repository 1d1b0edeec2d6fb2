package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// defaultTrustPeriod is how long a trusted header stays trustworthy: validators
// who left longer ago may have nothing to lose by signing another history.
const defaultTrustPeriod = 14 * 24 * time.Hour

// joinFlags are those of init and rejoin by which a node begins with the state of
// a running network.
type joinFlags struct {
	urls    []string
	trust   string
	period  time.Duration
	genesis string // SHA-256 of the genesis document
}

func (j *joinFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&j.urls, "join", nil, "take the ledger's state from a running node: its HTTP address (repeatable: they are compared)")
	f.StringVar(&j.trust, "trust", "", "with --join: a header that you trust, as height:hash, from an operator whom you trust")
	f.DurationVar(&j.period, "trust-period", defaultTrustPeriod, "with --trust: how old that header may be")
	f.StringVar(&j.genesis, "genesis-hash", "", "with --join: the SHA-256 of the genesis document, to be compared")
}

// anchor is what the flags say is trusted.
func (j *joinFlags) anchor() (verify.Trust, error) {
	t := verify.Trust{Period: j.period}
	if j.trust == "" {
		return t, usageError{errors.New("--join needs --trust HEIGHT:HASH: the nodes that answer are not trusted, so ask an operator whom you trust for a height and its header's hash; 'tokentrail status --node URL' shows both of a node")}
	}
	height, hash, _ := strings.Cut(j.trust, ":")
	var err error
	if t.Height, err = strconv.ParseInt(height, 10, 64); err != nil || t.Height < 1 || t.Hash.UnmarshalText([]byte(hash)) != nil {
		return t, usageError{fmt.Errorf("--trust %q: want height:hash, a header's height and its hash, 64 hex digits", j.trust)}
	}
	if j.period <= 0 {
		return t, usageError{fmt.Errorf("--trust-period %s: want more than nothing", j.period)}
	}
	if j.genesis != "" {
		t.Genesis = new(provenance.Hash)
		if t.Genesis.UnmarshalText([]byte(j.genesis)) != nil {
			return t, usageError{fmt.Errorf("--genesis-hash %q: want 64 hex digits, as 'sha256sum' prints them", j.genesis)}
		}
	}
	return t, nil
}

// joined is what a node begins with: a state that a trusted header carries.
type joined struct {
	genesis []byte
	joint   *app.Joint
	sources []string // addresses of the nodes that were asked
	peers   []string // where those are found by peers
}

// fetch gets the newest state from the nodes and verifies it from the trusted
// header on. SPEC(NOD-34)
func (j *joinFlags) fetch(ctx context.Context, log *slog.Logger) (*joined, error) {
	trust, err := j.anchor()
	if err != nil {
		return nil, err
	}
	if len(j.urls) > maxJoined {
		return nil, usageError{fmt.Errorf("--join names %d nodes, at most %d are asked", len(j.urls), maxJoined)}
	}
	nodes, err := sourcesOf(j.urls)
	if err != nil {
		return nil, usageError{err}
	}
	out := &joined{}
	if out.genesis, err = sameGenesis(ctx, nodes, trust.Genesis); err != nil {
		return nil, err
	}
	raw, err := nodes[0].Frontier(ctx)
	if err != nil {
		return nil, fmt.Errorf("get the ledger's state from %s: %w", nodes[0].URL(), err)
	}
	if out.joint, err = app.ParseJoint(raw); err != nil {
		return nil, fmt.Errorf("the state that %s gave: %w", nodes[0].URL(), err)
	}
	if err := verifyJoint(ctx, nodes[0], out, trust); err != nil {
		return nil, err
	}
	for _, n := range nodes[1:] {
		if err := sameHeader(ctx, n, out.joint, log); err != nil {
			return nil, err
		}
	}
	for _, n := range nodes {
		out.sources = append(out.sources, n.URL())
		peer, err := peerOf(ctx, n)
		var wrong *peerError
		switch {
		case errors.As(err, &wrong):
			return nil, fmt.Errorf("%s says that peers find it at an address that is none: %w; ask another node", n.URL(), err)
		case err != nil:
			log.Warn("a node does not say where peers find it; name it with --peer", "node", n.URL(), "error", err)
		default:
			out.peers = append(out.peers, peer)
		}
	}
	return out, nil
}

func sourcesOf(urls []string) ([]*remote.Node, error) {
	var out []*remote.Node
	for _, u := range urls {
		n, err := remote.New(u, remote.Options{Timeout: 10 * time.Minute, UserAgent: "tokentraild"})
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// sameGenesis returns the genesis document that all nodes give.
func sameGenesis(ctx context.Context, nodes []*remote.Node, want *provenance.Hash) ([]byte, error) {
	var first []byte
	for i, n := range nodes {
		raw, err := n.Genesis(ctx)
		if err != nil {
			return nil, fmt.Errorf("get the genesis document: %w", err)
		}
		sum := provenance.Hash(sha256.Sum256(raw))
		switch {
		case want != nil && sum != *want:
			return nil, fmt.Errorf("%s gives a genesis document with the SHA-256 %s, wanted %s: it is of another ledger, or lies", n.URL(), sum, want)
		case i == 0:
			first = raw
		case !bytes.Equal(raw, first):
			return nil, fmt.Errorf("%s and %s give different genesis documents: one of them is of another ledger, or lies", nodes[0].URL(), n.URL())
		}
	}
	if err := app.CheckGenesis(first); err != nil {
		return nil, fmt.Errorf("the genesis document of %s: %w", nodes[0].URL(), err)
	}
	return first, nil
}

// verifyJoint verifies the headers that carry the state, from the trusted one on,
// and that genesis is of that chain.
func verifyJoint(ctx context.Context, n *remote.Node, j *joined, trust verify.Trust) error {
	headers := light.FromHeader(n, trust, time.Now)
	if err := headers.Start(ctx, j.genesis); err != nil {
		return fmt.Errorf("verify the headers of %s: %w", n.URL(), err)
	}
	for _, raw := range [][]byte{j.joint.RawCurrent, j.joint.RawLast} {
		if _, err := headers.Open(ctx, raw); err != nil {
			return fmt.Errorf("verify the headers of %s: %w", n.URL(), err)
		}
	}
	return j.joint.CheckGenesis(j.genesis)
}

// sameHeader refuses a state of whose header another node knows another one. A
// node that does not have the height says nothing.
func sameHeader(ctx context.Context, n *remote.Node, j *app.Joint, log *slog.Logger) error {
	height, want := j.Current.Height, j.Current.Hash()
	page, err := n.Headers(ctx, height, 1)
	if err != nil || len(page) == 0 {
		log.Warn("a node could not be asked whether it has the same ledger", "node", n.URL(), "height", height, "error", err)
		return nil
	}
	h, err := app.ReadLightBlock(page[0])
	if err != nil {
		return fmt.Errorf("the header of height %d that %s gave: %w", height, n.URL(), err)
	}
	if h.Height != height || !bytes.Equal(h.Hash[:], want) {
		return fmt.Errorf("%s has the header %s at height %d, the state is of one with %s: one of the nodes is on a fork; find out which before you join", n.URL(), h.Hash, height, want)
	}
	return nil
}

// joinHome makes the home of a node that joins. It is made beside its place and
// moved there whole.
func joinHome(ctx context.Context, o *initOptions, log *slog.Logger) (j *joined, err error) {
	if o.genesis != "" || o.chainID != "" || len(o.providers)+len(o.validators) > 0 {
		return nil, usageError{errors.New("--join takes chain and genesis from a running node; leave out --chain-id, --genesis, --provider and --validator")}
	}
	if err := o.checkAddresses(); err != nil {
		return nil, err
	}
	home := filepath.Clean(o.home)
	lock, err := app.LockPlace(home)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if left, err := os.ReadDir(home); err == nil && len(left) > 0 {
		return nil, fmt.Errorf("init %s: there is something already; choose another directory, or for a node that was away too long 'tokentraild rejoin'", home)
	}
	if j, err = o.join.fetch(ctx, log); err != nil {
		return nil, err
	}
	conf := o.config()
	conf.History = j.sources
	conf.PersistentPeers = append(conf.PersistentPeers, j.peers...)
	if len(conf.PersistentPeers) == 0 {
		return nil, errors.New("none of the nodes says where peers find it; name one with --peer node-id@host:port")
	}
	staging := home + ".joining"
	if err := os.RemoveAll(staging); err != nil { // of a join that was killed
		return nil, err
	}
	if err := makeJoined(staging, conf, j, log); err != nil {
		return nil, errors.Join(err, os.RemoveAll(staging))
	}
	if err := app.MoveHome(staging, home); err != nil {
		return nil, errors.Join(err, os.RemoveAll(staging))
	}
	return j, j.fillPast(ctx, home, log)
}

// fillPast gives the engine of the home that was made the headers by which it
// judges evidence. A node that somebody has started already gets them itself.
func (j *joined) fillPast(ctx context.Context, home string, log *slog.Logger) error {
	lock, err := app.LockHome(home)
	if err != nil {
		log.Warn(lacksPast, "home", home, "error", err)
		return nil
	}
	return errors.Join(fillPast(ctx, home, pastFrom(j.sources), log), lock.Close())
}

func makeJoined(home string, conf app.NodeConfig, j *joined, log *slog.Logger) error {
	if _, err := app.InitHome(home, conf); err != nil {
		return err
	}
	if err := newReceiptKey(home); err != nil {
		return err
	}
	if err := app.InstallGenesis(home, j.genesis); err != nil {
		return err
	}
	return app.Bootstrap(home, j.joint, log)
}

// said tells what was joined.
func (j *joined) said() string {
	head := j.joint.Head()
	return fmt.Sprintf("joined %s at height %d, app hash %s\ngenesis %x (SHA-256: compare it with what others have)\nthe %d entries before are fetched while the node runs",
		j.joint.Current.ChainID, head.Height, head.AppHash, sha256.Sum256(j.genesis), head.Size)
}
