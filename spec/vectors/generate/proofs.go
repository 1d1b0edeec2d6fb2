package main

import "fmt"

// proof is the array of PRF-1.
func proof(a, b int64, path [][]byte) []byte { return enc(list{a, b, hashList(path)}) }

// badPaths are ways to spoil a path of at least two hashes.
func badPaths(path [][]byte) (names, comments []string, paths [][][]byte) {
	add := func(name, comment string, p [][]byte) {
		names, comments, paths = append(names, name), append(comments, comment), append(paths, p)
	}
	for i := range path {
		flipped := append([][]byte(nil), path...)
		flipped[i] = flipBit(path[i], 8*i+3)
		add(fmt.Sprintf("flipped-%d", i), fmt.Sprintf("a bit of hash %d of the path is flipped", i), flipped)
	}
	add("short", "the last hash of the path is missing", path[:len(path)-1])
	add("short-first", "the first hash of the path is missing", path[1:])
	add("long", "a hash more at the end of the path", append(append([][]byte(nil), path...), fill(0, 32)))
	add("long-first", "a hash more at the beginning of the path", append([][]byte{fill(0, 32)}, path...))
	add("twice", "the last hash of the path stands twice", append(append([][]byte(nil), path...), path[len(path)-1]))
	reversed := append([][]byte(nil), path...)
	reversed[0], reversed[len(path)-1] = reversed[len(path)-1], reversed[0]
	add("swapped", "the first and last hash of the path are swapped", reversed)
	add("empty", "the path is empty", nil)
	long := append([][]byte(nil), path...)
	for range 64 {
		long = append(long, fill(0, 32))
	}
	add("64-more", "64 hashes more at the end of the path", long)
	return names, comments, paths
}

// badForms are encodings of a proof that no parser takes; good is a sound one
// that ends in its path of hashes.
func badForms(s *suite, good list, given *values) {
	bad := func(name, rule, comment string, b []byte, code string) {
		s.bad(name, rule, comment, b, code).Given = given
	}
	b := enc(good)
	path := good[len(good)-1].(list)
	with := func(i int, v any) list { return put(good, v, []int64{int64(i)}).(list) }
	last := len(good) - 1
	bad("form-trailing", "ENC-12", "a zero byte behind the proof", cat(b, []byte{0}), "trailing-bytes")
	bad("form-truncated", "ENC-13", "the last byte is missing", b[:len(b)-1], "truncated")
	bad("form-empty", "ENC-13", "no byte at all", []byte{}, "truncated")
	bad("form-indefinite", "ENC-2", "the path as an indefinite array", enc(with(last, raw(cat([]byte{0x9f}, enc(path)[1:], []byte{0xff})))), "indefinite")
	bad("form-non-minimal", "ENC-1", "the path's length in two bytes", enc(with(last, raw(cat(wide(mArray, uint64(len(path)), 1), enc(path)[1:])))), "non-minimal")
	bad("form-hash-wide", "ENC-1", "the length of a hash in three bytes", enc(put(good, raw(cat(wide(mBytes, 32, 2), fill(1, 32))), []int64{int64(last), 0})), "non-minimal")
	bad("form-path-2-32", "ENC-13", "a path of 2^32-1 hashes, none there", enc(with(last, raw(wide(mArray, 1<<32-1, 4)))), "truncated")
	bad("form-hash-31", "", "a hash of 31 bytes", enc(put(good, fill(1, 31), []int64{int64(last), 0})), "value")
	bad("form-hash-33", "", "a hash of 33 bytes", enc(put(good, fill(1, 33), []int64{int64(last), 0})), "value")
	bad("form-hash-text", "", "a hash as a text", enc(put(good, hexOf(fill(1, 16)), []int64{int64(last), 0})), "type")
	bad("form-path-bytes", "", "the path as one byte string", enc(with(last, fill(1, 64))), "type")
	bad("form-map", "", "a map in place of the array", enc(group{}), "type")
	bad("form-tag", "ENC-6", "a tag in front", cat([]byte{0xd2}, b), "tag")
}

// recordProofSuite: REC-11.
func recordProofSuite() *suite {
	s := newSuite("record_proof", "The proof that a record stands in a batch. Given: issuer, stream and sequence of the statement, its root and count. Rule: statement.md REC-11.")
	make := func(n int) batch {
		b := batch{issuer: "acme", stream: "main", sequence: 3, previous: fill(9, 32)}
		for i := range n {
			b.records = append(b.records, production().set(int64(eventTime+i), 2))
		}
		return b
	}
	given := func(b batch) *values {
		return &values{Issuer: b.issuer, Stream: b.stream, Sequence: num(b.sequence), Root: hexOf(b.root()), Count: num(int64(len(b.records)))}
	}
	whole := func(b batch, i int) list {
		return list{raw(enc(b.records[i])), i, len(b.records), hashList(inclusionPath(i, b.leaves()))}
	}
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 4096} {
		b := make(n)
		for i := range n {
			if n > 9 && i != 0 && i != 1234 && i != n-1 {
				continue
			}
			s.good(fmt.Sprintf("record-%d-of-%d", i, n), "REC-11", fmt.Sprintf("record %d of %d", i, n), enc(whole(b, i)),
				&values{RecordID: hexOf(b.leaves()[i])}).Given = given(b)
		}
	}
	deep := make(2)
	deep.records[1] = deep.records[1].set(raw(cat(fill(0x81, 6), []byte{0x80})), 1024)
	s.good("depth-8", "REC-11", "a record of depth 8: its depth is counted from its own map", enc(whole(deep, 1)), &values{RecordID: hexOf(deep.leaves()[1])}).Given = given(deep)
	b := make(7)
	leaves := b.leaves()
	tooDeep := whole(b, 3)
	tooDeep[0] = raw(enc(b.records[3].set(raw(cat(fill(0x81, 7), []byte{0x80})), 1024)))
	s.bad("depth-9", "ENC-11", "a record of depth 9", enc(tooDeep), "depth").Given = given(b)
	g := given(b)
	bad := func(name, rule, comment string, p list, code string) {
		s.bad(name, rule, comment, enc(p), code).Given = g
	}
	names, comments, paths := badPaths(inclusionPath(3, leaves))
	for i, path := range paths {
		bad("path-"+names[i], "REC-11", comments[i], list{raw(enc(b.records[3])), 3, 7, hashList(path)}, "path")
	}
	good := whole(b, 3)
	bad("index-lower", "REC-11", "the index is one lower", put(good, 2, []int64{1}).(list), "path")
	bad("index-higher", "REC-11", "the index is one higher", put(good, 4, []int64{1}).(list), "path")
	bad("index-count", "REC-11", "the index is the count", put(good, 7, []int64{1}).(list), "path")
	bad("index-negative", "", "the index is -1", put(good, -1, []int64{1}).(list), "value")
	bad("index-4096", "", "the index is 4,096", put(good, 4096, []int64{1}).(list), "value")
	bad("count-zero", "", "the count is 0", put(good, 0, []int64{2}).(list), "value")
	bad("count-4097", "", "the count is 4,097", put(good, 4097, []int64{2}).(list), "value")
	bad("record-other", "REC-11", "the next record of the batch", put(good, raw(enc(b.records[4])), []int64{0}).(list), "path")
	bad("record-changed", "REC-11", "the record has one input token more", put(good, raw(enc(b.records[3].set(375, 8, 1))), []int64{0}).(list), "path")
	bad("record-extension", "REC-11", "the record has an extension key more", put(good, raw(enc(b.records[3].set(0, 64))), []int64{0}).(list), "path")
	bad("record-invalid", "REC-2", "the record has no usage", put(good, raw(enc(b.records[3].del(8))), []int64{0}).(list), "missing-field")
	bad("record-non-minimal", "ENC-1", "an integer of the record is in two bytes", put(good, raw(enc(b.records[3].set(raw(wide(mUint, 1, 1)), 3))), []int64{0}).(list), "non-minimal")
	bad("arity", "", "a fifth element", append(append(list(nil), good...), 0), "value")
	badForms(s, good, g)
	other := func(name, comment string, change func(*values)) {
		v := *g
		change(&v)
		s.bad(name, "REC-11", comment, enc(good), "path").Given = &v
	}
	other("other-issuer", "held against another issuer's statement", func(v *values) { v.Issuer = "globex" })
	other("other-stream", "held against another stream's statement", func(v *values) { v.Stream = "eu-1" })
	other("other-sequence", "held against the next statement", func(v *values) { v.Sequence = num(4) })
	other("other-root", "held against a root with a bit flipped", func(v *values) { v.Root = hexOf(flipBit(b.root(), 100)) })
	inner := treeHash(leaves[:4])
	s.bad("inner-node", "REC-11", "a record held against an inner node as the root of four", enc(list{raw(enc(b.records[3])), 3, 7, hashList(inclusionPath(3, leaves[:4]))}), "path").Given =
		&values{Issuer: g.Issuer, Stream: g.Stream, Sequence: g.Sequence, Count: g.Count, Root: hexOf(inner)}
	kinds := batch{issuer: "acme", stream: "main", sequence: 3, previous: fill(9, 32), records: leastByKind()}
	for i, name := range kindNames[3:] {
		s.good("kind-"+name, "REC-11", "a record of rule version 2, a "+name+": under which version it was admitted a proof does not say",
			enc(whole(kinds, 3+i)), &values{RecordID: hexOf(kinds.leaves()[3+i])}).Given = given(kinds)
	}
	return s
}

// treeSuite: roots by RFC 9162 section 2.1.1.
func treeSuite() *suite {
	s := newSuite("tree", "The Merkle Tree Hash of RFC 9162. Items: the leaves' data in hex; expected: the root. Rules: statement.md BAT-1, ledger.md LOG-1.")
	for _, n := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 100} {
		v := s.good(fmt.Sprintf("size-%d", n), "LOG-1", fmt.Sprintf("%d leaves; the data of leaf i is the byte i", n), nil, &values{Root: hexOf(treeHash(numbered(n))), Size: num(int64(n))})
		v.Items = []string{}
		for i := range n {
			v.Items = append(v.Items, fmt.Sprintf("%02x", i))
		}
	}
	s.good("empty-leaf", "LOG-1", "one leaf of no bytes", nil, &values{Root: hexOf(leafHash(nil)), Size: num(1)}).Items = []string{""}
	return s
}

// inclusionSuite: PRF-1 and RFC 9162 section 2.1.3.
func inclusionSuite() *suite {
	s := newSuite("inclusion", "The proof that a leaf stands in the log. Given: the root and the leaf's hash; the data of leaf i is the byte i. Rule: receipt.md PRF-1.")
	given := func(n, i int) *values {
		return &values{Root: hexOf(treeHash(numbered(n))), LeafHash: hexOf(numbered(i + 1)[i])}
	}
	for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 33} {
		for i := range n {
			if n > 8 && i%16 != 0 {
				continue
			}
			s.good(fmt.Sprintf("leaf-%d-of-%d", i, n), "PRF-1", fmt.Sprintf("leaf %d of %d", i, n),
				proof(int64(n), int64(i), inclusionPath(i, numbered(n))), nil).Given = given(n, i)
		}
	}
	for _, at := range [][2]int{{7, 3}, {7, 6}, {8, 0}} {
		n, i := at[0], at[1]
		names, comments, paths := badPaths(inclusionPath(i, numbered(n)))
		for j, path := range paths {
			s.bad(fmt.Sprintf("leaf-%d-of-%d-%s", i, n, names[j]), "PRF-1", comments[j], proof(int64(n), int64(i), path), "path").Given = given(n, i)
		}
	}
	path := inclusionPath(3, numbered(7))
	bad := func(name, comment string, size, index int64, path [][]byte, g *values) {
		s.bad(name, "PRF-1", comment, proof(size, index, path), "path").Given = g
	}
	bad("index-lower", "the index is one lower", 7, 2, path, given(7, 3))
	bad("index-higher", "the index is one higher", 7, 4, path, given(7, 3))
	bad("index-is-size", "the index is the size", 7, 7, path, given(7, 3))
	bad("index-above", "the index is far above the size", 7, 1<<62, path, given(7, 3))
	bad("size-lower", "the size is 4, the path that of 7", 4, 3, path, given(7, 3))
	bad("size-zero", "the size is 0", 0, 0, nil, &values{Root: hexOf(hash()), LeafHash: hexOf(leafHash(nil))})
	bad("size-greatest", "the size is 2^63-1", 1<<63-1, 3, path, given(7, 3))
	bad("other-leaf", "another leaf", 7, 3, path, &values{Root: given(7, 3).Root, LeafHash: given(7, 4).LeafHash})
	bad("other-root", "the root of another size", 7, 3, path, &values{Root: given(8, 3).Root, LeafHash: given(7, 3).LeafHash})
	bad("root-is-leaf", "the root is the leaf's hash, the path is empty", 7, 3, nil, &values{Root: given(7, 3).LeafHash, LeafHash: given(7, 3).LeafHash})
	eight := numbered(8)
	bad("inner-node-as-leaf", "an inner node is shown as the leaf of a smaller tree under the root of 8, size 8", 8, 1,
		[][]byte{treeHash(eight[:2]), treeHash(eight[4:])}, &values{Root: given(8, 0).Root, LeafHash: hexOf(treeHash(eight[2:4]))})
	good := list{int64(7), int64(3), hashList(path)}
	badForms(s, good, given(7, 3))
	form := func(name, rule, comment string, p list, code string) {
		s.bad(name, rule, comment, enc(p), code).Given = given(7, 3)
	}
	form("size-negative", "ENC-34", "the size is -1", list{-1, 3, hashList(path)}, "value")
	form("index-negative", "ENC-34", "the index is -1", list{7, -1, hashList(path)}, "value")
	form("index-2-63", "ENC-9", "the index is 2^63", list{7, raw(wide(mUint, 1<<63, 8)), hashList(path)}, "integer-range")
	form("arity-2", "", "no path", list{7, 3}, "value")
	form("arity-4", "", "a fourth element", list{7, 3, hashList(path), 0}, "value")
	return s
}

// consistencySuite: PRF-1 and RFC 9162 section 2.1.4.
func consistencySuite() *suite {
	s := newSuite("consistency", "The proof that a log grew out of an older one. Given: the two roots; the data of leaf i is the byte i. Rule: receipt.md PRF-1.")
	given := func(m, n int) *values {
		return &values{OldRoot: hexOf(treeHash(numbered(m))), Root: hexOf(treeHash(numbered(n)))}
	}
	for n := 0; n <= 8; n++ {
		for m := 0; m <= n; m++ {
			s.good(fmt.Sprintf("from-%d-to-%d", m, n), "PRF-1", fmt.Sprintf("from %d to %d leaves", m, n),
				proof(int64(m), int64(n), consistencyPath(m, numbered(n))), nil).Given = given(m, n)
		}
	}
	for _, at := range [][2]int{{8, 33}, {16, 33}, {21, 33}, {32, 33}} {
		s.good(fmt.Sprintf("from-%d-to-%d", at[0], at[1]), "PRF-1", fmt.Sprintf("from %d to %d leaves", at[0], at[1]),
			proof(int64(at[0]), int64(at[1]), consistencyPath(at[0], numbered(at[1]))), nil).Given = given(at[0], at[1])
	}
	for _, at := range [][2]int{{3, 7}, {4, 7}, {6, 8}} {
		m, n := at[0], at[1]
		path := consistencyPath(m, numbered(n))
		if len(path) < 2 {
			s.bad(fmt.Sprintf("from-%d-to-%d-empty", m, n), "PRF-1", "the path is empty", proof(int64(m), int64(n), nil), "path").Given = given(m, n)
			s.bad(fmt.Sprintf("from-%d-to-%d-with-old", m, n), "PRF-1", "the old root stands in the path: it is known, 4 is a power of two", proof(int64(m), int64(n), append([][]byte{treeHash(numbered(m))}, path...)), "path").Given = given(m, n)
			continue
		}
		names, comments, paths := badPaths(path)
		for j, p := range paths {
			s.bad(fmt.Sprintf("from-%d-to-%d-%s", m, n, names[j]), "PRF-1", comments[j], proof(int64(m), int64(n), p), "path").Given = given(m, n)
		}
	}
	path := consistencyPath(3, numbered(7))
	bad := func(name, comment string, m, n int64, path [][]byte, g *values) {
		s.bad(name, "PRF-1", comment, proof(m, n, path), "path").Given = g
	}
	bad("older-higher", "older and newer are swapped", 7, 3, path, &values{OldRoot: given(3, 7).Root, Root: given(3, 7).OldRoot})
	bad("older-wrong", "the older size is one lower", 2, 7, path, given(3, 7))
	bad("newer-wrong", "the newer size is 9: a longer path belongs to it", 3, 9, path, given(3, 7))
	bad("newer-greatest", "the newer size is 2^63-1", 3, 1<<63-1, path, given(3, 7))
	bad("old-root-wrong", "the older root is that of 4", 3, 7, path, &values{OldRoot: given(4, 7).OldRoot, Root: given(3, 7).Root})
	bad("new-root-wrong", "the newer root is that of 8", 3, 7, path, &values{OldRoot: given(3, 7).OldRoot, Root: given(3, 8).Root})
	bad("equal-with-path", "equal sizes with a path", 3, 3, path, given(3, 3))
	bad("equal-other-root", "equal sizes, two roots: a fork", 3, 3, nil, given(4, 3))
	bad("zero-with-path", "an older size of 0 with a path", 0, 7, path, given(0, 7))
	fork := numbered(7)
	fork[1] = leafHash([]byte{99})
	bad("fork", "the newer log has another leaf 1; the path is its own", 3, 7, consistencyPath(3, fork), &values{OldRoot: given(3, 7).OldRoot, Root: hexOf(treeHash(fork))})
	g := given(3, 7)
	badForms(s, list{int64(3), int64(7), hashList(path)}, g)
	form := func(name, rule, comment string, p list, code string) {
		s.bad(name, rule, comment, enc(p), code).Given = g
	}
	form("older-negative", "ENC-34", "the older size is -1", list{-1, 7, hashList(path)}, "value")
	form("newer-2-63", "ENC-9", "the newer size is 2^63", list{3, raw(wide(mUint, 1<<63, 8)), hashList(path)}, "integer-range")
	form("arity-2", "", "no path", list{3, 7}, "value")
	return s
}
