package cosign

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"tokentrail/provenance"
)

// Bounds of a request. SPEC(VER-88): 16 signatures of the largest sort, and more, are
// within them.
const (
	MaxRequest = 128 << 10
	MaxProof   = 63

	MaxCosigned = MaxRequest + 1024 // of a checkpoint with the witness's own signature
)

// A Request is what a client of add-checkpoint sent. Nothing about it is verified.
type Request struct {
	Old    int64             // size of the tree that the client says was cosigned last
	Proof  []provenance.Hash // from there to the checkpoint's
	Origin string            // the first line of the checkpoint

	note *note.Note // of it all signatures are unverified
}

// ParseRequest splits the body of a request: the old size, the proof, an empty line
// and a checkpoint. What is wrong is a Refusal. SPEC(VER-88)
func ParseRequest(body []byte) (*Request, error) {
	if len(body) > MaxRequest {
		return nil, refuse(TooLarge, "a request of more than %d bytes", MaxRequest)
	}
	head, rest, ok := strings.Cut(string(body), "\n\n")
	if !ok {
		return nil, refuse(Malformed, "no empty line between the proof and the checkpoint")
	}
	lines := strings.Split(head, "\n")
	old, err := parseOld(lines[0])
	if err != nil {
		return nil, err
	}
	if len(lines)-1 > MaxProof {
		return nil, refuse(Malformed, "a proof of %d lines, at most %d are read", len(lines)-1, MaxProof)
	}
	r := &Request{Old: old}
	for i, line := range lines[1:] {
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != provenance.HashSize || strings.ContainsRune(line, '\r') { // the decoder passes over it
			return nil, refuse(Malformed, "line %d of the proof is not a hash in base64", i+1)
		}
		r.Proof = append(r.Proof, provenance.Hash(h))
	}
	if r.note, err = splitNote(rest); err != nil {
		return nil, err
	}
	r.Origin = firstLine(r.note.Text)
	return r, nil
}

// Begin makes the request for a signed checkpoint that the witness found by itself.
func Begin(signed []byte, old int64, proof []provenance.Hash) (*Request, error) {
	if len(signed) > MaxRequest {
		return nil, refuse(TooLarge, "a checkpoint of more than %d bytes", MaxRequest)
	}
	n, err := splitNote(string(signed))
	if err != nil {
		return nil, err
	}
	return &Request{Old: old, Proof: proof, Origin: firstLine(n.Text), note: n}, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// parseOld reads the first line: old, a space and a size.
func parseOld(line string) (int64, error) {
	text, ok := strings.CutPrefix(line, "old ")
	size, err := strconv.ParseInt(text, 10, 64)
	if !ok || err != nil || size < 0 || strconv.FormatInt(size, 10) != text {
		return 0, refuse(Malformed, "the first line is %.60q, wanted old, a space and a size", line)
	}
	return size, nil
}

// splitNote reads a signed note without looking at a signature: nobody's key is known
// to the reader, which then has them all.
func splitNote(text string) (*note.Note, error) {
	_, err := note.Open([]byte(text), note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return nil, refuse(Malformed, "the checkpoint is not a signed note")
	}
	return unverified.Note, nil
}
