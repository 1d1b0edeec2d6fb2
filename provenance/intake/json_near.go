package intake

import (
	"slices"
	"strings"
)

// near returns a hint at the names that one which is not known is likely meant
// to be, or "".
func near(name string, names []string) string {
	if len(name) > 64 {
		return ""
	}
	var meant []string
	for _, n := range names {
		a, b := bare(name), bare(n)
		if a == b || distance(a, b) <= min(2, len(b)/2) {
			meant = append(meant, "\""+n+"\"")
		}
	}
	if len(meant) == 0 || len(meant) > 3 {
		return ""
	}
	return "; did you mean " + strings.Join(meant, " or ") + "?"
}

// bare is a name without what writers differ in: case, hyphens, underscores.
func bare(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

// distance is the number of bytes to put in, take out or change that makes b of
// a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = slices.Min([]int{change, row[j+1] + 1, row[j] + 1})
		}
	}
	return row[len(b)]
}
