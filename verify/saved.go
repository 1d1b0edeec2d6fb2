package verify

import (
	"errors"
	"fmt"
	"io"
	"time"

	"tokentrail/provenance"
)

// A saved audit is one file: an array of this text, the format's version, the rule
// version of the program that wrote it, the audit, and the SHA-256 of all before.
// SPEC(VER-40)
const (
	savedMagic  = "tokentrail saved audit"
	savedFormat = 1
)

// Ceilings of what is read of a saved audit.
const (
	maxSaved = 4 << 30 // bytes in all
	maxList  = 1 << 31 // of anything; what is read grows with what is there
	maxKept  = 1 << 20 // bytes of a string
	maxBlock = 16 << 20
)

// A Saved is an audit as far as it came: either interrupted, so that it can go on
// to the report that it would have come to, or done, so that a later one begins
// where it ended. It belongs to one audit, which changes it.
type Saved struct {
	trust   Trust           // that the first of all began with
	genesis provenance.Hash // of the document
	chainID string
	seed    []byte
	choices choices
	base    *SavedHead // of the audit that this one went on from; nil where there is none
	done    *SavedHead // nil where it was interrupted
	headers *SavedHeaders
	steps   []savedStep
	replay  savedReplay
	flows   []savedFlow
}

// A SavedHead is where an audit that is done ended.
type SavedHead struct {
	Header  Header
	LogSize int64
	Verdict Verdict
	Started string // RFC 3339
}

// SavedHeaders are the headers that were verified in order from genesis on.
type SavedHeaders struct {
	Last    []byte // the newest light block
	Headers []SeenHeader
	Apps    []Change
	Sets    []SetChange
}

// A SeenHeader is what is kept of a verified header: 40 bytes.
type SeenHeader struct {
	Hash provenance.Hash
	At   int64 // nanoseconds since the epoch
}

// A SavingVerifier is a HeaderVerifier that goes on where another ended. One that
// begins with a trusted header has nothing to save.
type SavingVerifier interface {
	HeaderVerifier
	// SaveHeaders returns what was verified. It is read before the verifier goes on.
	SaveHeaders() *SavedHeaders
	// ResumeHeaders goes on behind them, after Start.
	ResumeHeaders(*SavedHeaders) error
}

// choices of an audit without which its findings are others.
type choices struct {
	noticeProviders bool
	profiled        bool
	most            int64
}

// A savedStep is what a step has found.
type savedStep struct {
	name     string
	checked  int64
	findings []*Finding
	more     int64
	beyond   map[string]int64
	notices  []Notice
	untold   int64 // notices beyond those
}

// Errors of ReadSaved.
var (
	// ErrNotSaved: the bytes are no saved audit, or were damaged.
	ErrNotSaved = errors.New("this is no saved audit, or a damaged one")
	// ErrOtherProgram: a program with other rules or another format saved it.
	ErrOtherProgram = errors.New("another program saved this audit")
)

// ReadSaved reads a saved audit. Whatever is wrong with it, an audit from the
// beginning needs none. SPEC(VER-41)
func ReadSaved(r io.Reader) (*Saved, error) {
	c, s := newDecoder(r), &Saved{}
	magic, format, rules := savedMagic, int64(savedFormat), int64(provenance.RuleVersion)
	c.tuple(5)
	if c.text(&magic, len(savedMagic)); c.err == nil && magic != savedMagic {
		c.fail("it begins with %q", magic)
	}
	c.natural(&format)
	c.natural(&rules)
	if c.err == nil && (format != savedFormat || rules != provenance.RuleVersion) {
		return nil, fmt.Errorf("%w: format %d under rule version %d, this program has format %d and rule version %d; audit anew", ErrOtherProgram,
			format, rules, savedFormat, provenance.RuleVersion)
	}
	c.saved(s)
	sum := provenance.Hash(c.sum.Sum(nil))
	var said provenance.Hash
	if c.hash(&said); c.err == nil && said != sum {
		c.fail("the checksum is not that of its bytes")
	}
	if _, err := c.r.ReadByte(); c.err == nil && !errors.Is(err, io.EOF) {
		c.fail("something follows its end")
	}
	if errors.Is(c.err, errDamaged) {
		return nil, fmt.Errorf("%w (%w); audit anew without it", ErrNotSaved, c.err)
	}
	if c.err != nil {
		return nil, c.err
	}
	return s, nil
}

// write writes the audit.
func (s *Saved) write(w io.Writer) error {
	c := newEncoder(w)
	magic, format, rules := savedMagic, int64(savedFormat), int64(provenance.RuleVersion)
	c.tuple(5)
	c.text(&magic, len(savedMagic))
	c.natural(&format)
	c.natural(&rules)
	c.saved(s)
	sum := provenance.Hash(c.sum.Sum(nil))
	c.hash(&sum)
	if c.err != nil {
		return c.err
	}
	return c.w.Flush()
}

// Done returns where the audit ended; nil where it was interrupted.
func (s *Saved) Done() *SavedHead { return s.done }

// Genesis returns the SHA-256 of the ledger's genesis document.
func (s *Saved) Genesis() provenance.Hash { return s.genesis }

// ChainID returns the ledger's chain id.
func (s *Saved) ChainID() string { return s.chainID }

// Entries returns how many entries were looked at.
func (s *Saved) Entries() int64 { return s.replay.tree.size }

// head is the verdict that an audit which goes on rests on; nil where it rests on a
// trust alone.
func (s *Saved) head() *SavedHead {
	if s.done != nil {
		return s.done
	}
	return s.base
}

// Trust returns what an audit that goes on begins with: what the first one began
// with, or where that was a header, the one that the last verdict led to.
func (s *Saved) Trust() Trust {
	t := s.trust
	if head := s.head(); t.Height > 0 && head != nil {
		t.Height, t.Hash = head.Header.Height, head.Header.Hash
	}
	return t
}

// Fits says why an audit under a trust cannot go on from the saved one; nil where it
// can: then it begins with what Trust returns. SPEC(VER-42)
func (s *Saved) Fits(t Trust) error {
	if t.Genesis != nil && *t.Genesis != s.genesis {
		return fmt.Errorf("the saved audit is of the ledger with the genesis document %s, wanted is %s; audit anew", s.genesis, t.Genesis)
	}
	if s.head() != nil && (t.Height == 0 || t.sameHeader(s.trust)) {
		return nil // its own trust leads on
	}
	if !t.sameHeader(s.Trust()) {
		return fmt.Errorf("the saved audit began with %s, wanted is %s; give the same trust, or audit anew", s.trust.words(), t.words())
	}
	if s.head() == nil && t.Genesis == nil && s.trust.Genesis != nil {
		return fmt.Errorf("the saved audit began with the genesis document %s, which is not named now; name it, or audit anew", s.genesis)
	}
	return nil
}

// Began returns the trust that the first audit of all began with.
func (s *Saved) Began() Trust { return s.trust }

// Chosen says why an audit with other choices of what is told and kept cannot go on
// from the saved one. SPEC(VER-42)
func (s *Saved) Chosen(o *Options) error {
	if o.choices() != s.choices {
		return errOtherChoices
	}
	return nil
}

// errOtherChoices: an audit that told less cannot say what one that tells more would.
var errOtherChoices = errors.New("the saved audit was made with other choices of what is told of providers, of label profiles, or of how many findings are kept; make the same, or audit anew")

// choices are those that an audit with these options makes.
func (o *Options) choices() choices {
	most := o.MaxFindings
	if most <= 0 {
		most = defaultFindings
	}
	return choices{o.NoticeProviders, o.Profile != nil, int64(most)}
}

// sameHeader reports whether two trusts name one header, for as long, or both none.
func (t Trust) sameHeader(other Trust) bool {
	return t.Height == other.Height && t.Hash == other.Hash && (t.Period == other.Period || t.Height == 0)
}

// words names a trust.
func (t Trust) words() string {
	if t.Height > 0 {
		return fmt.Sprintf("the header of height %d, %s, trusted for %s", t.Height, t.Hash, t.Period)
	}
	return "genesis"
}

func (c *codec) saved(s *Saved) {
	c.tuple(11)
	c.trust(&s.trust)
	c.hash(&s.genesis)
	c.text(&s.chainID, maxKept)
	if c.bytes(&s.seed, 32); c.err == nil && len(s.seed) != 32 {
		c.fail("a seed of %d bytes", len(s.seed))
	}
	c.choices(&s.choices)
	maybe(c, &s.base, c.savedHead)
	maybe(c, &s.done, c.savedHead)
	maybe(c, &s.headers, c.savedHeaders)
	list(c, &s.steps, 1000, c.savedStep)
	c.savedReplay(&s.replay)
	list(c, &s.flows, 1000, c.savedFlow)
}

func (c *codec) trust(t *Trust) {
	c.tuple(4)
	maybe(c, &t.Genesis, c.hash)
	c.natural(&t.Height)
	c.hash(&t.Hash)
	period := int64(t.Period)
	c.natural(&period)
	t.Period = time.Duration(period)
}

func (c *codec) choices(v *choices) {
	c.tuple(3)
	c.boolean(&v.noticeProviders)
	c.boolean(&v.profiled)
	c.natural(&v.most)
}

func (c *codec) savedHead(h *SavedHead) {
	c.tuple(4)
	c.text(&h.Started, 64)
	c.header(&h.Header)
	c.natural(&h.LogSize)
	verdict := string(h.Verdict)
	c.text(&verdict, 64)
	h.Verdict = Verdict(verdict)
}

func (c *codec) header(h *Header) {
	c.tuple(6)
	c.text(&h.ChainID, maxKept)
	c.natural(&h.Height)
	at := h.Time.UnixNano()
	c.integer(&at)
	h.Time = time.Unix(0, at).UTC()
	c.hash(&h.Hash)
	c.hash(&h.AppHash)
	c.hash(&h.ValidatorsHash)
}

func (c *codec) savedHeaders(h *SavedHeaders) {
	c.tuple(4)
	c.bytes(&h.Last, maxBlock)
	list(c, &h.Headers, maxList, func(s *SeenHeader) { c.tuple(2); c.hash(&s.Hash); c.integer(&s.At) })
	list(c, &h.Apps, maxList, func(v *Change) { c.tuple(2); c.natural(&v.Height); c.hash(&v.AppHash) })
	list(c, &h.Sets, maxList, func(v *SetChange) { c.tuple(2); c.natural(&v.Height); c.hash(&v.ValidatorsHash) })
}
