package api

import (
	"cmp"
	"math"
	"slices"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// A keyView is a key of a provider in an answer.
type keyView struct {
	Key          string          `json:"key"` // KEY-2
	KID          provenance.Hash `json:"kid"`
	Valid        bool            `json:"valid"` // for the next block
	From         int64           `json:"from"`
	Until        *int64          `json:"until,omitempty"`
	Added        *int64          `json:"added,omitempty"`         // entry
	Revoked      *int64          `json:"revoked,omitempty"`       // entry
	StolenSince  *int64          `json:"stolen_since,omitempty"`  // ms
	StolenHeight *int64          `json:"stolen_height,omitempty"` // of the first block not before
}

// A providerView is a provider in an answer. SPEC(API-8)
type providerView struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	Jurisdictions []string  `json:"jurisdictions"`
	Status        string    `json:"status"`
	Acts          int64     `json:"acts"`         // its own: the sequence of the next
	Opened        int64     `json:"opened"`       // streams, from rule version 3 on
	Equivocated   int64     `json:"equivocated"`  // streams closed by it
	StreamCount   int       `json:"stream_count"` // open and closed
	Keys          []keyView `json:"keys"`
}

// A streamView is a stream of a provider in an answer.
type streamView struct {
	Stream    string          `json:"stream"`
	Sequence  int64           `json:"sequence"`         // of its head
	Statement provenance.Hash `json:"statement"`        // the head's id
	Entry     int64           `json:"entry"`            // the head's
	Status    string          `json:"status"`           // open, closed
	Closed    *int64          `json:"closed,omitempty"` // entry of equivocation that closed it
}

// pageOf reads after, the last name that the client has, and limit.
func pageOf(r *request) (after string, limit int, err error) {
	after = r.params.Get("after")
	if r.params.Has("after") && !provenance.ValidNameID(after) {
		return "", 0, refuse(provenance.CodeValue, "after", "%.80q is no name id: 1 to 64 of a-z, 0-9, '.', '_', '-'", after)
	}
	_, n, err := r.page(0)
	return after, int(n), err
}

// getProviders answers with a page of the registry.
func (a *api) getProviders(w *response, r *request) error {
	fresh(w)
	after, limit, err := pageOf(r)
	if err != nil {
		return err
	}
	c, err := a.census(r.Context())
	if err != nil {
		return err
	}
	answer := struct {
		Format    int            `json:"format"`
		Height    int64          `json:"height"`
		Providers []providerView `json:"providers"`
		More      bool           `json:"more"`
	}{Format: 1, Height: c.head.Height, Providers: []providerView{}}
	for i := range c.providers {
		p := &c.providers[i]
		if p.ID <= after {
			continue
		}
		if answer.More = len(answer.Providers) == limit; answer.More {
			break
		}
		shown, err := c.show(p)
		if err != nil {
			return err
		}
		answer.Providers = append(answer.Providers, shown)
	}
	return writeJSON(w, answer)
}

// getProvider answers with one provider, a page of its streams, and one of those
// that equivocation closed. SPEC(API-8)
func (a *api) getProvider(w *response, r *request) error {
	fresh(w)
	after, limit, err := pageOf(r)
	if err != nil {
		return err
	}
	before, err := r.int("before", math.MaxInt64)
	if err != nil {
		return err
	}
	c, err := a.census(r.Context())
	if err != nil {
		return err
	}
	p, there := c.provider(r.PathValue("provider"))
	if !there {
		return refuse(codeNotFound, "", "the registry has no provider %.80q", r.PathValue("provider"))
	}
	answer := struct {
		Format int   `json:"format"`
		Height int64 `json:"height"`
		providerView
		Equivocations     []streamView `json:"equivocations"` // newest first
		MoreEquivocations bool         `json:"more_equivocations"`
		Streams           []streamView `json:"streams"`
		More              bool         `json:"more"`
	}{Format: 1, Height: c.head.Height, Streams: []streamView{}}
	if answer.providerView, err = c.show(p); err != nil {
		return err
	}
	answer.Equivocations, answer.MoreEquivocations = c.equivocationsOf(p.ID, before, limit)
	for _, s := range c.streamsOf(p.ID) {
		if s.Name <= after {
			continue
		}
		if answer.More = len(answer.Streams) == limit; answer.More {
			break
		}
		answer.Streams = append(answer.Streams, showStream(s))
	}
	return writeJSON(w, answer)
}

// equivocationsOf returns the streams of an issuer that entries before the one
// named closed, the newest of them first and so many at most, and whether there are
// others.
func (c *census) equivocationsOf(issuer string, before int64, limit int) (shown []streamView, more bool) {
	var closed []ledger.Stream
	for _, s := range c.streamsOf(issuer) {
		if s.Head.Closed != nil && *s.Head.Closed < before {
			closed = append(closed, s)
		}
	}
	slices.SortFunc(closed, func(a, b ledger.Stream) int { return cmp.Compare(*b.Head.Closed, *a.Head.Closed) })
	shown = []streamView{}
	for _, s := range closed[:min(limit, len(closed))] {
		shown = append(shown, showStream(s))
	}
	return shown, len(closed) > limit
}

// show puts a provider in words. A key counts as valid where it may sign the next
// block's entries.
func (c *census) show(p *provenance.Provider) (providerView, error) {
	out := providerView{
		ID: p.ID, Name: p.Name, Jurisdictions: p.Jurisdictions, Status: p.Status.String(), Acts: p.Acts,
		Opened: p.Streams, Equivocated: p.Equivocations, StreamCount: len(c.streamsOf(p.ID)),
	}
	for i := range p.Keys {
		k := &p.Keys[i]
		key, err := keyText(k.Key)
		if err != nil {
			return out, err
		}
		out.Keys = append(out.Keys, keyView{
			key.Text, key.KID, k.ValidAt(c.head.Height + 1), k.From, k.Until, k.Added, k.Revoked, k.StolenSince, k.StolenHeight,
		})
	}
	return out, nil
}

func showStream(s ledger.Stream) streamView {
	status := "open"
	if s.Head.Status == provenance.StreamClosed {
		status = "closed"
	}
	return streamView{s.Name, s.Head.Sequence, s.Head.Statement, s.Head.Index, status, s.Head.Closed}
}

// A bareKey is a key alone in an answer.
type bareKey struct {
	Text string          `json:"key"` // KEY-2
	KID  provenance.Hash `json:"kid"`
}

// keyText is a key of the state map in text.
func keyText(cose []byte) (bareKey, error) {
	key, err := provenance.ParsePublicKeyCOSE(cose)
	if err != nil {
		return bareKey{}, nodeError{err} // it was checked when it was admitted
	}
	return bareKey{key.String(), key.Thumbprint()}, nil
}
