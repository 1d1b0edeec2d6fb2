package main

import (
	"fmt"
	"strings"
)

// A badPolicy breaks one rule of STA-6.
type badPolicy struct {
	name, rule, comment string
	policy              group
	code                string
}

// badPolicies are policies that neither an act nor the state map may hold.
func badPolicies() []badPolicy {
	all := fullPolicy()
	var out []badPolicy
	bad := func(name, comment string, v any, path ...int64) {
		out = append(out, badPolicy{name, "STA-6", comment, all.set(v, path...), "value"})
	}
	names := []string{"", "records", "record-bytes", "frame-bytes", "expanded-bytes", "statement-bytes", "cells", "streams"}
	for k := int64(1); k <= 7; k++ {
		bad(names[k]+"-0", names[k]+" 0", 0, k)
		bad(names[k]+"-raised", names[k]+" one above the ceiling", toInt(all[k])+1, k)
	}
	bad("age-0", "an age of 0", 0, 8)
	bad("age-negative", "an age of -1", -1, 8)
	bad("skew-0", "a skew of 0", 0, 9)
	bad("jurisdictions-none", "no jurisdiction", list{}, 10)
	bad("jurisdictions-lower", "a jurisdiction in lower case", list{"cn"}, 10)
	bad("jurisdictions-unsorted", "jurisdictions in descending order", list{"DE", "CN"}, 10)
	bad("jurisdictions-twice", "a jurisdiction twice", list{"CN", "CN"}, 10)
	bad("jurisdictions-301", "301 jurisdictions", countries(301), 10)
	bad("bases-none", "no legal basis", list{}, 11)
	bad("bases-unsorted", "legal bases in descending order", list{"b", "a"}, 11)
	bad("bases-twice", "a legal basis twice", list{"a", "a"}, 11)
	bad("bases-upper", "a legal basis in upper case", list{"EU:46"}, 11)
	bad("bases-long", "a legal basis of 49 characters", list{strings.Repeat("a", 49)}, 11)
	bad("bases-301", "301 legal bases", numberedCodes(301), 11)
	bad("energy-most-0", "at most 0 µWh", 0, 12, 1)
	bad("energy-boundaries-none", "no boundary", list{}, 12, 2)
	bad("energy-boundary-0", "boundary 0", list{0}, 12, 2)
	bad("energy-boundary-5", "boundary 5", list{1, 5}, 12, 2)
	bad("energy-boundaries-unsorted", "boundaries in descending order", list{3, 1}, 12, 2)
	bad("energy-boundaries-twice", "a boundary twice", list{1, 1}, 12, 2)
	bad("energy-wanted-0", "energy wanted 0: it is left out where it is not", 0, 12, 3)
	bad("energy-wanted-2", "energy wanted 2", 2, 12, 3)
	bad("labels-none", "no label", list{}, 13)
	bad("labels-one", "a label of one element", list{list{"CN"}}, 13)
	bad("labels-three", "a label of three elements", list{list{"CN", "a", "b"}}, 13)
	bad("labels-country", "a label of a country in lower case", list{list{"cn", "a"}}, 13)
	bad("labels-unsorted", "labels whose countries descend", list{list{"DE", "a"}, list{"CN", "b"}}, 13)
	bad("labels-unsorted-profile", "labels of one country whose profiles descend", list{list{"DE", "b"}, list{"DE", "a"}}, 13)
	bad("labels-twice", "a label twice", list{list{"DE", "a"}, list{"DE", "a"}}, 13)
	labels := list{}
	for _, c := range numberedCodes(301) {
		labels = append(labels, list{"DE", c})
	}
	bad("labels-301", "301 labels", labels, 13)
	other := func(name, rule, comment, code string, v any, path ...int64) {
		out = append(out, badPolicy{name, rule, comment, all.set(v, path...), code})
	}
	other("labels-profile", "ENC-31", "a profile that is no name id", "identifier", list{list{"DE", "A b"}}, 13)
	for _, w := range []struct {
		key   int64
		wrong any
	}{{1, "1"}, {7, "7"}, {8, "1d"}, {10, "CN"}, {12, list{}}, {13, group{}}} {
		other("type-"+num64(w.key), "ENC-37", fmt.Sprintf("key %d of another CBOR type", w.key), "type", w.wrong, w.key)
	}
	other("critical-14", "ENC-20", "key 14", "unknown-critical", 0, 14)
	other("critical-0", "ENC-20", "key 0", "unknown-critical", 0, 0)
	other("energy-critical-4", "ENC-20", "key 4 in energy", "unknown-critical", 0, 12, 4)
	return out
}

// countries are n countries in ascending order.
func countries(n int) list {
	out := list{}
	for i := range n {
		out = append(out, string([]byte{byte('A' + i/26), byte('A' + i%26)}))
	}
	return out
}

// numberedCodes are n codes in ascending order, each also a name id.
func numberedCodes(n int) list {
	out := list{}
	for i := range n {
		out = append(out, fmt.Sprintf("c%03d", i))
	}
	return out
}
