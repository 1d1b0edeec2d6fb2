package inspect

import "strings"

// An accelerator is what one draws at most, in watts: the board power, TDP or TBP of
// the vendor's data sheet, of the greatest configuration under that name.
type accelerator struct {
	name  string // a type is this, or this and "-" and more
	watts int64
}

// accelerators are the types that are known (spec/verify.md VER-74). More specific
// names stand before those that they begin with.
var accelerators = [...]accelerator{
	{"nvidia-gb300", 1400}, {"nvidia-b300", 1400}, {"nvidia-gb200", 1200}, {"nvidia-b200", 1200}, {"nvidia-b100", 700},
	{"nvidia-gh200", 1000}, // its processor included
	{"nvidia-h200-nvl", 600}, {"nvidia-h200", 700}, {"nvidia-h100-nvl", 400}, {"nvidia-h100-pcie", 350}, {"nvidia-h100", 700},
	{"nvidia-a100-pcie", 300}, {"nvidia-a100", 500}, {"nvidia-a40", 300}, {"nvidia-a30", 165}, {"nvidia-a10", 150},
	{"nvidia-l40s", 350}, {"nvidia-l40", 300}, {"nvidia-l4", 72}, {"nvidia-t4", 70}, {"nvidia-v100", 450},
	{"amd-mi355x", 1400}, {"amd-mi350x", 1000}, {"amd-mi325x", 1000}, {"amd-mi300x", 750}, {"amd-mi300a", 760}, {"amd-mi250x", 560}, {"amd-mi250", 560},
	{"intel-gaudi3", 1200}, {"intel-gaudi2", 600},
}

// watts is the most that an accelerator of a type draws.
func (in *Inspector) watts(kind string) int64 {
	kind = strings.ToLower(kind)
	for _, a := range accelerators {
		if rest, is := strings.CutPrefix(kind, a.name); is && (rest == "" || rest[0] == '-') {
			return a.watts
		}
	}
	return in.opts.Watts
}
