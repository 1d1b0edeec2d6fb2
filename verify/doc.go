// Package verify is the auditor's instrument: it holds what a node says against
// headers that the ledger's validators signed.
//
// # What you must trust
//
// Not the node, nor its disk, nor anything between it and you. You must trust
//
//   - that fewer than a third of the validators, by voting power, are dishonest;
//   - one anchor, a Trust, that you have from elsewhere: the SHA-256 of the
//     ledger's genesis document, or the height and hash of a recent header. With
//     none the node's own genesis document is taken, and all you learn is that
//     the ledger it shows is sound, not that it is the ledger you think;
//   - this package, the signed format (package provenance), CometBFT's light
//     client (package light), and your clock.
//
// What you cannot learn from one node is whether it shows others another ledger
// with the help of a third of the validators, and whether it withholds the
// newest entries. Options.Witnesses asks other nodes for the same, and Options.Kept
// compares with what an earlier audit led to. What contradicts either is a fork,
// and the report gives out evidence that CheckFork judges for anybody.
//
// # How the audit goes
//
// Validators sign headers. A header carries the app hash, which commits to a log
// of statements and a state map. The chain of reasoning is short:
//
//	trust → headers → app hash = H(log size, log root, state root) → everything
//
// Audit walks it from both ends. A HeaderVerifier leads from the Trust to the
// header above the node's head. Meanwhile every entry is read, looked at by
// itself in parallel (form, signature, records against root and totals), and then
// judged in the order of the log by what the entries before it left: a statement
// by its issuer, key, stream, rules and policy, an act of governance or of a
// provider by who may decide it, an equivocation by the keys that it convicts. It
// is appended to a tree of our own and done to a state map of our own. Then one
// equality decides: the app hash of what we built is the app hash that more than
// two thirds signed. If it holds, nothing was altered, dropped, added or
// reordered. From genesis each header on the way is held against the log in the
// same manner, which also tells the height of every entry, and each header's
// validators against the state map.
//
// The rest concerns what the node serves beside the log, so that those who look
// at less than all of it are served right: state proofs, its checkpoint,
// receipts, inclusion and record proofs of a sample, and its sums of flows.
//
// An Inspector (Options.Inspect; package inspect has one) is shown each statement on
// the way, and says what is wrong with what providers said, once the log is known to
// be the one that was signed.
//
// # Less than everything
//
// These look at a part, rest on the same chain of reasoning, and come to a Report
// too; what each leaves to others' word, the report's assumptions say:
//
//   - CheckExhibit: one entry, its receipt, who signed it, and records of it,
//     offline. NewExhibits is for who has many;
//   - CheckStreams: all statements of one stream, or of all of a provider;
//   - CheckTransfer: both sides' records of one crossing;
//   - Audit with Options.FlowsOnly: the sums of flows (Report.CheckedFlows);
//   - CheckFork: evidence of two histories, from a file.
//
// Trace finds what a record came from and what came from it, as a Graph, and
// Graph.Judge says what that comes to. A Narrow is the report of a check of one's
// own, made of exhibits.
//
// # Findings, and what could not be checked
//
// What the log itself shows of a provider, two stories about one place or a stolen
// key, is a Notice: the ledger keeps it as it should.
//
// Evidence is a Finding: a code of spec/verify.md, the place, what was wanted,
// what was found, how to see for oneself, and whom it speaks against: the ledger,
// whose validators would never let it stand if they were honest, or a provider,
// whose words the ledger rightly kept, or a file that somebody showed. All are
// evidence; Options.NoticeProviders makes notices of the second. A step without findings that was not carried through
// is not checked, and says why; it never counts as passed. So there are four
// verdicts, with exit codes: Holds 0, Evidence 1, Unchecked 2, Expired 3. A Report
// is written as text, JSON (spec/report.schema.json), JUnit XML or Markdown.
//
// # Going on
//
// Options.Save is handed the audit as far as it came; what it wrote, ReadSaved reads
// for Options.Resume. One that was interrupted goes on to the report that it would
// have come to; one that came to its end is what the next begins with, which reads
// only what came since. Both belong on the auditor's own disk or in its memory: who
// can change a saved audit can change the verdict.
//
// # Purity
//
// This package touches no network, disk or clock of its own: evidence comes
// through a Source, time through Options.Now, trust as an argument. It shares
// with the ledger the signed format and nothing else: what writes never judges.
// Package remote is a Source over HTTP; package light has the header verifiers
// and Audit, which puts all together:
//
//	node, err := remote.New("http://127.0.0.1:7480", remote.Options{})
//	…
//	report := light.Audit(ctx, node, verify.Trust{Genesis: &hash}, verify.Options{})
//	report.WriteText(os.Stdout)
//	os.Exit(report.Exit())
package verify
