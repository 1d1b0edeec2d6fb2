package verify

import "fmt"

// streamFacts says for people which streams were checked, a few by name.
func streamFacts(streams []*StreamSays) (facts []fact) {
	for i, s := range streams {
		if i == maxNamed {
			return append(facts, fact{"Streams", fmt.Sprintf("and %s more", amount(int64(len(streams)-i), "streams"))})
		}
		state := ""
		if s.Closed != nil {
			state = fmt.Sprintf(", closed by entry %d", *s.Closed)
		}
		facts = append(facts, fact{"Stream", fmt.Sprintf("%s/%s: %s of %s up to sequence %d, entry %d, id %s%s", s.Provider, s.Stream,
			amount(s.Records, "records"), amount(s.Statements, "statements"), s.Sequence, s.Entry, s.Statement, state)})
	}
	return facts
}
