package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
	"tokentrail/verify"
)

// correctionRules is the rule version that corrections came with (ADM-16).
const correctionRules = 2

// maxNote is the most bytes of a correction's note (record.md, correction).
const maxNote = 128

type correctFlags struct {
	reverse bool
	amend   string
	reason  string
	note    string
	time    string
	node    string
	genesis string
	out     string
}

// A correctDoc is what correct answers.
type correctDoc struct {
	Format  int           `json:"format"`
	File    string        `json:"file"`
	Ledger  string        `json:"ledger"`
	Record  string        `json:"record"` // the corrected one's id
	Entry   int64         `json:"entry"`
	Issuer  string        `json:"issuer"`
	Kind    string        `json:"kind"`
	Action  string        `json:"action"`
	Reason  string        `json:"reason"`
	Earlier int           `json:"earlier_corrections"`
	Counted intake.Object `json:"counted"` // before this correction
	Deltas  intake.Object `json:"deltas"`
	Counts  intake.Object `json:"counts"` // behind it
	Time    string        `json:"time"`
}

func (a *app) correctCommand() *cobra.Command {
	f := &correctFlags{}
	cmd := &cobra.Command{
		Use:   "correct RECORD",
		Short: "Reverse or amend a record of yours on a ledger",
		Long: "Make a record that reverses or amends one of yours. Nothing on a ledger is ever edited: a\n" +
			"correction takes back what the record counts, or adds to it, in the totals of the record's own\n" +
			"hour. The record is named by its id (64 hex digits) or by issuer/ref; what the node says of it\n" +
			"is checked up to the validators, from the genesis document on. Earlier corrections of it are taken\n" +
			"into account; that there are no more is the node's word.\n\n" +
			"The output is a file of one record for tokentrail submit, under the same issuer. What counted\n" +
			"in a wrong place, or for a wrong model, is reversed and recorded anew.",
		Example: "tokentrail correct acme/req-1 --reverse --reason duplicate \\\n" +
			"  --node http://localhost:7480 --out correction.records\n" +
			"tokentrail correct acme/req-2 --amend input=-10,output=+3 --reason wrong-count \\\n" +
			"  --note 'tokenizer of the wrong version' --node http://localhost:7480 --out correction.records",
		Args: oneArg("the record's id, or issuer/ref"),
	}
	s := cmd.Flags()
	s.BoolVar(&f.reverse, "reverse", false, "take back all that the record counts")
	s.StringVar(&f.amend, "amend", "", "what is added, as input=-10,output=+3; also cache-read, cache-write, reasoning, energy (µWh)")
	s.StringVar(&f.reason, "reason", "", "why: "+strings.Join(reasons(), ", "))
	s.StringVar(&f.note, "note", "", "a note for auditors, at most 128 bytes; no personal data")
	s.StringVar(&f.time, "time", "", "when the correction was made, RFC 3339 (now)")
	s.StringVar(&f.node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	s.StringVar(&f.genesis, "genesis", "", "the SHA-256 of the ledger's genesis document, from elsewhere than the node")
	s.StringVar(&f.out, "out", "", "file of one record to write")
	require(cmd, "reason", "out")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.correct(ctx, args[0], f) }, asTable, asJSON)
	return cmd
}

// A wantedCorrection is what the command line says.
type wantedCorrection struct {
	query  provenance.RecordQuery
	deltas *provenance.Sums // nil to reverse
	reason int64
	time   int64 // ms since the epoch
}

func (f *correctFlags) wanted(name string, now time.Time) (w wantedCorrection, err error) {
	if f.reverse == (f.amend != "") {
		return w, usagef("say either --reverse or --amend, as --amend input=-10,output=+3")
	}
	if w.query, err = recordQuery(name); err != nil {
		return w, err
	}
	if w.reason, err = parseReason(f.reason); err != nil {
		return w, err
	}
	if len(f.note) > maxNote {
		return w, usagef("--note has %d bytes: wanted %d at most", len(f.note), maxNote)
	}
	if f.amend != "" {
		deltas, err := parseDeltas(f.amend)
		if err != nil {
			return w, err
		}
		w.deltas = &deltas
	}
	w.time = now.UnixMilli()
	if f.time != "" {
		t, err := time.Parse(time.RFC3339Nano, f.time)
		if err != nil {
			return w, usagef("--time %q: wanted RFC 3339, as 2023-11-16T18:15:46.680Z", f.time)
		}
		w.time = t.UnixMilli()
	}
	if w.time > now.Add(intake.FutureTime).UnixMilli() {
		return w, usagef("--time %s: %w", f.time, intake.ErrFuture) // SPEC(IMP-7)
	}
	return w, nil
}

func (a *app) correct(ctx context.Context, name string, f *correctFlags) error {
	w, err := f.wanted(name, time.Now())
	if err != nil {
		return err
	}
	n, err := a.openLedger(ctx, f.node, f.genesis)
	if err != nil {
		return err
	}
	limits, err := limitsOf(ctx, n)
	if err != nil {
		return err
	}
	if limits.Rules < correctionRules {
		return fmt.Errorf("the ledger %s has rule version %d, corrections came with %d: it would refuse one", n.origin, limits.Rules, correctionRules)
	}
	found, err := n.record(ctx, w.query, name)
	if err != nil {
		return err
	}
	left, earlier, err := n.stillCounts(ctx, found, nil)
	if err != nil {
		return fmt.Errorf("record %s: %w", found.id, err)
	}
	counted := left.Counts()
	c, err := w.correction(found, counted, f.note)
	if err != nil {
		return fmt.Errorf("record %s: %w", found.id, err)
	}
	record := &provenance.Record{Kind: provenance.Corrected, Time: w.time, Correction: c}
	raw, err := record.Encode()
	if err != nil {
		return err
	}
	if err := writeWhole(f.out, raw); err != nil {
		return err
	}
	after := counted
	after.Add(c.Deltas)
	doc := &correctDoc{
		Format: outputFormat, File: f.out, Ledger: n.origin, Record: found.id.String(), Entry: found.entry, Issuer: found.issuer,
		Kind: found.Kind.String(), Action: c.Action.String(), Reason: f.reason, Earlier: earlier,
		Counted: intake.View(counted).(intake.Object), Deltas: intake.View(c.Deltas).(intake.Object),
		Counts: intake.View(after).(intake.Object), Time: instant(w.time),
	}
	return a.emit(doc, doc.write)
}

// stillCounts returns what a record counts as, with its earlier corrections taken
// into account, and how many these are: those on the ledger, then of what is signed
// those that are not there yet. Those that do not hold change nothing, and people
// are told of the first. SPEC(CLI-12)
func (n *nodes) stillCounts(ctx context.Context, found *foundRecord, signed []signedCorrection) (counted *verify.Corrected, earlier int, err error) {
	if counted, err = verify.NewCorrected(found.issuer, found.entry, found.raw); err != nil {
		return nil, 0, err
	}
	var reversed, idle error
	apply := func(entry int64, id provenance.Hash, where string, c *provenance.Correction) bool {
		switch wrong := counted.Apply(found.issuer, entry, c); {
		case wrong != nil:
			idle = cmp.Or(idle, fmt.Errorf("record %s in %s corrects record %s without effect: %w", id, where, found.id, wrong))
			return true
		case c.Action == provenance.Reverses:
			reversed = fmt.Errorf("it was reversed by record %s in %s: there is nothing left to correct", id, where)
		}
		earlier++
		return reversed == nil
	}
	there := map[provenance.Hash]bool{}
	err = n.records(ctx, provenance.Corrections(found.issuer, found.id), func(r *foundRecord) bool {
		there[r.id] = true
		return apply(r.entry, r.id, fmt.Sprintf("entry %d", r.entry), r.Correction)
	})
	for _, c := range signed {
		if err == nil && reversed == nil && !there[c.id] {
			apply(math.MaxInt64, c.id, fmt.Sprintf("sequence %d, which has no receipt yet", c.sequence), c.Correction)
		}
	}
	if idle != nil {
		n.notice(idle.Error() + "; it is not counted here, nor is any other of this kind, and every audit finds it (tokentrail verify)")
	}
	if reversed != nil {
		err = reversed
	}
	return counted, earlier, err
}

// correction makes what the command line wants of a record that still counts as
// counted.
func (w *wantedCorrection) correction(found *foundRecord, counted provenance.Sums, note string) (*provenance.Correction, error) {
	if w.deltas != nil {
		if _, err := checkAmended(found.Record, counted, *w.deltas); err != nil {
			return nil, err
		}
		return provenance.Amend(found.id, found.entry, found.raw, *w.deltas, w.reason, note)
	}
	c, err := provenance.Reverse(found.id, found.entry, found.raw, w.reason, note)
	if err == nil {
		c.Deltas = negated(counted) // what amendments have left of it
	}
	return c, err
}

// writeWhole writes a file that appears under its name when it is whole.
func writeWhole(name string, content []byte) error {
	out, err := createWhole(name)
	if err != nil {
		return err
	}
	defer out.discard()
	if _, err := out.Write(content); err != nil {
		return err
	}
	return out.keep()
}

func (d *correctDoc) write(w io.Writer) error {
	earlier := ""
	if d.Earlier > 0 {
		earlier = thousands(int64(d.Earlier)) + ", taken into account"
	}
	return facts(w,
		fact{"record", d.Record},
		fact{"of", fmt.Sprintf("%s, a %s in entry %s", d.Issuer, d.Kind, thousands(d.Entry))},
		fact{"earlier corrections", earlier},
		fact{"counted", sumsText(d.Counted)},
		fact{"is added", sumsText(d.Deltas)},
		fact{"counts then", sumsText(d.Counts)},
		fact{"written", fmt.Sprintf("%s, for tokentrail submit --issuer %s", d.File, d.Issuer)},
	)
}

// sumsText writes sums for people, those that are 0 left out.
func sumsText(sums intake.Object) string {
	var parts []string
	for _, m := range sums {
		switch v := m.Value.(int64); {
		case v == 0:
		case m.Name == "records":
			parts = append(parts, plural(v, "record"))
		case m.Name == "energy":
			parts = append(parts, thousands(v)+" µWh")
		default:
			parts = append(parts, thousands(v)+" "+strings.ReplaceAll(m.Name, "_", " "))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
