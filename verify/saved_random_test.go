package verify_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

var (
	resumeSeed    = flag.Uint64("resume-seed", 0, "of the ledgers of TestResumedAtRandom; 0 means by the clock")
	resumeLedgers = flag.Int("resume-ledgers", 0, "of TestResumedAtRandom; 0 means 6, or 300 with TOKENTRAIL_SOAK=1")
)

// A told record is one that may be corrected.
type toldRecord struct {
	issuer string
	id     provenance.Hash
	raw    []byte
	entry  int64
}

// A randomHistory makes a ledger at random, of all that happens on one.
type randomHistory struct {
	*ledger
	r       *rand.Rand
	issuers []string
	streams map[string][]string // of each issuer, that are open
	told    []toldRecord
	keysOf  int // that were added
	late    bool
}

// randomLedger makes one of so many blocks. Records must not be older than five
// seconds, a block takes one; few are older where late has it.
func randomLedger(t testing.TB, seed uint64, blocks int, late bool) *ledger {
	l := governed(t)
	l.commit(l.act(provenance.Action{Type: provenance.PolicySet, Policy: &provenance.Policy{Records: 64, Age: 5000}}))
	h := &randomHistory{ledger: l, r: rand.New(rand.NewPCG(seed, 0)), issuers: []string{"acme", "beta"}, streams: map[string][]string{}, late: late}
	for range blocks {
		// One act or equivocation a block at most: each is made of what was before it.
		var entries []verify.Entry
		for range h.r.IntN(3) {
			entries = append(entries, h.statement(int64(len(l.leaves)+len(entries))))
		}
		if h.r.IntN(3) == 0 {
			entries = append(entries, h.event()...)
		}
		l.commit(entries...)
	}
	l.commit()
	l.commit()
	return l
}

// now is the time of the block that is made.
func (h *randomHistory) now() time.Time {
	return h.start.Add(time.Duration(len(h.blocks)) * time.Second)
}

// statement is one of an open stream, of records and now and then a correction.
func (h *randomHistory) statement(entry int64) verify.Entry {
	issuer := h.issuers[h.r.IntN(len(h.issuers))]
	if open := h.streams[issuer]; len(open) == 0 || h.r.IntN(6) == 0 {
		h.streams[issuer] = append(open, fmt.Sprint("s", len(h.next)))
		h.next[issuer+"/"+h.streams[issuer][len(open)]] = 0
	}
	open := h.streams[issuer]
	stream := open[h.r.IntN(len(open))]
	var records [][]byte
	for range 1 + h.r.IntN(3) {
		age := time.Duration(h.r.IntN(5000)) * time.Millisecond
		if h.late && h.r.IntN(12) == 0 {
			age += 5 * time.Second
		}
		records = append(records, h.recordAt(h.now().Add(-age)))
	}
	for i, raw := range records {
		h.told = append(h.told, toldRecord{issuer, provenance.RecordID(issuer, stream, h.next[issuer+"/"+stream], i, raw), raw, entry})
	}
	if of := h.told[h.r.IntN(len(h.told))]; of.issuer == issuer && of.entry < entry && h.r.IntN(2) == 0 {
		records = append(records, h.correctionOf(of))
	}
	return h.batch(issuer, stream, records)
}

// correctionOf amends a record, or reverses it: of one that was reversed before a
// finding against the provider.
func (h *randomHistory) correctionOf(of toldRecord) []byte {
	c, err := provenance.Reverse(of.id, of.entry, of.raw, 1, "")
	if h.r.IntN(2) == 0 {
		c, err = provenance.Amend(of.id, of.entry, of.raw, provenance.Sums{Output: int64(1 + h.r.IntN(5))}, 2, "")
	}
	check(h.t, err)
	b, err := (&provenance.Record{Kind: provenance.Corrected, Time: h.now().UnixMilli(), Correction: c}).Encode()
	check(h.t, err)
	return b
}

// event is an act, or an equivocation that closes a stream.
func (h *randomHistory) event() []verify.Entry {
	issuer := h.issuers[h.r.IntN(len(h.issuers))]
	switch open := h.streams[issuer]; h.r.IntN(6) {
	case 0:
		if len(h.issuers) < 5 {
			id := fmt.Sprint("p", len(h.issuers))
			h.issuers = append(h.issuers, id)
			return []verify.Entry{h.act(h.admit(id))}
		}
	case 1:
		return []verify.Entry{h.act(h.validator(fmt.Sprint("validator", h.r.IntN(6)), int64(10+len(h.blocks)%7)))}
	case 2, 3:
		return []verify.Entry{h.rotation(issuer)}
	case 4:
		return []verify.Entry{h.act(provenance.Action{Type: provenance.ProviderDescribe, ID: issuer, Name: fmt.Sprint("name ", len(h.blocks))})}
	default:
		if len(open) > 0 && h.next[issuer+"/"+open[0]] > 0 && h.known(issuer, open[0]) {
			h.streams[issuer] = open[1:]
			return []verify.Entry{h.equivocation(issuer, open[0], 0, nil, h.records(1, "US", "CN"), h.records(1, "US", "IN"))}
		}
	}
	return nil
}

// known reports whether a stream stands in the log already.
func (h *randomHistory) known(issuer, stream string) bool {
	_, there := h.state["stream/"+issuer+"/"+stream]
	return there
}

// rotation adds a key, with which the issuer signs from the next block on, and
// expires, revokes or declares stolen the one before.
func (h *randomHistory) rotation(issuer string) verify.Entry {
	height := int64(len(h.blocks)) + 1
	old, name := kidOf(h.t, h.keys[issuer]), fmt.Sprint(issuer, " key ", h.keysOf)
	h.keysOf++
	h.keys[issuer] = keyOf(name)
	actions := []provenance.Action{{Type: provenance.KeyAdd, ID: issuer, Key: coseOf(h.t, name)}}
	switch h.r.IntN(3) {
	case 0:
		until := height + 1 + int64(h.r.IntN(3))
		actions = append(actions, provenance.Action{Type: provenance.KeyExpire, ID: issuer, KID: old, Until: &until})
	case 1:
		actions = append(actions, provenance.Action{Type: provenance.KeyRevoke, ID: issuer, KID: old})
	case 2:
		since := max(1, height-int64(h.r.IntN(8)))
		actions = append(actions, provenance.Action{Type: provenance.KeyStolen, ID: issuer, KID: old, SinceHeight: since,
			Since: h.start.Add(time.Duration(since-1) * time.Second).UnixMilli()})
	}
	return h.act(actions...)
}

// TestResumedAtRandom makes ledgers at random, some with evidence in them, interrupts
// audits at random entries, again and again, and wants the report that an audit at
// once comes to; and in steps what all of it comes to. SPEC(VER-43), SPEC(VER-44),
// SPEC(VER-45)
func TestResumedAtRandom(t *testing.T) {
	seed, n := *resumeSeed, *resumeLedgers
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	if n == 0 {
		if n = 6; os.Getenv("TOKENTRAIL_SOAK") != "" {
			n = 300
		}
	}
	exits, stops, codes := map[int]int{}, 0, map[verify.Code]int{}
	for i := range uint64(n) {
		r := rand.New(rand.NewPCG(seed+i, 1))
		l := randomLedger(t, seed+i, 20+r.IntN(20), i%3 == 1)
		honest := l
		how := damage(r, &l)
		trust := verify.Trust{}
		if i%2 == 1 {
			trust = l.at(1 + r.IntN(len(l.blocks)-1))
		}
		report, stopped := interruptedAtRandom(t, r, l, trust, fmt.Sprintf("-resume-seed %d -resume-ledgers 1, %s", seed+i, how))
		stops += stopped
		exits[report.Exit()]++
		for _, f := range report.Findings() {
			codes[f.Code]++
		}
		growAtRandom(t, r, honest, fmt.Sprintf("-resume-seed %d -resume-ledgers 1", seed+i))
	}
	t.Logf("seed %d: %d ledgers, %d interruptions; by exit code %v, findings %v", seed, n, stops, exits, codes)
	if stops < n {
		t.Errorf("%d interruptions of %d audits", stops, n)
	}
}

// damage makes evidence of some ledgers, or hides heights.
func damage(r *rand.Rand, l **ledger) string {
	one := **l
	*l = &one
	from := int64(r.IntN(len(one.entries)))
	switch r.IntN(4) {
	case 0:
		one.entries = append([]verify.Entry(nil), one.entries...)
		of := &one.entries[from].Frame
		if len(*of) == 0 {
			of = &one.entries[from].Statement
		}
		*of = bytes.Clone(*of)
		flip(of, r.IntN(len(*of)))
		return fmt.Sprint("a byte of entry ", from)
	case 1:
		one.claim = func(e verify.Entry) int64 {
			if e.Index == from {
				return 0
			}
			return e.Height
		}
		return fmt.Sprint("no height of entry ", from)
	}
	return "as it is"
}

// interruptedAtRandom wants of an audit with interruptions what it comes to at once.
func interruptedAtRandom(t *testing.T, r *rand.Rand, l *ledger, trust verify.Trust, name string) (report *verify.Report, stops int) {
	t.Helper()
	report = l.auditWith(l.options(), trust)
	want := comparable(t, report)
	var before *verify.Saved
	for at := int64(0); ; stops++ {
		kept := &saves{t: t}
		o := l.options()
		o.Save, o.SaveEvery, o.Resume = kept.save, -1, before
		ctx, cancel := context.WithCancel(context.Background())
		at += 1 + r.Int64N(int64(len(l.entries))/3+1)
		o.Progress = func(p verify.Progress) {
			if p.Step == "log" && p.Done >= at {
				cancel()
			}
		}
		again := light.Audit(ctx, l.node(), trust, o)
		interrupted := ctx.Err() != nil
		cancel()
		if interrupted {
			if before = readSaved(t, kept.last()); before.Done() != nil {
				t.Fatalf("%s: an audit that was interrupted is done", name)
			}
			continue
		}
		if got := comparable(t, again); got != want {
			t.Fatalf("%s, %d stops: %s\nresumed:\n%s\nat once:\n%s", name, stops, firstDifference(got, want), got, want)
		}
		return report, stops
	}
}

// growAtRandom audits what came since, in steps of random sizes.
func growAtRandom(t *testing.T, r *rand.Rand, l *ledger, name string) {
	t.Helper()
	first := verify.Trust{}
	if r.IntN(2) == 0 {
		first = l.at(2)
	}
	var before *verify.Saved
	for blocks := 3; ; blocks = min(blocks+1+r.IntN(len(l.blocks)/2), len(l.blocks)) {
		if p := l.prefix(blocks); len(p.entries) > 0 {
			before = p.growth(t, name, before, first)
		}
		if blocks == len(l.blocks) {
			return
		}
	}
}
