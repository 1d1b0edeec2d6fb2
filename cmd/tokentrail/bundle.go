package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/remote"
)

// bundleExt is the extension of bundles (spec/bundle.md), and transparentExt what
// transparent statements are called.
const (
	bundleExt      = ".tokentrail"
	transparentExt = ".cose"
)

type bundleFlags struct {
	exhibitFlags
	out     string
	scitt   bool
	receipt string
}

func (a *app) bundleCommand() *cobra.Command {
	f := &bundleFlags{}
	cmd := &cobra.Command{
		Use:   "bundle RECORD|ENTRY",
		Short: "Put all that proves a record or an entry into one file, which needs no network",
		Long: "Fetch from a node what proves a record or an entry, check it, and write it to one file: the genesis\n" +
			"document, the statement, its place in the log, the header with the validators' signatures, those\n" +
			"who came to sign since genesis, and what the registry says of the key. Who has the file and the\n" +
			"genesis document's SHA-256 checks it with tokentrail verify FILE, without a network.\n\n" +
			"RECORD is an id, 64 hex digits, or ISSUER/REF. ENTRY is an index in the log, or an entry's id.\n" +
			"What would not hold is not written. All records of a statement come along where its key was valid\n" +
			"at some heights only, since they show in which block it was.\n\n" +
			"With --scitt it is a SCITT transparent statement, whose reader brings the genesis document.",
		Example: "tokentrail bundle acme/answer-17 --node http://localhost:7480 -o answer-17.tokentrail\n" +
			"tokentrail verify answer-17.tokentrail --genesis 64-hex-digits",
		Args: oneArg("a record, or an entry"),
	}
	s := cmd.Flags()
	f.bind(s)
	s.StringVarP(&f.out, "out", "o", "", "the file to write (entry-N"+bundleExt+"); one that is there is not overwritten")
	s.BoolVar(&f.scitt, "scitt", false, "write a SCITT transparent statement (COSE_Sign1 with its receipt)")
	s.StringVar(&f.receipt, "receipt", "", "a file with a receipt that was kept, in place of the node's newest: it tells more of when the entry was made")
	cmd.RunE = a.does(func(ctx context.Context, args []string) error { return a.bundle(ctx, args[0], f) }, asText, asJSON)
	return cmd
}

func (a *app) bundle(ctx context.Context, name string, f *bundleFlags) error {
	trust, err := f.anchor()
	if err != nil {
		return err
	}
	if err := notThere(f.out); err != nil {
		return err
	}
	var receipt []byte
	if f.receipt != "" {
		if receipt, err = a.readFile(f.receipt, maxReceiptBody); err != nil {
			return err
		}
		if _, err := provenance.ParseReceipt(receipt); err != nil {
			return fmt.Errorf("--receipt %s is no receipt: %w", printable(f.receipt), err)
		}
	}
	e, node, err := a.fetchExhibit(ctx, &f.exhibitFlags, trust, name, a.locateAny, receipt)
	if err != nil {
		return err
	}
	raw, err := encodeExhibit(e, f.scitt)
	if err != nil {
		return err
	}
	// SPEC(CLI-70): what is checked is what is written.
	back, err := decodeExhibit(raw, e.Genesis)
	if err != nil {
		return err
	}
	report := checkExhibit(ctx, back, trust, node.URL(), true)
	if report.Exit() != exitOK {
		a.failure = report
		return failed("nothing was written, for the bundle would not hold", report)
	}
	if trust.Genesis == nil && trust.Height == 0 {
		fmt.Fprintf(a.stderr, "the node says which ledger this is; to be sure of it, name it: --genesis %s\n", report.Trust.GenesisHash)
	}
	if f.out == "" {
		f.out = "entry-" + strconv.FormatInt(report.Exhibit.Entry, 10) + bundleExt
		if f.scitt {
			f.out = "entry-" + strconv.FormatInt(report.Exhibit.Entry, 10) + transparentExt
		}
	}
	if err := writeNew(f.out, raw); err != nil {
		return err
	}
	return a.emitBundle(f, raw, report)
}

// locateAny takes an index for an entry's, and 64 hex digits for a record's id, or
// where no record has it for an entry's. SPEC(CLI-71)
func (a *app) locateAny(ctx context.Context, node *remote.Node, name string, want *remote.Wanted) (string, error) {
	var id provenance.Hash
	entry, err := locateEntry(ctx, node, name, want)
	if err == nil && !parseHash(name, &id) {
		return entry, nil
	}
	found, err := a.locateRecord(ctx, node, name, want)
	if entry != "" && errors.Is(err, errNoRecord) {
		return entry, nil
	}
	return found, err
}

func encodeExhibit(e *verify.Exhibit, scitt bool) ([]byte, error) {
	if !scitt {
		return e.Encode()
	}
	if kind, _ := provenance.LeafKindOf(e.Entry); kind != provenance.LeafStatement {
		return nil, usagef("--scitt is for statements, and the entry is none; leave it out")
	}
	return e.Transparent()
}

// decodeExhibit reads what encodeExhibit wrote.
func decodeExhibit(raw, genesis []byte) (*verify.Exhibit, error) {
	if provenance.IsBundle(raw) {
		return provenance.ParseBundle(raw)
	}
	t, err := provenance.ParseTransparent(raw)
	if err != nil {
		return nil, err
	}
	return t.Bundle(genesis, originOf(genesis)), nil
}

// notThere refuses a file that would be overwritten.
func notThere(name string) error {
	if name == "" {
		return nil
	}
	if _, err := os.Lstat(name); err == nil {
		return fmt.Errorf("%s is there already, and is not overwritten: name another with --out, or remove it", printable(name))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if dir := filepath.Dir(name); !isDir(dir) {
		return fmt.Errorf("--out %s: there is no directory %s; make it, or name another file", printable(name), printable(dir))
	}
	return nil
}

// writeNew puts a file in place whole or not at all.
func writeNew(name string, content []byte) error {
	if err := notThere(name); err != nil {
		return err
	}
	return writeDurable(filepath.Dir(name), filepath.Base(name), content)
}

// emitBundle says what was written.
func (a *app) emitBundle(f *bundleFlags, raw []byte, r *verify.Report) error {
	kind := "bundle"
	again := fmt.Sprintf("tokentrail verify %s --genesis %s", f.out, r.Trust.GenesisHash)
	if f.scitt {
		kind, again = "transparent-statement", fmt.Sprintf("tokentrail verify %s --genesis-document FILE", f.out)
	}
	doc := object{
		{"format", outputFormat}, {"file", f.out}, {"kind", kind}, {"bytes", len(raw)}, {"ledger", r.Ledger.Origin},
		{"genesis_hash", r.Trust.GenesisHash}, {"height", r.Ledger.Height}, {"header", r.Ledger.Header}, {"exhibit", r.Exhibit},
	}
	return a.emit(doc, func(w io.Writer) error {
		return facts(w, fact{"written", f.out}, fact{"bytes", thousands(int64(len(raw)))},
			fact{"proves", fmt.Sprintf("entry %d, %s %s", r.Exhibit.Entry, r.Exhibit.Kind, r.Exhibit.ID)},
			fact{"under", fmt.Sprintf("header %d of %s", r.Ledger.Height, r.Ledger.Origin)}, fact{"to check it", again})
	})
}
