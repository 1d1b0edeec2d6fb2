package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tokentrail/provenance"
)

// DecodeStatus reads the answer of /v1/status.
func DecodeStatus(b []byte) (*Status, error) {
	s := &Status{}
	if err := decodeJSON(b, s, "status"); err != nil {
		return nil, err
	}
	return s, checkFormat("status", s.Format)
}

// DecodeFlows reads the answer of /v1/flows.
func DecodeFlows(b []byte) (*FlowsAnswer, error) {
	f := &FlowsAnswer{}
	if err := decodeJSON(b, f, "flows"); err != nil {
		return nil, err
	}
	return f, checkFormat("flows", f.Format)
}

// MaxChanges bounds the heights in an answer of /v1/validators/changes.
const MaxChanges = 10_000

// DecodeChanges reads the answer of /v1/validators/changes: ascending heights,
// none below from.
func DecodeChanges(b []byte, from int64) ([]int64, error) {
	var answer struct {
		Heights []int64 `json:"heights"`
	}
	if err := decodeJSON(b, &answer, "changes of validators"); err != nil {
		return nil, err
	}
	if n := len(answer.Heights); n > MaxChanges {
		return nil, fmt.Errorf("changes of validators: %w: %d heights, at most %d are read", ErrAnswer, n, MaxChanges)
	}
	for i, h := range answer.Heights {
		if h < from || i > 0 && h <= answer.Heights[i-1] {
			return nil, fmt.Errorf("changes of validators: %w: heights[%d] is %d, wanted ascending heights from %d on", ErrAnswer, i, h, from)
		}
	}
	return answer.Heights, nil
}

func decodeJSON(b []byte, to any, what string) error {
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s: %w: %v", what, ErrAnswer, err)
	}
	return nil
}

// EncodeFlowsQuery returns how an answer repeats a query (spec/flows.md).
func EncodeFlowsQuery(q provenance.FlowQuery) FlowsQuery {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	return FlowsQuery{
		From: q.From, To: q.To, Since: at(q.Since), Until: at(q.Until),
		Kind: names(q.Kinds), Side: names(q.Sides), By: q.By,
	}
}

func names[T fmt.Stringer](values []T) []string {
	var out []string
	for _, v := range values {
		out = append(out, v.String())
	}
	return out
}

// repeats reports whether the answer is to the query.
func (q FlowsQuery) repeats(asked provenance.FlowQuery) bool {
	want := EncodeFlowsQuery(asked)
	return q.From == want.From && q.To == want.To && q.Since == want.Since && q.Until == want.Until &&
		slices.Equal(q.Kind, want.Kind) && slices.Equal(q.Side, want.Side) && slices.Equal(q.By, want.By)
}

func checkFormat(what string, format int64) error {
	if format != 1 {
		return fmt.Errorf("%s: %w: format %d, this version knows 1; use a newer one", what, ErrAnswer, format)
	}
	return nil
}
