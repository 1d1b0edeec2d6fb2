package remote

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"slices"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// A Wanted says what an exhibit is to hold beside the entry and what proves it.
type Wanted struct {
	Records    []int64 // records whose proofs are wanted
	AllRecords bool    // the records themselves, all of them
	Receipt    []byte  // one that was kept, in the place of the node's newest; nil for that
	Header     int64   // height of a trusted header that is to be in it; 0 for none
}

// Exhibit fetches what proves one entry, named by index or id, also to somebody
// who has no network: the registry's word on who signed it, and the headers that
// lead from the genesis document to those of now. Nothing of it is believed or
// checked here: verify.CheckExhibit says what it is worth. Where the node's receipt or
// proofs cannot even be read the error is a *verify.Finding.
func (n *Node) Exhibit(ctx context.Context, entry string, want Wanted) (*verify.Exhibit, error) {
	f := &fetch{Node: n, e: &verify.Exhibit{Receipt: want.Receipt}}
	var err error
	if f.e.Genesis, err = n.Genesis(ctx); err != nil {
		return nil, err
	}
	if f.e.Receipt == nil {
		if f.e.Receipt, err = n.get(ctx, maxReceipt, "/entries/"+url.PathEscape(entry)); err != nil {
			return nil, err
		}
	}
	f.receipt, err = provenance.ParseReceipt(f.e.Receipt)
	switch {
	case err != nil && want.Receipt != nil:
		return nil, fmt.Errorf("the receipt of entry %s: %w", entry, err)
	case err != nil:
		// SPEC(VER-19)
		return nil, verify.NewFinding(verify.CodeReceiptForm, fmt.Sprintf("entries[%s].receipt", entry), "a receipt of spec/receipt.md", err.Error())
	}
	for _, step := range []func(context.Context, Wanted) error{f.entry, f.registry, f.acts, f.block, f.before, f.headers} {
		if err := step(ctx, want); err != nil {
			return nil, err
		}
	}
	return f.e, nil
}

// A fetch is an exhibit in the making.
type fetch struct {
	*Node
	e         *verify.Exhibit
	receipt   *provenance.Receipt
	itself    verify.Entry                    // the entry as the node gave it
	statement *provenance.UnverifiedStatement // nil where the entry is none
	top       int64                           // height of the newest header in use
}

// entry fetches the entry, its records or evidence.
func (f *fetch) entry(ctx context.Context, want Wanted) error {
	index := f.receipt.Proof.Index
	page, err := f.Entries(ctx, index, 1)
	if err == nil && (len(page) != 1 || page[0].Index != index) {
		err = fmt.Errorf("%w: entry %d is not what was answered", verify.ErrAnswer, index)
	}
	if err != nil {
		return err
	}
	f.itself, f.e.Entry = page[0], page[0].Statement
	kind, _ := provenance.LeafKindOf(f.e.Entry)
	if kind == provenance.LeafEquivocation || kind == provenance.LeafStatement && want.AllRecords {
		f.e.Frame = page[0].Frame
	}
	if f.statement, err = provenance.ParseStatement(f.e.Entry); err != nil {
		f.statement = nil
	}
	for _, record := range want.Records {
		proof, err := f.RecordProof(ctx, index, record)
		if err != nil {
			return fmt.Errorf("record %d of entry %d: %w", record, index, err)
		}
		f.e.Records = append(f.e.Records, proof)
	}
	return nil
}

// signer is the key of the state map that says who may sign the entry.
func (f *fetch) signer() string {
	switch kind, _ := provenance.LeafKindOf(f.e.Entry); kind {
	case provenance.LeafAct:
		u, err := provenance.ParseAct(f.e.Entry)
		if err != nil || u.Act().Provider == "" {
			return provenance.StateGovernance
		}
		return provenance.StateProviderKey(u.Act().Provider)
	case provenance.LeafEquivocation:
		if leaf, err := provenance.ParseEquivocationLeaf(f.e.Entry); err == nil {
			return provenance.StateProviderKey(leaf.Issuer)
		}
	}
	if f.statement == nil {
		return provenance.StateRules // whatever it is: CheckExhibit says what is wrong
	}
	return provenance.StateProviderKey(f.statement.Header().Issuer)
}

// registry fetches what the state map says of who signed.
func (f *fetch) registry(ctx context.Context, _ Wanted) error {
	key := f.signer()
	answer, err := f.State(ctx, key)
	if err != nil {
		return fmt.Errorf("state %s: %w", key, err)
	}
	s := provenance.BundleState{Key: key, Value: answer.Value}
	if s.Preimage, err = provenance.ParsePreimage(answer.Preimage); err != nil {
		return verify.NewFinding(verify.CodeStateForm, fmt.Sprintf("state[%s].preimage", key), "an app hash's preimage", err.Error())
	}
	if s.Proof, err = provenance.ParseStateProof(answer.Proof); err != nil {
		return verify.NewFinding(verify.CodeStateForm, fmt.Sprintf("state[%s].proof", key), "a state proof", err.Error())
	}
	if s.LightBlock, err = f.header(ctx, answer.Height); err != nil {
		return err
	}
	if bytes.Equal(s.LightBlock, f.receipt.Anchor.LightBlock) {
		s.LightBlock = nil
	}
	f.top = answer.Height
	f.e.States = append(f.e.States, s)
	return nil
}

func (f *fetch) header(ctx context.Context, height int64) ([]byte, error) {
	page, err := f.Headers(ctx, height, 1)
	if err == nil && len(page) != 1 {
		err = fmt.Errorf("%w: %d light blocks, asked for 1", verify.ErrAnswer, len(page))
	}
	if err != nil {
		return nil, fmt.Errorf("header %d: %w", height, err)
	}
	return page[0], nil
}

// acts looks for the act that says until when the statement's key was to sign, where
// there is one: of those that added the issuer's other keys, since who replaces a
// key does both in one. SPEC(BND-3)
func (f *fetch) acts(ctx context.Context, _ Wanted) error {
	if f.statement == nil {
		return nil
	}
	state := &f.e.States[0]
	provider, err := provenance.ParseStateValue[provenance.Provider](state.Value)
	if err != nil {
		return nil // CheckExhibit says so
	}
	kid := f.statement.KID()
	key, there := provider.KeyByID(kid)
	if !there || key.Until == nil {
		return nil
	}
	for i := range provider.Keys {
		added := provider.Keys[i].Added
		if added == nil || *added <= f.receipt.Proof.Index || *added >= state.Preimage.Size {
			continue
		}
		page, err := f.Entries(ctx, *added, 1)
		if err != nil {
			return err
		}
		if len(page) != 1 || !expires(page[0].Statement, kid) {
			continue
		}
		act, err := f.act(ctx, *added, page[0].Statement, state.Preimage.Size)
		f.e.Acts = append(f.e.Acts, act)
		return err
	}
	return nil
}

// expires reports whether an act lets a key expire.
func expires(leaf []byte, kid provenance.Hash) bool {
	u, err := provenance.ParseAct(leaf)
	return err == nil && slices.ContainsFunc(u.Act().Actions, func(a provenance.Action) bool {
		return a.Type == provenance.KeyExpire && a.KID == kid
	})
}

// act takes an act and its place in the log of a size.
func (f *fetch) act(ctx context.Context, index int64, leaf []byte, size int64) (provenance.BundleAct, error) {
	raw, err := f.Inclusion(ctx, index, size)
	if err != nil {
		return provenance.BundleAct{}, fmt.Errorf("inclusion of entry %d: %w", index, err)
	}
	inclusion, err := provenance.ParseInclusion(raw)
	if err != nil {
		return provenance.BundleAct{}, verify.NewFinding(verify.CodeInclusion, fmt.Sprintf("entries[%d].inclusion", index), "an inclusion proof", err.Error())
	}
	return provenance.BundleAct{Act: leaf, Inclusion: inclusion}, nil
}

// headers fetches those at which the validators changed, and the trusted one.
// SPEC(VER-28)
func (f *fetch) headers(ctx context.Context, want Wanted) error {
	var heights []int64
	for from := int64(1); ; {
		page, err := f.ValidatorChanges(ctx, from)
		if err != nil {
			return fmt.Errorf("changes of validators: %w", err)
		}
		if len(page) == 0 || page[0] > f.top {
			break
		}
		heights = append(heights, page...)
		if len(heights) > provenance.MaxBundleHeaders {
			break // it is said below
		}
		from = page[len(page)-1] + 1
	}
	heights = slices.DeleteFunc(heights, func(h int64) bool { return h > f.top })
	if want.Header > 0 {
		heights = append(heights, want.Header)
	}
	slices.Sort(heights)
	heights = slices.Compact(heights)
	if len(heights) > provenance.MaxBundleHeaders {
		return fmt.Errorf("the validators changed %d times, a bundle holds %d changes at most", len(heights), provenance.MaxBundleHeaders)
	}
	for _, height := range heights {
		block, err := f.header(ctx, height)
		if err != nil {
			return err
		}
		f.e.Headers = append(f.e.Headers, block)
	}
	return nil
}
