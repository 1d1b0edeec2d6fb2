package main

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// lineEvery is how often progress is told where there is no terminal.
const lineEvery = 5 * time.Second

// noteEvery is how often more is said about it.
const noteEvery = time.Second

// A progress tells how far something has come: by a bar on a terminal, by a
// line now and then elsewhere, always on standard error. One goroutine uses it,
// but for say. SPEC(CLI-3)
type progress struct {
	mu    sync.Mutex // guards w
	w     io.Writer
	noun  string
	total int64
	done  int64
	told  time.Time
	bars  *mpb.Progress
	bar   *mpb.Bar
	notes atomic.Pointer[string] // what else there is to say; the bar's goroutine reads it
	noted time.Time
}

// note says more about how far it has come, now and then.
func (p *progress) note(say func() string) {
	if time.Since(p.noted) >= noteEvery {
		text := say()
		p.noted = time.Now()
		p.notes.Store(&text)
	}
}

// also is what was noted last.
func (p *progress) also() string {
	if text := p.notes.Load(); text != nil {
		return *text
	}
	return ""
}

// newProgress begins to tell about total things called noun.
func (a *app) newProgress(noun string, total int64) *progress {
	p := &progress{w: a.stderr, noun: noun, total: total, told: time.Now()}
	if _, is := terminal(a.stderr); !is || total == 0 {
		return p
	}
	p.bars = mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(40))
	p.bar = p.bars.AddBar(total,
		mpb.PrependDecorators(decor.CountersNoUnit("%d / %d "+noun)),
		mpb.AppendDecorators(decor.Percentage(), decor.AverageSpeed(0, "  %.0f/s"), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace),
			decor.Any(func(decor.Statistics) string { return p.also() })))
	return p
}

// add tells that n more are done.
func (p *progress) add(n int64) {
	p.done += n
	if p.bar != nil {
		p.bar.SetCurrent(p.done)
		return
	}
	if time.Since(p.told) >= lineEvery {
		p.told = time.Now()
		of := ""
		if p.total > 0 {
			of = " of " + thousands(p.total)
		}
		p.say(p.noun + ": " + thousands(p.done) + of + p.also())
	}
}

// say writes a line beside the progress. It may be called from any goroutine.
func (p *progress) say(text string) {
	if p.bars != nil {
		fmt.Fprintln(p.bars, text)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, text)
}

// end takes the bar down.
func (p *progress) end() {
	if p.bars == nil {
		return
	}
	if p.done < p.total {
		p.bar.Abort(false)
	}
	p.bars.Wait()
}
