package provenance

// A signEnvelope is a COSE_Sign taken apart; its slices alias the input.
type signEnvelope struct {
	protected  []byte
	payload    []byte
	signatures []ActSignature // protected and signature only
}

// parseSignEnvelope takes a canonical COSE_Sign apart (SPEC(GOV-1)).
func parseSignEnvelope(b []byte) (*signEnvelope, error) {
	if len(b) > MaxActBytes {
		return nil, fail(CodeSize, "", "%d bytes, an act has at most %d", len(b), MaxActBytes)
	}
	if len(b) < 2 || b[0] != signTag || b[1] != signTagNumber {
		return nil, fail(CodeEnvelope, "", "not a tagged COSE_Sign: wanted d8 62 first")
	}
	env := &signEnvelope{}
	c := &cursor{b: b, off: 2}
	err := tuple(
		func(c *cursor) (err error) { env.protected, err = c.bytes(); return err },
		emptyHeader,
		func(c *cursor) (err error) { env.payload, err = c.bytes(); return err },
		func(c *cursor) error { return c.each(func(int) error { return env.readSignature(c) }) },
	)(c)
	if err == nil {
		err = c.end()
	}
	if e, ok := err.(*Error); ok && e.Code != CodeUnprotected && e.Code != CodeSignature {
		return nil, &Error{CodeEnvelope, "", e.Offset, "not a canonical COSE_Sign: " + e.Detail}
	}
	if err == nil && len(env.payload) == 0 {
		err = fail(CodeEnvelope, "payload", "the payload is empty")
	}
	return env, err
}

// readSignature reads one COSE_Signature.
func (env *signEnvelope) readSignature(c *cursor) error {
	if len(env.signatures) == MaxActSignatures {
		return fail(CodeSignature, "", "more than %d signatures", MaxActSignatures)
	}
	var s ActSignature
	err := tuple(
		func(c *cursor) (err error) { s.protected, err = c.bytes(); return err },
		emptyHeader,
		func(c *cursor) (err error) { s.signature, err = c.bytes(); return err },
	)(c)
	env.signatures = append(env.signatures, s)
	return err
}

// emptyHeader wants an unprotected header with nothing in it.
func emptyHeader(c *cursor) error {
	start := c.off
	n, err := c.expect(majorMap)
	if err == nil && n > 0 {
		return c.errorAt(start, CodeUnprotected, "the unprotected header is not empty; empty it, it is not signed")
	}
	return err
}

// encodeSign returns the one encoding of a COSE_Sign over an act.
func encodeSign(payload []byte, signatures []ActSignature) []byte {
	b := AppendArray([]byte{signTag, signTagNumber}, 4)
	b = append(AppendBytes(b, actProtected()), 0xa0)
	b = AppendArray(AppendBytes(b, payload), len(signatures))
	for _, s := range signatures {
		b = append(AppendBytes(AppendArray(b, 3), s.protected), 0xa0)
		b = AppendBytes(b, s.signature)
	}
	return b
}
