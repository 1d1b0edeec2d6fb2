package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"tokentrail/ledger/app"
	"tokentrail/ledger/backup"
	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// engineReading is how package backup reads the engine's messages.
func engineReading() backup.Reading {
	return backup.Reading{
		Founders: app.GenesisValidators,
		Header: func(raw []byte) (backup.Header, error) {
			h, err := app.ReadLightBlock(raw)
			return backup.Header{Height: h.Height, Hash: h.Hash, Parent: h.Parent, AppHash: h.AppHash, Validators: h.Validators, NextValidators: h.NextValidators}, err
		},
		Checkpoint: func(raw []byte) (*backup.Checkpoint, error) {
			j, err := app.ParseJoint(raw)
			if err != nil {
				return nil, err
			}
			return &backup.Checkpoint{Frontier: j.Frontier, LightBlock: j.RawCurrent}, nil
		},
	}
}

// trustFlags say what is known of a chain from elsewhere than a backup or a node.
type trustFlags struct {
	header, genesis string
	period          time.Duration
}

func (t *trustFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&t.genesis, "genesis-hash", "", "the SHA-256 of the chain's genesis document")
	f.StringVar(&t.header, "trust", "", "a header that you trust, as height:hash, instead of all headers from genesis on")
	f.DurationVar(&t.period, "trust-period", defaultTrustPeriod, "with --trust: how old that header may be")
}

// given says whether anything is trusted.
func (t *trustFlags) given() bool { return t.header != "" || t.genesis != "" }

// trust reads the flags.
func (t *trustFlags) trust() (verify.Trust, error) {
	if t.header != "" {
		return (&joinFlags{trust: t.header, period: t.period, genesis: t.genesis}).anchor()
	}
	var out verify.Trust
	if t.genesis != "" {
		out.Genesis = new(provenance.Hash)
		if out.Genesis.UnmarshalText([]byte(t.genesis)) != nil {
			return out, usageError{fmt.Errorf("--genesis-hash %q: want 64 hex digits, as 'sha256sum' prints them", t.genesis)}
		}
	}
	return out, nil
}

// verifyHeader verifies that the checkpoint's header is one of the chain's: by
// every header from the genesis document's validators on, or from a trusted one.
// SPEC(NOD-66)
func verifyHeader(ctx context.Context, b *backup.Backup, trust verify.Trust) error {
	if trust.Genesis != nil && *trust.Genesis != b.GenesisHash() {
		return fmt.Errorf("the backup's genesis document has the SHA-256 %s, wanted %s: it is of another ledger", b.GenesisHash(), *trust.Genesis)
	}
	src := &backupHeaders{backup: b}
	defer src.close()
	headers := light.FromGenesis(src, time.Now)
	if trust.Height > 0 {
		headers = light.FromHeader(src, trust, time.Now)
	} else if first, _ := b.Headers(); first != 1 {
		return fmt.Errorf("the backup's headers begin with height %d, so that nothing leads from the genesis document to them; give --trust HEIGHT:HASH", first)
	}
	if err := headers.Start(ctx, b.Genesis()); err != nil {
		return err
	}
	h, err := headers.Header(ctx, b.Header().Height)
	if err != nil {
		return err
	}
	if h.Hash != b.Header().Hash || h.AppHash != b.Header().AppHash {
		return fmt.Errorf("the checkpoint's header of height %d is %s, the chain's is %s", h.Height, b.Header().Hash, h.Hash)
	}
	return nil
}

// backupHeaders is a backup as the source of an audit of headers alone. Owned by
// one goroutine.
type backupHeaders struct {
	verify.Source // nil: nothing but headers is asked for
	backup        *backup.Backup

	next func() ([]byte, error, bool) // of the light block at height; nil: not begun
	stop func()
	at   int64
}

// Headers implements verify.Source.
func (s *backupHeaders) Headers(_ context.Context, from int64, limit int) ([][]byte, error) {
	if s.next == nil || s.at != from {
		s.close()
		s.next, s.stop = iter.Pull2(s.backup.LightBlocks(from))
		s.at = from
	}
	var out [][]byte
	for len(out) < limit {
		raw, err, ok := s.next()
		if !ok {
			break
		}
		if err != nil {
			return nil, err
		}
		out = append(out, raw)
		s.at++
	}
	if len(out) == 0 {
		return nil, errors.New("the backup's headers end here")
	}
	return out, nil
}

func (s *backupHeaders) close() {
	if s.stop != nil {
		s.stop()
	}
}
