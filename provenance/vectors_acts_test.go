package provenance

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The runners of the vectors about acts, equivocation and genesis.

func runActPayload(v *vector) (*got, error) {
	b := v.input()
	a, err := ParseActPayload(b)
	if err != nil {
		return nil, err
	}
	g := &got{ActID: ActID(b).String()}
	if v.Expect.JSON == "" { // an extension, which the Go value does not hold
		return g, nil
	}
	again, err := a.Encode()
	if err != nil {
		return nil, err
	}
	if err := sameBytes(v, again); err != nil {
		return nil, err
	}
	fromText, err := ParseActJSON([]byte(v.Expect.JSON))
	if err != nil {
		return nil, fmt.Errorf("from JSON: %w", err)
	}
	if again, err = fromText.Encode(); err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("from JSON: %x (%v)", again, err)
	}
	g.JSON, err = alphabetical(must1(a.MarshalJSON()))
	return g, err
}

// alphabetical writes a JSON object with its members in the order of their names
// at all levels, without spaces.
func alphabetical(b []byte) (string, error) {
	var all map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		return "", err
	}
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(all)
	return strings.TrimSuffix(out.String(), "\n"), err
}

func runAct(v *vector) (*got, error) {
	a, err := ParseAct(v.input())
	if err != nil {
		return nil, err
	}
	if len(a.Signatures()) != len(v.Given.Keys) {
		return nil, fmt.Errorf("%d signatures, %d keys are given", len(a.Signatures()), len(v.Given.Keys))
	}
	for i, text := range v.Given.Keys {
		key, err := ParsePublicKey(text)
		if err != nil {
			return nil, err
		}
		if err := a.VerifySignature(i, key); err != nil {
			return nil, err
		}
	}
	return &got{ActID: a.ID().String(), LeafHash: LeafHash(a.Raw()).String()}, sameBytes(v, a.Raw())
}

func runEquivocation(v *vector) (*got, error) {
	e, err := ParseEquivocationSubmission(v.input())
	if err != nil {
		return nil, err
	}
	again, err := ParseEquivocation(e.Leaf(), e.Evidence())
	if err != nil || again.ID() != e.ID() {
		return nil, fmt.Errorf("leaf and evidence give %v (%v)", again, err)
	}
	h := e.A.Header()
	return &got{
		Issuer: h.Issuer, Stream: h.Stream, Sequence: &h.Sequence, EntryID: e.ID().String(), Leaf: hex.EncodeToString(e.Leaf()),
		LeafHash: LeafHash(e.Leaf()).String(), Evidence: hex.EncodeToString(e.Evidence()),
	}, sameBytes(v, EncodeEquivocationSubmission(e))
}

func runActJSON(v *vector) (*got, error) {
	a, err := ParseActJSON(v.input())
	if err != nil {
		return nil, err
	}
	b, err := a.Encode()
	return &got{ActID: ActID(b).String(), Payload: hex.EncodeToString(b)}, err
}

// runActFile joins the files.
func runActFile(v *vector) (*got, error) {
	var all *UnverifiedAct
	for _, item := range v.Items {
		a, err := ParseActProposal(unhex(item))
		if err == nil && all != nil {
			a, err = JoinActs(all, a)
		}
		if err != nil {
			return nil, err
		}
		all = a
	}
	return &got{ActID: all.ID().String(), Joined: hex.EncodeToString(EncodeActSubmission(all.Raw()))}, nil
}

// runEquivocationLeaf reads the leaf by itself, then holds it against its
// evidence.
func runEquivocationLeaf(v *vector) (*got, error) {
	l, err := ParseEquivocationLeaf(v.input())
	if err != nil {
		return nil, err
	}
	e, err := ParseEquivocation(v.input(), unhex(v.Given.Evidence))
	if err != nil {
		return nil, err
	}
	h := e.A.Header()
	if l.ID() != e.ID() {
		return nil, fmt.Errorf("the leaf by itself has the id %s", l.ID())
	}
	return &got{
		Issuer: h.Issuer, Stream: h.Stream, Sequence: &h.Sequence,
		EntryID: e.ID().String(), LeafHash: LeafHash(e.Leaf()).String(),
	}, sameBytes(v, e.Leaf())
}

func runSubmissionType(v *vector) (*got, error) {
	b := v.input()
	kind, err := SubmissionType(b)
	if err != nil {
		return nil, err
	}
	var id Hash
	switch kind {
	case SubmissionAct:
		var a *UnverifiedAct
		if a, err = ParseActSubmission(b); err == nil {
			id = a.ID()
		}
	case SubmissionEquivocation:
		var e *Equivocation
		if e, err = ParseEquivocationSubmission(b); err == nil {
			id = e.ID()
		}
	default: // the parser of statements says what is wrong with any other
		var s *Submission
		if s, err = ParseSubmission(b); err == nil {
			id = s.Statement.ID()
		}
	}
	return &got{Type: &kind, EntryID: id.String()}, err
}

// runGenesis gives the state map before the first block and its root.
func runGenesis(v *vector) (*got, error) {
	g, err := ParseGenesis(v.input())
	if err != nil {
		return nil, err
	}
	var validators []Validator
	for _, e := range v.Given.State {
		validator, err := ParseStateValue[Validator](unhex(e.Value))
		if err != nil {
			return nil, err
		}
		validators = append(validators, validator)
	}
	state, err := g.State(validators)
	if err != nil {
		return nil, err
	}
	out := &got{StateRoot: naiveState(state).root().String()}
	for key, value := range state {
		out.State = append(out.State, vectorEntry{key, hex.EncodeToString(value)})
	}
	slices.SortFunc(out.State, func(a, b vectorEntry) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}
