package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"tokentrail/provenance"
)

func (a *app) statusCommand() *cobra.Command {
	var node string
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Ask a node what ledger it serves and how far it is",
		Example: "tokentrail status --node http://localhost:7480",
		Args:    a.noArgs,
	}
	cmd.Flags().StringVar(&node, "node", "", "the node's address, as http://localhost:7480 (or "+envNode+")")
	cmd.RunE = a.does(func(ctx context.Context, _ []string) error { return a.status(ctx, node) }, asTable, asJSON)
	return cmd
}

func (a *app) status(ctx context.Context, node string) error {
	c, err := a.client(node)
	if err != nil {
		return err
	}
	s, err := c.status(ctx)
	if err != nil {
		return err
	}
	doc := struct {
		Format int    `json:"format"`
		Node   string `json:"node"`
		*statusDoc
	}{outputFormat, c.base.String(), s}
	return a.emit(doc, func(w io.Writer) error {
		catching := ""
		if s.CatchingUp {
			catching = "yes: what it says is old"
		}
		header, missing := "", ""
		if s.Header != nil {
			header = fmt.Sprintf("%d:%s", s.Header.Height, s.Header.Hash)
		}
		if s.History != nil {
			missing = fmt.Sprintf("entries %d to %d are still fetched", s.History.From, s.History.To-1)
		}
		return facts(w,
			fact{"chain", s.ChainID},
			fact{"origin", s.Origin},
			fact{"height", thousands(s.Height)},
			fact{"catching up", catching},
			fact{"log size", thousands(s.LogSize)},
			fact{"log root", s.LogRoot.String()},
			fact{"state root", s.StateRoot.String()},
			fact{"app hash", s.AppHash.String()},
			fact{"header", header}, // as --trust takes it
			fact{"history", missing},
		)
	})
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which program and formats this is",
		Example: "tokentrail version --output json",
		Args:    a.noArgs,
		RunE: a.does(func(context.Context, []string) error {
			doc := struct {
				Format      int    `json:"format"`
				Version     string `json:"version"`
				Go          string `json:"go"`
				BatchFormat int    `json:"batch_format"`
				Rules       int    `json:"rules"`
			}{outputFormat, programVersion(), goVersion(), provenance.FormatVersion, provenance.RuleVersion}
			return a.emit(doc, func(w io.Writer) error {
				return facts(w, fact{"tokentrail", doc.Version}, fact{"go", doc.Go},
					fact{"batch format", thousands(int64(doc.BatchFormat))}, fact{"rules", thousands(int64(doc.Rules))})
			})
		}, asTable, asJSON),
	}
}

// programVersion is the version that the build was made from.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}

func goVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return "unknown"
}
