package main

import (
	"encoding/base64"
	"fmt"
	"strings"
)

const labelAnchor = -65537

// testOrigin is the origin of the log that the receipts and checkpoints are of.
var testOrigin = "tokentrail/vectors-1/" + hexOf(hash([]byte("genesis")))

// A receipt before it is put together; each part may be replaced.
type receipt struct {
	protected   group
	unprotected group
	payload     []byte // what is signed, detached
	key         signer
}

// receiptOf is the receipt of a statement that is leaf 3 of a log of 7.
func receiptOf(statement []byte, id string) receipt {
	leaves := numbered(7)
	leaves[3] = leafHash(statement)
	root := treeHash(leaves)
	anchor := list{list{1, 7, root, genesisState().root()}, []byte("a light block, opaque here")}
	return receipt{
		protected:   group{1: algEdDSA, 4: edOther.kid(), 15: group{1: testOrigin, 2: id}, 395: 1},
		unprotected: group{396: group{-1: list{proof(7, 3, inclusionPath(3, leaves))}}, labelAnchor: enc(anchor)},
		payload:     root,
		key:         edOther,
	}
}

func (r receipt) signature() []byte { return r.key.sign(sigStructure(enc(r.protected), r.payload)) }

func (r receipt) bytes() []byte {
	return cat([]byte{0xd2}, enc(list{enc(r.protected), r.unprotected, raw{0xf6}, r.signature()}))
}

// receiptSuite: RCP-1, and of RCP-3 what needs no light block.
func receiptSuite() *suite {
	s := newSuite("receipt", "A receipt, held against the expected origin, a statement and the node's key. The light block is opaque here. Rules: receipt.md RCP-1 to RCP-3.")
	b := threeKinds()
	statement := b.statement(edKey).bytes()
	id := hexOf(statementID(enc(b.header())))
	given := &values{Origin: testOrigin, Statement: hexOf(statement), Key: edOther.text()}
	good := receiptOf(statement, id)
	s.good("leaf-3-of-7", "RCP-1", "the statement is leaf 3 of 7", good.bytes(), &values{
		StatementID: id, Index: num(3), LogSize: num(7), LogRoot: hexOf(good.payload), StateRoot: hexOf(genesisState().root()),
		AppHash: hexOf(hash([]byte("tokentrail/app/v1\x00"), enc(list{1, 7, good.payload, genesisState().root()}))), KID: hexOf(edOther.kid()),
	}).Given = given
	moved := good
	moved.unprotected = good.unprotected.set(enc(list{list{1, 7, good.payload, genesisState().root()}, []byte("another light block")}), labelAnchor)
	s.good("other-anchor", "RCP-4", "another light block in the anchor: the signature still holds", moved.bytes(), &values{StatementID: id, LogSize: num(7)}).Given = given

	bad := func(name, rule, comment string, bytes []byte, code string) {
		s.bad(name, rule, comment, bytes, code).Given = given
	}
	leaves := numbered(7)
	leaves[3] = leafHash(statement)
	names, comments, paths := badPaths(inclusionPath(3, leaves))
	for i, path := range paths {
		r := good
		r.unprotected = good.unprotected.set(group{-1: list{proof(7, 3, path)}}, 396)
		bad("path-"+names[i], "RCP-3", comments[i], r.bytes(), "path")
	}
	r := good
	r.unprotected = good.unprotected.set(group{-1: list{proof(7, 2, inclusionPath(3, leaves))}}, 396)
	bad("path-index", "RCP-3", "the leaf index is one lower", r.bytes(), "path")
	other := good
	other.protected = good.protected.set(testOrigin[:len(testOrigin)-1]+"0", 15, 1)
	bad("origin", "RCP-3", "iss is the origin of another genesis", other.bytes(), "origin")
	other.protected = good.protected.set(strings.Replace(testOrigin, "vectors-1", "vectors-2", 1), 15, 1)
	bad("origin-chain", "RCP-3", "iss is the origin of another chain", other.bytes(), "origin")
	other.protected = good.protected.set(hexOf(flipBit(unhex(id), 0)), 15, 2)
	bad("sub", "RCP-3", "sub is another statement's id", other.bytes(), "binding")
	other.protected = good.protected.set(strings.ToUpper(id), 15, 2)
	bad("sub-upper", "RCP-3", "sub is the id in upper case", other.bytes(), "binding")
	resigned := &values{Origin: testOrigin, Statement: hexOf(b.statement(edOther).bytes()), Key: edOther.text()}
	s.bad("other-leaf", "RCP-3", "held against the same statement under another signature: one id, another leaf", good.bytes(), "path").Given = resigned

	whole := good.bytes()
	sig := good.signature()
	flipped := cat(whole[:len(whole)-64], flipBit(sig, 9))
	bad("signature-flipped", "RCP-3", "a bit of the node's signature is flipped", flipped, "signature")
	wrong := good
	wrong.key = edKey
	bad("signature-other-key", "RCP-3", "signed by another key under the node's kid", wrong.bytes(), "signature")
	wrong = good
	wrong.payload = flipBit(good.payload, 0)
	bad("signature-other-root", "RCP-3", "the node signed another root", wrong.bytes(), "signature")
	long := cat(whole[:len(whole)-64-2], enc(cat(sig, []byte{0})))
	bad("signature-65", "RCP-3", "a signature of 65 bytes", long, "signature")
	bad("untagged", "RCP-1", "no tag", whole[1:], "envelope")
	bad("empty", "RCP-1", "no byte at all", []byte{}, "envelope")
	bad("trailing", "RCP-1", "a zero byte behind it", cat(whole, []byte{0}), "envelope")
	bad("truncated", "RCP-1", "the last byte is missing", whole[:len(whole)-1], "envelope")
	for _, p := range []struct {
		name, comment string
		protected     group
	}{
		{"vds-2", "another verifiable data structure", good.protected.set(2, 395)},
		{"no-vds", "no verifiable data structure", good.protected.del(395)},
		{"no-kid", "no kid", good.protected.del(4)},
		{"no-claims", "no claims", good.protected.del(15)},
		{"crit", "an extra label: crit", good.protected.set(list{395}, 2)},
	} {
		q := good
		q.protected = p.protected
		bad("protected-"+p.name, "RCP-1", p.comment, q.bytes(), "protected")
	}
	return s
}

// checkpointSuite: CHK-1.
func checkpointSuite() *suite {
	s := newSuite("checkpoint", "A signed checkpoint. Given: the expected origin and the node's key. Rule: receipt.md CHK-1.")
	text := func(origin string, size int, root []byte) string {
		return fmt.Sprintf("%s\n%d\n%s\n", origin, size, base64.StdEncoding.EncodeToString(root))
	}
	signed := func(k signer, name, body string) string {
		id := hash([]byte(name), []byte{'\n', 1}, k.x)[:4]
		return body + "\n\u2014 " + name + " " + base64.StdEncoding.EncodeToString(cat(id, k.sign([]byte(body)))) + "\n"
	}
	given := &values{Origin: testOrigin, Key: edOther.text()}
	for _, n := range []int{0, 1, 7, 20} {
		root := treeHash(numbered(n))
		note := signed(edOther, testOrigin, text(testOrigin, n, root))
		v := s.good(fmt.Sprintf("size-%d", n), "CHK-1", fmt.Sprintf("of a log of %d leaves", n), nil, &values{Size: num(int64(n)), Root: hexOf(root)})
		v.Text, v.Given = &note, given
	}
	root := treeHash(numbered(7))
	body := text(testOrigin, 7, root)
	bad := func(name, comment, note, code string) {
		v := s.bad(name, "CHK-1", comment, nil, code)
		v.Text, v.Given = &note, given
	}
	note := signed(edOther, testOrigin, body)
	bad("size-changed", "the size is 8, the signature of 7", strings.Replace(note, "\n7\n", "\n8\n", 1), "signature")
	bad("root-changed", "the root is that of 8 leaves, the signature of 7", strings.Replace(note, base64.StdEncoding.EncodeToString(root), base64.StdEncoding.EncodeToString(treeHash(numbered(8))), 1), "signature")
	bad("other-key", "signed by another key", signed(edKey, testOrigin, body), "signature")
	bad("other-name", "signed under another name", signed(edOther, "tokentrail/vectors-2", body), "signature")
	bad("unsigned", "no signature line", body+"\n", "signature")
	elsewhere := strings.Replace(testOrigin, "vectors-1", "vectors-2", 1)
	bad("other-origin", "the text is of another log, signed under this log's name", signed(edOther, testOrigin, text(elsewhere, 7, root)), "origin")
	return s
}
