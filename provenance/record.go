package provenance

import "fmt"

// Kind says what a record is about.
type Kind int64

// Kinds (spec/record.md, REC-1); those from ModelMade on are of rule version 2.
const (
	Production    Kind = 1 // a model made tokens
	Transfer      Kind = 2 // tokens crossed a border or changed operator
	Consumption   Kind = 3 // an application or agent used tokens
	ModelMade     Kind = 4 // a model came to be
	DatasetMade   Kind = 5 // data for training or evaluation
	Evaluated     Kind = 6 // a model was measured
	Corrected     Kind = 7 // an earlier record is reversed or amended
	newestKind         = Corrected
	newestKindV1       = Consumption
	newestCounted      = Evaluated // kinds that a correction can name
	newestTokens       = Consumption
)

// Kinds returns all kinds, in order.
func Kinds() []Kind {
	return []Kind{Production, Transfer, Consumption, ModelMade, DatasetMade, Evaluated, Corrected}
}

// String returns the kind's name in the specification.
func (k Kind) String() string {
	return name(k, "", "production", "transfer", "consumption", "model", "dataset", "evaluation", "correction")
}

// Side says who speaks in a transfer (REC-3).
type Side int64

// Sides of a transfer.
const (
	Neither  Side = 0 // a third party, such as a gateway
	Exporter Side = 1 // the serving side, which output tokens leave
	Importer Side = 2 // the using side
)

// String returns the side's name in the specification.
func (s Side) String() string { return name(s, "neither", "exporter", "importer") }

// Known says how a place or model is known.
type Known int64

// Ways of knowing.
const (
	Asserted         Known = 1 // the issuer says so
	ProviderReported Known = 2 // the serving provider reported it
	Attested         Known = 3 // evidence backs it
)

// String returns the name in the specification.
func (k Known) String() string { return name(k, "", "asserted", "provider-reported", "attested") }

func name[T ~int64](v T, names ...string) string {
	if v < 0 || int(v) >= len(names) || names[v] == "" {
		return fmt.Sprintf("unknown(%d)", int64(v))
	}
	return names[v]
}

// A Record is one event in the token chain (spec/record.md). Pointers and
// slices are nil where a field is absent. Times are milliseconds since the
// Unix epoch, UTC; token counts are native tokens.
//
// The CBOR keys must never be changed: records are signed.
type Record struct {
	Kind     Kind      `cbor:"1,keyasint"`
	Time     int64     `cbor:"2,keyasint"`
	Duration *int64    `cbor:"3,keyasint,omitempty"` // ms
	Ref      []byte    `cbor:"4,keyasint,omitempty"` // 1 to 32 bytes
	Parents  []Parent  `cbor:"5,keyasint,omitempty"`
	Links    *Links    `cbor:"6,keyasint,omitempty"`
	Model    *Model    `cbor:"7,keyasint,omitempty"`
	Usage    *Usage    `cbor:"8,keyasint,omitempty"`
	Serving  *Place    `cbor:"9,keyasint,omitempty"`
	Using    *Place    `cbor:"10,keyasint,omitempty"`
	Side     *Side     `cbor:"11,keyasint,omitempty"`
	Basis    []Basis   `cbor:"12,keyasint,omitempty"`
	Label    *Label    `cbor:"13,keyasint,omitempty"`
	Content  []Content `cbor:"14,keyasint,omitempty"`
	Energy   *Energy   `cbor:"15,keyasint,omitempty"`

	Accelerators []Accelerator `cbor:"16,keyasint,omitempty"`
	Price        *Price        `cbor:"17,keyasint,omitempty"`
	Correction   *Correction   `cbor:"19,keyasint,omitempty"`
	Compute      *Compute      `cbor:"20,keyasint,omitempty"`
	Crossing     *Crossing     `cbor:"21,keyasint,omitempty"`
	Hop          *Hop          `cbor:"22,keyasint,omitempty"`
	Lineage      *Lineage      `cbor:"23,keyasint,omitempty"`
	Dataset      *Dataset      `cbor:"24,keyasint,omitempty"`
	Evaluation   *Evaluation   `cbor:"25,keyasint,omitempty"`
}

// Links correlate a record with other systems; they prove nothing.
type Links struct {
	Trace      []byte `cbor:"1,keyasint,omitempty"` // W3C trace id, 16 bytes
	Span       []byte `cbor:"2,keyasint,omitempty"` // W3C span id, 8 bytes
	Response   string `cbor:"3,keyasint,omitempty"` // gen_ai.response.id
	Generation string `cbor:"4,keyasint,omitempty"` // a gateway's generation id
	A2ATask    string `cbor:"5,keyasint,omitempty"`
	A2AContext string `cbor:"6,keyasint,omitempty"`
	MCPRequest string `cbor:"7,keyasint,omitempty"`
}

// Model names the model that made the tokens.
type Model struct {
	Name         string  `cbor:"1,keyasint"`
	Version      string  `cbor:"2,keyasint,omitempty"`
	Developer    string  `cbor:"3,keyasint,omitempty"`
	Jurisdiction string  `cbor:"4,keyasint,omitempty"` // of the developer, ISO 3166-1
	Digest       *Digest `cbor:"5,keyasint,omitempty"` // of the weights
	Tokenizer    string  `cbor:"6,keyasint,omitempty"`
	Known        Known   `cbor:"7,keyasint"`
}

// Usage counts native tokens as OpenTelemetry's GenAI conventions do: cache
// counts are part of Input, Reasoning is part of Output (REC-5).
type Usage struct {
	Input      int64  `cbor:"1,keyasint"`
	Output     int64  `cbor:"2,keyasint"`
	CacheRead  *int64 `cbor:"3,keyasint,omitempty"`
	CacheWrite *int64 `cbor:"4,keyasint,omitempty"`
	Reasoning  *int64 `cbor:"5,keyasint,omitempty"`
	Counted    int64  `cbor:"6,keyasint,omitempty"` // 1 engine, 2 gateway, 3 estimated
	Finish     int64  `cbor:"7,keyasint,omitempty"` // 1 stop … 6 error
}

// Place is where a model runs or tokens are used.
type Place struct {
	Country     string `cbor:"1,keyasint"`           // ISO 3166-1 alpha-2, ZZ unknown
	Subdivision string `cbor:"2,keyasint,omitempty"` // ISO 3166-2
	Operator    string `cbor:"3,keyasint,omitempty"`
	Known       Known  `cbor:"4,keyasint"`
}

// Basis is a legal basis of a transfer.
type Basis struct {
	Code      string  `cbor:"1,keyasint"` // "eu:46-2-c:m3"
	Reference string  `cbor:"2,keyasint,omitempty"`
	Digest    *Digest `cbor:"3,keyasint,omitempty"` // of the instrument
	Expires   *int64  `cbor:"4,keyasint,omitempty"` // ms since the epoch
}

// Label serves GB 45438-2025, EU AI Act Art. 50, SB 942, India, Korea, C2PA
// and IPTC at once (spec/record.md, label).
type Label struct {
	Status       int64     `cbor:"1,keyasint"`
	Extent       int64     `cbor:"2,keyasint,omitempty"`
	Modality     int64     `cbor:"3,keyasint,omitempty"`
	Producer     string    `cbor:"4,keyasint,omitempty"`
	ProducerCode string    `cbor:"5,keyasint,omitempty"`
	System       string    `cbor:"6,keyasint,omitempty"`
	ContentID    string    `cbor:"7,keyasint,omitempty"`
	Made         *int64    `cbor:"8,keyasint,omitempty"` // ms since the epoch
	Propagator   string    `cbor:"9,keyasint,omitempty"`
	PropagateID  string    `cbor:"10,keyasint,omitempty"`
	SourceType   string    `cbor:"11,keyasint,omitempty"`
	Oversight    int64     `cbor:"12,keyasint,omitempty"`
	Editorial    *bool     `cbor:"13,keyasint,omitempty"`
	Explicit     *Explicit `cbor:"14,keyasint,omitempty"`
	Marks        *int64    `cbor:"15,keyasint,omitempty"` // 1 metadata, 2 watermark, 4 fingerprint, 8 log
	Seal         []byte    `cbor:"16,keyasint,omitempty"`
}

// Explicit is the label that a person sees.
type Explicit struct {
	Applied     bool   `cbor:"1,keyasint"`
	Position    int64  `cbor:"2,keyasint,omitempty"`
	Agreement   string `cbor:"3,keyasint,omitempty"`
	LoggedUntil *int64 `cbor:"4,keyasint,omitempty"` // ms since the epoch
	Notified    *bool  `cbor:"5,keyasint,omitempty"` // users were told beforehand
	Form        int64  `cbor:"6,keyasint,omitempty"` // 1 text, 2 icon, 3 speech, 4 rhythm
	Height      *int64 `cbor:"7,keyasint,omitempty"` // thousandths of the shortest side
	Shown       *int64 `cbor:"8,keyasint,omitempty"` // ms at the start
}

// Content commits to a piece of content: keyed (algorithm 5), or in the open
// (algorithm -16) where the provider declares the content public.
type Content struct {
	Role      int64  `cbor:"1,keyasint"` // 1 input, 2 output
	Algorithm int64  `cbor:"2,keyasint"`
	Value     []byte `cbor:"3,keyasint"`
	Profile   string `cbor:"4,keyasint,omitempty"`
	MediaType string `cbor:"5,keyasint,omitempty"`
}

// Price is in nano-units of Currency for one million tokens of each class;
// Charged is nano-units for the whole event.
type Price struct {
	Currency   string `cbor:"1,keyasint"` // ISO 4217
	Input      *int64 `cbor:"2,keyasint,omitempty"`
	Output     *int64 `cbor:"3,keyasint,omitempty"`
	CacheRead  *int64 `cbor:"4,keyasint,omitempty"`
	CacheWrite *int64 `cbor:"5,keyasint,omitempty"`
	Reasoning  *int64 `cbor:"6,keyasint,omitempty"`
	Charged    *int64 `cbor:"7,keyasint,omitempty"`
}

// Digest is a SHA-256 digest with its COSE algorithm, -16.
type Digest struct {
	_         struct{} `cbor:",toarray"`
	Algorithm int64
	Value     []byte
}

// SHA256Digest returns a SHA-256 digest as a record holds it.
func SHA256Digest(h Hash) *Digest { return &Digest{Algorithm: AlgSHA256, Value: h[:]} }

// ParseRecord decodes one record and checks every rule of spec/record.md, as of
// the newest rule version.
// Fields under keys that this version keeps without knowing them (64 to 65535)
// are checked for form, and stand only in b. The error is an *Error.
func ParseRecord(b []byte) (*Record, error) {
	if _, err := examine(b, nil, RuleVersion); err != nil {
		return nil, err
	}
	r := &Record{}
	if err := unmarshal(b, r); err != nil {
		return nil, err
	}
	return r, nil
}

// Encode returns the one encoding of r, or what ParseRecord would say of it.
func (r *Record) Encode() ([]byte, error) {
	b, err := marshal(r)
	if err != nil {
		return nil, err
	}
	if _, err := ParseRecord(b); err != nil {
		return nil, err
	}
	return b, nil
}

// A Parent names an earlier record: by its record id, or by its provider's ref
// where the id is not yet known.
type Parent struct {
	ID     []byte // record id, or nil
	Issuer string // where ID is nil
	Ref    []byte // where ID is nil
}

type parentRef struct {
	_      struct{} `cbor:",toarray"`
	Issuer string
	Ref    []byte
}

// MarshalCBOR encodes a parent as the specification has it.
func (p Parent) MarshalCBOR() ([]byte, error) {
	if p.ID != nil {
		return marshal(p.ID)
	}
	return marshal(parentRef{Issuer: p.Issuer, Ref: p.Ref})
}

// UnmarshalCBOR decodes either form of a parent.
func (p *Parent) UnmarshalCBOR(b []byte) error {
	*p = Parent{}
	if len(b) > 0 && b[0]>>5 == majorBytes {
		return unmarshal(b, &p.ID)
	}
	var ref parentRef
	if err := unmarshal(b, &ref); err != nil {
		return err
	}
	p.Issuer, p.Ref = ref.Issuer, ref.Ref
	return nil
}
