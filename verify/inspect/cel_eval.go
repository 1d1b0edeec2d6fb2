package inspect

import (
	"fmt"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"

	"tokentrail/provenance"
	"tokentrail/provenance/intake"
	"tokentrail/verify"
)

// view is a field as it is shown, as maps, lists and scalars. What repeats is made
// only once.
func (r *reader) view(key int, name string) (any, error) {
	r.key = append(append(r.key[:0], byte(key)), r.fields[key]...)
	if v, ok := r.views[string(r.key)]; ok {
		return v, nil
	}
	// A record with this field alone, and the two that are in each.
	alone := provenance.AppendMap(nil, 2)
	if key > keyTime {
		alone = provenance.AppendMap(nil, 3)
	}
	alone = append(provenance.AppendInt(alone, keyKind), r.fields[keyKind]...)
	alone = append(provenance.AppendInt(alone, keyTime), r.fields[keyTime]...)
	if key > keyTime {
		alone = append(provenance.AppendInt(alone, int64(key)), r.fields[key]...)
	}
	record, err := provenance.DecodeField[provenance.Record](alone)
	if err != nil {
		return nil, err
	}
	for _, m := range intake.RecordJSON(record) {
		if m.Name == name {
			v := native(m.Value)
			if len(r.views) >= maxCached {
				clear(r.views)
			}
			r.views[string(r.key)] = v
			return v, nil
		}
	}
	return nil, absentError(name)
}

// native makes maps of objects.
func native(shown any) any {
	switch v := shown.(type) {
	case intake.Object:
		m := make(map[string]any, len(v))
		for _, member := range v {
			m[member.Name] = native(member.Value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = native(v[i])
		}
		return list
	}
	return shown
}

// statementView is what rules can ask of a statement.
func statementView(s *provenance.UnverifiedStatement) map[string]any {
	h := s.Header()
	return map[string]any{
		"issuer": h.Issuer, "stream": h.Stream, "sequence": h.Sequence, "id": s.ID().String(), "kid": s.KID().String(),
		"count": int64(h.Count), "first": instant(h.First), "last": instant(h.Last),
	}
}

// ownRules looks at a record by the auditor's rules. SPEC(VER-75), SPEC(VER-76)
func (in *Inspector) ownRules(p *part, r *reader, i int, j *verify.Judged) {
	if in.opts.Rules == nil {
		return
	}
	if p.statement == nil {
		p.statement = statementView(j.Statement)
	}
	vars := map[string]any{"record": r, "statement": p.statement, "entry": map[string]any{"index": j.Entry, "record": int64(i)}}
	for k := range in.opts.Rules.list {
		rule := &in.opts.Rules.list[k]
		counts := p.sums.rule(k, len(in.opts.Rules.list))
		failed := func(err error) {
			counts.Errors++
			if counts.First == "" {
				counts.First = fmt.Sprintf("entries[%d].records[%d]: %.200s", j.Entry, i, err.Error())
			}
		}
		if rule.when != nil {
			if holds, err := eval(rule.when, vars); err != nil {
				failed(err)
				continue
			} else if !holds {
				continue
			}
		}
		counts.Asked++
		switch holds, err := eval(rule.expect, vars); {
		case err != nil:
			failed(err)
		case !holds:
			counts.Broken++
			p.find(rule.key(), verify.CodeRule, i, "", say(fmt.Sprintf("%s: %s", rule.ID, rule.Says), "false: "+rule.expression))
		}
	}
}

// eval runs an expression, which gives a boolean or an error.
func eval(program cel.Program, vars map[string]any) (bool, error) {
	v, _, err := program.Eval(vars)
	if err != nil {
		return false, err
	}
	holds, ok := v.(types.Bool)
	if !ok {
		return false, fmt.Errorf("it gave %s", v.Type().TypeName())
	}
	return bool(holds), nil
}

// ruleErrors says which rules could not be evaluated; empty where all could.
// SPEC(VER-76)
func (in *Inspector) ruleErrors() string {
	for i := range in.sums.rules {
		if r := &in.sums.rules[i]; r.Errors > 0 {
			return fmt.Sprintf("rule %s could not be evaluated for %d records, the first of them %s", r.ID, r.Errors, r.First)
		}
	}
	return ""
}
