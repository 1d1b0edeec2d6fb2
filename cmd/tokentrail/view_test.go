package main

import (
	"fmt"
	"testing"

	"tokentrail/provenance"
)

func TestViewIsAnObjectOfOurs(t *testing.T) {
	got := view(provenance.Usage{Finish: 5})
	if fmt.Sprint(got) != fmt.Sprint(object{{"input", int64(0)}, {"output", int64(0)}, {"finish", "cancelled"}}) {
		t.Errorf("%v", got)
	}
	line, err := oneLine(object{{"a<b", "c&d"}, {"e", []any{object{{"f", 1}}}}})
	if err != nil || string(line) != `{"a<b":"c&d","e":[{"f":1}]}`+"\n" {
		t.Errorf("%s %v", line, err)
	}
}
