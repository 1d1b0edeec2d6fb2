package main

import "tokentrail/verify"

// maxWitnesses bounds the nodes that an audit is compared with.
const maxWitnesses = 16

// witnesses are the nodes that --witness names. SPEC(CLI-83)
func (a *app) witnesses(audited *client, urls []string) (all []verify.Witness, err error) {
	if len(urls) > maxWitnesses {
		return nil, usagef("--witness: %d nodes, at most %d are asked", len(urls), maxWitnesses)
	}
	seen := map[string]bool{audited.base.String(): true}
	for _, u := range urls {
		c, err := newClient(u)
		if err != nil {
			return nil, usagef("--witness %q: wanted a node's address, as http://localhost:7480", u)
		}
		if seen[c.base.String()] {
			return nil, usagef("--witness %s: this node is asked already; a witness is another one", c.base.Redacted())
		}
		seen[c.base.String()] = true
		node, err := a.evidenceOf(c)
		if err != nil {
			return nil, usagef("--witness: %w", err)
		}
		all = append(all, verify.Witness{Name: c.base.Redacted(), Source: node})
	}
	return all, nil
}
