package profile

import "tokentrail/provenance/label"

// ofLabel is a field of what the file says of itself.
func ofLabel(name string, kind FieldKind, says string, get func(*label.File) []any, names ...string) Field {
	return Field{"label." + name, OfLabel, kind, says, names, func(s *Subject) value {
		if s.File == nil {
			return value{missing: s.noFile()}
		}
		return value{items: get(s.File)}
	}}
}

func aigcFields() []Field {
	of := func(name string, says string, get func(*label.AIGC) string, names ...string) Field {
		return ofLabel("aigc."+name, TextField, says, func(f *label.File) []any {
			if f.AIGC == nil {
				return nil
			}
			return text(get(f.AIGC))
		}, names...)
	}
	return []Field{
		{"label.readable", OfLabel, FlagField, "true where the file has at most one label and what it has can be read, false where the file or its label is malformed or there are several (LBL-3)", nil, (*Subject).oneLabel},
		ofLabel("marked", FlagField, "true where an AIGC object of status 1 to 3, a digital source type or an action of the manifest says that the file is synthetic", func(f *label.File) []any { return sure(marked(f)) }),
		ofLabel("aigc", FlagField, "true where there is an AIGC object", func(f *label.File) []any { return sure(f.AIGC != nil) }),
		of("Label", "its Label", func(a *label.AIGC) string { return a.Label }),
		of("status", "its Label 1, 2 or 3, as a record's status", aigcStatus, statuses[:3]...),
		of("ContentProducer", "its ContentProducer", func(a *label.AIGC) string { return a.ContentProducer }),
		of("ProduceID", "its ProduceID", func(a *label.AIGC) string { return a.ProduceID }),
		of("ReservedCode1", "its ReservedCode1", func(a *label.AIGC) string { return a.ReservedCode1 }),
		of("ContentPropagator", "its ContentPropagator", func(a *label.AIGC) string { return a.ContentPropagator }),
		of("PropagateID", "its PropagateID", func(a *label.AIGC) string { return a.PropagateID }),
		ofLabel("source-type", TextField, "digital source type of XMP, front matter or property: its last segment", func(f *label.File) []any { return text(sourceCode(f.SourceType)) }),
		{"reference.matches", OfLabel, FlagField, "true where ProduceID is the content reference (LBL-1) of the record's issuer and ref", nil, (*Subject).referenceMatches},
	}
}

// Actions of C2PA by which a manifest says how its asset came to be.
const (
	created = "c2pa.created"
	opened  = "c2pa.opened"
)

func manifestFields() []Field {
	of := func(name string, kind FieldKind, says string, get func(*label.C2PA) []any) Field {
		return ofLabel("c2pa."+name, kind, says, func(f *label.File) []any {
			if f.C2PA == nil {
				return nil
			}
			return get(f.C2PA)
		})
	}
	return []Field{
		of("active", TextField, "label of the active manifest; absent where the file has no manifest store", func(c *label.C2PA) []any { return text(c.Active) }),
		of("generators", TextField, "claim generators", func(c *label.C2PA) []any {
			var all []any
			for _, g := range c.Generators {
				all = append(all, text(g)...)
			}
			return all
		}),
		of("actions", TextField, "names of the actions", func(c *label.C2PA) []any {
			return ofActions(c, func(a label.Action) string { return a.Name })
		}),
		of("origins", NumberField, "how many actions are c2pa.created or c2pa.opened", func(c *label.C2PA) []any {
			return []any{int64(len(ofActions(c, func(a label.Action) string {
				if a.Name == created || a.Name == opened {
					return a.Name
				}
				return ""
			})))}
		}),
		of("created-source-type", TextField, "digital source type of each c2pa.created: its last segment", func(c *label.C2PA) []any {
			return ofActions(c, func(a label.Action) string {
				if a.Name != created {
					return ""
				}
				return sourceCode(a.SourceType)
			})
		}),
		of("synthetic", FlagField, "true where the digital source type of an action counts as synthetic (LBL-17)", func(c *label.C2PA) []any { return sure(syntheticManifest(c)) }),
		{"label.c2pa.signature", OfLabel, FlagField, "what a C2PA validator said of signatures and hashes; they are not looked at here (LBL-18)", nil, func(s *Subject) value {
			return told(s.Signature, "the manifest's signature and hashes were not looked at")
		}},
	}
}

// ofActions returns what get gives of each action, without what is empty.
func ofActions(c *label.C2PA, get func(label.Action) string) []any {
	var all []any
	for _, a := range c.Actions {
		all = append(all, text(get(a))...)
	}
	return all
}

func fileFields() []Field {
	return []Field{
		{"file.format", OfFile, TextField, "format of the file", formats, func(s *Subject) value {
			if s.File == nil {
				return value{missing: s.noFile()}
			}
			return value{items: text(string(s.File.Format))}
		}},
		{"file.modality", OfFile, TextField, "modality of the content (PRO-4)", modalities, func(s *Subject) value {
			m := s.modality()
			if m == "" {
				return value{missing: "the content's modality is not known"}
			}
			return value{items: text(string(m))}
		}},
		{"commitment.holds", OfFile, FlagField, "true where the record's commitment to an output is one to this file (LBL-20)", nil, func(s *Subject) value {
			return told(s.Commitment, "the file was not held against the record's commitment")
		}},
		{"declared.not-synthetic", OfRecord, FlagField, "true where a record is given that declares the content not synthetic and nothing in the file speaks against it (PRO-5); known in every case", nil, func(s *Subject) value {
			return value{items: sure(s.declaredReal())}
		}},
	}
}

// told is what somebody else found out, or did not.
func told(answer *bool, missing string) value {
	if answer == nil {
		return value{missing: missing}
	}
	return value{items: sure(*answer)}
}
