// Package cosign is the protocol of a C2SP witness: what a log asks of it, whether
// that may be granted, and the signature that grants it (tlog-witness v1.0.0,
// tlog-cosignature v1.0.1, signed-note v1.0.0).
//
// A cosignature says: as of this time, the largest tree that I have seen of this log
// has this root, and all that I have said of the log before is a beginning of it. A
// witness that forgot what it said could be led to say the contrary. So whoever uses
// this package keeps what Sign returned, durably, before anybody sees it, and begins
// from that the next time (Recall). See spec/verify.md, VER-86 to VER-89.
//
// # What must be trusted
//
// Nothing that comes in a request. ParseRequest only splits it; Log.Judge says whether
// it holds against what is known of the log: its origin, its keys, the tree cosigned
// before and the tree that an audit found. The last is more than the protocol asks
// for: a root is cosigned only if the log that was audited, up to an app hash that the
// validators signed, has it.
//
// The package knows no clock, network or disk: the time of a cosignature, and what is
// known, are parameters.
package cosign
