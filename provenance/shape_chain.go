package provenance

// The grammar of what records of models, datasets and evaluations hold.

func lineageShape() *shape {
	return shapeOf(
		must(1, "stage", integerIn(1, 5)),
		may(2, "base", namedShape().check),
		may(3, "compute", scaled(0, 0, 40)),
		may(4, "method", integerIn(1, 3)),
		may(5, "parameters", amount),
		may(6, "serialization", shapeOf(
			must(1, "method", integerIn(1, 2)),
			must(2, "hash", integerIn(1, 3)),
			may(3, "shard-size", amount),
			may(4, "symlinks", boolean),
		).check),
		may(7, "signature", digest),
		may(8, "trained", placeShape().check),
	)
}

// namedShape is a model or dataset by name; more are the fields beside.
func namedShape(more ...field) *shape {
	return shapeOf(append([]field{
		must(1, "name", identifier(128)),
		may(2, "version", identifier(64)),
		may(3, "digest", digest),
	}, more...)...)
}

func datasetShape() *shape {
	return shapeOf(
		must(1, "name", identifier(128)),
		may(2, "version", identifier(64)),
		must(3, "digest", digest),
		must(4, "sources", arrayOf(1, 16, shapeOf(
			must(1, "kind", integerIn(1, 6)),
			may(2, "reference", textOf(128)),
			may(3, "digest", digest),
			may(4, "country", country),
			may(5, "licence", identifier(64)),
		).check)),
		may(5, "synthetic-share", integerIn(0, 1_000_000)),
		may(6, "raw-tokens", amount),
		may(7, "clean-tokens", amount),
		may(8, "tokenizer", identifier(64)),
		may(9, "description", digest),
	)
}

func evaluationShape() *shape {
	decimal := scaled(-1<<63, -18, 18)
	return shapeOf(
		must(1, "dataset", namedShape(must(3, "digest", digest), may(4, "split", identifier(64))).check),
		must(2, "harness", shapeOf(
			must(1, "name", identifier(128)),
			may(2, "version", identifier(64)),
			must(3, "commit", bytesOf(20, 32)),
		).check),
		may(3, "template", digest),
		may(4, "decoding", shapeOf(
			may(1, "temperature", decimal),
			may(2, "top-p", decimal),
			may(3, "top-k", amount),
			may(4, "max-tokens", amount),
			may(5, "samples", amount),
			may(6, "repetition-penalty", decimal),
		).check),
		may(5, "seed", integerIn(-1<<63, 1<<63-1)),
		must(6, "n", integerIn(1, 1<<63-1)),
		must(7, "metric", identifier(64)),
		must(8, "value", decimal),
		may(9, "interval", shapeOf(
			must(1, "low", decimal),
			must(2, "high", decimal),
			must(3, "level", integerIn(1, 999_999)),
		).check),
		must(10, "evaluator", shapeOf(
			must(1, "name", textOf(128)),
			must(2, "interest", integerIn(1, 4)),
			may(3, "statement", textOf(128)),
		).check),
		may(11, "contamination", integerIn(1, 3)),
		may(12, "results", digest),
	)
}

// scaled wants [mantissa, exponent of ten]: one value, whose parts have no path.
// SPEC(ENC-34), SPEC(REC-16)
func scaled(least, lowest, highest int64) check {
	both := tuple(integerIn(least, 1<<63-1), integerIn(lowest, highest))
	return func(c *cursor) error {
		err := both(c)
		if e, ok := err.(*Error); ok {
			e.Path = ""
		}
		return err
	}
}

// readScaled reads a value that scaled has accepted.
func readScaled(c *cursor) (s Scaled, err error) {
	err = c.each(func(i int) (err error) {
		if i == 0 {
			s.Mantissa, err = c.integer()
		} else {
			s.Exponent, err = c.integer()
		}
		return err
	})
	return s, err
}

// readLineage holds what two fields say together.
func readLineage(c *cursor, known names) error {
	var compute, method bool
	err := c.pairs(func(key int64) error {
		compute, method = compute || key == 3, method || key == 4
		if key == 8 {
			_, err := readPlace(c, "lineage.trained", known)
			return err
		}
		return c.skip()
	})
	// SPEC(REC-14)
	switch {
	case err != nil || compute == method:
		return err
	case compute:
		return fail(CodeMissingField, "lineage.method", "training compute says nothing without how it was found (key 4)")
	}
	return fail(CodeMissingField, "lineage.compute", "there is a method and no training compute (key 3)")
}

// readDataset holds clean tokens against raw ones.
func readDataset(c *cursor) error {
	raw, clean := int64(1<<63-1), int64(0)
	err := c.pairs(func(key int64) (err error) {
		switch key {
		case 6:
			raw, err = c.integer()
		case 7:
			clean, err = c.integer()
		default:
			err = c.skip()
		}
		return err
	})
	// SPEC(REC-15)
	if err == nil && clean > raw {
		return fail(CodeValue, "dataset.clean-tokens", "%d tokens after cleaning, more than the %d before", clean, raw)
	}
	return err
}

// readEvaluation holds the ends of the interval against each other.
func readEvaluation(c *cursor) error {
	return c.pick(9, func() error {
		var ends [2]Scaled
		err := c.pairs(func(key int64) (err error) {
			if key == 1 || key == 2 {
				ends[key-1], err = readScaled(c)
				return err
			}
			return c.skip()
		})
		// SPEC(REC-16)
		if err == nil && ends[0].Compare(ends[1]) > 0 {
			return fail(CodeValue, "evaluation.interval", "its low end %s is above its high end %s", ends[0], ends[1])
		}
		return err
	})
}

// readModel returns the model's name and whether its weights' digest is there.
func readModel(c *cursor, known names) (name string, digested bool, err error) {
	err = c.pairs(func(key int64) error {
		switch key {
		case 1:
			s, err := c.text()
			name = known.of(s)
			return err
		case 5:
			digested = true
		}
		return c.skip()
	})
	return name, digested, err
}

// checkMeasured wants to know which weights a record is about.
func checkMeasured(kind Kind, digested bool, present uint64) error {
	switch {
	case digested:
	case kind == ModelMade:
		// SPEC(REC-14)
		return fail(CodeMissingField, "model.digest", "a model record has the digest of the weights (key 5)")
	case kind == Evaluated && present&(1<<5) == 0:
		// SPEC(REC-16)
		return fail(CodeMissingField, "model.digest", "an evaluation has the digest of the model's weights (key 5), or names its record as a parent")
	}
	return nil
}
