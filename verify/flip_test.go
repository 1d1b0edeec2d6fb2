package verify_test

import (
	"bytes"
	"context"
	"maps"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"crypto/ed25519"

	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// tiny is the smallest ledger that has all there is: two entries, the second on
// top of the first, and the header that carries their app hash.
func tiny(t testing.TB) *ledger {
	l := newLedger(t)
	l.commit(l.batch("acme", "us", l.records(2, "US", "CN")), l.batch("acme", "us", l.records(1, "US", "IN")))
	l.commit()
	return l
}

// asked returns every answer that an honest audit reads, by request.
func (l *ledger) asked(trust ...verify.Trust) map[string][]byte {
	var mu sync.Mutex
	answers := map[string][]byte{}
	l.answer = func(path string, b []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		answers[path] = b
		return b
	}
	defer func() { l.answer = nil }()
	if r := l.audit(trust...); r.Verdict != verify.Holds {
		l.t.Fatal(text(r))
	}
	return answers
}

// TestEveryFlippedByteIsNoticed changes every byte of every answer, one at a
// time, or in a short run a sample of them: no audit may then say that all holds, but
// for bytes that mean nothing, which irrelevant proves.
func TestEveryFlippedByteIsNoticed(t *testing.T) {
	l := tiny(t)
	genesis := l.asked()
	for name, c := range map[string]struct {
		trust  verify.Trust
		stride int // the light client is slower, and reads the same answers
	}{
		"genesis": {verify.Trust{Genesis: new(hashOf(l.genesis))}, 7},
		"header":  {l.at(1), 23},
	} {
		t.Run(name, func(t *testing.T) {
			answers := genesis
			if name == "header" {
				answers = l.asked(c.trust)
			}
			flipAll(t, l, answers, c.trust, c.stride)
		})
	}
}

func flipAll(t *testing.T, l *ledger, answers map[string][]byte, trust verify.Trust, stride int) {
	type job struct {
		path string
		at   int
	}
	jobs := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	ignored, exits := map[string]int{}, map[int]int{}
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range jobs {
				honest := answers[j.path]
				lie := bytes.Clone(honest)
				lie[j.at] ^= 1 << (j.at % 8)
				r := auditFlipped(l, answers, trust, j.path, lie)
				why := ""
				if r.Verdict == verify.Holds {
					if why = irrelevant(j.path, honest, lie); why == "" {
						t.Errorf("%s: byte %d, %#x for %#x, goes unnoticed", j.path, j.at, lie[j.at], honest[j.at])
					}
				}
				mu.Lock()
				exits[r.Exit()]++
				if why != "" {
					ignored[why]++
				}
				mu.Unlock()
			}
		})
	}
	total := 0
	at, every := sampled(t, stride)
	for _, path := range slices.Sorted(maps.Keys(answers)) {
		for ; at < len(answers[path]); at += every {
			jobs <- job{path, at}
			total++
		}
		at -= len(answers[path])
	}
	close(jobs)
	wg.Wait()
	t.Logf("%d flips in %d answers; by exit code %v; irrelevant: %v", total, len(answers), exits, ignored)
	// The rest are answers that cannot be read any more; how many of them a small
	// sample meets varies.
	if exits[1] < total*2/3 {
		t.Errorf("only %d of %d flips are findings", exits[1], total)
	}
}

// auditFlipped audits a node that gives the recorded answers, but for one.
func auditFlipped(l *ledger, answers map[string][]byte, trust verify.Trust, path string, lie []byte) *verify.Report {
	liar := *l
	liar.replay = answers
	liar.answer = func(asked string, b []byte) []byte {
		if asked == path {
			return lie
		}
		return b
	}
	return light.Audit(context.Background(), liar.node(), trust, l.options())
}

// irrelevant says why a changed answer means the same, or nothing.
func irrelevant(path string, honest, lie []byte) string {
	u, _ := url.Parse(path)
	switch {
	case u.Path == "/v1/status":
		a, err := verify.DecodeStatus(lie)
		b, _ := verify.DecodeStatus(honest)
		if err == nil && *a == *b {
			return "JSON that decodes to the same"
		}
	case u.Path == "/v1/flows":
		a, err := verify.DecodeFlows(lie)
		b, _ := verify.DecodeFlows(honest)
		if err == nil && reflect.DeepEqual(a, b) {
			return "JSON that decodes to the same"
		}
	case u.Path == "/checkpoint":
		if sameNote(honest, lie) {
			return "unused bits of base64"
		}
	case u.Path == "/v1/headers":
		a, err := verify.DecodeHeaders(lie, 1000)
		b, _ := verify.DecodeHeaders(honest, 1000)
		if err == nil && slices.EqualFunc(a, b, samePriority) {
			return "proposer priority, which no hash or signature covers and no check reads"
		}
	case u.Path == "/v1/entries":
		a, err := verify.DecodeEntries(lie, 1000)
		b, _ := verify.DecodeEntries(honest, 1000)
		if err == nil && slices.EqualFunc(a, b, sameRecords) {
			return "compression that expands to the same records"
		}
	case strings.HasPrefix(u.Path, "/entries/"):
		a, err := provenance.ParseReceipt(lie)
		b, err2 := provenance.ParseReceipt(honest)
		if err == nil && err2 == nil && a.Proof.Index == b.Proof.Index && samePriority(a.Anchor.LightBlock, b.Anchor.LightBlock) {
			return "proposer priority, which no hash or signature covers and no check reads"
		}
	}
	return ""
}

// sameNote reports whether two notes have the same text and signature bytes.
func sameNote(a, b []byte) bool {
	public := ed25519.NewKeyFromSeed(seed("node")).Public().(ed25519.PublicKey)
	origin, _, _ := strings.Cut(string(a), "\n")
	x, err := provenance.OpenCheckpoint(a, origin, public)
	y, err2 := provenance.OpenCheckpoint(b, origin, public)
	return err == nil && err2 == nil && *x == *y && bytes.Equal(a[:len(a)-4], b[:len(b)-4])
}

// samePriority reports whether two light blocks differ at most in the proposer
// priorities and in which validator is called the proposer.
func samePriority(a, b []byte) bool {
	strip := func(raw []byte) *types.LightBlock {
		defer func() { _ = recover() }()
		block := decodeBlockOrNil(raw)
		if block == nil {
			return nil
		}
		for _, v := range block.ValidatorSet.Validators {
			v.ProposerPriority = 0
		}
		block.ValidatorSet.Proposer = block.ValidatorSet.Validators[0]
		return block
	}
	x, y := strip(a), strip(b)
	if x == nil || y == nil {
		return false
	}
	p, err := x.ToProto()
	q, err2 := y.ToProto()
	return err == nil && err2 == nil && reflect.DeepEqual(p, q)
}

func sameRecords(a, b verify.Entry) bool {
	s, err := provenance.ParseStatement(b.Statement)
	if err != nil || a.Index != b.Index || !bytes.Equal(a.Statement, b.Statement) {
		return false
	}
	x, err := provenance.ExpandRecords(a.Frame, s.Header().Count, provenance.FormatLimits())
	y, err2 := provenance.ExpandRecords(b.Frame, s.Header().Count, provenance.FormatLimits())
	return err == nil && err2 == nil && slices.EqualFunc(x, y, bytes.Equal)
}

func hashOf(b []byte) provenance.Hash { return provenance.Hash([32]byte(seed(string(b)))) }
