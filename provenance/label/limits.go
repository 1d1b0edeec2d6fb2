package label

import (
	"fmt"
	"io"
)

// The limits of SPEC(LBL-19), and those that follow from them.
const (
	maxFile     = 64 << 20 // bytes of a file that is held in memory: all but MP4
	maxMetadata = 1 << 20  // bytes of XMP, of front matter, of custom properties
	maxManifest = 16 << 20 // bytes of a C2PA manifest store
	maxNesting  = 32       // boxes in boxes
	maxPieces   = 100_000  // boxes, chunks or segments in a file

	maxPackets    = 16       // packets of XMP in a file
	maxAIGC       = 64 << 10 // bytes of an AIGC object
	maxXMPDepth   = 100      // elements in elements
	maxActions    = 10_000   // that a manifest claims
	maxBoxLabel   = 1000     // bytes of a JUMBF superbox's label
	maxGenerators = 100      // that a claim names
)

// readAll returns the bytes of a file, which must have as many as size says.
func readAll(f Format, src io.ReaderAt, size int64) ([]byte, error) {
	if size < 0 {
		return nil, malformed(f, "", -1, "its size is said to be %d bytes", size)
	}
	if size > maxFile {
		return nil, tooLarge(f, "", -1, "it has %d bytes; at most %d are read", size, maxFile)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(src, 0, size), b); err != nil {
		return nil, fmt.Errorf("read %d bytes of the %s file: %w", size, f, err)
	}
	return b, nil
}
