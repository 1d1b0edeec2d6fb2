// Command generate writes the test vectors of the specification. It shares no
// code with the packages that the vectors test: every byte is assembled here by
// hand, so that a bug there cannot bless itself.
//
// Run it in the directory spec/vectors:
//
//	go run ./generate         # write the files
//	go run ./generate -check  # compare them, write nothing
//
// The same source gives the same bytes: keys come from fixed seeds and ES256
// signatures from nonces derived from key and message.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// suites makes all vectors, by file name.
func suites() []*suite {
	return []*suite{
		recordSuite(), recordV2Suite(), leafSuite(), headerSuite(), batchSuite(), batchV2Suite(), keySuite(), keyTextSuite(),
		statementSuite(), frameSuite(), submissionSuite(), chainSuite(),
		recordProofSuite(), treeSuite(), inclusionSuite(), consistencySuite(), stateRootSuite(), stateProofSuite(),
		apphashSuite(), stateValueSuite(), receiptSuite(), checkpointSuite(), admissionSuite(),
		actPayloadSuite(), actSuite(), actJSONSuite(), actFileSuite(), equivocationSuite(), equivocationLeafSuite(), submissionTypeSuite(), genesisSuite(),
		admissionActSuite(), admissionEquivocationSuite(), admissionV3Suite(), admissionSequenceSuite(), admissionRoomSuite(),
		bundleSuite(), transparentSuite(), keptSuite(), forkSuite(),
	}
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "compare the files with what would be written, and write nothing")
	dir := flags.String("dir", ".", "directory of the vectors")
	if err := flags.Parse(args); err != nil {
		return 64
	}
	var names []string
	status := 0
	for _, s := range suites() {
		name := filepath.Join(*dir, s.Parser+".json")
		names = append(names, name)
		if *check {
			if old, err := os.ReadFile(name); err != nil || !bytes.Equal(old, s.file()) {
				fmt.Fprintf(stderr, "generate: %s is not what the generator writes; run it again\n", name)
				status = 1
			}
			continue
		}
		if err := os.WriteFile(name, s.file(), 0o644); err != nil {
			fmt.Fprintln(stderr, "generate:", err)
			return 1
		}
		positive := 0
		for _, v := range s.Vectors {
			if v.OK {
				positive++
			}
		}
		fmt.Fprintf(stdout, "%-20s %4d positive %4d negative\n", s.Parser+".json", positive, len(s.Vectors)-positive)
	}
	found, _ := filepath.Glob(filepath.Join(*dir, "*.json"))
	for _, f := range found {
		if !slices.Contains(names, f) {
			fmt.Fprintf(stderr, "generate: %s belongs to no suite\n", f)
			status = 1
		}
	}
	return status
}
