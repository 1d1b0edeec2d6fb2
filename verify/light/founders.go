package light

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// ErrOtherValidators says that a header is signed by validators that the genesis
// document does not name: later ones, or somebody's own. Without the headers
// between nothing tells which.
var ErrOtherValidators = errors.New("the header's validators are not those of the genesis document")

// maxOpened is how many light blocks are remembered as good.
const maxOpened = 64

// Founders are the validators that a genesis document names. They open light
// blocks without a network and without a clock. The document is read once, and a
// light block that many receipts share is verified once. Methods are for
// concurrent use.
type Founders struct {
	chainID    string
	genesis    provenance.Hash // of the document
	validators []byte          // hash of the set

	mu     sync.Mutex // guards what follows
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
		chainID: doc.ChainID, genesis: sha256.Sum256(genesis), validators: doc.ValidatorHash(),
		opened: map[provenance.Hash]*verify.Header{},
	}, nil
}

// Origin returns the origin of the log whose genesis document this is.
func (f *Founders) Origin() string { return provenance.Origin(f.chainID, f.genesis) }

// Open returns the header of a light block that more than two thirds of the
// founders' power signed (SPEC(RCP-2), SPEC(VER-5)). What is wrong is a
// *verify.Finding; under other validators it is one, too, that wraps
// ErrOtherValidators.
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
	if !bytes.Equal(f.validators, block.ValidatorsHash) {
		return nil, fmt.Errorf("%w: %w", ErrOtherValidators, verify.NewFinding(verify.CodeValidators, placeOf(block.Height)+".validators_hash",
			fmt.Sprintf("the validators of the genesis document, %X", f.validators), block.ValidatorsHash.String()))
	}
	if len(f.opened) >= maxOpened {
		clear(f.opened)
	}
	h := headerOf(block)
	f.opened[sum] = h
	return h, nil
}
