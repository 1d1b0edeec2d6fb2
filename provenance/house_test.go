package provenance

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The package is pure: it never reaches HTTP, a database or the consensus engine,
// itself or through what it imports; nor, itself, a log, a network or a disk.
func TestNoDependencyReachesTheOutside(t *testing.T) {
	list := func(banned string, args ...string) {
		out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for dep := range strings.FieldsSeq(string(out)) {
			if regexp.MustCompile(banned).MatchString(dep) && dep != "tokentrail/provenance" {
				t.Errorf("the package depends on %s", dep)
			}
		}
	}
	list(`^(net/http|github\.com/dgraph-io/.*|github\.com/cometbft/.*|tokentrail/.+)$`, "-deps", ".")
	list(`^(net|net/.*|log|log/.*|os|os/.*|syscall|unsafe)$`, "-f", `{{join .Imports " "}}`, ".")
}

// sources are the package's own files.
func sources(t *testing.T) (*token.FileSet, []*ast.File) {
	t.Helper()
	names, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range names {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			files = append(files, must1(parser.ParseFile(fset, e.Name(), nil, parser.ParseComments)))
		}
	}
	return fset, files
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	fset, files := sources(t)
	p := must1(doc.NewFromFiles(fset, files, "tokentrail/provenance"))
	if p.Doc == "" {
		t.Error("the package has no comment")
	}
	documented := func(kind, name, text string) {
		if ast.IsExported(name) && strings.TrimSpace(text) == "" {
			t.Errorf("%s %s has no comment", kind, name)
		}
	}
	values := func(groups []*doc.Value) {
		for _, g := range groups {
			for _, spec := range g.Decl.Specs {
				v := spec.(*ast.ValueSpec)
				documented("value", v.Names[0].Name, g.Doc+v.Doc.Text()+v.Comment.Text())
			}
		}
	}
	values(slices.Concat(p.Consts, p.Vars))
	for _, f := range p.Funcs {
		documented("function", f.Name, f.Doc)
	}
	for _, typ := range p.Types {
		documented("type", typ.Name, typ.Doc)
		for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
			documented("method", f.Name, f.Doc)
		}
		values(slices.Concat(typ.Consts, typ.Vars))
	}
}

// What a reader trips over first: files and functions that do not end.
func TestFilesAndFunctionsStayShort(t *testing.T) {
	fset, files := sources(t)
	for _, f := range files {
		if n := fset.File(f.Pos()).LineCount(); n > 600 {
			t.Errorf("%s has %d lines", fset.File(f.Pos()).Name(), n)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line; n > 100 {
				t.Errorf("%s has %d lines", fn.Name.Name, n)
			}
		}
	}
}

// Every rule that the code cites is a rule of the specification.
func TestCitedRulesExist(t *testing.T) {
	defined := map[string]bool{}
	for _, name := range []string{"encoding", "record", "statement", "receipt", "key", "ledger", "flows", "api", "label", "verify", "trace", "privacy", "state", "governance", "bundle"} {
		text := string(must1(os.ReadFile("../spec/" + name + ".md")))
		for _, id := range regexp.MustCompile(`[A-Z]{3}-\d+`).FindAllString(text, -1) {
			defined[id] = true
		}
	}
	_, files := sources(t)
	for _, f := range files {
		for _, group := range f.Comments {
			for _, m := range regexp.MustCompile(`SPEC\(([A-Z]+-\d+)\)`).FindAllStringSubmatch(group.Text(), -1) {
				if !defined[m[1]] {
					t.Errorf("the code cites %s, which no text defines", m[1])
				}
			}
		}
	}
}
