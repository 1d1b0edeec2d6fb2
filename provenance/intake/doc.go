// Package intake makes records out of what providers already have.
//
// A [CSV] maps the columns of a CSV file, and constants that its caller says,
// to records. What is said rather than read, places and the model's name, is
// marked as asserted: the provider's word and nothing more.
//
// A [RecordsReader] reads files of records back: the CBOR sequence of encoded
// records (spec/import.md), the same bytes that a ledger serves for an entry.
//
// A [RecordsJSONReader] reads records of every kind in the one form that they have
// as JSON (spec/client.md), in which [RecordJSON] and [View] show them.
//
// All stream: memory does not grow with the input, and a row or record longer
// than its ceiling is an error, never an allocation.
package intake
