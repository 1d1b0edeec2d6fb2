package provenance

import (
	"bytes"
	"crypto/sha256"
)

// A RecordProof shows that a record stands in a batch (SPEC(REC-11)).
type RecordProof struct {
	Record []byte // encoded
	Index  int64
	Count  int64
	Path   []Hash
}

// Encode returns [record, index, count, path].
func (p *RecordProof) Encode() []byte {
	b := append(AppendArray(nil, 4), p.Record...)
	b = AppendInt(b, p.Index)
	b = AppendInt(b, p.Count)
	return appendPath(b, p.Path)
}

// ParseRecordProof decodes a record proof; the record itself is checked by Verify.
func ParseRecordProof(b []byte) (*RecordProof, error) {
	p := &RecordProof{}
	behind := 0 // the record
	record := func(c *cursor) error {
		start, depth := c.off, c.depth
		c.depth = 0 // SPEC(ENC-11): a record nests by itself, or the deepest could not be proven
		err := c.skip()
		p.Record, c.depth, behind = c.b[start:c.off:c.off], depth, c.off
		return err
	}
	form := tuple(record, integerIn(0, MaxRecords-1), integerIn(1, MaxRecords), hashPath(maxPathHashes, CodePath))
	if err := parse(b, form); err != nil {
		return nil, err
	}
	rest := struct {
		_     struct{} `cbor:",toarray"`
		Index int64
		Count int64
		Path  []Hash
	}{}
	if err := unmarshal(append(AppendArray(nil, 3), b[behind:]...), &rest); err != nil {
		return nil, err
	}
	p.Index, p.Count, p.Path = rest.Index, rest.Count, rest.Path
	return p, nil
}

// rawItem is an item that is left as it stands.
type rawItem []byte

// UnmarshalCBOR keeps the bytes.
func (r *rawItem) UnmarshalCBOR(b []byte) error { *r = b; return nil }

// Verify checks that the record stands in the batch of h and returns its id.
func (p *RecordProof) Verify(h *BatchHeader) (Hash, error) {
	if _, err := ParseRecord(p.Record); err != nil {
		return Hash{}, within("record", err)
	}
	if p.Count != int64(h.Count) {
		return Hash{}, fail(CodeCount, "count", "the proof is for %d records, the batch has %d", p.Count, h.Count)
	}
	id := RecordID(h.Issuer, h.Stream, h.Sequence, int(p.Index), p.Record)
	if err := VerifyInclusion(h.Root, p.Count, p.Index, id, p.Path); err != nil {
		return Hash{}, within("path", err)
	}
	return id, nil
}

// A Preimage is what the app hash is the hash of (SPEC(STA-4)).
type Preimage struct {
	Size      int64 // entries in the log
	LogRoot   Hash
	StateRoot Hash
}

// Encode returns [1, log size, log root, state root].
func (p Preimage) Encode() []byte {
	b := append(AppendArray(nil, 4), 1)
	b = AppendInt(b, p.Size)
	b = AppendBytes(b, p.LogRoot[:])
	return AppendBytes(b, p.StateRoot[:])
}

// AppHash returns the app hash (SPEC(STA-4)).
func (p Preimage) AppHash() Hash {
	h := sha256.New()
	h.Write([]byte("tokentrail/app/v1\x00"))
	h.Write(p.Encode())
	return Hash(h.Sum(nil))
}

// ParsePreimage decodes an app hash's preimage.
func ParsePreimage(b []byte) (Preimage, error) {
	if err := parse(b, preimageForm); err != nil {
		return Preimage{}, err
	}
	w := struct {
		_         struct{} `cbor:",toarray"`
		Version   int64
		Size      int64
		LogRoot   Hash
		StateRoot Hash
	}{}
	err := unmarshal(b, &w)
	return Preimage{w.Size, w.LogRoot, w.StateRoot}, err
}

func preimageForm(c *cursor) error {
	return tuple(withCode(CodeVersion, integerIn(1, 1)), amount, hash32, hash32)(c)
}

// An Inclusion is a proof that a leaf stands in the log (spec/receipt.md, PRF-1).
type Inclusion struct {
	Size  int64
	Index int64
	Path  []Hash
}

// Encode returns [size, index, path].
func (p *Inclusion) Encode() []byte { return encodeProof(p.Size, p.Index, p.Path) }

// ParseInclusion decodes [size, index, path].
func ParseInclusion(b []byte) (*Inclusion, error) {
	size, index, path, err := parseProof(b)
	if err != nil {
		return nil, err
	}
	return &Inclusion{size, index, path}, nil
}

// Verify checks that the leaf stands in the log with the given root.
func (p *Inclusion) Verify(root, leaf Hash) error {
	return VerifyInclusion(root, p.Size, p.Index, leaf, p.Path)
}

// A Consistency is a proof that a log grew out of an older one (PRF-1).
type Consistency struct {
	Older int64
	Newer int64
	Path  []Hash
}

// Encode returns [older, newer, path].
func (p *Consistency) Encode() []byte { return encodeProof(p.Older, p.Newer, p.Path) }

// ParseConsistency decodes [older, newer, path].
func ParseConsistency(b []byte) (*Consistency, error) {
	older, newer, path, err := parseProof(b)
	if err != nil {
		return nil, err
	}
	return &Consistency{older, newer, path}, nil
}

// Verify checks the proof between two roots.
func (p *Consistency) Verify(older, newer Hash) error {
	return VerifyConsistency(p.Older, older, p.Newer, newer, p.Path)
}

func encodeProof(a, b int64, path []Hash) []byte {
	out := AppendArray(nil, 3)
	out = AppendInt(out, a)
	out = AppendInt(out, b)
	return appendPath(out, path)
}

func parseProof(b []byte) (int64, int64, []Hash, error) {
	if err := parse(b, proofForm); err != nil {
		return 0, 0, nil, err
	}
	w := struct {
		_    struct{} `cbor:",toarray"`
		A, B int64
		Path []Hash
	}{}
	err := unmarshal(b, &w)
	return w.A, w.B, w.Path, err
}

func proofForm(c *cursor) error { return tuple(amount, amount, hashPath(2*maxPathHashes, CodePath))(c) }

func appendPath(b []byte, path []Hash) []byte {
	b = AppendHead(b, majorArray, uint64(len(path)))
	for i := range path {
		b = AppendBytes(b, path[i][:])
	}
	return b
}

// A StateProof shows what stands, or that nothing stands, under a key of the
// state map (SPEC(STA-2)).
type StateProof struct {
	Leaf     *StateLeaf // nil: an empty subtree
	Siblings []Hash     // from the root down; zero for an empty subtree
}

// A StateLeaf is a leaf of the state map.
type StateLeaf struct {
	_         struct{} `cbor:",toarray"`
	KeyHash   Hash
	ValueHash Hash
}

// Hash returns the leaf's hash (SPEC(STA-1)).
func (l *StateLeaf) Hash() Hash {
	b := make([]byte, 0, 1+2*HashSize)
	b = append(append(append(b, 0x00), l.KeyHash[:]...), l.ValueHash[:]...)
	return sha256.Sum256(b)
}

// StateNode returns the hash of an inner node of the state map (SPEC(STA-1)).
func StateNode(left, right Hash) Hash {
	b := make([]byte, 0, 1+2*HashSize)
	b = append(append(append(b, 0x01), left[:]...), right[:]...)
	return sha256.Sum256(b)
}

// Encode returns [leaf, siblings].
func (p *StateProof) Encode() []byte {
	b := AppendArray(nil, 2)
	if p.Leaf == nil {
		b = AppendArray(b, 0)
	} else {
		b = appendPath(b, []Hash{p.Leaf.KeyHash, p.Leaf.ValueHash})
	}
	return appendPath(b, p.Siblings)
}

// ParseStateProof decodes [leaf, siblings].
func ParseStateProof(b []byte) (*StateProof, error) {
	if err := parse(b, stateProofForm); err != nil {
		return nil, err
	}
	w := struct {
		_        struct{} `cbor:",toarray"`
		Leaf     []Hash
		Siblings []Hash
	}{}
	if err := unmarshal(b, &w); err != nil {
		return nil, err
	}
	p := &StateProof{Siblings: w.Siblings}
	if len(w.Leaf) == 2 {
		p.Leaf = &StateLeaf{KeyHash: w.Leaf[0], ValueHash: w.Leaf[1]}
	}
	return p, nil
}

// stateProofForm is [leaf, siblings].
func stateProofForm(c *cursor) error {
	leaf := func(c *cursor) error {
		if bytes.HasPrefix(c.b[c.off:], []byte{majorArray << 5}) {
			return c.each(nil)
		}
		return tuple(hash32, hash32)(c)
	}
	return tuple(leaf, hashPath(8*HashSize, CodeStateProof))(c)
}

// Present checks that value stands under key in the state with this root.
func (p *StateProof) Present(root Hash, key string, value []byte) error {
	kh, vh := Hash(sha256.Sum256([]byte(key))), Hash(sha256.Sum256(value))
	if p.Leaf == nil || p.Leaf.KeyHash != kh || p.Leaf.ValueHash != vh {
		return fail(CodeStateProof, key, "the proof's leaf is not this key with this value")
	}
	return p.fold(root, key, kh)
}

// Absent checks that nothing stands under key in the state with this root.
func (p *StateProof) Absent(root Hash, key string) error {
	kh := Hash(sha256.Sum256([]byte(key)))
	if p.Leaf != nil {
		if p.Leaf.KeyHash == kh || !samePrefix(p.Leaf.KeyHash, kh, len(p.Siblings)) {
			return fail(CodeStateProof, key, "the proof's leaf does not stand in the key's way")
		}
	}
	return p.fold(root, key, kh)
}

func (p *StateProof) fold(root Hash, key string, kh Hash) error {
	var h Hash
	if p.Leaf != nil {
		h = p.Leaf.Hash()
	}
	if len(p.Siblings) > 8*HashSize {
		return fail(CodeStateProof, key, "%d siblings, at most %d are possible", len(p.Siblings), 8*HashSize)
	}
	for i := len(p.Siblings) - 1; i >= 0; i-- {
		if Bit(kh, i) == 0 {
			h = StateNode(h, p.Siblings[i])
		} else {
			h = StateNode(p.Siblings[i], h)
		}
	}
	if h != root {
		return fail(CodeStateProof, key, "the proof leads to the root %s, wanted %s", h, root)
	}
	return nil
}

// Bit returns bit i of h, counted from the most significant.
func Bit(h Hash, i int) int { return int(h[i/8]>>(7-i%8)) & 1 }

func samePrefix(a, b Hash, bits int) bool {
	for i := range min(bits, 8*HashSize) {
		if Bit(a, i) != Bit(b, i) {
			return false
		}
	}
	return true
}
