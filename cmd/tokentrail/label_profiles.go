package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/verify/profile"
)

func (a *app) labelProfilesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "profiles [ID]",
		Short: "List the profiles that label check knows, or the rules of one",
		Long: "List what label check can hold files and records to: laws and standards, as this project reads them.\n" +
			"With an id, its rules: what each asks, of record, label or file, by which clause, and how we know.\n\n" +
			profile.Notice,
		Example: "tokentrail label profiles\n" +
			"tokentrail label profiles cn-gb45438-2025",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%s takes one profile, %q is a second one", cmd.CommandPath(), args[1])
			}
			return nil
		},
		RunE: a.does(func(_ context.Context, args []string) error { return a.labelProfiles(args) }, asTable, asJSON),
	}
}

func (a *app) labelProfiles(args []string) error {
	if len(args) == 1 {
		p, err := profile.Find(args[0])
		if err != nil {
			return usagef("%w", err)
		}
		doc := struct {
			Format  int              `json:"format"`
			Profile *profile.Profile `json:"profile"`
			Notice  string           `json:"notice"`
		}{outputFormat, p, profile.Notice}
		return a.emit(doc, func(w io.Writer) error { return writeProfile(w, p) })
	}
	all := profile.All()
	doc := struct {
		Format   int               `json:"format"`
		Profiles []profile.Profile `json:"profiles"`
		Notice   string            `json:"notice"`
	}{outputFormat, all, profile.Notice}
	return a.emit(doc, func(w io.Writer) error {
		g := &grid{header: []string{"profile", "version", "law", "where", "since", "rules"}, right: 5}
		for _, p := range all {
			g.rows = append(g.rows, []string{p.ID, fmt.Sprint(p.Version), p.Law.Name, p.Law.Jurisdiction, p.Law.Since, fmt.Sprint(len(p.Rules))})
		}
		g.write(w)
		_, err := fmt.Fprintf(w, "\n%s\n", profile.Notice)
		return err
	})
}

func writeProfile(w io.Writer, p *profile.Profile) error {
	since := p.Law.Since
	if since != "" {
		since = "since " + since
	}
	if err := facts(w, fact{"profile", fmt.Sprintf("%s, version %d", p.ID, p.Version)}, fact{"title", p.Title},
		fact{"law", strings.Join(nonEmpty(p.Law.Name, p.Law.Jurisdiction, since), ", ")},
		fact{"read", p.Law.Source}, fact{"note", p.Note}); err != nil {
		return err
	}
	fmt.Fprintln(w)
	g := &grid{header: []string{"rule", "clause", "of", "severity", "known by", "says"}, right: 6}
	for _, r := range p.Rules {
		g.rows = append(g.rows, []string{r.ID, r.Clause, string(r.Of), string(r.Severity), string(r.Known), r.Says})
	}
	g.write(w)
	_, err := fmt.Fprintf(w, "\n%s\n", profile.Notice)
	return err
}
