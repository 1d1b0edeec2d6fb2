package label

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// emptyPacket is the packet that a file gets that has none.
const emptyPacket = `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="` + nsRDF + `">
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>`

// An edit replaces a piece of the packet.
type edit struct {
	span
	text string
}

// editXMP returns the packet with the marks in place of those it has, and else
// byte for byte what it was; nil makes a new one. SPEC(LBL-16)
func editXMP(packet []byte, m Marks) ([]byte, error) {
	if packet == nil {
		packet = []byte(emptyPacket)
	}
	p, err := parseXMP(packet)
	if err != nil {
		return nil, err
	}
	if p.root.end == 0 {
		return nil, malformed("", xmpPlace, -1, "the packet has no rdf:RDF that the label could be put into")
	}
	text, err := p.newDescription(m)
	if err != nil {
		return nil, err
	}
	return apply(packet, append(p.removals(packet, m), p.insertion(packet, text))), nil
}

// stripXMP returns the packet without what m replaces, and else byte for byte
// what it was. It is for the packets that a file should not have beside its first.
func stripXMP(packet []byte, m Marks) ([]byte, error) {
	p, err := parseXMP(packet)
	if err != nil {
		return nil, err
	}
	return apply(packet, p.removals(packet, m)), nil
}

// removals cuts out what m replaces: elements and attributes, and descriptions
// that hold nothing else. A source type stays where m has none.
func (p *rdfPacket) removals(packet []byte, m Marks) []edit {
	var out []edit
	marks := p.marks
	for _, d := range p.descriptions {
		var cuts []edit
		left := d.other
		for ; len(marks) > 0 && marks[0].start < d.end; marks = marks[1:] {
			if marks[0].name == propertySource && m.SourceType == "" {
				left++
			} else {
				cuts = append(cuts, edit{span: marks[0].span})
			}
		}
		if len(cuts) > 0 && left == 0 {
			cuts = []edit{{span: span{d.start, lineEnd(packet, d.end)}}}
		}
		out = append(out, cuts...)
	}
	return out
}

// lineEnd passes over the line's end behind an element and the indentation of
// what follows, which newDescription put there.
func lineEnd(packet []byte, at int) int {
	if at >= len(packet) || packet[at] != '\n' {
		return at
	}
	for at++; at < len(packet) && (packet[at] == ' ' || packet[at] == '\t'); at++ {
	}
	return at
}

// insertion puts text before the end of rdf:RDF, whose tag may be an empty one.
func (p *rdfPacket) insertion(packet []byte, text string) edit {
	if p.rootEnd < p.root.end { // it has an end tag
		line := bytes.TrimRight(packet[:p.rootEnd], " \t")
		return edit{span{p.rootEnd, p.rootEnd}, text + "\n" + string(packet[len(line):p.rootEnd])}
	}
	tag := packet[p.root.start:p.rootTag]
	name := tag[1:bytes.IndexAny(tag, " \t\r\n/>")]
	slash := p.root.start + bytes.LastIndexByte(tag, '/')
	return edit{span{slash, p.root.end}, ">\n" + text + "\n</" + string(name) + ">"}
}

// newDescription is the element that holds the label. All descriptions of a
// packet are about the same (ISO 16684-1, 7.4); the prefix rdf is declared anew,
// since the packet may use another.
func (p *rdfPacket) newDescription(m Marks) (string, error) {
	object, err := m.AIGC.encode(false)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`<rdf:Description xmlns:rdf="` + nsRDF + `" rdf:about="` + escapeXML(p.about) + `" xmlns:TC260="` + nsAIGC + `"`)
	if m.SourceType != "" {
		b.WriteString(` xmlns:Iptc4xmpExt="` + nsIPTC + `"`)
	}
	b.WriteString("><TC260:AIGC>" + strings.ReplaceAll(escapeXML(string(object)), "&#34;", `"`) + "</TC260:AIGC>")
	if m.SourceType != "" {
		b.WriteString("<Iptc4xmpExt:DigitalSourceType>" + escapeXML(m.SourceType) + "</Iptc4xmpExt:DigitalSourceType>")
	}
	b.WriteString("</rdf:Description>")
	return b.String(), nil
}

func escapeXML(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) // a Builder's Write has no error
	return b.String()
}

// apply makes the edits, which ascend and do not overlap.
func apply(packet []byte, edits []edit) []byte {
	var out []byte
	at := 0
	for _, e := range edits {
		out = append(append(out, packet[at:e.start]...), e.text...)
		at = e.end
	}
	return append(out, packet[at:]...)
}
