package verify_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"tokentrail/provenance"
)

// streamView is a stream as /v1/providers/{provider} lists it, as far as it is read.
type streamView struct {
	Stream string `json:"stream"`
}

// serveProvider lists the streams of a provider, three a page.
func (l *ledger) serveProvider(id, after string) []byte {
	answer := struct {
		Height  int          `json:"height"`
		Streams []streamView `json:"streams"`
		More    bool         `json:"more"`
	}{Height: l.height(), Streams: []streamView{}}
	state := l.states[l.height()]
	for _, key := range slices.Sorted(maps.Keys(state)) {
		name, is := strings.CutPrefix(key, "stream/"+id+"/")
		if !is || name <= after {
			continue
		}
		if answer.More = len(answer.Streams) == 3; answer.More {
			break
		}
		answer.Streams = append(answer.Streams, streamView{name})
	}
	return []byte(mustJSON(l.t, answer))
}

// serveByID answers for the entry with an id: what stands behind it in the path says
// what is asked for.
func (l *ledger) serveByID(id string, rest []string) []byte {
	for i, e := range l.entries {
		got, err := provenance.EntryID(e.Statement)
		if err != nil || got.String() != id {
			continue
		}
		switch strings.Join(rest, "/") {
		case "":
			return l.serveReceipt(strconv.Itoa(i))
		case "statement":
			return e.Statement
		case "records":
			return e.Frame
		}
	}
	return nil
}
