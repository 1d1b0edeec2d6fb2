package light

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sort"
	"sync"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// ErrOtherValidators says that a header is signed by validators that neither the
// genesis document nor the headers followed since name: later ones, or somebody's
// own. Without the headers between nothing tells which.
var ErrOtherValidators = errors.New("the header's validators are none that the genesis document leads to")

// maxOpened is how many light blocks are remembered as good.
const maxOpened = 64

// Founders are the validators that a genesis document names, and those whom they
// handed over to as far as that was followed (Follow). They open light blocks
// without a clock and, but for Follow, without a network. The document is read
// once, and a light block that many receipts share is verified once. Methods are
// for concurrent use.
type Founders struct {
	chainID string
	genesis provenance.Hash // of the document

	following sync.Mutex // held by the one that follows; taken before mu

	mu     sync.Mutex // guards what follows
	sets   []run      // by height, that of genesis first; the last one holds on
	opened map[provenance.Hash]*verify.Header
}

// NewFounders reads a genesis document. Whether it is the right
// one, its hash or origin says.
func NewFounders(genesis []byte) (*Founders, error) {
	doc, err := readGenesis(genesis)
	if err != nil {
		return nil, err
	}
	return &Founders{
		chainID: doc.ChainID, genesis: sha256.Sum256(genesis),
		sets:   []run{{1, provenance.Hash(doc.ValidatorHash())}},
		opened: map[provenance.Hash]*verify.Header{},
	}, nil
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
	sum := provenance.LeafHash(lightBlock)
	if h := f.opened[sum]; h != nil {
		return h, nil
	}
	block, err := readBlock(lightBlock, f.chainID, "light block")
	if err != nil {
		return nil, err
	}
	// SPEC(VER-9)
	if set := f.setAt(block.Height); !bytes.Equal(set[:], block.ValidatorsHash) {
		return nil, fmt.Errorf("%w: %w", ErrOtherValidators, verify.NewFinding(verify.CodeValidators, placeOf(block.Height)+".validators_hash",
			fmt.Sprintf("the validators that the genesis document leads to, %X", set[:]), block.ValidatorsHash.String()))
	}
	if len(f.opened) >= maxOpened {
		clear(f.opened)
	}
	h := headerOf(block)
	f.opened[sum] = h
	return h, nil
}

// setAt returns the hash of the validators of a height, as far as they were
// followed.
func (f *Founders) setAt(height int64) provenance.Hash {
	after := sort.Search(len(f.sets), func(i int) bool { return f.sets[i].from > height })
	return f.sets[max(after-1, 0)].hash
}
