package verify

import "tokentrail/provenance"

// Kinds of notices.
const (
	NoticeEquivocation = "equivocation" // a provider signed two statements for one place
	NoticeStolen       = "stolen-key"   // a provider's key was declared stolen
	// Where findings against providers are told as notices (Options.NoticeProviders), the
	// kind is their code.
)

// A Notice is what the log itself shows of a provider: no evidence against the
// ledger, which keeps it for all to see, but nothing that a reader may miss.
type Notice struct {
	Kind     string           `json:"kind"`
	Provider string           `json:"provider"`
	Entry    int64            `json:"entry"` // that shows it; -1 where that is not known
	Stream   string           `json:"stream,omitempty"`
	Sequence *int64           `json:"sequence,omitempty"`
	Key      *provenance.Hash `json:"key,omitempty"` // thumbprint
	Since    int64            `json:"since_height,omitempty"`
	Entries  int64            `json:"entries,omitempty"` // signed with the key from that height on
	Records  int64            `json:"records,omitempty"` // of these
	Says     string           `json:"says"`
	Finding  *Finding         `json:"finding,omitempty"` // that became the notice
}

// notices are as many as are kept.
type notices struct {
	kept []Notice
	most int
	more int64
}

func (n *notices) add(one Notice) {
	if len(n.kept) >= n.most {
		n.more++
		return
	}
	n.kept = append(n.kept, one)
}
