package label

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// An xmlPart is a part whose root element holds a row of elements, and where they
// stand in its bytes.
type xmlPart struct {
	b        []byte
	place    string
	root     xml.StartElement
	tag      span // the root's start tag
	end      int  // where the root's end tag begins; 0 where its tag is an empty one
	elements []xmlElement
}

// An xmlElement is one of the row.
type xmlElement struct {
	span
	name     string // without its prefix
	attrs    []xml.Attr
	children []string // names of the elements within, at all depths
	text     []byte   // all text within
}

func (e *xmlElement) attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// parseXMLPart reads a part whose root has the given name. It accepts
// well-formed XML in UTF-8 without a document type, so that there are no entities
// but XML's own.
func parseXMLPart(place string, b []byte, root string) (*xmlPart, error) {
	if !utf8.Valid(b) {
		return nil, unsupported(DOCX, place, -1, "it is not in UTF-8")
	}
	p := &xmlPart{b: b, place: place}
	d := xml.NewDecoder(bytes.NewReader(b))
	depth := 0
	for {
		start := int(d.InputOffset())
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.take(token, span{start, int(d.InputOffset())}, &depth)
		}
		var ours *FileError
		if errors.As(err, &ours) {
			return nil, err
		}
		if err != nil {
			return nil, malformed(DOCX, place, -1, "%v", err)
		}
	}
	if p.root.Name.Local != root {
		return nil, malformed(DOCX, place, -1, "its root element is %.40q, not %s", p.root.Name.Local, root)
	}
	return p, nil
}

// take goes over one token.
func (p *xmlPart) take(token xml.Token, at span, depth *int) error {
	switch t := token.(type) {
	case xml.Directive:
		return malformed(DOCX, p.place, -1, "it has a document type, which no part of a document may have")
	case xml.StartElement:
		switch *depth++; {
		case *depth == 1 && p.root.Name.Local != "":
			return malformed(DOCX, p.place, -1, "it has two root elements")
		case *depth == 1:
			p.root, p.tag = t.Copy(), at
		case *depth == 2:
			p.elements = append(p.elements, xmlElement{span: at, name: t.Name.Local, attrs: t.Copy().Attr})
		case *depth <= maxXMPDepth:
			e := &p.elements[len(p.elements)-1]
			e.children = append(e.children, t.Name.Local)
		default:
			return tooLarge(DOCX, p.place, -1, "elements stand in each other more than %d deep", maxXMPDepth)
		}
	case xml.CharData:
		if *depth >= 3 {
			e := &p.elements[len(p.elements)-1]
			e.text = append(e.text, t...)
		}
	case xml.EndElement:
		switch *depth--; {
		case *depth == 1:
			p.elements[len(p.elements)-1].end = at.end
		case *depth == 0 && at.start < at.end:
			p.end = at.start
		}
	}
	return nil
}

// prefix returns the root's prefix with its colon, empty where it has none.
func (p *xmlPart) prefix() string {
	name := p.b[p.tag.start+1 : p.tag.end]
	name = name[:bytes.IndexAny(name, " \t\r\n/>")]
	return string(name[:bytes.IndexByte(name, ':')+1])
}

// insert returns the edit that puts text behind the last of the row.
func (p *xmlPart) insert(text string) edit {
	if p.end > 0 {
		return edit{span{p.end, p.end}, text}
	}
	slash := p.tag.start + bytes.LastIndexByte(p.b[p.tag.start:p.tag.end], '/')
	return edit{span{slash, p.tag.end}, ">" + text + "</" + p.prefix() + p.root.Name.Local + ">"}
}

// without returns the part's bytes without the elements that are told.
func (p *xmlPart) without(out func(e *xmlElement) bool) []byte {
	var cuts []edit
	for i := range p.elements {
		if out(&p.elements[i]) {
			cuts = append(cuts, edit{span: p.elements[i].span})
		}
	}
	return apply(p.b, cuts)
}

// isLabelProperty tells the properties of the marks. SPEC(LBL-14)
func isLabelProperty(e *xmlElement) bool {
	name := e.attr("name")
	return e.name == "property" && (name == aigcKey || name == sourceTypeKey)
}

// textOf returns the value of a property, which must be a text.
func textOf(p *xmlPart, e *xmlElement) (string, error) {
	if len(e.children) == 1 {
		switch e.children[0] {
		case "lpwstr", "lpstr", "bstr":
			return string(e.text), nil
		}
	}
	return "", malformed(DOCX, p.place, -1, "the property %s is not a text (vt:lpwstr)", e.attr("name"))
}

// isCustomType tells the entry of [Content_Types].xml for the custom properties.
func isCustomType(e *xmlElement) bool {
	return e.name == "Override" && strings.EqualFold(e.attr("PartName"), "/"+customName)
}

// isCustomRelation tells the relation to the custom properties, whose type has
// another name in strict documents.
func isCustomRelation(e *xmlElement) bool {
	kind := e.attr("Type")
	return e.name == "Relationship" && (strings.HasSuffix(kind, "/relationships/custom-properties") || strings.HasSuffix(kind, "/relationships/customProperties"))
}
