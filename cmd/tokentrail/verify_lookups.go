package main

import (
	"fmt"
	"strconv"
)

// maxLookUps bounds the names of a kind that are looked up: what is remembered of
// them is 10 KiB each, at most.
const maxLookUps = 1000

// lookUps is how many names of each kind a node is asked for records by, as
// verify.Options has it: 0 for the default, less for none. SPEC(CLI-107)
type lookUps int

// String writes it as it is read.
func (n *lookUps) String() string {
	if *n < 0 {
		return "none"
	}
	return strconv.Itoa(int(*n))
}

// Set reads a number, or none.
func (n *lookUps) Set(text string) error {
	if text == "none" {
		*n = -1
		return nil
	}
	v, err := strconv.ParseUint(text, 10, 16)
	if err != nil || v > maxLookUps {
		return fmt.Errorf("wanted 0 to %d, or none", maxLookUps)
	}
	*n = lookUps(v)
	return nil
}

// Type is what help calls the value.
func (n *lookUps) Type() string { return "number" }
