package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

// governFlags say who governs a new chain.
type governFlags struct {
	keys      []string
	threshold int64
}

func (g *governFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&g.keys, "governance-key", nil, "a key that governs: in text or a .pub file (repeatable); without any, nobody ever does")
	f.Int64Var(&g.threshold, "threshold", 0, "how many of the governance keys sign an act (more than half of them)")
}

// genesis is what the flags say for the genesis document; nil where nobody
// governs.
func (g *governFlags) genesis() (*provenance.GenesisGovernance, error) {
	if len(g.keys) == 0 {
		if g.threshold != 0 {
			return nil, usageError{fmt.Errorf("--threshold %d says how many sign, and there is no --governance-key", g.threshold)}
		}
		return nil, nil
	}
	out := &provenance.GenesisGovernance{Threshold: g.threshold}
	if out.Threshold == 0 {
		out.Threshold = int64(len(g.keys)/2 + 1)
	}
	if out.Threshold < 1 || out.Threshold > int64(len(g.keys)) {
		return nil, usageError{fmt.Errorf("--threshold %d: want 1 to %d, the number of governance keys", out.Threshold, len(g.keys))}
	}
	seen := map[string]string{}
	for _, text := range g.keys {
		key, err := publicKey(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--governance-key %q: %w", text, err)}
		}
		if before, twice := seen[key.String()]; twice {
			return nil, usageError{fmt.Errorf("--governance-key %q is the key that %q is; each governs once", text, before)}
		}
		seen[key.String()] = text
		out.Keys = append(out.Keys, key.String())
	}
	return out, nil
}
