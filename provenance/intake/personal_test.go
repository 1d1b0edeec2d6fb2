package intake

import (
	"testing"

	"tokentrail/provenance"
)

// SPEC(PRV-1)
func TestPersonalForms(t *testing.T) {
	for text, want := range map[string]string{
		"ada@example.org": "an e-mail address", "from <ada@mail.example.org>": "an e-mail address", "user=ada@example.org;x": "an e-mail address",
		"192.0.2.7": "a network address", "client 2001:db8::1": "a network address", "peer [2001:db8:0:1::2]": "a network address",
		"chatcmpl-9x": "", "llama@home": "", "gpt-4.1": "", "1.2.3": "", "eu:46-2-c:m3": "", "@acme": "", "Acme Inference Ürümqi": "", "a::b": "", "12:30": "",
	} {
		if got := personalForm(text); got != want {
			t.Errorf("%q: %q, wanted %q", text, got, want)
		}
	}
}

func TestPersonalFindsEachText(t *testing.T) {
	const address = "ada@example.org"
	for want, r := range map[string]*provenance.Record{
		"ref":                          {Ref: []byte(address)},
		"links.response":               {Links: &provenance.Links{Response: address}},
		"model.developer":              {Model: &provenance.Model{Name: "m", Developer: address}},
		"using.operator":               {Using: &provenance.Place{Operator: address}},
		"basis[1].reference":           {Basis: []provenance.Basis{{}, {Reference: address}}},
		"label.propagator":             {Label: &provenance.Label{Propagator: address}},
		"dataset.sources[0].reference": {Dataset: &provenance.Dataset{Sources: []provenance.Source{{Reference: address}}}},
		"evaluation.evaluator.name":    {Evaluation: &provenance.Evaluation{Evaluator: provenance.Evaluator{Name: address}}},
		"correction.note":              {Correction: &provenance.Correction{Note: "by " + address}},
	} {
		if path, what := Personal(r); path != want || what != "an e-mail address" {
			t.Errorf("%q %q, wanted it in %s", path, what, want)
		}
	}
	if path, _ := Personal(&provenance.Record{Model: &provenance.Model{Name: "llama-2-70b"}}); path != "" {
		t.Errorf("found something at %s", path)
	}
}
