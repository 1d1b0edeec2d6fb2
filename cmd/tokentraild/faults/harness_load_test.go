//go:build linux

package faults

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
)

const (
	loadStreams = 4
	loadBatch   = 20 // records a statement
	postTime    = 20 * time.Second
	answerTime  = 5 * time.Second // for what is on its way when the load pauses
)

// An acknowledgement is what a node promised: the entry is durable, at this
// place.
type acknowledgement struct {
	stream   string
	sequence int64
	index    int64
	node     string
}

// A load posts statements of real records to the nodes as providers do: one
// after another in each stream, each until a node acknowledges it, the same bytes
// again to the next node where one refuses for the time being or is away.
type load struct {
	key     crypto.Signer
	records [][]byte
	client  *http.Client

	mu           sync.Mutex
	urls         []string                            // guarded by mu
	acknowledged map[provenance.Hash]acknowledgement // guarded by mu: by statement id
	posts        int                                 // guarded by mu
	troubles     map[string]int                      // guarded by mu: answers that were tried again, by kind
	words        []byte                              // guarded by mu: the last of these answers
	broken       error                               // guarded by mu: the first answer that no node may give

	streams []*loadStream
	ending  chan struct{}      // closed when no more is to be begun; nil while nobody posts
	cancel  context.CancelFunc // breaks off what is on its way
	posting sync.WaitGroup
}

// A loadStream is a stream with its next statement. Owned by its goroutine while
// the load runs, else by the test's.
type loadStream struct {
	name     string
	draw     *rand.Rand
	sequence int64
	previous *provenance.Hash
	id       provenance.Hash // of waiting
	waiting  []byte          // signed and not acknowledged; nil: none
	at       int             // the next record
}

// newLoad makes a load of a network; it posts nothing yet.
func newLoad(t testing.TB, net *network, seed uint64) *load {
	t.Helper()
	l := &load{
		key: net.key, records: traceRecords(t), urls: net.urls(),
		client:       &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: loadStreams}},
		acknowledged: map[provenance.Hash]acknowledgement{}, troubles: map[string]int{},
	}
	for i := range loadStreams {
		l.streams = append(l.streams, &loadStream{
			name: fmt.Sprintf("s%d", i), draw: rand.New(rand.NewPCG(seed, uint64(i))), at: i * len(l.records) / loadStreams,
		})
	}
	t.Cleanup(func() {
		l.pause()
		l.client.CloseIdleConnections()
	})
	return l
}

// run posts until pause.
func (l *load) run() {
	if l.ending != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.ending = cancel, make(chan struct{})
	for _, s := range l.streams {
		l.posting.Go(func() {
			for {
				select {
				case <-l.ending:
					return
				default:
					l.step(ctx, s)
				}
			}
		})
	}
}

// pause ends the posting: what is on its way may be answered for a while, and is
// posted again by the next run if it is not.
func (l *load) pause() {
	if l.ending == nil {
		return
	}
	close(l.ending)
	late := time.AfterFunc(answerTime, l.cancel)
	l.posting.Wait()
	late.Stop()
	l.cancel()
	l.ending = nil
}

// step posts the next statement of a stream once.
func (l *load) step(ctx context.Context, s *loadStream) {
	if s.waiting == nil {
		if err := l.sign(s); err != nil {
			l.fail(err)
			<-l.ending
			return
		}
	}
	l.mu.Lock()
	url := l.urls[s.draw.IntN(len(l.urls))]
	l.posts++
	l.mu.Unlock()
	index, trouble, err := l.post(ctx, url, s)
	switch {
	case err != nil:
		l.fail(err)
		<-l.ending
	case trouble != "":
		l.mu.Lock()
		l.troubles[trouble]++
		l.mu.Unlock()
		select {
		case <-time.After(time.Duration(10+s.draw.IntN(40)) * time.Millisecond):
		case <-l.ending:
		}
	default:
		l.mu.Lock()
		l.acknowledged[s.id] = acknowledgement{s.name, s.sequence, index, url}
		l.mu.Unlock()
		id := s.id
		s.sequence, s.previous, s.waiting = s.sequence+1, &id, nil
	}
}

// sign makes the next statement of a stream.
func (l *load) sign(s *loadStream) error {
	records := make([][]byte, loadBatch)
	for i := range records {
		records[i] = l.records[s.at%len(l.records)]
		s.at++
	}
	header, err := provenance.NewBatch(issuer, s.name, s.sequence, s.previous, records)
	if err != nil {
		return err
	}
	st, err := header.Sign(l.key)
	if err != nil {
		return err
	}
	sub, err := provenance.NewSubmission(&st.UnverifiedStatement, records)
	if err != nil {
		return err
	}
	s.waiting, s.id = sub.Encode(), st.ID()
	return nil
}

// post sends the waiting statement to a node. trouble says why it is to be sent
// again; err is an answer that an honest client never gets.
func (l *load) post(ctx context.Context, url string, s *loadStream) (index int64, trouble string, err error) {
	ctx, cancel := context.WithTimeout(ctx, postTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/entries", bytes.NewReader(s.waiting))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", provenance.SubmissionMediaType)
	res, err := l.client.Do(req)
	if err != nil {
		return 0, "connection", nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return 0, "connection", nil
	}
	switch res.StatusCode {
	case http.StatusCreated:
		index, err := l.receipt(body, s)
		return index, "", err
	case http.StatusAccepted, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage, http.StatusInternalServerError:
		l.mu.Lock()
		l.words = body
		l.mu.Unlock()
		return 0, fmt.Sprint(res.StatusCode), nil
	case http.StatusConflict:
		// A node that is behind does not know the statement before this one.
		if bytes.Contains(body, []byte("gap:")) {
			return 0, "gap", nil
		}
	}
	return 0, "", fmt.Errorf("%s, stream %s sequence %d: %d %.300q", url, s.name, s.sequence, res.StatusCode, body)
}

// receipt returns the place in the log that a receipt gives the statement.
func (l *load) receipt(body []byte, s *loadStream) (int64, error) {
	r, err := provenance.ParseReceipt(body)
	if err != nil {
		return 0, fmt.Errorf("the receipt of stream %s sequence %d: %w", s.name, s.sequence, err)
	}
	if r.Statement != s.id.String() {
		return 0, fmt.Errorf("the receipt of stream %s sequence %d is of %s, wanted %s", s.name, s.sequence, r.Statement, s.id)
	}
	return r.Proof.Index, nil
}

func (l *load) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.broken = err
	}
}

// err is the first answer that no node may give.
func (l *load) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}

// count is the number of acknowledged statements.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}

// promised is a copy of what is acknowledged by now.
func (l *load) promised() map[provenance.Hash]acknowledgement {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[provenance.Hash]acknowledgement, len(l.acknowledged))
	for id, a := range l.acknowledged {
		out[id] = a
	}
	return out
}

// refused is the number of answers of a kind that were tried again.
func (l *load) refused(kind string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.troubles[kind]
}

// more waits until n more statements are acknowledged than there are now: the
// ledger goes on.
func (l *load) more(n int) error {
	want := l.count() + n
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err := l.err(); err != nil {
			return err
		}
		if l.count() >= want {
			return nil
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Errorf("%d statements are acknowledged, not %d within %s; tried again: %v", len(l.acknowledged), want, patience, l.troubles)
}

// traceFile is the production trace that the demo shows.
const traceFile = "../trace/azure-llm-2023-conv.csv.zst"

var traceOnce = sync.OnceValues(readTrace)

// traceRecords is the trace as records.
func traceRecords(t testing.TB) [][]byte {
	t.Helper()
	records, err := traceOnce()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func readTrace() ([][]byte, error) {
	f, err := os.Open(traceFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unzipped, err := zstd.NewReader(f)
	if err != nil {
		return nil, err
	}
	defer unzipped.Close()
	rows, err := intake.CSV{
		Time: "TIMESTAMP", Input: "ContextTokens", Output: "GeneratedTokens",
		Constants: provenance.Record{
			Kind:    provenance.Transfer,
			Model:   &provenance.Model{Name: "llama-2-70b", Known: provenance.Asserted},
			Serving: &provenance.Place{Country: "US", Operator: issuer, Known: provenance.Asserted},
			Using:   &provenance.Place{Country: "CN", Known: provenance.Asserted},
			Side:    new(provenance.Exporter),
			Basis:   []provenance.Basis{{Code: "cn:standard-contract"}},
		},
	}.NewReader(unzipped)
	if err != nil {
		return nil, err
	}
	var records [][]byte
	for {
		_, raw, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		records = append(records, raw)
	}
}
