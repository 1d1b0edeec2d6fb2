package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"tokentrail/provenance"
)

// read decodes an answer in JSON.
func read[T any](n *node, target string) (v T) {
	n.t.Helper()
	if err := json.Unmarshal(n.ok(target), &v); err != nil {
		n.t.Fatalf("%s: %v", target, err)
	}
	return v
}

type providersAnswer struct {
	Height    int64
	Providers []providerView
	More      bool
}

type providerAnswer struct {
	providerView
	Streams, Equivocations []streamView
	More                   bool
	MoreEquivocations      bool `json:"more_equivocations"`
}

func TestRegistryOfOne(t *testing.T) {
	n := newNode(t)
	for i := range 3 {
		s := n.provider.sign(t, fmt.Sprintf("s%d", i), 0, nil, 1)
		if w := n.post(s.raw); w.Code != http.StatusCreated {
			t.Fatalf("%d %q", w.Code, w.Body)
		}
	}
	all := read[providersAnswer](n, "/v1/providers")
	if len(all.Providers) != 1 || all.More || all.Height != n.chain.ledger.Snapshot().Head().Height-1 {
		t.Fatalf("%+v", all)
	}
	p := all.Providers[0]
	if p.ID != "acme" || p.Status != "active" || p.StreamCount != 3 || len(p.Keys) != 1 || p.Keys[0].Key != n.provider.public() || !p.Keys[0].Valid {
		t.Errorf("%+v", p)
	}
	if got := read[providersAnswer](n, "/v1/providers?after=acme"); len(got.Providers) != 0 || got.More {
		t.Errorf("behind the last: %+v", got)
	}
	one := read[providerAnswer](n, "/v1/providers/acme?limit=2")
	if len(one.Streams) != 2 || !one.More || one.Streams[1].Stream != "s1" || one.Streams[1].Entry != 1 || one.Streams[1].Status != "open" || one.Equivocations == nil {
		t.Errorf("%+v", one)
	}
	if one = read[providerAnswer](n, "/v1/providers/acme?after=s1"); len(one.Streams) != 1 || one.More || one.Streams[0].Stream != "s2" {
		t.Errorf("%+v", one)
	}
	n.refused("GET", "/v1/providers/nobody", 404, "Not Found", "not-found")
	n.refused("GET", "/v1/providers?after=A", 400, "Malformed request", "value")
	n.refused("GET", "/v1/providers?limit=1001", 400, "Malformed request", "value")
}

func TestWhoGoverns(t *testing.T) {
	n := newNode(t)
	governance := read[struct{ Governed *bool }](n, "/v1/governance")
	if governance.Governed == nil || *governance.Governed {
		t.Errorf("governed: %v", governance.Governed)
	}
	rules := read[struct{ Version, Newest int64 }](n, "/v1/rules")
	if rules.Version != 3 || rules.Newest != provenance.RuleVersion {
		t.Errorf("%+v", rules)
	}
	validators := read[struct {
		Power      int64
		Validators []validatorView
	}](n, "/v1/validators")
	if validators.Power != 1 || len(validators.Validators) != 1 || len(validators.Validators[0].Address) != 40 {
		t.Errorf("%+v", validators)
	}
	policy := read[struct{ Policy *provenance.Policy }](n, "/v1/policy")
	if policy.Policy == nil {
		t.Error("no policy")
	}
	n.refused("GET", "/v1/validators/changes?from=0", 400, "Malformed request", "value")
}

// TestAbsenceIsProven: any key that could stand in the state map is answered,
// there or not.
func TestAbsenceIsProven(t *testing.T) {
	n := newNode(t)
	for _, key := range []string{
		provenance.StateGovernance, provenance.StateProviderKey("nobody"), provenance.StateStreamKey("acme", "none"),
		provenance.StateValidatorKey(make([]byte, 20)), provenance.StateStreamKey(longName(), longName()),
	} {
		var parts []cbor.RawMessage
		if err := cbor.Unmarshal(n.ok("/v1/state?key="+key), &parts); err != nil || len(parts) != 4 {
			t.Fatalf("%s: %d parts, %v", key, len(parts), err)
		}
		preimage, err := provenance.ParsePreimage(parts[0])
		if err != nil {
			t.Fatal(err)
		}
		proof, err := provenance.ParseStateProof(parts[3])
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Absent(preimage.StateRoot, key); err != nil || len(parts[2]) != 1 {
			t.Errorf("%s: value %x, %v", key, parts[2], err)
		}
	}
}

func longName() string { return fmt.Sprintf("%064d", 0) }
