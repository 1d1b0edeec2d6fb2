package cosign_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify/cosign"
)

// A witness grants a request of the log that was audited, and nothing else.
func Example() {
	key, err := cosign.NewKey("auditor.example/witness", sha256.Sum256([]byte("32 random bytes")))
	if err != nil {
		panic(err)
	}
	node := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	log := &cosign.Log{Origin: "tokentrail/demo-1/genesis", Keys: []ed25519.PublicKey{node.Public().(ed25519.PublicKey)}}
	audited := cosign.Tree{Size: 1, Root: provenance.LeafHash([]byte("entry"))}

	ask := func(root provenance.Hash) (*cosign.Cosigned, error) {
		signed, err := provenance.Checkpoint{Origin: log.Origin, Size: 1, Root: root}.Sign(node)
		if err != nil {
			return nil, err
		}
		request, err := cosign.ParseRequest(append([]byte("old 0\n\n"), signed...))
		if err != nil {
			return nil, err
		}
		consistent, err := log.Judge(request)
		if err != nil {
			return nil, err
		}
		granted, err := consistent.Within(audited, nil) // one of its size needs no proof
		if err != nil {
			return nil, err
		}
		return key.Sign(granted, log, time.Unix(1_800_000_000, 0))
	}

	_, err = ask(provenance.LeafHash([]byte("another entry")))
	var refused *cosign.Refusal
	fmt.Println(errors.As(err, &refused), refused.Status)

	log.Last, err = ask(audited.Root) // make it durable before anybody sees it
	fmt.Println(log.Last.Size, err)
	// Output:
	// true 422
	// 1 <nil>
}
