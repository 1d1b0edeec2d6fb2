package provenance

import "testing"

func TestSmoke(t *testing.T) {
	for _, alg := range []int64{AlgEdDSA, AlgES256} {
		key, err := GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		var recs [][]byte
		for i := range 100 {
			r := &Record{Kind: Transfer, Time: 1700158546680 + int64(i)*60000, Model: &Model{Name: "m", Known: 1}, Usage: &Usage{Input: 10, Output: 3, CacheRead: new(int64(0))}, Serving: &Place{Country: "US", Known: 1}, Using: &Place{Country: "CN", Known: 1}, Side: new(Exporter), Parents: []Parent{{Issuer: "a", Ref: []byte{1}}, {ID: make([]byte, 32)}}}
			b, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			recs = append(recs, b)
		}
		h, err := NewBatch("acme", "s", 0, nil, recs)
		if err != nil {
			t.Fatal(err)
		}
		s, err := h.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		sub, err := NewSubmission(&s.UnverifiedStatement, recs)
		if err != nil {
			t.Fatal(err)
		}
		raw := sub.Encode()
		t.Logf("submission %d bytes, statement %d, cells %d", len(raw), len(s.Raw()), len(h.Totals))
		sub2, err := ParseSubmission(raw)
		if err != nil {
			t.Fatal(err)
		}
		_, tree, err := sub2.CheckRecords(FormatLimits())
		if err != nil {
			t.Fatal(err)
		}
		path, _ := tree.Path(7)
		p := &RecordProof{recs[7], 7, 100, path}
		p2, err := ParseRecordProof(p.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p2.Verify(h); err != nil {
			t.Fatal(err)
		}
		f, err := SealKey(key, []byte("passphrase"), DefaultKeyCost())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKey(f, []byte("passphrase")); err != nil {
			t.Fatal(err)
		}
	}
	nk, _ := GenerateKey(AlgEdDSA)
	pub, _ := NewPublicKey(nk.Public())
	rs := ReceiptSigner{"tokentrail/x/00", nk}
	b, err := rs.Sign(Hash{1}, Inclusion{1, 0, nil}, Anchor{Preimage{1, Hash{2}, Hash{3}}, []byte("lb")})
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseReceipt(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.VerifySignature(pub); err != nil {
		t.Fatal(err)
	}
}
