package provenance

import (
	"bytes"
	"testing"
)

// TestEntrySubmission: of each kind of entry the submission that it came from is made
// again, byte for byte, from the leaf and what stands in the place of records.
func TestEntrySubmission(t *testing.T) {
	sub, u, e := sampleBatch(AlgEdDSA, 1).submission, signedAct(sampleAct(), governor(0)), sampleEquivocation()
	batch, act, equivocation := sub.Encode(), EncodeActSubmission(u.Raw()), EncodeEquivocationSubmission(e)
	for _, c := range []struct{ leaf, frame, want []byte }{
		{sub.Statement.Raw(), sub.Frame, batch}, {u.Raw(), nil, act}, {e.Leaf(), e.Evidence(), equivocation},
	} {
		if got, err := EntrySubmission(c.leaf, c.frame); err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%x, wanted %x: %v", got, c.want, err)
		}
	}
	for _, c := range []struct {
		leaf, frame []byte
		code        Code
	}{
		{sub.Statement.Raw(), nil, CodeMissingField}, {u.Raw(), []byte{1}, CodeForbiddenField},
		{e.Leaf(), e.Evidence()[1:], CodeEnvelope}, {e.Leaf()[:40], e.Evidence(), CodeBinding}, {nil, nil, CodeMissingField},
	} {
		_, err := EntrySubmission(c.leaf, c.frame)
		wantCode(t, err, c.code)
	}
}
