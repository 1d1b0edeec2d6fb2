package verify

import (
	"fmt"
	"time"

	"tokentrail/provenance"
)

// A checkedEntry is what is left of an entry once it has been looked at by
// itself: everything that does not depend on the entries before it.
type checkedEntry struct {
	index    int64
	leaf     provenance.Hash
	id       provenance.Hash
	header   *provenance.BatchHeader // nil where the statement does not parse
	key      *registeredKey          // nil where nobody's
	findings []*Finding

	corrections []*correction // among its records
}

// checkEntry looks at one entry by itself: form, issuer, key, signature,
// records. now is the auditor's clock.
func (doc *genesisDoc) checkEntry(e *Entry, now time.Time) *checkedEntry {
	place := fmt.Sprintf("entries[%d]", e.Index)
	c := &checkedEntry{index: e.Index, leaf: provenance.LeafHash(e.Statement)}
	find := func(code Code, at, want, got string) {
		c.findings = append(c.findings, NewFinding(code, place+at, want, got))
	}
	// SPEC(STM-1), SPEC(STM-2), SPEC(STM-3), SPEC(STM-4), SPEC(STM-5)
	s, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		find(CodeStatementForm, ".statement", "a canonical statement of spec/statement.md", err.Error())
		return c
	}
	c.id, c.header = s.ID(), s.Header()
	doc.checkSignature(c, s, find)
	// SPEC(SUB-2), SPEC(SUB-3), SPEC(SUB-4), SPEC(BAT-6)
	sub := provenance.Submission{Statement: s, Frame: e.Frame}
	records, _, err := sub.CheckRecords(doc.limits)
	if err != nil {
		find(recordsCode(err), ".records", "records that give the statement's count, root, period and totals", err.Error())
	}
	c.corrections = correctionsIn(e.Index, c.header, records)
	c.checkFuture(now, find)
	return c
}

// checkSignature finds the issuer's key and verifies under it.
func (doc *genesisDoc) checkSignature(c *checkedEntry, s *provenance.UnverifiedStatement, find func(code Code, at, want, got string)) {
	// SPEC(ADM-5)
	issuer := doc.providers[c.header.Issuer]
	if issuer == nil || issuer.provider.Status != provenance.ProviderActive {
		find(CodeIssuer, ".statement.issuer", "an active provider of the registry", fmt.Sprintf("%q", c.header.Issuer))
		return
	}
	// SPEC(ADM-6), SPEC(STM-7)
	key := issuer.keys[s.KID()]
	if key == nil {
		find(CodeKey, ".statement.kid", "a key of "+c.header.Issuer, s.KID().String())
		return
	}
	// SPEC(STM-6), SPEC(KEY-3), SPEC(KEY-4)
	if _, err := s.Verify(key.public); err != nil {
		find(CodeSignature, ".statement.signature", "a signature by "+key.public.String(), err.Error())
		return
	}
	c.key = key
}

// checkFuture looks for records that had not happened yet. Only the auditor's
// clock can tell: block time is a lower bound.
func (c *checkedEntry) checkFuture(now time.Time, find func(code Code, at, want, got string)) {
	// SPEC(ADM-15)
	if limit := now.Add(maxDrift); time.UnixMilli(c.header.Last).After(limit) {
		find(CodeFuture, ".statement.period", "records of before "+limit.UTC().Format(time.RFC3339),
			time.UnixMilli(c.header.Last).UTC().Format(time.RFC3339))
	}
}

// recordsCode names the finding for what is wrong with an entry's records.
func recordsCode(err error) Code {
	switch provenance.CodeOf(err) {
	case provenance.CodeCount:
		return CodeCount
	case provenance.CodeRoot:
		return CodeRoot
	case provenance.CodePeriod:
		return CodePeriod
	case provenance.CodeStrings, provenance.CodeTotals, provenance.CodeCells, provenance.CodeOverflow:
		return CodeTotals
	case provenance.CodeSize:
		return CodePolicy
	}
	return CodeRecords
}
