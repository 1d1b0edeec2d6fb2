package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// Where a node listens if nothing else is said.
const (
	defaultHTTP = "127.0.0.1:7480"
	defaultP2P  = "127.0.0.1:7481"
)

type initOptions struct {
	home, chainID, moniker, genesis string
	providers, validators, peers    []string
	http, p2p, rpc                  string
	govern                          governFlags
	join                            joinFlags
	given                           func(flag string) bool // whether a flag was said; nil: all were
}

// config is what the options say for config/node.json.
func (o *initOptions) config() app.NodeConfig {
	return app.NodeConfig{
		Moniker: o.moniker, HTTP: o.http, P2P: o.p2p, RPC: o.rpc, PersistentPeers: o.peers,
		Retention: app.DefaultRetention(),
	}
}

func initCommand() *cobra.Command {
	var o initOptions
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a home: keys, genesis and configuration",
		Long: `init makes the home of a new node: a validator key, a node key, a key for
receipts, config/node.json and config/genesis.json.

With --chain-id it begins a new chain with this node as validator, and with those
that --validator names. The genesis file then goes, unchanged, to the other nodes,
which give it with --genesis.

Without either it makes the keys only. 'tokentraild show' prints them for whoever
makes the genesis file; then init is run again, with --genesis or --chain-id.

With --join it joins a network that runs: it takes the newest state of the ledger
from the node of that address, verified from the header that --trust names, and
fetches what came before while it runs.`,
		Example: `  tokentrail key new ./acme
  tokentraild init --home node --chain-id acme-1 --provider acme,US,acme.pub
  tokentraild start --home node
  tokentraild init --home node2 && tokentraild show --home node2
  tokentraild init --home node5 --join http://10.0.0.2:7480 --trust 120000:64-hex-digits`,
		Args: noArguments,
	}
	home := homeFlag(cmd)
	o.join.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.chainID, "chain-id", "", "begin a new chain of this name")
	f.StringVar(&o.moniker, "name", "node", "the node's name for logs and peers")
	f.StringVar(&o.genesis, "genesis", "", "be there from a chain's beginning: its genesis file")
	f.StringArrayVar(&o.providers, "provider", nil, "admit a provider: id,jurisdiction[+jurisdiction],key; key is in text or a .pub file (repeatable)")
	o.govern.add(cmd)
	f.StringArrayVar(&o.validators, "validator", nil, "another validator: name,power,ed25519:key (repeatable; 'tokentraild show' prints it)")
	f.StringArrayVar(&o.peers, "peer", nil, "a node to connect to: node-id@host:port (repeatable)")
	f.StringVar(&o.http, "http", defaultHTTP, "where the HTTP interface listens")
	f.StringVar(&o.p2p, "p2p", defaultP2P, "where peers connect")
	f.StringVar(&o.rpc, "rpc", "", "where CometBFT's RPC listens (none by default)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o.home = *home
		if len(o.join.urls) > 0 {
			log, err := logger(cmd)
			if err != nil {
				return err
			}
			j, err := joinHome(cmd.Context(), &o, log)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), j.said())
		} else {
			o.given = cmd.Flags().Changed
			if err := initHome(&o); err != nil {
				return err
			}
		}
		return o.said(cmd.OutOrStdout())
	}
	return cmd
}

// initHome makes the home that o describes.
func initHome(o *initOptions) error {
	if err := o.checkFlags(); err != nil {
		return err
	}
	if o.keysOnly() {
		if err := o.checkAddresses(); err != nil {
			return err
		}
		_, err := o.identity()
		return err
	}
	var raw []byte
	var err error
	if o.genesis != "" {
		if raw, err = os.ReadFile(o.genesis); err != nil {
			return err
		}
	}
	state, err := appState(o.providers, &o.govern)
	if err != nil {
		return err
	}
	others, err := parseValidators(o.validators)
	if err != nil {
		return err
	}
	// What can be wrong is found before anything is made, so that init can be
	// run again.
	if err := checkGenesis(o, raw, state, others); err != nil {
		return err
	}
	id, err := o.identity()
	if err != nil {
		return err
	}
	if raw != nil {
		return app.InstallGenesis(o.home, raw)
	}
	self := app.Validator{PubKey: id.Validator, Power: 10, Name: o.moniker}
	_, err = app.WriteGenesis(o.home, app.Genesis{
		ChainID: o.chainID, Time: time.Now(), Validators: append([]app.Validator{self}, others...), AppState: state,
	})
	return err
}

// checkGenesis says what is wrong with the genesis document to be, and with the
// addresses.
func checkGenesis(o *initOptions, raw, state []byte, others []app.Validator) error {
	if err := o.checkAddresses(); err != nil {
		return err
	}
	if raw != nil {
		if err := app.CheckGenesis(raw); err != nil {
			return fmt.Errorf("%s: %w", o.genesis, err)
		}
		return nil
	}
	key, _, err := ed25519.GenerateKey(rand.Reader) // in the place of the one to be made
	if err != nil {
		return err
	}
	self := app.Validator{PubKey: key, Power: 10, Name: o.moniker}
	_, err = app.Genesis{ChainID: o.chainID, Time: time.Now(), Validators: append([]app.Validator{self}, others...), AppState: state}.Bytes()
	return err
}

// checkAddresses says which address is none.
func (o *initOptions) checkAddresses() error {
	for _, a := range []struct{ flag, value string }{{"--http", o.http}, {"--p2p", o.p2p}, {"--rpc", o.rpc}} {
		if _, _, err := net.SplitHostPort(a.value); err != nil && (a.value != "" || a.flag != "--rpc") {
			return usageError{fmt.Errorf("%s %q: want host:port", a.flag, a.value)}
		}
	}
	return checkPeers(o.peers)
}

// appState makes the genesis document's app_state of --provider values and of who
// governs.
func appState(providers []string, govern *governFlags) (json.RawMessage, error) {
	g := provenance.Genesis{Format: 1, RuleSet: provenance.RuleVersion, Providers: []provenance.GenesisProvider{}}
	for _, text := range providers {
		p, err := parseProvider(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--provider %q: %w", text, err)}
		}
		g.Providers = append(g.Providers, *p)
	}
	var err error
	if g.Governance, err = govern.genesis(); err != nil {
		return nil, err
	}
	b, err := json.Marshal(g)
	if err != nil {
		return nil, err
	}
	_, err = provenance.ParseGenesis(b)
	return b, err
}

// parseProvider reads "id,jurisdiction[+jurisdiction],key".
func parseProvider(text string) (*provenance.GenesisProvider, error) {
	parts := strings.SplitN(text, ",", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("want id,jurisdiction,key")
	}
	key, err := publicKey(parts[2])
	if err != nil {
		return nil, err
	}
	return &provenance.GenesisProvider{
		ID: parts[0], Name: parts[0], Jurisdictions: strings.Split(parts[1], "+"), Keys: []string{key.String()},
	}, nil
}

// publicKey reads a key in text, or from a file that holds it.
func publicKey(text string) (provenance.PublicKey, error) {
	if strings.HasPrefix(text, "ed25519:") || strings.HasPrefix(text, "es256:") {
		return provenance.ParsePublicKey(text)
	}
	b, err := os.ReadFile(text)
	if err != nil {
		return provenance.PublicKey{}, fmt.Errorf("the key is neither ed25519:… or es256:… nor a file: %w", err)
	}
	if bytes.HasPrefix(b, []byte("-----BEGIN")) {
		return provenance.PublicKey{}, fmt.Errorf("%s is a secret key's file; give the public one, %s.pub", text, text)
	}
	return provenance.ParsePublicKey(strings.TrimSpace(string(b)))
}

func parseValidators(texts []string) ([]app.Validator, error) {
	var out []app.Validator
	for _, text := range texts {
		v, err := parseValidator(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--validator %q: %w", text, err)}
		}
		out = append(out, *v)
	}
	return out, nil
}

// parseValidator reads "name,power,ed25519:key".
func parseValidator(text string) (*app.Validator, error) {
	parts := strings.SplitN(text, ",", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("want name,power,key")
	}
	power, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || power < 1 {
		return nil, fmt.Errorf("power %q is not a number from 1", parts[1])
	}
	key, err := publicKey(parts[2])
	if err != nil {
		return nil, err
	}
	pub, ok := key.Crypto().(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("validators have Ed25519 keys")
	}
	return &app.Validator{PubKey: pub, Power: power, Name: parts[0]}, nil
}

func showCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print a home's node id, validator key and addresses",
		Args:  noArguments,
	}
	home := homeFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		conf, err := app.LoadNodeConfig(*home) // first: it says where there is no home
		if err != nil {
			return err
		}
		id, err := app.LoadIdentity(*home)
		if err != nil {
			return err
		}
		key, err := provenance.NewPublicKey(id.Validator)
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "node id    %s\nvalidator  %s\npeers      %s@%s\nhttp       http://%s\n", id.NodeID, key, id.NodeID, conf.P2P, conf.HTTP)
		if doc, _, sum, err := app.LoadGenesis(*home); err == nil {
			fmt.Fprintf(cmd.OutOrStdout(), "chain      %s\ngenesis    %x (SHA-256: what auditors have to know)\n", doc.ChainID, sum)
			if g, err := provenance.ParseGenesis(doc.AppState); err == nil && g.Governance != nil {
				fmt.Fprintf(cmd.OutOrStdout(), "governed   by %d of %d keys at genesis; 'tokentrail gov show' says by whom now\n", g.Governance.Threshold, len(g.Governance.Keys))
			}
		}
		return nil
	}
	return cmd
}
