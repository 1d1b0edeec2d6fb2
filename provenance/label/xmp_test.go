package label

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

const aigcJSON = `{"Label":"1","ContentProducer":"P","ProduceID":"I"}`

// inRDF puts descriptions into a packet whose prefixes are bound as usual.
func inRDF(inner string) string {
	return `<?xpacket begin="` + "\ufeff" + `" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Other 1.0">
<rdf:RDF xmlns:rdf="` + nsRDF + `" xmlns:t="` + nsAIGC + `" xmlns:iptc="` + nsIPTC + `" xmlns:dc="http://purl.org/dc/elements/1.1/">
` + inner + `
  </rdf:RDF>
</x:xmpmeta>` + strings.Repeat(" \n", 20) + `<?xpacket end="w"?>`
}

const (
	attributes = `<rdf:Description rdf:about="uuid:1" dc:format='image/png' t:AIGC = '` + aigcJSON + `'
   iptc:DigitalSourceType="` + trained + `"/>`
	elements = `<rdf:Description rdf:about=""><dc:title><rdf:Alt><rdf:li xml:lang="x-default">A &lt;b&gt; &amp;#x20;</rdf:li></rdf:Alt></dc:title>
    <t:AIGC>` + aigcJSON + `</t:AIGC><!-- a > comment --><iptc:DigitalSourceType rdf:resource="` + trained + `"/>
   <dc:x><![CDATA[</rdf:RDF> <t:AIGC>]]></dc:x></rdf:Description>`
	several = `<rdf:Description rdf:about="" dc:format="a"/><rdf:Description><t:AIGC><![CDATA[` + aigcJSON + `]]></t:AIGC></rdf:Description>
 <rdf:Description rdf:about=""><iptc:DigitalSourceType>
 ` + trained + ` </iptc:DigitalSourceType></rdf:Description>`
	escaped   = `<rdf:Description t:AIGC="{&quot;Label&quot;:&#34;1&#x22;,&quot;ContentProducer&quot;:&quot;P&quot;,&quot;ProduceID&quot;:&quot;I&quot;}" iptc:DigitalSourceType="` + trained + `"/>`
	ownPrefix = `<r:Description xmlns:r="` + nsRDF + `" xmlns="` + nsAIGC + `"><AIGC>` + aigcJSON + `</AIGC><q:DigitalSourceType xmlns:q="` + nsIPTC + `">` + trained + `</q:DigitalSourceType></r:Description>`
)

// forms are packets that say the same in the ways that XMP allows.
var forms = map[string]string{
	"attributes": inRDF(attributes), "elements": inRDF(elements), "several descriptions": inRDF(several),
	"escaped": inRDF(escaped), "other prefixes": inRDF(ownPrefix), "zero bytes behind": inRDF(attributes) + "\x00\x00",
	"no wrapper": `<rdf:RDF xmlns:rdf="` + nsRDF + `" xmlns:t="` + nsAIGC + `" xmlns:iptc="` + nsIPTC + `" xmlns:dc="d">` + several + "</rdf:RDF>",
}

// SPEC(LBL-16)
func TestReadXMP(t *testing.T) {
	for name, packet := range forms {
		aigc, source, err := readXMP([]byte(packet))
		if err != nil || aigc == nil || *aigc != (AIGC{Label: "1", ContentProducer: "P", ProduceID: "I"}) || source != trained {
			t.Errorf("%s: %+v, %q, %v", name, aigc, source, err)
		}
	}
	for name, packet := range map[string]string{
		"nothing":         "",
		"no label":        inRDF(`<rdf:Description dc:format="x"/>`),
		"other namespace": inRDF(`<rdf:Description xmlns:u="urn:other" u:AIGC="1"><u:AIGC>2</u:AIGC><undeclared:AIGC/></rdf:Description>`),
		"in a structure":  inRDF(`<rdf:Description><dc:x rdf:parseType="Resource"><t:AIGC>no</t:AIGC></dc:x></rdf:Description>`),
		"outside RDF":     `<a xmlns:t="` + nsAIGC + `"><t:AIGC>1</t:AIGC></a>`,
	} {
		if aigc, source, err := readXMP([]byte(packet)); err != nil || aigc != nil || source != "" {
			t.Errorf("%s: %+v, %q, %v", name, aigc, source, err)
		}
	}
}

// badPackets are packets that are refused, with the kind and the reason.
var badPackets = []struct {
	packet string
	kind   ErrorKind
	want   string
}{
	{inRDF(attributes + attributes), Malformed, "2 AIGC labels"},
	{inRDF(`<rdf:Description t:AIGC='` + aigcJSON + `'><t:AIGC>` + aigcJSON + `</t:AIGC></rdf:Description>`), Malformed, "2 AIGC labels"},
	{inRDF(`<rdf:Description iptc:DigitalSourceType="a" /><rdf:Description iptc:DigitalSourceType="a" />`), Malformed, "2 digital source types"},
	{inRDF(`<rdf:Description t:AIGC="{}"/>`), Malformed, "no Label"},
	{inRDF(`<rdf:Description><t:AIGC/></rdf:Description>`), Malformed, "not a JSON object"},
	{inRDF(`<rdf:Description><t:AIGC><rdf:Bag/></t:AIGC></rdf:Description>`), Malformed, "holds an element"},
	{`<rdf:RDF xmlns:rdf="` + nsRDF + `"></rdf:RDF><rdf:RDF xmlns:rdf="` + nsRDF + `"/>`, Malformed, "second rdf:RDF"},
	{inRDF(`<rdf:Description>`), Malformed, "not XML"},
	{inRDF(`<rdf:Description a=b/>`), Malformed, "not XML"},
	{inRDF(`<rdf:Description t:AIGC=""dc:format=""/>`), Malformed, "cannot be told apart"},
	{inRDF(`<rdf:Description>&unknown;</rdf:Description>`), Malformed, "not XML"},
	{inRDF("\x01"), Malformed, "not XML"},
	{inRDF("\xff"), Malformed, "not UTF-8"},
	{`<?xml version="1.0" encoding="ISO-8859-1"?>` + inRDF(""), Malformed, "not XML"},
	{`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>`, Malformed, "document type"},
	{"\xff\xfe<\x00x\x00", Unsupported, "UTF-16"},
	{"\xfe\xff\x00<\x00x", Unsupported, "UTF-16"},
	{"<\x00x\x00/\x00>\x00", Unsupported, "UTF-16"},
	{strings.Repeat("<a>", 101) + strings.Repeat("</a>", 101), TooLarge, "nested more than 100"},
	{inRDF(strings.Repeat(" ", maxMetadata)), TooLarge, "at most 1048576"},
}

func TestReadXMPRefuses(t *testing.T) {
	for _, test := range badPackets {
		_, _, err := readXMP([]byte(test.packet))
		wantFileError(t, err, test.kind, test.want)
	}
	for i := range len(forms["elements"]) - 20 {
		if aigc, _, _ := readXMP([]byte(forms["elements"][:i])); aigc != nil && i < strings.Index(forms["elements"], "</x:xmpmeta>") {
			t.Fatalf("the packet cut off at byte %d is read", i)
		}
	}
}

// What is not the label's stays byte for byte.
func TestEditXMP(t *testing.T) {
	m := imageMarks()
	m.AIGC.ReservedCode1 = ""
	written := `<rdf:Description xmlns:rdf="` + nsRDF + `" rdf:about="uuid:1" xmlns:TC260="` + nsAIGC + `" xmlns:Iptc4xmpExt="` + nsIPTC + `"><TC260:AIGC>` +
		`{"Label":"1","ContentProducer":"001191440300708461136T1XGW3","ProduceID":"tokentrail:acme/chat-7","ReservedCode1":"","ContentPropagator":"001191440300708461136T1XGW3","PropagateID":"tokentrail:acme/chat-7","ReservedCode2":""}` +
		`</TC260:AIGC><Iptc4xmpExt:DigitalSourceType>` + trained + "</Iptc4xmpExt:DigitalSourceType></rdf:Description>\n  "
	about := func(text string) string { return strings.Replace(written, "uuid:1", text, 1) }
	for name, test := range map[string]struct{ before, after string }{
		"attributes": {inRDF(attributes), inRDF(`<rdf:Description rdf:about="uuid:1" dc:format='image/png'/>`)},
		"elements": {inRDF(elements), strings.NewReplacer("<t:AIGC>"+aigcJSON+"</t:AIGC>", "",
			`<iptc:DigitalSourceType rdf:resource="`+trained+`"/>`, "").Replace(inRDF(elements))},
		"several":  {inRDF(several), inRDF(`<rdf:Description rdf:about="" dc:format="a"/>`)},
		"own":      {inRDF(ownPrefix), inRDF("")},
		"about":    {inRDF(`<rdf:Description rdf:about="a&quot;b"/>`), inRDF(`<rdf:Description rdf:about="a&quot;b"/>`)},
		"typed":    {inRDF(`<dc:Thing t:AIGC="bad"/>`), inRDF(`<dc:Thing/>`)},
		"many bad": {inRDF(`<dc:Thing t:AIGC="bad" ><t:AIGC>worse</t:AIGC><t:AIGC/></dc:Thing>`), inRDF(`<dc:Thing ></dc:Thing>`)},
	} {
		got, err := editXMP([]byte(test.before), m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		description := map[string]string{"attributes": written, "about": about("a&#34;b")}[name]
		if description == "" {
			description = about("")
		}
		// The last line end before </rdf:RDF> may have gone with a description.
		at := strings.LastIndex(string(got), description)
		if at < 0 {
			t.Errorf("%s: no label is written:\n%s", name, got)
			continue
		}
		rest := string(got[:at]) + string(got[at+len(description):])
		if squeeze(rest) != squeeze(test.after) {
			t.Errorf("%s: the rest is\n%s\nwanted\n%s", name, rest, test.after)
		}
		again, err := editXMP(got, m)
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("%s: written again it is\n%s\n%v", name, again, err)
		}
	}
}

// squeeze leaves out line ends and the indentation behind them.
func squeeze(s string) string {
	return strings.NewReplacer("\n  ", "", "\n ", "", "\n", "").Replace(s)
}

func TestEditXMPOfEmptyRDF(t *testing.T) {
	for _, packet := range []string{
		`<rdf:RDF xmlns:rdf="` + nsRDF + `"/>`, `<r:RDF xmlns:r="` + nsRDF + "\"\n />", `<RDF xmlns="` + nsRDF + `" a="/>"/>`,
	} {
		got, err := editXMP([]byte(packet), imageMarks())
		if err != nil {
			t.Fatal(err)
		}
		if aigc, source, err := readXMP(got); err != nil || *aigc != imageMarks().AIGC || source != trained {
			t.Errorf("%s reads back as %+v, %q, %v", got, aigc, source, err)
		}
	}
	_, err := editXMP([]byte("<x/>"), imageMarks())
	wantFileError(t, err, Malformed, "no rdf:RDF")
}

// Without a source type to write, the one that is there stays where it is.
func TestEditXMPKeepsSourceType(t *testing.T) {
	m := imageMarks()
	m.SourceType = ""
	for name, packet := range forms {
		got, err := editXMP([]byte(packet), m)
		if err != nil {
			t.Fatal(err)
		}
		if aigc, source, err := readXMP(got); err != nil || *aigc != m.AIGC || source != trained || strings.Count(string(got), trained) != 1 {
			t.Errorf("%s reads back as %+v, %q, %v", name, aigc, source, err)
		}
	}
}

// otherTokens are the tokens of a packet that are not the label's, of which text
// loses its space: what an edit must leave.
func otherTokens(t *testing.T, packet []byte) string {
	var b strings.Builder
	stripped, err := stripXMP(packet, Marks{SourceType: "any"})
	if err != nil {
		t.Fatalf("%v\n%s", err, packet)
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimRight(stripped, "\x00")))
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return strings.Join(strings.Fields(b.String()), "")
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, stripped)
		}
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
		case xml.Comment:
			b.WriteString("!" + string(token))
		case xml.StartElement:
			b.WriteString("<" + token.Name.Space + ":" + token.Name.Local)
			for _, a := range token.Attr {
				b.WriteString(" " + a.Name.Space + ":" + a.Name.Local + "=" + a.Value)
			}
		case xml.EndElement:
			b.WriteString("/")
		}
	}
}

func FuzzXMP(f *testing.F) {
	for _, packet := range forms {
		f.Add([]byte(packet))
	}
	for _, test := range badPackets {
		if len(test.packet) < 4096 {
			f.Add([]byte(test.packet))
		}
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		readXMP(packet)
		if packet == nil {
			return
		}
		m := imageMarks()
		out, err := editXMP(packet, m)
		if err != nil {
			return
		}
		aigc, source, err := readXMP(out)
		if err != nil && len(out) <= maxMetadata {
			t.Fatalf("written, it does not read: %v\n%s\n%s", err, packet, out)
		}
		if err != nil {
			return
		}
		if *aigc != m.AIGC || source != m.SourceType {
			t.Fatalf("reads back as %+v, %q\n%s", aigc, source, out)
		}
		if a, b := otherTokens(t, packet), otherTokens(t, out); a != b {
			t.Fatalf("the rest was\n%s\nand is\n%s", a, b)
		}
		if again, err := editXMP(out, m); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("written again it is\n%s\nand was\n%s\n%v", again, out, err)
		}
	})
}
