package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"tokentrail/ledger/app"
	"tokentrail/provenance"
	"tokentrail/provenance/label"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/profile"
	"tokentrail/verify/remote"
)

// demoProfiles are the laws that the demo's label is held against.
var demoProfiles = []string{"cn-gb45438-2025", "eu-aia-50", "us-ca-sb942"}

// trace reads the label of the picture, as whoever finds the file would, and
// walks from the record that it names to all that led to it.
func (d *demo) trace(ctx context.Context, address string) error {
	picture, err := os.ReadFile(d.picture)
	if err != nil {
		return err
	}
	file, err := label.Read(label.PNG, bytes.NewReader(picture), int64(len(picture)))
	if err != nil {
		return err
	}
	issuer, ref, err := label.ParseContentReference(file.AIGC.ProduceID)
	if err != nil {
		return err
	}
	d.say("Somebody finds the picture, reads its label and traces it, back to the data and with each step proven")
	graph, err := d.graph(ctx, address, provenance.ByRef(issuer, ref))
	if err != nil {
		return err
	}
	var tree bytes.Buffer
	if err := graph.WriteTree(&tree); err != nil {
		return err
	}
	for line := range strings.Lines(tree.String()) {
		d.detail("%s", strings.TrimRight(line, "\n"))
	}
	return d.holdLabel(graph, file, picture)
}

// graph traces a record, each entry proven under the genesis document.
func (d *demo) graph(ctx context.Context, address string, start provenance.RecordQuery) (*verify.Graph, error) {
	node, err := remote.New(address, remote.Options{UserAgent: "tokentraild demo"})
	if err != nil {
		return nil, err
	}
	document, err := os.ReadFile(app.GenesisPath(d.home))
	if err != nil {
		return nil, err
	}
	trust := verify.Trust{Genesis: &d.genesis}
	prover, err := verify.NewEntryProver(ctx, document, trust, light.Offline(trust, time.Now), node)
	if err != nil {
		return nil, err
	}
	graph, err := verify.Trace(ctx, remote.Lookup{Node: node}, prover, start, verify.Bounds{})
	if err != nil {
		return nil, err
	}
	if len(graph.Start) != 1 || len(graph.Findings) > 0 {
		return nil, fmt.Errorf("the trace found %d records and %d findings", len(graph.Start), len(graph.Findings))
	}
	return graph, nil
}

// holdLabel holds the label, and the picture that was found, against what the
// application signed.
func (d *demo) holdLabel(graph *verify.Graph, file *label.File, picture []byte) error {
	var signed *provenance.Record
	for _, n := range graph.Nodes {
		if n.Key == graph.Start[0] {
			signed = n.Record.Decoded
		}
	}
	value, err := label.KeyedCommitment(d.contentKey[:], label.PNG.Profile(), bytes.NewReader(picture), int64(len(picture)))
	if err != nil {
		return err
	}
	opens := bytes.Equal(signed.Content[0].Value, value[:])
	d.say("The label against what was signed, and against the laws")
	d.detail("the picture, without its label, is the one that was committed to: %t (with the key that %s handed over)", opens, demoApp)
	for _, id := range demoProfiles {
		p, err := profile.Find(id)
		if err != nil {
			return err
		}
		r := profile.Check(p, profile.Subject{Record: signed, Issuer: demoApp, File: file, Commitment: &opens, At: time.Now().UnixMilli()})
		d.detail("%-16s  %s (%d rules passed)", id, r.Verdict, r.Count(profile.Must, profile.Passed)+r.Count(profile.Should, profile.Passed))
	}
	if !opens {
		return fmt.Errorf("the picture is not the one that was committed to")
	}
	return nil
}
