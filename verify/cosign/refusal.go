package cosign

import "fmt"

// A Status is what a request comes to, as the HTTP status that says so.
type Status int

// Statuses of refused requests, in the order in which they are found. SPEC(VER-88)
const (
	TooLarge   Status = 413 // the request is too large to be read
	Malformed  Status = 400 // it is not in the protocol's form, or its old size is above the checkpoint's
	UnknownLog Status = 404 // the checkpoint is of another log
	Unsigned   Status = 403 // none of the log's keys signed it, or one's signature is wrong
	Conflict   Status = 409 // the old size is not that of the tree cosigned last
	BadProof   Status = 422 // the proof does not hold, or the root is not the audited log's
	NotYet     Status = 503 // nothing can be cosigned now, or not this tree
)

// A Refusal is why a request is not granted.
type Refusal struct {
	Status  Status
	Reason  string
	Size    int64 // of the tree cosigned last, where the status is Conflict
	Against *Tree // that a key of the log signed, and that is not the log's; nil: nothing
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

func refuse(status Status, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Reason: fmt.Sprintf(format, args...)}
}

// conflict refuses for the size of the tree cosigned last.
func conflict(size int64, format string, args ...any) *Refusal {
	r := refuse(Conflict, format, args...)
	r.Size = size
	return r
}
