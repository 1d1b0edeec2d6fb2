package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// verify audits the whole ledger over HTTP, as an auditor would who trusts
// nothing of the node but has the genesis document's hash from elsewhere.
func (d *demo) verify(ctx context.Context, address string) error {
	d.say("An auditor verifies the whole ledger from genesis, over HTTP, trusting nothing that the node says")
	node, err := remote.New(address, remote.Options{UserAgent: "tokentraild demo"})
	if err != nil {
		return err
	}
	options := verify.Options{Now: time.Now}
	rand.Read(options.Seed[:]) // never fails (crypto/rand)
	report := light.Audit(ctx, node, verify.Trust{Genesis: &d.genesis}, options)
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
