package cosign_test

import (
	"errors"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify/cosign"
)

// FuzzRequest: whatever comes, it is refused with one of the protocol's statuses, or
// what is cosigned is the log's.
func FuzzRequest(f *testing.F) {
	log := newLog()
	last, err := ask(f, log, logSize, body(0, nil, checkpoint(f, 10, treeOf(10).Root)), at)
	check(f, err)
	log.Last = last
	good := checkpoint(f, 20, treeOf(20).Root)
	f.Add(body(10, proof(f, 10, 20), good))
	f.Add(body(10, nil, checkpoint(f, 10, treeOf(10).Root)))
	f.Add(body(0, nil, good))
	f.Add(body(10, make([]provenance.Hash, 63), good+last.Line))
	f.Add([]byte("old 10\n\n" + strings.Repeat("— a b\n", 3)))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ask(t, log, logSize, b, at)
		var r *cosign.Refusal
		switch {
		case err == nil && c.Tree != treeOf(c.Size):
			t.Errorf("cosigned: %+v", c)
		case err != nil && (!errors.As(err, &r) || r.Status < 400 || r.Status > 503):
			t.Errorf("%v", err)
		}
	})
}

// FuzzRecall: a memory is what this key signed, or is refused.
func FuzzRecall(f *testing.F) {
	k := witnessKey(f)
	c, err := ask(f, newLog(), logSize, body(0, nil, checkpoint(f, 20, treeOf(20).Root)), at)
	check(f, err)
	f.Add(c.Note)
	f.Add([]byte(checkpoint(f, 20, treeOf(20).Root)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := k.Recall(b); err == nil && (got.Tree != c.Tree || got.Time != c.Time || got.Origin != c.Origin) {
			t.Errorf("%+v", got)
		}
	})
}

// FuzzKey: a key that is read is written the same way, but for one of another type.
func FuzzKey(f *testing.F) {
	f.Add(witnessKey(f).Private())
	f.Add(witnessKey(f).Public())
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := cosign.ParseKey(text); err == nil {
			if again, err := cosign.ParseKey(k.Private()); err != nil || again.Public() != k.Public() {
				t.Errorf("%v", err)
			}
		}
		if origin, key, err := cosign.ParseLogKey(text); err == nil && (origin == "" || len(key) != 32) {
			t.Errorf("%q, %x", origin, key)
		}
	})
}
