// Package ledger is the state machine of tokentrail on disk: what every replica
// computes alike from the same blocks (spec/ledger.md), kept in one Badger
// directory. It knows nothing of the consensus engine or of HTTP.
//
// # A block
//
// Bytes from outside become a [Checked] once, by [Check], whatever they are, and
// keep what was found out about them. Then a transaction goes through
//
//   - [Snapshot.AdmitPending] before it waits for a block,
//   - [Ledger.Prepare] where this node proposes,
//   - [Ledger.Process] where another does,
//   - [Ledger.Apply], which computes the block and its app hash in memory,
//   - [Ledger.Commit], which makes it durable and then visible, all or nothing.
//
// Admission is one function of state, height and submission. No clock, random
// number, map order or floating-point number reaches it, and nothing that a
// goroutine decides: what is worked out in parallel are functions of bytes.
// A refusal is a *provenance.Error with a code of the specification;
// [ResultCodes] gives each its number.
//
// # Reading
//
// A [Snapshot] is the ledger after one block and never changes. It holds the
// whole state map in memory, as an immutable tree that shares what did not
// change with the trees before it; entries, frames and the log's hashes come
// from disk, each checked against a SHA-256 when it is read, each proof made of
// checked hashes. A mismatch is a [DamageError] that names the place.
//
// An app hash is provable once the header of the next height carries it, so that
// a few heights stay addressable: [Ledger.SnapshotAt].
//
// # Without history
//
// A ledger can begin at a [Frontier], the small state of another ledger at a
// height: [Ledger.Restore]. Blocks need nothing before it. The entries before it
// are fetched behind the blocks and proven page by page: [Ledger.Missing],
// [Ledger.Backfill]; what needs them before they are here is [ErrNotHere].
//
// # Damage
//
// [Snapshot.ScrubFrom] and [Ledger.Scrub] read what nobody asks for. What is
// damaged is not served; [Ledger.Repair] writes an entry anew from anybody's
// copy, [Ledger.RepairState] the state from memory, [Ledger.ArchiveHeaders] a
// signed header.
//
// # Crashes
//
// There is one head, written in the last transaction of a block. [Open] drops
// what lies beyond it and checks the rest against it; that is the only way in,
// after a crash or not. [Ledger.Commit] tells what each moment of a crash leaves.
package ledger
