package light

import (
	"crypto/sha256"
	"fmt"
	"sort"
	"sync"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// ErrOtherValidators says that a header is signed by validators that neither the
// trust nor the headers followed since name: later ones, or somebody's own.
// Without the headers between nothing tells which.
var ErrOtherValidators = verify.ErrOtherValidators

// maxOpened is how many light blocks are remembered as good.
const maxOpened = 64

// Founders are the validators that a genesis document names, and those whom they
// handed over to as far as that was followed (Follow, Lead). They open light
// blocks without a clock and, but for Follow, without a network. The document is
// read once, and a light block that many receipts share is verified once. Methods
// are for concurrent use.
type Founders struct {
	chainID string
	genesis provenance.Hash // of the document

	following sync.Mutex // held by the one that follows; taken before mu

	trusted int // of sets, from the first: those that the trust itself gives

	mu     sync.Mutex // guards what follows
	sets   []run      // by height, that of genesis (or of a trusted header) first; the last one holds on
	opened map[provenance.Hash]openedBlock
}

// An openedBlock is what is kept of a light block whose form and signatures are
// good. Whose they are is looked at each time.
type openedBlock struct {
	header *verify.Header
	next   provenance.Hash // validators of the next height
}

// NewFounders reads a genesis document. Whether it is the right
// one, its hash or origin says.
func NewFounders(genesis []byte) (*Founders, error) {
	doc, err := readGenesis(genesis)
	if err != nil {
		return nil, err
	}
	return &Founders{
		chainID: doc.ChainID, genesis: sha256.Sum256(genesis), trusted: 1,
		sets:   []run{{1, provenance.Hash(doc.ValidatorHash())}},
		opened: map[provenance.Hash]openedBlock{},
	}, nil
}

// from returns those who begin with a header that is trusted by itself, whatever
// the genesis document says.
func (f *Founders) from(anchor openedBlock) *Founders {
	h := anchor.header
	return &Founders{
		chainID: f.chainID, genesis: f.genesis, trusted: 2,
		sets:   []run{{h.Height, h.ValidatorsHash}, {h.Height + 1, anchor.next}},
		opened: map[provenance.Hash]openedBlock{},
	}
}

// Origin returns the origin of the log whose genesis document this is.
func (f *Founders) Origin() string { return provenance.Origin(f.chainID, f.genesis) }

// Open returns the header of a light block that more than two thirds of the power
// of its height's validators signed, as far as these are known (SPEC(RCP-2),
// SPEC(VER-5), SPEC(VER-28)). What is wrong is a *verify.Finding; under other
// validators it is one, too, that wraps ErrOtherValidators: Follow may help.
func (f *Founders) Open(lightBlock []byte) (*verify.Header, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.open(lightBlock, "light block")
	return b.header, err
}

// Lead takes a light block for its validators' word on who comes next. One that
// changes nothing is passed over. SPEC(BND-6)
func (f *Founders) Lead(lightBlock []byte, place string) (*verify.Header, error) {
	f.following.Lock()
	defer f.following.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.open(lightBlock, place)
	if err != nil {
		return nil, err
	}
	next := b.header.Height + 1
	known, _ := f.setAt(next)
	switch last := f.sets[len(f.sets)-1]; {
	case known == b.next:
	case next <= last.from:
		// SPEC(VER-4): the same validators named others before.
		return nil, verify.NewFinding(verify.CodeValidators, placeOf(b.header.Height)+".next_validators_hash",
			fmt.Sprintf("the validators of height %d as other headers show them, %X", next, known[:]), fmt.Sprintf("%X", b.next[:]))
	case len(f.sets) > maxFollowed:
		return nil, errTooManyChanges
	default:
		f.sets = append(f.sets, run{next, b.next})
	}
	return b.header, nil
}

// forget goes back to the validators that the trust itself gives, and returns what
// was known. Whoever led to that may have left changes out, so that it says nothing
// against another who does not. SPEC(BND-6)
func (f *Founders) forget() (known []run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, f.sets = f.sets, f.sets[:f.trusted:f.trusted]
	return known
}

// recall takes up again what was known before, where that has all that is known now.
func (f *Founders) recall(known []run) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, set := range f.sets {
		if hash, led := setAt(known, set.from); !led || hash != set.hash {
			return
		}
	}
	f.sets = known
}

// open reads a light block, once, and holds its validators against those known.
// Whoever calls it holds mu.
func (f *Founders) open(lightBlock []byte, place string) (openedBlock, error) {
	sum := provenance.LeafHash(lightBlock)
	b, known := f.opened[sum]
	if !known {
		var err error
		if b, err = readOpened(lightBlock, f.chainID, place); err != nil {
			return openedBlock{}, err
		}
	}
	h := b.header
	set, led := f.setAt(h.Height)
	if !led {
		return openedBlock{}, fmt.Errorf("%s is below the trusted header of height %d: nothing leads back from that", placeOf(h.Height), f.sets[0].from)
	}
	// SPEC(VER-9)
	if set != h.ValidatorsHash {
		return openedBlock{}, fmt.Errorf("%w: %w", ErrOtherValidators, verify.NewFinding(verify.CodeValidators, placeOf(h.Height)+".validators_hash",
			fmt.Sprintf("the validators that the trust leads to, %X", set[:]), fmt.Sprintf("%X", h.ValidatorsHash[:])))
	}
	if !known {
		if len(f.opened) >= maxOpened {
			clear(f.opened)
		}
		f.opened[sum] = b
	}
	return b, nil
}

// readOpened reads a light block by itself.
func readOpened(lightBlock []byte, chainID, place string) (openedBlock, error) {
	block, err := readBlock(lightBlock, chainID, place)
	if err != nil {
		return openedBlock{}, err
	}
	if len(block.NextValidatorsHash) != provenance.HashSize {
		return openedBlock{}, verify.NewFinding(verify.CodeHeaderForm, place+".next_validators_hash", "a hash of 32 bytes", fmt.Sprintf("%d bytes", len(block.NextValidatorsHash)))
	}
	return openedBlock{headerOf(block), provenance.Hash(block.NextValidatorsHash)}, nil
}

// setAt returns the hash of the validators of a height, as far as they were
// followed; led is false below the first that is known.
func (f *Founders) setAt(height int64) (hash provenance.Hash, led bool) { return setAt(f.sets, height) }

func setAt(sets []run, height int64) (hash provenance.Hash, led bool) {
	after := sort.Search(len(sets), func(i int) bool { return sets[i].from > height })
	if after == 0 {
		return provenance.Hash{}, false
	}
	return sets[after-1].hash, true
}
