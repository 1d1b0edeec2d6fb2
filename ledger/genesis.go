package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"tokentrail/provenance"
)

// genesisState returns what the state map holds before the first block
// (SPEC(GEN-2)), in ascending order of the keys.
func genesisState(appState []byte, validators []provenance.Validator) ([]stateChange, error) {
	if err := checkGenesisJSON(appState); err != nil {
		return nil, fmt.Errorf("genesis app_state: %w", err)
	}
	g, err := provenance.ParseGenesis(appState)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	for _, v := range validators {
		if v.Power < 1 {
			return nil, fmt.Errorf("genesis: validator %x has the voting power %d, wanted 1 or more", v.Address(), v.Power)
		}
	}
	state, err := g.State(validators)
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	changes := make([]stateChange, 0, len(state))
	for key, value := range state {
		changes = append(changes, stateChange{key, value})
	}
	slices.SortFunc(changes, func(a, b stateChange) int { return strings.Compare(a.key, b.key) })
	return changes, nil
}

// checkGenesisJSON refuses what encoding/json would take without a word: a
// member that stands twice or in another case, null, bytes that are not UTF-8.
// A genesis document means one thing to everybody, or nothing (SPEC(GEN-1)).
func checkGenesisJSON(b []byte) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("not valid UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := checkJSONValue(dec, "app_state", 0); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return fmt.Errorf("something follows the object")
	}
	return nil
}

// maxGenesisDepth is one more than app_state.providers[0].keys[0] needs.
const maxGenesisDepth = 5

// checkJSONValue walks one value.
func checkJSONValue(dec *json.Decoder, path string, depth int) error {
	if depth > maxGenesisDepth {
		return fmt.Errorf("%s: nested too deep", path)
	}
	t, err := dec.Token()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	switch t := t.(type) {
	case nil:
		return fmt.Errorf("%s: null; leave the member out instead", path)
	case json.Number:
		// Format and ceilings: all are 1 or more.
		if v, err := t.Int64(); err != nil || v < 1 {
			return fmt.Errorf("%s: %s, wanted an integer of 1 or more", path, t)
		}
	case json.Delim:
		if t == '{' {
			err = checkJSONObject(dec, path, depth)
		}
		for i := 0; err == nil && t == '[' && dec.More(); i++ {
			err = checkJSONValue(dec, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
		if err == nil {
			_, err = dec.Token() // the end of it
		}
		if err == io.EOF {
			err = fmt.Errorf("%s: %w", path, io.ErrUnexpectedEOF)
		}
		return err
	}
	return nil
}

func checkJSONObject(dec *json.Decoder, path string, depth int) error {
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		name, _ := t.(string) // a name is a string, or Token has failed
		if seen[name] {
			return fmt.Errorf("%s: member %q stands twice", path, name)
		}
		// Names are lower-case ASCII; encoding/json would match others to them.
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return fmt.Errorf("%s: unknown member %q", path, name)
		}
		seen[name] = true
		if err := checkJSONValue(dec, path+"."+name, depth+1); err != nil {
			return err
		}
	}
	return nil
}
