// Package backup keeps a ledger in a directory of plain files, to which runs only
// ever add: entries and signed headers in segments, and after each run a
// checkpoint, which is the ledger's frontier with the light block whose header
// carries its app hash. A file never changes once it has its name, so that object
// stores and write-once media serve as well. The bytes are written down in
// spec/node.md, "Backup", for others to read.
//
// # What is checked
//
// While a backup is written, each segment of entries is proven to be the
// beginning of the log under the frontier's root before it gets its name, and
// the frontier's app hash is looked for in the header. Open and Verify read all of
// it again: each item has a checksum, each file its SHA-256, the leaves give the
// checkpoint's log root, the frontier its state root, and both the app hash.
//
// # What must be trusted
//
// Nothing in the directory. Whether the checkpoint's header is one that the
// chain's validators signed is for the caller to say, who knows the genesis
// document's hash or a header from elsewhere; this package reads no signatures.
package backup
