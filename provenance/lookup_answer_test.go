package provenance

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
)

// sampleAnswer has the first record and the last two of a batch, in two entries.
func sampleAnswer() (*RecordsAnswer, *sample) {
	s := sampleBatch(AlgEdDSA, 5)
	raw := s.statement.Raw()
	return &RecordsAnswer{Size: 12, More: true, Hits: []RecordHit{
		{Entry: 3, Statement: raw, Proof: s.proof(0)},
		{Entry: 11, Statement: raw, Proof: s.proof(3)},
		{Entry: 11, Statement: raw, Proof: s.proof(4)},
	}}, s
}

func TestRecordsAnswer(t *testing.T) {
	a, s := sampleAnswer()
	for _, want := range []*RecordsAnswer{a, {Size: 7}, {}, {Size: 1, More: true}} {
		b := want.Encode()
		got := must1(ParseRecordsAnswer(b))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, wanted %+v", got, want)
		}
	}
	if got := (&RecordsAnswer{Size: 7}).Encode(); !bytes.Equal(got, unhex("83 07 f4 80")) {
		t.Errorf("%x", got)
	}
	for i, index := range []int{0, 3, 4} {
		want := s.header.recordID(index, s.records[index])
		st, id, err := a.Hits[i].Check(ByID(want))
		if err != nil || id != want || st.ID() != s.statement.ID() {
			t.Errorf("hit %d: %s, %v", i, id, err)
		}
	}
}

func (h *BatchHeader) recordID(i int, record []byte) Hash {
	return RecordID(h.Issuer, h.Stream, h.Sequence, i, record)
}

// TestHitsThatDoNotHold: nothing is a hit that does not prove itself to answer the
// question.
func TestHitsThatDoNotHold(t *testing.T) {
	a, s := sampleAnswer()
	id := s.header.recordID(0, s.records[0])
	hit := a.Hits[0]
	_, _, err := hit.Check(ByID(hashOf("another")))
	wantCode(t, err, CodeValue)
	_, _, err = hit.Check(ByID(id).Children())
	wantCode(t, err, CodeValue)

	hit.Statement = hit.Statement[1:]
	_, _, err = hit.Check(ByID(id))
	wantCode(t, err, CodeEnvelope)

	hit = a.Hits[0]
	proof := *hit.Proof
	proof.Index = 1
	hit.Proof = &proof
	_, _, err = hit.Check(ByID(id))
	wantCode(t, err, CodePath)

	proof.Index, proof.Record = 0, s.records[1]
	_, _, err = hit.Check(ByID(id))
	wantCode(t, err, CodePath)

	proof.Record = []byte{0x80}
	_, _, err = hit.Check(ByID(id))
	wantCode(t, err, CodeType)
}

func TestRecordsAnswersRefused(t *testing.T) {
	a, _ := sampleAnswer()
	good := a.Encode()
	change := func(f func(*RecordsAnswer)) []byte {
		a, _ := sampleAnswer()
		f(a)
		return a.Encode()
	}
	tooMany := make([]RecordHit, MaxRecordHits+1)
	for i := range tooMany {
		tooMany[i] = RecordHit{int64(i), a.Hits[0].Statement, a.Hits[0].Proof}
	}
	for name, c := range map[string]struct {
		b    []byte
		code Code
	}{
		"nothing":           {nil, CodeTruncated},
		"cut short":         {good[:len(good)-1], CodeTruncated},
		"something behind":  {append(slices.Clone(good), 0), CodeTrailingBytes},
		"two parts":         {unhex("82 07 f4"), CodeValue},
		"four parts":        {unhex("84 07 f4 80 80"), CodeValue},
		"a map":             {unhex("a0"), CodeType},
		"a negative size":   {unhex("83 20 f4 80"), CodeValue},
		"a text as size":    {unhex("83 60 f4 80"), CodeType},
		"a number as more":  {unhex("83 07 01 80"), CodeType},
		"null as more":      {unhex("83 07 f6 80"), CodeSimple},
		"hits as a map":     {unhex("83 07 f4 a0"), CodeType},
		"a long size":       {unhex("83 18 07 f4 80"), CodeNonMinimal},
		"no proof":          {unhex("83 07 f4 81 82 00 41 00"), CodeValue},
		"a proof of three":  {unhex("83 07 f4 81 83 00 41 00 83 a0 00 01"), CodeValue},
		"no array as proof": {unhex("83 07 f4 81 83 00 41 00 a0"), CodeType},
		"no statement":      {unhex("83 07 f4 81 83 00 40 84 a0 00 01 80"), CodeValue},
		"a short hash":      {unhex("83 07 f4 81 83 00 41 00 84 a0 00 01 81 41 00"), CodeValue},
		"beyond the size":   {change(func(a *RecordsAnswer) { a.Size = 11 }), CodeValue},
		"a negative entry":  {change(func(a *RecordsAnswer) { a.Hits[0].Entry = -1 }), CodeValue},
		"twice the same":    {change(func(a *RecordsAnswer) { a.Hits[2] = a.Hits[1] }), CodeValue},
		"not in order":      {change(func(a *RecordsAnswer) { a.Hits[0], a.Hits[1] = a.Hits[1], a.Hits[0] }), CodeValue},
		"too many":          {(&RecordsAnswer{Size: 1000, Hits: tooMany}).Encode(), CodeValue},
		"too long":          {make([]byte, MaxRecordsAnswer+1), CodeSize},
	} {
		if _, err := ParseRecordsAnswer(c.b); CodeOf(err) != c.code {
			t.Errorf("%s: %v, wanted %s", name, err, c.code)
		}
	}
	if _, err := ParseRecordsAnswer((&RecordsAnswer{Size: 1000, Hits: tooMany[1:]}).Encode()); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
}

// TestDeepestRecordInAnAnswer: a record that nests as deep as one may is found too.
func TestDeepestRecordInAnAnswer(t *testing.T) {
	deep := AppendInt(nil, 64) // a kept key of the record
	for range MaxDepth - 1 {
		deep = append(deep, 0x81)
	}
	b := must1(sampleRecord(0).Encode())
	record := append([]byte{b[0] + 1}, b[1:]...)
	record = append(append(record, deep...), 0)
	if _, err := ParseRecord(record); err != nil {
		t.Fatal(err)
	}
	hit := RecordHit{0, []byte{1}, &RecordProof{Record: record, Count: 1}}
	got, err := ParseRecordsAnswer((&RecordsAnswer{Size: 1, Hits: []RecordHit{hit}}).Encode())
	if err != nil || !bytes.Equal(got.Hits[0].Proof.Record, record) {
		t.Error(err)
	}
}

func FuzzParseRecordsAnswer(f *testing.F) {
	s := sampleBatch(AlgEdDSA, 1)
	hit := RecordHit{0, s.statement.Raw(), s.proof(0)}
	f.Add((&RecordsAnswer{Size: 2, Hits: []RecordHit{hit}}).Encode())
	f.Add((&RecordsAnswer{More: true}).Encode())
	q := ByID(s.header.recordID(0, s.records[0]))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ParseRecordsAnswer(b)
		if refused(t, err) {
			return
		}
		wantSame(t, b, a.Encode())
		for i := range a.Hits {
			_, id, err := a.Hits[i].Check(q)
			if !refused(t, err) && id != *q.ID {
				t.Fatalf("record %s is a hit", id)
			}
		}
	})
}

// TestCorrectionsAreHits: who asks for an issuer's corrections of a record gets
// them, and nobody else's; they are no children.
func TestCorrectionsAreHits(t *testing.T) {
	first := sampleBatch(AlgEdDSA, 1)
	wrong, previous := first.header.recordID(0, first.records[0]), first.statement.ID()
	record := corrects(t, must1(Reverse(wrong, 7, first.records[0], 1, "counted twice")))
	h := must1(NewBatch("acme", "us-east.1", 1, &previous, [][]byte{record}))
	s := must1(h.Sign(testKey(AlgEdDSA, "provider")))
	hit := RecordHit{9, s.Raw(), &RecordProof{Record: record, Count: 1}}
	if _, id, err := hit.Check(Corrections("acme", wrong)); err != nil || id != h.recordID(0, record) {
		t.Errorf("%s, %v", id, err)
	}
	for _, q := range []RecordQuery{ByID(wrong), ByID(wrong).Children(), Corrections("beta", wrong), Corrections("acme", previous)} {
		_, _, err := hit.Check(q)
		wantCode(t, err, CodeValue)
	}
}
