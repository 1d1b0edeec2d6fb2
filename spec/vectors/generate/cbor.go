package main

import (
	"encoding/binary"
	"fmt"
	"sort"
)

// CBOR major types.
const (
	mUint byte = iota
	mNeg
	mBytes
	mText
	mArray
	mMap
	mTag
	mOther
)

type (
	// raw is CBOR that is written as it stands: the knob for wrong bytes.
	raw []byte
	// group is a map with integer keys, written in the deterministic order.
	group map[int64]any
	// list is an array.
	list []any
)

// head writes a head with the shortest argument.
func head(major byte, arg uint64) []byte {
	switch {
	case arg < 24:
		return []byte{major<<5 | byte(arg)}
	case arg < 1<<8:
		return wide(major, arg, 1)
	case arg < 1<<16:
		return wide(major, arg, 2)
	case arg < 1<<32:
		return wide(major, arg, 4)
	}
	return wide(major, arg, 8)
}

// wide writes a head whose argument takes width bytes, needed or not.
func wide(major byte, arg uint64, width int) []byte {
	info := map[int]byte{1: 24, 2: 25, 4: 26, 8: 27}[width]
	var all [8]byte
	binary.BigEndian.PutUint64(all[:], arg)
	return append([]byte{major<<5 | info}, all[8-width:]...)
}

// enc writes any value deterministically, except where a raw says otherwise.
func enc(v any) []byte {
	switch v := v.(type) {
	case raw:
		return v
	case int:
		return enc(int64(v))
	case int64:
		if v < 0 {
			return head(mNeg, uint64(-1-v))
		}
		return head(mUint, uint64(v))
	case uint64:
		return head(mUint, v)
	case bool:
		if v {
			return []byte{0xf5}
		}
		return []byte{0xf4}
	case string:
		return append(head(mText, uint64(len(v))), v...)
	case []byte:
		return append(head(mBytes, uint64(len(v))), v...)
	case list:
		out := head(mArray, uint64(len(v)))
		for _, x := range v {
			out = append(out, enc(x)...)
		}
		return out
	case group:
		out := head(mMap, uint64(len(v)))
		for _, k := range v.keys() {
			out = append(append(out, enc(k)...), enc(v[k])...)
		}
		return out
	}
	panic(fmt.Sprintf("enc: %T", v))
}

// keys are the keys in bytewise order of their encoding: 0, 1, …, -1, -2, …
func (g group) keys() []int64 {
	var keys []int64
	for k := range g {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		if (a < 0) != (b < 0) {
			return b < 0
		}
		if a < 0 {
			return a > b
		}
		return a < b
	})
	return keys
}

// pairs writes a map with its keys and values exactly in the order given.
func pairs(kv ...any) raw {
	out := head(mMap, uint64(len(kv)/2))
	for _, x := range kv {
		out = append(out, enc(x)...)
	}
	return out
}

// set returns a copy in which the value at the path of keys (or array indexes)
// is v.
func (g group) set(v any, path ...int64) group {
	return put(g, v, path).(group)
}

func put(in, v any, path []int64) any {
	if len(path) == 0 {
		return v
	}
	switch in := in.(type) {
	case group:
		out := group{}
		for k, x := range in {
			out[k] = x
		}
		next, ok := out[path[0]]
		if !ok && len(path) > 1 {
			next = group{}
		}
		out[path[0]] = put(next, v, path[1:])
		return out
	case list:
		out := append(list(nil), in...)
		out[path[0]] = put(out[path[0]], v, path[1:])
		return out
	}
	panic(fmt.Sprintf("put into %T", in))
}

// del returns a copy without the value at the path.
func (g group) del(path ...int64) group {
	if len(path) == 1 {
		out := group{}
		for k, x := range g {
			if k != path[0] {
				out[k] = x
			}
		}
		return out
	}
	switch in := g[path[0]].(type) {
	case group:
		return g.set(in.del(path[1:]...), path[0])
	case list:
		return g.set(in[path[1]].(group).del(path[2:]...), path[0], path[1])
	}
	panic("del: no such path")
}

// cat joins bytes.
func cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// fill is n times the byte x.
func fill(x byte, n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = x
	}
	return out
}
