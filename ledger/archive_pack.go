package ledger

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Fields of CometBFT's tendermint.types.LightBlock, as protobuf tags of
// length-delimited fields.
const (
	tagSignedHeader = 1<<3 | 2
	tagValidatorSet = 2<<3 | 2
)

// splitLightBlock takes a light block apart: the bytes of its signed header and
// of its validator set. It reports false where joinLightBlock would not give
// the same bytes again.
func splitLightBlock(b []byte) (header, set []byte, ok bool) {
	header, rest, ok := cutField(b, tagSignedHeader)
	if !ok {
		return nil, nil, false
	}
	set, rest, ok = cutField(rest, tagValidatorSet)
	if !ok || len(rest) > 0 {
		return nil, nil, false
	}
	return header, set, bytes.Equal(joinLightBlock(header, set), b)
}

// cutField takes a length-delimited field with a tag of one byte off b.
func cutField(b []byte, tag byte) (field, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, nil, false
	}
	size, n := binary.Uvarint(b[1:])
	if n <= 0 || size > uint64(len(b)-1-n) {
		return nil, nil, false
	}
	b = b[1+n:]
	return b[:size:size], b[size:], true
}

func joinLightBlock(header, set []byte) []byte {
	b := make([]byte, 0, len(header)+len(set)+2*(1+binary.MaxVarintLen32))
	b = append(binary.AppendUvarint(append(b, tagSignedHeader), uint64(len(header))), header...)
	return append(binary.AppendUvarint(append(b, tagValidatorSet), uint64(len(set))), set...)
}

// lightModel is what light blocks of one validator set have in common: the set,
// and a signed header that others are compressed against. It never changes once
// it has a number; signed headers are kept for ever, and so is it.
type lightModel struct {
	number int64
	Set    []byte `cbor:"1,keyasint"`
	Header []byte `cbor:"2,keyasint"`

	encoder func() (*zstd.Encoder, error)
	decoder func() (*zstd.Decoder, error)
}

// newModel makes the model of a validator set, of which header is the first.
func newModel(number int64, header, set []byte) (*lightModel, error) {
	m := &lightModel{number: number, Set: bytes.Clone(set), Header: bytes.Clone(header)}
	m.prepare()
	_, err := m.encoder()
	return m, err
}

func (m *lightModel) encode() []byte { return encodeStored(m) }

func decodeModel(number int64, b []byte) (*lightModel, error) {
	m := &lightModel{number: number}
	if err := decodeStored(b, m); err != nil {
		return nil, err
	}
	m.prepare()
	if _, err := m.encoder(); err != nil {
		return nil, err
	}
	_, err := m.decoder()
	return m, err
}

// prepare lets encoder and decoder be made where they are needed. Addresses are
// in the set, hashes that rarely change in the header.
func (m *lightModel) prepare() {
	dictionary := append(append([]byte(nil), m.Set...), m.Header...)
	m.encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderDictRaw(1, dictionary), zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true),
			zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithEncoderLevel(zstd.SpeedFastest))
	})
	m.decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderDictRaw(1, dictionary), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxLightBlockBytes), zstd.WithDecodeAllCapLimit(false))
	})
}

// pack appends what the model leaves of a signed header.
func (m *lightModel) pack(to, header []byte) []byte {
	e, err := m.encoder()
	if err != nil {
		panic(err) // newModel has made it
	}
	return e.EncodeAll(header, to)
}

// unpack returns the light block that pack was given.
func (m *lightModel) unpack(b []byte) ([]byte, error) {
	d, err := m.decoder()
	if err != nil {
		return nil, err
	}
	header, err := d.DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("expand %d bytes: %w", len(b), err)
	}
	return joinLightBlock(header, m.Set), nil
}
