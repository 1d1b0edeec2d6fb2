package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"tokentrail/provenance"
)

// goldenBlocks is the number of blocks of a recorded history.
const goldenBlocks = 12

// goldenRuns are hashes over all results and app hashes of seeded histories
// without acts and equivocation, as the program gave them that knew neither
// (23 November 2026): what was admitted under the versions 1 and 2 stays what it
// was, to the number of each code. Only ever appended to.
var goldenRuns = []struct {
	rules int64
	seed  uint64
	hash  string
}{
	{1, 0, "417318fa0dfff882f229114d67c8702b6bb1f135f48ad2893ccfa785241e5a0c"},
	{1, 1, "809d673438e0fba0c26e038eb6665957970149c6024a1dcf9630357db4b3804f"},
	{1, 2, "8ecafa5496eb16a360ddc40672ad0a1f324619f3af0b37d745c26fa99244a35b"},
	{1, 3, "470814486df053e31c62f8105d5c3c3036f1db6078d6f402baa7dfceb18a12bd"},
	{1, 4, "33a1323e144d54d2cc7902c407e8bcdb9dde5dc43e666e0105aca991e8eb0dd8"},
	{1, 5, "8bc6789e5b1914157f05e769d2daf04ab6238307dd3325404bf3227e388660fd"},
	{1, 6, "fe8bc5c133408410417d66e7148a4f78ffc956cbfbba3b7e58348cf3e6aab870"},
	{1, 7, "6cf10b0704cf26eab2a72c11ba559a296c7458402a31fe2b919a0246b38c50fc"},
	{1, 8, "c92dc60362e09659172ec8ef3f2ec6a2281a24884de74eb5f1c2808e138dabfb"},
	{1, 9, "ff7c387478ce08968eb734e52dfe6b5508a376ff35cf22cac62e64f4a533b0c5"},
	{2, 0, "781b9223020d57dbf387a50e8e559a442896f7d3cf94de02113552926d3e225f"},
	{2, 1, "bde90902a16c4732df5addd558fe0a69d544c99e0f2b8a9221fd69608cf1af18"},
	{2, 2, "2f239780b86adf5004ea0ad19671a00984b9d27e365fde0b04e8e7f79e506431"},
	{2, 3, "6a622f8e0a3e492b50f3aea33e55b84e1fdd239a4fdda9f215f6ee5e42a1c7da"},
	{2, 4, "4a21f7dc1ce1b8a86a8f5684b659c5bfe8c3e0396cdf6df57d655c4b88a5714b"},
	{2, 5, "91953bd13b53cf5799f1a83dd8ea6514549e3bc31ee55db5f8c5306ff743cedf"},
	{2, 6, "a71116f1cb082bf60ef6774beaf3146279b3bf8963377a06b253a12e5ad97a9b"},
	{2, 7, "2603466e766da01d98d40d4310c8704b7b72523ebdcdd78afb268a5b304b3040"},
	{2, 8, "bc73e1bcc2f8c1034b752da85c03fde80f3a37d2d4ac13fe825f187b4d2cfed9"},
	{2, 9, "676632130b0636a84796babbf75f936e63e93615de078c243c6f5f853dd3c8c1"},
}

func TestOldLedgersGiveTheSame(t *testing.T) {
	for _, g := range goldenRuns {
		if got := goldenRun(t, g.rules, g.seed); got != g.hash {
			t.Errorf("rules %d seed %d: %s, wanted %s", g.rules, g.seed, got, g.hash)
		}
	}
}

// goldenRun applies a seeded history of statements, of which about a third are
// inadmissible in one way or another, and returns the hash over what became of
// them.
func goldenRun(t *testing.T, rules int64, seed uint64) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, uint64(rules)))
	policy := []string{"{}", `{"records":6}`, `{"record_bytes":60,"cells":3}`}[rng.IntN(3)]
	state := bytes.Replace(appStateOf(t, policy, "acme", "beta", "gamma"), []byte(`{"format":1,`), fmt.Appendf(nil, `{"format":1,"rules":%d,`, rules), 1)
	l := open(t, t.TempDir())
	if _, err := l.InitGenesis(state, testValidators(), "golden-1"); err != nil {
		t.Fatal(err)
	}
	writers := map[string]*writer{}
	var sent []*Checked
	sum := sha256.New()
	for height := int64(1); height <= goldenBlocks; height++ {
		var txs []*Checked
		for range rng.IntN(10) {
			txs = append(txs, goldenNext(t, rng, writers, sent))
			sent = append(sent, txs[len(txs)-1])
		}
		out, err := l.Apply(height, blockTime, txs)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range out.Results {
			_ = binary.Write(sum, binary.BigEndian, r.Code)
			_ = binary.Write(sum, binary.BigEndian, r.Index)
			sum.Write(r.ID[:])
			if r.Err == nil { // the writer of a refused one stays where it was
				h := txs[i].Submission().Statement.Header()
				w := writers[h.Issuer+"/"+h.Stream]
				w.sequence, w.previous = h.Sequence+1, new(r.ID)
			}
		}
		sum.Write(out.AppHash[:])
		if err := l.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// goldenNext makes the next statement of some stream, or something that is wrong.
func goldenNext(t *testing.T, rng *rand.Rand, writers map[string]*writer, sent []*Checked) *Checked {
	issuer := []string{"acme", "beta", "gamma"}[rng.IntN(3)]
	stream := fmt.Sprint("s", rng.IntN(3))
	w := writers[issuer+"/"+stream]
	if w == nil {
		w = newWriter(t, issuer, stream)
		writers[issuer+"/"+stream] = w
	}
	x := *w // of which build does not move the place
	records := x.records(1+rng.IntN(8), rng.IntN(30))
	damage := -1
	switch rng.IntN(15) {
	case 0:
		x.sequence += rng.Int64N(3)
	case 1:
		x.sequence, x.previous = max(0, x.sequence-1), nil
	case 2:
		x.key = signerOf("nobody")
	case 3:
		x.issuer = "nobody"
	case 4:
		records = append(records, chainRecords(t)...)
	case 5:
		damage = rng.IntN(200)
	case 6:
		if len(sent) > 0 {
			return again(t, sent[len(sent)-1:])[0]
		}
	}
	if x.sequence > 0 && x.previous == nil {
		x.previous = &provenance.Hash{1}
	}
	raw, _ := x.build(records)
	if damage >= 0 {
		raw[len(raw)-1-damage] ^= 4
	}
	c, _ := Check(raw)
	return c
}
