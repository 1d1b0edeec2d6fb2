package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// verify audits the whole ledger over HTTP, as an auditor would who trusts
// nothing of the node but has the genesis document's hash from elsewhere.
func (d *demo) verify(ctx context.Context, address string) error {
	d.say("An auditor verifies the whole ledger from genesis, over HTTP, trusting nothing that the node says")
	document, err := os.ReadFile(app.GenesisPath(d.home))
	if err != nil {
		return err
	}
	node, err := remote.New(address, remote.Options{UserAgent: "tokentraild demo"})
	if err != nil {
		return err
	}
	options := verify.Options{Now: time.Now}
	rand.Read(options.Seed[:]) // never fails (crypto/rand)
	report := light.Audit(ctx, node, verify.Trust{Genesis: new(provenance.Hash(sha256.Sum256(document)))}, options)
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		d.detail("%s", strings.TrimRight(line, "\n"))
	}
	if code := report.Exit(); code != 0 {
		return fmt.Errorf("the audit ended with %d", code)
	}
	return nil
}
