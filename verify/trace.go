package verify

import (
	"context"

	"tokentrail/provenance"
)

// GraphFormat is the version of a graph's JSON (spec/trace.md, TRC-18).
const GraphFormat = 1

// CodeTraceAnswer is the code of a finding about an answer that does not hold
// (spec/trace.md, TRC-4). Findings of an EntryProver have codes of
// spec/verify.md.
const CodeTraceAnswer Code = "trace-answer"

// A RecordSource is where a trace looks records up: a node, or a file. Nothing
// it says is believed. A page begins at an offset, which is a multiple of
// provenance.MaxRecordHits (spec/api.md, API-6). Its errors end the trace, but for a *Finding, which is kept: what
// it stands for is then not known.
type RecordSource interface {
	Records(ctx context.Context, q provenance.RecordQuery, offset int) (*provenance.RecordsAnswer, error)
}

// An EntryProver says whether a statement is the ledger's entry with an index,
// under the auditor's trust. Its errors are a *Finding where it is not, or
// anything else where that could not be checked.
type EntryProver interface {
	Prove(ctx context.Context, entry int64, s *provenance.UnverifiedStatement) error
}

// Bounds of a trace. 0 means the default; less means none in Up and Down, and 1
// elsewhere. SPEC(TRC-9)
type Bounds struct {
	Up      int // steps from the start to parents; 64, at most 10,000
	Down    int // steps from the start to children; 64, at most 10,000
	Breadth int // children followed of one record, and records of one name; 100, at most 1,000
	Nodes   int // in all; 1,000, at most 10,000
	Answers int // pages asked for in all; 20,000, at most 100,000
}

// Limits of Bounds, and their defaults.
const (
	defaultSteps   = 64
	maxSteps       = 10_000
	defaultBreadth = 100
	maxBreadth     = 1000
	defaultNodes   = 1000
	maxNodes       = 10_000
	defaultAnswers = 20_000
	maxAnswers     = 100_000

	maxCorrectionsRead = 1000 // of one record, by its issuer
)

// filled returns the bounds that hold.
func (b Bounds) filled() Bounds {
	bound := func(n, otherwise, least, most int) int {
		if n == 0 {
			n = otherwise
		}
		return max(least, min(n, most))
	}
	return Bounds{
		Up: bound(b.Up, defaultSteps, 0, maxSteps), Down: bound(b.Down, defaultSteps, 0, maxSteps),
		Breadth: bound(b.Breadth, defaultBreadth, 1, maxBreadth),
		Nodes:   bound(b.Nodes, defaultNodes, 1, maxNodes), Answers: bound(b.Answers, defaultAnswers, 1, maxAnswers),
	}
}

// A Graph is what a trace found: records, names without a record, and what leads
// from one to the other. SPEC(TRC-18)
type Graph struct {
	Format   int          `json:"format"`
	Asked    string       `json:"asked"`    // the query: id=…, ref=…, content=…, parent=… or correction=…
	Start    []string     `json:"start"`    // keys of the records that it found; empty: nothing is known
	Nodes    []*GraphNode `json:"nodes"`    // records in the log's order, then missing names
	Edges    []GraphEdge  `json:"edges"`    // by the places of their nodes
	Findings []*Finding   `json:"findings"` // in the order in which they were met
	More     int64        `json:"more_findings,omitempty"`
	Size     int64        `json:"size"`    // least number of entries that an answer covers: what is younger is not known
	Proving  bool         `json:"proving"` // entries were proven, or tried to be: there was a prover
	Cut      bool         `json:"cut"`     // a bound was reached, or not all could be read
}

// A GraphNode is a record, or a name that no record was found for.
type GraphNode struct {
	Key    string        `json:"key"`    // the record's id; of a missing one its id, or issuer/ref with the ref in hex
	Record *TracedRecord `json:"record"` // null where it is missing
	Marks  []Mark        `json:"marks"`
	Cut    *CutOff       `json:"cut,omitempty"`
}

// A TracedRecord is a record as its issuer signed it, and what it counts since it
// was amended.
type TracedRecord struct {
	ID       provenance.Hash `json:"id"`
	Issuer   string          `json:"issuer"`
	Stream   string          `json:"stream"`
	Sequence int64           `json:"sequence"`
	Index    int64           `json:"index"` // in its statement
	Entry    int64           `json:"entry"`
	Proven   bool            `json:"proven"` // the entry is on the ledger
	Kind     string          `json:"kind"`
	Side     string          `json:"side,omitempty"`
	What     string          `json:"what"` // in words, with the tokens that count
	Time     string          `json:"time"` // RFC 3339
	Ref      string          `json:"ref,omitempty"`
	Parents  []string        `json:"parents"` // as it names them: keys, whether or not they were followed
	Corrects string          `json:"corrects,omitempty"`
	Crossing string          `json:"crossing,omitempty"`
	Input    *int64          `json:"input,omitempty"` // tokens, as recorded; with Output, or neither
	Output   *int64          `json:"output,omitempty"`
	Relay    bool            `json:"relay,omitempty"`

	// Tokens that count since the record was amended; both, or neither.
	AmendedInput  *int64 `json:"amended_input,omitempty"`
	AmendedOutput *int64 `json:"amended_output,omitempty"`

	Decoded *provenance.Record `json:"-"`

	statement *provenance.UnverifiedStatement // that has it
}

// A MarkName says what is to be known of a node (spec/trace.md, TRC-10 to TRC-16).
type MarkName string

// Marks, in the order in which a node has them.
const (
	MarkMissing    MarkName = "missing"
	MarkUnverified MarkName = "unverified"
	MarkReversed   MarkName = "reversed"
	MarkAmended    MarkName = "amended"
	MarkDisputed   MarkName = "disputed"
	MarkCyclic     MarkName = "cyclic"
	MarkAmbiguous  MarkName = "ambiguous"
	MarkLater      MarkName = "later"
	MarkDouble     MarkName = "double"
	MarkMirrored   MarkName = "mirrored"
	MarkDiffers    MarkName = "differs"
	MarkCut        MarkName = "cut"
)

// A Mark is one thing to be known of a node.
type Mark struct {
	Name MarkName `json:"mark"`
	By   []string `json:"by,omitempty"` // keys of the nodes that it comes from
	Says string   `json:"says,omitempty"`
}

// Has reports whether the node has a mark.
func (n *GraphNode) Has(name MarkName) bool {
	for _, m := range n.Marks {
		if m.Name == name {
			return true
		}
	}
	return false
}

// A CutOff says what was not followed of a node.
type CutOff struct {
	Parents  int  `json:"parents"`  // names
	Children int  `json:"children"` // that are known
	More     bool `json:"more"`     // there may be more children

	Corrections bool `json:"corrections"` // there may be more by its issuer: one may reverse it
}

// A GraphEdge leads from parent to child, or from a correction to what it
// corrects.
type GraphEdge struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Kind   string `json:"kind"`             // parent or corrects
	Named  string `json:"named"`            // how the one names the other: by id or ref
	Closes bool   `json:"closes,omitempty"` // a cycle: the parent is not earlier in the log
	Later  bool   `json:"later,omitempty"`  // the parent's time is later than the child's
}

// Kinds of edges.
const (
	EdgeParent   = "parent"
	EdgeCorrects = "corrects"
)

// Trace walks from the records that start finds to their parents, and theirs,
// and to their children, and theirs (spec/trace.md). With a nil prover nothing
// is proven. The walk depends on what is answered, never on when. An error means
// that the source could not be asked; there is no graph then.
func Trace(ctx context.Context, src RecordSource, prover EntryProver, start provenance.RecordQuery, b Bounds) (*Graph, error) {
	t := newTracer(ctx, src, prover, b)
	t.graph.Asked = queryText(start)
	if err := t.begin(start); err != nil {
		return nil, err
	}
	for s, more := t.next(); more; s, more = t.next() {
		if err := t.step(s); err != nil {
			return nil, err
		}
		if len(t.ups) == 0 && len(t.downs) == 0 {
			if err := t.addMirrors(); err != nil {
				return nil, err
			}
		}
	}
	t.finish()
	return t.graph, nil
}

// queryText writes a query as the parameter of a route.
func queryText(q provenance.RecordQuery) string {
	name, value := q.Param()
	return name + "=" + value
}

// keyOf returns the key of what a query names.
func keyOf(q provenance.RecordQuery) string {
	_, value := q.Param()
	return value
}
