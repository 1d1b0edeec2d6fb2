package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	mostPending = 256            // posts that wait for one webhook
	mostAge     = 72 * time.Hour // after which a post is given up
	maxPost     = 1 << 20        // bytes of one that waits on disk
	postSuffix  = ".json"
)

// A post is an event on its way to one webhook.
type post struct {
	id   string
	at   time.Time // of the event
	body []byte
	file string // where it waits; empty: in memory alone
}

// hooks deliver events, to each webhook in their order. SPEC(VER-84)
type hooks struct {
	each    []*hook
	secrets [][]byte
	client  *http.Client
	say     func(format string, args ...any)
	metrics *watchMetrics
	now     func() time.Time
	first   time.Duration // the first pause
	stop    context.CancelFunc
	running sync.WaitGroup
}

// A hook is one webhook and what waits for it. Its own goroutine sends; the watch's
// adds to the queue.
type hook struct {
	all    *hooks
	target *url.URL

	mu      sync.Mutex // guards what follows
	dir     string     // empty: in memory
	pending []*post    // the first is on its way
	resting bool       // after a failure
	wake    chan struct{}
}

// newHooks returns hooks that deliver nothing yet.
func newHooks(targets []*url.URL, secrets [][]byte, say func(string, ...any), m *watchMetrics) *hooks {
	all := &hooks{secrets: secrets, client: newHookClient(), say: say, metrics: m, now: time.Now, first: hookFirst}
	for _, target := range targets {
		all.each = append(all.each, &hook{all: all, target: target, wake: make(chan struct{}, 1)})
	}
	return all
}

// start begins to deliver, until drain.
func (a *hooks) start() {
	ctx, stop := context.WithCancel(context.Background())
	a.stop = stop
	for _, h := range a.each {
		a.running.Go(func() { h.run(ctx) })
	}
}

// post puts an event into each queue, durably where there is a directory.
func (a *hooks) post(id string, body []byte, at time.Time) {
	for _, h := range a.each {
		h.add(&post{id: id, at: at, body: body})
	}
}

// attach lets what waits be files in a directory, and takes up what waited there.
func (a *hooks) attach(dir string) error {
	for _, h := range a.each {
		sum := sha256.Sum256([]byte(h.target.String()))
		own, err := makeDirs(filepath.Dir(dir), filepath.Base(dir), fmt.Sprintf("%x", sum[:8]))
		if err != nil {
			return couldNotf("%w", err)
		}
		if err := h.attach(own); err != nil {
			return couldNotf("%w", err)
		}
	}
	return nil
}

func (h *hook) attach(dir string) error {
	removeTemps(dir)
	names, err := namesIn(dir, func(name string) bool { return strings.HasSuffix(name, postSuffix) })
	if err != nil {
		return err
	}
	var before []*post
	for _, name := range names { // which ascend in time
		p, err := readPost(filepath.Join(dir, name))
		if err != nil {
			h.all.say("a post that waited is left out: %v", err)
			continue
		}
		before = append(before, p)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dir = dir
	for _, p := range h.pending {
		h.write(p)
	}
	h.pending = append(before, h.pending...)
	h.all.metrics.pending.Add(float64(len(before)))
	h.call()
	return nil
}

// write lets a post wait on disk too, where there is a directory. The mutex is held.
func (h *hook) write(p *post) {
	if h.dir == "" || p.file != "" {
		return
	}
	name := fmt.Sprintf("%020d-%s%s", h.all.now().UnixNano(), p.id, postSuffix)
	if err := writeDurable(h.dir, name, p.body); err != nil {
		h.all.say("a post for %s waits in memory alone: %v", h.target.Host, err)
		return
	}
	p.file = filepath.Join(h.dir, name)
}

// call wakes the goroutine that sends.
func (h *hook) call() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// readPost reads a post that waited.
func readPost(name string) (*post, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, err := readBounded(f, maxPost, name)
	if err != nil {
		return nil, err
	}
	var e watchEvent
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" {
		return nil, fmt.Errorf("%s is no event; remove it", name)
	}
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; remove it", name, err)
	}
	return &post{e.ID, at, body, name}, nil
}

// add puts a post at the end of the queue. Where that is full the oldest is given up,
// which is counted and told.
func (h *hook) add(p *post) {
	h.mu.Lock()
	h.write(p)
	h.pending = append(h.pending, p)
	h.all.metrics.pending.Inc()
	var oldest *post
	if len(h.pending) > mostPending {
		oldest = h.pending[0]
	}
	h.mu.Unlock()
	if oldest != nil {
		h.drop(oldest, fmt.Sprintf("%d others wait", mostPending))
	}
	h.call()
}

// remove takes a post out of the queue, whose file goes first: a crash between leaves
// nothing that would be posted again. It reports false where it is out already.
func (h *hook) remove(p *post) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.pending, p)
	if i < 0 {
		return false
	}
	if p.file != "" {
		if err := errors.Join(os.Remove(p.file), syncDir(filepath.Dir(p.file))); err != nil {
			h.all.say("a post that is done may be posted again: %v", err)
		}
	}
	h.pending = slices.Delete(h.pending, i, i+1)
	h.all.metrics.pending.Dec()
	return true
}

// drop gives a post up.
func (h *hook) drop(p *post, why string) {
	if h.remove(p) {
		h.all.metrics.deliveries.WithLabelValues(deliveryDropped).Inc()
		h.all.say("event %s of %s is not delivered to the webhook at %s and given up: %s", p.id, p.at.UTC().Format(time.RFC3339), h.target.Host, why)
	}
}

// head returns the oldest post; nil where none waits.
func (h *hook) head() *post {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.pending) == 0 {
		return nil
	}
	return h.pending[0]
}

// run sends one post after the other until it is stopped.
func (h *hook) run(ctx context.Context) {
	var last *post
	failures, failing := 0, false
	for {
		p := h.head()
		if p == nil {
			if h.rest(ctx, -1) != nil {
				return
			}
			continue
		}
		if p != last {
			last, failures = p, 0
		}
		after, err := h.send(ctx, p)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			h.all.metrics.deliveries.WithLabelValues(deliveryDone).Inc()
			h.remove(p)
			if failing {
				h.all.say("the webhook at %s takes posts again", h.target.Host)
			}
			failing = false
			continue
		}
		h.all.metrics.deliveries.WithLabelValues(deliveryFailed).Inc()
		if !failing {
			h.all.say("the webhook at %s: %v; it is tried again", h.target.Host, err)
		}
		failing = true
		failures++
		if h.all.now().Sub(p.at) > mostAge {
			h.drop(p, fmt.Sprintf("for %s it was tried again: %v", mostAge, err))
			continue
		}
		if h.rest(ctx, h.all.pause(failures, after)) != nil {
			return
		}
	}
}

// pause is how long to wait after so many failures, somewhat at random, so that
// receivers that come back are not asked by all at once.
func (a *hooks) pause(failures int, after time.Duration) time.Duration {
	pause := a.first
	for ; failures > 1 && pause < hookMost; failures-- {
		pause *= 2
	}
	pause = min(pause, hookMost)
	return max(after, pause/2+rand.N(pause/2+1))
}

// rest waits; for the next post where pause is negative.
func (h *hook) rest(ctx context.Context, pause time.Duration) error {
	if pause < 0 {
		select {
		case <-h.wake:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	h.setResting(true)
	defer h.setResting(false)
	return sleep(ctx, pause)
}

func (h *hook) setResting(resting bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resting = resting
}

// busy reports whether something may be delivered soon.
func (h *hook) busy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pending) > 0 && !h.resting
}

// drain gives what waits a moment to be delivered, and stops. What is left waits on
// disk for the next watch, or is lost, which is told.
func (a *hooks) drain(most time.Duration) {
	for end := time.Now().Add(most); slices.ContainsFunc(a.each, (*hook).busy) && time.Now().Before(end); {
		time.Sleep(pollPause)
	}
	a.stop()
	a.running.Wait()
	a.client.CloseIdleConnections()
	for _, h := range a.each {
		left := len(h.pending)
		switch {
		case left > 0 && h.dir != "":
			a.say("%s for the webhook at %s wait in %s; the next watch delivers them", plural(int64(left), "event"), h.target.Host, h.dir)
		case left > 0:
			a.say("%s for the webhook at %s were not delivered, and are lost: without a directory of state nothing waits", plural(int64(left), "event"), h.target.Host)
		}
	}
}
