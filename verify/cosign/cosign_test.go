package cosign_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"tokentrail/provenance"
	"tokentrail/verify/cosign"
)

const (
	logSize     = 40
	witnessName = "auditor.example/witness"
)

var (
	origin = provenance.Origin("test-1", sha256.Sum256([]byte("genesis")))
	logKey = privateKey("node")
	at     = time.Unix(1_800_000_000, 0)
)

func privateKey(secret string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(secret))
	return ed25519.NewKeyFromSeed(seed[:])
}

func witnessKey(t testing.TB) *cosign.Key {
	k, err := cosign.NewKey(witnessName, sha256.Sum256([]byte("witness")))
	check(t, err)
	return k
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree is a log of so many entries; logs of another name have other entries.
func tree(name string, size int64) *provenance.Tree {
	t := &provenance.Tree{}
	for i := range size {
		t.Append(provenance.LeafHash(fmt.Appendf(nil, "%s %d", name, i)))
	}
	return t
}

func treeOf(size int64) cosign.Tree { return cosign.Tree{Size: size, Root: tree("log", size).Root()} }

// proof is that of the log between two sizes.
func proof(t testing.TB, from, to int64) (path []provenance.Hash) {
	if from == 0 || from == to {
		return nil
	}
	hashes, err := tlog.ProveTree(to, from, tree("log", to))
	check(t, err)
	for _, h := range hashes {
		path = append(path, provenance.Hash(h))
	}
	return path
}

func checkpoint(t testing.TB, size int64, root provenance.Hash) string {
	b, err := provenance.Checkpoint{Origin: origin, Size: size, Root: root}.Sign(logKey)
	check(t, err)
	return string(b)
}

// body is a request in the protocol's form.
func body(old int64, path []provenance.Hash, checkpoint string) []byte {
	b := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range path {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return append(append(b, '\n'), checkpoint...)
}

func newLog() *cosign.Log {
	return &cosign.Log{Origin: origin, Keys: []ed25519.PublicKey{logKey.Public().(ed25519.PublicKey)}}
}

// ask goes the whole way of a request, as a witness does.
func ask(t testing.TB, log *cosign.Log, audited int64, request []byte, now time.Time) (*cosign.Cosigned, error) {
	r, err := cosign.ParseRequest(request)
	if err != nil {
		return nil, err
	}
	c, err := log.Judge(r)
	if err != nil {
		return nil, err
	}
	g, err := c.Within(treeOf(audited), proof(t, min(c.Size, audited), audited))
	if err != nil {
		return nil, err
	}
	return witnessKey(t).Sign(g, log, now)
}

// TestGrowing cosigns a log as it grows, between all sizes, by the log's own proofs.
// SPEC(VER-86), SPEC(VER-88)
func TestGrowing(t *testing.T) {
	for old := range int64(logSize) {
		for size := old; size <= logSize; size++ {
			log := newLog()
			if old > 0 {
				c, err := ask(t, log, logSize, body(0, nil, checkpoint(t, old, treeOf(old).Root)), at)
				check(t, err)
				log.Last = c
			}
			c, err := ask(t, log, logSize, body(old, proof(t, old, size), checkpoint(t, size, treeOf(size).Root)), at)
			if err != nil {
				t.Fatalf("%d to %d: %v", old, size, err)
			}
			if c.Tree != treeOf(size) || c.Origin != origin || c.Time != at.Unix() {
				t.Errorf("%+v", c)
			}
		}
	}
}

// A cosigner verifies cosignatures as their specification has it, without any code of
// the package.
type cosigner struct {
	name string
	key  []byte
}

func (c cosigner) Name() string { return c.name }

func (c cosigner) KeyHash() uint32 {
	h := sha256.New()
	h.Write([]byte(c.name))
	h.Write([]byte{'\n', 4})
	h.Write(c.key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func (c cosigner) Verify(text, sig []byte) bool {
	if len(sig) != 72 {
		return false
	}
	var m bytes.Buffer
	m.WriteString("cosignature/v1\n")
	m.WriteString("time " + fmt.Sprint(binary.BigEndian.Uint64(sig[:8])) + "\n")
	m.Write(text)
	return ed25519.Verify(c.key, m.Bytes(), sig[8:])
}

// TestCosignature: what a client makes of the answer, put behind the checkpoint, opens
// under the verifier key as others read it. SPEC(VER-87)
func TestCosignature(t *testing.T) {
	k := witnessKey(t)
	name, rest, _ := strings.Cut(k.Public(), "+")
	id, base, _ := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.DecodeString(base)
	check(t, err)
	v := cosigner{name, raw[1:]}
	if raw[0] != 4 || id != fmt.Sprintf("%08x", v.KeyHash()) || v.KeyHash() != k.ID() || name != witnessName {
		t.Fatalf("the verifier key %s", k.Public())
	}
	signed := checkpoint(t, 20, treeOf(20).Root)
	c, err := ask(t, newLog(), logSize, body(0, nil, signed), at)
	check(t, err)
	ours, err := note.Open([]byte(signed+c.Line), note.VerifierList(v))
	check(t, err)
	if len(ours.Sigs) != 1 || len(ours.UnverifiedSigs) != 1 {
		t.Errorf("%+v", ours)
	}
	if _, err := note.Open(c.Note, note.VerifierList(v)); err != nil || string(c.Note) != signed+c.Line {
		t.Errorf("%v: %q", err, c.Note)
	}
	if _, err := provenance.OpenCheckpoint(c.Note, origin, logKey.Public().(ed25519.PublicKey)); err != nil {
		t.Error(err)
	}
}

// TestFrozen holds the bytes of 24 November 2026. transparency-dev/formats v0.1.1,
// which shares no code with this package, read both keys, opened the note under the
// verifier key, and made the other cosignature with the private key. Never change
// them: add others.
func TestFrozen(t *testing.T) {
	const (
		private = "PRIVATE+KEY+auditor.example/witness+6fd7b899+BLocVmpLrSiMIqC3URRYySylgizUFjLlGAbp6nXtEtE9"
		public  = "auditor.example/witness+6fd7b899+BGG3op9v3HIXXDPBmFc/0CioJHhGCXc+pyvvFPlBZdYO"
		ours    = "— auditor.example/witness b9e4mQAAAABrSdIA3WERryQ28SXZags1JlzXGYvQBG5WeTiMHQHXOVI609EpYAS1QKanLOxqQJJkL2R3BRgiNYZr2GLrCgnljmGdBg==\n"
		theirs  = "— auditor.example/witness b9e4mQAAAABrBP+ocmm5xcvENQEeeRNKXTC9WGSxLdtH4ySoB5Ic1VvzNvdNzhmPvSCokIgbAQoU4evVHdvrgXgSwYw7kfoM7VSIDw==\n"
	)
	k := witnessKey(t)
	if k.Private() != private || k.Public() != public {
		t.Errorf("%s of %s", k.Public(), k.Private())
	}
	signed := checkpoint(t, 20, treeOf(20).Root)
	c, err := ask(t, newLog(), logSize, body(0, nil, signed), at)
	check(t, err)
	if c.Line != ours {
		t.Errorf("%s", c.Line)
	}
	got, err := k.Recall([]byte(signed + theirs))
	if err != nil || got.Tree != c.Tree || got.Time <= 1_700_000_000 {
		t.Errorf("%+v, %v", got, err)
	}
}

// refused is a request that is refused, and how. SPEC(VER-88)
type refused struct {
	name    string
	body    []byte
	status  cosign.Status
	against bool
}

func TestRefused(t *testing.T) {
	log := newLog()
	last, err := ask(t, log, logSize, body(0, nil, checkpoint(t, 10, treeOf(10).Root)), at)
	check(t, err)
	log.Last = last
	good := checkpoint(t, 20, treeOf(20).Root)
	path := proof(t, 10, 20)
	root := treeOf(20).Root
	other := tree("other", 20).Root()
	flipped := bytes.Clone(path[0][:])
	flipped[0] ^= 1
	signedBy := func(secret, text string, times int) string {
		s := text + "\n"
		for range times {
			b, err := note.Sign(&note.Note{Text: text}, signer{origin, privateKey(secret)})
			check(t, err)
			s += string(b[len(text)+1:])
		}
		return s
	}
	text, sigs, _ := strings.Cut(good, "\n\n")
	text += "\n"
	wrong := strings.Replace(sigs, sigs[len(sigs)-20:], "AAAA"+sigs[len(sigs)-16:], 1)
	root64 := base64.StdEncoding.EncodeToString(root[:])
	line := base64.StdEncoding.EncodeToString(path[0][:]) + "\n"
	for _, c := range []refused{
		{"nothing", nil, cosign.Malformed, false},
		{"no empty line", []byte("old 10\n" + line), cosign.Malformed, false},
		{"no old", []byte(line + "\n" + good), cosign.Malformed, false},
		{"old without a size", []byte("old \n\n" + good), cosign.Malformed, false},
		{"old with a zero before", []byte("old 010\n\n" + good), cosign.Malformed, false},
		{"old with a sign", []byte("old +10\n\n" + good), cosign.Malformed, false},
		{"old below nothing", []byte("old -1\n\n" + good), cosign.Malformed, false},
		{"old and two spaces", []byte("old  10\n\n" + good), cosign.Malformed, false},
		{"old in capitals", []byte("OLD 10\n\n" + good), cosign.Malformed, false},
		{"old and a carriage return", []byte("old 10\r\n\n" + good), cosign.Malformed, false},
		{"old beyond 64 bits", []byte("old 18446744073709551616\n\n" + good), cosign.Malformed, false},
		{"old above the checkpoint", body(21, nil, good), cosign.Malformed, false},
		{"old at the end of 64 bits", body(1<<63-1, nil, good), cosign.Malformed, false},
		{"a line that is no base64", []byte("old 10\n***\n\n" + good), cosign.Malformed, false},
		{"a line of 31 bytes", []byte("old 10\n" + base64.StdEncoding.EncodeToString(make([]byte, 31)) + "\n\n" + good), cosign.Malformed, false},
		{"a line with a carriage return", []byte("old 10\n" + line[:len(line)-1] + "\r\n\n" + good), cosign.Malformed, false},
		{"a line with bits behind its end", []byte("old 10\n" + line[:42] + "B=\n\n" + good), cosign.Malformed, false},
		{"64 lines", body(10, make([]provenance.Hash, 64), good), cosign.Malformed, false},
		{"too much", append(body(10, path, good), make([]byte, cosign.MaxRequest)...), cosign.TooLarge, false},
		{"no note", body(10, path, text), cosign.Malformed, false},
		{"a note cut short", body(10, path, good[:len(good)-1]), cosign.Malformed, false},
		{"a note with a control character", body(10, path, strings.Replace(good, "20", "2\t0", 1)), cosign.Malformed, false},
		{"101 signatures", body(10, path, signedBy("node", text, 101)), cosign.Malformed, false},
		{"another log", body(10, path, strings.ReplaceAll(good, "test-1", "test-2")), cosign.UnknownLog, false},
		{"a key that is not known", body(10, path, signedBy("stranger", text, 1)), cosign.Unsigned, false},
		{"a signature that does not hold", body(10, path, text+"\n"+wrong), cosign.Unsigned, false},
		{"a second signature that does not hold", body(10, path, good+wrong), cosign.Unsigned, false},
		{"another text", body(10, path, strings.Replace(good, "\n20\n", "\n21\n", 1)), cosign.Unsigned, false},
		{"a witness's cosignature alone", body(10, path, text+"\n"+last.Line), cosign.Unsigned, false},
		{"a size that is no number", body(10, path, signedBy("node", origin+"\n020\n"+root64+"\n", 1)), cosign.Malformed, false},
		{"an extension line", body(10, path, signedBy("node", text+"more\n", 1)), cosign.Malformed, false},
		{"a root of 33 bytes", body(10, path, signedBy("node", origin+"\n20\n"+base64.StdEncoding.EncodeToString(make([]byte, 33))+"\n", 1)), cosign.Malformed, false},
		{"old of nothing cosigned", body(0, nil, good), cosign.Conflict, false},
		{"old below", body(9, proof(t, 9, 20), good), cosign.Conflict, false},
		{"old above", body(11, proof(t, 11, 20), good), cosign.Conflict, false},
		{"no proof", body(10, nil, good), cosign.BadProof, false},
		{"a proof of another size", body(10, proof(t, 9, 20), good), cosign.BadProof, false},
		{"a proof with one changed", body(10, append([]provenance.Hash{provenance.Hash(flipped)}, path[1:]...), good), cosign.BadProof, false},
		{"a proof with one more", body(10, append(path[:len(path):len(path)], path[0]), good), cosign.BadProof, false},
		{"another log's root", body(10, path, checkpoint(t, 20, other)), cosign.BadProof, false},
		{"the same size, another root", body(10, nil, checkpoint(t, 10, tree("other", 10).Root())), cosign.BadProof, true},
		{"the same tree, and a proof", body(10, path, checkpoint(t, 10, treeOf(10).Root)), cosign.BadProof, false},
		{"more than was audited", body(10, proof(t, 10, logSize+1), checkpoint(t, logSize+1, treeOf(logSize+1).Root)), cosign.NotYet, false},
	} {
		t.Run(c.name, func(t *testing.T) { mustRefuse(t, log, c) })
	}
	for _, c := range []refused{
		{"a first one with a proof", body(0, path, good), cosign.BadProof, false},
		{"a first one of another log", body(0, nil, checkpoint(t, 20, other)), cosign.BadProof, true},
		{"nothing, with a root", body(0, nil, checkpoint(t, 0, root)), cosign.BadProof, true},
		{"a size nobody has", body(0, nil, checkpoint(t, 1<<63-1, root)), cosign.BadProof, false},
	} {
		t.Run(c.name, func(t *testing.T) { mustRefuse(t, newLog(), c) })
	}
}

func mustRefuse(t *testing.T, log *cosign.Log, c refused) {
	t.Helper()
	got, err := ask(t, log, logSize, c.body, at.Add(time.Minute))
	var r *cosign.Refusal
	if !errors.As(err, &r) || r.Status != c.status || (r.Against != nil) != c.against || r.Reason == "" {
		t.Fatalf("%+v, %v (%+v)", got, err, r)
	}
	if c.status == cosign.Conflict && r.Size != log.LastTree().Size {
		t.Errorf("the size is %d", r.Size)
	}
}

// signer signs notes as a log does, whatever they say.
type signer struct {
	name string
	key  ed25519.PrivateKey
}

func (s signer) Name() string { return s.name }

func (s signer) KeyHash() uint32 {
	h := sha256.Sum256(append([]byte(s.name+"\n\x01"), s.key.Public().(ed25519.PublicKey)...))
	return binary.BigEndian.Uint32(h[:])
}

func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

// TestOtherSignatures: what others signed besides is no matter, and is not handed on.
func TestOtherSignatures(t *testing.T) {
	signed := checkpoint(t, 20, treeOf(20).Root)
	many := signed
	for i := range 20 {
		big := base64.StdEncoding.EncodeToString(make([]byte, 4+2428)) // of the size of an ML-DSA-44 cosignature
		many += fmt.Sprintf("— other.example/w%d %s\n", i, big)
	}
	c, err := ask(t, newLog(), logSize, body(0, nil, many), at)
	check(t, err)
	if string(c.Note) != signed+c.Line {
		t.Errorf("%q", c.Note)
	}
}

// TestTime: a key says nothing as of a time before it said the last, and of a time that
// there is not. SPEC(VER-87)
func TestTime(t *testing.T) {
	log := newLog()
	signed := checkpoint(t, 20, treeOf(20).Root)
	first, err := ask(t, log, logSize, body(0, nil, signed), at)
	check(t, err)
	log.Last = first
	again := body(20, nil, signed)
	same, err := ask(t, log, logSize, again, at)
	if err != nil || same.Line != first.Line {
		t.Errorf("at the same second: %v", err)
	}
	later, err := ask(t, log, logSize, again, at.Add(time.Second))
	if err != nil || later.Time != at.Unix()+1 || later.Tree != first.Tree {
		t.Errorf("a second later: %v", err)
	}
	var r *cosign.Refusal
	for _, when := range []time.Time{at.Add(-time.Second), time.Unix(0, 0), time.Unix(-5, 0), {}} {
		if _, err := ask(t, log, logSize, again, when); !errors.As(err, &r) || r.Status != cosign.NotYet {
			t.Errorf("at %s: %v", when, err)
		}
		if _, err := ask(t, newLog(), logSize, body(0, nil, signed), when); when.Unix() < 1 && (!errors.As(err, &r) || r.Status != cosign.NotYet) {
			t.Errorf("first at %s: %v", when, err)
		}
	}
}

// TestRace: of two requests that were judged on one tree, the second to be signed is
// refused; else the log would go back to it. SPEC(VER-88)
func TestRace(t *testing.T) {
	log, k := newLog(), witnessKey(t)
	grant := func(size int64) *cosign.Granted {
		r, err := cosign.ParseRequest(body(0, nil, checkpoint(t, size, treeOf(size).Root)))
		check(t, err)
		c, err := log.Judge(r)
		check(t, err)
		g, err := c.Within(treeOf(logSize), proof(t, size, logSize))
		check(t, err)
		return g
	}
	small, large := grant(10), grant(20)
	c, err := k.Sign(large, log, at)
	check(t, err)
	log.Last = c
	var r *cosign.Refusal
	if _, err := k.Sign(small, log, at); !errors.As(err, &r) || r.Status != cosign.Conflict || r.Size != 20 {
		t.Errorf("%v", err)
	}
}

// TestRecall: what was cosigned is read again, and nothing that was changed.
// SPEC(VER-87)
func TestRecall(t *testing.T) {
	k := witnessKey(t)
	c, err := ask(t, newLog(), logSize, body(0, nil, checkpoint(t, 20, treeOf(20).Root)), at)
	check(t, err)
	got, err := k.Recall(c.Note)
	if err != nil || got.Tree != c.Tree || got.Origin != origin || got.Time != c.Time || got.Line != c.Line {
		t.Fatalf("%+v, %v", got, err)
	}
	for i := range c.Note {
		changed := bytes.Clone(c.Note)
		changed[i] ^= 1
		if got, err := k.Recall(changed); err == nil && (got.Tree != c.Tree || got.Time != c.Time || got.Origin != origin) {
			t.Errorf("byte %d changed: %+v", i, got)
		}
		if got, err := k.Recall(c.Note[:i]); err == nil {
			t.Errorf("cut to %d bytes: %+v", i, got)
		}
	}
	other, err := cosign.NewKey("auditor.example/other", sha256.Sum256([]byte("witness")))
	check(t, err)
	for name, c := range map[string]struct {
		key *cosign.Key
		b   []byte
	}{
		"another witness's": {other, c.Note},
		"nothing":           {k, nil},
		"without ours":      {k, []byte(checkpoint(t, 20, treeOf(20).Root))},
		"too much":          {k, append(bytes.Clone(c.Note), make([]byte, cosign.MaxCosigned)...)},
	} {
		if got, err := c.key.Recall(c.b); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
