package inspect

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/profile"
)

// A labelClass is what came of a record's label under a profile. SPEC(VER-71)
type labelClass int

const (
	labelled labelClass = iota
	unlabelled
	failed
	unknown // nobody can tell whether the profile asks anything
	out     // it asks nothing
	labelClasses
)

// A labelVerdict is a class, and what a label fails by.
type labelVerdict struct {
	class labelClass
	fails string
}

// coverLabel holds a record to the profiles that are due where it goes.
// SPEC(VER-71)
func (in *Inspector) coverLabel(p *part, r *reader, i int) {
	using := r.using()
	if using == nil {
		return
	}
	group := labelGroup{provider: p.provider, model: r.modelName(), destination: using.Country}
	some := false
	for k := range in.profiles {
		profile := &in.profiles[k]
		due, known := in.opts.DueIn(profile, using)
		if known && !due {
			continue
		}
		some = true
		group.profile = profile.ID
		verdict := labelVerdict{class: unknown}
		if known {
			verdict = in.hold(r, k, p.provider)
		}
		p.sums.label(group, verdict.class)
		switch verdict.class {
		case unlabelled:
			p.find(codeOnly(verify.CodeLabelMissing), verify.CodeLabelMissing, i, "", say("a label: what goes to "+using.Country+" is to meet "+profile.ID, "none"))
		case failed:
			p.find(codeOnly(verify.CodeLabelFails), verify.CodeLabelFails, i, ".label", say("what goes to "+using.Country+" to meet "+profile.ID, verdict.fails))
		}
	}
	if !some {
		group.profile = ""
		class := unlabelled
		if r.fields[keyLabel] != nil {
			class = labelled
		}
		p.sums.label(group, class)
	}
}

// hold holds a record alone to a profile. What the profile looks at repeats from
// record to record, so that its verdict does.
func (in *Inspector) hold(r *reader, k int, issuer string) labelVerdict {
	p := &in.profiles[k]
	label := r.label()
	if label != nil && label.Explicit != nil && label.Explicit.LoggedUntil != nil {
		return in.ask(r, p, issuer) // depends on the record's time
	}
	r.key = append(r.key[:0], byte(k))
	if r.time >= in.since[k] {
		r.key[0] |= 0x80
	}
	r.key = appendBytes(r.key, r.fields[keyModel])
	r.key = appendContent(r.key, r.fields[keyContent])
	r.key = appendLabel(r.key, label)
	if v, ok := r.verdicts[string(r.key)]; ok {
		return v
	}
	v := in.ask(r, p, issuer)
	if len(r.verdicts) >= maxCached {
		clear(r.verdicts)
	}
	r.verdicts[string(r.key)] = v
	return v
}

// ask asks the profile itself.
func (in *Inspector) ask(r *reader, p *profile.Profile, issuer string) labelVerdict {
	record, err := r.record()
	if err != nil {
		return labelVerdict{class: unknown}
	}
	result := profile.Check(p, profile.Subject{Record: record, Issuer: issuer, At: record.Time})
	covers := len(p.Scope) == len(profile.Modalities()) || result.Modality != ""
	switch {
	case result.Verdict == profile.OutOf:
		return labelVerdict{class: out}
	case record.Label == nil && !covers:
		return labelVerdict{class: unknown}
	case record.Label == nil:
		return labelVerdict{class: unlabelled}
	case result.Verdict != profile.Fails:
		return labelVerdict{class: labelled}
	}
	for _, rule := range result.Rules {
		if rule.Outcome == profile.Failed && rule.Severity == profile.Must {
			return labelVerdict{failed, fmt.Sprintf("%s (%s): %s", rule.ID, rule.Clause, rule.Reason)}
		}
	}
	return labelVerdict{failed, "it fails"}
}

// inForceSince is the time from which a profile's law is in force.
func inForceSince(p *profile.Profile) int64 {
	since, err := time.Parse(time.DateOnly, p.Law.Since)
	if err != nil {
		return math.MinInt64 // of a standard there is none
	}
	return since.UnixMilli()
}

func appendBytes(key, b []byte) []byte {
	return append(binary.AppendUvarint(key, uint64(len(b))), b...)
}

// appendContent appends commitments without their values: 32 bytes under key 3.
func appendContent(key, item []byte) []byte {
	key = binary.AppendUvarint(key, uint64(len(item)))
	for i := 0; i < len(item); i++ {
		key = append(key, item[i])
		if i >= 2 && item[i] == 0x20 && item[i-1] == 0x58 && item[i-2] == 3 {
			i += provenance.HashSize
		}
	}
	return key
}

// appendLabel appends what profiles ask of a label: of what is another one in each
// record only whether it is there.
func appendLabel(key []byte, l *provenance.Label) []byte {
	if l == nil {
		return append(key, 0)
	}
	flag := func(v bool) {
		b := byte(0)
		if v {
			b = 1
		}
		key = append(key, b)
	}
	key = append(key, 1, byte(l.Status), byte(l.Extent), byte(l.Modality), byte(l.Oversight))
	for _, s := range []string{l.Producer, l.ProducerCode, l.System, l.Propagator, l.SourceType} {
		key = appendBytes(key, []byte(s))
	}
	flag(l.ContentID != "")
	flag(l.PropagateID != "")
	flag(l.Made != nil)
	flag(l.Seal != nil)
	key = appendBool(key, l.Editorial)
	key = appendInt(key, l.Marks)
	if e := l.Explicit; e != nil {
		key = append(key, 1, byte(e.Position), byte(e.Form))
		flag(e.Applied)
		key = appendBytes(key, []byte(e.Agreement))
		key = appendBool(key, e.Notified)
		key = appendInt(key, e.Height)
		key = appendInt(key, e.Shown)
	}
	return key
}

func appendBool(key []byte, v *bool) []byte {
	switch {
	case v == nil:
		return append(key, 0)
	case *v:
		return append(key, 2)
	}
	return append(key, 1)
}

func appendInt(key []byte, v *int64) []byte {
	if v == nil {
		return append(key, 0)
	}
	return binary.AppendVarint(append(key, 1), *v)
}
