package verify_test

import (
	"fmt"
	"math"
	"net/url"
	"os"
	"strings"
	"testing"

	cmted "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

func readFile(t testing.TB, path string) []byte {
	b, err := os.ReadFile(path)
	check(t, err)
	return b
}

func text(r *verify.Report) string {
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		return err.Error()
	}
	return b.String()
}

func TestHonestLedgerHolds(t *testing.T) {
	l := small(t)
	for name, trust := range map[string]verify.Trust{"first header": l.at(1), "middle": l.at(3), "tip": l.at(4), "genesis as served": {}} {
		if r := l.audit(trust); r.Verdict != verify.Holds {
			t.Errorf("%s:\n%s", name, text(r))
		}
	}
	if r := l.audit(); r.Verdict != verify.Holds {
		t.Error(text(r))
	}
}

// TestSumsBeyond64Bits: providers that declare as much as an amount may be are
// added up exactly, by the node and by the auditor.
func TestSumsBeyond64Bits(t *testing.T) {
	l := newLedger(t)
	for range 3 {
		r, err := provenance.ParseRecord(l.records(1, "US", "CN")[0])
		check(t, err)
		r.Usage = &provenance.Usage{Input: math.MaxInt64, Output: math.MaxInt64 - 1}
		raw, err := r.Encode()
		check(t, err)
		l.commit(l.batch("acme", "us", [][]byte{raw}))
	}
	l.commit()
	r := l.audit()
	if r.Verdict != verify.Holds || !strings.Contains(text(r), "27,670,116,110,564,327,421 input and 27,670,116,110,564,327,418 output tokens") {
		t.Error(text(r))
	}
	b, err := r.JSON()
	check(t, err)
	if !strings.Contains(string(b), `"input": 27670116110564327421,`) {
		t.Errorf("%s", b)
	}
}

func parseURL(t testing.TB, s string) *url.URL {
	u, err := url.Parse(s)
	check(t, err)
	return u
}

// TestValidatorsChange hands over to other validators at height 3, as the header
// of height 2 announces, and again at height 5.
func TestValidatorsChange(t *testing.T) {
	l := newLedger(t)
	sets := []*types.ValidatorSet{l.validators}
	for i := range 2 {
		var vals []*types.Validator
		for j := range 3 {
			key := cmted.GenPrivKeyFromSecret(seed(fmt.Sprint("later", i, j)))
			l.private[key.PubKey().Address().String()] = key
			vals = append(vals, types.NewValidator(key.PubKey(), int64(5+i)))
		}
		sets = append(sets, types.NewValidatorSet(vals))
	}
	l.tweak = func(h *types.Header) {
		l.validators = sets[(h.Height-1)/2]
		h.ValidatorsHash, h.NextValidatorsHash = sets[(h.Height-1)/2].Hash(), sets[min(h.Height/2, 2)].Hash()
		h.ProposerAddress = l.validators.Validators[0].Address
	}
	for range 5 {
		l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
	}
	l.commit()
	for _, trust := range []verify.Trust{{}, l.at(1), l.at(3), l.at(6)} {
		if r := l.audit(trust); r.Verdict != verify.Holds {
			t.Error(text(r))
		}
	}
	// Without the handover the same validators are usurpers.
	l.tweak = nil
	l.validators = sets[0]
	l.commit()
	if r := l.audit(); r.Exit() != 1 || r.Findings()[0].Place != "headers[7].validators_hash" {
		t.Error(text(r))
	}
}

// TestReportNamesTheAuditorsGenesis: what the report says to be the auditor's is
// the auditor's, also where the node's is another.
func TestReportNamesTheAuditorsGenesis(t *testing.T) {
	l := small(t)
	own := provenance.Hash{1}
	r := l.audit(verify.Trust{Genesis: &own})
	if r.Verdict != verify.Evidence || r.Trust.GenesisFrom != "auditor" || *r.Trust.GenesisHash != own {
		t.Errorf("%s from the %s:\n%s", r.Trust.GenesisHash, r.Trust.GenesisFrom, text(r))
	}
}
