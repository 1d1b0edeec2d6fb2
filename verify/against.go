package verify

import (
	"fmt"
	"strings"
)

// Against says whom a finding speaks against. SPEC(VER-50)
type Against string

// Whom a finding can speak against.
const (
	// AgainstLedger: honest validators and an honest node would never let it stand.
	AgainstLedger Against = "ledger"
	// AgainstProvider: a provider signed it, and the ledger rightly kept it.
	AgainstProvider Against = "provider"
	// AgainstFile: a file that somebody showed is not what it says, or not what a
	// record says of it. Nobody is known to have made it so.
	AgainstFile Against = "file"
)

// mostAccused bounds the providers that a report counts one by one.
const mostAccused = 1000

// manyProviders stands for providers beyond those: no provider's id.
const manyProviders = "\x00"

// AgainstCounts are a report's findings by whom they speak against, those
// beyond the kept ones and those that became notices included. SPEC(VER-51)
type AgainstCounts struct {
	Ledger    int64            `json:"ledger"`
	Providers int64            `json:"providers"`
	By        map[string]int64 `json:"by"` // of these, by provider
	As        string           `json:"as"` // what those against providers are: finding or notice
	File      int64            `json:"file,omitempty"`
}

// What findings against providers are told as.
const (
	AsFinding = "finding"
	AsNotice  = "notice"
)

// ProviderFinding makes a finding about what a provider said. Where nobody is
// known to have signed it, provider is empty and it speaks against the ledger,
// which let it stand. SPEC(VER-50)
func ProviderFinding(provider string, code Code, place, want, got string) *Finding {
	f := NewFinding(code, place, want, got)
	f.Against, f.Provider = AgainstProvider, provider
	if provider == "" {
		f.Against = AgainstLedger
	}
	return f
}

// ofProvider reports whether the finding is about what a provider said.
func (f *Finding) ofProvider() bool { return f.Against == AgainstProvider }

// asNotice is the finding as a notice, which counts for no verdict. SPEC(VER-51)
func (f *Finding) asNotice() Notice {
	n := Notice{Kind: string(f.Code), Provider: f.Provider, Entry: -1, Finding: f}
	if _, err := fmt.Sscanf(f.Place, "entries[%d]", &n.Entry); err != nil {
		n.Entry = -1
	}
	n.Says = fmt.Sprintf("%s: wanted %s, got %s", f.Place, f.Want, f.Got)
	return n
}

// all counts findings against whomever.
func (c *AgainstCounts) all() int64 { return c.Ledger + c.Providers + c.File }

// accuse counts a finding.
func (c *AgainstCounts) accuse(provider string, n int64) {
	if provider == "" {
		c.Ledger += n
		return
	}
	c.Providers += n
	if provider == manyProviders || n == 0 {
		return
	}
	if _, known := c.By[provider]; known || len(c.By) < mostAccused {
		c.By[provider] += n
	}
}

// says tells the counts in words.
func (c *AgainstCounts) says() string {
	line := fmt.Sprintf("evidence against the ledger: %s; against providers: %s", group(c.Ledger), group(c.Providers))
	if c.Providers > 0 && c.As == AsNotice {
		line += " as notices"
	}
	if c.File > 0 {
		line += "; against the file: " + group(c.File)
	}
	return line
}

// names are the providers that are spoken against, as far as that is short; empty
// where there are none.
func (c *AgainstCounts) names() string {
	const most = 5
	names := sortedKeys(c.By)
	if len(names) > most {
		names = append(names[:most], amount(int64(len(names)-most), "others"))
	}
	return strings.Join(names, ", ")
}
