//go:build linux

package faults

import (
	"crypto"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"tokentrail/provenance"
)

const (
	localnetChain = "localnet-1"
	flooder       = "flood" // the provider that has no measure

	floodConnections = 3 // of each kind over HTTP
	// Bounds of what honest ones and nodes suffer, on a machine that does other
	// work beside.
	floodLatency = 20 * time.Second
	floodMemory  = 1 << 30 // bytes of a node that are in no file
)

// A flood makes submissions of one kind without end. Owned by one goroutine.
type flood struct {
	key      crypto.Signer
	name     string // of its streams
	records  [][]byte
	draw     *rand.Rand
	streams  int
	sequence int64
	previous *provenance.Hash
	known    [][]byte // what the log has
	ready    []byte   // made once, sent for ever
}

// floods are what comes: its name, whether its senders do not wait for a commit,
// and the next submission.
var floods = []struct {
	name    string
	hurried bool
	next    func(f *flood) ([]byte, error)
}{
	{"garbage", false, func(f *flood) ([]byte, error) { return randomBytes(1 + f.draw.IntN(20_000)), nil }},
	{"bad signature", false, func(f *flood) ([]byte, error) {
		if f.ready == nil {
			one, err := f.tell(f.key, fmt.Sprint(f.name, "-bad"), 0, nil)
			if err != nil {
				return nil, err
			}
			if err := spoilSignature(one.submission); err != nil {
				return nil, err
			}
			f.ready = one.submission
		}
		return f.ready, nil
	}},
	{"a stranger's", false, func(f *flood) ([]byte, error) {
		stranger, err := provenance.GenerateKey(provenance.AlgEdDSA)
		if err != nil {
			return nil, err
		}
		one, err := f.tell(stranger, f.stream(), 0, nil)
		return one.submission, err
	}},
	{"too large", false, func(f *flood) ([]byte, error) { return randomBytes(2 << 20), nil }},
	{"far ahead", false, func(f *flood) ([]byte, error) {
		one, err := f.tell(f.key, f.stream(), 1000, &provenance.Hash{})
		return one.submission, err
	}},
	{"never to follow", true, func(f *flood) ([]byte, error) {
		one, err := f.tell(f.key, f.stream(), 1+f.draw.Int64N(60), &provenance.Hash{})
		return one.submission, err
	}},
	{"duplicates", false, func(f *flood) ([]byte, error) { return f.known[f.draw.IntN(len(f.known))], nil }},
	{"valid", false, func(f *flood) ([]byte, error) {
		one, err := f.tell(f.key, f.name, f.sequence, f.previous)
		f.sequence, f.previous = f.sequence+1, &one.id
		return one.submission, err
	}},
}

func (f *flood) stream() string {
	f.streams++
	return fmt.Sprint(f.name, "-", f.streams)
}

func (f *flood) tell(key crypto.Signer, stream string, sequence int64, previous *provenance.Hash) (told, error) {
	return tell(key, flooder, stream, sequence, previous, f.records[f.draw.IntN(len(f.records)-200):][:1+f.draw.IntN(200)])
}

// TestFlood floods four validators over HTTP, and as a peer, with what is valid,
// what is not, and what they have already, while honest ones submit. These are
// served within a bound, memory stays within another, nobody ends.
func TestFlood(t *testing.T) {
	p := newPlan(t, 1, 10)
	key, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	var worst, calm latencies
	var most, posted, given int64
	var lost, forks, entries, acknowledged int
	for p.next() {
		net, other := newFloodedNetwork(t, key) // anew: a provider may open so many streams
		net.start(t)
		l := newLoad(t, net, p.Uint64())
		calm = append(calm, l.timed(t, 40)...)
		known := net.knownEntries(t)
		w := startFlood(t, p, net, other, known)
		memory := watchMemory(net)
		time.Sleep(500 * time.Millisecond) // until it runs in full
		during := l.timed(t, 60)
		most = max(most, memory())
		w.stop()
		if err := l.err(); err != nil {
			t.Fatal(err)
		}
		posted, given = posted+w.posted.Load(), given+w.rogue.sent.Load()
		arrived := w.arrived(t, net)
		if arrived == 0 {
			t.Error("nothing of what the peer gave is in the log: it did not flood")
		}
		worst = append(worst, during...)
		if got := during.at(0.99); got > floodLatency {
			t.Errorf("under the flood honest statements take up to %s, allowed are %s", got, floodLatency)
		}
		if most > floodMemory {
			t.Errorf("a node has %d MB in memory, allowed are %d", most>>20, floodMemory>>20)
		}
		a := net.judge(t, l.promised(), net.nodes[p.IntN(4)])
		lost, forks, entries = lost+a.lost, forks+a.forks, entries+a.entries
		acknowledged += l.count()
		net.stop(t)
		p.say("honest statements (p50/p99/max) %s without, %s with the flood; %s; the peer gave %d transactions in %d connections, of its valid ones %d of %d are entries; memory %d MB",
			calm, during, w.answered(), w.rogue.sent.Load(), w.rogue.joined.Load(), arrived, len(w.valid), most>>20)
	}
	p.figures("floods", "posted", posted, "given_by_peer", given, "statements", entries, "acknowledged", acknowledged,
		"p50/p99/max", worst, "without", calm, "memory_mb", most>>20, "lost", lost, "forks", forks)
}

// newFloodedNetwork makes a network that admits the flooding provider, too.
func newFloodedNetwork(t testing.TB, key crypto.Signer) (*network, crypto.Signer) {
	t.Helper()
	other, err := provenance.GenerateKey(provenance.AlgEdDSA)
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, k := range []crypto.Signer{key, other} {
		public, err := provenance.NewPublicKey(k.Public())
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, public.String())
	}
	net := newNetworkOf(t, 4, texts[0], "--provider", flooder+",US,"+texts[1])
	net.key = key
	return net, other
}

// knownEntries are submissions that the log has.
func (net *network) knownEntries(t testing.TB) [][]byte {
	t.Helper()
	var out [][]byte
	for i := range 5 {
		one, err := tell(net.key, issuer, fmt.Sprint("known-", i), 0, nil, traceRecords(t)[i*20:][:20])
		if err != nil {
			t.Fatal(err)
		}
		if a := net.nodes[0].insist(one); a.code != http.StatusCreated {
			t.Fatalf("a statement before the flood: %v", a)
		}
		out = append(out, one.submission)
	}
	return out
}
