package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"time"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

// Who takes part in the demo's chain beside its host, and the ref of each one's
// record.
const (
	demoLab     = "demo-lab"
	demoGateway = "demo-gateway"
	demoApp     = "demo-app"

	demoDataset    = "corpus-2026-10"
	demoWeights    = "painter-8b"
	demoEvaluation = "painter-8b-eval"
	demoRequest    = "request-1"
	demoForwarded  = "forwarded-1"
	demoPicture    = "picture-1"
)

// demoCast are the providers of the demo's ledger and their jurisdictions.
func demoCast() []struct{ id, jurisdiction string } {
	return []struct{ id, jurisdiction string }{
		{demoIssuer, demoServing}, {demoLab, "DE"}, {demoGateway, "SG"}, {demoApp, demoUsing},
	}
}

// paint makes a picture and records its way from data to label.
func (d *demo) paint(ctx context.Context, node string) error {
	plain, err := drawPicture()
	if err != nil {
		return err
	}
	c := &chain{picture: plain, at: time.Now().Add(-time.Minute).UnixMilli()}
	rand.Read(d.contentKey[:]) // never fails (crypto/rand)
	if c.commitment, err = label.KeyedCommitment(d.contentKey[:], label.PNG.Profile(), bytes.NewReader(plain), int64(len(plain))); err != nil {
		return err
	}
	if c.reference, err = label.ContentReference(demoApp, []byte(demoPicture)); err != nil {
		return err
	}
	d.say("A picture comes to be: data, model, host, gateway, application; each signs its own record")
	for _, s := range []struct {
		issuer, does string
		records      []*provenance.Record
	}{
		{demoLab, "a dataset, the model trained on it, and how it was measured", c.made()},
		{demoIssuer, "runs the model: tokens, energy, a keyed commitment to the picture", []*provenance.Record{c.produced()}},
		{demoGateway, "hands them on across two borders", []*provenance.Record{c.forwarded()}},
		{demoApp, "uses them and labels the picture", []*provenance.Record{c.used()}},
	} {
		if err := d.commitRecords(ctx, node, s.issuer, s.records); err != nil {
			return err
		}
		d.detail("%-12s  %s", s.issuer, s.does)
	}
	if err := d.labelled(c); err != nil {
		return err
	}
	d.detail("%s carries the label in its XMP: ProduceID %s", d.picture, c.reference)
	return nil
}

// commitRecords commits records as the first batch of a stream.
func (d *demo) commitRecords(ctx context.Context, node, issuer string, records []*provenance.Record) error {
	var encoded [][]byte
	for _, r := range records {
		b, err := r.Encode()
		if err != nil {
			return fmt.Errorf("a record of %s: %w", issuer, err)
		}
		encoded = append(encoded, b)
	}
	header, err := provenance.NewBatch(issuer, "chain", 0, nil, encoded)
	if err != nil {
		return err
	}
	_, _, err = d.commit(ctx, node, header, encoded)
	return err
}

// chain is one picture's way.
type chain struct {
	picture    []byte
	commitment provenance.Hash
	at         int64 // when it began, ms since the epoch
	reference  string
}

// made are the records of the lab.
func (c *chain) made() []*provenance.Record {
	corpus, weights, template := digestOf("corpus"), digestOf("weights"), digestOf("template")
	model := &provenance.Model{Name: demoWeights, Version: "2026-11-01", Developer: demoLab, Jurisdiction: "DE", Digest: weights, Known: provenance.Attested}
	return []*provenance.Record{
		{
			Kind: provenance.DatasetMade, Time: c.at, Ref: []byte(demoDataset),
			Dataset: &provenance.Dataset{
				Name: "corpus", Version: "2026-10", Digest: *corpus,
				Sources:        []provenance.Source{{Kind: 2, Reference: "picture library, licence 2026/17", Country: "DE"}, {Kind: 5, Reference: "open captions", Licence: "CC-BY-4.0"}},
				SyntheticShare: new(int64(120_000)), RawTokens: new(int64(2_400_000_000_000)), CleanTokens: new(int64(1_500_000_000_000)),
			},
		},
		{
			Kind: provenance.ModelMade, Time: c.at + 1000, Ref: []byte(demoWeights), Parents: parents(demoLab, demoDataset), Model: model,
			Lineage: &provenance.Lineage{
				Stage: 1, Compute: &provenance.Scaled{Mantissa: 72, Exponent: 21}, Method: 2, Parameters: new(int64(8_030_261_248)),
				Serialization: &provenance.Serialization{Method: 1, Hash: 1}, Trained: place("DE", demoLab),
			},
			Energy:       &provenance.Energy{MicroWattHours: 54_000_000_000_000, Method: 1, Boundary: 4, PUE: new(int64(1180)), LocationIntensity: new(int64(344_000)), Water: new(int64(97_200_000_000))},
			Accelerators: []provenance.Accelerator{{Type: "nvidia-h100-sxm", Count: 1024, Milliseconds: 180_000_000_000}},
			Compute:      &provenance.Compute{Where: 1, Phase: 1},
		},
		{
			Kind: provenance.Evaluated, Time: c.at + 2000, Ref: []byte(demoEvaluation), Parents: parents(demoLab, demoWeights), Model: model,
			Evaluation: &provenance.Evaluation{
				Dataset: provenance.Named{Name: "drawbench", Digest: digestOf("drawbench")}, Harness: provenance.Harness{Name: "harness", Commit: bytes.Repeat([]byte{0xc0}, 20)},
				Template: template, Seed: new(int64(7)), N: 200, Metric: "alignment", Value: provenance.Scaled{Mantissa: 731, Exponent: -3},
				Interval:  &provenance.Interval{Low: provenance.Scaled{Mantissa: 668, Exponent: -3}, High: provenance.Scaled{Mantissa: 787, Exponent: -3}, Level: 950_000},
				Evaluator: provenance.Evaluator{Name: demoLab, Interest: 2}, Contamination: 1,
			},
		},
	}
}

// produced is the host's record.
func (c *chain) produced() *provenance.Record {
	return &provenance.Record{
		Kind: provenance.Production, Time: c.at + 10_000, Duration: new(int64(2150)), Ref: []byte(demoRequest), Parents: parents(demoLab, demoWeights),
		Model: c.model(), Usage: usage(), Serving: place(demoServing, demoIssuer), Using: place(demoUsing, demoApp), Content: c.content(),
		Energy:       &provenance.Energy{MicroWattHours: 240_000, Method: 2, Boundary: 4, PUE: new(int64(1090))},
		Accelerators: []provenance.Accelerator{{Type: "nvidia-h100-sxm", Count: 8, Milliseconds: 9200}},
		Compute:      &provenance.Compute{Where: 1, Phase: 2}, Hop: &provenance.Hop{Role: provenance.Host},
	}
}

// forwarded is the gateway's record.
func (c *chain) forwarded() *provenance.Record {
	return &provenance.Record{
		Kind: provenance.Transfer, Time: c.at + 12_000, Ref: []byte(demoForwarded), Parents: parents(demoIssuer, demoRequest),
		Model: c.model(), Usage: usage(), Serving: place(demoServing, demoIssuer), Using: place(demoUsing, demoApp), Side: new(provenance.Neither),
		Basis:    []provenance.Basis{{Code: demoBasis, Reference: "filing 2026-0117"}},
		Crossing: &provenance.Crossing{Direction: 3, Classes: []string{"any:non-personal"}, ID: []byte(demoRequest)},
		Hop:      &provenance.Hop{Role: provenance.Gateway},
	}
}

// used is the application's record, which the label in the file names.
func (c *chain) used() *provenance.Record {
	return &provenance.Record{
		Kind: provenance.Consumption, Time: c.at + 13_000, Ref: []byte(demoPicture), Parents: parents(demoGateway, demoForwarded),
		Model: c.model(), Usage: usage(), Serving: place(demoServing, demoIssuer), Using: place(demoUsing, demoApp), Content: c.content(),
		Label: &provenance.Label{
			Status: 1, Extent: 1, Modality: 2, Producer: demoApp, System: demoWeights + " 2026-11-01", ContentID: c.reference, Made: new(c.at + 13_000),
			SourceType: "trainedAlgorithmicMedia", Oversight: 2,
			Explicit: &provenance.Explicit{Applied: true, Position: 4, Notified: new(true), Form: 1, Height: new(int64(60))},
			Marks:    new(int64(1 | 8)),
		},
		Hop: &provenance.Hop{Role: provenance.Application},
	}
}

func (c *chain) model() *provenance.Model {
	return &provenance.Model{Name: demoWeights, Version: "2026-11-01", Developer: demoLab, Jurisdiction: "DE", Digest: digestOf("weights"), Known: provenance.ProviderReported}
}

func (c *chain) content() []provenance.Content {
	return []provenance.Content{{Role: 2, Algorithm: provenance.AlgHMACSHA256, Value: c.commitment[:], Profile: label.PNG.Profile(), MediaType: label.PNG.MediaType()}}
}

// labelled writes the picture with its label into the node's home.
func (d *demo) labelled(c *chain) error {
	var out bytes.Buffer
	marks := label.Marks{
		AIGC:       label.AIGC{Label: "1", ContentProducer: demoApp, ProduceID: c.reference, ContentPropagator: demoApp, PropagateID: c.reference},
		SourceType: "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
	}
	if err := label.Write(&out, label.PNG, bytes.NewReader(c.picture), int64(len(c.picture)), marks); err != nil {
		return err
	}
	d.picture = filepath.Join(d.home, "picture.png")
	return os.WriteFile(d.picture, out.Bytes(), 0o600)
}

// drawPicture draws what the model is said to have made.
func drawPicture() ([]byte, error) {
	const side = 128
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			img.Set(x, y, color.NRGBA{uint8(2 * x), uint8(x ^ y), uint8(255 - 2*y), 255})
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, img)
	return out.Bytes(), err
}

func parents(issuer, ref string) []provenance.Parent {
	return []provenance.Parent{{Issuer: issuer, Ref: []byte(ref)}}
}

func place(country, operator string) *provenance.Place {
	return &provenance.Place{Country: country, Operator: operator, Known: provenance.Asserted}
}

func usage() *provenance.Usage {
	return &provenance.Usage{Input: 62, Output: 1290, Counted: 1, Finish: 1}
}

// digestOf stands for the digest of something that the demo does not have.
func digestOf(what string) *provenance.Digest {
	h := sha256.Sum256([]byte("tokentrail demo " + what))
	return provenance.SHA256Digest(h)
}

// keysOf makes a key for each of the demo's providers.
func keysOf() (map[string]crypto.Signer, error) {
	keys := map[string]crypto.Signer{}
	for _, p := range demoCast() {
		key, err := provenance.GenerateKey(provenance.AlgEdDSA)
		if err != nil {
			return nil, err
		}
		keys[p.id] = key
	}
	return keys, nil
}
