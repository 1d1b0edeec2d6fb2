package verify

import (
	"errors"
	"fmt"
	"sync"
)

// A Code names what a finding is about. Codes are listed in spec/verify.md,
// each with the rule that it guards; they never change their meaning.
type Code string

// Codes about the genesis document, the trust and the node's own word.
const (
	CodeGenesisHash  Code = "genesis-hash"
	CodeGenesisForm  Code = "genesis-form"
	CodeChainID      Code = "chain-id"
	CodeInitialState Code = "initial-state"
	CodeTrustHash    Code = "trust-hash"
	CodeStatus       Code = "status"
	CodeStale        Code = "stale"
	CodeFork         Code = "fork"
	CodeWitness      Code = "witness"
)

// Codes about signed headers.
const (
	CodeHeaderForm      Code = "header-form"
	CodeHeaderMissing   Code = "header-missing"
	CodeHeaderHeight    Code = "header-height"
	CodeHeaderTime      Code = "header-time"
	CodeHeaderLink      Code = "header-link"
	CodeHeaderCommit    Code = "header-commit"
	CodeHeaderSignature Code = "header-signature"
	CodeHeaderTrust     Code = "header-trust"
	CodeValidators      Code = "validators"
)

// Codes about the log's entries.
const (
	CodeEntryMissing  Code = "entry-missing"
	CodeEntryIndex    Code = "entry-index"
	CodeStreamMissing Code = "stream-missing"
	CodeStatementForm Code = "statement-form"
	CodeIssuer        Code = "issuer"
	CodeKey           Code = "key"
	CodeSignature     Code = "signature"
	CodeChain         Code = "chain"
	CodeRecords       Code = "records"
	CodeCount         Code = "count"
	CodeRoot          Code = "root"
	CodePeriod        Code = "period"
	CodeTotals        Code = "totals"
	CodePolicy        Code = "policy"
	CodeFuture        Code = "future"
	CodeCorrection    Code = "correction"
	CodeAppHash       Code = "app-hash"
)

// Codes about what governs the log.
const (
	CodeHeight             Code = "height"
	CodeStreams            Code = "streams"
	CodeAge                Code = "age"
	CodeActForm            Code = "act-form"
	CodeActPlace           Code = "act-place"
	CodeActSignature       Code = "act-signature"
	CodeActAction          Code = "act-action"
	CodeEquivocationForm   Code = "equivocation-form"
	CodeEquivocation       Code = "equivocation"
	CodeGovernedValidators Code = "governed-validators"
)

// Codes about what the ledger's policy wants to hear of.
const (
	CodeJurisdiction Code = "jurisdiction"
	CodeBasis        Code = "basis"
	CodeEnergy       Code = "energy"
	CodeLabel        Code = "label"
)

// Codes of an inspection, about what providers said.
const (
	CodeLabelMissing     Code = "label-missing"
	CodeLabelFails       Code = "label-fails"
	CodeLabelCode        Code = "label-code"
	CodeLabelContradicts Code = "label-contradicts"
	CodeBasisMissing     Code = "basis-missing"
	CodeBasisExpired     Code = "basis-expired"
	CodeBasisUnknown     Code = "basis-unknown"
	CodeEnergyBoundary   Code = "energy-boundary"
	CodeEnergyAbove      Code = "energy-above"
	CodeEnergyImpossible Code = "energy-impossible"
	CodeRule             Code = "rule"
	CodeMirrorMissing    Code = "mirror-missing"
	CodeMirrorAmbiguous  Code = "mirror-ambiguous"
	CodeMirrorDiffers    Code = "mirror-differs"
)

// Codes of a check of one piece of content, about a file and what its record comes
// from.
const (
	CodeContentDiffers  Code = "content-differs"
	CodeContentReversed Code = "content-reversed"
	CodeFileLabel       Code = "file-label"
	CodeTrace           Code = "trace"
)

// Codes about proofs and derived answers.
const (
	CodeStateForm           Code = "state-form"
	CodeStateAppHash        Code = "state-app-hash"
	CodeStateProof          Code = "state-proof"
	CodeStateValue          Code = "state-value"
	CodeKeys                Code = "node-keys"
	CodeCheckpoint          Code = "checkpoint"
	CodeCheckpointSignature Code = "checkpoint-signature"
	CodeConsistency         Code = "consistency"
	CodeReceiptForm         Code = "receipt-form"
	CodeReceiptOrigin       Code = "receipt-origin"
	CodeReceiptBinding      Code = "receipt-binding"
	CodeReceiptPath         Code = "receipt-path"
	CodeReceiptIndex        Code = "receipt-index"
	CodeReceiptAppHash      Code = "receipt-app-hash"
	CodeReceiptSignature    Code = "receipt-signature"
	CodeInclusion           Code = "inclusion"
	CodeRecordProof         Code = "record-proof"
	CodeFlows               Code = "flows"
	CodeFlowsHead           Code = "flows-head"
	CodeLookUpMissing       Code = "look-up-missing"
	CodeLookUp              Code = "look-up"
)

// A Finding is one thing that the evidence speaks against. As an error it is
// how a Source or a HeaderVerifier says that what it was given is evidence,
// rather than that it could not look. SPEC(VER-22)
type Finding struct {
	Code  Code   `json:"code"`
	Place string `json:"place"` // entries[7].statement, headers[12].commit
	Want  string `json:"want"`
	Got   string `json:"got"`
	How   string `json:"how"` // to see for oneself
	// Against is whom it speaks against; Provider is the provider's id where it is
	// one.
	Against  Against `json:"against"`
	Provider string  `json:"provider,omitempty"`
}

// Error reads "code: place: want …, got …".
func (f *Finding) Error() string {
	return fmt.Sprintf("%s: %s: wanted %s, got %s", f.Code, f.Place, f.Want, f.Got)
}

// NewFinding makes a finding against the ledger. How to see for oneself follows
// from the code. Findings about what a provider said are made by ProviderFinding.
func NewFinding(code Code, place, want, got string) *Finding {
	return &Finding{Code: code, Place: place, Want: want, Got: got, How: howOf()[code], Against: AgainstLedger}
}

// howOf is how to see for oneself, by the code: there may be a finding for each of
// millions of entries.
var howOf = sync.OnceValue(func() map[Code]string {
	how := map[Code]string{}
	for _, r := range Rules() {
		how[r.Code] = r.How
	}
	return how
})

// Errors of sources and header verifiers. Whatever is neither a *Finding nor
// one of these means that something could not be checked.
var (
	// ErrMissing: the source answered, and says that it does not have what was
	// asked for.
	ErrMissing = errors.New("the node says that it does not have it")
	// ErrOtherValidators: a header is signed by validators whom nothing leads to.
	ErrOtherValidators = errors.New("the header's validators are none that the genesis document leads to, nor a trusted header")
	// ErrExpired: the trusted header is older than the trusting period.
	ErrExpired = errors.New("the trust has expired")
)

// A Rule says what a code guards.
type Rule struct {
	Code    Code
	Guards  string // rule ids of the specification
	How     string // how to see for oneself what a finding with this code says
	Against Against
}
