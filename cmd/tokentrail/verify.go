package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/profile"
)

// defaultPeriod is how long a trusted header stays trustworthy, if nothing else
// is said: 90 days.
const defaultPeriod = 90 * 24 * time.Hour

type verifyFlags struct {
	node     string
	genesis  string
	trust    string
	period   period
	receipts int
	lookUps  lookUps
	against  string // what findings against providers are told as
	schema   bool   // of reports is all that is asked for
	state    string // where heads are kept; none: nowhere
	witness  []string
	document string // file with the genesis document
	resume   bool   // go on with an audit that was interrupted
	since    string // the audit to begin behind: last, or a file

	inspect verify.Inspector           // nil where nobody asked for it
	show    func(*verify.Report) error // nil: the report as it is
}

// add adds the flags that say which ledger, and by which trust.
func (f *verifyFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	f.bindTrust(s)
	s.IntVar(&f.receipts, "receipts", 0, "entries whose receipts and proofs are asked for, drawn at random; -1 for all (64)")
	s.Var(&f.lookUps, "look-ups", "names of each kind that records are looked up by, drawn at random; none for no look-ups (64)")
	s.StringVar(&f.against, "providers", verify.AsFinding, "what speaks against a provider, not the ledger: a finding, or a notice that leaves the verdict as it is")
	s.StringVar(&f.state, "state", "", "where the newest verified head of each ledger is kept, to compare with; none: nowhere ($XDG_STATE_HOME/tokentrail)")
	s.StringSliceVar(&f.witness, "witness", nil, "another node of the ledger to compare with; more than one may be given")
}

// check refuses flags that do not go together.
func (f *verifyFlags) check(cmd *cobra.Command) error {
	if f.against != verify.AsFinding && f.against != verify.AsNotice {
		return usagef("--providers %q: wanted %s or %s", f.against, verify.AsFinding, verify.AsNotice)
	}
	if f.trust == "" && cmd.Flags().Changed("trusting-period") {
		return usagef("--trusting-period is of a header given with --trust; from genesis on there is no expiry")
	}
	return nil
}

func (a *app) verifyCommand() *cobra.Command {
	f, watch := &verifyFlags{}, &watchFlags{}
	cmd := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Audit a ledger: everything a node says, against signed headers; or a file",
		Long: "Audit a ledger from one address. Every entry is checked: signature, chain, root, totals, and its\n" +
			"place in the log, up to an app hash in a header that more than two thirds of the validators signed.\n" +
			"The node is not trusted.\n\n" +
			"Without --trust every header since genesis is verified in order. With it CometBFT's light client\n" +
			"leads from the header that you know to the newest; such trust expires.\n\n" +
			"The newest verified head is kept (--state), and a node that contradicts it shows a fork: what proves it\n" +
			"goes into a file that anyone can check. Other nodes are asked for the same head with --witness.\n\n" +
			"An audit is saved as it goes on: one that was interrupted goes on with --resume, and --since last reads\n" +
			"only what came since the last one that came to its end, whose verdict is then part of the trust.\n\n" +
			"With FILE, a bundle, a SCITT transparent statement or evidence of a fork, what is in it is checked, without\n" +
			"a network; tokentrail inspect FILE shows what a bundle says.\n\n" +
			"tokentrail verify inspect looks at what providers said as well: labels, legal bases, energy, your own\n" +
			"rules; tokentrail mirror holds both sides of what crossed a border against each other.\n\n" +
			"With --watch it stays, and audits what is new every 30 seconds (--every): one line on standard output for\n" +
			"each finding that is new or gone, and when something cannot be checked; --output jsonl writes one JSON\n" +
			"object a line. It serves figures for Prometheus (--listen) and posts events (--webhook). It ends with the\n" +
			"code of the worst verdict since its start.\n\n" +
			"The report is text, one JSON document (--schema shows its schema), JUnit XML or Markdown (--output).\n\n" +
			"Exit codes: 0 holds, 1 evidence against, 2 could not check, 3 trust expired, 64 usage.",
		Example: "tokentrail verify --node http://localhost:7480\n" +
			"tokentrail verify --node http://localhost:7480 --output json \\\n" +
			"  --genesis 6f1b…64-hex-digits…\n" +
			"tokentrail verify --node http://localhost:7480 \\\n" +
			"  --trust 1200:64-hex-digits --trusting-period 90d\n" +
			"tokentrail verify --watch --node http://localhost:7480 --genesis 64-hex-digits \\\n" +
			"  --webhook https://example.org/hook --webhook-key hook.key\n" +
			"tokentrail verify answer-17.tokentrail --genesis 64-hex-digits",
		Args: atMostOneFile,
	}
	cmd.AddCommand(a.verifyRecordCommand(), a.verifyEntryCommand(), a.verifyStreamCommand(), a.verifyProviderCommand(), a.verifyFlowsCommand(), a.verifyTransferCommand(), a.verifyContentCommand())
	s := cmd.Flags()
	f.add(cmd)
	s.StringVar(&f.document, "genesis-document", "", "of a FILE: a file with the ledger's genesis document, from elsewhere than the FILE")
	s.BoolVar(&f.resume, "resume", false, "go on with the audit of this ledger, under this trust, that was interrupted")
	s.StringVar(&f.since, "since", "", "read only what came since an audit that came to its end: last, or a file that one was saved to")
	watch.bind(s)
	s.BoolVar(&f.schema, "schema", false, "write the JSON Schema of reports, and verify nothing")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error {
		if len(args) == 1 {
			if err := onlyOfFile(s); err != nil {
				return err
			}
		} else if f.document != "" {
			return usagef("--genesis-document is for a file that is checked; a node has the document")
		}
		if f.schema {
			return a.reportSchema()
		}
		if err := errors.Join(f.check(cmd), f.checkSaved(), watch.check(s, a.output, f)); err != nil {
			return err
		}
		if len(args) == 1 {
			return a.verifyFile(ctx, args[0], f)
		}
		if watch.on {
			return a.watch(ctx, f, watch)
		}
		return a.verify(ctx, f)
	}, append(reportForms(), asJSONL)...)
	cmd.AddCommand(a.verifyInspectCommand())
	return cmd
}

func (f *verifyFlags) anchor() (verify.Trust, error) {
	t := verify.Trust{Period: time.Duration(f.period)}
	var err error
	if t.Genesis, err = genesisFlag(f.genesis); err != nil || f.trust == "" {
		return t, err
	}
	height, hash, _ := strings.Cut(f.trust, ":")
	if t.Height, err = strconv.ParseInt(height, 10, 64); err != nil || t.Height < 1 || !parseHash(hash, &t.Hash) {
		return t, usagef("--trust %q: wanted height:hash, a header's height and its hash, 64 hex digits", f.trust)
	}
	if t.Period <= 0 {
		return t, usagef("--trusting-period %s: wanted more than nothing", t.Period)
	}
	return t, nil
}

// genesisFlag reads --genesis; nil where it is not given.
func genesisFlag(value string) (*provenance.Hash, error) {
	if value == "" {
		return nil, nil
	}
	hash := &provenance.Hash{}
	if !parseHash(value, hash) {
		return nil, usagef("--genesis %q: wanted a SHA-256, 64 hex digits", value)
	}
	return hash, nil
}

// parseHash reads 64 hex digits of either case: CometBFT's tools write upper.
func parseHash(s string, into *provenance.Hash) bool {
	return into.UnmarshalText([]byte(strings.ToLower(s))) == nil
}

func (a *app) verify(ctx context.Context, f *verifyFlags) error {
	trust, err := f.anchor()
	if err != nil {
		return err
	}
	c, err := a.client(f.node)
	if err != nil {
		return err
	}
	node, err := a.remoteNode(f.node)
	if err != nil {
		return err
	}
	memory, err := a.memory(f.state)
	if err != nil {
		return noVerdict(err)
	}
	memory.rely(trust)
	witnesses, err := a.witnesses(c, f.witness)
	if err != nil {
		return err
	}
	saved, err := a.savings(ctx, f, memory, trust, node)
	if err != nil {
		return err
	}
	steps := &stepProgress{app: a}
	o := verify.Options{Now: time.Now, Receipts: f.receipts, LookUps: int(f.lookUps), Progress: steps.told, Profile: profile.Meets,
		From: c.base.Redacted(), NoticeProviders: f.against == verify.AsNotice, Inspect: f.inspect,
		Kept: memory.recalls(), Witnesses: witnesses}
	saved.options(&o)
	report := light.Audit(ctx, node, trust, o)
	steps.end()
	saved.end(ctx, c.base.String(), f)
	conflict := a.remember(memory, report)
	show := a.report
	if f.show != nil {
		show = f.show
	}
	if err := show(report); err != nil {
		return err
	}
	if code := report.Exit(); code != exitOK {
		return &reported{code}
	}
	return conflict
}

// auditPause is the first pause before a node is asked again: an audit of one
// that is down ends in about 15 seconds.
const auditPause = 200 * time.Millisecond

// A tellingTransport tells every five seconds at most why a request is to be
// tried again. SPEC(CLI-3)
type tellingTransport struct {
	next   http.RoundTripper
	stderr io.Writer
	mu     sync.Mutex // guards what follows
	told   time.Time
}

// RoundTrip does a request.
func (t *tellingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	why := ""
	switch {
	case err != nil && request.Context().Err() == nil:
		why = fmt.Sprintf("the node at %s does not answer: %v", request.URL.Host, err)
	case err == nil && (response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable):
		why = fmt.Sprintf("the node at %s answers %s", request.URL.Host, response.Status)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if why != "" && time.Since(t.told) >= lineEvery {
		t.told = time.Now()
		fmt.Fprintf(t.stderr, "waiting: %s\n", printable(why))
	}
	return response, err
}

// stepProgress tells about an audit, whose steps come one after another.
type stepProgress struct {
	app   *app
	step  string
	now   *progress
	began time.Time
	first verify.Progress // of the step
}

func (s *stepProgress) told(p verify.Progress) {
	if s.now == nil || s.step != p.Step || s.now.total != p.Total {
		s.end()
		s.step, s.now = p.Step, s.app.newProgress(p.Step, p.Total)
		s.began, s.first = time.Now(), p
	}
	s.now.note(func() string { return s.rate(p) })
	s.now.add(p.Done - s.now.done)
}

// rate says how fast the log is read, and how long the rest will take. SPEC(CLI-89)
func (s *stepProgress) rate(p verify.Progress) string {
	took := time.Since(s.began)
	records, entries := p.Records-s.first.Records, p.Done-s.first.Done
	if s.step != "log" || took < time.Second || entries <= 0 {
		return ""
	}
	left := time.Duration(float64(p.Total-p.Done) / float64(entries) * float64(took)).Round(time.Second)
	return fmt.Sprintf(", %s records/s, %s left", thousands(int64(float64(records)/took.Seconds())), left)
}

func (s *stepProgress) end() {
	if s.now != nil {
		s.now.end()
		s.now = nil
	}
}
