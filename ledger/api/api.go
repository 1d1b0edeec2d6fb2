// Package api is the node's HTTP interface (spec/api.md): SCITT's SCRAPI, the
// log's proofs, and what auditors and regulators ask for.
//
// It decides nothing. A submission is judged by the ledger and ordered by
// consensus; an answer is read from one snapshot of the ledger, the newest whose
// app hash a signed header carries, so that all parts of it agree and whoever
// asks can check them. What it needs of ledger and engine it states as small
// interfaces (Log, Headers, Submitter, Engine).
//
// An error has one form and one table (errors.go).
package api

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"tokentrail/ledger/index"
	"tokentrail/provenance"
)

// Config is what the interface serves and how much of it. All but Joining,
// Changes, Figures, Limits, Wait and Logger must be given.
type Config struct {
	ChainID string
	Genesis []byte             // the genesis document, byte for byte; with ChainID it makes the log's origin
	Key     ed25519.PrivateKey // the node's: signs receipts and checkpoints

	Log       Log
	Headers   Headers
	Submitter Submitter
	Engine    Engine
	Totals    *index.Totals   // brought up to the log by each question about flows
	Records   *index.Records  // which somebody else feeds
	Joining   Joining         // for nodes that join, and where history is missing
	Changes   Changes         // of the validators; nil: the node does not say
	Figures   func() []Figure // of the node, for /metrics; nil: there are none. Called at each scrape

	// Wait is how long a POST waits for the commit before it answers 202. 0: 15 s.
	Wait   time.Duration
	Limits Limits
	Logger *slog.Logger // what goes wrong in the node; nil: nowhere
	// Damaged, if not nil, is told each failure of the node's own, among them what
	// its store has damaged (*ledger.DamageError). It must not wait.
	Damaged func(err error)
}

// Limits bound what clients can make a node hold. 0 is the default.
//
// An address is a client's own, or its IPv6 network of 64 bits. Behind a proxy
// all clients have the proxy's: raise the limits of an address to those of the
// node there, and let the proxy bound what each client may take.
type Limits struct {
	Posts        int           // submissions being read, judged or waited for at once: 2048
	AddressPosts int           // of these, being read from one address: 64
	PostBytes    int64         // bytes of submissions being read or judged at once: 64 MiB
	AddressBytes int64         // of these, being read from one address: 32 MiB
	BodyTime     time.Duration // for a submission to arrive: 30 s
	Ahead        time.Duration // by which records may be ahead of the node's clock: 10 min
	PartTime     time.Duration // for each 64 KiB of it: 10 s
	WriteTime    time.Duration // for a client to take a part of an answer, 256 KiB: 30 s

	Pending     int           // submissions remembered as pending: 65,536
	PendingTime time.Duration // how long each is: 10 min

	Expansions        int           // records' frames being expanded at once, 8 MiB each: 8
	ExpandWait        time.Duration // for a place among them: 2 s
	AddressExpansions int           // requests of one address that wait or have a place: 32

	Answers        int           // answers with expanded records on their way to clients: 64
	AddressAnswers int           // of these, to one address: 8
	AnswerBytes    int64         // bytes of such answers: 256 MiB
	AnswerTime     time.Duration // for a client to take one, beside a second for each 64 KiB: 10 s

	Flows    int           // answers about flows being added up at once: 2
	FlowWait time.Duration // for a place among them: 15 s
	FlowRows int64         // rows of such answers on their way to clients, about 256 bytes each: 524,288

	Lookups        int           // answers about records being looked up at once: 2
	LookupWait     time.Duration // for a place among them: 2 s
	AddressLookups int           // requests of one address that wait or have a place: 8
	LookupBytes    int64         // of expanded records, after which a place goes round: 64 MiB
	IndexWait      time.Duration // for the index to have what is committed: 1 s
}

// withDefaults fills in what is 0.
func (l Limits) withDefaults() Limits {
	l.Posts = or(l.Posts, 2048)
	l.AddressPosts = or(l.AddressPosts, 64)
	l.PostBytes = or(l.PostBytes, 64<<20)
	l.AddressBytes = or(l.AddressBytes, 32<<20)
	l.BodyTime = or(l.BodyTime, 30*time.Second)
	l.Ahead = or(l.Ahead, 10*time.Minute)
	l.PartTime = or(l.PartTime, 10*time.Second)
	l.WriteTime = or(l.WriteTime, 30*time.Second)
	l.Pending = or(l.Pending, 1<<16)
	l.PendingTime = or(l.PendingTime, 10*time.Minute)
	l.Expansions = or(l.Expansions, 8)
	l.ExpandWait = or(l.ExpandWait, 2*time.Second)
	l.AddressExpansions = or(l.AddressExpansions, 32)
	l.Answers = or(l.Answers, 64)
	l.AddressAnswers = or(l.AddressAnswers, 8)
	l.AnswerBytes = or(l.AnswerBytes, 256<<20)
	l.AnswerTime = or(l.AnswerTime, 10*time.Second)
	l.Flows = or(l.Flows, 2)
	l.FlowWait = or(l.FlowWait, 15*time.Second)
	l.FlowRows = or(l.FlowRows, 1<<19)
	l.Lookups = or(l.Lookups, 2)
	l.LookupWait = or(l.LookupWait, 2*time.Second)
	l.AddressLookups = or(l.AddressLookups, 8)
	l.LookupBytes = or(l.LookupBytes, 64<<20)
	l.IndexWait = or(l.IndexWait, time.Second)
	return l
}

func or[T int | int64 | time.Duration](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// api serves the routes. What is not marked is set by New and never changed.
type api struct {
	Config
	genesisHash provenance.Hash
	origin      string
	signer      provenance.ReceiptSigner
	public      provenance.PublicKey
	problems    map[provenance.Code]problem

	pending    *pendingSet   // locks itself
	anchors    anchorCache   // locks itself
	posts      *gate         // locks itself
	postBytes  *gate         // locks itself
	arriving   *shares       // locks itself; of submissions being read
	arrived    *shares       // locks itself; of their bytes
	expansions *places       // locks itself; of frames being expanded
	answers    *answers      // locks itself; of expanded records
	adding     chan struct{} // a place for each answer about flows being added up
	flowRows   *gate         // locks itself
	paged      pagedViews    // locks itself
	lookups    *places       // locks itself; of answers about records
	frontiers  *frontiers    // locks itself
	censuses   *censuses     // locks itself
	metrics    *metrics      // locks itself
}

// New makes the handler. It starts nothing: all work is done in requests.
func New(c Config) (http.Handler, error) {
	a, err := newAPI(c)
	if err != nil {
		return nil, err
	}
	return a.handler(), nil
}

func newAPI(c Config) (*api, error) {
	if c.ChainID == "" || len(c.Genesis) == 0 || c.Log == nil || c.Headers == nil || c.Submitter == nil || c.Engine == nil || c.Totals == nil || c.Records == nil {
		return nil, errors.New("api: chain id, genesis, log, headers, submitter, engine, totals and records must be given")
	}
	if len(c.Key) != ed25519.PrivateKeySize {
		return nil, errors.New("api: the node's key is not an Ed25519 key")
	}
	public, err := provenance.NewPublicKey(c.Key.Public())
	if err != nil {
		return nil, fmt.Errorf("api: the node's key: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Wait = or(c.Wait, 15*time.Second)
	c.Limits = c.Limits.withDefaults()
	hash := provenance.Hash(sha256.Sum256(c.Genesis))
	origin := provenance.Origin(c.ChainID, hash)
	a := &api{
		Config: c, genesisHash: hash, origin: origin, public: public,
		signer:     provenance.ReceiptSigner{Origin: origin, Key: c.Key},
		problems:   problemsByCode(),
		pending:    newPendingSet(c.Limits.Pending, c.Limits.PendingTime),
		posts:      newGate(int64(c.Limits.Posts)),
		postBytes:  newGate(c.Limits.PostBytes),
		arriving:   newShares(int64(c.Limits.AddressPosts)),
		arrived:    newShares(c.Limits.AddressBytes),
		expansions: newPlaces(c.Limits.Expansions, c.Limits.ExpandWait, c.Limits.AddressExpansions),
		answers:    newAnswers(c.Limits),
		adding:     make(chan struct{}, c.Limits.Flows),
		flowRows:   newGate(c.Limits.FlowRows),
		lookups:    newPlaces(c.Limits.Lookups, c.Limits.LookupWait, c.Limits.AddressLookups),
		frontiers:  newFrontiers(),
		censuses:   newCensuses(),
	}
	a.metrics = newMetrics(a)
	return a, nil
}
