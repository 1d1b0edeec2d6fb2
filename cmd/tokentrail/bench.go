package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

// Bounds of the flags of bench.
const (
	maxBenchValidators = 7
	maxBenchStreams    = 64
	maxBenchInFlight   = 1024
	maxBenchRate       = 100_000_000
	leastBenchWindow   = 100 * time.Millisecond
)

type benchFlags struct {
	validators     int
	tokentraild    string
	keep           bool
	nodes          []string
	key            string
	passphraseFile string
	issuer         string
	acknowledged   string
	recordBytes    int
	entropy        int
	batch          int
	streams        int
	rate           int
	inFlight       int
	prepared       int
	halfLoad       bool
	duration       time.Duration
	warmUp         time.Duration
	seed           int
}

func (a *app) benchCommand() *cobra.Command {
	f := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Load a ledger and measure what it commits",
		Long: "Run validators on this machine, each in a process of its own, submit signed records to them as\n" +
			"providers do, and measure what is committed: not what is accepted. At the end the nodes' logs\n" +
			"and app hashes are compared, and what was acknowledged is held against what the ledger has.\n\n" +
			"--rate N submits N records a second whether the ledger keeps up or not, and counts latency from\n" +
			"when a submission was due. Without it, as many as --in-flight says are on their way at any time.\n\n" +
			"Before the clock starts it prepares what it may need: millions of records, signed in thousands of\n" +
			"statements. On two cores that takes half a minute to two minutes (--prepared N signs only N of them\n" +
			"then, and the rest while it measures). A whole run takes one to three minutes with the defaults,\n" +
			"and up to a minute more with --half-load: --duration and --warm-up are only part of it.\n\n" +
			"With --node it loads a ledger that runs already, and what it writes there stays for ever.",
		Example: "tokentrail bench --validators 4 --half-load\n" +
			"tokentrail bench --validators 1 --rate 20000 --duration 1m --output json\n" +
			"tokentrail bench --node http://localhost:7480 --key ./acme --issuer acme --rate 1000 \\\n" +
			"  --acknowledged acknowledged.jsonl",
		Args: a.noArgs,
	}
	s := cmd.Flags()
	s.IntVar(&f.validators, "validators", 4, "validators to run, 1 to 7")
	s.StringVar(&f.tokentraild, "tokentraild", "", "the node's program (the one beside this program, else the one in PATH)")
	s.BoolVar(&f.keep, "keep", false, "keep the directory with the nodes' homes and say where it is")
	s.StringSliceVar(&f.nodes, "node", nil, "a node that runs already, which is neither started nor stopped; more than one may be given")
	s.StringVar(&f.key, "key", "", "with --node, the signing key, a name or path")
	s.StringVar(&f.passphraseFile, "passphrase-file", "", "file with the key's passphrase (or "+envPassphrase+")")
	s.StringVar(&f.issuer, "issuer", "", "with --node, your id in the ledger's registry")
	s.StringVar(&f.acknowledged, "acknowledged", "", "file to which a line of JSON is added, durably, for each statement that was acknowledged")
	s.IntVar(&f.recordBytes, "record-bytes", 280, "bytes of a record, about")
	s.IntVar(&f.entropy, "entropy", 64, "random bytes in each record, 0 to 288")
	s.IntVar(&f.batch, "batch", 2000, "records a statement, 1 to 4096")
	s.IntVar(&f.streams, "streams", 8, "streams, 1 to 64; on a network of its own each is another provider's")
	s.IntVar(&f.rate, "rate", 0, "records a second; 0: as many as --in-flight lets through")
	s.IntVar(&f.inFlight, "in-flight", 64, "statements on their way, 1 to 1024, where no rate is given")
	s.IntVar(&f.prepared, "prepared", -1, "statements that are signed before the clock starts; -1: as many as will be needed and memory allows")
	s.BoolVar(&f.halfLoad, "half-load", false, "measure once more, at half the rate that was reached")
	s.DurationVar(&f.duration, "duration", 20*time.Second, "how long is measured")
	s.DurationVar(&f.warmUp, "warm-up", 5*time.Second, "load before that, which is not measured")
	s.IntVar(&f.seed, "seed", 1, "what records are made from: the same gives the same")
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error { return a.bench(ctx, f, cmd.Flags().Changed) }, asTable, asJSON)
	return cmd
}

// check says what is wrong with the flags. SPEC(CLI-60)
func (f *benchFlags) check(given func(flag string) bool) error {
	for _, n := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"validators", f.validators, 1, maxBenchValidators}, {"entropy", f.entropy, 0, maxBenchEntropy},
		{"batch", f.batch, 1, provenance.MaxRecords}, {"streams", f.streams, 1, maxBenchStreams},
		{"rate", f.rate, 0, maxBenchRate}, {"in-flight", f.inFlight, 1, maxBenchInFlight},
		{"record-bytes", f.recordBytes, 1, provenance.MaxRecordBytes}, {"prepared", f.prepared, -1, 1 << 30},
	} {
		if n.value < n.least || n.value > n.most {
			return usagef("--%s %d: wanted %d to %d", n.name, n.value, n.least, n.most)
		}
	}
	switch {
	case f.duration < leastBenchWindow || f.warmUp < 0:
		return usagef("--duration %s --warm-up %s: wanted a duration of %s or more, and a warm-up of 0s or more", f.duration, f.warmUp, leastBenchWindow)
	case f.halfLoad && f.rate > 0:
		return usagef("--half-load finds its rate by itself; leave --rate out")
	case f.batch*f.recordBytes > provenance.MaxExpandedBytes:
		return usagef("--batch %d --record-bytes %d: a statement holds at most %d bytes of records", f.batch, f.recordBytes, provenance.MaxExpandedBytes)
	}
	return f.checkNodes(given)
}

// checkNodes says which flags do not go with a network of our own, or with one
// that runs already.
func (f *benchFlags) checkNodes(given func(flag string) bool) error {
	if len(f.nodes) == 0 {
		for _, name := range []string{"key", "issuer", "passphrase-file"} {
			if given(name) {
				return usagef("--%s goes with --node: a network of its own has providers of its own", name)
			}
		}
		return nil
	}
	for _, name := range []string{"validators", "tokentraild", "keep"} {
		if given(name) {
			return usagef("--%s does not go with --node: the nodes that it names run already", name)
		}
	}
	switch {
	case f.key == "" || f.issuer == "":
		return usagef("--node needs --key and --issuer as well: who submits")
	case !provenance.ValidNameID(f.issuer):
		return usagef("--issuer %q: wanted 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit", f.issuer)
	}
	return nil
}
