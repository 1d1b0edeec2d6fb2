package api

import (
	"context"
	"encoding/base64"
	"encoding/hex"

	"tokentrail/provenance"
)

// maxChanges bounds the heights of one answer of /v1/validators/changes.
const maxChanges = 10_000

// Changes says where the validators changed.
type Changes interface {
	// ValidatorChanges returns the heights from the one given on, ascending and so
	// many at most, whose headers name other validators for the next height than
	// their own, as far as the chain is now. ledger.ErrNotHere where the headers
	// in between are not here, or not read, yet.
	ValidatorChanges(ctx context.Context, from int64, most int) ([]int64, error)
}

// A validatorView is a validator in an answer.
type validatorView struct {
	Address string `json:"address"`
	Key     string `json:"key"` // as KEY-2 has it
	Power   int64  `json:"power"`
}

func showValidator(v provenance.Validator) validatorView {
	// It may be no point of the curve, where genesis said so.
	return validatorView{hex.EncodeToString(v.Address()), "ed25519:" + base64.RawURLEncoding.EncodeToString(v.Key), v.Power}
}

// getValidators answers with the validators by the state map: the engine has them
// from the second block after (SPEC(GOV-17)).
func (a *api) getValidators(w *response, r *request) error {
	fresh(w)
	c, err := a.census(r.Context())
	if err != nil {
		return err
	}
	answer := struct {
		Format     int             `json:"format"`
		Height     int64           `json:"height"`
		Power      int64           `json:"power"` // of all
		Validators []validatorView `json:"validators"`
	}{Format: 1, Height: c.head.Height, Validators: []validatorView{}}
	for _, v := range c.validators {
		answer.Power += v.Power
		answer.Validators = append(answer.Validators, showValidator(v))
	}
	return writeJSON(w, answer)
}

// getChanges answers with the heights at which the validators handed over, hints
// for whoever follows them (SPEC(VER-28)).
func (a *api) getChanges(w *response, r *request) error {
	fresh(w)
	from, err := r.int("from", 1)
	if err != nil {
		return err
	}
	if from < 1 {
		return refuse(provenance.CodeValue, "from", "0, the first is 1")
	}
	if a.Changes == nil {
		return refuse(codeNotFound, "", "this node does not keep where validators changed; ask another")
	}
	heights, err := a.Changes.ValidatorChanges(r.Context(), from, maxChanges)
	if err != nil {
		return nodeFault(err)
	}
	if heights == nil {
		heights = []int64{}
	}
	return writeJSON(w, struct {
		Format  int     `json:"format"`
		Heights []int64 `json:"heights"`
	}{1, heights})
}
