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
	err := env.read(&cursor{b: b, off: 2})
	if e, ok := err.(*Error); ok && e.Code != CodeUnprotected && e.Code != CodeSignature {
		return nil, &Error{CodeEnvelope, e.Path, e.Offset, "not a canonical COSE_Sign: " + e.Detail}
	}
	if err == nil && len(env.payload) == 0 {
		err = fail(CodeEnvelope, "payload", "the payload is empty")
	}
	return env, err
}

// read reads the array behind the tag, which ends the input.
func (env *signEnvelope) read(c *cursor) (err error) {
	if err = openExactly(c, 4); err != nil {
		return err
	}
	if env.protected, err = c.bytes(); err != nil {
		return within("protected", err)
	}
	if err = emptyHeader(c); err != nil {
		return within("unprotected", err)
	}
	if env.payload, err = c.bytes(); err != nil {
		return within("payload", err)
	}
	if err = c.each(func(int) error { return env.readSignature(c) }); err != nil {
		return within("signatures", err)
	}
	c.close()
	return c.end()
}

// readSignature reads one COSE_Signature.
func (env *signEnvelope) readSignature(c *cursor) (err error) {
	if len(env.signatures) == MaxActSignatures {
		return fail(CodeSignature, "", "more than %d signatures", MaxActSignatures)
	}
	var s ActSignature
	if err = openExactly(c, 3); err != nil {
		return err
	}
	if s.protected, err = c.bytes(); err != nil {
		return within("protected", err)
	}
	if err = emptyHeader(c); err != nil {
		return within("unprotected", err)
	}
	if s.signature, err = c.bytes(); err != nil {
		return within("signature", err)
	}
	c.close()
	env.signatures = append(env.signatures, s)
	return nil
}

// openExactly opens an array of n elements.
func openExactly(c *cursor, n int) error {
	start := c.off
	got, err := c.open(majorArray)
	if err == nil && got != n {
		return c.errorAt(start, CodeEnvelope, "an array of %d, wanted %d", got, n)
	}
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
