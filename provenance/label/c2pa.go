package label

import (
	"strings"
	"sync"

	"github.com/fxamacker/cbor/v2"
)

const manifestPlace = "C2PA manifest store"

// manifestDecoder takes CBOR as C2PA's writers make it, which is more than the
// deterministic form: its limits are what counts here.
var manifestDecoder = sync.OnceValue(func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  maxNesting,
		MaxArrayElements: maxActions,
		MaxMapPairs:      maxActions,
	}.DecMode()
	if err != nil {
		panic(err) // constant options
	}
	return mode
})

// generatorInfo is the entry of claim_generator_info, and the software agent of
// an action in its second version.
type generatorInfo struct {
	Name    string `cbor:"name"`
	Version string `cbor:"version"`
}

func (g generatorInfo) String() string { return strings.TrimSpace(g.Name + " " + g.Version) }

// parseManifestStore reads what the active manifest of a store claims. Nothing
// is checked of it: neither signature nor hashes. SPEC(LBL-18)
func parseManifestStore(b []byte) (*C2PA, error) {
	c, err := readStore(b)
	if err != nil {
		return nil, within("", manifestPlace, 0, err)
	}
	return c, nil
}

func readStore(b []byte) (*C2PA, error) {
	if len(b) > maxManifest {
		return nil, tooLarge("", "", -1, "it has %d bytes; at most %d are read", len(b), maxManifest)
	}
	p := &jumbfParser{}
	boxes, err := p.parseBoxes(b, 0, 1)
	if err != nil {
		return nil, err
	}
	if len(boxes) != 1 || boxes[0].kind != "jumb" || boxes[0].contentType() != "c2pa" {
		return nil, malformed("", "", 0, "it is not one superbox of type c2pa")
	}
	var manifests []*jumbfBox
	for _, box := range boxes[0].children {
		if box.kind == "jumb" {
			manifests = append(manifests, box)
		}
	}
	if len(manifests) == 0 {
		return nil, malformed("", "", 0, "it holds no manifest")
	}
	active := manifests[len(manifests)-1]
	c := &C2PA{Manifests: len(manifests), Active: active.label}
	return c, c.readManifest(active)
}

func (c *C2PA) readManifest(m *jumbfBox) error {
	switch m.contentType() {
	case "c2ma", "c2um": // standard, update
	case "c2cm":
		return unsupported("", m.label, m.offset, "the active manifest is compressed, which is not read")
	default:
		return malformed("", m.label, m.offset, "the active manifest is of no type that C2PA knows")
	}
	claim := m.find("c2cl")
	if claim == nil {
		return malformed("", m.label, m.offset, "the active manifest has no claim")
	}
	if err := c.readClaim(claim); err != nil {
		return err
	}
	assertions := m.find("c2as")
	if assertions == nil {
		return malformed("", m.label, m.offset, "the active manifest has no assertion store")
	}
	for _, a := range assertions.children {
		// An assertion's label may carry the number of its instance.
		name, _, _ := strings.Cut(a.label, "__")
		if name == "c2pa.actions" || name == "c2pa.actions.v2" {
			if err := c.readActions(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// decodeBox decodes the CBOR of a superbox.
func decodeBox(box *jumbfBox, v any) error {
	b, ok := box.data("cbor")
	if !ok {
		return unsupported("", box.label, box.offset, "it does not hold CBOR, which is what is read")
	}
	if err := manifestDecoder().Unmarshal(b, v); err != nil {
		return malformed("", box.label, box.offset, "its CBOR: %v", err)
	}
	return nil
}

// readClaim takes the generators: from claim_generator_info, which is an array
// in the first version of the claim and a map in the second, or else the string.
func (c *C2PA) readClaim(box *jumbfBox) error {
	var claim struct {
		Generator string          `cbor:"claim_generator"`
		Info      cbor.RawMessage `cbor:"claim_generator_info"`
	}
	if err := decodeBox(box, &claim); err != nil {
		return err
	}
	var infos []generatorInfo
	if len(claim.Info) > 0 && claim.Info[0] != 0xf6 { // null
		var one generatorInfo
		if manifestDecoder().Unmarshal(claim.Info, &one) == nil {
			infos = append(infos, one)
		} else if err := manifestDecoder().Unmarshal(claim.Info, &infos); err != nil {
			return malformed("", box.label, box.offset, "claim_generator_info is neither a map nor an array of maps: %v", err)
		}
	}
	if len(infos) > maxGenerators {
		return tooLarge("", box.label, box.offset, "the claim names %d generators; at most %d are read", len(infos), maxGenerators)
	}
	for _, g := range infos {
		if s := g.String(); s != "" {
			c.Generators = append(c.Generators, s)
		}
	}
	if len(c.Generators) == 0 && claim.Generator != "" {
		c.Generators = []string{claim.Generator}
	}
	return nil
}

func (c *C2PA) readActions(box *jumbfBox) error {
	var list struct {
		Actions []struct {
			Name       string          `cbor:"action"`
			SourceType string          `cbor:"digitalSourceType"`
			Agent      cbor.RawMessage `cbor:"softwareAgent"`
		} `cbor:"actions"`
	}
	if err := decodeBox(box, &list); err != nil {
		return err
	}
	if len(c.Actions)+len(list.Actions) > maxActions {
		return tooLarge("", box.label, box.offset, "more than %d actions", maxActions)
	}
	for i, a := range list.Actions {
		if a.Name == "" {
			return malformed("", box.label, box.offset, "action %d has no name", i)
		}
		agent, err := softwareAgent(a.Agent)
		if err != nil {
			return malformed("", box.label, box.offset, "the software agent of action %d is neither text nor a map with a name: %v", i, err)
		}
		c.Actions = append(c.Actions, Action{a.Name, a.SourceType, agent})
	}
	return nil
}

// softwareAgent reads an agent: text in the first version of the assertion, a
// map with name and version in the second.
func softwareAgent(b cbor.RawMessage) (string, error) {
	if len(b) == 0 || b[0] == 0xf6 { // null
		return "", nil
	}
	var text string
	if manifestDecoder().Unmarshal(b, &text) == nil {
		return text, nil
	}
	var info generatorInfo
	err := manifestDecoder().Unmarshal(b, &info)
	return info.String(), err
}
