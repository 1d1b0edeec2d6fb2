package label

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"
)

// stillBrands are the major brands of still images in the container of MP4
// (HEIF, AVIF, Canon raw): their labels are elsewhere.
var stillBrands = [...]string{"heic", "heix", "hevc", "heim", "heis", "mif1", "mif2", "msf1", "avif", "avis", "crx ", "jxl "}

// Detect tells a file's format by its first bytes. Markdown and plain text have
// no such bytes: .md and .markdown are Markdown, .txt and whatever else is UTF-8
// is plain text. The name is looked at for nothing else, nor opened.
func Detect(src io.ReaderAt, size int64, name string) (Format, error) {
	head := make([]byte, min(max(size, 0), 16))
	if _, err := src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the first %d bytes: %w", len(head), err)
	}
	if f := magic(string(head)); f != "" {
		return f, nil
	}
	switch strings.ToLower(path.Ext(strings.ReplaceAll(name, `\`, "/"))) {
	case ".md", ".markdown":
		return Markdown, nil
	case ".txt":
		return Text, nil
	}
	if size > 0 && size <= maxFile {
		b, err := readAll(Text, src, size)
		if err != nil {
			return "", err
		}
		if utf8.Valid(b) && !strings.ContainsRune(string(b), 0) {
			return Text, nil
		}
	}
	return "", unsupported("", "", -1, "not a kind of file that carries labels; those are PNG, JPEG, MP4, DOCX, Markdown (.md) and UTF-8 text")
}

// magic tells a format by a file's first bytes; empty where they are of none.
func magic(head string) Format {
	switch {
	case strings.HasPrefix(head, pngSignature):
		return PNG
	case strings.HasPrefix(head, "\xff\xd8\xff"):
		return JPEG
	case strings.HasPrefix(head, "PK\x03\x04"):
		return DOCX
	}
	if len(head) < 12 || head[4:8] != "ftyp" {
		return ""
	}
	for _, brand := range stillBrands {
		if head[8:12] == brand {
			return ""
		}
	}
	return MP4
}
