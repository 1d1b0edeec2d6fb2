package inspect

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/provenance/label"
	"tokentrail/verify"
)

// sourceTypes are the codes of IPTC's digital source types, retired ones too, and
// C2PA's own. SPEC(VER-72)
var sourceTypes = [...]string{
	"digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm", "print", "humanEdits", "minorHumanEdits",
	"compositeCapture", "algorithmicallyEnhanced", "dataDrivenMedia", "digitalArt", "digitalCreation", "virtualRecording",
	"compositeSynthetic", "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicMedia", "screenCapture",
	"composite", "softwareImage", "empty", "trainedAlgorithmicData",
}

// captures are the source types of what nobody synthesised.
var captures = [...]string{"digitalCapture", "computationalCapture", "negativeFilm", "positiveFilm", "print"}

// providerCode is the form of a provider code (spec/profiles.md CN-6).
var providerCode = regexp.MustCompile(`^00[0-9A-Z]{2}[0-9A-Z]{18}([12][0-9A-Z]{4}|00000)$`)

const (
	providerCodeLength = 27
	statusSynthetic    = 1
	statusReal         = 4
	extentFull         = 1
	extentDeepfake     = 3
	autonomous         = 1
	modalityText       = 1
	modalityCode       = 6
	madeSlack          = 10 * 60 * 1000 // ms of clocks
)

// judgeLabel holds a label against itself and its record. SPEC(VER-72)
func (in *Inspector) judgeLabel(p *part, r *reader, i int) {
	l := r.label()
	if l == nil {
		return
	}
	if at, want, got := wrongCode(l); want != "" {
		p.find(codeOnly(verify.CodeLabelCode), verify.CodeLabelCode, i, ".label"+at, say(want, got))
	}
	for _, look := range [...]func(*provenance.Label, *reader, string) (string, string){
		notSynthetic, wronglySynthetic, wrongModality, wrongReference, wrongTimes, notApplied,
	} {
		if want, got := look(l, r, p.provider); want != "" {
			p.find(codeOnly(verify.CodeLabelContradicts), verify.CodeLabelContradicts, i, ".label", say(want, got))
			return // one a record
		}
	}
}

// lastSegment is a source type's code.
func lastSegment(uri string) string { return uri[strings.LastIndexByte(uri, '/')+1:] }

// wrongCode looks for a code that there is not.
func wrongCode(l *provenance.Label) (at, want, got string) {
	switch {
	case l.SourceType != "" && !slices.Contains(sourceTypes[:], lastSegment(l.SourceType)):
		return ".source-type", "one of IPTC's digital source types or C2PA's", l.SourceType
	case strings.HasPrefix(l.ContentID, "tokentrail:"):
		if _, _, err := label.ParseContentReference(l.ContentID); err != nil {
			return ".content-id", "a content reference of spec/label.md LBL-1", err.Error()
		}
	}
	switch {
	case l.PropagateID != "" && l.Propagator == "":
		return ".propagate-id", "the propagator whose id it is", "none"
	case len(l.ProducerCode) == providerCodeLength && !providerCode.MatchString(l.ProducerCode):
		return ".producer-code", "a provider code in the form of spec/profiles.md CN-6", l.ProducerCode
	}
	return "", "", ""
}

// notSynthetic looks at what is declared not synthetic.
func notSynthetic(l *provenance.Label, r *reader, _ string) (want, got string) {
	if l.Status != statusReal {
		return "", ""
	}
	const declared = "content that is declared not synthetic to be so"
	_, output, counted := r.tokens()
	switch {
	case l.Extent != 0:
		return declared, "an extent of synthesis"
	case l.SourceType != "" && label.SyntheticSource(l.SourceType):
		return declared, "the source type " + l.SourceType
	case l.Explicit != nil && l.Explicit.Applied:
		return declared, "an explicit label that says that it is synthetic"
	case l.Oversight == autonomous:
		return declared, "made fully autonomously"
	case r.kind == provenance.Production && counted && output > 0:
		return declared, fmt.Sprintf("a production: a model made %d tokens of it", output)
	}
	return "", ""
}

// wronglySynthetic looks at what is declared synthetic.
func wronglySynthetic(l *provenance.Label, _ *reader, _ string) (want, got string) {
	switch {
	case l.Status == statusSynthetic && l.Extent == extentFull && slices.Contains(captures[:], lastSegment(l.SourceType)):
		return "content that is synthetic in full to have a source type that says so", l.SourceType
	case l.Extent == extentDeepfake && (l.Modality == modalityText || l.Modality == modalityCode):
		return "a deepfake to be of image, sound, video or scene", "text or code"
	}
	return "", ""
}

// mediaTypes are what media types of a modality begin with.
var mediaTypes = [...][]string{
	modalityText: {"text/", "application/"}, 2: {"image/"}, 3: {"audio/"}, 4: {"video/"}, 5: {"model/", "application/", "image/", "video/"},
	modalityCode: {"text/", "application/"},
}

// wrongModality holds the modality against the media types of the outputs.
func wrongModality(l *provenance.Label, r *reader, _ string) (want, got string) {
	if l.Modality < 1 || int(l.Modality) >= len(mediaTypes) {
		return "", ""
	}
	for _, media := range r.mediaTypes() {
		begins := func(prefix string) bool { return strings.HasPrefix(strings.ToLower(media), prefix) }
		if !slices.ContainsFunc(mediaTypes[l.Modality], begins) {
			return fmt.Sprintf("outputs of the label's modality, of a media type %s…", strings.Join(mediaTypes[l.Modality], "…, ")), media
		}
	}
	return "", ""
}

// wrongReference looks for a content id that refers to another record than this.
func wrongReference(l *provenance.Label, r *reader, issuer string) (want, got string) {
	if !strings.HasPrefix(l.ContentID, "tokentrail:") || r.kind != provenance.Production {
		return "", "" // others may name the record of whoever made the content
	}
	named, ref, err := label.ParseContentReference(l.ContentID)
	if err != nil {
		return "", "" // told as a wrong code
	}
	own, err := provenance.DecodeField[[]byte](r.fields[keyRef])
	if err == nil && named == issuer && own != nil && bytes.Equal(*own, ref) {
		return "", ""
	}
	return "a content id that refers to this record, where it refers to one", l.ContentID
}

// wrongTimes looks for times that cannot be.
func wrongTimes(l *provenance.Label, r *reader, _ string) (want, got string) {
	if e := l.Explicit; e != nil && e.LoggedUntil != nil && *e.LoggedUntil < r.time {
		return "a log that is kept until after the record's time, " + instant(r.time), instant(*e.LoggedUntil)
	}
	if l.Made == nil || r.kind != provenance.Production {
		return "", ""
	}
	end := r.time
	if d, err := provenance.FieldInteger(r.fields[keyDuration]); err == nil && r.fields[keyDuration] != nil {
		end += min(d, 1<<52)
	}
	if *l.Made < r.time-madeSlack || *l.Made > end+madeSlack {
		return fmt.Sprintf("made between request and end, %s and %s", instant(r.time), instant(end)), instant(*l.Made)
	}
	return "", ""
}

// notApplied looks for what only an explicit label has that is applied.
func notApplied(l *provenance.Label, _ *reader, _ string) (want, got string) {
	if e := l.Explicit; e != nil && !e.Applied && (e.Position != 0 || e.Form != 0) {
		return "an explicit label that is applied, since it has a position or form", "not applied"
	}
	return "", ""
}

// instant writes a time of the format.
func instant(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
