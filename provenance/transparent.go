package provenance

// COSE header labels of a transparent statement: RFC 9942's, and our own,
// private-use one (SPEC(BND-16)).
const (
	labelReceipts = 394
	labelParts    = -65538

	maxReceipts = 16
)

// A Transparent is a SCITT transparent statement: a statement with receipts in its
// unprotected header, and what else of a bundle it has.
type Transparent struct {
	Statement []byte // as it stands in the log
	Receipts  [][]byte
	Parts     Bundle // without genesis document, entry and receipt
}

// IsSign1 reports whether bytes begin as a tagged COSE_Sign1 does. SPEC(BND-17)
func IsSign1(b []byte) bool { return len(b) > 1 && b[0] == sign1Tag && b[1] == sign1Array }

// Transparent returns the bundle of a statement as a SCITT transparent statement,
// whose reader brings the genesis document (SPEC(BND-16)).
func (b *Bundle) Transparent() ([]byte, error) {
	if _, err := ParseStatement(b.Entry); err != nil {
		return nil, within("entry", err)
	}
	c := &cursor{b: b.Entry, off: 2}
	if _, err := c.bytes(); err != nil {
		return nil, err
	}
	parts := b.parts()
	labels := 1
	if parts > 0 {
		labels = 2
	}
	out := AppendMap(append([]byte(nil), b.Entry[:c.off]...), labels)
	out = AppendBytes(AppendArray(AppendInt(out, labelReceipts), 1), b.Receipt)
	if parts > 0 {
		out = AppendBytes(AppendInt(out, labelParts), b.appendParts(AppendMap(nil, parts)))
	}
	out = append(out, b.Entry[c.off+1:]...) // behind the empty map
	if _, err := ParseTransparent(out); err != nil {
		return nil, err
	}
	return out, nil
}

// ParseTransparent takes a transparent statement apart. The statement in it is
// checked, but for its signature; of receipts and parts the form of a bundle is.
func ParseTransparent(b []byte) (*Transparent, error) {
	// SPEC(BND-2)
	if len(b) > MaxBundleBytes {
		return nil, fail(CodeSize, "", "a transparent statement of %d bytes, at most %d are allowed", len(b), MaxBundleBytes)
	}
	if !IsSign1(b) {
		return nil, fail(CodeEnvelope, "", "not a tagged COSE_Sign1")
	}
	c := &cursor{b: b, off: 2}
	if _, err := c.bytes(); err != nil {
		return nil, asEnvelope(err, "not a COSE_Sign1: ")
	}
	t, before := &Transparent{}, c.off
	if err := t.unprotected(c); err != nil {
		return nil, within("unprotected", err)
	}
	t.Statement = append(append(append([]byte(nil), b[:before]...), 0xa0), b[c.off:]...)
	if _, err := ParseStatement(t.Statement); err != nil {
		return nil, err
	}
	return t, nil
}

// unprotected reads {394: receipts, ? -65538: parts}. SPEC(BND-16)
func (t *Transparent) unprotected(c *cursor) error {
	start := c.off
	n, err := c.open(majorMap)
	if err != nil {
		return err
	}
	for i, want := range []int64{labelReceipts, labelParts}[:min(n, 2)] {
		label, err := c.integer()
		if err != nil {
			return err
		}
		if label != want {
			return c.errorAt(start, CodeUnprotected, "label %d in place %d, wanted %d: receipts (394), and parts of a bundle (-65538) or nothing", label, i, want)
		}
		if err := t.labelled(c, want); err != nil {
			return err
		}
	}
	if n != 1 && n != 2 {
		return c.errorAt(start, CodeUnprotected, "%d labels, wanted receipts (394), and parts of a bundle (-65538) or nothing", n)
	}
	c.close()
	return nil
}

// labelled reads what stands under a label.
func (t *Transparent) labelled(c *cursor, label int64) error {
	if label == labelReceipts {
		return within("receipts", listed(&t.Receipts, maxReceipts, receiptMax)(c))
	}
	parts, err := c.bytes()
	if err != nil {
		return err
	}
	inner := &cursor{b: parts}
	if err := t.Parts.form(false).exact().check(inner); err != nil {
		return within("parts", err)
	}
	return within("parts", inner.end())
}

// Bundle puts a transparent statement and a genesis document together: with the
// first receipt of the ledger with this origin, or the first.
func (t *Transparent) Bundle(genesis []byte, origin string) *Bundle {
	b := t.Parts
	b.Genesis, b.Entry, b.Receipt = genesis, t.Statement, t.Receipts[0]
	for _, raw := range t.Receipts {
		if r, err := ParseReceipt(raw); err == nil && r.Origin == origin {
			b.Receipt = raw
			break
		}
	}
	return &b
}
