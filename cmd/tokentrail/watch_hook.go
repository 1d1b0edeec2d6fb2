package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Bounds of posts.
const (
	hookTime     = 15 * time.Second // one post, with its answer
	hookFirst    = time.Second      // the first pause before it is tried again,
	hookMost     = 10 * time.Minute // which doubles up to this
	hookMostAsk  = time.Hour        // of a receiver's Retry-After
	maxHookReply = 4 << 10          // bytes that are read of an answer,
	maxHookHead  = 64 << 10         // and of its head
	maxHookKey   = 4 << 10          // bytes of a key's file
	maxSecrets   = 4                // lines of it
	leastSecret  = 24               // bytes of a secret
	mostSecret   = 64

	secretPrefix = "whsec_"
)

// readHookKey reads the secrets that posts are signed with: one a line, the newest
// first, so that a receiver can change over. Nil where no file is named. SPEC(CLI-101)
func readHookKey(path string) (secrets [][]byte, err error) {
	if path == "" {
		return nil, nil
	}
	f, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("--webhook-key: %w", err)
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		return nil, errors.Join(err, fmt.Errorf("--webhook-key: everybody may read %s; run: chmod 600 %s", printable(path), shellWord(path)))
	}
	b, err := readBounded(f, maxHookKey, "--webhook-key "+printable(path))
	if err != nil {
		return nil, err
	}
	return parseHookKey(string(b))
}

// parseHookKey reads secrets; errors have nothing of them.
func parseHookKey(text string) (secrets [][]byte, err error) {
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(line), secretPrefix))
		if err != nil || len(secret) < leastSecret || len(secret) > mostSecret {
			return nil, fmt.Errorf("--webhook-key: line %d is not %s and the base64 of %d to %d random bytes; make one: echo %s$(head -c 32 /dev/urandom | base64)",
				i+1, secretPrefix, leastSecret, mostSecret, secretPrefix)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) > maxSecrets {
		return nil, fmt.Errorf("--webhook-key: %d secrets, at most %d", len(secrets), maxSecrets)
	}
	return secrets, nil
}

// signPost signs a post as Standard Webhooks 1.0.0 has it, by each secret. SPEC(VER-84)
func signPost(secrets [][]byte, id string, at time.Time, body []byte) string {
	var all []string
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(all, " ")
}

// newHookClient returns a client that follows no redirect: an event is told to whom
// the operator named.
func newHookClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: hookTime, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: maxHookHead,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       hookTime,
	}
}

// send posts an event once. The error says what was wrong and nothing of the address
// but its host; after is when the receiver wants to be asked again.
func (h *hook) send(ctx context.Context, p *post) (after time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.target.String(), bytes.NewReader(p.body))
	if err != nil {
		return 0, errors.New("the address cannot be posted to")
	}
	at := h.all.now()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "tokentrail")
	r.Header.Set("webhook-id", p.id)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	if len(h.all.secrets) > 0 {
		r.Header.Set("webhook-signature", signPost(h.all.secrets, p.id, at, p.body))
	}
	answer, err := h.all.client.Do(r)
	if err != nil {
		var u *url.Error // has the whole address
		if errors.As(err, &u) {
			err = u.Err
		}
		if os.IsTimeout(err) {
			err = fmt.Errorf("no answer within %s", h.all.client.Timeout)
		}
		return 0, errors.New(cut(err.Error())) // may have what the receiver answered
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxHookReply)) // so that the connection serves again
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return 0, nil
	case code >= 300 && code < 400:
		return 0, fmt.Errorf("it answers %s; redirects are not followed, name the address that it moved to", http.StatusText(code))
	default:
		return min(retryAfter(answer.Header.Get("Retry-After")), hookMostAsk), fmt.Errorf("it answers %d %s", code, http.StatusText(code))
	}
}
