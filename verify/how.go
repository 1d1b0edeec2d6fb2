package verify

import (
	"net/url"
	"regexp"
	"strings"
)

// places are what a finding's place can name that the way to see for oneself
// leaves open.
var places = []struct {
	at    *regexp.Regexp
	names []string // what its groups stand for
}{
	{regexp.MustCompile(`^entries\[(\d+)\]`), []string{"INDEX"}},
	{regexp.MustCompile(`^entries\[\d+\]\.records\[(\d+)\]`), []string{"RECORD"}},
	{regexp.MustCompile(`^headers\[(\d+)\]`), []string{"HEIGHT"}},
	{regexp.MustCompile(`^consistency\[(\d+):(\d+)\]`), []string{"FROM", "TO"}},
	{regexp.MustCompile(`^streams\[([^\]]+)\]$`), []string{"PROVIDER"}},
	{regexp.MustCompile(`^state\[([^\]]+)\]`), []string{"KEY"}},
	{regexp.MustCompile(`^records\?([a-z]+)=([^\[]+)`), []string{"NAME", "VALUE"}},
}

// filled puts what a place names into the way to see for oneself. SPEC(VER-22)
func filled(how, place string) string {
	for _, p := range places {
		m := p.at.FindStringSubmatch(place)
		if m == nil {
			continue
		}
		for i, name := range p.names {
			how = strings.ReplaceAll(how, name, url.QueryEscape(m[i+1]))
		}
	}
	return how
}
