// Checks one entry of a ledger, its receipt and, of a statement, one of its
// records, with nothing of the project's own code: Node.js's crypto and npm's
// cbor-x. An act has no record.cbor; that of equivocation is what stands in the
// place of its records, NODE/entries/ID/records.
//
//   curl -o statement.cbor  NODE/entries/ID/statement
//   curl -o record.cbor     NODE/entries/ID/records/0
//   curl -o receipt.cbor    NODE/entries/ID
//   curl -o genesis.json    NODE/v1/genesis
//   curl -o keys.cbor       NODE/.well-known/scitt-keys
//   node check.mjs DIRECTORY-WITH-THESE-FILES
//
// Or all of it from a bundle (spec/bundle.md), without a network, and the genesis
// document's SHA-256 from elsewhere. The node's own signature is not in a bundle, and
// not looked at; records are, where the bundle has the proof of one.
//
//   tokentrail bundle RECORD --node NODE -o FILE
//   node check.mjs FILE GENESIS-SHA256
//
// What is trusted: genesis.json, which names the validators, the governors and
// the providers' keys. All else is held against it: who came later, by an act,
// is not known here. Exit code 0: everything holds; 1: not.
import { Decoder, Encoder } from 'cbor-x'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { cborLength, fields, headerHash, precommit, validatorsHash } from './engine.mjs'

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const decoder = new Decoder({ mapsAsObjects: false, tagUint8Array: false })
const decode = (bytes) => decoder.decode(bytes)
const encode = (value) => new Encoder({ mapsAsObjects: false, tagUint8Array: false }).encode(value)
const same = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0

// What is checked: files of a directory, or the parts of a bundle (BND-1) under these
// names. What is not there is undefined.
const from = process.argv[2]
const bundle = statSync(from).isFile() ? decode(readFileSync(from))[1] : undefined
function file(name) {
  if (!bundle) return readFileSync(join(from, name))
  const record = bundle.get(5)?.[0] ?? (bundle.get(2)[0] === 0x86 ? bundle.get(4) : undefined)
  const part = { 'genesis.json': bundle.get(1), 'statement.cbor': bundle.get(2), 'receipt.cbor': bundle.get(3), 'record.cbor': record }[name]
  return part && Buffer.from(part)
}

let passed = 0
function check(what, holds) {
  if (!holds) {
    console.error(`FAILED: ${what}`)
    process.exit(1)
  }
  passed++
  console.log(`ok: ${what}`)
}

// A COSE_Sign1 (RFC 9052): [protected, unprotected, payload, signature] under tag 18.
function sign1(bytes) {
  check('a COSE_Sign1', bytes[0] === 0xd2)
  const [protectedBytes, unprotected, payload, signature] = decode(bytes.subarray(1))
  return { protectedBytes, headers: decode(protectedBytes), unprotected, payload, signature }
}

const sigStructure = (protectedBytes, payload) =>
  encode(['Signature1', Buffer.from(protectedBytes), Buffer.alloc(0), Buffer.from(payload)])

// A COSE_Key with only its thumbprint's parameters (RFC 9679).
function publicKey(kty, x, y) {
  const b64 = (b) => Buffer.from(b).toString('base64url')
  const jwk = kty === 1 ? { kty: 'OKP', crv: 'Ed25519', x: b64(x) } : { kty: 'EC', crv: 'P-256', x: b64(x), y: b64(y) }
  return createPublicKey({ key: jwk, format: 'jwk' })
}

function thumbprint(kty, x, y) {
  const part = (label, b) => Buffer.concat([Buffer.from([label, 0x58, 0x20]), b])
  return kty === 1
    ? sha256(Buffer.from([0xa3, 0x01, 0x01, 0x20, 0x06]), part(0x21, x))
    : sha256(Buffer.from([0xa4, 0x01, 0x02, 0x20, 0x01]), part(0x21, x), part(0x22, y))
}

function signatureHolds(alg, key, message, signature) {
  return alg === -8
    ? verify(null, message, key, signature)
    : verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

// The root that a leaf and its path give (RFC 9162 section 2.1.3.2).
function rootFromPath(leaf, index, size, path) {
  let [fn, sn, r] = [Number(index), Number(size) - 1, leaf]
  for (const p of path) {
    if (sn === 0) throw new Error('the path is too long')
    if (fn % 2 === 1 || fn === sn) {
      r = sha256(Buffer.from([1]), p, r)
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn >>> 1, sn >>> 1]
    } else {
      r = sha256(Buffer.from([1]), r, p)
    }
    ;[fn, sn] = [fn >>> 1, sn >>> 1]
  }
  if (sn !== 0) throw new Error('the path is too short')
  return r
}

const leafHash = (data) => sha256(Buffer.from([0]), data)

const genesisBytes = file('genesis.json')
const genesis = JSON.parse(genesisBytes)
if (bundle) check('the genesis document is the one that is trusted', sha256(genesisBytes).toString('hex') === process.argv[3])

// The keys of these texts in genesis, as arguments of publicKey and thumbprint.
const keysOf = (texts) => texts.map((text) => {
  const [kind, b64] = text.split(':')
  const raw = Buffer.from(b64, 'base64url')
  return kind === 'ed25519' ? [1, raw] : [2, raw.subarray(0, 32), raw.subarray(32)]
})

// Checks that a signature is by one of the keys, with the algorithm of its kind.
function checkSigner(who, keys, headers, message, signature) {
  const key = keys.find((k) => same(thumbprint(...k), headers.get(4)))
  check(`the key is one of ${who} in genesis`, key !== undefined && headers.get(1) === (key[0] === 1 ? -8 : -7))
  check(`the signature of ${who}`, signatureHolds(headers.get(1), publicKey(...key), message, signature))
}

const providerKeys = (id) => keysOf((genesis.app_state.providers ?? []).find((p) => p.id === id)?.keys ?? [])
const statementID = (payload) => sha256(Buffer.from('tokentrail/statement/v1\0'), payload)

// A statement: signed by a key that genesis gives to its issuer.
function checkStatement(bytes) {
  const { protectedBytes, headers, payload, signature } = sign1(bytes)
  const header = decode(payload)
  checkSigner(header.get(2), providerKeys(header.get(2)), headers, sigStructure(protectedBytes, payload), signature)
  return { header, id: statementID(payload) }
}

// A statement with one record: a leaf under the statement's root.
function checkWithRecord(bytes) {
  const { header, id } = checkStatement(bytes)
  const [issuer, stream, sequence, count, root] = [2, 3, 4, 6, 7].map((key) => header.get(key))
  const proofBytes = file('record.cbor')
  if (!proofBytes) return { id, says: `statement ${sequence} of ${issuer}/${stream}, ${count} records` }
  const recordBytes = proofBytes.subarray(1, 1 + cborLength(proofBytes.subarray(1)))
  const [record, index, proofCount, path] = decode(proofBytes)
  const leaf = Buffer.concat([Buffer.from([0x85]), encode(issuer), encode(stream), encode(sequence), encode(index), recordBytes])
  check(`record ${index} of ${count} under the statement's root`,
    proofCount === count && same(rootFromPath(leafHash(leaf), index, count, path), root))
  const usage = record.get(8)
  const tokens = usage ? `, ${usage.get(1)} input and ${usage.get(2)} output tokens` : ''
  return { id, says: `record: kind ${record.get(1)}, ${new Date(Number(record.get(2))).toISOString()}${tokens}` }
}

// An act (COSE_Sign under tag 98): signed by enough governors of genesis.
function checkAct(bytes) {
  check('a COSE_Sign', bytes[1] === 98)
  const [body, , payload, signatures] = decode(bytes.subarray(2))
  const act = decode(payload)
  const governance = genesis.app_state.governance
  check('an act of governance, which genesis has', act.get(3) === undefined && governance !== undefined)
  check('the act is for this chain', act.get(2) === genesis.chain_id)
  for (const [header, , signature] of signatures) {
    const message = encode(['Signature', Buffer.from(body), Buffer.from(header), Buffer.alloc(0), Buffer.from(payload)])
    checkSigner('the governors', keysOf(governance.keys), decode(header), message, signature)
  }
  const signers = new Set(signatures.map(([header]) => Buffer.from(decode(header).get(4)).toString('hex')))
  check(`${signers.size} governors signed, ${governance.threshold} must`, signers.size >= governance.threshold)
  return { id: sha256(Buffer.from('tokentrail/act/v1\0'), payload), says: `act ${act.get(4)} of governance, ${act.get(7).length} actions` }
}

// Equivocation: a leaf that follows from two statements for one place.
function checkEquivocation(bytes) {
  const [domain, issuer, stream, sequence, ids, hashes] = decode(bytes)
  const both = decode(file('record.cbor')).map((b) => Buffer.from(b))
  check('two statements', domain === 'tokentrail/equivocation/v1' && both.length === 2)
  both.forEach((statement, i) => {
    const { header, id } = checkStatement(statement)
    check(`statement ${i} is for entry ${sequence} of ${issuer}/${stream}`, [issuer, stream, sequence].every((v, k) => header.get(k + 2) === v))
    check(`statement ${i} is the one that the leaf names`, same(id, ids[i]) && same(sha256(statement), hashes[i]))
  })
  check('they are two stories', Buffer.compare(Buffer.from(ids[0]), Buffer.from(ids[1])) < 0)
  return { id: sha256(Buffer.from('tokentrail/equivocation/v1\0'), bytes), says: `equivocation at ${issuer}/${stream} ${sequence}` }
}

// 1. and 2. The entry and what it commits to. The first byte tells its kind.
const entryBytes = file('statement.cbor')
const checkEntry = { 0xd2: checkWithRecord, 0xd8: checkAct, 0x86: checkEquivocation }[entryBytes[0]]
check('a statement, an act or equivocation', checkEntry !== undefined)
const { id, says } = checkEntry(entryBytes)

// 3. The receipt: the entry is a leaf under the log's root.
const receipt = sign1(file('receipt.cbor'))
const claims = receipt.headers.get(15)
const origin = `tokentrail/${genesis.chain_id}/${sha256(genesisBytes).toString('hex')}`
check(`the receipt is of ${origin}`, claims.get(1) === origin && claims.get(2) === id.toString('hex'))
const [treeSize, leafIndex, logPath] = decode(receipt.unprotected.get(396).get(-1)[0])
const anchorBytes = receipt.unprotected.get(-65537)
const [[version, logSize, logRoot, stateRoot], lightBlock] = decode(anchorBytes)
check(`entry ${leafIndex} of ${treeSize} under the log's root`, version === 1 && treeSize === logSize &&
  same(rootFromPath(leafHash(entryBytes), leafIndex, treeSize, logPath), logRoot))
if (!bundle) {
  const nodeKey = decode(file('keys.cbor'))[0]
  check(`the node's signature over the log's root`, same(thumbprint(1, nodeKey.get(-2)), receipt.headers.get(4)) &&
    signatureHolds(-8, publicKey(1, nodeKey.get(-2)), sigStructure(receipt.protectedBytes, logRoot), receipt.signature))
}

// 4. The app hash: in a header that more than two thirds of genesis' validators signed.
const preimage = anchorBytes.subarray(1, 1 + cborLength(anchorBytes.subarray(1)))
const appHash = sha256(Buffer.from('tokentrail/app/v1\0'), preimage)
const [signedHeader, validatorSet] = [1, 2].map((n) => fields(lightBlock).get(n)[0])
const [blockHeader, commit] = [1, 2].map((n) => fields(signedHeader).get(n)[0])
check('the app hash is in the header', same(fields(blockHeader).get(11)[0], appHash))
check('the commit is for this header', same(fields(fields(commit).get(3)[0]).get(1)[0], headerHash(blockHeader)))
const validators = genesis.validators.map((v) => ({ key: Buffer.from(v.pub_key.value, 'base64'), power: Number(v.power) }))
const known = (key) => validators.find((v) => same(v.key, key))
check('the validators are those of genesis', same(fields(blockHeader).get(8)[0], validatorsHash(validatorSet)) &&
  fields(validatorSet).get(1).every((v) => known(fields(fields(v).get(2)[0]).get(1)[0])))
let signed = 0
for (const v of validators) {
  const address = sha256(v.key).subarray(0, 20)
  const vote = fields(commit).get(4).find((s) => fields(s).get(1)?.[0] === 2 && same(fields(s).get(2)[0], address))
  if (vote && verify(null, precommit(commit, vote, genesis.chain_id), publicKey(1, v.key), fields(vote).get(4)[0])) signed += v.power
}
const power = validators.reduce((sum, v) => sum + v.power, 0)
check(`validators with ${signed} of ${power} of the power signed the header`, 3 * signed > 2 * power)

console.log(says)
console.log(`${passed} passed, 0 failed`)
