package app

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	cmtlog "github.com/cometbft/cometbft/libs/log"
)

// engineLog is CometBFT's logger on slog.
type engineLog struct {
	log   *slog.Logger
	level slog.Leveler
	node  *Node
}

var _ cmtlog.Logger = (*engineLog)(nil)

func (l *engineLog) write(level slog.Level, msg string, kv []any) {
	if l.node.isDone() { // a stop closes connections, and CometBFT calls that errors
		level = slog.LevelDebug
	}
	if level < l.level.Level() || !l.log.Enabled(context.Background(), level) {
		return
	}
	l.log.Log(context.Background(), level, "engine: "+msg, plain(kv)...)
}

// plain gives slog values that every handler shows: CometBFT passes lazy
// Stringers.
func plain(kv []any) []any {
	out := make([]any, len(kv))
	for i, v := range kv {
		out[i] = v
		if s, ok := v.(fmt.Stringer); ok {
			out[i] = fmt.Sprint(s) // survives a String method that panics
		} else if i%2 == 0 {
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}

func (l *engineLog) Debug(msg string, kv ...any) { l.write(slog.LevelDebug, msg, kv) }

func (l *engineLog) Info(msg string, kv ...any) { l.write(slog.LevelInfo, msg, kv) }

func (l *engineLog) Warn(msg string, kv ...any) { l.write(slog.LevelWarn, msg, kv) }

// Error also notices that consensus has ended: CometBFT logs this and lets the
// process live on without ever making another block.
func (l *engineLog) Error(msg string, kv ...any) {
	level := slog.LevelError
	if msg == "Error dialing peer" || msg == "Stopping peer for error" {
		level = slog.LevelInfo // a peer is away: said each second, and no fault of this node
	}
	l.write(level, msg, kv)
	if strings.HasPrefix(msg, "CONSENSUS FAILURE") {
		cause := "unknown"
		if len(kv) > 1 {
			cause = fmt.Sprint(kv[1])
		}
		l.node.halt(fmt.Errorf("consensus halted: %s", cause))
	}
}

func (l *engineLog) With(kv ...any) cmtlog.Logger {
	return &engineLog{log: l.log.With(plain(kv)...), level: l.level, node: l.node}
}
