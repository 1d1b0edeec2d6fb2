package verify

import (
	"fmt"
	"strings"
)

// maxNamed bounds the records that people are told one by one.
const maxNamed = 20

// facts says for people what an exhibit is about.
func (e *Exhibited) facts() []fact {
	what := fmt.Sprintf("%s of %s", e.Kind, e.Issuer)
	switch {
	case e.Issuer == "":
		what = fmt.Sprintf("%s %d of governance", e.Kind, e.Sequence)
	case e.Stream == "":
		what = fmt.Sprintf("%s, number %d", what, e.Sequence)
	default:
		what = fmt.Sprintf("%s, stream %s, sequence %d", what, e.Stream, e.Sequence)
	}
	place := "which entry it is, is not shown"
	if e.Entry >= 0 {
		place = fmt.Sprintf("entry %d of the log, in a block %s", e.Entry, e.heights())
	}
	facts := []fact{{"Exhibit", what}, {"Id", e.ID.String()}, {"Place", place}}
	if e.AllRecords > 0 {
		facts = append(facts, fact{"Records", fmt.Sprintf("all %s of it", amount(e.AllRecords, "records"))})
	}
	var named []string
	for i, r := range e.Records {
		if i == maxNamed {
			named = append(named, fmt.Sprintf("and %s more", amount(int64(len(e.Records)-i), "records")))
			break
		}
		named = append(named, fmt.Sprintf("%d: %s", r.Index, r.ID))
	}
	if len(named) > 0 {
		facts = append(facts, fact{"Records", strings.Join(named, ", ")})
	}
	return facts
}

// heights says of which heights the block can be.
func (e *Exhibited) heights() string {
	switch {
	case e.NotBefore > 0 && e.NotBefore == e.NotAfter:
		return fmt.Sprintf("of height %d", e.NotAfter)
	case e.NotBefore > 0:
		return fmt.Sprintf("of height %d to %d", e.NotBefore, e.NotAfter)
	}
	return fmt.Sprintf("of height %d at the latest", e.NotAfter)
}
