package verify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"

	"tokentrail/provenance"
)

// maxGenesis bounds the genesis document.
const maxGenesis = 64 << 20

// A genesisDoc is what an audit reads in CometBFT's genesis document, by its
// own reading of the JSON: who may sign, and the state map before the first
// block.
type genesisDoc struct {
	hash    provenance.Hash
	chainID string
	initial map[string][]byte // the state map before the first block
	*registry
}

// wireGenesis is the part of the document that an audit needs. CometBFT writes
// 64-bit integers as strings.
type wireGenesis struct {
	ChainID       string
	InitialHeight string
	AppState      json.RawMessage
	Validators    []wireValidator
}

// wireValidator is one of the first validators.
type wireValidator struct {
	PubKey struct {
		Type  string `json:"type"`
		Value []byte `json:"value"`
	}
	Power string
}

// readGenesis asks for the document and holds it against the trust. Where it is not
// the one that the auditor named it is read nevertheless, so that the report says
// whatever else is wrong. Where it cannot be read there is none. SPEC(VER-10)
func readGenesis(ctx context.Context, src Source, s *Step, trust Trust) ([]byte, *genesisDoc) {
	raw, err := src.Genesis(ctx)
	if err != nil {
		s.because(fmt.Sprintf("the genesis document: %v", err))
		return nil, nil
	}
	s.begin()
	s.Checked = 1
	// SPEC(LOG-2)
	if got := provenance.Hash(sha256.Sum256(raw)); trust.Genesis != nil && *trust.Genesis != got {
		s.finding(CodeGenesisHash, "genesis", trust.Genesis.String(), got.String())
	}
	doc, err := parseGenesis(raw)
	if err != nil {
		s.stop(err)
		return nil, nil
	}
	return raw, doc
}

// parseGenesis reads the document; what is wrong with it is a finding.
func parseGenesis(b []byte) (*genesisDoc, error) {
	bad := func(place string, err error) error {
		return NewFinding(CodeGenesisForm, place, "a genesis document of spec/state.md GEN-1", err.Error())
	}
	if len(b) > maxGenesis {
		return nil, bad("genesis", fmt.Errorf("%d bytes, at most %d are read", len(b), maxGenesis))
	}
	var w wireGenesis
	if err := w.read(b); err != nil {
		return nil, bad("genesis", err)
	}
	// SPEC(STA-4): the app hash of genesis stands in the header of block 1.
	if w.InitialHeight != "" && w.InitialHeight != "0" && w.InitialHeight != "1" {
		return nil, bad("genesis.initial_height", fmt.Errorf("%q, a ledger begins with block 1", w.InitialHeight))
	}
	if !validChainID(w.ChainID) {
		return nil, bad("genesis.chain_id", fmt.Errorf("%.60q, a chain id is 1 to 50 of A-Z, a-z, 0-9, '.', '_', '-'", w.ChainID))
	}
	var validators []provenance.Validator
	for i, v := range w.Validators {
		place := fmt.Sprintf("genesis.validators[%d]", i)
		power, err := strconv.ParseInt(v.Power, 10, 64)
		switch {
		case err != nil || power <= 0:
			return nil, bad(place+".power", fmt.Errorf("%q is not a voting power", v.Power))
		case v.PubKey.Type != "tendermint/PubKeyEd25519" || len(v.PubKey.Value) != 32:
			return nil, bad(place+".pub_key", fmt.Errorf("a key of type %q and %d bytes, validators have Ed25519 keys", v.PubKey.Type, len(v.PubKey.Value)))
		}
		validators = append(validators, provenance.Validator{Type: "ed25519", Key: v.PubKey.Value, Power: power})
	}
	if len(validators) == 0 {
		return nil, bad("genesis.validators", fmt.Errorf("there is none"))
	}
	g, err := provenance.ParseGenesis(w.AppState)
	// SPEC(VER-19): a version that came later says nothing against the ledger.
	if provenance.CodeOf(err) == provenance.CodeVersion {
		return nil, fmt.Errorf("genesis.app_state: %w; audit with a release that has it", err)
	}
	if err != nil {
		return nil, bad("genesis.app_state", err)
	}
	doc := &genesisDoc{hash: sha256.Sum256(b), chainID: w.ChainID}
	// SPEC(GEN-2)
	if doc.initial, err = g.State(validators); err != nil {
		return nil, bad("genesis.app_state", err)
	}
	if doc.registry, err = newRegistry(doc.initial); err != nil {
		return nil, bad("genesis.app_state", err)
	}
	return doc, nil
}

// read reads the members by their exact names.
func (w *wireGenesis) read(b []byte) error {
	var validators []json.RawMessage
	err := readMembers(b, map[string]any{"chain_id": &w.ChainID, "initial_height": &w.InitialHeight, "app_state": &w.AppState, "validators": &validators})
	for i := 0; err == nil && i < len(validators); i++ {
		var v wireValidator
		if err = readMembers(validators[i], map[string]any{"pub_key": &v.PubKey, "power": &v.Power}); err != nil {
			err = fmt.Errorf("validators[%d]: %w", i, err)
		}
		w.Validators = append(w.Validators, v)
	}
	return err
}

// readMembers reads some members of an object by their exact names, as the engine does:
// encoding/json would take CHAIN_ID for chain_id as well, so that there could be two
// ledgers in one document.
func readMembers(b []byte, to map[string]any) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return err
	}
	for _, name := range sortedKeys(to) {
		raw, there := members[name]
		if !there {
			continue
		}
		if err := json.Unmarshal(raw, to[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// validChainID is SPEC(LOG-2): the origin, which holds the chain id, is a name
// in a signed note.
func validChainID(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 50
}
