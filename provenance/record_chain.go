package provenance

import (
	"fmt"
	"math/big"
)

// Lineage says how a model came to be. Parents name the records of its data and
// its base model.
type Lineage struct {
	Stage         int64          `cbor:"1,keyasint"` // 1 pre-training, 2 fine-tuning, 3 distillation, 4 merging, 5 quantisation
	Base          *Named         `cbor:"2,keyasint,omitempty"`
	Compute       *Scaled        `cbor:"3,keyasint,omitempty"` // FLOP
	Method        int64          `cbor:"4,keyasint,omitempty"` // of Compute: 1 measured, 2 from hardware, 3 from architecture
	Parameters    *int64         `cbor:"5,keyasint,omitempty"`
	Serialization *Serialization `cbor:"6,keyasint,omitempty"`
	Signature     *Digest        `cbor:"7,keyasint,omitempty"` // of the model's signature bundle
	Trained       *Place         `cbor:"8,keyasint,omitempty"`
}

// Named names a model or a dataset that is not this record's own.
type Named struct {
	Name    string  `cbor:"1,keyasint"`
	Version string  `cbor:"2,keyasint,omitempty"`
	Digest  *Digest `cbor:"3,keyasint,omitempty"`
	Split   string  `cbor:"4,keyasint,omitempty"` // of a dataset
}

// Serialization says how a model's weights were digested (OpenSSF model
// signing v1.0).
type Serialization struct {
	Method    int64  `cbor:"1,keyasint"` // 1 files, 2 shards
	Hash      int64  `cbor:"2,keyasint"` // 1 SHA-256, 2 BLAKE2b, 3 BLAKE3
	ShardSize *int64 `cbor:"3,keyasint,omitempty"`
	Symlinks  *bool  `cbor:"4,keyasint,omitempty"` // allowed
}

// Dataset is data for training or evaluation.
type Dataset struct {
	Name           string   `cbor:"1,keyasint"`
	Version        string   `cbor:"2,keyasint,omitempty"`
	Digest         Digest   `cbor:"3,keyasint"`
	Sources        []Source `cbor:"4,keyasint"`
	SyntheticShare *int64   `cbor:"5,keyasint,omitempty"` // parts per million
	RawTokens      *int64   `cbor:"6,keyasint,omitempty"` // before cleaning
	CleanTokens    *int64   `cbor:"7,keyasint,omitempty"` // after it
	Tokenizer      string   `cbor:"8,keyasint,omitempty"`
	Description    *Digest  `cbor:"9,keyasint,omitempty"`
}

// Source is where data came from.
type Source struct {
	Kind      int64   `cbor:"1,keyasint"` // 1 public web … 6 own
	Reference string  `cbor:"2,keyasint,omitempty"`
	Digest    *Digest `cbor:"3,keyasint,omitempty"`
	Country   string  `cbor:"4,keyasint,omitempty"`
	Licence   string  `cbor:"5,keyasint,omitempty"` // SPDX
}

// Evaluation is how a model was measured, and with what result.
type Evaluation struct {
	Dataset       Named     `cbor:"1,keyasint"` // with its digest
	Harness       Harness   `cbor:"2,keyasint"`
	Template      *Digest   `cbor:"3,keyasint,omitempty"` // of the prompt
	Decoding      *Decoding `cbor:"4,keyasint,omitempty"`
	Seed          *int64    `cbor:"5,keyasint,omitempty"`
	N             int64     `cbor:"6,keyasint"` // items that were scored
	Metric        string    `cbor:"7,keyasint"`
	Value         Scaled    `cbor:"8,keyasint"`
	Interval      *Interval `cbor:"9,keyasint,omitempty"`
	Evaluator     Evaluator `cbor:"10,keyasint"`
	Contamination int64     `cbor:"11,keyasint,omitempty"` // 1 none found, 2 found, 3 not looked for
	Results       *Digest   `cbor:"12,keyasint,omitempty"`
}

// Harness is the program that measured.
type Harness struct {
	Name    string `cbor:"1,keyasint"`
	Version string `cbor:"2,keyasint,omitempty"`
	Commit  []byte `cbor:"3,keyasint"`
}

// Decoding is how the model's output was drawn.
type Decoding struct {
	Temperature       *Scaled `cbor:"1,keyasint,omitempty"`
	TopP              *Scaled `cbor:"2,keyasint,omitempty"`
	TopK              *int64  `cbor:"3,keyasint,omitempty"`
	MaxTokens         *int64  `cbor:"4,keyasint,omitempty"`
	Samples           *int64  `cbor:"5,keyasint,omitempty"`
	RepetitionPenalty *Scaled `cbor:"6,keyasint,omitempty"`
}

// Interval is a confidence interval.
type Interval struct {
	Low   Scaled `cbor:"1,keyasint"`
	High  Scaled `cbor:"2,keyasint"`
	Level int64  `cbor:"3,keyasint"` // parts per million
}

// Evaluator is who measured, and what it has to gain.
type Evaluator struct {
	Name      string `cbor:"1,keyasint"`
	Interest  int64  `cbor:"2,keyasint"` // 1 none, 2 its own model, 3 paid by the developer, 4 another
	Statement string `cbor:"3,keyasint,omitempty"`
}

// Scaled is Mantissa times ten to the Exponent: a decimal fraction (REC-16), or
// an amount beyond int64 (ENC-34).
type Scaled struct {
	_        struct{} `cbor:",toarray"`
	Mantissa int64
	Exponent int64
}

// String writes the number out in decimal, with the zeros that it has.
func (s Scaled) String() string {
	if s.Exponent >= 0 {
		return s.times(s.Exponent).String()
	}
	sign, digits := "", new(big.Int).Abs(big.NewInt(s.Mantissa)).String()
	if s.Mantissa < 0 {
		sign = "-"
	}
	places := int(-s.Exponent)
	digits = fmt.Sprintf("%0*s", places+1, digits)
	return sign + digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

// times returns the mantissa times ten to a power from 0.
func (s Scaled) times(power int64) *big.Int {
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(power), nil)
	return ten.Mul(ten, big.NewInt(s.Mantissa))
}

// Compare returns -1, 0 or 1 as s is less than, equal to or greater than t.
func (s Scaled) Compare(t Scaled) int {
	least := min(s.Exponent, t.Exponent)
	return s.times(s.Exponent - least).Cmp(t.times(t.Exponent - least))
}
