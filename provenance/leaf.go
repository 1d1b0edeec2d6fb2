package provenance

// LeafKind is what an entry of the log is (SPEC(LOG-1)).
type LeafKind int64

// Kinds of entries. The zero value is none.
const (
	LeafStatement    LeafKind = 1
	LeafAct          LeafKind = 2
	LeafEquivocation LeafKind = 3
)

// equivocationHead is the first byte of a leaf of equivocation: an array of six.
const equivocationHead = 0x86

// String returns the kind's name in the specification.
func (k LeafKind) String() string { return name(k, "", "statement", "act", "equivocation") }

// LeafKindOf returns the kind of entry whose leaf begins as leaf does; false
// where none does. Nothing else of it is looked at.
func LeafKindOf(leaf []byte) (LeafKind, bool) {
	if len(leaf) == 0 {
		return 0, false
	}
	switch leaf[0] {
	case sign1Tag:
		return LeafStatement, true
	case signTag:
		return LeafAct, true
	case equivocationHead:
		return LeafEquivocation, true
	}
	return 0, false
}

// EntryID returns the id of the entry with this leaf: of its statement, its act,
// or its equivocation. Of statements and acts only the envelope is checked.
func EntryID(leaf []byte) (Hash, error) {
	if len(leaf) > MaxLeafBytes {
		return Hash{}, fail(CodeSize, "", "a leaf of %d bytes, at most %d are allowed", len(leaf), MaxLeafBytes)
	}
	kind, _ := LeafKindOf(leaf)
	switch kind {
	case LeafStatement:
		env, err := parseEnvelope(leaf)
		if err != nil {
			return Hash{}, err
		}
		return StatementID(env.payload), nil
	case LeafAct:
		env, err := parseSignEnvelope(leaf)
		if err != nil {
			return Hash{}, err
		}
		return ActID(env.payload), nil
	case LeafEquivocation:
		l, err := ParseEquivocationLeaf(leaf)
		if err != nil {
			return Hash{}, err
		}
		return l.ID(), nil
	}
	return Hash{}, fail(CodeEnvelope, "", "no leaf of the log begins like this: wanted a statement (d2), an act (d8) or equivocation (86)")
}
