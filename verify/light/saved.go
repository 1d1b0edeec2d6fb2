package light

import (
	"errors"
	"fmt"

	"tokentrail/verify"
)

// SaveHeaders implements verify.SavingVerifier.
func (g *genesis) SaveHeaders() *verify.SavedHeaders {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last == nil {
		return nil
	}
	pb, err := g.last.ToProto()
	if err != nil {
		return nil // it was decoded from one
	}
	last, err := pb.Marshal()
	if err != nil {
		return nil
	}
	s := &verify.SavedHeaders{Last: last, Headers: g.headers, Apps: g.apps}
	for _, v := range g.vals {
		s.Sets = append(s.Sets, verify.SetChange{Height: v.from, ValidatorsHash: v.hash})
	}
	return s
}

// ResumeHeaders implements verify.SavingVerifier. The newest header is looked at
// again, by itself; that the others led to it, the saved audit says. SPEC(VER-46)
func (g *genesis) ResumeHeaders(s *verify.SavedHeaders) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	last, err := readBlock(s.Last, g.doc.ChainID, "the saved audit's newest header")
	if err != nil {
		return err
	}
	n := len(s.Headers)
	if n == 0 || len(s.Apps) == 0 || len(s.Sets) == 0 || s.Apps[0].Height != 1 || s.Sets[0].Height != 1 ||
		last.Height != int64(n) || headerOf(last).Hash != s.Headers[n-1].Hash {
		return fmt.Errorf("%w: its headers do not belong together; audit anew without it", verify.ErrNotSaved)
	}
	for i := range s.Apps[1:] {
		if s.Apps[i].Height >= s.Apps[i+1].Height {
			return errors.New("the saved audit's app hashes do not ascend; audit anew without it")
		}
	}
	g.last, g.headers, g.apps, g.vals = last, s.Headers, s.Apps, nil
	for _, set := range s.Sets {
		g.vals = append(g.vals, run{set.Height, set.ValidatorsHash})
	}
	return nil
}
