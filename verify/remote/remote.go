// Package remote is a node as the source of an audit, over HTTP.
//
// # What must be trusted
//
// Nothing: neither the node nor what lies between it and the auditor. Answers
// are bytes for package verify to judge. What this package does is to get them
// within bounds: every answer has a greatest size, every request a time, and
// trouble that passes (a refused connection, 429, 503) is tried again a few
// times. An answer that was cut short is an error, never a shorter answer.
package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// Greatest sizes of answers, in bytes, by what they hold.
const (
	maxSmall   = 1 << 20  // status, proofs, checkpoint, keys, state
	maxReceipt = 16 << 20 // with the light block of a very large validator set
	maxGenesis = 64 << 20
	maxHeaders = 64 << 20
	maxEntries = 16 << 20 // about 8 MiB, and one entry more (spec/api.md)
	maxFlows   = 64 << 20 // of 20,000 rows, each below 3 KiB
	maxProblem = 64 << 10
)

// Options say how a node is asked. The zero value is good.
type Options struct {
	// Client does the requests; nil is one of its own without a cookie jar.
	Client *http.Client
	// Timeout bounds one request with its answer; 0 means a minute.
	Timeout time.Duration
	// Retries is how often trouble that passes is tried again; 0 means 4, less
	// means never.
	Retries int
	// Backoff is the first pause before a retry, doubled each time; 0 means 250
	// ms. A node's Retry-After is followed up to MaxPause.
	Backoff time.Duration
	// MaxPause bounds any one pause; 0 means 15 s.
	MaxPause time.Duration
	// UserAgent names the auditor's program.
	UserAgent string
}

// A Node is a node's HTTP interface (spec/api.md). It implements verify.Source,
// verify.StreamSource, verify.RecordPager and light.ChangeSource, and is safe for use by
// several goroutines. Lookup makes a verify.RecordSource and verify.TransferSource of it.
type Node struct {
	base *url.URL      // without a name and password, so that nothing that is said has them
	user *url.Userinfo // nil: none
	o    Options
}

// New returns the node at a URL, such as http://127.0.0.1:7480.
func New(address string, o Options) (*Node, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not a node's address: give one such as http://127.0.0.1:7480", address)
	}
	user := u.User
	u.User, u.Path, u.RawQuery, u.Fragment = nil, strings.TrimRight(u.Path, "/"), "", ""
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	orDefault(&o.Timeout, time.Minute)
	orDefault(&o.Backoff, 250*time.Millisecond)
	orDefault(&o.MaxPause, 15*time.Second)
	if o.Retries == 0 {
		o.Retries = 4
	}
	if o.UserAgent == "" {
		o.UserAgent = "tokentrail-verify"
	}
	return &Node{u, user, o}, nil
}

func orDefault(to *time.Duration, d time.Duration) {
	if *to <= 0 {
		*to = d
	}
}

// URL returns the node's address, without a name and password.
func (n *Node) URL() string { return n.base.String() }

// Status implements verify.Source.
func (n *Node) Status(ctx context.Context) (*verify.Status, error) {
	b, err := n.get(ctx, maxSmall, "/v1/status")
	if err != nil {
		return nil, err
	}
	return verify.DecodeStatus(b)
}

// Genesis implements verify.Source.
func (n *Node) Genesis(ctx context.Context) ([]byte, error) {
	return n.get(ctx, maxGenesis, "/v1/genesis")
}

// Headers implements verify.Source.
func (n *Node) Headers(ctx context.Context, from int64, limit int) ([][]byte, error) {
	b, err := n.get(ctx, maxHeaders, "/v1/headers", "from", num(from), "limit", num(int64(limit)))
	if err != nil {
		return nil, err
	}
	return verify.DecodeHeaders(b, limit)
}

// Entries implements verify.Source.
func (n *Node) Entries(ctx context.Context, from int64, limit int) ([]verify.Entry, error) {
	b, err := n.get(ctx, maxEntries, "/v1/entries", "from", num(from), "limit", num(int64(limit)))
	if err != nil {
		return nil, err
	}
	return verify.DecodeEntries(b, limit)
}

// Acts returns acts of the log from an entry on, at most limit: hints where they
// stand.
func (n *Node) Acts(ctx context.Context, from int64, limit int) ([]verify.Entry, error) {
	b, err := n.get(ctx, maxEntries, "/v1/acts", "from", num(from), "limit", num(int64(limit)))
	if err != nil {
		return nil, err
	}
	return verify.DecodeActs(b, from, limit)
}

// ValidatorChanges returns the heights, from the one given on, at which the node
// says that the validators change: hints for light.Founders.
func (n *Node) ValidatorChanges(ctx context.Context, from int64) ([]int64, error) {
	b, err := n.get(ctx, maxSmall, "/v1/validators/changes", "from", num(from))
	if err != nil {
		return nil, err
	}
	return verify.DecodeChanges(b, from)
}

// State implements verify.Source.
func (n *Node) State(ctx context.Context, key string) (*verify.StateAnswer, error) {
	b, err := n.get(ctx, maxSmall, "/v1/state", "key", key)
	if err != nil {
		return nil, err
	}
	return verify.DecodeState(b)
}

// Flows implements verify.Source.
func (n *Node) Flows(ctx context.Context, q provenance.FlowQuery, p verify.FlowsPage) (*verify.FlowsAnswer, error) {
	w := verify.EncodeFlowsQuery(q)
	offset, size := "", ""
	if p.Offset > 0 {
		offset, size = num(p.Offset), num(p.Size)
	}
	b, err := n.get(ctx, maxFlows, "/v1/flows", "from", w.From, "to", w.To, "since", w.Since, "until", w.Until,
		"kind", strings.Join(w.Kind, ","), "side", strings.Join(w.Side, ","), "by", strings.Join(w.By, ","), "limit", num(p.Limit), "offset", offset, "size", size)
	if err != nil {
		return nil, err
	}
	return verify.DecodeFlows(b)
}

// Checkpoint implements verify.Source.
func (n *Node) Checkpoint(ctx context.Context) ([]byte, error) {
	return n.get(ctx, maxSmall, "/checkpoint")
}

// Keys implements verify.Source.
func (n *Node) Keys(ctx context.Context) ([]byte, error) {
	return n.get(ctx, maxSmall, "/.well-known/scitt-keys")
}

// Receipt implements verify.Source.
func (n *Node) Receipt(ctx context.Context, index int64) ([]byte, error) {
	return n.get(ctx, maxReceipt, "/entries/"+num(index))
}

// Inclusion implements verify.Source.
func (n *Node) Inclusion(ctx context.Context, index, size int64) ([]byte, error) {
	return n.get(ctx, maxSmall, "/proof/inclusion", "index", num(index), "size", num(size))
}

// Consistency implements verify.Source.
func (n *Node) Consistency(ctx context.Context, from, to int64) ([]byte, error) {
	return n.get(ctx, maxSmall, "/proof/consistency", "from", num(from), "to", num(to))
}

// RecordProof implements verify.Source.
func (n *Node) RecordProof(ctx context.Context, index, record int64) ([]byte, error) {
	return n.get(ctx, maxSmall, "/entries/"+num(index)+"/records/"+num(record))
}

// Statement returns the statement of an entry, by its index or statement id.
func (n *Node) Statement(ctx context.Context, entry string) ([]byte, error) {
	return n.get(ctx, maxSmall, "/entries/"+url.PathEscape(entry)+"/statement")
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

// get asks for a path; query holds names and values, of which empty ones are
// left out.
func (n *Node) get(ctx context.Context, most int64, path string, query ...string) ([]byte, error) {
	return n.getCoded(ctx, most, "", path, query...)
}

// getCoded is get of an answer that comes in a coding, and is returned in it; none
// is what the transport undoes by itself.
func (n *Node) getCoded(ctx context.Context, most int64, coding, path string, query ...string) ([]byte, error) {
	target := n.base.String() + path
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		if query[i+1] != "" {
			values.Set(query[i], query[i+1])
		}
	}
	if len(values) > 0 {
		target += "?" + values.Encode()
	}
	pause := n.o.Backoff
	for try := 0; ; try++ {
		b, err := n.once(ctx, target, coding, most)
		var e *Error
		if err == nil || !errors.As(err, &e) || !e.passes || try >= n.o.Retries {
			return b, err
		}
		if err := sleep(ctx, min(max(pause, e.after), n.o.MaxPause)); err != nil {
			return nil, &Error{URL: target, Err: err}
		}
		pause *= 2
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// once does one request.
func (n *Node) once(ctx context.Context, target, coding string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, n.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, &Error{URL: target, Err: err}
	}
	req.Header.Set("User-Agent", n.o.UserAgent)
	if coding != "" {
		req.Header.Set("Accept-Encoding", coding)
	}
	if n.user != nil {
		password, _ := n.user.Password()
		req.SetBasicAuth(n.user.Username(), password)
	}
	resp, err := n.o.Client.Do(req)
	if err != nil {
		return nil, &Error{URL: target, Err: unwrapURL(err), passes: refused(err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, problem(target, resp)
	}
	if got := resp.Header.Get("Content-Encoding"); coding != "" && got != coding {
		return nil, &Error{URL: target, Err: fmt.Errorf("%w: the coding %.40q, wanted %s; does something on the way to the node undo it?", verify.ErrAnswer, got, coding)}
	}
	// One byte more than allowed tells a longer answer from one that fits.
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return nil, &Error{URL: target, Err: fmt.Errorf("the answer was cut short after %d bytes: %w", len(b), err), passes: ctx.Err() == nil}
	case int64(len(b)) > most:
		return nil, &Error{URL: target, Err: fmt.Errorf("%w: more than the %d bytes that such an answer may have", verify.ErrAnswer, most)}
	}
	return b, nil
}
