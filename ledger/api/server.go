package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// What a connection may cost before a handler sees it. Bodies and answers have
// their own times (Limits), since a POST waits for consensus.
const (
	readHeaderTime = 10 * time.Second
	idleTime       = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// NewServer returns a server of h that survives slow and greedy clients.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug), // clients' faults
	}
}

// Serve answers on l until ctx ends. Then no new request is taken, those that
// wait for a commit are told that the node stops, and the others have the time
// of grace to finish; after it they are cut off, which is an error.
func Serve(ctx context.Context, l net.Listener, h http.Handler, grace time.Duration, logger *slog.Logger) error {
	base, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	s := NewServer(h, logger)
	s.BaseContext = func(net.Listener) context.Context { return base }
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve http on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop(ErrUnavailable)
	last, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := s.Shutdown(last)
	if err != nil {
		err = errors.Join(fmt.Errorf("stop http on %s: requests did not end within %s: %w", l.Addr(), grace, err), s.Close())
	}
	<-ended
	return err
}
