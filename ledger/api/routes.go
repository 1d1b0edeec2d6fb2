package api

import (
	"net/http"
	"slices"
	"strings"
)

// A route is one line of spec/api.md.
type route struct {
	method  string
	path    string   // as http.ServeMux has it
	params  []string // of the query; any other is refused
	handler func(*response, *request) error
}

// routes are all that is served. A test holds them against spec/api.md.
func (a *api) routes() []route {
	return []route{
		{"POST", "/entries", nil, a.postEntry},
		{"GET", "/entries/{id}", nil, a.getReceipt},
		{"GET", "/.well-known/scitt-keys", nil, a.getKeys},
		{"GET", "/.well-known/scitt-keys/{kid}", nil, a.getKey},

		{"GET", "/entries/{id}/statement", nil, a.getStatement},
		{"GET", "/entries/{id}/records", nil, a.getRecords},
		{"GET", "/entries/{id}/records/{index}", nil, a.getRecordProof},
		{"GET", "/checkpoint", nil, a.getCheckpoint},
		{"GET", "/proof/inclusion", []string{"index", "size"}, a.getInclusion},
		{"GET", "/proof/consistency", []string{"from", "to"}, a.getConsistency},

		{"GET", "/v1/status", nil, a.getStatus},
		{"GET", "/v1/genesis", nil, a.getGenesis},
		{"GET", "/v1/headers", []string{"from", "limit"}, a.getHeaders},
		{"GET", "/v1/entries", []string{"from", "limit"}, a.getEntries},
		{"GET", "/v1/acts", []string{"from", "limit"}, a.getActs},
		{"GET", "/v1/state", []string{"key"}, a.getState},
		{"GET", "/v1/frontier", nil, a.getFrontier},
		{"GET", "/v1/flows", []string{"from", "to", "since", "until", "kind", "side", "by", "limit", "offset", "size"}, a.getFlows},
		{"GET", "/v1/records", append(lookupNames(), "offset", "limit"), a.findRecords},

		{"GET", "/v1/providers", []string{"after", "limit"}, a.getProviders},
		{"GET", "/v1/providers/{provider}", []string{"after", "limit", "before"}, a.getProvider},
		{"GET", "/v1/governance", nil, a.getGovernance},
		{"GET", "/v1/policy", nil, a.getPolicy},
		{"GET", "/v1/rules", nil, a.getRules},
		{"GET", "/v1/validators", nil, a.getValidators},
		{"GET", "/v1/validators/changes", []string{"from"}, a.getChanges},
		{"GET", "/metrics", nil, a.getMetrics},
		{"GET", "/healthz", nil, a.getHealth},
	}
}

// handler serves the routes; whatever else is asked for gets the same kind of
// error.
func (a *api) handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, r := range a.routes() {
		mux.Handle(r.method+" "+r.path, a.serve(r))
		methods[r.path] = append(methods[r.path], r.method)
		if r.method == http.MethodGet { // the mux serves HEAD with it
			methods[r.path] = append(methods[r.path], http.MethodHead)
		}
	}
	for path, allowed := range methods {
		slices.Sort(allowed)
		allow := strings.Join(allowed, ", ")
		mux.Handle(path, a.serve(route{path: path, handler: func(w *response, r *request) error {
			w.Header().Set("Allow", allow)
			return refuse(codeMethod, "", "%.20q is not served here; use %s", r.Method, allow)
		}}))
	}
	nothing := a.serve(route{path: "/", handler: func(_ *response, r *request) error {
		return refuse(codeNotFound, "", "there is no %.200q here; the routes are in spec/api.md", r.URL.Path)
	}})
	mux.Handle("/", nothing)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would redirect these, with a page of its own.
		if !clean(r.URL.EscapedPath()) {
			nothing.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// clean reports whether the mux takes a path as it stands.
func clean(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}
