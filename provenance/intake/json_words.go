package intake

import (
	"slices"
	"strings"

	"tokentrail/provenance"
)

// A word is what a number of an enumeration is called in JSON.
type word struct {
	number int64
	text   string
}

// count1 numbers words from 1.
func count1(texts ...string) []word {
	words := make([]word, len(texts))
	for i, text := range texts {
		words[i] = word{int64(i) + 1, text}
	}
	return words
}

// orNone puts a word for 0 in front.
func orNone(text string, words []word) []word { return append([]word{{0, text}}, words...) }

// wordsFor returns the words that stand for the numbers of a field, named as in
// "Usage.Finish": those of spec/record.md. Nil where numbers are numbers.
// SPEC(CLI-8)
func wordsFor(field string) []word {
	of, name, _ := strings.Cut(field, ".")
	switch of {
	case "CellKey":
		return cellWords(name)
	case "Lineage", "Serialization", "Source", "Evaluation", "Evaluator":
		return chainWords(field)
	}
	switch field {
	case "Record.Kind":
		return kindWords()
	case "Record.Side":
		return sideWords()
	case "Model.Known", "Place.Known":
		return count1(provenance.Asserted.String(), provenance.ProviderReported.String(), provenance.Attested.String())
	case "Usage.Counted":
		return count1("serving engine", "gateway", "estimated")
	case "Usage.Finish":
		return count1("stop", "length", "content filter", "tool calls", "cancelled", "error")
	case "Content.Role":
		return count1("input", "output")
	case "Content.Algorithm":
		return []word{{5, "hmac-sha256"}, {-16, "sha256"}}
	case "Energy.Method":
		return methodWords()
	case "Energy.Boundary":
		return boundaryWords()
	case "Energy.Matching":
		return count1("none", "annual", "hourly")
	case "Compute.Where":
		return count1("cloud", "edge", "device")
	case "Compute.Phase":
		return count1("training", "inference")
	case "Crossing.Direction":
		return count1("output", "input", "both")
	case "Hop.Role":
		return count1(provenance.Host.String(), provenance.Gateway.String(), provenance.Agent.String(), provenance.Application.String())
	case "Correction.Action":
		return count1(provenance.Reverses.String(), provenance.Amends.String())
	case "Correction.Reason":
		return reasonWords()
	}
	return labelWords(field)
}

func kindWords() []word {
	var words []word
	for k := provenance.Production; k <= provenance.Corrected; k++ {
		words = append(words, word{int64(k), k.String()})
	}
	return words
}

func sideWords() []word {
	return orNone(provenance.Neither.String(), count1(provenance.Exporter.String(), provenance.Importer.String()))
}

func methodWords() []word { return count1("measured", "allocated", "modelled") }

func boundaryWords() []word {
	return count1("accelerator", "and host", "and idle capacity", "and facility overhead")
}

func statusWords() []word {
	var words []word
	for status := range int64(4) {
		words = append(words, word{status + 1, provenance.LabelStatus(status + 1)})
	}
	return words
}

func reasonWords() []word {
	return count1("duplicate", "wrong count", "wrong place", "wrong model", "wrong label", "wrong basis", "never happened", "another")
}

// cellWords are those of a cell, in which 0 stands for what is absent.
func cellWords(name string) []word {
	switch name {
	case "Kind":
		return kindWords()
	case "Side":
		return sideWords()
	case "Label":
		return orNone(provenance.LabelStatus(0), statusWords())
	case "Boundary":
		return orNone("none", boundaryWords())
	case "Method":
		return orNone("none", methodWords())
	}
	return nil
}

func labelWords(field string) []word {
	switch field {
	case "Label.Status":
		return statusWords()
	case "Label.Extent":
		return count1("full", "partial", "deepfake")
	case "Label.Modality":
		return count1("text", "image", "audio", "video", "scene", "code")
	case "Label.Oversight":
		return count1("fully autonomous", "prompt guided", "human validated")
	case "Explicit.Position":
		return count1("start", "end", "middle", "corner")
	case "Explicit.Form":
		return count1("text", "icon", "speech", "rhythm")
	}
	return nil
}

// chainWords are those of records of models, datasets and evaluations.
func chainWords(field string) []word {
	switch field {
	case "Lineage.Stage":
		return count1("pre-training", "fine-tuning", "distillation", "merging", "quantisation")
	case "Lineage.Method":
		return count1("measured", "from hardware and time", "from architecture and tokens")
	case "Serialization.Method":
		return count1("files", "shards")
	case "Serialization.Hash":
		return count1("SHA-256", "BLAKE2b", "BLAKE3")
	case "Source.Kind":
		return count1("public web", "licensed", "from users", "synthetic", "public dataset", "own")
	case "Evaluator.Interest":
		return count1("none", "the model is its own", "paid by the developer", "another")
	case "Evaluation.Contamination":
		return count1("none found", "found", "not looked for")
	}
	return nil
}

// flagWords are the words of a field that is a sum of them, lowest bit first.
func flagWords(field string) []string {
	if field == "Label.Marks" {
		return []string{"metadata", "watermark", "fingerprint", "log"}
	}
	return nil
}

// isTime reports whether a field holds milliseconds since the epoch.
func isTime(field string) bool {
	return slices.Contains([]string{
		"Record.Time", "Basis.Expires", "Label.Made", "Explicit.LoggedUntil", "Energy.IntensityHour", "BatchHeader.First", "BatchHeader.Last",
	}, field)
}

// mayBeText reports whether a field of bytes is one that providers choose, and
// may be given as text.
func mayBeText(field string) bool {
	return field == "Record.Ref" || field == "Parent.Ref" || field == "Crossing.ID"
}

// wordOf returns what a number of a field is called.
func wordOf(field string, number int64) (text string, ok bool) {
	words := wordsFor(field)
	if i := slices.IndexFunc(words, func(w word) bool { return w.number == number }); i >= 0 {
		return words[i].text, true
	}
	return "", false
}

// Words returns what the numbers of a field are called, in their order. The field
// is named as in "Usage.Finish".
func Words(field string) []string { return texts(wordsFor(field)) }

func texts(words []word) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.text
	}
	return list
}
