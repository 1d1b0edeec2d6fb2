package main

const keptVersion = "tokentrail/kept/v1"

// keptParts is a kept head but for its checksum, with what only has to look like
// light blocks.
func keptParts() list {
	return list{
		keptVersion, "tokentrail:vectors-1:abc", 9, fill(7, 32), []byte("a light block"), keptPreimage(1),
		list{[]byte("another"), []byte("and one more")}, list{"header", "auditor", 3, fill(8, 32)}, int64(1767225600123),
	}
}

// keptPreimage is a preimage of some version, in the byte string that it stands in.
func keptPreimage(version int) []byte {
	return enc(list{version, 7, fill(3, 32), genesisState().root()})
}

// with returns a copy in which the value at the path is v.
func (l list) with(v any, path ...int64) list { return put(l, v, path).(list) }

// keptSummed writes parts in an array of some length and the right checksum behind.
func keptSummed(parts list) []byte {
	b := enc(append(append(list{}, parts...), []byte{}))
	b = b[:len(b)-1] // the empty byte string that stood in the checksum's place
	return cat(b, enc(hash(b)))
}

func keptFields(parts list) map[string]string {
	trust := parts[7].(list)
	return map[string]string{
		"origin": parts[1].(string), "height": fieldText(parts[2]), "header": fieldText(parts[3]), "light-block": fieldText(parts[4]),
		"preimage": fieldText(parts[5]), "changes": fieldText(parts[6]), "trust.kind": trust[0].(string), "trust.from": trust[1].(string),
		"trust.height": fieldText(trust[2]), "trust.hash": fieldText(trust[3]), "time": fieldText(parts[8]),
	}
}

// keptSuite: VER-32, VER-34.
func keptSuite() *suite {
	s := newSuite("kept", "A kept head: its form, ceilings and checksum; light blocks are opaque here. Rules: verify.md VER-32, VER-34.")
	whole := keptParts()
	ok := func(name, rule, comment string, parts list) {
		var fields map[string]string
		if b := keptSummed(parts); len(b) < 4096 {
			fields = keptFields(parts)
		}
		s.good(name, rule, comment, keptSummed(parts), &values{Fields: fields})
	}
	ok("whole", "VER-32", "a head under a trusted header, with changes of validators", whole)
	ok("genesis", "VER-32", "from genesis, without changes", whole.with(list{}, 6).with(list{"genesis", "node", 0, fill(9, 32)}, 7))
	ok("zero", "VER-32", "height and time 0", whole.with(0, 2).with(0, 8))
	ok("greatest", "VER-34", "the greatest height and time", whole.with(int64(1<<63-1), 2).with(int64(1<<63-1), 8))
	ok("origin-200", "VER-34", "an origin of 200 characters", whole.with(string(fill('a', 200)), 1))
	ok("changes-10000", "VER-34", "10,000 changes", whole.with(many(10000, []byte{1}), 6))
	ok("light-block-16777216", "VER-34", "a light block of 16,777,216 bytes", whole.with(fill(1, 16<<20), 4))
	keptEnvelope(s, whole)
	keptChecksum(s, whole)
	bad := func(name, rule, comment string, v any, path ...int64) {
		s.bad(name, rule, comment, keptSummed(whole.with(v, path...)), "damaged")
	}
	for i, name := range []string{"", "origin", "height", "header", "light-block", "preimage", "changes", "trust", "time"} {
		if name != "" {
			bad(name+"-nil", "VER-32", name+" is nil", raw{0xf6}, int64(i))
		}
	}
	bad("origin-empty", "VER-34", "an origin of no characters", "", 1)
	bad("origin-201", "VER-34", "an origin of 201 characters", string(fill('a', 201)), 1)
	bad("origin-line", "VER-32", "a line's end in the origin", "tokentrail\n", 1)
	bad("origin-utf8", "VER-32", "an origin that is not ASCII", "é", 1)
	bad("origin-bytes", "VER-32", "the origin as a byte string", []byte("tokentrail"), 1)
	bad("height-negative", "VER-32", "a negative height", -1, 2)
	bad("height-wide", "VER-34", "the height in two bytes", raw(wide(mUint, 9, 1)), 2)
	bad("height-64", "VER-34", "a height of 2^63", uint64(1<<63), 2)
	bad("header-31", "VER-32", "a header hash of 31 bytes", fill(7, 31), 3)
	bad("header-33", "VER-32", "a header hash of 33 bytes", fill(7, 33), 3)
	bad("light-block-empty", "VER-34", "a light block of no bytes", []byte{}, 4)
	bad("light-block-text", "VER-32", "a light block as a text", "a light block", 4)
	bad("light-block-16777217", "VER-34", "a light block of 16,777,217 bytes", fill(1, 16<<20+1), 4)
	bad("light-block-indefinite", "VER-34", "a light block of an indefinite length", raw{0x5f, 0x41, 1, 0xff}, 4)
	bad("preimage-empty", "VER-34", "a preimage of no bytes", []byte{}, 5)
	bad("preimage-129", "VER-34", "a preimage of 129 bytes", fill(1, 129), 5)
	bad("preimage-version", "STA-4", "a preimage of version 2", keptPreimage(2), 5)
	bad("preimage-inline", "VER-32", "a preimage that is embedded, not wrapped in a byte string", raw(keptPreimage(1)), 5)
	bad("preimage-trailing", "STA-4", "a zero byte behind the preimage, in its byte string", cat(keptPreimage(1), []byte{0}), 5)
	bad("change-empty", "VER-34", "a change of no bytes", list{[]byte{}}, 6)
	bad("changes-10001", "VER-34", "10,001 changes", many(10001, []byte{1}), 6)
	bad("trust-3", "VER-32", "a trust of three", list{"header", "auditor", 3}, 7)
	bad("trust-5", "VER-32", "a trust of five", list{"header", "auditor", 3, fill(8, 32), 0}, 7)
	bad("trust-kind-empty", "VER-34", "a kind of no characters", "", 7, 0)
	bad("trust-kind-201", "VER-34", "a kind of 201 characters", string(fill('a', 201)), 7, 0)
	bad("trust-from-201", "VER-34", "a from of 201 characters", string(fill('a', 201)), 7, 1)
	bad("trust-height-negative", "VER-32", "a negative height of the trust", -1, 7, 2)
	bad("trust-hash-31", "VER-32", "a hash of the trust of 31 bytes", fill(8, 31), 7, 3)
	bad("time-negative", "VER-32", "a time before 1970", -1, 8)
	bad("time-float", "VER-32", "a time as a float", raw{0xf9, 0x3c, 0}, 8)
	return s
}

func keptEnvelope(s *suite, whole list) {
	b := keptSummed(whole)
	bad := func(name, comment string, b []byte, code string) { s.bad(name, "VER-34", comment, b, code) }
	bad("empty", "no byte at all", []byte{}, "damaged")
	bad("version-alone", "the version alone", enc(list{keptVersion}), "damaged")
	bad("version-2", "another version", keptSummed(whole.with("tokentrail/kept/v2", 0)), "newer")
	bad("version-10", "another version that begins as this one", keptSummed(whole.with("tokentrail/kept/v10", 0)), "newer")
	bad("version-2-alone", "another version, in an array of another length", enc(list{"tokentrail/kept/v2"}), "newer")
	bad("version-bytes", "the version as a byte string", keptSummed(whole.with([]byte(keptVersion), 0)), "damaged")
	bad("version-wide", "the version's length in three bytes", keptSummed(whole.with(raw(cat(wide(mText, uint64(len(keptVersion)), 2), []byte(keptVersion))), 0)), "damaged")
	bad("other", "another text", keptSummed(whole.with("tokentrail/keptv1", 0)), "damaged")
	bad("fork", "what fork evidence begins with", keptSummed(whole.with(forkVersion, 0)), "damaged")
	bad("nine", "an array of nine: no checksum", enc(whole), "damaged")
	bad("eleven", "an array of eleven: something behind the time", keptSummed(append(append(list{}, whole...), 0)), "damaged")
	bad("tagged", "a tag in front", cat([]byte{0xd8, 60}, b), "damaged")
	bad("array-wide", "the array's length in two bytes", keptAgain(cat(wide(mArray, 10, 1), b[1:])), "damaged")
	bad("array-indefinite", "an indefinite array", cat(keptAgain(cat([]byte{0x9f}, b[1:])), []byte{0xff}), "damaged")
	bad("trailing", "a zero byte behind it", cat(b, []byte{0}), "damaged")
	bad("truncated", "the last byte is missing", b[:len(b)-1], "damaged")
	bad("bytes-67108865", "67,108,865 bytes", keptSummed(whole.with(many(5, fill(1, 14<<20)), 6))[:64<<20+1], "damaged")
}

// keptAgain puts the checksum right.
func keptAgain(b []byte) []byte {
	b = b[:len(b)-34]
	return cat(b, enc(hash(b)))
}

func keptChecksum(s *suite, whole list) {
	b := keptSummed(whole)
	bad := func(name, comment string, b []byte) { s.bad(name, "VER-32", comment, b, "damaged") }
	spoilt := cat(b)
	spoilt[len(spoilt)-1] ^= 1
	bad("checksum-bit", "a bit of the checksum is another", spoilt)
	spoilt = cat(b)
	spoilt[len(keptVersion)+5] ^= 1
	bad("content-bit", "a bit of the origin is another", spoilt)
	bad("checksum-zero", "a checksum of zeros", cat(b[:len(b)-32], fill(0, 32)))
	bad("checksum-31", "a checksum of 31 bytes", cat(b[:len(b)-34], enc(hash(b[:len(b)-34])[:31])))
	bad("checksum-text", "a checksum as a text", cat(b[:len(b)-34], enc(string(fill('a', 32)))))
	bad("checksum-of-all", "a checksum of an array of nine", cat(b[:len(b)-32], hash(enc(whole))))
}
