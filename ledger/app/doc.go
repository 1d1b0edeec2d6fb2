// Package app makes a node of the ledger: the ABCI adapter between CometBFT and
// the ledger, and CometBFT itself, embedded in the process.
//
// An [Application] decodes what the engine says, calls the ledger, and encodes
// the answer; it decides nothing. A [Node] runs the engine on a home, the one
// data directory that [InitHome] and [InitLocalnet] make, with the engine's own
// stores on Badger ([EngineDB]).
//
// Whoever runs a node takes the home's lock first ([LockHome]), then opens the
// ledger, then starts the node; and stops them in the reverse order.
package app
