package label

import (
	"archive/zip"
	"crypto/sha256"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	nsOfficeDocument = "http://schemas.openxmlformats.org/officeDocument/2006/"
	nsCustom         = nsOfficeDocument + "custom-properties"
	nsVariant        = nsOfficeDocument + "docPropsVTypes"
	customRelation   = nsOfficeDocument + "relationships/custom-properties"
	customMediaType  = "application/vnd.openxmlformats-officedocument.custom-properties+xml"

	// customFormat is the format id of all custom properties (ISO/IEC 29500-1, 22.3.2.2).
	customFormat = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"

	emptyCustom = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\r\n" +
		`<Properties xmlns="` + nsCustom + `" xmlns:vt="` + nsVariant + `"></Properties>`
)

func docxCarrier() carrier {
	return carrier{
		mediaType: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		read:      readDOCX, write: writeDOCX,
		profile: "docx-1", normalise: normaliseDOCX,
	}
}

func readDOCX(src io.ReaderAt, size int64) (*File, error) {
	p, err := openDOCX(src, size)
	if err != nil {
		return nil, err
	}
	file := &File{Format: DOCX}
	if _, err := p.relations(); err != nil || p.custom == nil {
		return file, err
	}
	custom, err := p.parse(p.custom, "Properties")
	if err != nil {
		return nil, err
	}
	for i := range custom.elements {
		e := &custom.elements[i]
		if !isLabelProperty(e) {
			continue
		}
		text, err := textOf(custom, e)
		if err != nil {
			return nil, err
		}
		switch isAIGC := e.attr("name") == aigcKey; {
		case isAIGC && file.AIGC != nil, !isAIGC && file.SourceType != "": // SPEC(LBL-3)
			return nil, malformed(DOCX, p.custom.Name, -1, "the property %s stands twice", e.attr("name"))
		case isAIGC:
			if file.AIGC, err = parseAIGC([]byte(text)); err != nil {
				return nil, within(DOCX, p.custom.Name, -1, err)
			}
		case text == "":
			return nil, malformed(DOCX, p.custom.Name, -1, "the property %s is empty", sourceTypeKey)
		default:
			file.SourceType = text
		}
	}
	return file, nil
}

func (p *docxPackage) parse(f *zip.File, root string) (*xmlPart, error) {
	b, err := readPart(f)
	if err != nil {
		return nil, err
	}
	return parseXMLPart(f.Name, b, root)
}

// relations reads the package's relations. Custom properties must be in the part
// where every reader looks for them.
func (p *docxPackage) relations() (*xmlPart, error) {
	rels, err := p.parse(p.rels, "Relationships")
	if err != nil {
		return nil, err
	}
	for i := range rels.elements {
		e := &rels.elements[i]
		target := strings.TrimPrefix(strings.TrimPrefix(e.attr("Target"), "."), "/")
		if isCustomRelation(e) && (!strings.EqualFold(target, customName) || e.attr("TargetMode") == "External") {
			return nil, unsupported(DOCX, p.rels.Name, -1, "the custom properties are in %.80q; docProps/custom.xml is read", e.attr("Target"))
		}
	}
	return rels, nil
}

func writeDOCX(dst io.Writer, src io.ReaderAt, size int64, m Marks) error {
	p, err := openDOCX(src, size)
	if err != nil {
		return err
	}
	if p.signed && !m.BreakManifest {
		return bound(DOCX, "_xmlsignatures", -1, "the document is signed, and writing would break its signature; ask for that, or label the document before it is signed")
	}
	replaced := map[string][]byte{}
	if replaced[customName], err = p.newCustom(m); err != nil {
		return err
	}
	types, err := p.parse(p.types, "Types")
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(types.elements, func(e xmlElement) bool { return isCustomType(&e) }) {
		text := "<" + types.prefix() + `Override PartName="/docProps/custom.xml" ContentType="` + customMediaType + `"/>`
		replaced[typesName] = apply(types.b, []edit{types.insert(text)})
	}
	rels, err := p.relations()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(rels.elements, func(e xmlElement) bool { return isCustomRelation(&e) }) {
		if replaced[relsName], err = addRelation(rels); err != nil {
			return err
		}
	}
	return p.write(dst, replaced)
}

// addRelation returns the relations with one to the custom properties.
func addRelation(rels *xmlPart) ([]byte, error) {
	ids := map[string]bool{}
	for i := range rels.elements {
		e := &rels.elements[i]
		ids[e.attr("Id")] = true
		if strings.HasPrefix(e.attr("Type"), "http://purl.oclc.org/ooxml/") {
			return nil, unsupported(DOCX, rels.place, -1, "it is a strict document without custom properties; save it as an ordinary one, or with a custom property")
		}
	}
	n := 1
	for ids["rId"+strconv.Itoa(n)] {
		n++
	}
	text := "<" + rels.prefix() + `Relationship Id="rId` + strconv.Itoa(n) + `" Type="` + customRelation + `" Target="docProps/custom.xml"/>`
	return apply(rels.b, []edit{rels.insert(text)}), nil
}

// newCustom returns the custom properties with the marks in place of those that
// are there. SPEC(LBL-14)
func (p *docxPackage) newCustom(m Marks) ([]byte, error) {
	b, place := []byte(emptyCustom), "docProps/custom.xml"
	if p.custom != nil {
		var err error
		if b, err = readPart(p.custom); err != nil {
			return nil, err
		}
		place = p.custom.Name
	}
	custom, err := parseXMLPart(place, b, "Properties")
	if err != nil {
		return nil, err
	}
	object, err := m.AIGC.encode(false)
	if err != nil {
		return nil, err
	}
	values := map[string]string{aigcKey: string(object)}
	if m.SourceType != "" {
		values[sourceTypeKey] = m.SourceType
	}
	pids := map[string]bool{}
	for i := range custom.elements {
		if e := &custom.elements[i]; values[e.attr("name")] == "" || !isLabelProperty(e) {
			pids[e.attr("pid")] = true
		}
	}
	var edits []edit
	for i := range custom.elements {
		e := &custom.elements[i]
		name := e.attr("name")
		if !isLabelProperty(e) || name == sourceTypeKey && m.SourceType == "" {
			continue
		}
		text := ""
		if values[name] != "" {
			text = custom.property(name, values[name], pids)
			values[name] = ""
		}
		edits = append(edits, edit{e.span, text})
	}
	added := ""
	for _, name := range []string{aigcKey, sourceTypeKey} {
		if values[name] != "" {
			added += custom.property(name, values[name], pids)
		}
	}
	if added != "" {
		edits = append(edits, custom.insert(added))
	}
	return apply(b, edits), nil
}

// property returns a new property, with a number that none has; numbers begin
// at 2.
func (p *xmlPart) property(name, value string, pids map[string]bool) string {
	pid := 2
	for pids[strconv.Itoa(pid)] {
		pid++
	}
	pids[strconv.Itoa(pid)] = true
	variant, declared := "vt", ` xmlns:vt="`+nsVariant+`"`
	for _, a := range p.root.Attr {
		if a.Name.Space == "xmlns" && strings.HasSuffix(a.Value, "/docPropsVTypes") {
			variant, declared = a.Name.Local, ""
		}
	}
	element := p.prefix() + "property"
	text := variant + ":lpwstr"
	return "<" + element + ` fmtid="` + customFormat + `" pid="` + strconv.Itoa(pid) + `" name="` + name + `"><` +
		text + declared + ">" + escapeXML(value) + "</" + text + "></" + element + ">"
}

// normaliseDOCX is the profile docx-1. SPEC(LBL-20)
func normaliseDOCX(dst io.Writer, src io.ReaderAt, size int64) error {
	p, err := openDOCX(src, size)
	if err != nil {
		return err
	}
	if _, err := p.relations(); err != nil {
		return err
	}
	parts := slices.SortedFunc(slices.Values(p.parts), func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range parts {
		h := sha256.New()
		content, err := p.covered(f)
		if err != nil {
			return err
		}
		switch {
		case content == nil:
			if err := copyPart(h, f); err != nil {
				return err
			}
		case len(content) == 0:
			continue
		default:
			h.Write(content) // a hash's Write has no error
		}
		if _, err := dst.Write(h.Sum([]byte(f.Name + "\x00"))); err != nil {
			return err
		}
	}
	return nil
}

// covered returns what docx-1 covers of a part that the label changes: nothing
// of custom properties that hold the marks alone. It is nil for other parts,
// which are covered as they are.
func (p *docxPackage) covered(f *zip.File) ([]byte, error) {
	root, out := "", isLabelProperty
	switch f {
	case p.custom:
		root = "Properties"
	case p.types:
		root, out = "Types", isCustomType
	case p.rels:
		root, out = "Relationships", isCustomRelation
	default:
		return nil, nil
	}
	part, err := p.parse(f, root)
	if err != nil {
		return nil, err
	}
	if f == p.custom && !slices.ContainsFunc(part.elements, func(e xmlElement) bool { return !isLabelProperty(&e) }) {
		return []byte{}, nil
	}
	return part.without(out), nil
}
