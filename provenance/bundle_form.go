package provenance

// The grammar of a bundle's map. Each check takes what it accepts into the bundle.

// form is the map's shape; whole says that it has the first three parts too.
// SPEC(BND-1)
func (b *Bundle) form(whole bool) *shape {
	fields := []field{
		may(4, "records", sized(&b.Frame, 1, MaxFrameBytes)),
		may(5, "record-proofs", listed(&b.Records, MaxRecords, maxBundleRecordProof)),
		may(6, "headers", listed(&b.Headers, MaxBundleHeaders, receiptMax)),
		may(7, "states", arrayOf(1, MaxBundleStates, b.state)),
		may(8, "acts", arrayOf(1, MaxBundleActs, actInto(&b.Acts))),
		may(10, "block", b.block),
		may(11, "before", arrayOf(1, MaxBundleBefore, actInto(&b.Before))),
	}
	if whole {
		fields = append(fields,
			must(1, "genesis", sized(&b.Genesis, 1, MaxBundleGenesisBytes)),
			must(2, "entry", sized(&b.Entry, 1, MaxLeafBytes)),
			must(3, "receipt", sized(&b.Receipt, 1, receiptMax)))
	}
	return shapeOf(fields...)
}

// sized takes a byte string of lo to hi bytes. SPEC(BND-2)
func sized(into *[]byte, lo, hi int) check {
	return func(c *cursor) error {
		start := c.off
		s, err := c.bytes()
		switch {
		case err != nil:
			return err
		case len(s) > hi:
			return c.errorAt(start, CodeSize, "%d bytes, at most %d are allowed", len(s), hi)
		case len(s) < lo:
			return c.errorAt(start, CodeValue, "%d bytes, at least %d are wanted", len(s), lo)
		}
		*into = s[:len(s):len(s)]
		return nil
	}
}

// listed takes an array of 1 to most byte strings, none of which is empty.
func listed(into *[][]byte, most, bytes int) check {
	return arrayOf(1, most, func(c *cursor) error {
		var item []byte
		err := sized(&item, 1, bytes)(c)
		*into = append(*into, item)
		return err
	})
}

// state takes [preimage, light block, key, value, state proof].
func (b *Bundle) state(c *cursor) error {
	s := BundleState{}
	key := func(c *cursor) error {
		start := c.off
		text, err := c.text()
		switch {
		case err != nil:
			return err
		case len(text) > maxBundleKey:
			return c.errorAt(start, CodeSize, "a key of %d bytes, at most %d are allowed", len(text), maxBundleKey)
		case len(text) == 0:
			return c.errorAt(start, CodeValue, "a key that is empty")
		}
		s.Key = string(text)
		return nil
	}
	preimage := item(preimageForm, ParsePreimage, &s.Preimage)
	proof := item(stateProofForm, ParseStateProof, &s.Proof)
	err := tuple(preimage, sized(&s.LightBlock, 0, receiptMax), key, sized(&s.Value, 0, maxBundleValue), proof)(c)
	b.States = append(b.States, s)
	return err
}

// actInto takes [act, inclusion].
func actInto(into *[]BundleAct) check {
	return func(c *cursor) error {
		a := BundleAct{}
		err := tuple(sized(&a.Act, 1, MaxLeafBytes), item(proofForm, ParseInclusion, &a.Inclusion))(c)
		*into = append(*into, a)
		return err
	}
}

// block takes [light block, inclusion].
func (b *Bundle) block(c *cursor) error {
	b.Block = &BundleBlock{}
	return tuple(sized(&b.Block.LightBlock, 1, receiptMax), item(proofForm, ParseInclusion, &b.Block.Inclusion))(c)
}

// item takes an item that has a parser of its own, once it is in its form.
func item[T any](form check, parse func([]byte) (T, error), into *T) check {
	return func(c *cursor) error {
		start := c.off
		if err := form(c); err != nil {
			return err
		}
		var err error
		*into, err = parse(c.b[start:c.off])
		return err
	}
}
