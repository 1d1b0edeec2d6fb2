package verify

import (
	"context"
	"io"
	"time"

	"tokentrail/provenance"
)

// A Source is where an audit gets its evidence from: a node, or a file. Nothing
// it says is believed. Its methods return the bytes that the node gave, taken
// out of the answer's frame only; ErrMissing where the node says that it has
// no such thing; and any other error where it could not be asked.
//
// Methods are called from several goroutines at once. Sources are told apart by ==: a
// pointer will do.
type Source interface {
	// Status returns what the node says of itself.
	Status(ctx context.Context) (*Status, error)
	// Genesis returns the genesis document, byte for byte.
	Genesis(ctx context.Context) ([]byte, error)
	// Headers returns light blocks of consecutive heights beginning with from, at
	// least one and at most limit.
	Headers(ctx context.Context, from int64, limit int) ([][]byte, error)
	// Entries returns consecutive entries beginning with from, at least one and at
	// most limit.
	Entries(ctx context.Context, from int64, limit int) ([]Entry, error)
	// State returns what stands under a key of the state map, with its proof.
	State(ctx context.Context, key string) (*StateAnswer, error)
	// Flows returns a page of the node's answer to a query.
	Flows(ctx context.Context, q provenance.FlowQuery, p FlowsPage) (*FlowsAnswer, error)
	// Checkpoint returns the node's signed checkpoint.
	Checkpoint(ctx context.Context) ([]byte, error)
	// Keys returns the node's keys, a COSE Key Set.
	Keys(ctx context.Context) ([]byte, error)
	// Receipt returns the receipt of an entry.
	Receipt(ctx context.Context, index int64) ([]byte, error)
	// Inclusion returns the proof that an entry stands in the log of a size.
	Inclusion(ctx context.Context, index, size int64) ([]byte, error)
	// Consistency returns the proof that the log of one size grew out of another.
	Consistency(ctx context.Context, from, to int64) ([]byte, error)
	// RecordProof returns the proof of a record of an entry.
	RecordProof(ctx context.Context, index, record int64) ([]byte, error)
}

// Status is what a node says of itself (/v1/status). An audit compares each
// field with what it found by itself.
type Status struct {
	Format      int64           `json:"format"`
	ChainID     string          `json:"chain_id"`
	Origin      string          `json:"origin"`
	GenesisHash provenance.Hash `json:"genesis_hash"`
	Height      int64           `json:"height"` // newest whose app hash a header carries
	LogSize     int64           `json:"log_size"`
	LogRoot     provenance.Hash `json:"log_root"`
	StateRoot   provenance.Hash `json:"state_root"`
	AppHash     provenance.Hash `json:"app_hash"`
	CatchingUp  bool            `json:"catching_up"`
}

// An Entry is an entry of the log as a node gives it.
type Entry struct {
	Index     int64
	Statement []byte // the leaf's data: a statement, an act or an equivocation
	Frame     []byte // the records, or the evidence
	Height    int64  // of its block, as the node says; 0 where it does not
}

// A StateAnswer is what a node says stands under a key of the state map.
type StateAnswer struct {
	Preimage []byte // of the app hash
	Height   int64  // of the header that carries it
	Value    []byte // empty where nothing stands
	Proof    []byte
}

// A FlowsPage says which rows of an answer about flows are asked for: at most
// Limit behind the first Offset. Where Offset is above 0, Size is the log size of
// the page before.
type FlowsPage struct{ Offset, Limit, Size int64 }

// A FlowsAnswer is a page of a node's answer to a flow query (spec/flows.md).
type FlowsAnswer struct {
	Format    int64                `json:"format"`
	Origin    string               `json:"origin"`
	LogSize   int64                `json:"log_size"`
	AppHash   provenance.Hash      `json:"app_hash"`
	Query     FlowsQuery           `json:"query"`
	TotalRows int64                `json:"total_rows"` // of all pages
	Rows      []provenance.FlowRow `json:"rows"`
}

// FlowsQuery is how an answer repeats its query.
type FlowsQuery struct {
	From  string   `json:"from,omitempty"`
	To    string   `json:"to,omitempty"`
	Since string   `json:"since,omitempty"`
	Until string   `json:"until,omitempty"`
	Kind  []string `json:"kind,omitempty"`
	Side  []string `json:"side,omitempty"`
	By    []string `json:"by,omitempty"`
}

// A Header is what an audit needs of a header that more than two thirds of the
// validators' power signed.
type Header struct {
	ChainID        string
	Height         int64
	Time           time.Time
	Hash           provenance.Hash // of the header
	AppHash        provenance.Hash // of the application after the height before
	ValidatorsHash provenance.Hash
	DataHash       provenance.Hash // root over the block's transactions (SPEC(BND-18)); zero where the header was not opened
}

// A Change is an app hash and the height of the first header that carries it.
type Change struct {
	Height  int64
	AppHash provenance.Hash
}

// A SetChange is a set of validators and the first height whose header it signs.
type SetChange struct {
	Height         int64
	ValidatorsHash provenance.Hash
}

// A HeaderVerifier turns light blocks into trusted headers. It belongs to one
// audit, and begins where the trust does. Its errors are a *Finding where the
// light blocks are evidence against the node, ErrExpired, or anything else
// where it could not check.
type HeaderVerifier interface {
	// Start takes the genesis document and checks the trust's anchor.
	Start(ctx context.Context, genesis []byte) error
	// Header returns the trusted header of a height, after verifying whatever
	// leads to it.
	Header(ctx context.Context, height int64) (*Header, error)
	// Open returns the header of a light block that came with a receipt, once it
	// is trusted.
	Open(ctx context.Context, lightBlock []byte) (*Header, error)
	// History returns the app hash of header 1 and each later one that differs
	// from the one before, where every header was verified in order; nil where
	// heights were skipped.
	History() []Change
	// Sets returns the validators of header 1 and each later set that differs from
	// the one before, where every header was verified in order; else nil.
	Sets() []SetChange
	// Verified is the number of headers verified so far.
	Verified() int64
}

// A HeaderLeader is a HeaderVerifier that can be led by an exhibit's headers from
// the trust to later ones.
type HeaderLeader interface {
	// Lead goes on from the trust by headers, in ascending order; the trusted header
	// itself may be one of them, or one of the others. It returns how many led on.
	// An error that wraps ErrOtherValidators says nothing against anybody: a header
	// between may be missing.
	Lead(ctx context.Context, headers, others [][]byte) (led int64, err error)
}

// Trust is what the auditor brings along and believes without proof. SPEC(VER-1)
type Trust struct {
	// Genesis is the SHA-256 of the genesis document, from elsewhere than the
	// node. Where it is nil the node's own document is taken, and the report says
	// so: the audit then shows that the ledger is sound, not which one it is.
	Genesis *provenance.Hash
	// Height and Hash are a header that the auditor trusts. With height 0 every
	// header from genesis on is verified, in order and without expiry.
	Height int64
	Hash   provenance.Hash
	// Period is how long a trusted header stays trustworthy: less than the time
	// for which validators that sign two histories can be held to account.
	Period time.Duration
}

// Options say how an audit is made.
type Options struct {
	// Now reads the clock; it must not be nil. It decides on expiry and on what is
	// from the future, and measures the audit.
	Now func() time.Time
	// From is what the report calls the place where the evidence came from: a node's
	// address, or a file's name. Nothing rests on it.
	From string
	// Receipts is the number of entries, drawn by Seed, whose receipt, inclusion
	// and one record's proof the node is asked for: 0 means 64, less means all.
	Receipts int
	// Seed draws the samples. A seed that the node can guess lets it prepare.
	Seed [32]byte
	// LookUps is the number of names of each kind, drawn by Seed, by which the node is
	// asked for records, if the source is a RecordPager: 0 means 64, less means none.
	LookUps int
	// Workers is the number of entries checked at once; 0 means one a processor.
	Workers int
	// Flows are the queries whose answers are computed again; nil means two, over
	// everything: without and with all groups.
	Flows []provenance.FlowQuery
	// FlowsOnly leaves out what these do not rest on: the report says that nobody asked
	// for it. Such an audit is not saved, since another that went on from it would rest
	// on what nobody looked at. SPEC(VER-94)
	FlowsOnly bool
	// Profile holds records to the label profiles that the ledger's policy names, as
	// profile.Meets does; nil leaves that out, and the report says so.
	Profile LabelCheck
	// Inspect, if set, looks at what providers said in the statements of the log, as
	// the step inspection. It serves one audit.
	Inspect Inspector
	// Patience is how long to wait for a signed header over what the node has
	// already answered from, since one block more carries its app hash: 0 means
	// 5 s, less means not at all.
	Patience time.Duration
	// NoticeProviders makes notices of what speaks against a provider rather than the
	// ledger: it is told, and counts for no verdict. SPEC(VER-51)
	NoticeProviders bool
	// Kept gives the head of the ledger with an origin that was kept, nil where none
	// was; what is wrong with it is its error. Nil: there is no memory, and no head to
	// keep comes of the audit. SPEC(VER-31)
	Kept func(origin string) (*Kept, error)
	// Witnesses are other nodes of the ledger, to compare with. SPEC(VER-38)
	Witnesses []Witness
	// Judge opens both sides of a fork; package light has one, without which none is
	// proven.
	Judge ForkJudge
	// MaxFindings bounds the findings kept a step; 0 means 100. The rest count.
	MaxFindings int
	// Progress, if set, is called from one goroutine as the audit goes on.
	Progress func(Progress)
	// Resume is an audit to go on from, which then is this one's own: one that was
	// interrupted, or one that is done, whose verdict becomes part of the trust.
	Resume *Saved
	// Save, if set, is handed the audit as far as it came, now and then and at the
	// end, as a function that writes it: what ReadSaved reads. It is called from the
	// goroutine of Audit; done says that another audit can go on from the verdict.
	Save func(done bool, write func(io.Writer) error)
	// SaveEvery is how often, by Now: 0 means a minute, less means only at the end.
	// SaveEntries, above 0, is how many entries there are at most between.
	SaveEvery   time.Duration
	SaveEntries int64
}

// Progress says how far a step is.
type Progress struct {
	Step    string
	Done    int64
	Total   int64 // 0 where it is not known
	Records int64 // of the log, that this run has looked at
}

// Limits of what an audit asks at once.
const (
	maxPage         = 1000   // entries, and headers, an answer (spec/api.md)
	flowsPage       = 20_000 // rows an answer about flows
	flowsTries      = 8      // to read all its pages of one log
	defaultReceipts = 64
	defaultFindings = 100
	defaultPatience = 5 * time.Second
	defaultSave     = time.Minute
	statusPause     = 250 * time.Millisecond // between two looks at the status
	maxDrift        = 10 * time.Minute       // of clocks, for what is from the future
)
