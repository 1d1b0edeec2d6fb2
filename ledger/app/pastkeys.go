package app

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	cmtstate "github.com/cometbft/cometbft/proto/tendermint/state"
	"github.com/cometbft/cometbft/types"
)

const (
	// pastWrite is about how many bytes go into one transaction (see engineMemTable).
	pastWrite = 3 << 20
	// pastDrop is how many heights are dropped in one transaction.
	pastDrop = 2000
	// setInterval: at its multiples the engine looks for a whole validator set,
	// whatever the height asked for points at (CometBFT's valSetCheckpointInterval).
	setInterval = 100_000
)

// pastSpanKey is where the store "past" says which heights the engine has without
// their blocks: the lowest and the highest, 8 bytes each, big-endian. It is written
// with what it tells of, in one transaction.
var pastSpanKey = []byte("span")

// pastSpan is the value of pastSpanKey.
type pastSpan struct{ low, high int64 }

func (s pastSpan) encode() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(s.low)), uint64(s.high))
}

// span returns nil where the engine has no heights without their blocks.
func (p *past) span() (*pastSpan, error) {
	b, err := p.engine.Store("past").Get(pastSpanKey)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	if len(b) != 16 {
		return nil, fmt.Errorf("the engine's store says with %d bytes which headers it has, wanted 16; run 'tokentraild scrub'", len(b))
	}
	return &pastSpan{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, nil
}

// begin makes the joint's own height the first of which the engine has the header.
// Its validators it has; its commit comes with the block behind it, unless the
// joint's is that one.
func (p *past) begin(j *Joint) error {
	b := p.newPastBatch()
	b.header(j.Last)
	if bytes.Equal(j.Last.Commit.Hash(), j.Current.LastCommitHash) {
		b.commit(j.Last)
	}
	b.span(&pastSpan{j.Last.Height, j.Last.Height})
	return b.write()
}

// write adds light blocks of consecutive heights, which end below the lowest that
// is there and are verified, from above, in transactions that each say how far it
// is. If we crash between two, the next call goes on below the last.
func (p *past) write(blocks []*types.LightBlock) error {
	span, err := p.span()
	if err != nil {
		return err
	}
	if n := len(blocks); span == nil || n == 0 || blocks[n-1].Height != span.low-1 {
		return errors.New("headers that do not end below those that the engine has")
	}
	for end := len(blocks); end > 0; {
		from, size := end, 0
		for ; from > 0 && (size < pastWrite || from == end); from-- {
			size += blocks[from-1].Commit.ToProto().Size() + blocks[from-1].Header.ToProto().Size() + 128
		}
		b := p.newPastBatch()
		b.lightBlocks(blocks[from:end])
		span.low = blocks[from].Height
		b.span(span)
		if err := b.write(); err != nil {
			return err
		}
		end = from
	}
	return nil
}

// drop takes away some of the heights that the engine has without their blocks,
// once the first of its blocks is forgotten: what evidence no longer may be of that
// block it may not be of any before (SPEC(NOD-31)).
func (p *past) drop(base int64) error {
	span, err := p.span()
	if err != nil || span == nil || base <= span.high+1 {
		return err
	}
	b := p.newPastBatch()
	end := min(span.high+1, span.low+pastDrop)
	for h := span.low; h < end; h++ {
		b.delete("blockstore", "H:%d", h)
		b.delete("blockstore", "C:%d", h)
		b.delete("state", "validatorsKey:%d", h)
	}
	if span.low = end; span.low > span.high {
		span = nil
	}
	b.span(span)
	return b.write()
}

// A pastBatch gathers writes under the engine's own keys, as its store/store.go
// and state/store.go have them.
type pastBatch struct {
	engine *EngineDB
	ops    []engineOp
	err    error // the first
}

func (p *past) newPastBatch() *pastBatch { return &pastBatch{engine: p.engine} }

func (b *pastBatch) key(name, key string) []byte {
	return append(append([]byte(name), 0), key...)
}

func (b *pastBatch) set(name, key string, height int64, encode func() ([]byte, error)) {
	value, err := encode()
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("encode "+key+" for the engine: %w", height, err)
	}
	k := b.key(name, fmt.Sprintf(key, height))
	b.ops = append(b.ops, engineOp{k, encodeEngineValue(k, value)})
}

func (b *pastBatch) delete(name, key string, height int64) {
	b.ops = append(b.ops, engineOp{b.key(name, fmt.Sprintf(key, height)), nil})
}

func (b *pastBatch) span(s *pastSpan) {
	k := b.key("past", string(pastSpanKey))
	var value []byte
	if s != nil {
		value = encodeEngineValue(k, s.encode())
	}
	b.ops = append(b.ops, engineOp{k, value})
}

// header sets a block's meta; size and transactions, which no header tells, are
// -1, as nobody asks for them without the block.
func (b *pastBatch) header(block *types.LightBlock) {
	meta := types.BlockMeta{BlockID: block.Commit.BlockID, BlockSize: -1, Header: *block.Header, NumTxs: -1}
	b.set("blockstore", "H:%d", block.Height, meta.ToProto().Marshal)
}

func (b *pastBatch) commit(block *types.LightBlock) {
	b.set("blockstore", "C:%d", block.Height, block.Commit.ToProto().Marshal)
}

// lightBlocks sets all of consecutive heights. A validator set is stored whole
// where it begins among them, and the heights behind point there.
func (b *pastBatch) lightBlocks(blocks []*types.LightBlock) {
	var whole *types.Header
	for _, block := range blocks {
		b.header(block)
		b.commit(block)
		info := cmtstate.ValidatorsInfo{}
		if whole == nil || block.Height%setInterval == 0 || !bytes.Equal(whole.ValidatorsHash, block.ValidatorsHash) {
			whole = block.Header
			set, err := unprioritised(block.ValidatorSet).ToProto()
			if err != nil && b.err == nil {
				b.err = fmt.Errorf("validators of height %d: %w", block.Height, err)
			}
			info.ValidatorSet = set
		}
		info.LastHeightChanged = whole.Height
		b.set("state", "validatorsKey:%d", block.Height, info.Marshal)
	}
}

func (b *pastBatch) write() error {
	if b.err != nil {
		return b.err
	}
	return b.engine.write(b.ops)
}

// unprioritised is a validator set without the priorities, which no header covers:
// evidence does not ask whose turn it was.
func unprioritised(set *types.ValidatorSet) *types.ValidatorSet {
	set = set.Copy()
	for _, v := range set.Validators {
		v.ProposerPriority = 0
	}
	set.Proposer = set.Validators[0]
	return set
}
