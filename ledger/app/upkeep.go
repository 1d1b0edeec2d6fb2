package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"tokentrail/ledger"
)

// Upkeep says how a node looks after its disk.
type Upkeep struct {
	// Scrub is how long a pass over all that is stored takes its turn after the one
	// before has begun; 0: the node does not scrub. SPEC(NOD-71)
	Scrub Duration `json:"scrub"`
	// ScrubRate is how much a scrub reads at most, in bytes per second.
	ScrubRate int64 `json:"scrub_bytes_per_second"`
	// Reserve is how many bytes of the disk are left free: SPEC(NOD-11).
	Reserve int64 `json:"reserve_bytes"`
}

// DefaultUpkeep is what holds where config/node.json does not say.
func DefaultUpkeep() Upkeep {
	return Upkeep{Scrub: Duration(7 * 24 * time.Hour), ScrubRate: 8 << 20, Reserve: 256 << 20}
}

// Check says what is wrong with it.
func (u Upkeep) Check() error {
	if u.Scrub < 0 || u.ScrubRate < 1 || u.Reserve < 1 {
		return fmt.Errorf("scrub, scrub_bytes_per_second and reserve_bytes are %s, %d and %d; wanted 0 or more, and 1 or more", time.Duration(u.Scrub), u.ScrubRate, u.Reserve)
	}
	return nil
}

const (
	// roomRetry is how often a commit that found no room looks again.
	roomRetry = time.Second
	// roomSay is how often it says so.
	roomSay = time.Minute
)

// WaitForRoom returns the application with proposals and commits that wait, until
// ctx ends, while the disk is full, instead of ending consensus or the process:
// reads go on, and once there is room the node goes on by itself. room is the
// ledger's Room. SPEC(NOD-80)
func WaitForRoom(ctx context.Context, a abci.Application, room func() error, log *slog.Logger) abci.Application {
	return patient{a, ctx, room, log}
}

type patient struct {
	abci.Application
	ends context.Context
	room func() error
	log  *slog.Logger
}

// PrepareProposal implements abci.Application.
func (p patient) PrepareProposal(ctx context.Context, req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	if err := p.wait("no block is proposed", p.full); err != nil {
		return nil, err
	}
	return p.Application.PrepareProposal(ctx, req)
}

// ProcessProposal implements abci.Application. What is accepted the engine stores.
func (p patient) ProcessProposal(ctx context.Context, req *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	if err := p.wait("no block is voted for", p.full); err != nil {
		return nil, err
	}
	return p.Application.ProcessProposal(ctx, req)
}

// Commit implements abci.Application.
func (p patient) Commit(ctx context.Context, req *abci.RequestCommit) (res *abci.ResponseCommit, err error) {
	ended := p.wait("a block waits to be committed", func() error {
		res, err = p.Application.Commit(ctx, req)
		var full *ledger.RoomError
		if errors.As(err, &full) {
			return full
		}
		return nil
	})
	if ended != nil {
		return nil, ended
	}
	return res, err
}

// full says that less than the reserve is free.
func (p patient) full() error {
	var full *ledger.RoomError
	// Room wants twice the reserve.
	if err := p.room(); errors.As(err, &full) && full.Free < full.Wanted/2 {
		return err
	}
	return nil
}

// wait tries until there is room.
func (p patient) wait(what string, try func() error) error {
	var said time.Time
	for {
		err := try()
		if err == nil {
			return nil
		}
		if now := time.Now(); now.Sub(said) >= roomSay {
			said = now
			p.log.Error(what+" until there is room on the disk; reads go on", "error", err)
		}
		select {
		case <-time.After(roomRetry):
		case <-p.ends.Done():
			return fmt.Errorf("the node ends: %w", err)
		}
	}
}
