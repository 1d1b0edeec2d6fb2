package inspect

import (
	"fmt"
	"slices"
	"strings"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// listedBases are the legal bases that are known without being told. SPEC(VER-73)
const listedBases = `eu:45 eu:46-2-a eu:46-2-b eu:46-2-c eu:46-2-c:m1 eu:46-2-c:m2 eu:46-2-c:m3 eu:46-2-c:m4 eu:46-2-d eu:46-2-e
	eu:46-2-f eu:46-3-a eu:46-3-b eu:47 eu:48 eu:49-1-a eu:49-1-b eu:49-1-c eu:49-1-d eu:49-1-e eu:49-1-f eu:49-1-g eu:49-1-2
	cn:assessment cn:standard-contract cn:certification cn:exempt cn:ftz-list
	us-dsp:not-covered us-dsp:exempt us-dsp:restricted us-dsp:licensed
	uk:adequacy uk:idta uk:addendum gcbpr:cbpr gcbpr:prp asean:mcc`

// nonPersonal is the class of data that no legal basis is asked for.
const nonPersonal = "any:non-personal"

// unknownPlace stands for a country that is not known.
const unknownPlace = "ZZ"

// knownBases are those of the list and the auditor's.
func knownBases(more []string) map[string]bool {
	known := map[string]bool{}
	for _, code := range append(strings.Fields(listedBases), more...) {
		known[code] = true
	}
	return known
}

// judgeBasis looks at the legal basis of a transfer. SPEC(VER-73)
func (in *Inspector) judgeBasis(p *part, r *reader, i int, policy *provenance.Policy) {
	serving, using := r.serving(), r.using()
	if serving == nil || using == nil || serving.Country == using.Country || serving.Country == unknownPlace || using.Country == unknownPlace {
		return
	}
	row := p.sums.basis(basisGroup{p.provider, serving.Country, using.Country})
	bases := r.bases.get(r.fields[keyBasis])
	if bases == nil {
		if inEEA(serving.Country) && inEEA(using.Country) || onlyNonPersonal(field[provenance.Crossing](r, keyCrossing)) {
			row.Free++
			return
		}
		row.Missing++
		p.find(codeOnly(verify.CodeBasisMissing), verify.CodeBasisMissing, i, "",
			say(fmt.Sprintf("a legal basis for what crosses from %s to %s", serving.Country, using.Country), "none"))
		return
	}
	row.With++
	expired, unknown := false, false
	for k := range *bases {
		b := &(*bases)[k]
		if b.Expires != nil && *b.Expires < r.time {
			expired = true
			p.find(codeOnly(verify.CodeBasisExpired), verify.CodeBasisExpired, i, fmt.Sprintf(".basis[%d]", k),
				say(b.Code+" to be valid at the record's time, "+instant(r.time), "it expired at "+instant(*b.Expires)))
		}
		if !in.bases[b.Code] && !slices.Contains(policy.Bases, b.Code) {
			unknown = true
			p.find(codeOnly(verify.CodeBasisUnknown), verify.CodeBasisUnknown, i, fmt.Sprintf(".basis[%d]", k),
				say("a legal basis of the list, the ledger's policy or the auditor", b.Code))
		}
	}
	if expired {
		row.Expired++
	}
	if unknown {
		row.Unknown++
	}
}

// onlyNonPersonal reports whether all that crossed is of a class that needs no basis.
func onlyNonPersonal(c *provenance.Crossing) bool {
	return c != nil && len(c.Classes) == 1 && c.Classes[0] == nonPersonal
}
