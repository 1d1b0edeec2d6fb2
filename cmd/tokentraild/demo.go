package main

import (
	"context"
	"crypto"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/ledger/api"
	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// What the demo claims of the trace, which says nothing of it.
const (
	demoIssuer  = "demo-host"
	demoStream  = "conversation"
	demoServing = "US"
	demoUsing   = "CN"
	demoModel   = "llama-2-70b"
	demoBasis   = "cn:standard-contract"
	demoBatch   = 2000 // records a statement
)

//go:embed trace/azure-llm-2023-conv.csv.zst
var demoTrace []byte

func demoCommand() *cobra.Command {
	var home, listen string
	var exit bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Sign, commit, verify and query a real trace, on a node of its own",
		Long: `demo makes a provider's key and a ledger with one validator, turns 19,366 requests
of a production trace into signed records, submits them over HTTP, verifies the
whole ledger from genesis as an auditor would, and asks it for the flow of tokens
between jurisdictions. Then a picture comes to be: a lab records its dataset, model
and evaluation, a host, a gateway and an application record the tokens, and the
picture with its label in it is traced back to its data. At last it leaves the
node running until it is interrupted.

Places and model are the demo's own claims and marked as asserted.`,
		Args: noArguments,
	}
	cmd.Flags().StringVar(&home, "home", "", "where the node's data goes; kept afterwards (default: a temporary directory, removed)")
	cmd.Flags().StringVar(&listen, "http", "127.0.0.1:0", "where the HTTP interface listens")
	cmd.Flags().BoolVar(&exit, "exit", false, "end when all is shown instead of leaving the node running")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		log, err := logger(cmd)
		if err != nil {
			return err
		}
		if home == "" {
			temporary, err := os.MkdirTemp("", "tokentrail-demo-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(temporary)
			home = filepath.Join(temporary, "node")
		}
		d := &demo{out: cmd.OutOrStdout(), home: home, listen: listen}
		return d.run(cmd.Context(), exit, log)
	}
	return cmd
}

// demo is one run of the demo.
type demo struct {
	out    io.Writer
	home   string
	listen string
	step   int
	keys   map[string]crypto.Signer // by provider

	picture    string          // path of the picture with its label
	contentKey [32]byte        // of the commitment to it: with it, whoever has the picture can check it
	genesis    provenance.Hash // SHA-256 of the genesis document, as an auditor has it from elsewhere
}

func (d *demo) say(format string, args ...any) {
	d.step++
	fmt.Fprintf(d.out, "\n%d. "+format+"\n", append([]any{d.step}, args...)...)
}

func (d *demo) detail(format string, args ...any) { fmt.Fprintf(d.out, "   "+format+"\n", args...) }

func (d *demo) run(ctx context.Context, exit bool, log *slog.Logger) (err error) {
	if d.keys, err = keysOf(); err != nil {
		return err
	}
	providers, err := d.introduce()
	if err != nil {
		return err
	}
	node, err := d.startNode(ctx, providers, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.close()) }()

	records, err := d.importTrace()
	if err != nil {
		return err
	}
	if err := d.submit(ctx, node.url(), records); err != nil {
		return err
	}
	for _, step := range []func(context.Context, string) error{d.paint, d.verify, d.flows, d.trace} {
		if err := step(ctx, node.url()); err != nil {
			return err
		}
	}
	if exit {
		return nil
	}
	d.say("The node goes on; interrupt it to end")
	d.detail("http   %s      (try %s/v1/status, %s/checkpoint)", node.url(), node.url(), node.url())
	d.detail("peers  %s", node.node.P2PAddress())
	d.detail("verify it yourself:  go run ./cmd/tokentrail verify --node %s --genesis %s", node.url(), d.genesis)
	d.detail("trace the picture:   go run ./cmd/tokentrail trace %s --node %s --genesis %s", d.picture, node.url(), d.genesis)
	d.detail("ask it:              go run ./cmd/tokentrail flows --node %s --from %s --to %s --by model", node.url(), demoUsing, demoServing)
	return node.wait(ctx)
}

// introduce tells who takes part, and returns them as a genesis document has them.
func (d *demo) introduce() ([]string, error) {
	d.say("Providers make keys")
	var providers []string
	for _, p := range demoCast() {
		public, err := provenance.NewPublicKey(d.keys[p.id].Public())
		if err != nil {
			return nil, err
		}
		d.detail("%-12s  %s  signs with %s", p.id, p.jurisdiction, public)
		providers = append(providers, p.id+","+p.jurisdiction+","+public.String())
	}
	return providers, nil
}

// startNode makes the home of a ledger that admits the providers, and starts it.
func (d *demo) startNode(ctx context.Context, providers []string, log *slog.Logger) (*daemon, error) {
	err := initHome(&initOptions{
		home: d.home, chainID: "demo-" + time.Now().UTC().Format("20060102-150405"), moniker: "demo",
		providers: providers, http: d.listen, p2p: "127.0.0.1:0",
	})
	if err != nil {
		return nil, err
	}
	node, err := startDaemon(ctx, d.home, api.Limits{}, log)
	var busy *net.OpError
	if errors.As(err, &busy) && busy.Op == "listen" {
		return nil, fmt.Errorf("listen for http at %s: %w; choose another address with --http", d.listen, busy.Err)
	}
	if err != nil {
		return nil, err
	}
	if err := node.node.WaitHeight(ctx, 1); err != nil {
		return nil, errors.Join(err, node.close())
	}
	d.say("A ledger begins, with one validator that admits them")
	document, err := os.ReadFile(app.GenesisPath(d.home))
	if err != nil {
		return nil, errors.Join(err, node.close())
	}
	d.genesis = sha256.Sum256(document)
	d.detail("%s, genesis %s", node.url(), d.genesis)
	return node, nil
}
