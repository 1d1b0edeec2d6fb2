package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// A prover looks records up in a node and proves what it says: each record to
// its statement, each statement to the ledger, under the validators of the
// genesis document, as submit proves receipts. One goroutine uses it.
type prover struct {
	node    *remote.Node
	entries verify.EntryProver
	genesis provenance.Hash // of the document
	named   bool            // by --genesis, and not by the node
	asked   *progress       // nil where nobody wants to know
}

// newProver returns a prover that asks the node in the flag or the environment.
func (a *app) newProver(ctx context.Context, nodeFlag, genesisText string) (*prover, error) {
	wanted, err := genesisFlag(genesisText)
	if err != nil {
		return nil, err
	}
	c, err := a.client(nodeFlag)
	if err != nil {
		return nil, err
	}
	waiting := &http.Client{Transport: &tellingTransport{next: c.http.Transport, stderr: a.stderr}, CheckRedirect: c.http.CheckRedirect}
	node, err := remote.New(c.base.String(), remote.Options{UserAgent: "tokentrail", Client: waiting, Backoff: auditPause})
	if err != nil {
		return nil, err
	}
	document, err := node.Genesis(ctx)
	if err != nil {
		return nil, asked(err)
	}
	p := &prover{node: node, genesis: sha256.Sum256(document), named: wanted != nil}
	if founders, err := light.NewFounders(document); err == nil && wanted != nil && *wanted != p.genesis {
		return nil, anotherLedger(node.URL(), founders.Origin(), *wanted)
	}
	trust := verify.Trust{Genesis: wanted}
	if wanted == nil {
		trust.Genesis = &p.genesis
		fmt.Fprintf(a.stderr, "the node says which ledger this is; to be sure of it, name it: --genesis %s\n", p.genesis)
	}
	p.entries, err = verify.NewEntryProver(ctx, document, trust, light.Following(node, trust, time.Now), node)
	return p, err
}

// asked gives the exit code to an error of asking a node: evidence is against it,
// all else could not be checked. SPEC(CLI-1)
func asked(err error) error {
	var finding *verify.Finding
	var code *exitError
	if errors.As(err, &finding) && !undecided(finding) || errors.As(err, &code) {
		return err
	}
	return couldNotf("%w", err)
}

// undecided reports whether a finding may be a change of validators as well as a
// lie. SPEC(JRN-6)
func undecided(f *verify.Finding) bool { return f.Code == verify.CodeValidators }

// Records implements verify.RecordSource, and counts what is asked.
func (p *prover) Records(ctx context.Context, q provenance.RecordQuery, offset int) (*provenance.RecordsAnswer, error) {
	if p.asked != nil {
		p.asked.add(1)
	}
	return remote.Lookup{Node: p.node}.Records(ctx, q, offset)
}

// trace looks for the records of a query and what they name.
func (p *prover) trace(ctx context.Context, q provenance.RecordQuery, b verify.Bounds) (*verify.Graph, error) {
	g, err := verify.Trace(ctx, p, p.entries, q, b)
	if err != nil && ctx.Err() != nil {
		return nil, interrupted(ctx)
	}
	if err != nil {
		return nil, asked(err)
	}
	return g, nil
}

// namesFile reports whether an argument that may name a record or a file names a
// file: one that is there, unless the argument is an id or has the scheme of a
// content reference. SPEC(CLI-24)
func namesFile(text string) bool {
	var id provenance.Hash
	if strings.HasPrefix(text, referenceScheme) || parseHash(text, &id) {
		return false
	}
	_, err := os.Stat(text)
	return err == nil || !strings.Contains(text, "/")
}

// labelReference returns the record that a file's label names; ok is false where
// it names none.
func labelReference(f *label.File) (q provenance.RecordQuery, reference string, ok bool) {
	if f == nil || f.AIGC == nil {
		return q, "", false
	}
	issuer, ref, err := label.ParseContentReference(f.AIGC.ProduceID)
	return provenance.ByRef(issuer, ref), f.AIGC.ProduceID, err == nil
}
