package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// allRecords is the value of --records for the records themselves.
const allRecords = "all"

// exhibitFlags say what is to be proven of a node's entry, and under which trust.
type exhibitFlags struct {
	verifyFlags
	records string
}

// bind adds the flags of a trust and of a node.
func (f *exhibitFlags) bind(s *pflag.FlagSet) {
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	f.bindTrust(s)
	s.StringVar(&f.records, "records", "", "records to prove with it: their indices in the entry, as 0,3, or all for the records themselves")
}

// bindTrust adds those of a trust.
func (f *verifyFlags) bindTrust(s *pflag.FlagSet) {
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the genesis document, from elsewhere than the node")
	s.StringVar(&f.trust, "trust", "", "a header that you trust, as height:hash")
	f.period = period(defaultPeriod)
	s.Var(&f.period, "trusting-period", "how long that header stays trustworthy, as 90d or 36h")
}

// wanted reads --records.
func (f *exhibitFlags) wanted() (want remote.Wanted, err error) {
	if f.records == "" {
		return want, nil
	}
	if f.records == allRecords {
		want.AllRecords = true
		return want, nil
	}
	for text := range strings.SplitSeq(f.records, ",") {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n >= provenance.MaxRecords || slices.Contains(want.Records, n) {
			return want, usagef("--records %q: wanted indices from 0 to %d, each once, as 0,3; or all", f.records, provenance.MaxRecords-1)
		}
		want.Records = append(want.Records, n)
	}
	return want, nil
}

// remoteNode is the node in the flag or the environment, to ask it for evidence.
func (a *app) remoteNode(flag string) (*remote.Node, error) {
	c, err := a.client(flag)
	if err != nil {
		return nil, err
	}
	return a.evidenceOf(c)
}

// evidenceOf is a client's node, to ask it for evidence: it is waited for, and that is
// told.
func (a *app) evidenceOf(c *client) (*remote.Node, error) {
	waiting := &http.Client{Transport: &tellingTransport{next: c.http.Transport, stderr: a.stderr}, CheckRedirect: c.http.CheckRedirect}
	return remote.New(c.base.String(), remote.Options{UserAgent: "tokentrail", Client: waiting, Backoff: auditPause})
}

// verifyRecordCommand and verifyEntryCommand check one entry, from a node. SPEC(CLI-73)
func (a *app) verifyRecordCommand() *cobra.Command {
	return a.verifyOne("record RECORD", "Check one record, from a node", "a record",
		"Check that a record stands on the ledger: the proof to its statement, who signed that, its place in\n"+
			"the log, up to a header that more than two thirds of the validators signed. Nothing else is looked\n"+
			"at; the node is not trusted. RECORD is an id, 64 hex digits, or ISSUER/REF.\n\n"+
			"tokentrail bundle writes the same evidence to a file, which needs no network.",
		"tokentrail verify record acme/answer-17 --node http://localhost:7480 --genesis 64-hex-digits", a.locateRecord)
}

func (a *app) verifyEntryCommand() *cobra.Command {
	return a.verifyOne("entry ENTRY", "Check one entry, from a node", "an entry",
		"Check one entry of the log, a statement, an act or an equivocation: its form, who signed it, its place\n"+
			"in the log, up to a header that more than two thirds of the validators signed. Nothing else is looked\n"+
			"at; the node is not trusted. ENTRY is its index, or its id.",
		"tokentrail verify entry 17 --node http://localhost:7480 --genesis 64-hex-digits --records all", locateEntry)
}

// A locator finds which entry an argument names, and which records of it.
type locator func(ctx context.Context, node *remote.Node, name string, want *remote.Wanted) (entry string, err error)

func (a *app) verifyOne(use, short, what, long, example string, locate locator) *cobra.Command {
	f := &exhibitFlags{}
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: oneArg(what),
		Long: long + "\n\nExit codes: 0 holds, 1 evidence against, 2 could not check, 3 trust expired, 64 usage.",
	}
	f.bind(cmd.Flags())
	cmd.RunE = a.does(func(ctx context.Context, args []string) error {
		trust, err := f.anchor()
		if err != nil {
			return err
		}
		e, node, err := a.fetchExhibit(ctx, f, trust, args[0], locate, nil)
		if err != nil {
			return err
		}
		return a.conclude(checkExhibit(ctx, e, trust, node.URL(), true))
	}, reportForms()...)
	return cmd
}

// fetchExhibit asks a node for all that proves what a name says.
func (a *app) fetchExhibit(ctx context.Context, f *exhibitFlags, trust verify.Trust, name string, locate locator, receipt []byte) (*verify.Exhibit, *remote.Node, error) {
	want, err := f.wanted()
	if err != nil {
		return nil, nil, err
	}
	want.Header, want.Receipt = trust.Height, receipt
	node, err := a.remoteNode(f.node)
	if err != nil {
		return nil, nil, err
	}
	entry, err := locate(ctx, node, name, &want)
	if err != nil {
		return nil, nil, err
	}
	e, err := node.Exhibit(ctx, entry, want)
	if err != nil {
		return nil, nil, asked(err)
	}
	return e, node, nil
}

// locateEntry takes an entry's index or id as it is.
func locateEntry(_ context.Context, _ *remote.Node, name string, _ *remote.Wanted) (string, error) {
	var id provenance.Hash
	if n, err := strconv.ParseInt(name, 10, 64); err == nil && n >= 0 && strconv.FormatInt(n, 10) == name {
		return name, nil
	}
	if parseHash(name, &id) {
		return id.String(), nil
	}
	return "", usagef("%q names no entry: wanted its index, or its id, 64 hex digits", name)
}

// errNoRecord says that a node answered, and knows nothing.
var errNoRecord = errors.New("knows no such record")

// locateRecord looks the record up. That it is the one that was asked for, its own
// proof shows. SPEC(CLI-71)
func (a *app) locateRecord(ctx context.Context, node *remote.Node, name string, want *remote.Wanted) (string, error) {
	hit, _, err := lookUpRecord(ctx, node, name)
	if err != nil {
		return "", err
	}
	if index := hit.Proof.Index; !want.AllRecords && !slices.Contains(want.Records, index) {
		want.Records = append(want.Records, index)
	}
	return strconv.FormatInt(hit.Entry, 10), nil
}

// lookUpRecord finds the one record with a name, and its id.
func lookUpRecord(ctx context.Context, node *remote.Node, name string) (*provenance.RecordHit, provenance.Hash, error) {
	var ids []provenance.Hash
	q, err := recordQuery(name)
	if err != nil {
		return nil, provenance.Hash{}, err
	}
	answer, err := node.Records(ctx, q, 0, 2)
	if err != nil {
		return nil, provenance.Hash{}, asked(err)
	}
	for i := range answer.Hits {
		_, id, err := answer.Hits[i].Check(q)
		if err != nil {
			return nil, provenance.Hash{}, fmt.Errorf("what the node at %s says of records does not hold: hit %d: %w", node.URL(), i, err)
		}
		ids = append(ids, id)
	}
	switch {
	case len(ids) == 0:
		return nil, provenance.Hash{}, couldNotf("%s: the node at %s %w; whether there is one, that does not say", printable(name), node.URL(), errNoRecord)
	case len(ids) > 1 || answer.More:
		return nil, provenance.Hash{}, fmt.Errorf("%s: more than one record has this ref, %s among them: name one by its id", printable(name), ids[0])
	}
	return &answer.Hits[0], ids[0], nil
}

// checkExhibit checks an exhibit. One that comes from a node and under no trust is
// held against the node's own genesis document, and the report says so. SPEC(VER-1)
func checkExhibit(ctx context.Context, e *verify.Exhibit, trust verify.Trust, from string, asServed bool) *verify.Report {
	served := asServed && serves(&trust, e.Genesis)
	r := light.CheckExhibit(ctx, e, trust, verify.Options{Now: time.Now, From: from})
	if served {
		sayServed(r)
	}
	return r
}

// serves takes the genesis document as a node served it where nothing else is trusted,
// and reports whether it is so.
func serves(trust *verify.Trust, genesis []byte) bool {
	if trust.Genesis != nil || trust.Height > 0 {
		return false
	}
	trust.Genesis = new(provenance.Hash(sha256.Sum256(genesis)))
	return true
}

// sayServed says in a report that the genesis document is the node's own. SPEC(VER-1)
func sayServed(r *verify.Report) {
	r.Trust.GenesisFrom = "node"
	r.Trust.Says = "the genesis document as this node served it: compare its SHA-256 with one from elsewhere, or this shows only that some ledger has the entry, not which one"
}

// conclude answers with a report and ends with its exit code.
func (a *app) conclude(r *verify.Report) error {
	if err := a.report(r); err != nil {
		return err
	}
	if code := r.Exit(); code != exitOK {
		return &reported{code}
	}
	return nil
}

// unproven says in one line why a report is not good.
func unproven(r *verify.Report) string {
	var all []string
	for _, f := range r.Findings() {
		all = append(all, f.Error())
	}
	for _, s := range r.Steps {
		if s.Outcome == verify.NotChecked && !s.Optional {
			all = append(all, s.Name+" was not checked: "+s.Reason)
		}
	}
	return printable(strings.Join(all, "; "))
}

// failed is the error of an exhibit that does not hold, with the report's exit code.
func failed(what string, r *verify.Report) error {
	return &exitError{r.Exit(), errors.New(what + ": " + unproven(r))}
}
