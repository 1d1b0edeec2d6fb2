package profile

import (
	"embed"
	"fmt"
	"strings"
)

// data holds one file for each profile, named by its id.
//
//go:embed profiles/*.json
var data embed.FS

// ids are the profiles, in the order in which they are shown.
var ids = [...]string{"cn-gb45438-2025", "eu-aia-50", "us-ca-sb942", "in-2026", "kr-31", "c2pa"}

// A Profile is what one law or standard asks, as this project reads it.
type Profile struct {
	ID      string     `json:"id"`
	Title   string     `json:"title"`
	Version int        `json:"version"` // grows with each change of a rule
	Law     Law        `json:"law"`
	Scope   []Modality `json:"scope"`             // what the law covers
	Applies *Predicate `json:"applies,omitempty"` // else the law asks nothing of this content
	Note    string     `json:"note"`              // what is unverified, and what cannot be seen
	Rules   []Rule     `json:"rules"`
}

// Law names a law or a standard.
type Law struct {
	Name         string `json:"name"`
	Jurisdiction string `json:"jurisdiction"`    // country, or "none" of a standard
	Since        string `json:"since,omitempty"` // day from which it is in force
	Source       string `json:"source"`          // what was read of it
}

// A Rule is one thing that a clause asks. Its id never changes its meaning.
type Rule struct {
	ID       string     `json:"id"`
	Clause   string     `json:"clause"`
	Says     string     `json:"says"` // in one sentence
	Of       Of         `json:"of"`
	Severity Severity   `json:"severity"`
	Known    Known      `json:"known"`
	When     *Predicate `json:"when,omitempty"` // else it is not applicable
	Require  Predicate  `json:"require"`
}

// Of is what a rule is about, and what has to be mended where it fails.
type Of string

// What rules are about.
const (
	OfRecord Of = "record" // what the provider signed
	OfLabel  Of = "label"  // what the file says of itself
	OfFile   Of = "file"   // the file
)

// Severity tells a duty from advice.
type Severity string

// Severities. What the law only encourages, and what is unverified, is Should.
const (
	Must   Severity = "must"
	Should Severity = "should"
)

// Known is how we know what a clause says.
type Known string

// Ways of knowing. Of the last two no rule is a must.
const (
	Primary   Known = "primary"   // read in the text itself
	Secondary Known = "secondary" // read in what others published of it
	Memory    Known = "memory"    // not verified
	Inferred  Known = "inferred"  // follows from the clause, by our reading
)

// Modality is a kind of content.
type Modality string

// Modalities (spec/record.md, label).
const (
	Text  Modality = "text"
	Image Modality = "image"
	Audio Modality = "audio"
	Video Modality = "video"
	Scene Modality = "scene" // virtual, three-dimensional
	Code  Modality = "code"
)

// Modalities returns all modalities, in the order of their numbers in a record.
func Modalities() []Modality { return []Modality{Text, Image, Audio, Video, Scene, Code} }

// ParseModality returns the modality of that name.
func ParseModality(s string) (Modality, error) {
	for _, m := range Modalities() {
		if string(m) == s {
			return m, nil
		}
	}
	return "", fmt.Errorf("%.80q is no modality; wanted one of %s", s, joined(Modalities(), ", "))
}

// All returns every profile. The caller owns them.
func All() []Profile {
	all := make([]Profile, len(ids))
	for i, id := range ids {
		all[i] = *load(id)
	}
	return all
}

// Find returns the profile with that id. The caller owns it.
func Find(id string) (*Profile, error) {
	for _, known := range ids {
		if id == known {
			return load(id), nil
		}
	}
	return nil, fmt.Errorf("there is no profile %.80q; wanted one of %s", id, strings.Join(ids[:], ", "))
}

// load parses an embedded profile. Tests hold that each can be parsed: what
// cannot is a mistake in the program, not in its input.
func load(id string) *Profile {
	b, err := data.ReadFile("profiles/" + id + ".json")
	if err != nil {
		panic(err)
	}
	p, err := parse(id, b)
	if err != nil {
		panic(err)
	}
	return p
}

func joined[T ~string](items []T, separator string) string {
	words := make([]string, len(items))
	for i, item := range items {
		words[i] = string(item)
	}
	return strings.Join(words, separator)
}
