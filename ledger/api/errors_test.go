package api

import (
	"bufio"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"tokentrail/ledger"
	"tokentrail/provenance"
)

// A told is an error as a client reads it.
type told struct {
	status              int
	title, code, detail string
	header              http.Header
}

// tell takes an error answer apart (SPEC(API-1)).
func tell(t testing.TB, status int, header http.Header, body []byte) told {
	t.Helper()
	if got := header.Get("Content-Type"); got != problemType {
		t.Fatalf("status %d has the type %q: %q", status, got, body)
	}
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	var m map[int]string
	if err := cbor.Unmarshal(body, &m); err != nil || len(m) != 2 {
		t.Fatalf("%x: %v", body, err)
	}
	if again, err := mode.Marshal(m); err != nil || string(again) != string(body) {
		t.Errorf("%x is not deterministic CBOR", body)
	}
	code, detail, ok := strings.Cut(m[-2], ": ")
	if !ok || detail == "" {
		t.Errorf("detail %q does not begin with a code and a colon", m[-2])
	}
	return told{status, m[-1], code, detail, header}
}

// refused wants an error answer.
func (n *node) refused(method, target string, status int, title, code string, header ...string) told {
	n.t.Helper()
	w := n.do(method, target, http.NoBody, header...)
	got := tell(n.t, w.Code, w.Header(), w.Body.Bytes())
	if got.status != status || got.title != title || got.code != code {
		n.t.Errorf("%s %s: %d %q %s: %s; wanted %d %q %s", method, target, got.status, got.title, got.code, got.detail, status, title, code)
	}
	return got
}

// specTable reads the rows of a table of spec/api.md whose first cell matches.
func specTable(t testing.TB, first string) [][]string {
	t.Helper()
	f, err := os.Open("../../spec/api.md")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows [][]string
	for s := bufio.NewScanner(f); s.Scan(); {
		if !strings.HasPrefix(s.Text(), "|") {
			continue
		}
		cells := strings.Split(strings.Trim(s.Text(), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if regexp.MustCompile(first).MatchString(cells[0]) {
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("spec/api.md has no row that begins with %s", first)
	}
	return rows
}

// TestErrorTableIsTheSpecs holds the table of codes against SPEC(API-1).
func TestErrorTableIsTheSpecs(t *testing.T) {
	quoted := regexp.MustCompile("`([a-z0-9-]+)`")
	spec := map[string]problem{}
	var malformed bool
	for _, row := range specTable(t, `^\d{3}`) {
		codes := quoted.FindAllStringSubmatch(row[2], -1)
		statuses, titles := strings.Split(row[0], ", "), strings.Split(row[1], ", ")
		if len(statuses) > 1 { // "405, 415"
			for i := range statuses {
				status, _ := strconv.Atoi(statuses[i])
				spec[codes[i][1]] = problem{status: status, title: titles[i]}
			}
			continue
		}
		status, err := strconv.Atoi(row[0])
		if err != nil {
			t.Fatal(err)
		}
		retry := strings.Contains(row[2], "Retry-After")
		malformed = malformed || strings.HasPrefix(row[2], "all of encoding.md and statement.md") && row[1] == "Malformed request"
		for _, c := range codes {
			p := problem{status: status, title: row[1]}
			if retry {
				p.retry = 1
			}
			spec[c[1]] = p
		}
	}
	if !malformed {
		t.Fatal("the row of malformed requests is another now")
	}
	ours := problemsByCode()
	for code, want := range spec {
		got, ok := ours[provenance.Code(code)]
		if !ok || got.status != want.status || got.title != want.title || (got.retry > 0) != (want.retry > 0) {
			t.Errorf("%s: %d %q %v, the specification has %d %q", code, got.status, got.title, got.retry, want.status, want.title)
		}
	}
	for code, got := range ours {
		_, named := spec[string(code)]
		switch {
		case code == codeInternal: // no client can do anything about it
		case !named && (got.status != http.StatusBadRequest || got.title != "Malformed request"):
			t.Errorf("%s is %d %q, and the specification does not name it", code, got.status, got.title)
		}
	}
	// Whatever can refuse a transaction has an answer; a duplicate is none.
	for _, c := range ledger.ResultCodes() {
		if _, ok := ours[c.Code]; !ok && c.Code != ledger.CodeDuplicate {
			t.Errorf("%s has no answer", c.Code)
		}
	}
	// So does every code that the two texts give.
	for _, text := range []string{"encoding.md", "statement.md"} {
		b, err := os.ReadFile("../../spec/" + text)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("(?::|, else|\\||is) `([a-z0-9-]{2,})`").FindAllStringSubmatch(string(b), -1) {
			if _, ok := ours[provenance.Code(m[1])]; !ok && m[1] != "path" {
				t.Errorf("%s gives the code %s, which has no answer", text, m[1])
			}
		}
	}
	n := 0
	for _, p := range problems() {
		n += len(p.codes)
	}
	if n != len(ours) {
		t.Error("a code stands twice in the table")
	}
}

// TestEveryCode: what consensus says is what the client is told.
func TestEveryCode(t *testing.T) {
	n := newNode(t)
	for i, c := range ledger.ResultCodes() {
		if c.Code == ledger.CodeDuplicate {
			continue
		}
		n.chain.set(func(ch *chain) {
			ch.refuse = Refusal(c.Number, (&provenance.Error{Code: c.Code, Path: "records[7].usage", Offset: -1, Detail: "words"}).Error())
		})
		w := n.post(n.provider.sign(t, "x", int64(i), nilUnless(i > 0), 1).raw)
		got, want := tell(t, w.Code, w.Header(), w.Body.Bytes()), n.api.problems[c.Code]
		if got.status != want.status || got.title != want.title || got.code != string(c.Code) || got.detail != "records[7].usage: words" {
			t.Errorf("%s: %+v", c.Code, got)
		}
		if got.header.Get("Cache-Control") != "no-store" || got.header.Get("Location") != "" {
			t.Errorf("%s: %v", c.Code, got.header)
		}
	}
	for _, c := range []struct {
		err    error
		status int
		code   string
		retry  string
	}{
		{ErrBusy, 429, "busy", "1"}, {ErrUnavailable, 503, "unavailable", "5"}, {ledger.ErrClosed, 503, "unavailable", "5"},
		{errors.New("secret path"), 500, "internal", ""}, {Refusal(1, "?"), 500, "internal", ""}, {Refusal(999, "?"), 500, "internal", ""},
		{&ledger.DamageError{What: "entry"}, 500, "internal", ""}, {&provenance.Error{Code: "new-code"}, 500, "internal", ""},
	} {
		n.chain.set(func(ch *chain) { ch.refuse = c.err })
		w := n.post(n.provider.sign(t, "x", 0, nil, 1).raw)
		got := tell(t, w.Code, w.Header(), w.Body.Bytes())
		if got.status != c.status || got.code != c.code || got.header.Get("Retry-After") != c.retry || strings.Contains(got.detail, "secret") {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
}

func nilUnless(there bool) *provenance.Hash {
	if there {
		return &provenance.Hash{1}
	}
	return nil
}

func TestLongDetailIsCut(t *testing.T) {
	n := newNode(t)
	n.chain.set(func(ch *chain) {
		ch.refuse = &provenance.Error{Code: provenance.CodeValue, Offset: -1, Detail: strings.Repeat("ü\xff", 5000)}
	})
	w := n.post(n.provider.sign(t, "x", 0, nil, 1).raw)
	if got := tell(t, w.Code, w.Header(), w.Body.Bytes()); got.status != 400 || len(got.detail) > 3*maxDetail {
		t.Errorf("%d bytes", len(got.detail))
	}
}

// TestRoutesAreTheSpecs: every route of spec/api.md is served, and no other.
func TestRoutesAreTheSpecs(t *testing.T) {
	n := newNode(t)
	n.submit()
	spec := map[string][]string{}
	for _, row := range specTable(t, "^`(GET|POST) ") {
		method, target, _ := strings.Cut(strings.Trim(row[0], "`"), " ")
		path, query, _ := strings.Cut(target, "?")
		var params []string
		for p := range strings.SplitSeq(query, "&") {
			if name, _, ok := strings.Cut(p, "="); ok {
				params = append(params, name)
			}
		}
		spec[method+" "+path] = params
	}
	for _, r := range n.api.routes() {
		name := r.method + " " + r.path
		params, there := spec[name]
		if !there {
			t.Errorf("%s is served and not in the specification", name)
		}
		for _, p := range params {
			if !slices.Contains(r.params, p) {
				t.Errorf("%s does not take %s", name, p)
			}
		}
		for _, p := range r.params {
			// SPEC(FLO-3) gives a query kinds and sides.
			if !slices.Contains(params, p) && !(r.path == "/v1/flows" && (p == "kind" || p == "side")) {
				t.Errorf("%s takes %s, which the specification does not have", name, p)
			}
		}
		delete(spec, name)
		path := strings.NewReplacer("{id}", "0", "{index}", "0", "{kid}", keyName(n.api.public), "{provider}", "acme").Replace(r.path)
		target := path
		switch r.path {
		case "/proof/inclusion":
			target += "?index=0"
		case "/proof/consistency":
			target += "?from=0"
		case "/v1/state":
			target += "?key=rules"
		case "/v1/records":
			target += "?ref=acme/00"
		}
		if r.method == "GET" {
			n.ok(target)
		}
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"} {
			allowed := map[string]string{"GET": "GET, HEAD", "POST": "POST"}[r.method]
			if method == r.method {
				continue
			}
			got := n.refused(method, path+"?x=y", 405, "Method Not Allowed", "method")
			if got.header.Get("Allow") != allowed {
				t.Errorf("%s %s allows %q", method, path, got.header.Get("Allow"))
			}
		}
		n.refused(r.method, path+"/", 404, "Not Found", "not-found")
		n.refused(r.method, "/"+path, 404, "Not Found", "not-found")
	}
	for name := range spec {
		t.Errorf("%s is in the specification and not served", name)
	}
}
