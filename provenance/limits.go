package provenance

// The ceilings of the format (spec/encoding.md, "Ceilings"). A ledger's policy
// may lower them; nothing raises them.
const (
	MaxRecordBytes    = 4096    // one record, encoded
	MaxRecords        = 4096    // records a statement
	MaxCells          = 512     // cells a statement
	MaxStatementBytes = 65535   // the whole COSE_Sign1
	MaxFrameBytes     = 1 << 20 // the records' zstd frame, compressed
	MaxExpandedBytes  = 8 << 20 // the records' sequence, expanded
	MaxDepth          = 8       // nesting of arrays and maps
	MaxTime           = 253402300799999

	// MaxSubmissionBytes bounds a submission: both parts and the heads around them.
	MaxSubmissionBytes = MaxStatementBytes + MaxFrameBytes + 16

	// MaxLeafBytes bounds the data of a leaf of the log, of whatever kind.
	MaxLeafBytes = MaxStatementBytes

	// MaxEquivocationBytes bounds both statements and the heads around them.
	MaxEquivocationBytes = 2*MaxStatementBytes + 16

	maxPathHashes = 64 // an inclusion path in a tree of 2^64 leaves
)

// Limits are what holds for one ledger: the version of its rules, and the
// ceilings of the format, or lower ones set by policy.
type Limits struct {
	Rules          int // rule version
	Records        int // records a statement
	RecordBytes    int // bytes of one record
	FrameBytes     int // bytes of the records' frame, compressed
	ExpandedBytes  int // bytes of the records' sequence, expanded
	StatementBytes int // bytes of the COSE_Sign1
	Cells          int // cells of the totals
}

// FormatLimits returns the newest rules and the format's own ceilings.
func FormatLimits() Limits {
	return Limits{
		Rules:          RuleVersion,
		Records:        MaxRecords,
		RecordBytes:    MaxRecordBytes,
		FrameBytes:     MaxFrameBytes,
		ExpandedBytes:  MaxExpandedBytes,
		StatementBytes: MaxStatementBytes,
		Cells:          MaxCells,
	}
}
