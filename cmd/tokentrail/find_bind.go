package main

import (
	"errors"
	"slices"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
)

// A binding is what a record's commitments say of a file's content.
type binding string

// Bindings. Only what a model put out was made by it.
const (
	bindsOutput binding = "opens"           // an output's commitment opens
	bindsInput  binding = "opens as input"  // the content was put in
	bindsOther  binding = "another content" // there are outputs, and none is this
	bindsClosed binding = "not opened"      // an output's commitment could be to this
	bindsNone   binding = "no commitment"   // the record commits to no output
)

type commitmentKey struct {
	algorithm int64
	profile   string
}

// A commitmentValue is a value; ok is false where the profile gives none for
// the file, and unknown says that another program might get one.
type commitmentValue struct {
	value       provenance.Hash
	ok, unknown bool
}

// commitments makes the values of one file, each once.
type commitments struct {
	src   *source
	key   []byte // nil where there is none
	known map[commitmentKey]commitmentValue
}

// of returns the value under an algorithm and a profile. An error means that the
// file could not be read.
func (c *commitments) of(algorithm int64, profile string) (commitmentValue, error) {
	k := commitmentKey{algorithm, profile}
	if v, done := c.known[k]; done {
		return v, nil
	}
	var sum [32]byte
	var err error
	switch {
	case algorithm == provenance.AlgSHA256:
		sum, err = label.PublicCommitment(profile, c.src, c.src.size)
	case algorithm == provenance.AlgHMACSHA256 && c.key != nil:
		sum, err = label.KeyedCommitment(c.key, profile, c.src, c.src.size)
	default:
		return commitmentValue{unknown: true}, nil
	}
	var wrong *label.FileError
	v := commitmentValue{value: sum, ok: err == nil}
	switch {
	case errors.As(err, &wrong):
		known := profile == "" || slices.Contains(label.Profiles(), profile)
		v.unknown = !known || wrong.Kind != label.Malformed
	case err != nil:
		return v, c.src.unreadable(err)
	}
	c.known[k] = v
	return v, nil
}

// bind holds a record's commitments against the file. A keyed one that does not
// open speaks against the content only where the sidecar is known to be its own:
// under another key it could still be this content's.
func (c *commitments) bind(r *provenance.Record, key *sidecar) (binding, *provenance.Content, error) {
	best, which := bindsNone, (*provenance.Content)(nil)
	closed := false
	for i := range r.Content {
		content := &r.Content[i]
		v, err := c.of(content.Algorithm, content.Profile)
		if err != nil {
			return "", nil, err
		}
		output := content.Role == 2
		switch {
		case v.ok && v.value == provenance.Hash(content.Value) && output:
			return bindsOutput, content, nil
		case v.ok && v.value == provenance.Hash(content.Value):
			best, which = bindsInput, content
		case output:
			own := content.Algorithm == provenance.AlgSHA256 || key != nil && key.value == provenance.Hash(content.Value)
			closed = closed || v.unknown || !own
			if which == nil {
				best, which = bindsOther, content
			}
		}
	}
	if best == bindsOther && closed {
		best = bindsClosed
	}
	return best, which, nil
}
