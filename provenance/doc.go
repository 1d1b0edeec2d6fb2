// Package provenance is the signed format of tokentrail: what a provider signs,
// how it is hashed, and how proofs about it are checked. Both sides use it, the
// ledger that builds proofs and the verifier that judges them. It is pure: no
// network, no clock, no disk, no logging.
//
// # From usage to proof
//
// A [Record] is one event: a model made tokens, tokens crossed a border, an
// application used them. Its one encoding is deterministic CBOR;
// [ParseRecord] refuses whatever does not encode to the same bytes again.
//
// A provider collects up to 4,096 records into a batch. [NewBatch] derives the
// [BatchHeader]: the Merkle root of the records, their number and period, and
// totals by hour, place, model and so on. The header names its stream, its
// sequence there, and the id of the statement before, so that a stream is a
// chain that cannot be altered, reordered or cut unseen.
//
// [BatchHeader.Sign] makes the [Statement], a COSE_Sign1 (RFC 9052). One
// signature covers thousands of records, and each record is still provable by
// itself: a [RecordProof] leads from it to the batch's root, and an [Inclusion]
// from the statement to the log's root.
//
// A [Submission] carries the statement and its compressed records to a ledger.
// The ledger answers with a [Receipt] (RFC 9942), whose [Anchor] holds the
// header that more than two thirds of the validators signed.
//
// # Who may sign, and who told two stories
//
// An [Act] changes the registry, the validators, the policy or the rules: a
// COSE_Sign by governance or by a provider, in its envelope an [UnverifiedAct].
// An [Equivocation] is two statements of one provider for one place of a stream.
// Both are entries of the same log; [LeafKindOf] tells the kinds apart, [EntryID]
// names an entry of any kind.
//
// # Trust in the names
//
// Parsing yields an [UnverifiedStatement]: somebody wrote it. Only
// [UnverifiedStatement.Verify], under a key that the caller trusts, yields a
// [Statement]. Whether an act has the signatures that it needs is said by the
// ledger's state, so an act stays an [UnverifiedAct]:
// [UnverifiedAct.VerifySignature] judges one signature.
//
// # Errors
//
// Every parser of outside bytes returns an [*Error] with a [Code] of the
// specification, the path of the field, and the byte offset. Limits are checked
// before anything is allocated or expanded.
//
// # Compatibility
//
// The normative texts are in spec/; comments cite their rules as SPEC(BAT-5).
// Keys, hash preimages and codes never change their meaning.
package provenance
