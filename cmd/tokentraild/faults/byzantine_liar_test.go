//go:build linux

package faults

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"tokentrail/ledger"
	"tokentrail/ledger/app"
	"tokentrail/provenance"
)

// Variables that make the test binary a validator that lies.
const (
	lieVariable = "TOKENTRAIL_FAULTS_LIE" // what it lies about
	keyVariable = "TOKENTRAIL_FAULTS_KEY" // the key of the provider that is in league with it, in hex
)

// What a validator lies about.
const (
	lieInadmissible = "inadmissible" // it proposes what may stand in no block, each kind in turn
	lieReject       = "reject"       // it votes against every block
	lieLate         = "late"         // it proposes when nobody waits any more
	lieEmpty        = "empty"        // it proposes nothing of what there is
	lieAppHash      = "app-hash"     // it has another app hash than all
)

// lateBy is longer than the others wait for a proposal.
const lateBy = 1500 * time.Millisecond

// A liar is a node's application that lies to the others' engines through its
// own. It votes for whatever is proposed, unless its lie is to reject.
type liar struct {
	abci.Application
	lie     string
	key     crypto.Signer
	records [][]byte

	told    atomic.Int64 // lies
	decided atomic.Value // []byte: a transaction of a block that is decided
}

// liarChild runs the node of a home, with arguments as tokentraild has them, and
// lies. It serves no HTTP. Each lie is a line of standard output.
func liarChild(lie string, args []string) int {
	if err := runLiar(lie, args[len(args)-1]); err != nil {
		fmt.Println("the liar ends:", err)
		return 1
	}
	return 0
}

func runLiar(lie, home string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	key, err := hex.DecodeString(os.Getenv(keyVariable))
	if err != nil || len(key) != ed25519.PrivateKeySize {
		return fmt.Errorf("%s is no key: %w", keyVariable, err)
	}
	records, err := traceOnce()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	lock, err := app.LockHome(home)
	if err != nil {
		return err
	}
	defer lock.Close()
	l, err := ledger.Open(app.LedgerDir(home), ledger.Options{Logger: log})
	if err != nil {
		return err
	}
	defer l.Close()
	application := app.NewApplication(l, log)
	node := app.NewNode(home, &liar{Application: application, lie: lie, key: ed25519.PrivateKey(key), records: records},
		app.NodeOptions{Log: log, Lock: lock, Archive: l})
	if err := node.Start(ctx); err != nil {
		return err
	}
	fed := make(chan struct{})
	go func() {
		defer close(fed)
		application.Feed(ctx, node.Submit)
	}()
	fmt.Println("lying:", lie)
	select {
	case <-ctx.Done():
	case <-node.Done():
	}
	cancel()
	<-fed
	return errors.Join(node.Err(), node.Stop())
}

// PrepareProposal proposes a lie.
func (l *liar) PrepareProposal(ctx context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	honest, err := l.Application.PrepareProposal(ctx, r)
	if err != nil {
		return nil, err
	}
	switch l.lie {
	case lieInadmissible:
		return l.inadmissible(r.Height, honest)
	case lieLate:
		time.Sleep(lateBy)
		l.say(r.Height, "late")
	case lieEmpty:
		if len(honest.Txs) > 0 {
			l.say(r.Height, "empty")
		}
		return &abci.ResponsePrepareProposal{}, nil
	}
	return honest, nil
}

// ProcessProposal votes for everything, or against it.
func (l *liar) ProcessProposal(_ context.Context, r *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	if l.lie == lieReject {
		l.say(r.Height, "reject")
		return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_REJECT}, nil
	}
	return &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}, nil
}

// FinalizeBlock remembers what is decided, and lies about what follows from it.
func (l *liar) FinalizeBlock(ctx context.Context, r *abci.RequestFinalizeBlock) (*abci.ResponseFinalizeBlock, error) {
	if len(r.Txs) > 0 {
		l.decided.Store(bytes.Clone(r.Txs[0]))
	}
	out, err := l.Application.FinalizeBlock(ctx, r)
	if err == nil && l.lie == lieAppHash && len(r.Txs) > 0 {
		l.say(r.Height, "app-hash")
		out.AppHash = bytes.Clone(out.AppHash)
		out.AppHash[0] ^= 1
	}
	return out, err
}

func (l *liar) say(height int64, what string) {
	l.told.Add(1)
	fmt.Printf("lied: %s at height %d\n", what, height)
}

// inadmissible adds to an honest proposal what makes it inadmissible.
func (l *liar) inadmissible(height int64, honest *abci.ResponsePrepareProposal) (*abci.ResponsePrepareProposal, error) {
	kind := inadmissibles[int(l.told.Load())%len(inadmissibles)]
	txs, err := kind.txs(l, fmt.Sprint("liar-", height, "-", l.told.Load()))
	if err != nil {
		return nil, err
	}
	l.say(height, kind.name)
	return &abci.ResponsePrepareProposal{Txs: append(honest.Txs, txs...)}, nil
}

// inadmissibles are the ways to spoil a proposal, and what those who reject it say.
// Each stream is a new one.
var inadmissibles = []struct {
	name, refusal string
	txs           func(l *liar, stream string) ([][]byte, error)
}{
	{"a stranger's statement", "unknown-key: ", func(l *liar, stream string) ([][]byte, error) {
		stranger, err := provenance.GenerateKey(provenance.AlgEdDSA)
		if err != nil {
			return nil, err
		}
		return l.tell(stranger, stream, 0)
	}},
	{"a broken signature", "signature: ", func(l *liar, stream string) ([][]byte, error) {
		txs, err := l.tell(l.key, stream, 0)
		if err == nil {
			err = spoilSignature(txs[0])
		}
		return txs, err
	}},
	{"the wrong order", "gap: sequence: 1, the stream's next is 0", func(l *liar, stream string) ([][]byte, error) { return l.tell(l.key, stream, 1, 0) }},
	{"a gap", "gap: sequence: 2, the stream's next is 1", func(l *liar, stream string) ([][]byte, error) { return l.tell(l.key, stream, 0, 2) }},
	{"one twice", "duplicate: ", func(l *liar, stream string) ([][]byte, error) {
		txs, err := l.tell(l.key, stream, 0)
		return append(txs, txs...), err
	}},
	{"two for one place", "fork: ", func(l *liar, stream string) ([][]byte, error) { return l.tell(l.key, stream, 0, 0) }},
	{"one of an earlier block", "duplicate: ", func(l *liar, stream string) ([][]byte, error) {
		if tx, ok := l.decided.Load().([]byte); ok {
			return [][]byte{tx}, nil
		}
		return l.tell(l.key, stream, 1)
	}},
	{"garbage", "not a submission", func(*liar, string) ([][]byte, error) {
		return [][]byte{append([]byte{0xbf}, randomBytes(1000)...)}, nil
	}},
	{"too many bytes", "at most 4194304 are allowed", func(l *liar, stream string) ([][]byte, error) {
		txs, err := l.tell(l.key, stream, 0)
		for range 5 {
			txs = append(txs, randomBytes(1<<20))
		}
		return txs, err
	}},
}

// tell signs the statements with these sequences of a stream, in this order, each
// with other records.
func (l *liar) tell(key crypto.Signer, stream string, sequences ...int64) ([][]byte, error) {
	var txs [][]byte
	ids := map[int64]provenance.Hash{}
	for _, sequence := range sequences {
		var previous *provenance.Hash
		if sequence > 0 {
			id := ids[sequence-1]
			previous = &id
		}
		one, err := tell(key, issuer, stream, sequence, previous, l.records[len(txs)*5:][:5])
		if err != nil {
			return nil, err
		}
		ids[sequence] = one.id
		txs = append(txs, one.submission)
	}
	return txs, nil
}

// spoilSignature changes the signature of a submission's statement.
func spoilSignature(submission []byte) error {
	sub, err := provenance.ParseSubmission(submission)
	if err != nil {
		return err
	}
	statement := sub.Statement.Raw()
	at := bytes.Index(submission, statement)
	if at < 0 {
		return errors.New("the statement does not stand in its submission as it is")
	}
	submission[at+len(statement)-5] ^= 1
	return nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}
