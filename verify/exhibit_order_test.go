package verify_test

import (
	"context"
	"testing"

	"tokentrail/verify"
	"tokentrail/verify/light"
)

// TestExhibitsThatLeaveChangesOut: validators come and go again, so that an exhibit
// without these headers leads on as well. What it led to is not held against the next
// one, which has them, in whatever order both come. SPEC(BND-6)
func TestExhibitsThatLeaveChangesOut(t *testing.T) {
	l := governed(t)
	l.commit(l.act(l.validator("a", 10)))
	l.commit(l.act(l.validator("a", 0)))
	l.commit(l.act(l.validator("b", 10)))
	l.commit(l.one("acme", "us"))
	l.commit()
	l.commit()
	whole := l.exhibit("3", 0)
	if len(whole.Headers) != 3 {
		t.Fatalf("%d headers", len(whole.Headers))
	}
	short, unled := clone(t, whole), clone(t, whole)
	short.Headers, unled.Headers = short.Headers[2:], nil
	genesis := verify.Trust{Genesis: new(hashOf(l.genesis))}
	for _, trust := range []verify.Trust{genesis, l.at(1)} {
		if trust.Height > 0 {
			for _, e := range []*verify.Exhibit{whole, short, unled} {
				e.Headers = append([][]byte{l.blocks[0]}, e.Headers...)
			}
		}
		exhibits := light.NewExhibits(trust, l.options().Now)
		for i, e := range []*verify.Exhibit{short, whole, short, unled, whole} {
			if exit, says := judged(exhibits.Check(context.Background(), e, l.options())); exit != 0 {
				t.Errorf("exhibit %d: exit %d, %s", i, exit, says)
			}
		}
	}
}
