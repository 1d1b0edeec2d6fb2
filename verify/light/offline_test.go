package light

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// One validator after the other: at heights 10 and 20 they hand over.
type relayed struct {
	genesis []byte
	sets    []*types.ValidatorSet
	keys    [][]ed25519.PrivKey
	t       *testing.T
}

func relay(t *testing.T) *relayed {
	r := &relayed{t: t}
	for i := range 4 {
		key := ed25519.GenPrivKeyFromSecret(fmt.Append(nil, "in turn ", i))
		r.keys = append(r.keys, []ed25519.PrivKey{key})
		r.sets = append(r.sets, types.NewValidatorSet([]*types.Validator{types.NewValidator(key.PubKey(), 1)}))
	}
	r.genesis = fmt.Appendf(nil, `{"genesis_time":%q,"chain_id":"c","initial_height":"1","validators":[{"pub_key":{"type":"tendermint/PubKeyEd25519","value":%q},"power":"1"}],"app_hash":""}`,
		start.Format(time.RFC3339), base64Of(r.keys[0][0].PubKey().Bytes()))
	return r
}

// block is signed by one validator and names another for the next height.
func (r *relayed) block(height int64, by, next int) []byte {
	return handover(r.t, height, r.sets[by], r.sets[next], r.sets[by], r.keys[by])
}

func (r *relayed) trust(raw []byte, period time.Duration) verify.Trust {
	b := mustRead(raw)
	return verify.Trust{Height: b.Height, Hash: provenance.Hash(b.Header.Hash()), Period: period}
}

// TestLead goes from genesis or a header to later validators, by headers alone.
func TestLead(t *testing.T) {
	r := relay(t)
	first, second := r.block(10, 0, 1), r.block(20, 1, 2)
	genesis := verify.Trust{}
	for name, c := range map[string]struct {
		trust   verify.Trust
		headers [][]byte
		others  [][]byte
		led     int64
		code    verify.Code // of Lead
		trouble error
		opens   []byte // then
		refused error
	}{
		"genesis, all the way":          {genesis, [][]byte{first, second}, nil, 2, "", nil, r.block(30, 2, 2), nil},
		"nothing to follow":             {genesis, nil, nil, 0, "", nil, r.block(30, 2, 2), ErrOtherValidators},
		"the first is missing":          {genesis, [][]byte{second}, nil, 0, verify.CodeValidators, ErrOtherValidators, r.block(30, 2, 2), ErrOtherValidators},
		"the last is missing":           {genesis, [][]byte{first}, nil, 1, "", nil, r.block(30, 2, 2), ErrOtherValidators},
		"an impostor":                   {genesis, [][]byte{r.block(10, 3, 3)}, nil, 0, verify.CodeValidators, ErrOtherValidators, r.block(30, 3, 3), ErrOtherValidators},
		"one who left":                  {genesis, [][]byte{first, second}, nil, 2, "", nil, r.block(15, 0, 0), ErrOtherValidators},
		"one of then":                   {genesis, [][]byte{first, second}, nil, 2, "", nil, r.block(15, 1, 1), nil},
		"in another order":              {genesis, [][]byte{first, second, r.block(5, 0, 0)}, nil, 2, verify.CodeHeaderHeight, nil, nil, nil},
		"two stories about one height":  {genesis, [][]byte{first, r.block(10, 0, 3)}, nil, 1, verify.CodeValidators, nil, nil, nil},
		"one that changes nothing":      {genesis, [][]byte{r.block(5, 0, 0), first, second}, nil, 3, "", nil, r.block(30, 2, 2), nil},
		"from the future":               {genesis, [][]byte{r.block(99_999, 0, 1)}, nil, 0, verify.CodeHeaderTime, nil, nil, nil},
		"garbage":                       {genesis, [][]byte{{1}}, nil, 0, verify.CodeHeaderForm, nil, nil, nil},
		"a header, all the way":         {r.trust(r.block(12, 1, 1), time.Hour), [][]byte{first, r.block(12, 1, 1), second}, nil, 2, "", nil, r.block(30, 2, 2), nil},
		"a header among the others":     {r.trust(r.block(25, 2, 2), time.Hour), [][]byte{first, second}, [][]byte{r.block(24, 2, 2), r.block(25, 2, 2)}, 0, "", nil, r.block(30, 2, 2), nil},
		"a header that hands over":      {r.trust(second, time.Hour), [][]byte{first, second}, nil, 1, "", nil, r.block(30, 2, 2), nil},
		"a header whatever genesis is":  {r.trust(r.block(12, 3, 3), time.Hour), nil, [][]byte{r.block(12, 3, 3)}, 0, "", nil, r.block(30, 3, 3), nil},
		"a header of another fork":      {r.trust(r.block(12, 3, 3), time.Hour), nil, [][]byte{r.block(12, 1, 1)}, 0, verify.CodeTrustHash, nil, nil, nil},
		"a header that expired":         {r.trust(r.block(12, 1, 1), time.Minute), [][]byte{r.block(12, 1, 1)}, nil, 0, "", verify.ErrExpired, nil, nil},
		"a header that cannot be read":  {r.trust(r.block(12, 1, 1), time.Hour), nil, [][]byte{{1}}, 0, "", errAny, nil, nil},
		"a header that is not there":    {r.trust(r.block(12, 1, 1), time.Hour), [][]byte{first}, nil, 0, "", errAny, r.block(30, 1, 1), errAny},
		"below the header":              {r.trust(r.block(12, 1, 1), time.Hour), [][]byte{r.block(12, 1, 1)}, nil, 1, "", nil, r.block(11, 1, 1), errAny},
		"another of the trusted height": {r.trust(r.block(12, 1, 1), time.Hour), [][]byte{r.block(12, 1, 1)}, nil, 1, "", nil, r.block(12, 1, 3), errAny},
	} {
		t.Run(name, func(t *testing.T) {
			v := Offline(c.trust, clock(30*time.Minute))
			if err := v.Start(context.Background(), r.genesis); err != nil {
				t.Fatal(err)
			}
			led, err := v.(verify.HeaderLeader).Lead(context.Background(), c.headers, c.others)
			if led != c.led || codeOf(err) != c.code || !meets(err, c.trouble) && c.code == "" {
				t.Errorf("%d led on, %v; wanted %d, %s %v", led, err, c.led, c.code, c.trouble)
			}
			if c.opens == nil {
				return
			}
			if h, err := v.Open(context.Background(), c.opens); !meets(err, c.refused) || (h == nil) == (err == nil) {
				t.Errorf("opened: %+v, %v, wanted %v", h, err, c.refused)
			}
		})
	}
}

var errAny = errors.New("any error")

func meets(err, want error) bool {
	if want == errAny {
		return err != nil
	}
	return errors.Is(err, want)
}
