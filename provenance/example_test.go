package provenance_test

import (
	"crypto/ed25519"
	"fmt"
	"log"

	"tokentrail/provenance"
)

// exampleKey stands in for a key from a key file, so that the output is the same
// each time.
func exampleKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, 32)) }

// exampleRecords are two requests that were served in the US.
func exampleRecords() [][]byte {
	var records [][]byte
	for i := range int64(2) {
		r := &provenance.Record{
			Kind:    provenance.Production,
			Time:    1700158546680 + i*1000,
			Model:   &provenance.Model{Name: "llama-2-70b", Known: provenance.Asserted},
			Usage:   &provenance.Usage{Input: 374, Output: 44},
			Serving: &provenance.Place{Country: "US", Known: provenance.Asserted},
		}
		b, err := r.Encode()
		if err != nil {
			log.Fatal(err)
		}
		records = append(records, b)
	}
	return records
}

// A batch's header states the totals of its records.
func ExampleNewBatch() {
	header, err := provenance.NewBatch("acme", "us-east", 0, nil, exampleRecords())
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range header.Totals {
		fmt.Println(c.Records, "records in", c.Serving, "by", c.Model, "with", c.Input, "tokens in and", c.Output, "out")
	}
	// Output: 2 records in US by llama-2-70b with 748 tokens in and 88 out
}

// A provider signs a header and sends the statement with its records.
func ExampleBatchHeader_Sign() {
	records := exampleRecords()
	header, err := provenance.NewBatch("acme", "us-east", 0, nil, records)
	if err != nil {
		log.Fatal(err)
	}
	statement, err := header.Sign(exampleKey())
	if err != nil {
		log.Fatal(err)
	}
	submission, err := provenance.NewSubmission(&statement.UnverifiedStatement, records)
	if err != nil {
		log.Fatal(err)
	}

	// Who receives it believes nothing before it has checked.
	received, err := provenance.ParseSubmission(submission.Encode())
	if err != nil {
		log.Fatal(err)
	}
	key, err := provenance.NewPublicKey(exampleKey().Public())
	if err != nil {
		log.Fatal(err)
	}
	verified, err := received.Statement.Verify(key)
	if err != nil {
		log.Fatal(err)
	}
	if _, _, err := received.CheckRecords(provenance.FormatLimits()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(verified.Header().Issuer, verified.Header().Stream, verified.Header().Sequence)
	// Output: acme us-east 0
}

// One record of a batch is proven without the others.
func ExampleRecordProof() {
	records := exampleRecords()
	header, err := provenance.NewBatch("acme", "us-east", 0, nil, records)
	if err != nil {
		log.Fatal(err)
	}
	tree, err := header.CheckRecords(records, provenance.FormatLimits())
	if err != nil {
		log.Fatal(err)
	}
	path, err := tree.Path(1)
	if err != nil {
		log.Fatal(err)
	}
	proof := &provenance.RecordProof{Record: records[1], Index: 1, Count: 2, Path: path}

	received, err := provenance.ParseRecordProof(proof.Encode())
	if err != nil {
		log.Fatal(err)
	}
	id, err := received.Verify(header)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("record", id.String()[:16], "stands in the batch")

	received.Record = records[0] // another record is not
	_, err = received.Verify(header)
	fmt.Println(provenance.CodeOf(err))
	// Output:
	// record 947d68737f7152f5 stands in the batch
	// path
}

// An error says what is wrong, and where.
func ExampleParseRecord() {
	_, err := provenance.ParseRecord([]byte{0xa1, 0x01, 0x18, 0x01}) // kind 1 in two bytes
	fmt.Println(err)
	// Output: non-minimal: kind: 1 is written in 1 bytes, it has a shorter form (at byte 2)
}

// An act travels between its signers, each of whom adds a signature.
func ExampleUnverifiedAct_Sign() {
	act, err := provenance.ParseActJSON([]byte(`{
		"chain": "chain-1", "sequence": 0, "reason": "Globex has not paid",
		"actions": [{"type": "provider-status", "id": "globex", "status": "suspended"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	draft, err := provenance.NewAct(act)
	if err != nil {
		log.Fatal(err)
	}
	signed, err := draft.Sign(exampleKey())
	if err != nil {
		log.Fatal(err)
	}

	// Who receives it looks at what it would do, and at who signed.
	received, err := provenance.ParseActSubmission(provenance.EncodeActSubmission(signed.Raw()))
	if err != nil {
		log.Fatal(err)
	}
	key, err := provenance.NewPublicKey(exampleKey().Public())
	if err != nil {
		log.Fatal(err)
	}
	for i := range received.Signatures() {
		if err := received.VerifySignature(i, key); err != nil {
			log.Fatal(err)
		}
	}
	for _, a := range received.Act().Actions {
		fmt.Println(a.Type, a.ID, a.Status)
	}
	fmt.Println(received.ID() == signed.ID(), len(received.Signatures()))
	// Output:
	// provider-status globex suspended
	// true 1
}
