package app

import (
	"context"
	"sync/atomic"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
)

// Waiting returns how many submissions the engine's mempool holds, and their bytes.
func (n *Node) Waiting() (count int, bytes int64) {
	release, err := n.use()
	if err != nil {
		return 0, 0
	}
	defer release()
	pool := n.comet.Mempool()
	return pool.Size(), pool.SizeBytes()
}

// Commits measure how long the application takes to make blocks durable. For any
// goroutine.
type Commits struct {
	count, spent atomic.Int64
}

// Measured returns how many commits there were since the start, and the time that
// they took together.
func (c *Commits) Measured() (count int64, spent time.Duration) {
	return c.count.Load(), time.Duration(c.spent.Load())
}

// Measure returns the application with its commits measured.
func (c *Commits) Measure(a abci.Application) abci.Application { return measured{a, c} }

type measured struct {
	abci.Application
	commits *Commits
}

// Commit implements abci.Application.
func (m measured) Commit(ctx context.Context, r *abci.RequestCommit) (*abci.ResponseCommit, error) {
	began := time.Now()
	response, err := m.Application.Commit(ctx, r)
	m.commits.spent.Add(int64(time.Since(began)))
	m.commits.count.Add(1)
	return response, err
}
