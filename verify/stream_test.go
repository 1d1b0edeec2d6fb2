package verify_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
)

// streams checks a provider's streams, or one of them, from genesis.
func (l *ledger) streams(what verify.StreamsWanted, trust ...verify.Trust) *verify.Report {
	tr := verify.Trust{Genesis: new(provenance.Hash(sha256.Sum256(l.genesis)))}
	if len(trust) > 0 {
		tr = trust[0]
	}
	return light.CheckStreams(context.Background(), l.node(), tr, what, l.options())
}

// many is a ledger whose acme has five streams, one of them of twenty statements, and
// a key that it came to have.
func many(t testing.TB) *ledger {
	l := governed(t)
	for i := range 10 {
		l.commit(l.batch("acme", "us", l.records(2, "US", "CN")), l.batch("beta", "us", l.records(1, "DE", "CN")))
		if i < 4 {
			l.commit(l.batch("acme", fmt.Sprint("s", i), l.records(1, "JP", "US")))
		}
	}
	l.commit(l.act(provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "acme-2")}))
	l.keys["acme"] = keyOf("acme-2")
	for range 10 {
		l.commit(l.batch("acme", "us", l.records(3, "US", "CN")))
	}
	l.commit()
	return l
}

var acmeAll = verify.StreamsWanted{Provider: "acme"}

func TestStreams(t *testing.T) {
	l := many(t)
	for name, c := range map[string]struct {
		what    verify.StreamsWanted
		streams int
		entries int64
		records int64
	}{
		"a provider":      {acmeAll, 5, 24, 54},
		"a stream":        {verify.StreamsWanted{Provider: "acme", Stream: "us"}, 1, 20, 50},
		"a short stream":  {verify.StreamsWanted{Provider: "acme", Stream: "s3"}, 1, 1, 1},
		"without records": {verify.StreamsWanted{Provider: "acme", Headless: true}, 5, 24, 54},
	} {
		for trusts, trust := range map[string]verify.Trust{"genesis": {Genesis: new(provenance.Hash(sha256.Sum256(l.genesis)))}, "as served": {}, "a header": l.at(3)} {
			r := l.streams(c.what, trust)
			if r.Exit() != 0 || len(r.Streams) != c.streams || r.Totals.Entries != c.entries || r.Totals.Records != c.records || r.Ledger == nil {
				t.Errorf("%s, trust in %s: %s", name, trusts, text(r))
			}
			if got := r.Totals.Kinds["transfer"].Records.String(); got != fmt.Sprint(c.records) {
				t.Errorf("%s: the sum of transfers is %s", name, got)
			}
			if recorded := r.Steps[len(r.Steps)-1]; recorded.Optional != c.what.Headless {
				t.Errorf("%s: %+v", name, recorded)
			}
		}
	}
}

// TestStreamsNotThere: what is proven absent is no evidence, and no pass.
func TestStreamsNotThere(t *testing.T) {
	l := many(t)
	for _, what := range []verify.StreamsWanted{{Provider: "nobody"}, {Provider: "acme", Stream: "nothing"}, {Provider: "nobody", Stream: "us"}} {
		if r := l.streams(what); r.Exit() != 2 || !strings.Contains(text(r), "proven absent") {
			t.Errorf("%+v: %s", what, text(r))
		}
	}
}

// TestStreamsWithout: a provider without streams has all of them checked.
func TestStreamsWithout(t *testing.T) {
	l := newLedger(t)
	l.commit()
	l.commit()
	if r := l.streams(acmeAll); r.Exit() != 0 || len(r.Streams) != 0 {
		t.Error(text(r))
	}
}

// TestStreamsOfAnOlderList: a node's list of streams may be a little older than what is
// proven. What such a list lacks is looked for again, and is no evidence. SPEC(VER-92)
func TestStreamsOfAnOlderList(t *testing.T) {
	l := many(t)
	older := string(l.honest(parseURL(t, "/v1/providers/acme?after=s2")))
	l.commit(l.batch("acme", "zz", l.records(1, "US", "CN")))
	l.commit()
	for name, c := range map[string]struct {
		height string // that the list says
		times  int    // that it is old
		exit   int
		says   string
	}{
		"for a moment": {"", 2, 0, ""}, "for long": {"", 99, 2, "lacks some that the provider had"},
		"of now": {fmt.Sprintf(`"height":%d,`, l.height()), 99, 1, "stream-missing"},
	} {
		asked := 0
		l.answer = func(path string, b []byte) []byte {
			if u, _ := url.Parse(path); u.Path != "/v1/providers/acme" || u.Query().Get("after") != "s2" {
				return b
			}
			if asked++; asked > c.times {
				return b
			}
			if c.height != "" {
				return []byte(strings.Replace(older, fmt.Sprintf(`"height":%d,`, l.height()-2), c.height, 1))
			}
			return []byte(older)
		}
		if r := l.streams(acmeAll); r.Exit() != c.exit || !strings.Contains(oneLine(r), c.says) {
			t.Errorf("%s: exit %d\n%s", name, r.Exit(), text(r))
		}
	}
}

// TestStreamsOfOldRules: where the ledger never counted streams nothing shows that a
// list is whole.
func TestStreamsOfOldRules(t *testing.T) {
	l := newLedgerWith(t, func(_ *ledger, g *provenance.Genesis) { g.RuleSet = 2 })
	l.commit(l.batch("acme", "us", l.records(2, "US", "CN")))
	l.commit()
	if r := l.streams(acmeAll); r.Exit() != 2 || !strings.Contains(text(r), "rule version 2") || r.Totals.Records != 2 {
		t.Error(text(r))
	}
	if r := l.streams(verify.StreamsWanted{Provider: "acme", Stream: "us"}); r.Exit() != 0 {
		t.Error(text(r))
	}
}

// TestStreamsOfOldRulesHidden: that streams were counted from the first on, the genesis
// document says alone. Who does not name it takes the node's word, and is told.
// SPEC(VER-92)
func TestStreamsOfOldRulesHidden(t *testing.T) {
	began := func(version int64) *ledger {
		return newLedgerWith(t, func(l *ledger, g *provenance.Genesis) {
			twoOfThree(l, g)
			g.RuleSet = version
		})
	}
	l := began(2)
	l.commit(l.one("acme", "early"))
	l.commit(l.act(provenance.Action{Type: provenance.RulesSet, Rules: 3, RulesFrom: 3}))
	l.commit(l.one("acme", "late"))
	l.commit()
	unnamed := l.at(2)
	named := unnamed
	named.Genesis = new(hashOf(l.genesis))
	const says = "is as the node's genesis document says"
	if r := l.streams(acmeAll, named); r.Exit() != 2 || strings.Contains(oneLine(r), says) {
		t.Error(text(r))
	}
	l.genesis = began(3).genesis
	l.answer = func(path string, b []byte) []byte {
		return []byte(strings.Replace(string(b), `{"stream":"early"},`, "", 1))
	}
	if r := l.streams(acmeAll, unnamed); r.Exit() != 0 || !strings.Contains(oneLine(r), says) {
		t.Error(text(r))
	}
	if r := l.streams(acmeAll, named); r.Exit() != 1 {
		t.Error(text(r))
	}
}

func oneLine(r *verify.Report) string { return strings.Join(strings.Fields(text(r)), " ") }

// TestStreamsNotices: closed streams and stolen keys are told, and no evidence.
func TestStreamsNotices(t *testing.T) {
	l := many(t)
	last := l.previous["acme/us"]
	l.commit(l.equivocation("acme", "us", 20, last, l.records(1, "US", "CN"), l.records(2, "US", "CN")))
	l.commit(l.act(provenance.Action{Type: provenance.KeyStolen, ID: "acme", KID: kidOf(t, l.keys["acme"]), Since: 1, SinceHeight: 1}))
	l.commit()
	r := l.streams(acmeAll)
	said := text(r)
	if r.Exit() != 0 || len(r.Notices) != 2 || !strings.Contains(said, "closed by entry") || !strings.Contains(said, "stolen") {
		t.Error(said)
	}
}

// streamLies are what a lying node does to whom it shows streams.
func streamLies() []attack {
	us := verify.StreamsWanted{Provider: "acme", Stream: "us"}
	// swap changes the answers of paths that end with one.
	swap := func(l *ledger, ending string, change func(path string, b []byte) []byte) {
		l.answer = func(path string, b []byte) []byte {
			u, _ := url.Parse(path)
			if strings.HasSuffix(u.Path, ending) {
				return change(path, b)
			}
			return b
		}
	}
	lie := func(name, want string, what verify.StreamsWanted, tell func(l *ledger)) attack {
		return attack{"streams: " + name, want, func(t testing.TB) *verify.Report {
			l := many(t)
			tell(l)
			return l.streams(what)
		}}
	}
	idOf := func(l *ledger, entry int) string {
		id, err := provenance.EntryID(l.entries[entry].Statement)
		check(l.t, err)
		return id.String()
	}
	resigned := func(l *ledger) { // the tenth statement of the stream, by a stranger
		l.replay = map[string][]byte{}
		for _, e := range l.entries {
			s, err := provenance.ParseStatement(e.Statement)
			if err == nil && s.Header().Issuer == "acme" && s.Header().Stream == "us" && s.Header().Sequence == 4 {
				forged, err := s.Header().Sign(keyOf("stranger"))
				check(l.t, err)
				l.replay["/entries/"+s.ID().String()+"/statement"] = forged.Raw()
			}
		}
	}
	return []attack{
		lie("a stream is not listed", "stream-missing at streams[acme]", acmeAll, func(l *ledger) {
			swap(l, "/providers/acme", func(_ string, b []byte) []byte { return []byte(strings.Replace(string(b), `{"stream":"s1"},`, "", 1)) })
		}),
		lie("no stream is listed", "stream-missing at streams[acme]", acmeAll, func(l *ledger) {
			swap(l, "/providers/acme", func(string, []byte) []byte { return []byte(`{"height":99,"streams":[]}`) })
		}),
		lie("a stream is listed twice", `not checked: streams`, acmeAll, func(l *ledger) {
			swap(l, "/providers/acme", func(_ string, b []byte) []byte { return []byte(strings.Replace(string(b), `"s1"`, `"s0"`, 1)) })
		}),
		lie("a stream that is not is listed", "holds: it is proven absent", acmeAll, func(l *ledger) {
			swap(l, "/providers/acme", func(_ string, b []byte) []byte {
				return []byte(strings.Replace(string(b), `"us"`, `"t"},{"stream":"us"`, 1))
			})
		}),
		lie("an earlier statement is left out", "entry-missing at streams[acme/us][1]", us, func(l *ledger) {
			l.replay = map[string][]byte{"/entries/" + idOf(l, 3) + "/statement": nil}
		}),
		lie("another statement stands for one", "chain at streams[acme/us][19]", us, func(l *ledger) {
			swap(l, "/statement", func(string, []byte) []byte { return l.entries[0].Statement })
		}),
		lie("the other provider's statement stands for one", "chain at streams[acme/us][1]", us, func(l *ledger) {
			l.replay = map[string][]byte{"/entries/" + idOf(l, 3) + "/statement": l.entries[1].Statement}
		}),
		lie("a statement is cut", "statement-form at streams[acme/us][19]", us, func(l *ledger) {
			swap(l, "/statement", func(_ string, b []byte) []byte { return b[:len(b)-1] })
		}),
		lie("a statement is signed by a stranger", "key at streams[acme/us][4].kid", us, resigned),
		lie("a signature is flipped", "signature at streams[acme/us][19].signature", us, func(l *ledger) {
			flipped := 0
			swap(l, "/statement", func(_ string, b []byte) []byte {
				if flipped++; flipped > 1 {
					return b
				}
				b = append([]byte{}, b...)
				b[len(b)-1] ^= 1
				return b
			})
		}),
		lie("records are left out", "records at streams[acme/us][1].records", us, func(l *ledger) {
			l.replay = map[string][]byte{"/entries/" + idOf(l, 3) + "/records": nil}
		}),
		lie("records of another statement", "count at streams[acme/us][0].records", us, func(l *ledger) {
			l.replay = map[string][]byte{"/entries/" + idOf(l, 0) + "/records": l.entries[1].Frame}
		}),
		lie("the head is an older one", "state-proof at state[stream/acme/us]", us, func(l *ledger) {
			swap(l, "/v1/state", func(path string, b []byte) []byte { return valueOfThen(l, path, b, 5) })
		}),
		lie("the provider's value is an older one", "state-proof at state[provider/acme]", acmeAll, func(l *ledger) {
			swap(l, "/v1/state", func(path string, b []byte) []byte { return valueOfThen(l, path, b, 5) })
		}),
		lie("the head goes back between two answers", "stale at state[provider/acme]", us, func(l *ledger) {
			swap(l, "/v1/state", func(path string, b []byte) []byte {
				if !strings.Contains(path, "provider") {
					return b
				}
				return l.stateAt(path, 15)
			})
		}),
		lie("no value", "state-form at state[stream/acme/us]", us, func(l *ledger) { swap(l, "/v1/state", func(string, []byte) []byte { return nil }) }),
		lie("no header", "header-missing at headers[", us, func(l *ledger) { l.answer = missing("/v1/headers?") }),
		lie("another genesis document", "genesis-hash at genesis", us, func(l *ledger) {
			swap(l, "/v1/genesis", func(_ string, b []byte) []byte { return append(append([]byte{}, b...), ' ') })
		}),
		{"streams: an entry goes before the one that added its key", "key at streams[acme/us][20].kid", func(t testing.TB) *verify.Report {
			l := many(t)
			l.keys["acme"] = keyOf("acme-3")
			l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
			l.commit(l.act(provenance.Action{Type: provenance.KeyAdd, ID: "acme", Key: coseOf(t, "acme-3")}))
			l.commit()
			return l.streams(us)
		}},
		{"streams: a sequence is left out", "chain at streams[acme/us][", func(t testing.TB) *verify.Report {
			l := many(t)
			l.next["acme/us"]++
			l.commit(l.batch("acme", "us", l.records(1, "US", "CN")))
			l.commit()
			return l.streams(us)
		}},
		{"streams: the validators count too many", "stream-missing at streams[acme]", func(t testing.TB) *verify.Report {
			l := many(t)
			p, _ := at[provenance.Provider](l, "provider/acme")
			p.Streams++
			set(l, "provider/acme", p)
			l.commit()
			l.commit()
			return l.streams(acmeAll)
		}},
		{"streams: the validators count too few", "state-value at state[provider/acme]", func(t testing.TB) *verify.Report {
			l := many(t)
			p, _ := at[provenance.Provider](l, "provider/acme")
			p.Streams--
			set(l, "provider/acme", p)
			l.commit()
			l.commit()
			return l.streams(acmeAll)
		}},
	}
}

// missing leaves out answers of paths that begin with one.
func missing(prefix string) func(string, []byte) []byte {
	return func(path string, b []byte) []byte {
		if strings.HasPrefix(path, prefix) {
			return nil
		}
		return b
	}
}

// stateAt is the answer to a question about the state map at an older height.
func (l *ledger) stateAt(path string, height int) []byte {
	u, err := url.Parse(path)
	check(l.t, err)
	key := u.Query().Get("key")
	state, head := l.states[height], l.heads[height]
	b := append([]byte{0x84}, head.Encode()...)
	b = appendHead(b, 0, int64(height+1))
	return append(appendBytes(b, state[key]), naiveProof(state, key).Encode()...)
}

// valueOfThen is an answer of now with the value of an older height.
func valueOfThen(l *ledger, path string, now []byte, height int) []byte {
	u, err := url.Parse(path)
	check(l.t, err)
	answer, err := verify.DecodeState(now)
	check(l.t, err)
	b := append([]byte{0x84}, answer.Preimage...)
	b = appendHead(b, 0, answer.Height)
	return append(appendBytes(b, l.states[height][u.Query().Get("key")]), answer.Proof...)
}

// TestStreamsUnderAnotherHeight: a node that gives an old header in the place of a new
// one shows an old head for the newest: whatever height it says, the header's counts.
// SPEC(VER-90)
func TestStreamsUnderAnotherHeight(t *testing.T) {
	l := many(t)
	old := l.prefix(8)
	now, then := int64(l.height()+1), int64(old.height()+1)
	l.answer = func(path string, b []byte) []byte {
		u, err := url.Parse(path)
		check(t, err)
		switch {
		case u.Path == "/v1/headers" && u.Query().Get("from") == fmt.Sprint(now):
			return appendBytes(nil, l.blocks[then-1])
		case u.Path == "/v1/state":
			a, err := verify.DecodeState(old.honest(u))
			check(t, err)
			b = appendHead(append([]byte{0x84}, a.Preimage...), 0, now)
			return append(appendBytes(b, a.Value), a.Proof...)
		}
		return b
	}
	for name, trust := range map[string]verify.Trust{"genesis": {Genesis: new(hashOf(l.genesis))}, "header": l.at(l.height())} {
		r := l.streams(verify.StreamsWanted{Provider: "acme", Stream: "us"}, trust)
		if r.Verdict != verify.Evidence || r.Findings()[0].Code != verify.CodeHeaderHeight {
			t.Errorf("%s:\n%s", name, text(r))
		}
	}
}

// TestStreamHeadBeyondTheLog: the head of a stream is an entry of the log under the same
// header: one that is the next entry's is none. SPEC(LOG-1)
func TestStreamHeadBeyondTheLog(t *testing.T) {
	l := newLedger(t)
	l.commit(l.one("acme", "us"))
	key := provenance.StateStreamKey("acme", "us")
	head, err := provenance.ParseStateValue[provenance.StreamHead](l.state[key])
	check(t, err)
	head.Index++
	l.state[key], err = provenance.EncodeStateValue(head)
	check(t, err)
	l.commit() // with that state
	l.commit()
	r := l.streams(verify.StreamsWanted{Provider: "acme", Stream: "us"})
	if r.Verdict != verify.Evidence || r.Findings()[0].Code != verify.CodeStateValue || !tells(r, "a head below entry 1") {
		t.Errorf("%s", text(r))
	}
}
