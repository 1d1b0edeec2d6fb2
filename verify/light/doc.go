// Package light turns a CometBFT chain's light blocks into headers that an
// audit can trust, and so into a trusted app hash.
//
// # What must be trusted
//
// A header is signed by validators, so the question is whose. There are three
// beginnings:
//
//   - FromGenesis: the genesis document names the first validators. Every header
//     from block 1 on is verified in order: chain, height, time, the hash of the
//     block before, the validators that the header before announced, and the
//     signatures of more than two thirds of their power. There is no expiry,
//     since nothing is skipped; but validators who have long left could sign
//     another history from genesis on, which only somebody who saw the first one
//     can tell.
//   - FromHeader: the auditor knows a header's height and hash from elsewhere.
//     CometBFT's light client leads from there to any other height, skipping what
//     it may. The trust expires with the trusting period.
//   - Offline: the genesis document's validators, or one known header, and no
//     network: for receipts. It holds as long as the validators are those of
//     genesis. Following goes on from these to the validators of now, by the
//     headers at which the set changes, each signed by the set before; which
//     headers these are a node may say, whom nobody believes. Founders is the core
//     of both, for whoever has receipts only.
//
// CometBFT's light client compares what its primary says with witnesses. Here
// both are the one node that is audited: it can show a consistent fork to this
// auditor alone, if more than a third of the validators help it. Comparing the
// report's header with that of somebody else is what detects it.
//
// Audit is the whole: it picks the beginning that the trust says and audits.
package light
