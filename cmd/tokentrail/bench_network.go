package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tokentrail/provenance"
)

const (
	benchLaunches = 3                // a port that was free may be taken when a node wants it
	benchReady    = 2 * time.Minute  // until all nodes take submissions
	benchStop     = 30 * time.Second // until a node has ended by itself
	benchLogTail  = 2000             // bytes of a node's log that are shown
)

// findTokentraild returns the node's program: the one named, else the one beside
// this program, else the one in PATH. SPEC(CLI-60)
func findTokentraild(named string) (string, error) {
	if named != "" {
		path, err := exec.LookPath(named)
		if err != nil {
			return "", usagef("--tokentraild %q: no program that can be run is there: %w", named, errors.Unwrap(err))
		}
		return filepath.Abs(path)
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "tokentraild")
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath("tokentraild")
	if err != nil {
		return "", couldNotf("the node's program tokentraild is neither beside this one nor in PATH; build it (make build), or say where it is with --tokentraild")
	}
	return filepath.Abs(path)
}

// A benchNetwork is the validators that we run.
type benchNetwork struct {
	nodes   []*benchProcess
	stopped sync.Once
}

// A benchProcess is one validator.
type benchProcess struct {
	home string
	log  string // the file with what it says
	url  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended; then err is set
	err  error
}

// benchKey is the key of a provider of our own network: the same for the same
// seed, and worth nothing elsewhere.
func benchKey(seed int, number int) ed25519.PrivateKey {
	sum := sha256.Sum256(fmt.Appendf(nil, "tokentrail bench %d %d", seed, number))
	return ed25519.NewKeyFromSeed(sum[:])
}

func benchIssuer(number int) string { return "bench-" + strconv.Itoa(number) }

// launch makes a network below dir, runs it and waits until it takes submissions.
func (b *bencher) launch(ctx context.Context, program, dir string) (*benchNetwork, error) {
	for try := 1; ; try++ {
		b.teller.say(fmt.Sprintf("starting %s", plural(int64(b.flags.validators), "validator")))
		network, err := b.tryLaunch(ctx, program, filepath.Join(dir, "net"+strconv.Itoa(try)))
		var taken *portTakenError
		if err == nil || !errors.As(err, &taken) || try == benchLaunches {
			return network, err
		}
	}
}

// A portTakenError is of a node that found its port in use.
type portTakenError struct{ error }

func (b *bencher) tryLaunch(ctx context.Context, program, dir string) (_ *benchNetwork, err error) {
	homes, err := b.makeHomes(ctx, program, dir)
	if err != nil {
		return nil, err
	}
	network := &benchNetwork{}
	defer func() {
		if err != nil {
			network.stop()
		}
	}()
	b.ledger = &benchLedger{own: true, author: func(run string, number int) benchAuthor {
		return benchAuthor{issuer: benchIssuer(number), stream: run, key: benchKey(b.flags.seed, number)}
	}}
	b.doc.Nodes = nil
	for i, home := range homes {
		p, err := startBenchNode(program, home)
		if err != nil {
			return nil, err
		}
		network.nodes = append(network.nodes, p)
		c, err := newClient(p.url)
		if err != nil {
			return nil, err
		}
		name := "node" + strconv.Itoa(i)
		b.ledger.nodes = append(b.ledger.nodes, newBenchNode(name, c, p.cmd.Process.Pid))
		b.doc.Nodes = append(b.doc.Nodes, benchNodeDoc{Name: name, URL: p.url})
	}
	b.ledger.origin, err = network.ready(ctx, b.ledger.nodes)
	return network, err
}

// makeHomes lets tokentraild make the homes of a network that admits our
// providers.
func (b *bencher) makeHomes(ctx context.Context, program, dir string) ([]string, error) {
	args := []string{"localnet", "--init-only", "--dir", dir, "--chain-id", "bench-1", "--validators", strconv.Itoa(b.flags.validators)}
	for i := range b.flags.streams {
		public, err := provenance.NewPublicKey(benchKey(b.flags.seed, i).Public())
		if err != nil {
			return nil, err
		}
		args = append(args, "--provider", benchIssuer(i)+",US,"+public.String())
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr, cmd.SysProcAttr = &stderr, nodeAttr()
	out, err := cmd.Output()
	homes := strings.Fields(string(out))
	if err == nil && len(homes) != b.flags.validators {
		err = fmt.Errorf("it names %d homes, wanted %d", len(homes), b.flags.validators)
	}
	if err != nil {
		return nil, couldNotf("%s localnet: %w: %s", program, err, tail(stderr.Bytes()))
	}
	return homes, nil
}

// startBenchNode runs the node of a home. All submissions come from this one
// address and stand for those of many, as behind a proxy.
func startBenchNode(program, home string) (*benchProcess, error) {
	raw, err := os.ReadFile(filepath.Join(home, "config", "node.json"))
	if err != nil {
		return nil, err
	}
	var config struct {
		HTTP string `json:"http"`
	}
	if err := json.Unmarshal(raw, &config); err != nil || config.HTTP == "" {
		return nil, fmt.Errorf("%s/config/node.json names no address for http: %v", home, err)
	}
	p := &benchProcess{home: home, log: home + ".log", url: "http://" + config.HTTP, done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	p.cmd = exec.Command(program, "start", "--home", home, "--log-level", "error", "--behind-proxy")
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = log, log, nodeAttr()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// ready waits until all nodes take submissions, and returns the ledger's origin.
func (n *benchNetwork) ready(ctx context.Context, nodes []*benchNode) (origin string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, benchReady, fmt.Errorf("the nodes do not take submissions within %s", benchReady))
	defer cancel()
	for i, p := range n.nodes {
		for {
			s, err := nodes[i].client.status(ctx)
			if err == nil && !s.CatchingUp {
				origin = s.Origin
				break
			}
			select {
			case <-p.done:
				err := couldNotf("the node of %s ended: %v: %s", p.home, p.err, p.words())
				if strings.Contains(p.words(), "address already in use") {
					return "", &portTakenError{err}
				}
				return "", err
			case <-ctx.Done():
				return "", couldNotf("%w: %s", context.Cause(ctx), p.words())
			case <-time.After(firstPause):
			}
		}
	}
	return origin, nil
}

// words are the last that the node said.
func (p *benchProcess) words() string {
	b, err := os.ReadFile(p.log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	return tail(b)
}

func tail(b []byte) string {
	return printable(strings.TrimSpace(string(b[max(0, len(b)-benchLogTail):])))
}

// ended names the nodes that are not running any more.
func (n *benchNetwork) ended() (problems []string) {
	for _, p := range n.nodes {
		select {
		case <-p.done:
			problems = append(problems, fmt.Sprintf("the node of %s ended by itself: %v: %s", p.home, p.err, p.words()))
		default:
		}
	}
	return problems
}

// stop ends the nodes and waits for them. Only what startBenchNode has started is
// ended, by its process id.
func (n *benchNetwork) stop() {
	n.stopped.Do(func() {
		for _, p := range n.nodes {
			_ = p.cmd.Process.Signal(syscall.SIGTERM) // one that has ended needs none
		}
		end := time.After(benchStop)
		for _, p := range n.nodes {
			select {
			case <-p.done:
			case <-end:
				_ = p.cmd.Process.Kill()
				end = time.After(0) // nor do the others get more time
				<-p.done
			}
		}
	})
}
