package provenance

import (
	"bytes"
	"crypto/ed25519"
	"testing"
)

// A fuzz test for each parser of bytes from outside. What holds of all: nothing
// panics, an error has a code, what is accepted encodes to itself again.

// seed adds the vectors of the given files, where they are not long.
func seed(f *testing.F, parsers ...string) {
	f.Helper()
	for _, file := range vectorFiles(f) {
		for _, p := range parsers {
			if file.Parser != p {
				continue
			}
			for _, v := range file.Vectors {
				if b := v.input(); len(b) <= 4096 {
					f.Add(b)
				}
			}
		}
	}
}

// refused reports whether err refuses, and holds it to having a code.
func refused(t *testing.T, err error) bool {
	if err != nil && CodeOf(err) == "" {
		t.Fatalf("an error without a code: %v", err)
	}
	return err != nil
}

func wantSame(t *testing.T, in, out []byte) {
	if !bytes.Equal(in, out) {
		t.Fatalf("%x encodes again as %x", in, out)
	}
}

func FuzzParseRecord(f *testing.F) {
	seed(f, "record", "record_v2", "leaf")
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecord(b)
		if refused(t, err) {
			return
		}
		if !oracleAccepts(b) {
			t.Fatal("not in the one encoding")
		}
		out, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if !hasKept(b) {
			wantSame(t, b, out)
		}
		if h, err := NewBatch("acme", "s", 0, nil, [][]byte{b}); err != nil || h.Count != 1 {
			t.Fatalf("no batch of it: %v", err)
		}
	})
}

// FuzzRulesOnlyAdd: SPEC(ADM-16). What version 1 admits says the same under all
// later ones, so that a record is read without asking at which height it came.
func FuzzRulesOnlyAdd(f *testing.F) {
	seed(f, "record", "record_v2", "leaf")
	f.Fuzz(func(t *testing.T, b []byte) {
		first, err := examine(b, nil, 1)
		if refused(t, err) {
			return
		}
		if newest, err := examine(b, nil, RuleVersion); err != nil || newest != first || first.corrects != nil || first.Kind > newestKindV1 {
			t.Fatalf("%+v under version 1, under %d %+v, %v", first, RuleVersion, newest, err)
		}
	})
}

func FuzzParseBatchHeader(f *testing.F) {
	seed(f, "header", "batch", "batch_v2")
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseBatchHeader(b)
		if refused(t, err) {
			return
		}
		if !oracleAccepts(b) {
			t.Fatal("not in the one encoding")
		}
		if out := must1(h.Encode()); !hasKept(b) {
			wantSame(t, b, out)
		}
	})
}

func FuzzParseStatement(f *testing.F) {
	seed(f, "statement")
	key := publicOf(testKey(AlgEdDSA, "a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseStatement(b)
		if refused(t, err) {
			return
		}
		wantSame(t, b, s.Raw())
		wantSame(t, b, must1(EmptyUnprotected(b)))
		if _, err := s.Verify(key); err == nil {
			t.Fatal("it verifies under a key that never signed it")
		} else {
			refused(t, err)
		}
	})
}

func FuzzEmptyUnprotected(f *testing.F) {
	seed(f, "statement", "receipt")
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := EmptyUnprotected(b)
		if refused(t, err) {
			return
		}
		again, err := EmptyUnprotected(out)
		if err != nil {
			t.Fatalf("what was emptied is refused: %v", err)
		}
		wantSame(t, out, again)
	})
}

func FuzzParseSubmission(f *testing.F) {
	seed(f, "submission")
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ParseSubmission(b)
		if refused(t, err) {
			return
		}
		wantSame(t, b, s.Encode())
		records, tree, err := s.CheckRecords(FormatLimits())
		if refused(t, err) {
			return
		}
		if len(records) != s.Statement.Header().Count || tree.Root() != s.Statement.Header().Root {
			t.Fatal("the records are not those of the header")
		}
	})
}

func FuzzCleanSubmission(f *testing.F) {
	seed(f, "submission")
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := CleanSubmission(b)
		if refused(t, err) {
			return
		}
		wantSame(t, out, must1(CleanSubmission(out)))
		if _, err := ParseSubmission(b); err == nil {
			wantSame(t, b, out)
		}
	})
}

func FuzzFrame(f *testing.F) {
	seed(f, "frame")
	f.Fuzz(func(t *testing.T, b []byte) {
		size, err := frameSize(b)
		if refused(t, err) {
			return
		}
		out, err := expandFrame(b, 1<<16)
		if !refused(t, err) && int64(len(out)) != size {
			t.Fatalf("%d bytes, %d stated", len(out), size)
		}
		_, err = ExpandRecords(b, 3, FormatLimits())
		refused(t, err)
	})
}

func FuzzParseRecordProof(f *testing.F) {
	seed(f, "record_proof")
	h := sampleBatch(AlgEdDSA, 5).header
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseRecordProof(b)
		if refused(t, err) {
			return
		}
		wantSame(t, b, p.Encode())
		_, err = p.Verify(h)
		refused(t, err)
	})
}

func FuzzParsePreimage(f *testing.F) {
	seed(f, "apphash")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePreimage(b)
		if !refused(t, err) {
			wantSame(t, b, p.Encode())
		}
	})
}

func FuzzParseInclusion(f *testing.F) {
	seed(f, "inclusion")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseInclusion(b)
		if refused(t, err) {
			return
		}
		wantSame(t, b, p.Encode())
		refused(t, p.Verify(hashOf("root"), hashOf("leaf")))
	})
}

func FuzzParseConsistency(f *testing.F) {
	seed(f, "consistency")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseConsistency(b)
		if refused(t, err) {
			return
		}
		wantSame(t, b, p.Encode())
		refused(t, p.Verify(hashOf("a"), hashOf("b")))
	})
}

func FuzzParseStateProof(f *testing.F) {
	seed(f, "state_proof")
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseStateProof(b)
		if refused(t, err) {
			return
		}
		wantSame(t, b, p.Encode())
		if p.Present(hashOf("root"), "rules", nil) == nil || p.Absent(hashOf("root"), "rules") == nil {
			t.Fatal("it leads to a root that is the hash of something else")
		}
	})
}

func FuzzParseReceipt(f *testing.F) {
	seed(f, "receipt")
	s, sample, key := sampleReceipt()
	f.Add(sample.raw)
	pub := publicOf(key)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseReceipt(b)
		if refused(t, err) {
			return
		}
		refused(t, r.Check(sample.Origin, &s.statement.UnverifiedStatement))
		if r.VerifySignature(pub) == nil && (r.Statement != sample.Statement || r.Anchor.Preimage.LogRoot != sample.Anchor.Preimage.LogRoot) {
			t.Fatal("a signature that was never made")
		}
	})
}

func FuzzParseKeySet(f *testing.F) {
	f.Add(EncodeKeySet(publicOf(testKey(AlgEdDSA, "a")), publicOf(testKey(AlgES256, "b"))))
	f.Add(EncodeKeySet())
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := ParseKeySet(b)
		if !refused(t, err) {
			wantSame(t, b, EncodeKeySet(keys...))
		}
	})
}

func FuzzParsePublicKeyCOSE(f *testing.F) {
	seed(f, "key")
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := ParsePublicKeyCOSE(b)
		if refused(t, err) {
			return
		}
		wantSame(t, b, key.COSE())
		wantSame(t, b, must1(ParsePublicKey(key.String())).COSE())
	})
}

func FuzzParsePublicKey(f *testing.F) {
	seed(f, "key_text")
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := ParsePublicKey(string(b))
		if !refused(t, err) {
			wantSame(t, b, []byte(key.String()))
		}
	})
}

func FuzzKeyFile(f *testing.F) {
	for _, alg := range algorithms() {
		file := must1(SealKey(testKey(alg, "a"), passphrase, cheap()))
		f.Add(file)
		f.Add(must1(pemBytes(file)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, file := range [][]byte{b, inPEM(b)} {
			_, err := KeyFilePublic(file)
			refused(t, err)
			w, ad, err := parseKeyFile(file)
			if refused(t, err) {
				continue
			}
			if !oracleAccepts(ad) || len(w.Salt) != 16 || w.Cost.check() != nil {
				t.Fatalf("accepted: %+v, associated %x", w, ad)
			}
		}
	})
}

func FuzzCheckpoint(f *testing.F) {
	seed(f, "checkpoint")
	key := testKey(AlgEdDSA, "node").(ed25519.PrivateKey)
	c := Checkpoint{"tokentrail/x/00", 20, hashOf("root")}
	f.Add([]byte(c.String()))
	f.Add(must1(c.Sign(key)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := ParseCheckpoint(string(b)); !refused(t, err) {
			wantSame(t, b, []byte(got.String()))
		}
		got, err := OpenCheckpoint(b, c.Origin, key.Public().(ed25519.PublicKey))
		if !refused(t, err) && *got != c {
			t.Fatalf("opened, and never signed: %v", got)
		}
	})
}

func FuzzParseGenesis(f *testing.F) {
	f.Add([]byte(sampleGenesis()))
	f.Add([]byte(`{"format": 1, "policy": {}}`))
	f.Add([]byte(`{"format": 1, "rules": 2, "governance": {"threshold": 1, "keys": ["` + publicOf(testKey(AlgEdDSA, "a")).String() + `"]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := ParseGenesis(b)
		if refused(t, err) {
			return
		}
		state, want := must1(g.State(nil)), 2+len(g.Providers)
		if g.Governance != nil {
			want++
		}
		if len(state) != want {
			t.Fatalf("%d values, wanted %d", len(state), want)
		}
	})
}

func FuzzParseStateValue(f *testing.F) {
	seed(f, "state_value")
	f.Add(must1(EncodeStateValue(*samplePolicy())))
	f.Add(must1(EncodeStateValue(Governance{1, ascendingKeys(coseOf(AlgEdDSA, "a"), coseOf(AlgES256, "b")), 3})))
	f.Add(must1(EncodeStateValue(StreamHead{Status: StreamClosed, Closed: new(int64(5))})))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzStateValue[Rules](t, b)
		fuzzStateValue[Policy](t, b)
		fuzzStateValue[Provider](t, b)
		fuzzStateValue[StreamHead](t, b)
		fuzzStateValue[Validator](t, b)
		fuzzStateValue[Governance](t, b)
	})
}

func fuzzStateValue[T StateValue](t *testing.T, b []byte) {
	v, err := ParseStateValue[T](b)
	if refused(t, err) {
		return
	}
	if out := must1(EncodeStateValue(v)); !hasKept(b) {
		wantSame(t, b, out)
	}
}
