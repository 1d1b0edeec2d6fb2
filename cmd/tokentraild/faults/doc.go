// Package faults holds tests only: what is done to a ledger of real processes on
// 127.0.0.1, to their disks and links, by validators, peers and providers that
// lie, and an oracle that asks after each fault whether
// every acknowledged statement is there, once, whether all nodes have the same
// app hash, and whether the auditor finds nothing that it should not.
//
//	go test ./cmd/tokentraild/faults                       short counts, the same seed each time
//	go test ./cmd/tokentraild/faults -run Kill -v -args -seed 7 -count 50 -duration 10m
//	make soak                                              the long counts
//
// The tests need Linux and root: they run in namespaces of their own (processes,
// network, mounts), so that ports are free and the kernel takes away whatever an
// interrupted run leaves behind. Where the namespaces are denied they run
// without, and those that mount something fail and say so.
//
// Each test tells what it does, a line an action, and ends with a line of figures
// that begins with "figures:".
package faults
