package remote

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tokentrail/provenance"
	"tokentrail/verify"
)

const actsPage = 1000 // acts an answer (spec/api.md)

// before fetches the acts of governance that say who governed before the entry,
// where it is one and the state map of now does not. SPEC(BND-19)
func (f *fetch) before(ctx context.Context, _ Wanted) error {
	u, err := provenance.ParseAct(f.e.Entry)
	if err != nil || u.Act().Provider != "" || u.Act().Sequence == 0 {
		return nil
	}
	now, err := provenance.ParseStateValue[provenance.Governance](f.e.States[0].Value)
	if err != nil || now.Sequence == u.Act().Sequence+1 && !setsGovernance(u.Act()) {
		return nil
	}
	acts, err := f.governors(ctx)
	if errors.Is(err, verify.ErrMissing) {
		return nil // CheckExhibit says what it lacks
	}
	if err != nil {
		return fmt.Errorf("acts of governance before entry %d: %w", f.itself.Index, err)
	}
	for _, e := range acts {
		act, err := f.act(ctx, e.Index, e.Statement, f.receipt.Anchor.Preimage.Size)
		if err != nil {
			return err
		}
		f.e.Before = append(f.e.Before, act)
	}
	return nil
}

// governors returns the acts of governance before the entry, from the last on that
// says who governs.
func (f *fetch) governors(ctx context.Context) (acts []verify.Entry, err error) {
	left := 0 // acts too many
	for from := int64(0); from < f.itself.Index; {
		page, err := f.Acts(ctx, from, actsPage)
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			break
		}
		from = page[len(page)-1].Index + 1
		for _, e := range page {
			u, err := provenance.ParseAct(e.Statement)
			if err != nil {
				return nil, fmt.Errorf("entry %d: %w", e.Index, err)
			}
			switch {
			case e.Index >= f.itself.Index || u.Act().Provider != "":
				continue
			case setsGovernance(u.Act()):
				acts, left = acts[:0], 0
			case len(acts) == provenance.MaxBundleBefore:
				left++
				continue
			}
			acts = append(acts, e)
		}
	}
	if left > 0 {
		return nil, fmt.Errorf("%d acts since the last that says who governs, a bundle holds %d; audit the ledger instead", len(acts)+left, provenance.MaxBundleBefore)
	}
	return acts, nil
}

// setsGovernance reports whether an act says who governs.
func setsGovernance(act *provenance.Act) bool {
	return slices.ContainsFunc(act.Actions, func(a provenance.Action) bool { return a.Type == provenance.GovernanceSet })
}
