package provenance

import (
	"bytes"
	"strings"
)

// Correction reverses or amends an earlier record of the same issuer (REC-17).
// Whether it matches that record is for auditors to say.
type Correction struct {
	Record []byte           `cbor:"1,keyasint"` // the corrected record's id
	Entry  int64            `cbor:"2,keyasint"` // its entry's index in the log
	Action CorrectionAction `cbor:"3,keyasint"`
	Reason int64            `cbor:"4,keyasint"` // 1 duplicate … 8 another
	Note   string           `cbor:"5,keyasint,omitempty"`
	Cell   CellKey          `cbor:"6,keyasint"` // that the corrected record counts in
	Deltas Sums             `cbor:"7,keyasint"` // what is added there
}

// CorrectionAction is what a correction does.
type CorrectionAction int64

// Actions of a correction.
const (
	Reverses CorrectionAction = 1
	Amends   CorrectionAction = 2
)

// String returns the name in the specification.
func (a CorrectionAction) String() string { return name(a, "", "reverses", "amends") }

func correctionShape() *shape {
	code := func(s string) bool { return s == "" || isBasisCodes(s) }
	place := textThat(ValidCountry, "a country: two letters A-Z (ISO 3166-1), ZZ where unknown")
	anyInteger := integerIn(-1<<63, 1<<63-1)
	return shapeOf(
		must(1, "record", bytesOf(HashSize, HashSize)),
		must(2, "entry", amount),
		must(3, "action", integerIn(1, 2)),
		must(4, "reason", integerIn(1, 8)),
		may(5, "note", textOf(128)),
		must(6, "cell", tuple(
			integerIn(0, MaxTime/msPerHour), integerIn(int64(Production), int64(newestCounted)), integerIn(0, 2),
			place, place, emptyOr(identifier(128)), integerIn(0, 4), textThat(code, "codes as a cell joins them"),
			integerIn(0, 4), integerIn(0, 3))),
		must(7, "deltas", tuple(anyInteger, anyInteger, anyInteger, anyInteger, anyInteger, anyInteger, anyInteger)),
	)
}

// emptyOr wants an empty text or what ck wants.
func emptyOr(ck check) check {
	return func(c *cursor) error {
		if c.off < len(c.b) && c.b[c.off] == majorText<<5 {
			c.off++
			return nil
		}
		return ck(c)
	}
}

// isBasisCodes reports whether s is codes joined as a cell joins them: ascending,
// at most four.
func isBasisCodes(s string) bool {
	codes := strings.Split(s, "+")
	for i, code := range codes {
		if !isCode(code) || i > 0 && codes[i-1] >= code {
			return false
		}
	}
	return len(codes) <= 4
}

// readCorrection reads what a correction adds, and where, of bytes that the
// shape has accepted.
func (f *facts) readCorrection(c *cursor, known names) error {
	var action CorrectionAction
	into := &Cell{}
	err := c.pairs(func(key int64) (err error) {
		switch key {
		case 3:
			var v int64
			v, err = c.integer()
			action = CorrectionAction(v)
		case 6:
			into.CellKey, err = readCellKey(c, known)
		case 7:
			into.Sums, err = readSums(c)
		default:
			err = c.pass()
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := checkCorrectedCell(&into.CellKey, &into.Sums); err != nil {
		return within("correction", err)
	}
	if err := checkDeltas(action, into); err != nil {
		return within("correction", err)
	}
	f.corrects = into
	return nil
}

// checkCorrectedCell wants a cell that a record can have. SPEC(REC-17)
func checkCorrectedCell(k *CellKey, s *Sums) error {
	switch {
	case k.Side != Neither && k.Kind != Transfer:
		return fail(CodeValue, "cell[2]", "a %s has no side", k.Kind)
	case k.Basis != "" && k.Kind != Transfer:
		return fail(CodeValue, "cell[7]", "a %s has no legal basis", k.Kind)
	case k.Kind > newestTokens && k.Serving != "ZZ":
		return fail(CodeValue, "cell[3]", "a record of kind %s has no serving place: ZZ", k.Kind)
	case k.Kind > newestTokens && k.Using != "ZZ":
		return fail(CodeValue, "cell[4]", "a record of kind %s has no using place: ZZ", k.Kind)
	case k.Kind == DatasetMade && k.Model != "":
		return fail(CodeValue, "cell[5]", "a dataset has no model")
	case k.Kind != DatasetMade && k.Kind != Consumption && k.Model == "":
		return fail(CodeValue, "cell[5]", "a record of kind %s has a model", k.Kind)
	case k.Kind > newestTokens && k.Label != 0:
		return fail(CodeValue, "cell[6]", "a record of kind %s has no label", k.Kind)
	case (k.Boundary == 0) != (k.Method == 0):
		return fail(CodeValue, "cell[9]", "boundary %d with method %d: both are 0, or neither", k.Boundary, k.Method)
	case k.Boundary == 0 && s.Energy != 0:
		return fail(CodeValue, "deltas[6]", "%d µWh, and the cell has no boundary: it counts no energy", s.Energy)
	case k.Kind > newestTokens && (s.Input != 0 || s.Output != 0 || s.CacheRead != 0 || s.CacheWrite != 0 || s.Reasoning != 0):
		return fail(CodeValue, "deltas", "a %s counts no tokens", k.Kind)
	}
	return nil
}

// checkDeltas holds the deltas against the action. SPEC(REC-17)
func checkDeltas(action CorrectionAction, into *Cell) error {
	s := &into.Sums
	if action == Amends {
		switch {
		case s.Records != 0:
			return fail(CodeValue, "deltas[0]", "%d records; an amendment leaves their number as it is", s.Records)
		case *s == Sums{}:
			return fail(CodeValue, "deltas", "all are 0: nothing is amended")
		}
		return nil
	}
	if s.Records < -1 {
		return fail(CodeValue, "deltas[0]", "%d records; what reverses one record takes back one, or none of a relay", s.Records)
	}
	relay := into.Kind == Transfer || into.Kind == Consumption
	if s.Records == 0 && (!relay || *s != Sums{Energy: s.Energy}) {
		return fail(CodeValue, "deltas[0]", "0 records are taken back of a %s; only a relay counts none, and no tokens", into.Kind)
	}
	for i, v := range s.list() {
		if v > 0 {
			return fail(CodeValue, pathOf("deltas", i, -1), "%d is added; a reversal only takes back", v)
		}
	}
	return nil
}

// readCellKey reads the place of a correction, which its shape has accepted.
func readCellKey(c *cursor, known names) (k CellKey, err error) {
	err = c.each(func(i int) error {
		switch i {
		case 3, 4, 5, 7:
			s, err := c.text()
			*[...]*string{3: &k.Serving, 4: &k.Using, 5: &k.Model, 7: &k.Basis}[i] = known.of(s)
			return err
		}
		v, err := c.integer()
		switch i {
		case 1:
			k.Kind = Kind(v)
		case 2:
			k.Side = Side(v)
		default:
			*[...]*int64{0: &k.Hour, 6: &k.Label, 8: &k.Boundary, 9: &k.Method}[i] = v
		}
		return err
	})
	return k, err
}

func readSums(c *cursor) (s Sums, err error) {
	into := [...]*int64{&s.Records, &s.Input, &s.Output, &s.CacheRead, &s.CacheWrite, &s.Reasoning, &s.Energy}
	err = c.each(func(i int) (err error) {
		*into[i], err = c.integer()
		return err
	})
	return s, err
}

// wireCellKey is a cell's key as a correction carries it.
type wireCellKey struct {
	_                struct{} `cbor:",toarray"`
	Hour             int64
	Kind             Kind
	Side             Side
	Serving, Using   string
	Model            string
	Label            int64
	Basis            string
	Boundary, Method int64
}

// wireSums are sums as a correction carries them.
type wireSums struct {
	_                                                                struct{} `cbor:",toarray"`
	Records, Input, Output, CacheRead, CacheWrite, Reasoning, Energy int64
}

// MarshalCBOR encodes the key as a correction carries it: with the strings
// themselves, where a statement's totals have their places in a table.
func (a CellKey) MarshalCBOR() ([]byte, error) {
	return marshal(wireCellKey{Hour: a.Hour, Kind: a.Kind, Side: a.Side, Serving: a.Serving, Using: a.Using,
		Model: a.Model, Label: a.Label, Basis: a.Basis, Boundary: a.Boundary, Method: a.Method})
}

// UnmarshalCBOR decodes the key of a correction.
func (a *CellKey) UnmarshalCBOR(b []byte) error {
	var w wireCellKey
	if err := unmarshal(b, &w); err != nil {
		return err
	}
	*a = CellKey{Hour: w.Hour, Kind: w.Kind, Side: w.Side, Serving: w.Serving, Using: w.Using,
		Model: w.Model, Label: w.Label, Basis: w.Basis, Boundary: w.Boundary, Method: w.Method}
	return nil
}

// MarshalCBOR encodes sums as a correction carries them.
func (s Sums) MarshalCBOR() ([]byte, error) {
	return marshal(wireSums{Records: s.Records, Input: s.Input, Output: s.Output, CacheRead: s.CacheRead,
		CacheWrite: s.CacheWrite, Reasoning: s.Reasoning, Energy: s.Energy})
}

// UnmarshalCBOR decodes the sums of a correction.
func (s *Sums) UnmarshalCBOR(b []byte) error {
	var w wireSums
	if err := unmarshal(b, &w); err != nil {
		return err
	}
	*s = Sums{w.Records, w.Input, w.Output, w.CacheRead, w.CacheWrite, w.Reasoning, w.Energy}
	return nil
}

// Reverse returns what takes a record back: the correction's cell and deltas are
// those of the record itself, encoded in raw, whose id and entry are given.
func Reverse(id Hash, entry int64, raw []byte, reason int64, note string) (*Correction, error) {
	c, err := correctionOf(id, entry, raw, reason, note)
	if err != nil {
		return nil, err
	}
	c.Action = Reverses
	c.Deltas = c.Deltas.negative()
	return c, nil
}

// Amend returns what adds deltas to the sums of a record, encoded in raw.
func Amend(id Hash, entry int64, raw []byte, deltas Sums, reason int64, note string) (*Correction, error) {
	c, err := correctionOf(id, entry, raw, reason, note)
	if err != nil {
		return nil, err
	}
	c.Action, c.Deltas = Amends, deltas
	return c, nil
}

// correctionOf fills in all but what the correction does; Deltas are what the
// record counts.
func correctionOf(id Hash, entry int64, raw []byte, reason int64, note string) (*Correction, error) {
	cell, err := CountsAs(raw)
	if err != nil {
		return nil, err
	}
	if cell.Kind == Corrected {
		return nil, fail(CodeValue, "kind", "a correction is not corrected; correct the record that it corrects once more")
	}
	return &Correction{Record: bytes.Clone(id[:]), Entry: entry, Reason: reason, Note: note, Cell: cell.CellKey, Deltas: cell.Sums}, nil
}

// CountsAs returns the cell that an encoded record counts in, and what it adds
// there.
func CountsAs(raw []byte) (*Cell, error) {
	f, err := examine(raw, nil, RuleVersion)
	if err != nil {
		return nil, err
	}
	return &Cell{f.CellKey, f.Sums}, nil
}

// negative returns the sums with the other sign; each is above the least int64.
func (s Sums) negative() Sums {
	return Sums{-s.Records, -s.Input, -s.Output, -s.CacheRead, -s.CacheWrite, -s.Reasoning, -s.Energy}
}
