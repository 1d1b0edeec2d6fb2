package provenance

import (
	"fmt"
	"math"

	"pgregory.net/rapid"
)

// Generators of random valid records: all kinds, all groups.

// maybe draws from g or leaves the zero value.
func maybe[T any](t *rapid.T, label string, g *rapid.Generator[T]) (v T) {
	if rapid.Bool().Draw(t, "has "+label) {
		v = g.Draw(t, label)
	}
	return v
}

func pointer[T any](g *rapid.Generator[T]) *rapid.Generator[*T] {
	return rapid.Map(g, func(v T) *T { return &v })
}

func identGen(most int) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.RuneFrom(nil, &printable), 1, most, most)
}

func textGen() *rapid.Generator[string] { return rapid.StringN(1, 40, 128) }

func bytesGen(lo, hi int) *rapid.Generator[[]byte] { return rapid.SliceOfN(rapid.Byte(), lo, hi) }

func amountGen() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, 30), rapid.Int64Range(0, 1<<20), rapid.Int64Range(0, math.MaxInt64))
}

func timeGen() *rapid.Generator[int64] { return rapid.Int64Range(0, MaxTime) }

func countryGen() *rapid.Generator[string] { return rapid.StringMatching(`[A-Z]{2}`) }

func enumGen(hi int64) *rapid.Generator[int64] { return rapid.Int64Range(1, hi) }

func knownGen() *rapid.Generator[Known] {
	return rapid.SampledFrom([]Known{Asserted, ProviderReported, Attested})
}

func digestGen() *rapid.Generator[*Digest] {
	return rapid.Custom(func(t *rapid.T) *Digest {
		return &Digest{Algorithm: AlgSHA256, Value: bytesGen(32, 32).Draw(t, "digest")}
	})
}

func linksGen(t *rapid.T) *Links {
	l := &Links{
		Response: maybe(t, "response", identGen(128)), Generation: maybe(t, "generation", identGen(128)),
		A2ATask: maybe(t, "task", identGen(128)), A2AContext: maybe(t, "context", identGen(128)),
		MCPRequest: maybe(t, "request", identGen(128)),
	}
	if rapid.Bool().Draw(t, "traced") {
		l.Trace = append(bytesGen(15, 15).Draw(t, "trace"), 1)
		l.Span = append([]byte{1}, bytesGen(7, 7).Draw(t, "span")...)
	}
	return l
}

func modelGen(t *rapid.T) *Model {
	return &Model{
		Name: identGen(128).Draw(t, "name"), Version: maybe(t, "version", identGen(64)),
		Developer: maybe(t, "developer", identGen(64)), Jurisdiction: maybe(t, "jurisdiction", countryGen()),
		Digest: maybe(t, "weights", digestGen()), Tokenizer: maybe(t, "tokenizer", identGen(64)),
		Known: knownGen().Draw(t, "known"),
	}
}

func usageGen(t *rapid.T) *Usage {
	u := &Usage{
		Input: amountGen().Draw(t, "input"), Output: amountGen().Draw(t, "output"),
		Counted: maybe(t, "counted", enumGen(3)), Finish: maybe(t, "finish", enumGen(6)),
	}
	u.CacheRead = maybe(t, "read", pointer(rapid.Int64Range(0, u.Input)))
	left := u.Input
	if u.CacheRead != nil {
		left -= *u.CacheRead
	}
	u.CacheWrite = maybe(t, "write", pointer(rapid.Int64Range(0, left)))
	u.Reasoning = maybe(t, "reasoning", pointer(rapid.Int64Range(0, u.Output)))
	return u
}

func placeGen(t *rapid.T) *Place {
	p := &Place{
		Country: countryGen().Draw(t, "country"), Operator: maybe(t, "operator", identGen(64)),
		Known: knownGen().Draw(t, "known"),
	}
	if rapid.Bool().Draw(t, "subdivided") {
		p.Subdivision = p.Country + "-" + rapid.StringMatching(`[A-Z0-9]{1,3}`).Draw(t, "subdivision")
	}
	return p
}

func basisGen(t *rapid.T) []Basis {
	out := make([]Basis, rapid.IntRange(1, 4).Draw(t, "bases"))
	for i := range out {
		out[i] = Basis{
			Code:      fmt.Sprintf("%d%s", i, rapid.StringMatching(`[a-z0-9:.-]{0,47}`).Draw(t, "code")),
			Reference: maybe(t, "reference", textGen()), Digest: maybe(t, "instrument", digestGen()),
			Expires: maybe(t, "expires", pointer(timeGen())),
		}
	}
	return out
}

func labelGen(t *rapid.T) *Label {
	l := &Label{
		Status: enumGen(4).Draw(t, "status"), Extent: maybe(t, "extent", enumGen(3)),
		Modality: maybe(t, "modality", enumGen(6)), Producer: maybe(t, "producer", textGen()),
		ProducerCode: maybe(t, "producer code", identGen(64)), System: maybe(t, "system", textGen()),
		ContentID: maybe(t, "content id", identGen(128)), Made: maybe(t, "made", pointer(timeGen())),
		Propagator: maybe(t, "propagator", textGen()), PropagateID: maybe(t, "propagate id", identGen(128)),
		SourceType: maybe(t, "source", identGen(128)), Oversight: maybe(t, "oversight", enumGen(3)),
		Editorial: maybe(t, "editorial", pointer(rapid.Bool())),
		Marks:     maybe(t, "marks", pointer(rapid.Int64Range(0, 15))), Seal: maybe(t, "seal", bytesGen(1, 128)),
	}
	if rapid.Bool().Draw(t, "is explicit") {
		l.Explicit = &Explicit{
			Applied: rapid.Bool().Draw(t, "applied"), Position: maybe(t, "position", enumGen(4)),
			Agreement: maybe(t, "agreement", identGen(64)), LoggedUntil: maybe(t, "logged", pointer(timeGen())),
			Notified: maybe(t, "notified", pointer(rapid.Bool())), Form: maybe(t, "form", enumGen(4)),
			Height: maybe(t, "height", pointer(rapid.Int64Range(0, 1000))), Shown: maybe(t, "shown", pointer(amountGen())),
		}
	}
	return l
}

func contentGen(t *rapid.T) []Content {
	out := make([]Content, rapid.IntRange(1, 8).Draw(t, "contents"))
	for i := range out {
		out[i] = Content{
			Role:      enumGen(2).Draw(t, "role"),
			Algorithm: rapid.SampledFrom([]int64{AlgHMACSHA256, AlgSHA256}).Draw(t, "algorithm"),
			Value:     bytesGen(32, 32).Draw(t, "value"), Profile: maybe(t, "profile", identGen(32)),
			MediaType: maybe(t, "media type", identGen(127)),
		}
	}
	return out
}

func parentsGen(t *rapid.T) []Parent {
	out := make([]Parent, rapid.IntRange(1, 16).Draw(t, "parents"))
	for i := range out {
		if rapid.Bool().Draw(t, "by id") {
			out[i].ID = append([]byte{byte(i)}, bytesGen(31, 31).Draw(t, "id")...)
			continue
		}
		out[i].Issuer = rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,63}`).Draw(t, "issuer")
		out[i].Ref = append([]byte{byte(i)}, bytesGen(0, 31).Draw(t, "ref")...)
	}
	return out
}

func priceGen(t *rapid.T) *Price {
	class := func(label string) *int64 { return maybe(t, label, pointer(amountGen())) }
	return &Price{
		Currency: rapid.StringMatching(`[A-Z]{3}`).Draw(t, "currency"),
		Input:    class("input price"), Output: class("output price"), CacheRead: class("read price"),
		CacheWrite: class("write price"), Reasoning: class("reasoning price"), Charged: class("charged"),
	}
}

// group draws an optional group.
func group[T any](t *rapid.T, label string, g func(*rapid.T) T) (v T) {
	if rapid.Bool().Draw(t, "has "+label) {
		v = g(t)
	}
	return v
}

// recordGen makes any valid record; a few are too long, Encode says so.
func recordGen() *rapid.Generator[*Record] {
	return rapid.Custom(func(t *rapid.T) *Record {
		r := &Record{
			Kind: Kind(enumGen(7).Draw(t, "kind")),
			Time: timeGen().Draw(t, "time"), Ref: maybe(t, "ref", bytesGen(1, 32)),
		}
		if r.Kind == Corrected {
			r.Correction = correctionGen(t)
			return r
		}
		r.Duration = maybe(t, "duration", pointer(amountGen()))
		r.Parents, r.Links = group(t, "parents", parentsGen), group(t, "links", linksGen)
		r.Content, r.Energy = group(t, "content", contentGen), group(t, "energy", energyGen)
		r.Accelerators, r.Compute = group(t, "accelerators", acceleratorsGen), group(t, "compute", computeGen)
		switch r.Kind {
		case ModelMade:
			r.Model, r.Lineage = modelGen(t), group(t, "lineage", lineageGen)
			r.Model.Digest = digestGen().Draw(t, "made")
		case DatasetMade:
			r.Dataset = datasetGen(t)
		case Evaluated:
			r.Model, r.Evaluation = modelGen(t), evaluationGen(t)
			if r.Parents == nil {
				r.Model.Digest = digestGen().Draw(t, "measured")
			}
		default:
			eventGen(t, r)
		}
		return r
	})
}

// eventGen fills in what only productions, transfers and consumptions have.
func eventGen(t *rapid.T, r *Record) {
	r.Usage, r.Label, r.Price = usageGen(t), group(t, "label", labelGen), group(t, "price", priceGen)
	if r.Kind != Consumption || rapid.Bool().Draw(t, "model and serving") {
		r.Model, r.Serving = modelGen(t), placeGen(t)
	}
	if r.Kind != Production || rapid.Bool().Draw(t, "using") {
		r.Using = placeGen(t)
	}
	if r.Kind == Transfer {
		r.Side = new(rapid.SampledFrom([]Side{Neither, Exporter, Importer}).Draw(t, "side"))
		r.Basis, r.Crossing = group(t, "basis", basisGen), group(t, "crossing", crossingGen)
	}
	if rapid.Bool().Draw(t, "has hop") {
		r.Hop = hopGen(t, r)
	}
}
