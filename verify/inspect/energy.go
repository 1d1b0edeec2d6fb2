package inspect

import (
	"fmt"
	"math/bits"
	"slices"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// Boundaries that the use of accelerators bounds (spec/record.md, energy).
const (
	boundaryAccelerator = 1
	boundaryHost        = 2
)

// maxWatts bounds what an auditor may say that an accelerator draws: with as many
// milliseconds as an amount holds, the products stay within 128 bits.
const maxWatts = 1_000_000

// judgeEnergy looks at the energy of a record. SPEC(VER-74)
func (in *Inspector) judgeEnergy(p *part, r *reader, i int, policy *provenance.Policy) {
	row := p.sums.energy(p.provider)
	if r.fields[keyEnergy] == nil {
		row.Without++
		return
	}
	row.With++
	var values [4]int64
	if provenance.FieldIntegers(r.fields[keyEnergy], values[:]) != nil {
		return // the audit has decoded each record
	}
	drawn, boundary := values[1], values[3]
	if in.opts.Boundaries != nil && !slices.Contains(in.opts.Boundaries, boundary) {
		row.Boundary++
		p.find(codeOnly(verify.CodeEnergyBoundary), verify.CodeEnergyBoundary, i, ".energy.boundary",
			say(fmt.Sprintf("a boundary that is accepted, of %v", in.opts.Boundaries), fmt.Sprint(boundary)))
	}
	if want, got := in.above(r, drawn, policy); want != "" {
		row.Above++
		p.find(codeOnly(verify.CodeEnergyAbove), verify.CodeEnergyAbove, i, ".energy", say(want, got))
	}
	if boundary > boundaryHost || r.fields[keyAccelerators] == nil {
		return
	}
	row.Judged++
	if want, got := in.impossible(r, drawn, boundary); want != "" {
		row.Impossible++
		p.find(codeOnly(verify.CodeEnergyImpossible), verify.CodeEnergyImpossible, i, ".energy", say(want, got))
	}
}

// above holds energy against the tokens that it was for.
func (in *Inspector) above(r *reader, drawn int64, policy *provenance.Policy) (want, got string) {
	most := in.opts.EnergyMost
	if most == 0 && policy.Energy != nil {
		most = policy.Energy.Most
	}
	input, output, ok := r.tokens()
	tokens := uint64(input) + uint64(output)
	if most <= 0 || !ok || tokens == 0 || drawn <= 0 {
		return "", ""
	}
	if exceeds(wide(uint64(drawn), 1000), wide(uint64(most), tokens)) {
		return fmt.Sprintf("at most %d µWh for 1,000 tokens", most), fmt.Sprintf("%d µWh for %d tokens", drawn, tokens)
	}
	return "", ""
}

// impossible holds energy against what the accelerators could draw in their time. A
// µWh is 3.6 watt-milliseconds times 1,000: 3,600 µWs, or 3.6 mWs.
func (in *Inspector) impossible(r *reader, drawn, boundary int64) (want, got string) {
	devices := field[[]provenance.Accelerator](r, keyAccelerators)
	if devices == nil {
		return "", ""
	}
	duration, timed := int64(0), r.fields[keyDuration] != nil
	if timed {
		duration, _ = provenance.FieldInteger(r.fields[keyDuration])
	}
	var could number
	for _, d := range *devices {
		if timed && exceeds(wide(uint64(d.Milliseconds), 1), wide(uint64(d.Count), uint64(duration))) {
			return fmt.Sprintf("%d of %s used for %d ms at most, the record's duration, each", d.Count, d.Type, duration), fmt.Sprintf("%d ms in all", d.Milliseconds)
		}
		watts := in.watts(d.Type)
		if boundary == boundaryHost {
			watts *= hostFactor
		}
		could = could.plus(wide(uint64(d.Milliseconds), uint64(watts)))
	}
	// Watts × ms are mWs: ten of them against 36 for each µWh, so that both are whole.
	if exceeds(wide(uint64(max(drawn, 0)), 36), could.times(10)) {
		return fmt.Sprintf("at most %s µWh, what %s can draw in the time that they were used", could.times(10).per(36), deviceNames(*devices)), fmt.Sprintf("%d µWh", drawn)
	}
	return "", ""
}

// hostFactor is how much more than its accelerators a host draws at most: those on
// the market are at less than two (8 accelerators of 700 W in a host of 10.2 kW).
const hostFactor = 2

func deviceNames(devices []provenance.Accelerator) string {
	text := ""
	for i, d := range devices {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d × %s", d.Count, d.Type)
	}
	return text
}

// A number has 128 bits.
type number struct{ high, low uint64 }

func wide(a, b uint64) number {
	high, low := bits.Mul64(a, b)
	return number{high, low}
}

func (n number) plus(m number) number {
	low, carry := bits.Add64(n.low, m.low, 0)
	high, _ := bits.Add64(n.high, m.high, carry)
	return number{high, low}
}

func (n number) times(k uint64) number {
	product := wide(n.low, k)
	product.high += n.high * k
	return product
}

// per divides, for words.
func (n number) per(k uint64) string {
	if n.high == 0 {
		return fmt.Sprint(n.low / k)
	}
	return "more than 2^64 / " + fmt.Sprint(k)
}

func exceeds(n, m number) bool { return n.high > m.high || n.high == m.high && n.low > m.low }
