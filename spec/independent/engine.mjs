// The consensus engine's encoding, as far as a header, a commit and a validator
// set need it: protobuf, the Merkle tree over a header's fields, and the bytes
// that a validator signs (CometBFT specification, core data structures).
import { createHash } from 'node:crypto'

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()

function varint(b, at) {
  let [value, shift] = [0n, 0n]
  for (;;) {
    const x = b[at++]
    value |= BigInt(x & 0x7f) << shift
    if (x < 0x80) return [value, at]
    shift += 7n
  }
}

// fields reads a protobuf message: field number -> values (numbers or bytes).
export function fields(b) {
  const out = new Map()
  for (let at = 0; at < b.length; ) {
    let key, value
    ;[key, at] = varint(b, at)
    const [number, wire] = [Number(key >> 3n), Number(key & 7n)]
    if (wire === 0) {
      ;[value, at] = varint(b, at)
      value = Number(value)
    } else if (wire === 2) {
      let length
      ;[length, at] = varint(b, at)
      value = b.subarray(at, (at += Number(length)))
    } else throw new Error(`wire type ${wire}`)
    out.set(number, [...(out.get(number) ?? []), value])
  }
  return out
}

function encodeVarint(n) {
  const out = []
  for (n = BigInt.asUintN(64, BigInt(n)); n > 0x7fn; n >>= 7n) out.push(Number(n & 0x7fn) | 0x80)
  return Buffer.from([...out, Number(n)])
}

const bytesField = (number, b) => Buffer.concat([Buffer.from([(number << 3) | 2]), encodeVarint(b.length), b])
const optional = (number, b) => (b?.length ? bytesField(number, b) : Buffer.alloc(0))
const varintField = (number, n) => (n ? Buffer.concat([Buffer.from([number << 3]), encodeVarint(n)]) : Buffer.alloc(0))

function fixed64Field(number, n) {
  if (!n) return Buffer.alloc(0)
  const b = Buffer.alloc(9)
  b[0] = (number << 3) | 1
  b.writeBigInt64LE(BigInt(n), 1)
  return b
}

// merkle is RFC 6962's tree, which the engine uses too.
function merkle(leaves) {
  if (leaves.length === 0) return sha256()
  if (leaves.length === 1) return sha256(Buffer.from([0]), leaves[0])
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  return sha256(Buffer.from([1]), merkle(leaves.slice(0, k)), merkle(leaves.slice(k)))
}

// headerHash: a header's hash is the root over its fourteen fields, scalars
// wrapped as protobuf's well-known wrappers.
export function headerHash(header) {
  const f = fields(header)
  const get = (n) => f.get(n)?.[0]
  const wrapped = (n) => optional(1, get(n))
  return merkle([
    get(1), wrapped(2), varintField(1, get(3)), get(4), get(5),
    ...[6, 7, 8, 9, 10, 11, 12, 13, 14].map(wrapped),
  ])
}

export function validatorsHash(validatorSet) {
  return merkle(fields(validatorSet).get(1).map((v) => {
    const f = fields(v)
    return Buffer.concat([bytesField(1, f.get(2)[0]), varintField(2, f.get(3)[0])])
  }))
}

// precommit: the bytes that a validator signs for a block, length first.
export function precommit(commit, vote, chainID) {
  const f = fields(commit)
  const message = Buffer.concat([
    varintField(1, 2),
    fixed64Field(2, f.get(1)[0]),
    fixed64Field(3, f.get(2)?.[0]),
    bytesField(4, f.get(3)[0]),
    bytesField(5, fields(vote).get(3)[0]),
    bytesField(6, Buffer.from(chainID)),
  ])
  return Buffer.concat([encodeVarint(message.length), message])
}

// cborLength is the length of the CBOR item that b begins with.
export function cborLength(b) {
  const [major, info] = [b[0] >> 5, b[0] & 31]
  const width = info < 24 ? 0 : 1 << (info - 24)
  const arg = width === 0 ? info : Number(BigInt('0x' + Buffer.from(b.subarray(1, 1 + width)).toString('hex')))
  let at = 1 + width
  if (major === 2 || major === 3) return at + arg
  const items = major === 4 ? arg : major === 5 ? 2 * arg : 0
  for (let i = 0; i < items; i++) at += cborLength(b.subarray(at))
  return at
}
