package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/ledger/backup"
	"tokentrail/provenance"
	"tokentrail/verify/remote"
)

type repairOptions struct {
	home, from string
	older      bool
	height     int64
}

func repairCommand() *cobra.Command {
	var o repairOptions
	cmd := &cobra.Command{
		Use:   "repair",
		Short: "Mend a stopped node's stores from another node or a backup",
		Long: `repair scrubs a home whose node does not run, fetches what is damaged from another
node or a backup, checks it against the ledger's own hashes, and writes it anew.

Where a store cannot be opened any more it is made anew from the newest state that
the node or the backup has, with all history, beside its place; the old one stays
until the new one is there. Keys and what the validator has signed are never
touched.`,
		Example: `  tokentraild repair --home node --from http://10.0.0.2:7480
  tokentraild repair --home node --from /mnt/backup`,
		Args: noArguments,
	}
	home := homeFlag(cmd)
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "a running node's HTTP address, or a backup's directory")
	f.Int64Var(&o.height, "height", 0, "of a backup: the checkpoint of this height, not the newest")
	f.BoolVar(&o.older, "older", false, "take a state that is older than what this node had; what is between has to come from other nodes, or is lost")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		log, err := logger(cmd)
		if err != nil {
			return err
		}
		o.home = filepath.Clean(*home)
		if o.from == "" {
			return usageError{errors.New("give --from, a node's address or a backup's directory")}
		}
		return runRepair(cmd.Context(), &o, cmd.OutOrStdout(), cmd.ErrOrStderr(), log)
	}
	return cmd
}

// runRepair finds what is damaged, mends it, and looks again.
func runRepair(ctx context.Context, o *repairOptions, stdout, stderr io.Writer, log *slog.Logger) error {
	if done, err := endRestore(o.home); err != nil {
		return err
	} else if done {
		fmt.Fprintf(stdout, "stores that an interrupted repair had made are in their places\n")
	}
	report, err := scrubApart(ctx, o.home, stderr)
	if err != nil {
		return err
	}
	plan := planRepair(report)
	if len(plan.entries)+len(plan.headers) == 0 && !plan.ledger && !plan.engine {
		if err := plan.rest(stdout); err != nil {
			return err
		}
		_, err := fmt.Fprintf(stdout, "%s: nothing is to be repaired\n", o.home)
		return errors.Join(err, dropAside(o.home))
	}
	src, err := openRepairSource(ctx, o, stderr)
	if err != nil {
		return err
	}
	if plan.ledger || plan.engine {
		err = rebuild(ctx, o, plan, src, stdout, stderr, log)
	} else {
		err = mendPlaces(ctx, o, plan, src, stdout, log)
	}
	if err != nil {
		return err
	}
	after, err := scrubApart(ctx, o.home, stderr)
	if err != nil {
		return err
	}
	left := planRepair(after)
	if n := len(left.entries) + len(left.headers); n > 0 || left.ledger || left.engine {
		_ = after.print(stdout) // the error says it, too
		return fmt.Errorf("%s is still damaged: %s %s: %s", o.home, after.Damage[0].What, after.Damage[0].Where, after.Damage[0].Found)
	}
	if err := dropAside(o.home); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s is whole: height %d, %d entries\n", o.home, after.Height, after.Entries)
	return left.rest(stdout)
}

// A repairPlan is what is to be done about the damage that a scrub found.
type repairPlan struct {
	entries []int64 // to be written anew
	headers []int64 // heights, likewise
	ledger  bool    // the ledger's store is to be made anew
	engine  bool    // so are the engine's
	others  []scrubDamage
}

func planRepair(r *scrubReport) *repairPlan {
	p := &repairPlan{}
	seen := map[string]bool{}
	for _, d := range r.Damage {
		var n int64
		key := d.Part + d.Where
		switch {
		case d.Part == partHome || d.Part == partEngine && d.Opens:
			p.others = append(p.others, d)
		case d.Part == partEngine:
			p.engine = true
		case !d.Opens:
			p.ledger = true
		case seen[key]:
		case scan(d.Where, "index %d", &n):
			p.entries = append(p.entries, n)
		case scan(d.Where, "height %d", &n) && strings.HasPrefix(d.What, "archive"):
			p.headers = append(p.headers, n)
		default:
			p.ledger = true
		}
		seen[key] = true
	}
	return p
}

func scan(text, format string, n *int64) bool {
	_, err := fmt.Sscanf(text, format, n)
	return err == nil
}

// rest tells what no node and no backup can mend.
func (p *repairPlan) rest(stdout io.Writer) error {
	failed := 0
	for _, d := range p.others {
		fmt.Fprintf(stdout, "%s: %s\n        remedy: %s\n", d.What, d.Found, d.Remedy)
		if d.Part == partHome {
			failed++
		}
	}
	if failed > 0 {
		return errors.New("files of the home are damaged that no node and no backup has: see above")
	}
	return nil
}

// A repairSource is where what is damaged comes from: a backup that is whole, or a
// node.
type repairSource struct {
	node   *remote.Node   // nil: a backup
	backup *backup.Backup // nil: a node
	dir    string         // of the backup
	stderr io.Writer
}

// openRepairSource opens what --from names. Whatever comes from it has to be of
// the home's chain: the genesis document is the home's.
func openRepairSource(ctx context.Context, o *repairOptions, stderr io.Writer) (*repairSource, error) {
	if u, err := url.Parse(o.from); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		node, err := remote.New(o.from, remote.Options{UserAgent: "tokentraild"})
		return &repairSource{node: node, stderr: stderr}, err
	}
	b, err := backup.Open(o.from, o.height, engineReading())
	if err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(app.GenesisPath(o.home))
	if err != nil {
		return nil, fmt.Errorf("the home's genesis document says which chain it is of: %w", err)
	}
	if sum := provenance.Hash(sha256.Sum256(raw)); sum != b.GenesisHash() {
		return nil, fmt.Errorf("the backup is of the chain with the genesis document %s, the home of %s", b.GenesisHash(), sum)
	}
	return &repairSource{backup: b, dir: o.from, stderr: stderr}, ctx.Err()
}

// entry returns a copy of an entry.
func (s *repairSource) entry(ctx context.Context, index int64) (ledger.Received, error) {
	if s.backup != nil {
		e, err := s.backup.Entry(index)
		if err != nil {
			return ledger.Received{}, err
		}
		return e.Received(), nil
	}
	return entryFrom(ctx, s.node, index)
}

// entryFrom asks a node for an entry.
func entryFrom(ctx context.Context, node *remote.Node, index int64) (ledger.Received, error) {
	page, err := node.Entries(ctx, index, 1)
	if err != nil {
		return ledger.Received{}, err
	}
	if len(page) != 1 || page[0].Index != index {
		return ledger.Received{}, fmt.Errorf("%s does not have entry %d", node.URL(), index)
	}
	return ledger.Received{Height: page[0].Height, Statement: page[0].Statement, Records: page[0].Frame}, nil
}

// proof proves an entry's leaf, for where the ledger's own hashes cannot.
func (s *repairSource) proof(ctx context.Context, index, size int64) (*provenance.Inclusion, error) {
	if s.backup != nil {
		p, err := s.backup.Verify(ctx, backup.VerifyOptions{Prove: []int64{index}})
		if err != nil {
			return nil, err
		}
		return p.Inclusion(index)
	}
	return proofFrom(ctx, s.node, index, size)
}

func proofFrom(ctx context.Context, node *remote.Node, index, size int64) (*provenance.Inclusion, error) {
	raw, err := node.Inclusion(ctx, index, size)
	if err != nil {
		return nil, err
	}
	return provenance.ParseInclusion(raw)
}

// lightBlock returns a signed header of the chain.
func (s *repairSource) lightBlock(ctx context.Context, height int64) ([]byte, error) {
	if s.backup != nil {
		for raw, err := range s.backup.LightBlocks(height) {
			return raw, err
		}
		return nil, fmt.Errorf("the backup has no signed header of height %d", height)
	}
	page, err := s.node.Headers(ctx, height, 1)
	if err == nil && len(page) != 1 {
		err = fmt.Errorf("%s has no signed header of height %d", s.node.URL(), height)
	}
	if err != nil {
		return nil, err
	}
	return page[0], nil
}

// mendPlaces writes single entries and headers anew. SPEC(NOD-75)
func mendPlaces(ctx context.Context, o *repairOptions, plan *repairPlan, src *repairSource, stdout io.Writer, log *slog.Logger) (err error) {
	home, err := openHome(o.home, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, home.close()) }()
	for _, index := range plan.entries {
		if err := mendEntry(ctx, home.ledger, index, src.entry, src.proof); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "entry %d is mended\n", index)
	}
	// From the newest on, so that what is behind each is whole.
	for _, height := range slices.Backward(slices.Sorted(slices.Values(plan.headers))) {
		if err := mendHeader(ctx, home, height, src); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "archived header %d is mended\n", height)
	}
	return nil
}

// mendEntry writes an entry anew from a copy, proven by the ledger's own hashes or
// else by the source's proof.
func mendEntry(ctx context.Context, l *ledger.Ledger, index int64,
	entry func(context.Context, int64) (ledger.Received, error),
	proof func(ctx context.Context, index, size int64) (*provenance.Inclusion, error),
) error {
	r, err := entry(ctx, index)
	if err != nil {
		return fmt.Errorf("fetch entry %d: %w", index, err)
	}
	alone := l.Repair(index, r, nil)
	if alone == nil {
		return nil
	}
	p, err := proof(ctx, index, l.Snapshot().Head().Size)
	if err != nil {
		return fmt.Errorf("%w; nor is there a proof: %w", alone, err)
	}
	return l.Repair(index, r, p)
}

// mendHeader writes an archived header anew. It has to be signed, and to be the
// one that the header behind it, of this home, names as its parent: the source
// could sign both with keys of its own.
func mendHeader(ctx context.Context, home *homeSource, height int64, src *repairSource) error {
	raw, err := src.lightBlock(ctx, height)
	if err != nil {
		return err
	}
	h, err := app.ReadLightBlock(raw)
	if err != nil {
		return err
	}
	var next []byte
	if _, last := home.ledger.ArchivedHeaders(); height < last {
		next, err = home.ledger.ArchivedHeader(height + 1)
	} else {
		next, err = home.stores.LightBlock(height + 1)
	}
	if err != nil {
		return fmt.Errorf("mend the signed header of height %d: nothing here says which it is: %w", height, err)
	}
	behind, err := app.ReadLightBlock(next)
	if err != nil {
		return err
	}
	if h.Height != height || behind.Height != height+1 || behind.Parent != h.Hash {
		return fmt.Errorf("the signed header of height %d that came is %s of height %d, the one behind it follows %s", height, h.Hash, h.Height, behind.Parent)
	}
	return home.ledger.ArchiveHeader(height, raw)
}
