package cosign

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"

	"golang.org/x/mod/sumdb/note"

	"tokentrail/provenance"
)

// A Tree is a size of a log and its root.
type Tree struct {
	Size int64
	Root provenance.Hash
}

// A Log is what a witness knows of a log.
type Log struct {
	Origin string
	Keys   []ed25519.PublicKey // one of which signed whatever is to be cosigned
	Last   *Cosigned           // nil: nothing yet
}

// LastTree is the tree cosigned last, the empty one where none was.
func (l *Log) LastTree() Tree {
	if l.Last == nil {
		return Tree{Root: sha256.Sum256(nil)}
	}
	return l.Last.Tree
}

// A Consistent checkpoint is one that a key of the log signed, of a tree that grew
// out of the one cosigned last. That it is of the log that was audited is not known.
type Consistent struct {
	Tree
	origin string
	since  Tree // cosigned last when it was judged
	text   string
	sigs   []note.Signature // the log's
}

// Judge holds a request against what is known of the log, in the protocol's order:
// its origin, its signature, its sizes, its proof. What is wrong is a Refusal.
// SPEC(VER-88)
func (l *Log) Judge(r *Request) (*Consistent, error) {
	if r.Origin != l.Origin {
		return nil, refuse(UnknownLog, "the log %.200q is none that is watched here", r.Origin)
	}
	sigs, err := l.signed(r.note)
	if err != nil {
		return nil, err
	}
	cp, err := provenance.ParseCheckpoint(r.note.Text)
	if err != nil {
		return nil, refuse(Malformed, "%v", err)
	}
	last := l.LastTree()
	switch {
	case r.Old > cp.Size:
		return nil, refuse(Malformed, "the old size %d is above the checkpoint's, %d", r.Old, cp.Size)
	case r.Old != last.Size:
		return nil, conflict(last.Size, "the old size is %d, the tree cosigned last has %d", r.Old, last.Size)
	}
	if err := provenance.VerifyConsistency(last.Size, last.Root, cp.Size, cp.Root, r.Proof); err != nil {
		refused := refuse(BadProof, "%v", err)
		if last.Size == cp.Size && last.Root != cp.Root {
			refused.Against = &Tree{cp.Size, cp.Root}
		}
		return nil, refused
	}
	return &Consistent{Tree{cp.Size, cp.Root}, l.Origin, last, r.note.Text, sigs}, nil
}

// signed returns the signatures by keys of the log. One that stands under the name and
// id of such a key and does not hold spoils the whole note. SPEC(VER-88)
func (l *Log) signed(n *note.Note) ([]note.Signature, error) {
	known := map[uint32][]ed25519.PublicKey{}
	for _, key := range l.Keys {
		id := keyID(l.Origin, typeEd25519, key)
		known[id] = append(known[id], key)
	}
	var good []note.Signature
	for _, sig := range n.UnverifiedSigs {
		keys := known[sig.Hash]
		if sig.Name != l.Origin || len(keys) == 0 {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(sig.Base64)
		if err != nil || !anyVerifies(keys, n.Text, raw[idSize:]) {
			return nil, refuse(Unsigned, "the signature by the log's key %08x does not hold", sig.Hash)
		}
		good = append(good, sig)
	}
	if len(good) == 0 {
		return nil, refuse(Unsigned, "none of the log's keys that are known here signed the checkpoint")
	}
	return good, nil
}

func anyVerifies(keys []ed25519.PublicKey, text string, sig []byte) bool {
	for _, key := range keys {
		if ed25519.Verify(key, []byte(text), sig) {
			return true
		}
	}
	return false
}

// A Granted checkpoint may be cosigned.
type Granted struct{ *Consistent }

// Within holds a checkpoint against the log that was audited: it is of its first
// entries, as the path from there shows. SPEC(VER-86)
func (c *Consistent) Within(audited Tree, path []provenance.Hash) (*Granted, error) {
	if c.Size > audited.Size {
		return nil, refuse(NotYet, "the checkpoint is of %d entries, and %d have been audited until now; ask again later", c.Size, audited.Size)
	}
	if err := provenance.VerifyConsistency(c.Size, c.Root, audited.Size, audited.Root, path); err != nil {
		refused := refuse(BadProof, "the checkpoint is not shown to be of the log that was audited: %v", err)
		refused.Against = &c.Tree
		return nil, refused
	}
	return &Granted{c}, nil
}
