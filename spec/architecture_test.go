package spec_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The house's import table: what each package may import of ours, and what it
// must never reach. Bans concern direct imports; badger, cometbft and net/http
// are banned transitively where they are named.
var imports = []struct {
	pkg   string
	ours  []string // packages of this module that it may import
	never []string // prefixes of import paths
}{
	{"spec", nil, []string{"tokentrail/"}},
	{"provenance", nil, []string{"net", "net/http", "log", "os", "github.com/dgraph-io/badger", "github.com/cometbft/cometbft"}},
	{"provenance/label", []string{"provenance"}, []string{"net/http", "os", "github.com/dgraph-io/badger", "github.com/cometbft/cometbft"}},
	{"provenance/intake", []string{"provenance"}, []string{"net/http", "github.com/dgraph-io/badger", "github.com/cometbft/cometbft"}},
	{"verify", []string{"provenance"}, []string{"net/http", "github.com/dgraph-io/badger", "github.com/cometbft/cometbft"}},
	{"verify/cosign", []string{"provenance"}, []string{"net", "net/http", "os", "github.com/dgraph-io/badger", "github.com/cometbft/cometbft"}},
	{"verify/inspect", []string{"provenance", "provenance/intake", "provenance/label", "verify", "verify/profile"}, []string{"net/http", "os", "github.com/dgraph-io/badger", "github.com/cometbft/cometbft"}},
	{"verify/light", []string{"provenance", "verify"}, nil},
	{"verify/profile", []string{"provenance", "provenance/label"}, []string{"net/http", "os", "github.com/dgraph-io/badger", "github.com/cometbft/cometbft"}},
	{"verify/remote", []string{"provenance", "verify"}, []string{"github.com/dgraph-io/badger", "github.com/cometbft/cometbft"}},
	{"ledger", []string{"provenance"}, []string{"github.com/cometbft/cometbft"}},
	{"ledger/app", []string{"ledger", "provenance"}, nil},
	{"ledger/index", []string{"ledger", "provenance"}, []string{"github.com/cometbft/cometbft"}},
	{"ledger/backup", []string{"ledger", "provenance"}, []string{"github.com/cometbft/cometbft"}},
	{"ledger/api", []string{"ledger", "ledger/index", "provenance"}, []string{"github.com/cometbft/cometbft"}},
	{"cmd/tokentraild", []string{"ledger", "ledger/app", "ledger/backup", "ledger/index", "ledger/api", "provenance", "provenance/intake", "provenance/label", "verify", "verify/light", "verify/profile", "verify/remote"}, nil},
	{"cmd/tokentraild/faults", nil, nil}, // tests only
	{"cmd/tokentrail", []string{"provenance", "provenance/intake", "provenance/label", "spec", "verify", "verify/cosign", "verify/inspect", "verify/light", "verify/profile", "verify/remote"}, nil},
	{"spec/vectors/generate", nil, []string{"tokentrail/"}},
}

// transitive are the bans that hold for what a dependency imports too.
var transitive = map[string]bool{"net/http": true, "github.com/dgraph-io/badger": true, "github.com/cometbft/cometbft": true}

const module = "tokentrail/"

type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Dir        string
	GoFiles    []string
}

func listPackages(t *testing.T) map[string]listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps,Dir,GoFiles", "./...")
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string]listed{}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p listed
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages[strings.TrimPrefix(p.ImportPath, module)] = p
	}
	return packages
}

func TestImportTable(t *testing.T) {
	packages := listPackages(t)
	for _, row := range imports {
		p, ok := packages[row.pkg]
		if !ok {
			t.Errorf("package %s is in the table and not in the tree", row.pkg)
			continue
		}
		for _, path := range p.Imports {
			if ours, is := strings.CutPrefix(path, module); is && !slices.Contains(row.ours, ours) {
				t.Errorf("%s imports %s, which the table does not allow", row.pkg, ours)
			}
		}
		for _, banned := range row.never {
			reached := p.Imports
			if transitive[banned] {
				reached = p.Deps
			}
			for _, dep := range reached {
				if dep == banned || strings.HasPrefix(dep, strings.TrimSuffix(banned, "/")+"/") {
					t.Errorf("%s reaches %s, by whatever way", row.pkg, dep)
				}
			}
		}
		delete(packages, row.pkg)
	}
	for name := range packages {
		t.Errorf("package %s is in the tree and not in the table", name)
	}
}

func TestTopLevel(t *testing.T) {
	allowed := []string{"cmd", "ledger", "provenance", "verify", "spec", "go.mod", "go.sum", "README.md", "Makefile", "LICENSE"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) && e.Name() != "bin" {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

// TestPackageComments wants a package comment in every package.
func TestPackageComments(t *testing.T) {
	for name, p := range listPackages(t) {
		documented := false
		for _, file := range p.GoFiles {
			f := parseFile(t, filepath.Join(p.Dir, file))
			documented = documented || f.Doc != nil
		}
		if !documented {
			t.Errorf("package %s has no package comment", name)
		}
	}
}

// TestExportedNamesAreDocumented wants a comment on every exported declaration.
func TestExportedNamesAreDocumented(t *testing.T) {
	for name, p := range listPackages(t) {
		for _, file := range p.GoFiles {
			f := parseFile(t, filepath.Join(p.Dir, file))
			for _, d := range f.Decls {
				if what := undocumented(d); what != "" {
					t.Errorf("%s/%s: %s has no comment", name, file, what)
				}
			}
		}
	}
}

func parseFile(t *testing.T, path string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// undocumented returns the first exported name of d that has no comment.
func undocumented(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			return d.Name.Name
		}
	case *ast.GenDecl:
		if d.Doc != nil {
			return ""
		}
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil {
					return s.Name.Name
				}
			case *ast.ValueSpec:
				if s.Names[0].IsExported() && s.Doc == nil && s.Comment == nil {
					return s.Names[0].Name
				}
			}
		}
	}
	return ""
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}

// TestSizes holds files and functions to the house's limits.
func TestSizes(t *testing.T) {
	for name, p := range listPackages(t) {
		for _, file := range p.GoFiles {
			path := filepath.Join(p.Dir, file)
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			if lines := set.Position(f.FileEnd).Line; lines > 600 {
				t.Errorf("%s/%s has %d lines, at most 600", name, file, lines)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				if lines := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line; lines > 100 {
					t.Errorf("%s/%s: %s has %d lines, at most 100", name, file, fn.Name.Name, lines)
				}
			}
		}
	}
}

// TestDependenciesHaveReasons wants a row in dependencies.md for each direct
// dependency, and no row without one.
func TestDependenciesHaveReasons(t *testing.T) {
	text, err := os.ReadFile("dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(text, -1) {
		rows[string(m[1])] = true
	}
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, r := range mod.Require {
		if !r.Indirect && !rows[r.Path] {
			t.Errorf("%s is a direct dependency without a reason in dependencies.md", r.Path)
		}
		if !r.Indirect {
			delete(rows, r.Path)
		}
	}
	for path := range rows {
		t.Errorf("dependencies.md gives a reason for %s, which is not a direct dependency", path)
	}
}

// TestRulesAreCited wants each rule id of the specification cited by code or
// tests, and no citation of a rule that does not exist.
func TestRulesAreCited(t *testing.T) {
	rule := regexp.MustCompile(`\b(?:ENC|REC|STM|KEY|BAT|SUB|LOG|STA|GEN|ADM|RCP|CHK|PRF|FLO|API|VER|IMP|CLI|JRN|LBL|PRO|TRC|PRV|GOV|EQV|NOD)-[0-9]+\b`)
	defined, cited := map[string]bool{}, map[string][]string{}
	texts, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range texts {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range rule.FindAllString(string(text), -1) {
			defined[id] = true
		}
	}
	err = filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() && strings.HasPrefix(e.Name(), ".") && e.Name() != ".." || e.IsDir() && e.Name() == "node_modules" {
			if e != nil && e.IsDir() && err == nil {
				return fs.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, ".go") && !(strings.Contains(path, "vectors") && strings.HasSuffix(path, ".json")) {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, id := range rule.FindAllString(string(text), -1) {
			cited[id] = append(cited[id], path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for id := range defined {
		if len(cited[id]) == 0 {
			t.Errorf("no code, test or vector cites %s", id)
		}
	}
	for id, paths := range cited {
		if !defined[id] {
			t.Errorf("%s is cited in %s and defined nowhere", id, paths[0])
		}
	}
}
