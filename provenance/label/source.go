package label

import (
	"slices"
	"strings"
)

const iptcSourceTypes = "http://cv.iptc.org/newscodes/digitalsourcetype/"

// synthetic are the last segments of the source types that say that a model or
// an algorithm made the content, or a part of it. SPEC(LBL-17)
var synthetic = [...]string{
	"trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "compositeSynthetic",
	"algorithmicMedia", "trainedAlgorithmicData",
}

// SyntheticSource reports whether a digital source type, as it was read, counts
// as synthetic.
func SyntheticSource(uri string) bool {
	uri = strings.TrimSpace(uri) // C2PA's is shown as it stands
	return slices.Contains(synthetic[:], uri[strings.LastIndexByte(uri, '/')+1:])
}

// checkSourceType holds a source type to what may be written; empty is none.
// SPEC(LBL-17)
func checkSourceType(uri string) error {
	switch uri {
	case "", "http://c2pa.org/digitalsourcetype/empty", "http://c2pa.org/digitalsourcetype/trainedAlgorithmicData":
		return nil
	}
	code, ok := strings.CutPrefix(uri, iptcSourceTypes)
	letters := strings.Trim(code, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	if !ok || !letters || code == "" || len(code) > 64 {
		return malformed("", "digital source type", -1, "%.120q is neither %s and a code, such as trainedAlgorithmicMedia, nor one of C2PA's", uri, iptcSourceTypes)
	}
	return nil
}
