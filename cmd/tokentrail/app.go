package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"charm.land/fang/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Environment variables that stand in for flags. SPEC(CLI-4)
const (
	envNode       = "TOKENTRAIL_NODE"
	envPassphrase = "TOKENTRAIL_PASSPHRASE"
)

// An app is one run of the program: everything that it has of the world.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string

	output  string // --output
	json    bool   // --json
	begun   bool   // the command line was understood; errors are no longer usage errors
	failure any    // what a failing command has to say beside its error, for --output json
}

// run is the program: it returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := a.execute(ctx, root, args)
	var done *reported
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &done):
		return done.code
	}
	if !a.begun {
		err = usagef("%w", err)
	}
	return a.fail(err, wantsJSON(args))
}

// execute runs the command line. Help, unless NO_COLOR is set, and man pages are
// left to fang; nothing else is, since it asks the terminal for its colours on
// every error.
func (a *app) execute(ctx context.Context, root *cobra.Command, args []string) error {
	asked := func(words ...string) bool {
		return slices.ContainsFunc(args, func(arg string) bool { return slices.Contains(words, arg) })
	}
	help := len(args) == 0 || args[0] == "help" || asked("-h", "--help")
	if len(args) > 0 && args[0] == "man" || help && a.env("NO_COLOR") == "" {
		silent := func(io.Writer, fang.Styles, error) {}
		return fang.Execute(ctx, root, fang.WithErrorHandler(silent), fang.WithVersion(root.Version))
	}
	return root.ExecuteContext(ctx)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tokentrail",
		Short: "Sign, submit, check and read the ledger of AI token usage",
		Long: "tokentrail is the client of a ledger of signed AI token usage.\n\n" +
			"Providers import what they have, sign it and submit it. Auditors verify a ledger from one address.\n" +
			"Regulators ask who sent how many tokens of which model from where to where.",
		Example: "# a provider's first day\n" +
			"tokentrail key new acme\n" +
			"tokentrail import csv usage.csv --time TIMESTAMP --input ContextTokens \\\n" +
			"  --output GeneratedTokens --model llama-2-70b --from US --to CN --out usage.records\n" +
			"tokentrail submit usage.records --node http://localhost:7480 \\\n" +
			"  --key acme --issuer acme --stream usage",
		Args:          a.noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Version:       programVersion(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&a.output, "output", "", "how to answer: a table for people, json for programs (one document, errors too)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "the same as --output json")
	root.SetFlagErrorFunc(flagProblem)
	root.AddGroup(
		&cobra.Group{ID: "provider", Title: "for providers"},
		&cobra.Group{ID: "reader", Title: "for auditors and regulators"},
		&cobra.Group{ID: "governor", Title: "for those who govern a ledger"},
	)
	for _, c := range []struct {
		group string
		cmd   *cobra.Command
	}{
		{"provider", a.keyCommand()}, {"provider", a.importCommand()}, {"provider", a.submitCommand()},
		{"provider", a.recordCommand()}, {"provider", a.correctCommand()},
		{"provider", a.labelCommand()}, {"provider", a.contentCommand()},
		{"reader", a.verifyCommand()}, {"reader", a.bundleCommand()}, {"reader", a.mirrorCommand()}, {"reader", a.flowsCommand()}, {"reader", a.inspectCommand("inspect FILE|-")},
		{"reader", a.traceCommand()}, {"reader", a.statusCommand()},
		{"governor", a.govCommand()},
		{"", a.benchCommand()}, {"", a.versionCommand()},
	} {
		c.cmd.GroupID = c.group
		root.AddCommand(c.cmd)
	}
	strict(root)
	return root
}

// does wraps what a command does: from here on errors are not of usage unless
// they say so. formats are those of --output, the default first.
func (a *app) does(do func(ctx context.Context, args []string) error, formats ...string) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case a.json:
			a.output = asJSON
		case a.output == "":
			a.output = formats[0]
		}
		if !slices.Contains(formats, a.output) {
			return fmt.Errorf("--output %q: %s answers as %s", a.output, cmd.CommandPath(), strings.Join(formats, ", "))
		}
		a.begun = true
		return do(cmd.Context(), args)
	}
}

// group is a command that only holds others.
func (a *app) group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: a.noArgs}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(children...)
	return cmd
}

// noArgs refuses arguments; on a command that holds others they are names of
// commands that are not there.
func (a *app) noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return fmt.Errorf("unknown command %q for %s%s", args[0], cmd.CommandPath(), nearName(cmd, args[0]))
	}
	return fmt.Errorf("%s takes no arguments, %q is one", cmd.CommandPath(), args[0])
}

// oneArg wants exactly one argument.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return fmt.Errorf("%s needs %s; see %s --help", cmd.CommandPath(), what, cmd.CommandPath())
		case 1:
			return nil
		}
		return fmt.Errorf("%s takes one argument, %s; %q is a second one", cmd.CommandPath(), what, args[1])
	}
}

// terminal returns the file behind v, if it is a terminal.
func terminal(v any) (*os.File, bool) {
	f, ok := v.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// openRegular opens a file to read. A directory, a device or a named pipe, whose
// opening alone can wait for ever, is refused; a descriptor that the shell has
// opened, as for <(command), may be a pipe. SPEC(CLI-6)
func openRegular(name string) (*os.File, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil: // opening says it as well, in words of its own
	case info.IsDir():
		return nil, fmt.Errorf("%s is a directory", printable(name))
	case !info.Mode().IsRegular() && !isDescriptor(name):
		return nil, fmt.Errorf("%s is not a regular file; what a pipe or a device gives is read through /dev/stdin", printable(name))
	}
	return os.Open(name)
}

// isDescriptor reports whether a file's name is that of an open descriptor; some
// shells write <(command) as /proc/self/fd/N.
func isDescriptor(name string) bool {
	return name == "/dev/stdin" || strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/")
}

// open opens a file to read, or takes standard input for "-". A terminal that
// nobody types records into is refused.
func (a *app) open(name string) (io.ReadCloser, error) {
	if name != "-" {
		return openRegular(name)
	}
	if _, is := terminal(a.stdin); is {
		return nil, errors.New("standard input is a terminal; redirect a file into it or name the file")
	}
	return io.NopCloser(a.stdin), nil
}
