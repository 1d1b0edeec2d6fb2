package provenance

import "sync"

// The grammar of records as data: spec/record.md, table by table. Names are
// those of the specification and appear in the paths of errors.
//
// Keys must never be changed or used again: they are in signed bytes.
var recordShape = sync.OnceValue(func() *shape {
	return shapeOf(
		must(1, "kind", kindOfRecord),
		must(2, "time", instant),
		may(3, "duration", amount),
		may(4, "ref", bytesOf(1, 32)),
		may(5, "parents", arrayOf(1, 16, parent)),
		may(6, "links", linksShape().check),
		may(7, "model", modelShape().check),
		may(8, "usage", usageShape().check),
		may(9, "serving", placeShape().check),
		may(10, "using", placeShape().check),
		may(11, "side", integerIn(0, 2)),
		may(12, "basis", arrayOf(1, 4, basisShape().check)),
		may(13, "label", labelShape().check),
		may(14, "content", arrayOf(1, 8, contentShape().check)),
		may(15, "energy", energyShape().check),
		may(16, "accelerators", arrayOf(1, 4, acceleratorShape().check)).from(2),
		may(17, "price", priceShape().check),
		may(19, "correction", correctionShape().check).from(2),
		may(20, "compute", computeShape().check).from(2),
		may(21, "crossing", crossingShape().check).from(2),
		may(22, "hop", hopShape().check).from(2),
		may(23, "lineage", lineageShape().check).from(2),
		may(24, "dataset", datasetShape().check).from(2),
		may(25, "evaluation", evaluationShape().check).from(2),
	)
})

// keysByKind says which fields a kind must have and must not have (SPEC(REC-2)).
// Key 18 has no shape: it is unknown whatever the kind.
var keysByKind = [newestKind + 1]struct{ must, no []int64 }{
	Production:  {must: []int64{7, 8, 9}, no: []int64{11, 12, 19, 21, 23, 24, 25}},
	Transfer:    {must: []int64{7, 8, 9, 10, 11}, no: []int64{19, 23, 24, 25}},
	Consumption: {must: []int64{8, 10}, no: []int64{11, 12, 19, 21, 23, 24, 25}},
	ModelMade:   {must: []int64{7}, no: []int64{8, 9, 10, 11, 12, 13, 17, 19, 21, 22, 24, 25}},
	DatasetMade: {must: []int64{24}, no: []int64{7, 8, 9, 10, 11, 12, 13, 17, 19, 21, 22, 23, 25}},
	Evaluated:   {must: []int64{7, 25}, no: []int64{8, 9, 10, 11, 12, 13, 17, 19, 21, 22, 23, 24}},
	Corrected:   {must: []int64{19}, no: []int64{3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 25}},
}

func kindOfRecord(c *cursor) error {
	start := c.off
	newest := newestKind
	if c.rules < 2 {
		newest = newestKindV1
	}
	v, err := c.integer()
	if err == nil && (v < int64(Production) || v > int64(newest)) {
		// SPEC(REC-1)
		return c.errorAt(start, CodeUnknownKind, "kind %d is not known to rule version %d, which has 1 to %d", v, c.rules, int64(newest))
	}
	return err
}

func parent(c *cursor) error {
	if c.off < len(c.b) && c.b[c.off]>>5 == majorArray {
		return tuple(nameID, bytesOf(1, 32))(c)
	}
	return bytesOf(HashSize, HashSize)(c)
}

func linksShape() *shape {
	return shapeOf(
		may(1, "trace", nonZero(16)),
		may(2, "span", nonZero(8)),
		may(3, "response", identifier(128)),
		may(4, "generation", identifier(128)),
		may(5, "a2a-task", identifier(128)),
		may(6, "a2a-context", identifier(128)),
		may(7, "mcp-request", identifier(128)),
	)
}

func modelShape() *shape {
	return shapeOf(
		must(1, "name", identifier(128)),
		may(2, "version", identifier(64)),
		may(3, "developer", identifier(64)),
		may(4, "jurisdiction", country),
		may(5, "digest", digest),
		may(6, "tokenizer", identifier(64)),
		must(7, "known", integerIn(1, 3)),
	)
}

func usageShape() *shape {
	return shapeOf(
		must(1, "input", amount),
		must(2, "output", amount),
		may(3, "cache-read", amount),
		may(4, "cache-write", amount),
		may(5, "reasoning", amount),
		may(6, "counted", integerIn(1, 3)),
		may(7, "finish", integerIn(1, 6)),
	)
}

func placeShape() *shape {
	return shapeOf(
		must(1, "country", country),
		may(2, "subdivision", textThat(isSubdivision, "a subdivision (ISO 3166-2)")),
		may(3, "operator", identifier(64)),
		must(4, "known", integerIn(1, 3)),
	)
}

func basisShape() *shape {
	return shapeOf(
		must(1, "code", textThat(isCode, "a legal basis code: 1 to 48 of a-z, 0-9, ':', '.', '-'")),
		may(2, "reference", textOf(128)),
		may(3, "digest", digest),
		may(4, "expires", instant),
	)
}

func labelShape() *shape {
	return shapeOf(
		must(1, "status", integerIn(1, 4)),
		may(2, "extent", integerIn(1, 3)),
		may(3, "modality", integerIn(1, 6)),
		may(4, "producer", textOf(128)),
		may(5, "producer-code", identifier(64)),
		may(6, "system", textOf(128)),
		may(7, "content-id", identifier(128)),
		may(8, "made", instant),
		may(9, "propagator", textOf(128)),
		may(10, "propagate-id", identifier(128)),
		may(11, "source-type", identifier(128)),
		may(12, "oversight", integerIn(1, 3)),
		may(13, "editorial", boolean),
		may(14, "explicit", shapeOf(
			must(1, "applied", boolean),
			may(2, "position", integerIn(1, 4)),
			may(3, "agreement", identifier(64)),
			may(4, "logged-until", instant),
			may(5, "notified", boolean).from(2),
			may(6, "form", integerIn(1, 4)).from(2),
			may(7, "height", integerIn(0, 1000)).from(2),
			may(8, "shown", amount).from(2),
		).check),
		may(15, "marks", integerIn(0, 15)),
		may(16, "seal", bytesOf(1, 128)),
	)
}

func contentShape() *shape {
	return shapeOf(
		must(1, "role", integerIn(1, 2)),
		must(2, "algorithm", oneOf(AlgHMACSHA256, AlgSHA256)),
		must(3, "value", bytesOf(HashSize, HashSize)),
		may(4, "profile", identifier(32)),
		may(5, "media-type", identifier(127)),
	)
}

func priceShape() *shape {
	return shapeOf(
		must(1, "currency", textThat(isCurrency, "a currency (ISO 4217)")),
		may(2, "input", amount),
		may(3, "output", amount),
		may(4, "cache-read", amount),
		may(5, "cache-write", amount),
		may(6, "reasoning", amount),
		may(7, "charged", amount),
	)
}
