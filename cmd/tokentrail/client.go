package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"tokentrail/provenance"
)

const (
	maxJSONBody    = 64 << 20
	maxReceiptBody = 16 << 20
	maxStateBody   = 1 << 20
	maxProblemBody = 64 << 10

	answerTimeout = 30 * time.Second
	commitTimeout = 90 * time.Second // a node may hold a submission until it is committed

	problemMediaType = "application/concise-problem-details+cbor"
)

// A problemError is a node's refusal (spec/api.md, API-1).
type problemError struct {
	Status     int
	Code       string // "gap", "fork", …; "" where the answer had none
	Title      string
	Detail     string
	RetryAfter time.Duration
	Where      string
}

// Error reads "the node at URL answers 409 Fork: fork: detail".
func (e *problemError) Error() string {
	said := e.Title
	if e.Detail != "" {
		said += ": " + e.Detail
	}
	if said == "" {
		said = http.StatusText(e.Status)
	}
	return fmt.Sprintf("the node at %s answers %d %s", e.Where, e.Status, printable(said))
}

// A client talks to one node over HTTP.
type client struct {
	http *http.Client
	base *url.URL
}

// An answer is a response with its body read.
type answer struct {
	status     int
	body       []byte
	location   string
	retryAfter time.Duration
}

// newClient returns a client of the node at a base URL.
func newClient(node string) (*client, error) {
	u, err := url.Parse(node)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, usagef("--node %q: wanted the node's address, as http://localhost:7480", node)
	}
	user := u.User
	u.User, u.Path = nil, strings.TrimSuffix(u.Path, "/") // the address is told and written down
	var transport http.RoundTripper = &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		MaxIdleConnsPerHost:   maxWindow,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: commitTimeout,
		ForceAttemptHTTP2:     true,
	}
	if user != nil {
		transport = &namedTransport{user, transport}
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{&http.Client{Transport: transport, CheckRedirect: stay}, u}, nil
}

// A namedTransport asks a node by the name and password in its address.
type namedTransport struct {
	user *url.Userinfo
	next http.RoundTripper
}

// RoundTrip asks the node.
func (t *namedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	named := r.Clone(r.Context())
	password, _ := t.user.Password()
	named.SetBasicAuth(t.user.Username(), password)
	return t.next.RoundTrip(named)
}

// nodeURL takes the node from the flag or the environment.
func (a *app) nodeURL(flag string) (string, error) {
	if flag == "" {
		flag = a.env(envNode)
	}
	if flag == "" {
		return "", usagef("no node is named: say --node URL or set %s", envNode)
	}
	return flag, nil
}

// client returns a client of the node in the flag or the environment.
func (a *app) client(flag string) (*client, error) {
	node, err := a.nodeURL(flag)
	if err != nil {
		return nil, err
	}
	return newClient(node)
}

// get fetches a path of the node; what the node refuses is a *problemError.
func (c *client) get(ctx context.Context, path string, query url.Values, limit int64) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return c.do(ctx, http.MethodGet, path, query, nil, limit)
}

// post sends a submission.
func (c *client) post(ctx context.Context, submission []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	return c.do(ctx, http.MethodPost, "/entries", nil, submission, maxReceiptBody)
}

func (c *client) do(ctx context.Context, method, path string, query url.Values, body []byte, limit int64) (*answer, error) {
	u := *c.base
	u.Path += path
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "tokentrail")
	if body != nil {
		request.Header.Set("Content-Type", provenance.SubmissionMediaType)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, couldNotf("the node does not answer: %w", err)
	}
	defer response.Body.Close()
	retryAfter := retryAfter(response.Header.Get("Retry-After"))
	if response.StatusCode >= 300 {
		return nil, c.problem(response, path, retryAfter)
	}
	b, err := readBounded(response.Body, limit, "the answer of "+u.String())
	if err != nil {
		return nil, couldNotf("the node does not answer: %w", err)
	}
	return &answer{response.StatusCode, b, response.Header.Get("Location"), retryAfter}, nil
}

// problem decodes a refusal: problem details if they are, else a piece of text.
func (c *client) problem(response *http.Response, path string, retryAfter time.Duration) error {
	e := &problemError{Status: response.StatusCode, RetryAfter: retryAfter, Where: c.base.String() + path}
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxProblemBody)) // what is cut short still tells something
	if strings.HasPrefix(response.Header.Get("Content-Type"), problemMediaType) {
		var p struct {
			Title  string `cbor:"-1,keyasint"`
			Detail string `cbor:"-2,keyasint"`
		}
		if err := cbor.Unmarshal(body, &p); err == nil {
			e.Title, e.Detail = p.Title, p.Detail
			if code, _, ok := strings.Cut(p.Detail, ":"); ok && !strings.ContainsRune(code, ' ') {
				e.Code = code
			}
		}
	}
	if e.Title == "" {
		e.Title = http.StatusText(e.Status)
		e.Detail = strings.TrimSpace(string(body[:min(len(body), 200)]))
	}
	if e.Status == http.StatusTooManyRequests || e.Status >= 500 {
		return &exitError{exitCouldNot, e}
	}
	return e
}

// retryAfter reads the header's seconds, at most an hour.
func retryAfter(header string) time.Duration {
	n, err := strconv.Atoi(header)
	if err != nil || n < 0 {
		return 0
	}
	return min(time.Duration(n)*time.Second, time.Hour)
}

// statusDoc is the part of GET /v1/status that the client uses.
type statusDoc struct {
	ChainID     string          `json:"chain_id"`
	Origin      string          `json:"origin"`
	GenesisHash provenance.Hash `json:"genesis_hash"`
	Height      int64           `json:"height"`
	LogSize     int64           `json:"log_size"`
	LogRoot     provenance.Hash `json:"log_root"`
	StateRoot   provenance.Hash `json:"state_root"`
	AppHash     provenance.Hash `json:"app_hash"`
	CatchingUp  bool            `json:"catching_up"`
	Header      *headerDoc      `json:"header,omitempty"` // that carries the app hash
	History     *historyDoc     `json:"history,omitempty"`
}

// headerDoc is a header as --trust takes it.
type headerDoc struct {
	Height int64           `json:"height"`
	Hash   provenance.Hash `json:"hash"`
}

// historyDoc is which entries a node that joined still fetches.
type historyDoc struct {
	From int64 `json:"from"`
	To   int64 `json:"to"`
}

// status asks what ledger the node serves.
func (c *client) status(ctx context.Context) (*statusDoc, error) {
	s := &statusDoc{}
	return s, c.getJSON(ctx, "/v1/status", nil, s)
}

func (c *client) getJSON(ctx context.Context, path string, query url.Values, into any) error {
	got, err := c.get(ctx, path, query, maxJSONBody)
	if err != nil {
		return err
	}
	if err := decodeJSON(got.body, into); err != nil {
		return couldNotf("the answer of %s%s is not what spec/api.md says: %w", c.base, path, err)
	}
	return nil
}

// state asks for what stands under a key of the state map and checks the proof
// against the answer's own state root. Whether that root is the validators' is
// for verify. An absent value is nil. The height is that of the header.
func (c *client) state(ctx context.Context, key string) (value []byte, height int64, err error) {
	value, height, _, err = c.provedState(ctx, key)
	return value, height, err
}

// provedState is state, with the preimage of the app hash that the header of that
// height is to carry.
func (c *client) provedState(ctx context.Context, key string) (value []byte, height int64, preimage provenance.Preimage, err error) {
	got, err := c.get(ctx, "/v1/state", url.Values{"key": {key}}, maxStateBody)
	if err != nil {
		return nil, 0, preimage, err
	}
	var w struct {
		_        struct{} `cbor:",toarray"`
		Preimage cbor.RawMessage
		Height   int64
		Value    []byte
		Proof    cbor.RawMessage
	}
	if err := cbor.Unmarshal(got.body, &w); err != nil {
		return nil, 0, preimage, couldNotf("the answer of %s/v1/state is not [preimage, height, value, proof]: %w", c.base, err)
	}
	preimage, err = provenance.ParsePreimage(w.Preimage)
	if err != nil {
		return nil, 0, preimage, fmt.Errorf("the state of the node at %s: %w", c.base, err)
	}
	proof, err := provenance.ParseStateProof(w.Proof)
	if err != nil {
		return nil, 0, preimage, fmt.Errorf("the state of the node at %s: %w", c.base, err)
	}
	if len(w.Value) == 0 {
		return nil, w.Height, preimage, proof.Absent(preimage.StateRoot, key)
	}
	return w.Value, w.Height, preimage, proof.Present(preimage.StateRoot, key, w.Value)
}

// transient reports whether the same request may succeed later or elsewhere.
func transient(err error) bool {
	var p *problemError
	if errors.As(err, &p) {
		return p.Status == http.StatusRequestTimeout || p.Status == http.StatusTooManyRequests || p.Status >= 500
	}
	return exitCode(err) == exitCouldNot
}
