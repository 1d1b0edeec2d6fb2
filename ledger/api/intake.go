package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"time"

	"tokentrail/provenance"
)

const (
	firstBytes = 4 << 10  // what a body has room for before any of it is there
	bodyPart   = 64 << 10 // what has to arrive within Limits.PartTime
)

// An intake reads one body. It takes room as the bytes arrive, so that who sends
// nothing holds next to nothing. Owned by the request's goroutine.
type intake struct {
	api  *api
	from netip.Addr
	most int64  // what the body can have, and one more to see its end
	b    []byte // its capacity is taken of the room, and of the address's share
}

// receive reads the whole body, of limit bytes at most. The room that it takes
// is to be given back to postBytes; on error nothing is taken. SPEC(API-5)
func (a *api) receive(w *response, r *request, limit int64) (body []byte, room int64, err error) {
	in := &intake{api: a, from: r.client(), most: limit + 1}
	if r.ContentLength >= 0 {
		in.most = r.ContentLength + 1
	}
	if !a.arriving.enter(in.from, 1) {
		return nil, 0, fmt.Errorf("%w: %d submissions arrive from your address", ErrBusy, a.Limits.AddressPosts)
	}
	defer a.arriving.leave(in.from, 1)
	// What is whole does not count against the address any more.
	defer func() { a.arrived.leave(in.from, int64(cap(in.b))) }()
	if err := in.read(w, http.MaxBytesReader(w, r.Body, limit)); err != nil {
		w.Header().Set("Connection", "close") // the rest is not read
		a.postBytes.leave(int64(cap(in.b)))
		return nil, 0, err
	}
	return in.b, int64(cap(in.b)), nil
}

// read reads to the end of the body, each part of which has its time, as has the
// whole.
func (in *intake) read(w *response, body io.Reader) error {
	limits := &in.api.Limits
	control := http.NewResponseController(w)
	end := time.Now().Add(limits.BodyTime)
	for part := 0; ; {
		if len(in.b) >= part { // the last part is there
			part = len(in.b) + bodyPart
			by := time.Now().Add(limits.PartTime)
			if by.After(end) {
				by = end
			}
			// Writers without deadlines, as tests have, are as good as can be.
			_ = control.SetReadDeadline(by)
		}
		if err := in.grow(); err != nil {
			return err
		}
		n, err := body.Read(in.b[len(in.b):cap(in.b)])
		in.b = in.b[:len(in.b)+n]
		var tooLarge *http.MaxBytesError
		switch {
		case err == io.EOF:
			// The server goes on reading, to see whether the client is still there.
			_ = control.SetReadDeadline(time.Time{})
			return nil
		case errors.As(err, &tooLarge):
			return err
		case errors.Is(err, os.ErrDeadlineExceeded):
			return refuse(provenance.CodeTruncated, "", "%d bytes of the body arrived in time; wanted %d bytes every %s, and all within %s", len(in.b), bodyPart, limits.PartTime, limits.BodyTime)
		case err != nil:
			return refuse(provenance.CodeTruncated, "", "the body broke off after %d bytes: %v", len(in.b), err)
		}
	}
}

// grow makes room for more where there is none: twice what is there.
func (in *intake) grow() error {
	if len(in.b) < cap(in.b) {
		return nil
	}
	size := max(firstBytes, 2*int64(cap(in.b)))
	if int64(cap(in.b)) < in.most { // else there is more than was told
		size = min(size, in.most)
	}
	more := size - int64(cap(in.b))
	if !in.api.postBytes.enter(more) {
		return fmt.Errorf("%w: the submissions on their way through this node take %d bytes", ErrBusy, in.api.Limits.PostBytes)
	}
	if !in.api.arrived.enter(in.from, more) {
		in.api.postBytes.leave(more)
		return fmt.Errorf("%w: the submissions that arrive from your address take %d bytes", ErrBusy, in.api.Limits.AddressBytes)
	}
	in.b = append(make([]byte, 0, size), in.b...)
	return nil
}
