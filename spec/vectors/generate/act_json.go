package main

import (
	"encoding/json"
	"strings"
)

// actJSON is the act as people read it (GOV-31), members in alphabetical order.
func actJSON(g group) string {
	out := map[string]any{"version": 1, "chain": g[2], "sequence": g[4]}
	for k, name := range map[int64]string{3: "provider", 5: "last_height", 6: "reason"} {
		if v, ok := g[k]; ok {
			out[name] = v
		}
	}
	var actions []any
	for _, a := range g[7].(list) {
		actions = append(actions, actionJSON(a.(group)))
	}
	out["actions"] = actions
	return jsonOf(out)
}

func jsonOf(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	must(e.Encode(v), "JSON")
	return strings.TrimSuffix(b.String(), "\n")
}

func actionJSON(a group) map[string]any {
	out := map[string]any{}
	for k, v := range a {
		name := strings.ReplaceAll(actionFields[k], "-", "_")
		switch k {
		case 1:
			v = actionNames[toInt(v)]
		case 5, 17:
			var texts []string
			for _, x := range v.(list) {
				texts = append(texts, keyTextOf(x.([]byte)))
			}
			v = texts
		case 6:
			v = []string{"", "active", "suspended", "retired"}[toInt(v)]
		case 7:
			v = keyTextOf(v.([]byte))
		case 10:
			v = hexOf(v.([]byte))
		case 13:
			v = keyText(algEdDSA, v.([]byte), nil)
		case 15:
			v = policyJSON(v.(group))
		}
		out[name] = v
	}
	return out
}

// keyTextOf is the text of a COSE_Key that coseKeyOf made: each coordinate
// stands behind its label and a head of two bytes.
func keyTextOf(b []byte) string {
	if len(b) < 60 {
		return keyText(algEdDSA, b[len(b)-32:], nil)
	}
	return keyText(algES256, b[len(b)-67:len(b)-35], b[len(b)-32:])
}

func policyJSON(p group) map[string]any {
	names := []string{"", "records", "record_bytes", "frame_bytes", "expanded_bytes", "statement_bytes", "cells",
		"streams", "age", "skew", "jurisdictions", "bases"}
	out := map[string]any{}
	for k, v := range p {
		switch k {
		case 12:
			energy := map[string]any{}
			for i, x := range v.(group) {
				energy[[]string{"", "most", "boundaries", "wanted"}[i]] = x
			}
			out["energy"] = energy
		case 13:
			var labels []any
			for _, l := range v.(list) {
				labels = append(labels, map[string]any{"using": l.(list)[0], "profile": l.(list)[1]})
			}
			out["labels"] = labels
		default:
			out[names[k]] = v
		}
	}
	return out
}
