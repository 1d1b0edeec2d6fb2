//go:build linux

package faults

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	parcelBytes = 4 << 10 // what a link carries at once
	linkParcels = 64      // what is on its way at most
	linkPause   = 2 * time.Millisecond
)

// A weather is what links do to what they carry. TCP mends losses: what a
// program sees of them is that bytes stand still for a while, and connections
// that break.
type weather struct {
	delay, jitter time.Duration // one way; jitter is the most that is added
	rate          int64         // bytes a second, one way; 0: no bound
	stall, reset  float64       // of each parcel, the probability
}

// A fabric carries all that the nodes of a network say to each other through
// this process. Safe for concurrent use.
type fabric struct {
	seed   uint64
	nodes  int
	ending chan struct{} // closed at the end of the test
	work   sync.WaitGroup

	mu        sync.Mutex
	cut       map[[2]int]bool    // guarded by mu: nothing passes from the first to the second
	weather   map[[2]int]weather // guarded by mu
	crossings map[*crossing]bool // guarded by mu: those that are open
	drawn     uint64             // guarded by mu: crossings that there have been
	carried   int64              // guarded by mu: bytes
}

// A crossing is one connection of two nodes.
type crossing struct {
	*fabric
	dialler, dialled int
	near, far        net.Conn
	once             sync.Once
	closed           chan struct{}
}

// weave puts a proxy between each two nodes of a network that has not been
// started: of each pair one dials, and nobody discovers others.
func (net *network) weave(t testing.TB, seed uint64) *fabric {
	t.Helper()
	f := &fabric{
		seed: seed, nodes: len(net.nodes), ending: make(chan struct{}),
		cut: map[[2]int]bool{}, weather: map[[2]int]weather{}, crossings: map[*crossing]bool{},
	}
	t.Cleanup(func() {
		close(f.ending)
		f.breakAll()
		f.work.Wait()
	})
	listens := make([]string, len(net.nodes))
	for i, n := range net.nodes {
		listens[i] = n.config(t)["p2p"].(string)
	}
	for i, n := range net.nodes {
		n.configure(t, func(conf map[string]any) {
			for k, peer := range conf["persistent_peers"].([]any) {
				id, address, _ := strings.Cut(peer.(string), "@")
				j := slices.Index(listens, address)
				conf["persistent_peers"].([]any)[k] = id + "@" + f.listen(t, i, j, address)
			}
		})
	}
	return f
}

// config is config/node.json.
func (n *node) config(t testing.TB) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(n.home, "config", "node.json"))
	var conf map[string]any
	if err == nil {
		err = json.Unmarshal(b, &conf)
	}
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// configure changes config/node.json of a node that is down.
func (n *node) configure(t testing.TB, change func(map[string]any)) {
	t.Helper()
	conf := n.config(t)
	change(conf)
	b, err := json.Marshal(conf)
	if err == nil {
		err = os.WriteFile(filepath.Join(n.home, "config", "node.json"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// listen makes the proxy by which node from dials node to, and returns its
// address.
func (f *fabric) listen(t testing.TB, from, to int, target string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.work.Go(func() {
		<-f.ending
		l.Close()
	})
	f.work.Go(func() {
		for {
			near, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				f.work.Go(func() { f.cross(near, from, to, target) })
			}
		}
	})
	return l.Addr().String()
}

// cross carries one connection until it ends. Where something is cut between the
// two it waits: as long as that no connection comes about.
func (f *fabric) cross(near net.Conn, from, to int, target string) {
	x := &crossing{fabric: f, dialler: from, dialled: to, near: near, closed: make(chan struct{})}
	f.mu.Lock()
	f.crossings[x] = true
	f.drawn++
	number := f.drawn
	f.mu.Unlock()
	defer x.close()
	if !x.waitWhile(func() bool { return f.isCut(from, to) || f.isCut(to, from) }) {
		return
	}
	far, err := net.Dial("tcp", target)
	if err != nil {
		return // the node is down, and the dialler is told so
	}
	x.far = far
	defer far.Close()
	var ways sync.WaitGroup
	ways.Go(func() { x.carry(far, near, [2]int{from, to}, rand.New(rand.NewPCG(f.seed, 2*number))) })
	ways.Go(func() { x.carry(near, far, [2]int{to, from}, rand.New(rand.NewPCG(f.seed, 2*number+1))) })
	ways.Go(func() {
		<-x.closed
		far.Close()
	})
	ways.Wait()
}

// close breaks the connection.
func (x *crossing) close() {
	x.once.Do(func() {
		close(x.closed)
		x.near.Close()
		x.mu.Lock()
		delete(x.crossings, x)
		x.mu.Unlock()
	})
}

// waitWhile reports whether the connection is still there when blocked is over.
func (x *crossing) waitWhile(blocked func() bool) bool {
	for {
		select {
		case <-x.closed:
			return false
		case <-x.ending:
			return false
		default:
		}
		if !blocked() {
			return true
		}
		time.Sleep(linkPause)
	}
}

// A parcel is what a link carries at once, and when it arrives.
type parcel struct {
	b   []byte
	due time.Time
}

// carry takes bytes one way, in order.
func (x *crossing) carry(dst, src net.Conn, way [2]int, draw *rand.Rand) {
	defer x.close()
	queue := make(chan parcel, linkParcels)
	x.work.Go(func() { x.collect(queue, src, way, draw) })
	for p := range queue {
		select {
		case <-time.After(time.Until(p.due)):
		case <-x.closed:
			return
		}
		if !x.waitWhile(func() bool { return x.isCut(way[0], way[1]) }) {
			return
		}
		if _, err := dst.Write(p.b); err != nil {
			return
		}
	}
}

// collect reads what is to be carried, and draws when it arrives.
func (x *crossing) collect(queue chan<- parcel, src net.Conn, way [2]int, draw *rand.Rand) {
	defer close(queue)
	var free, last time.Time // when the link has sent what it has, and when that arrives
	for {
		b := make([]byte, parcelBytes)
		n, err := src.Read(b)
		if err != nil {
			return
		}
		w := x.weatherOf(way, n)
		if draw.Float64() < w.reset {
			x.close()
			return
		}
		if now := time.Now(); free.Before(now) {
			free = now
		}
		if w.rate > 0 {
			free = free.Add(time.Duration(int64(n) * int64(time.Second) / w.rate))
		}
		due := free.Add(w.delay + time.Duration(draw.Float64()*float64(w.jitter)))
		if draw.Float64() < w.stall {
			due = due.Add(200*time.Millisecond + time.Duration(draw.Int64N(int64(800*time.Millisecond)))) // as until TCP sends again
		}
		if due.Before(last) {
			due = last
		}
		last = due
		select {
		case queue <- parcel{b[:n], due}:
		case <-x.closed:
			return
		}
	}
}

func (f *fabric) isCut(from, to int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut[[2]int{from, to}]
}

// weatherOf is the weather of a way, on which n bytes more go.
func (f *fabric) weatherOf(way [2]int, n int) weather {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.carried += int64(n)
	return f.weather[way]
}

// set replaces what is cut. Where broken is said, the connections that are cut, or
// were until now, break as well; else they stand still, and go on when they are
// not cut any more.
func (f *fabric) set(cut map[[2]int]bool, broken bool) {
	f.mu.Lock()
	before := f.cut
	f.cut = cut
	var ending []*crossing
	for x := range f.crossings {
		there, back := [2]int{x.dialler, x.dialled}, [2]int{x.dialled, x.dialler}
		if broken && (cut[there] || cut[back] || before[there] || before[back]) {
			ending = append(ending, x)
		}
	}
	f.mu.Unlock()
	for _, x := range ending {
		x.close()
	}
}

// blow sets the weather of the ways from one of some nodes, or to it.
func (f *fabric) blow(nodes []int, w weather) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range nodes {
		for j := range f.nodes {
			f.weather[[2]int{i, j}], f.weather[[2]int{j, i}] = w, w
		}
	}
}

// breakAll breaks all connections.
func (f *fabric) breakAll() {
	f.mu.Lock()
	var all []*crossing
	for x := range f.crossings {
		all = append(all, x)
	}
	f.mu.Unlock()
	for _, x := range all {
		x.close()
	}
}

// between are the ways between nodes of different groups.
func between(groups ...[]int) map[[2]int]bool {
	cut := map[[2]int]bool{}
	for a, group := range groups {
		for b, other := range groups {
			for _, i := range group {
				for _, j := range other {
					if a != b {
						cut[[2]int{i, j}] = true
					}
				}
			}
		}
	}
	return cut
}

// oneWay are the ways from nodes of one group to those of another.
func oneWay(from, to []int) map[[2]int]bool {
	cut := map[[2]int]bool{}
	for _, i := range from {
		for _, j := range to {
			cut[[2]int{i, j}] = true
		}
	}
	return cut
}
