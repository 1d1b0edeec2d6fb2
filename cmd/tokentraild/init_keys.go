package main

import (
	"bytes"
	"fmt"
	"io"

	"tokentrail/ledger/app"
)

// said tells what was made, and what comes next.
func (o *initOptions) said(out io.Writer) error {
	if o.keysOnly() {
		_, err := fmt.Fprintf(out, "made the keys of %s\nnext: give what 'tokentraild show --home %s' prints to whoever makes the genesis file; then tokentraild init --home %s --genesis FILE --peer ID@HOST:PORT\n", o.home, o.home, o.home)
		return err
	}
	_, err := fmt.Fprintf(out, "made %s\n%snext: tokentraild start --home %s\n", o.home, o.role(), o.home)
	return err
}

// role tells whether the home's key is a validator's at genesis, where the document
// comes from elsewhere.
func (o *initOptions) role() string {
	if o.genesis == "" {
		return ""
	}
	id, err := app.LoadIdentity(o.home)
	doc, _, _, failed := app.LoadGenesis(o.home)
	if err != nil || failed != nil {
		return "" // made a moment ago; start will say it
	}
	for _, v := range doc.Validators {
		if bytes.Equal(v.PubKey.Bytes(), id.Validator) {
			return fmt.Sprintf("it is a validator of %s with the power %d\n", doc.ChainID, v.Power)
		}
	}
	return fmt.Sprintf("it is no validator of %s: the genesis file does not have its key\n", doc.ChainID)
}

// keysOnly says that the home is to be of no chain yet.
func (o *initOptions) keysOnly() bool {
	return o.genesis == "" && o.chainID == "" && len(o.join.urls) == 0
}

// checkFlags says which of them do not go together.
func (o *initOptions) checkFlags() error {
	switch {
	case o.genesis != "" && o.chainID != "":
		return usageError{fmt.Errorf("--chain-id is for a new chain; that of --genesis has its name already")}
	case o.genesis != "" && (len(o.govern.keys) > 0 || o.govern.threshold != 0):
		return usageError{fmt.Errorf("--governance-key and --threshold are for a new chain; in that of --genesis they stand already")}
	case o.genesis != "" && len(o.providers)+len(o.validators) > 0:
		return usageError{fmt.Errorf("--provider and --validator are for a new chain; in that of --genesis they stand already")}
	case o.join.trust != "" || o.join.genesis != "":
		return usageError{fmt.Errorf("--trust and --genesis-hash go with --join")}
	case o.keysOnly() && (len(o.providers)+len(o.validators)+len(o.govern.keys) > 0 || o.govern.threshold != 0):
		return usageError{fmt.Errorf("--provider, --validator, --governance-key and --threshold are for a new chain; give its name with --chain-id")}
	}
	return nil
}

// identity makes the home's keys and configuration, or takes the keys that an init
// without a chain has made, and then changes of the configuration what was said.
func (o *initOptions) identity() (app.Identity, error) {
	if o.keysOnly() || !app.HasOnlyKeys(o.home) {
		id, err := app.InitHome(o.home, o.config())
		if err != nil {
			return id, err
		}
		return id, newReceiptKey(o.home)
	}
	c, err := app.LoadNodeConfig(o.home)
	if err != nil {
		return app.Identity{}, err
	}
	for _, f := range []struct {
		flag      string
		to, value *string
	}{{"name", &c.Moniker, &o.moniker}, {"http", &c.HTTP, &o.http}, {"p2p", &c.P2P, &o.p2p}, {"rpc", &c.RPC, &o.rpc}} {
		if o.given == nil || o.given(f.flag) {
			*f.to = *f.value
		}
	}
	if len(o.peers) > 0 {
		c.PersistentPeers = o.peers
	}
	o.moniker = c.Moniker
	if err := app.WriteNodeConfig(o.home, c); err != nil {
		return app.Identity{}, err
	}
	return app.LoadIdentity(o.home)
}
