package cosign

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"tokentrail/provenance"
)

// Parts of a cosignature in a note (C2SP tlog-cosignature, "Format").
const (
	idSize        = 4
	timestampSize = 8
)

// A Cosigned checkpoint is one with a witness's signature.
type Cosigned struct {
	Tree
	Origin string
	Time   int64  // of the cosignature, in seconds since 1970
	Line   string // the cosignature, as it stands in the note, with its newline
	Note   []byte // the checkpoint with the log's signatures and this one
}

// Sign cosigns a checkpoint. What it returns is to be durable before anybody sees it.
// The log is as it is now: where another tree was cosigned since the checkpoint was
// judged, it is a Conflict. Of one key nothing is signed as of a time before the last.
// SPEC(VER-87)
func (k *Key) Sign(g *Granted, now *Log, at time.Time) (*Cosigned, error) {
	if last := now.LastTree(); last != g.since {
		return nil, conflict(last.Size, "the tree cosigned last has %d entries meanwhile", last.Size)
	}
	seconds := at.Unix()
	if seconds < 1 {
		return nil, refuse(NotYet, "the clock is before 1970")
	}
	if last := now.Last; last != nil && seconds < last.Time {
		return nil, refuse(NotYet, "the clock is %d seconds behind the time of the last cosignature; set it right, or wait", last.Time-seconds)
	}
	sig := binary.BigEndian.AppendUint64(nil, uint64(seconds))
	sig = append(sig, ed25519.Sign(k.private, message(seconds, g.text))...)
	ours := note.Signature{Name: k.name, Hash: k.ID(), Base64: base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, k.ID()), sig...))}
	c := &Cosigned{Tree: g.Tree, Origin: g.origin, Time: seconds, Line: signatureLine(ours)}
	c.Note = append([]byte(g.text), '\n')
	for _, s := range g.sigs {
		c.Note = append(c.Note, signatureLine(s)...)
	}
	c.Note = append(c.Note, c.Line...)
	return c, nil
}

func signatureLine(s note.Signature) string { return fmt.Sprintf("— %s %s\n", s.Name, s.Base64) }

// message is what an Ed25519 cosignature signs.
func message(seconds int64, text string) []byte {
	return fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", seconds, text)
}

// Recall reads the checkpoint that a witness cosigned last. Its own signature shows
// that it is whole and as it was. SPEC(VER-87)
func (k *Key) Recall(b []byte) (*Cosigned, error) {
	if len(b) > MaxCosigned {
		return nil, fmt.Errorf("a cosigned checkpoint of %d bytes, at most %d are read", len(b), MaxCosigned)
	}
	n, err := splitNote(string(b))
	if err != nil {
		return nil, err
	}
	cp, err := provenance.ParseCheckpoint(n.Text)
	if err != nil {
		return nil, err
	}
	for _, s := range n.UnverifiedSigs {
		if s.Name != k.name || s.Hash != k.ID() {
			continue
		}
		seconds, ok := k.opens(n.Text, s.Base64)
		if !ok {
			return nil, fmt.Errorf("the cosignature by %s does not hold", k.name)
		}
		return &Cosigned{Tree{cp.Size, cp.Root}, cp.Origin, seconds, signatureLine(s), b}, nil
	}
	return nil, errors.New("there is no cosignature by " + k.name)
}

// opens verifies a cosignature and returns its time.
func (k *Key) opens(text, base string) (seconds int64, ok bool) {
	raw, err := base64.StdEncoding.DecodeString(base)
	if err != nil || len(raw) != idSize+timestampSize+ed25519.SignatureSize {
		return 0, false
	}
	at := binary.BigEndian.Uint64(raw[idSize:])
	seconds = int64(at)
	if seconds < 1 {
		return 0, false
	}
	return seconds, ed25519.Verify(k.public(), message(seconds, text), raw[idSize+timestampSize:])
}
