package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"tokentrail/verify"
	"tokentrail/verify/remote"
)

// Bounds of a watch.
const (
	leastEvery   = time.Second
	maxWebhooks  = 16
	defaultEvery = 30 * time.Second
	watchAddress = "127.0.0.1:9480"

	watchRetries = 2 // of a request: the next round tries again

	noListen = "none"  // of --listen
	asJSONL  = "jsonl" // of --output: one event a line, which is no one document
)

// watchFlags are those of verify --watch.
type watchFlags struct {
	on           bool
	every        time.Duration
	listen       string
	webhooks     []string
	webhookKey   string // file with the secret that deliveries are signed with
	reports      string // directory; empty: reports are not kept
	untilFinding bool
	anew         bool
	witness      witnessServeFlags
}

func (w *watchFlags) bind(s *pflag.FlagSet) {
	s.BoolVar(&w.on, "watch", false, "stay, and audit what is new again and again")
	s.DurationVar(&w.every, "every", defaultEvery, "of --watch: from the beginning of one audit to that of the next, at least "+leastEvery.String())
	s.StringVar(&w.listen, "listen", watchAddress, "of --watch: where /metrics and /healthz are served; none: nowhere")
	s.StringArrayVar(&w.webhooks, "webhook", nil, "of --watch: an address that events are posted to; more than one may be given")
	s.StringVar(&w.webhookKey, "webhook-key", "", "of --watch: a file with the secret that posts are signed with (Standard Webhooks), as whsec_…")
	s.StringVar(&w.reports, "reports", "", "of --watch: a directory for the report, as JSON, of each audit that found something new")
	s.BoolVar(&w.untilFinding, "until-finding", false, "of --watch: end with 1 at the first finding")
	s.BoolVar(&w.anew, "anew", false, "of --watch: begin with an audit of everything, whatever was saved")
	bindWitness(s, &w.witness)
}

// check refuses flags that do not go together. SPEC(CLI-98)
func (w *watchFlags) check(s *pflag.FlagSet, output string, f *verifyFlags) error {
	forms := []string{asText, asJSONL}
	if !w.on {
		for _, name := range []string{"every", "listen", "webhook", "webhook-key", "reports", "until-finding", "anew", "witness-key", "log-key"} {
			if s.Changed(name) {
				return usagef("--%s is of --watch", name)
			}
		}
		forms = reportForms()
	}
	switch {
	case !slices.Contains(forms, output):
		what := "tokentrail verify"
		if w.on {
			what += " --watch"
		}
		return usagef("--output %q: %s answers as %s", output, what, strings.Join(forms, ", "))
	case !w.on:
		return nil
	case f.resume || f.since != "":
		return usagef("--watch goes on from its own saved audit, else from the last one of the same trust; --anew begins with everything")
	case w.every < leastEvery:
		return usagef("--every %s: wanted %s or more", w.every, leastEvery)
	case len(w.webhooks) > maxWebhooks:
		return usagef("--webhook: %d addresses, at most %d are posted to", len(w.webhooks), maxWebhooks)
	case w.witness.key != "" && w.listen == noListen:
		return usagef("--witness-key: a witness answers others; give it an address with --listen")
	case w.webhookKey != "" && len(w.webhooks) == 0:
		return usagef("--webhook-key signs posts; name where to with --webhook")
	}
	if w.listen != noListen {
		if _, _, err := net.SplitHostPort(w.listen); err != nil {
			return usagef("--listen %q: wanted an address and a port, as %s, or %s", w.listen, watchAddress, noListen)
		}
	}
	return nil
}

// A lockedWriter lets several goroutines write whole lines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write writes.
func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// A watchedNode is the node, and tells what it says of its head.
type watchedNode struct {
	*remote.Node
	told func(*verify.Status, error)
}

// Status asks the node for its status.
func (n *watchedNode) Status(ctx context.Context) (*verify.Status, error) {
	s, err := n.Node.Status(ctx)
	if ctx.Err() == nil {
		n.told(s, err)
	}
	return s, err
}

// watch audits a ledger until it is stopped. SPEC(CLI-98), SPEC(CLI-99)
func (a *app) watch(ctx context.Context, f *verifyFlags, o *watchFlags) error {
	locked := *a // the goroutines of webhooks and of the server write too
	locked.stderr = &lockedWriter{w: a.stderr}
	w, err := locked.newWatcher(f, o)
	if err != nil {
		return noVerdict(err)
	}
	w.hooks.start()
	server, err := w.serve()
	if err == nil {
		err = w.run(ctx)
	}
	w.hooks.drain(drainTime)
	err = errors.Join(err, server.end())
	w.cosigner.close()
	return errors.Join(err, w.close())
}

// newWatcher makes a watch of what the flags say, before it asks anybody.
func (a *app) newWatcher(f *verifyFlags, o *watchFlags) (*watcher, error) {
	w := &watcher{app: a, flags: f, every: o.every, until: o.untilFinding, anew: o.anew, now: time.Now, patience: slowAudit}
	var err error
	if w.trust, err = f.anchor(); err != nil {
		return nil, err
	}
	c, err := a.client(f.node)
	if err != nil {
		return nil, err
	}
	node, err := remote.New(c.base.String(), remote.Options{UserAgent: "tokentrail", Client: c.http, Backoff: auditPause, Retries: watchRetries})
	if err != nil {
		return nil, err
	}
	w.from = c.base.Redacted()
	if w.memory, err = a.memory(f.state); err != nil {
		return nil, err
	}
	w.memory.rely(w.trust)
	if w.witnesses, err = a.witnesses(c, f.witness); err != nil {
		return nil, err
	}
	w.metrics = newWatchMetrics(w.trust.Height > 0)
	w.node = &watchedNode{node, w.metrics.status}
	w.store = newWatchStore(w.trust)
	if w.cosigner, err = a.witnessHandler(&o.witness, w.memory, node); err != nil {
		return nil, err
	}
	if w.cosigner != nil {
		w.metrics.registry.MustRegister(w.cosigner.figures.all()...)
	}
	w.told = newToldFindings()
	w.health.began = w.now()
	if w.reports, err = reportsDir(o.reports); err != nil {
		return nil, err
	}
	targets, err := hookTargets(o.webhooks)
	if err != nil {
		return nil, err
	}
	secrets, err := readHookKey(o.webhookKey)
	if err != nil {
		return nil, err
	}
	w.listen = o.listen
	w.hooks = newHooks(targets, secrets, w.say, w.metrics)
	return w, nil
}

// reportsDir makes the directory for reports, where only it is missing.
func reportsDir(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("--reports: %w", err)
	}
	if !isDir(dir) {
		return "", fmt.Errorf("--reports %s is a file; wanted a directory", printable(dir))
	}
	return dir, nil
}

// hookTargets reads the addresses of --webhook. What is said of them leaves out the
// path, which often is a secret. SPEC(CLI-101)
func hookTargets(addresses []string) (targets []*url.URL, err error) {
	seen := map[string]bool{}
	for i, address := range addresses {
		u, err := url.Parse(address)
		switch {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "":
			return nil, usagef("--webhook: address %d is not as https://example.org/hook", i+1)
		case seen[u.String()]:
			return nil, usagef("--webhook: address %d, at %s, is given twice", i+1, u.Host)
		}
		seen[u.String()] = true
		targets = append(targets, u)
	}
	return targets, nil
}
