package label

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	xmpPlace = "XMP"

	nsRDF  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsAIGC = "http://www.tc260.org.cn/ns/AIGC/1.0/"
	nsIPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
)

// The two properties that are read and written. SPEC(LBL-16)
var (
	propertyAIGC   = xml.Name{Space: nsAIGC, Local: "AIGC"}
	propertySource = xml.Name{Space: nsIPTC, Local: "DigitalSourceType"}
)

// A span is a piece of the packet: bytes from start to before end.
type span struct{ start, end int }

// A mark is the element or attribute that holds a property of the label.
type mark struct {
	span
	name xml.Name
}

// A description is one rdf:Description right below rdf:RDF.
type description struct {
	span
	other int // properties that are not the label's
}

// An rdfPacket is what a packet holds, and where.
type rdfPacket struct {
	aigc, source []string // values, in the packet's order
	marks        []mark   // where they stand, ascending
	descriptions []description
	about        string // rdf:about of the first description
	root         span   // the whole element rdf:RDF; its end is 0 where there is none
	rootTag      int    // where the start tag of rdf:RDF ends
	rootEnd      int    // where the end tag of rdf:RDF starts
}

// readXMP returns the label and the source type of one packet; nil and empty
// where there is none. What XMP puts elsewhere, such as a label within a
// structure, is not the file's.
func readXMP(b []byte) (aigc *AIGC, sourceType string, err error) {
	return readPackets("", []packet{{b, "", 0}})
}

// A packet is the XMP of a file, and where it stands.
type packet struct {
	text   []byte
	place  string
	offset int64 // −1 where the text is not in the file byte for byte
}

// readPackets reads the packets of one file together: a file has one label,
// whatever number of packets it has. SPEC(LBL-3)
func readPackets(f Format, packets []packet) (aigc *AIGC, sourceType string, err error) {
	var labels, sources []string
	for _, p := range packets {
		found, err := parseXMP(p.text)
		if err != nil {
			return nil, "", within(f, p.place, p.offset, err)
		}
		labels, sources = append(labels, found.aigc...), append(sources, found.source...)
	}
	if len(labels) > 1 {
		return nil, "", malformed(f, xmpPlace, -1, "%d AIGC labels; a file has one", len(labels))
	}
	if len(sources) > 1 {
		return nil, "", malformed(f, xmpPlace, -1, "%d digital source types; a file has one", len(sources))
	}
	if len(labels) == 1 {
		if aigc, err = parseAIGC([]byte(labels[0])); err != nil {
			return nil, "", within(f, xmpPlace, -1, err)
		}
	}
	if len(sources) == 1 {
		sourceType = strings.TrimSpace(sources[0])
	}
	return aigc, sourceType, nil
}

// parseXMP goes over a packet once. It accepts well-formed XML in UTF-8 without
// a document type: no entity is ever expanded but XML's own five.
func parseXMP(packet []byte) (*rdfPacket, error) {
	if len(packet) > maxMetadata {
		return nil, tooLarge("", xmpPlace, -1, "the packet has %d bytes; at most %d are read", len(packet), maxMetadata)
	}
	if wide(packet) {
		return nil, unsupported("", xmpPlace, -1, "the packet is in UTF-16 or UTF-32; only UTF-8 is read")
	}
	if !utf8.Valid(packet) {
		return nil, malformed("", xmpPlace, -1, "the packet is not UTF-8")
	}
	// Some writers end the packet with zero bytes.
	w := &walker{src: packet, d: xml.NewDecoder(bytes.NewReader(bytes.TrimRight(packet, "\x00")))}
	for {
		start := int(w.d.InputOffset())
		token, err := w.d.Token()
		if err == io.EOF {
			return &w.found, nil
		}
		if err == nil {
			err = w.take(token, start, int(w.d.InputOffset()))
		}
		var ours *FileError
		if err != nil && !errors.As(err, &ours) {
			err = malformed("", xmpPlace, int64(start), "not XML: %v", err)
		}
		if err != nil {
			return nil, err
		}
	}
}

// wide tells the encodings of more than one byte a character by their first
// bytes: a byte order mark, or a zero byte beside '<'.
func wide(packet []byte) bool {
	head := packet[:min(len(packet), 4)]
	return bytes.HasPrefix(head, []byte{0xfe, 0xff}) || bytes.HasPrefix(head, []byte{0xff, 0xfe}) ||
		len(head) == 4 && bytes.IndexByte(head, 0) >= 0
}

// A walker goes over the tokens of a packet.
type walker struct {
	src   []byte
	d     *xml.Decoder
	depth int // of the elements that are open
	found rdfPacket

	rdf      int       // depth of rdf:RDF, 0 outside it
	property *xml.Name // of the label, that is open
	text     strings.Builder
	from     int // where it starts
}

func (w *walker) take(token xml.Token, start, end int) error {
	switch t := token.(type) {
	case xml.Directive:
		return malformed("", xmpPlace, int64(start), "the packet has a document type or another declaration")
	case xml.StartElement:
		if w.depth++; w.depth > maxXMPDepth {
			return tooLarge("", xmpPlace, int64(start), "elements are nested more than %d deep", maxXMPDepth)
		}
		return w.open(t, start, end)
	case xml.EndElement:
		err := w.close(start, end)
		w.depth--
		return err
	case xml.CharData:
		if w.property != nil {
			w.text.Write(t)
		}
	}
	return nil
}

func (w *walker) open(t xml.StartElement, start, end int) error {
	switch {
	case w.property != nil:
		return malformed("", xmpPlace, int64(start), "%s holds an element; it is simple text", w.property.Local)
	case w.rdf == 0 && t.Name == xml.Name{Space: nsRDF, Local: "RDF"}:
		if w.found.root.end != 0 {
			return malformed("", xmpPlace, int64(start), "the packet has a second rdf:RDF")
		}
		w.rdf, w.found.root, w.found.rootTag = w.depth, span{start, end}, end
	case w.rdf > 0 && w.depth == w.rdf+1:
		return w.openDescription(t, start, end)
	case w.rdf > 0 && w.depth == w.rdf+2:
		return w.openProperty(t, start)
	}
	return nil
}

// openDescription takes the properties that stand as attributes.
func (w *walker) openDescription(t xml.StartElement, start, end int) error {
	d := description{span: span{start, end}}
	spans, err := attributeSpans(w.src[start:end])
	if err != nil || len(spans) != len(t.Attr) {
		return malformed("", xmpPlace, int64(start), "the attributes of %s cannot be told apart", t.Name.Local)
	}
	for i, a := range t.Attr {
		at := span{start + spans[i].start, start + spans[i].end}
		switch {
		case a.Name == propertyAIGC:
			w.found.aigc = append(w.found.aigc, a.Value)
		case a.Name == propertySource:
			w.found.source = append(w.found.source, a.Value)
		case a.Name.Space == nsRDF && a.Name.Local == "about":
			if len(w.found.descriptions) == 0 {
				w.found.about = a.Value
			}
			continue
		case a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns":
			continue
		default:
			d.other++
			continue
		}
		w.found.marks = append(w.found.marks, mark{at, a.Name})
	}
	if t.Name != (xml.Name{Space: nsRDF, Local: "Description"}) {
		d.other++ // a typed node says something by its name alone
	}
	w.found.descriptions = append(w.found.descriptions, d)
	return nil
}

// openProperty takes a property that stands as an element.
func (w *walker) openProperty(t xml.StartElement, start int) error {
	d := &w.found.descriptions[len(w.found.descriptions)-1]
	if t.Name != propertyAIGC && t.Name != propertySource {
		d.other++
		return nil
	}
	w.property, w.from = &t.Name, start
	w.text.Reset()
	for _, a := range t.Attr {
		if a.Name.Space == nsRDF && a.Name.Local == "resource" { // a URI may stand so
			w.text.WriteString(a.Value)
		}
	}
	return nil
}

func (w *walker) close(start, end int) error {
	switch {
	case w.rdf == 0:
	case w.depth == w.rdf:
		w.found.root.end, w.found.rootEnd = end, start
		w.rdf = 0
	case w.depth == w.rdf+1:
		w.found.descriptions[len(w.found.descriptions)-1].end = end
	case w.property != nil && w.depth == w.rdf+2:
		if *w.property == propertyAIGC {
			w.found.aigc = append(w.found.aigc, w.text.String())
		} else {
			w.found.source = append(w.found.source, w.text.String())
		}
		w.found.marks = append(w.found.marks, mark{span{w.from, end}, *w.property})
		w.property = nil
	}
	return nil
}

// attributeSpans returns where the attributes of a start tag stand, each with
// the space before it. The decoder has accepted the tag and gives no offsets.
func attributeSpans(tag []byte) ([]span, error) {
	var out []span
	i := bytes.IndexAny(tag, " \t\r\n/>")
	for i >= 0 && i < len(tag) {
		start := i
		for i < len(tag) && strings.IndexByte(" \t\r\n", tag[i]) >= 0 {
			i++
		}
		if i >= len(tag) || tag[i] == '/' || tag[i] == '>' {
			return out, nil
		}
		if i == start {
			break // no space before it, which the decoder lets pass
		}
		quote := bytes.IndexAny(tag[i:], `"'`)
		if quote < 0 {
			break
		}
		i += quote
		length := bytes.IndexByte(tag[i+1:], tag[i])
		if length < 0 {
			break
		}
		i += length + 2
		out = append(out, span{start, i})
	}
	return nil, errors.New("not a start tag")
}
