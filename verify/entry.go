package verify

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"tokentrail/provenance"
)

// A checkedEntry is what is left of an entry once it has been looked at by
// itself: everything that does not depend on the entries before it, and guesses
// at what does.
type checkedEntry struct {
	index    int64
	claim    int64 // the height of its block, as the node says; 0 where it does not
	kind     provenance.LeafKind
	leaf     provenance.Hash
	findings []*Finding

	// Of a statement.
	statement   *provenance.UnverifiedStatement
	id          provenance.Hash
	header      *provenance.BatchHeader // nil where the statement does not parse
	signed      bool                    // the signature was looked at, under the key that its kid names
	signedErr   error                   // what came of it
	by          string                  // the issuer, once the replay knows that it signed; else empty
	frame       []byte
	terms       *terms        // under which the records were checked,
	recordsErr  error         // and what came of it
	labels      []wrongLabel  // of the records, against the terms
	unlabelled  string        // a profile that could not be looked at
	corrections []*correction // among its records
	looked      any           // what the inspector made of it
	named       []candidate   // names in the records, to look them up by

	act          *provenance.UnverifiedAct // nil where it does not parse
	equivocation *provenance.Equivocation  // nil where it does not parse
}

// guesses are what workers take for granted of entries that they look at ahead of
// the replay: which key a thumbprint names, which cannot change, and under which
// ceilings and rules records are checked, which the replay compares and, where
// they were others, checks the records again. So entries are looked at in parallel
// and judged in their order.
type guesses struct {
	keys      sync.Map // provenance.PublicKey by thumbprint
	terms     atomic.Pointer[terms]
	profile   LabelCheck // never changes; nil where nobody looks
	inspector Inspector  // never changes; nil where nobody looks
	sampler   *sampler   // nil where nobody looks
}

// inspect looks at one entry by itself: form, signature, records.
func (g *guesses) inspect(e *Entry) *checkedEntry {
	c := &checkedEntry{index: e.Index, claim: e.Height, leaf: provenance.LeafHash(e.Statement)}
	c.kind, _ = provenance.LeafKindOf(e.Statement)
	switch c.kind {
	case provenance.LeafAct:
		c.inspectAct(e)
	case provenance.LeafEquivocation:
		c.inspectEquivocation(e)
	default:
		if c.inspectStatement(e) {
			g.trySignature(c)
			g.checkRecords(c, g.terms.Load())
		}
	}
	return c
}

func (c *checkedEntry) find(code Code, at, want, got string) {
	c.findings = append(c.findings, NewFinding(code, fmt.Sprintf("entries[%d]%s", c.index, at), want, got))
}

// inspectStatement reads a statement.
func (c *checkedEntry) inspectStatement(e *Entry) bool {
	// SPEC(STM-1), SPEC(STM-2), SPEC(STM-3), SPEC(STM-4), SPEC(STM-5)
	s, err := provenance.ParseStatement(e.Statement)
	if err != nil {
		c.find(CodeStatementForm, ".statement", "a canonical statement of spec/statement.md", err.Error())
		return false
	}
	c.statement, c.id, c.header, c.frame = s, s.ID(), s.Header(), e.Frame
	return true
}

// inspectAct reads an act, which has no records.
func (c *checkedEntry) inspectAct(e *Entry) {
	act, err := provenance.ParseAct(e.Statement)
	if err != nil {
		// SPEC(GOV-1), SPEC(GOV-4), SPEC(GOV-5)
		c.find(CodeActForm, ".act", "a canonical act of spec/governance.md", err.Error())
		return
	}
	c.act = act
	// SPEC(GOV-19)
	if len(e.Frame) > 0 {
		c.find(CodeActForm, ".records", "no records: an act has none", fmt.Sprintf("%d bytes", len(e.Frame)))
	}
}

// inspectEquivocation reads a leaf of equivocation and its evidence.
func (c *checkedEntry) inspectEquivocation(e *Entry) {
	both, err := provenance.ParseEquivocation(e.Statement, e.Frame)
	if err != nil {
		// SPEC(EQV-1), SPEC(EQV-2)
		c.find(CodeEquivocationForm, ".equivocation", "a leaf of spec/ledger.md EQV-2 and the two statements that give it", err.Error())
		return
	}
	c.equivocation = both
}

// trySignature verifies under the key that the kid names, if that is known
// already. Whose key it is, and whether it may sign here, is the replay's to say.
func (g *guesses) trySignature(c *checkedEntry) {
	if key, ok := g.keys.Load(c.statement.KID()); ok {
		c.checkSignature(key.(provenance.PublicKey))
	}
}

// checkSignature verifies the statement's signature.
func (c *checkedEntry) checkSignature(key provenance.PublicKey) {
	_, c.signedErr = c.statement.Verify(key)
	c.signed = true
}

// checkRecords expands the records and holds them against the statement, and
// keeps the corrections among them.
func (g *guesses) checkRecords(c *checkedEntry, t *terms) {
	// SPEC(SUB-2), SPEC(SUB-3), SPEC(SUB-4), SPEC(BAT-6)
	sub := provenance.Submission{Statement: c.statement, Frame: c.frame}
	of, err := sub.OpenRecords(t.limits)
	var records [][]byte
	if err == nil {
		records = of.Records
	}
	c.terms, c.recordsErr = t, err
	c.corrections = correctionsIn(c.index, c.header, records)
	c.labels, c.unlabelled = g.checkLabels(c.header.Issuer, records, t.labels)
	if g.sampler != nil && err == nil {
		c.named = g.sampler.look(c.index, c.header, of)
	}
	if g.inspector != nil && err == nil {
		c.looked = g.inspector.Look(&Judged{Entry: c.index, Statement: c.statement, Records: records, Policy: &t.policy})
	}
}

// futureFinding looks for records that had not happened yet, by more than skew.
// Only the auditor's clock can tell: block time is a lower bound. by is who is known
// to have signed them. SPEC(ADM-15)
func futureFinding(place, by string, last int64, now time.Time, skew time.Duration) *Finding {
	limit := now.Add(skew)
	if !time.UnixMilli(last).After(limit) {
		return nil
	}
	return ProviderFinding(by, CodeFuture, place+".statement.period", "records of before "+limit.UTC().Format(time.RFC3339),
		time.UnixMilli(last).UTC().Format(time.RFC3339))
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
