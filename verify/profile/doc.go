// Package profile holds what laws and standards ask of synthetic content, as
// data, and checks one piece of content against it (spec/profiles.md).
//
//	p, err := profile.Find("cn-gb45438-2025")
//	result := profile.Check(p, profile.Subject{Record: r, Issuer: "acme", File: f})
//	err = result.WriteText(os.Stdout)
//
// A check looks at bytes and declarations: what the record says, and what the
// file says of itself. It is never legal advice, and no verdict says that a law
// is kept. What was not given is not checked, and the result says what it was.
//
// Nothing here reads a clock, a file or the network: the record, the file's
// label and the time of judgement are given. The caller owns them; they are read
// only.
package profile
