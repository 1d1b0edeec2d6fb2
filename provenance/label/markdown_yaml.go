package label

import (
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// aigcOfYAML reads the AIGC object, as a mapping or as a text of JSON.
func aigcOfYAML(n *yaml.Node) (*AIGC, error) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		return parseAIGC([]byte(n.Value))
	}
	b, err := yamlToJSON(n, 2)
	if err != nil {
		return nil, err
	}
	return parseAIGC(b)
}

// yamlToJSON returns the JSON of a mapping of scalars, which are taken for texts
// as they stand, and of at most depth-1 mappings within. What stands twice stays
// so, for the reader of the JSON to refuse.
func yamlToJSON(n *yaml.Node, depth int) ([]byte, error) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		return []byte(`""`), nil
	case n.Kind == yaml.ScalarNode:
		return json.Marshal(n.Value)
	case n.Kind != yaml.MappingNode || depth == 0:
		return nil, malformed("", aigcPlace, -1, "it is neither a mapping of texts nor a text of JSON")
	}
	out := []byte{'{'}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Kind != yaml.ScalarNode {
			return nil, malformed("", aigcPlace, -1, "a key of it is not a text")
		}
		key, err := yamlToJSON(n.Content[i], 0)
		if err != nil {
			return nil, err
		}
		value, err := yamlToJSON(n.Content[i+1], depth-1)
		if err != nil {
			return nil, err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, key...), ':'), value...)
	}
	return append(out, '}'), nil
}
