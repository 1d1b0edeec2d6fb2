package label

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"testing"
)

// A frozenFile is a file and the commitments to it. Values are only ever added:
// one that changes has broken commitments that are on ledgers.
type frozenFile struct {
	name, profile string
	file          []byte
	public, keyed string // the key is the bytes 00 to 1f
}

func (c frozenFile) format() Format {
	for _, f := range []Format{PNG, JPEG, MP4, Markdown, DOCX, Text} {
		if f.Profile() == c.profile {
			return f
		}
	}
	return ""
}

// chunk is a chunk of PNG, made without this package.
func chunk(kind, data string) string {
	return be32(uint32(len(data))) + kind + data + be32(crc32.ChecksumIEEE([]byte(kind+data)))
}

// app is a segment of JPEG.
func app(marker byte, body string) string {
	return "\xff" + string([]byte{marker}) + string(binary.BigEndian.AppendUint16(nil, uint16(2+len(body)))) + body
}

// frozen are the files. What an encoder might make otherwise some day is given
// byte for byte.
func frozen(t testing.TB) []frozenFile {
	t.Helper()
	video := func(name string) []byte {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const packet = `<rdf:RDF xmlns:rdf="` + nsRDF + `"/>`
	const pixel = "\x78\x9c\x63\x60\x60\x60\x00\x00\x00\x04\x00\x01"
	pngStart := pngSignature + chunk("IHDR", be32(1)+be32(1)+"\x08\x00\x00\x00\x00")
	png := pngStart + chunk("IDAT", pixel) + chunk("IEND", "")
	extras := pngStart + chunk("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00"+packet) + chunk("eXIf", "MM\x00*") + chunk("caBX", string(sampleStore())) +
		chunk("iTXt", "Comment\x00\x00\x00\x00\x00text") + chunk("IDAT", pixel) + chunk("tIME", "\x07\xea\x01\x01\x00\x00\x00") + chunk("IEND", "")
	scan := app(0xc0, "\x08\x00\x01\x00\x01\x01\x01\x11\x00") + app(0xda, "\x01\x01\x00\x00\x3f\x00") + "\x01\xff\x00\xff\xd0\x02"
	store, other := jpegXT(1, sampleStore(), 300), jpegXT(2, superbox("json", "other", box("json", []byte("{}"))), 100)
	jpeg := "\xff\xd8" + app(0xe0, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00") + scan + "\xff\xd9"
	rich := "\xff\xd8" + app(0xe1, "Exif\x00\x00MM\x00*") + "\xff\xff" + app(0xe1, jpegXMP+packet) + app(0xe1, jpegExtendedXMP+"x") +
		string(bytes.Join(append(store, other...), nil)) + app(0xee, "Adobe\x00\x64\x00\x00\x00\x00\x01") + "\xff\xff" + scan + app(0xe1, jpegXMP+"<b/>") + "\xff\xff\xd9trailer"
	text := "\ufeffe\u0301 \U0001f600\r\nline\rline\u00a0 \u200b" + spell(wrapped(sampleStore())) + "end\ufeff\n"
	notes := "\ufeff---\r\ntitle: \"x\"\r\nAIGC:\r\n  Label: '1'\r\n\r\n# note\r\n'DigitalSourceType': y\r\n# last\r\n...\r\n" + text
	parts := []docxPart{{"[Content_Types].xml", someTypes}, {"_rels/.rels", someRels}, {"word/document.xml", "<w/>"}}
	return []frozenFile{
		{"PNG", "png-1", []byte(png),
			"fd78aae171dc7089b26e057e0dacd4483a3147e59d8460f227f48237ac741a04", "740b61fb77c0d60c83ce742cc77a2c5b10ae93e73fe1fac5d0458069774fa482"},
		{"PNG with more", "png-1", []byte(extras),
			"f61a85c41fdb133848dd2950dd74a409becee31c82885572ae99918a585c44cd", "760f44a2c74bfe0fda290f037e2c23ea8bb63a336188cfd62136d695699b0429"},
		{"JPEG", "jpeg-1", []byte(jpeg),
			"5faa6fd8d80734711920d6251918f99cf364be464663d3b142545aaf523e81d0", "6b0f07dd702f0dddd658b7412d96d4e68a3eec8dfaf5b634b8527f3bb110184e"},
		{"JPEG with more", "jpeg-1", []byte(rich),
			"00eaa5ca59ba9cd45a080284d935702d6dca3563dda4698e723ecae69e5a4793", "26bb00c1d8788c31e410a0e8f6d095f93dde4c04771f5b88579b1b93f21751f1"},
		{"text", "text-1", []byte(text),
			"fc130b1f43e7f790085b6e0766b472a1d563bb0e6d456eb88fa1466a92736ac7", "83659604c58518d268a9e024546466f56e14b5b8ebb51a2e1995ea7f544facc3"},
		{"text to match", "text-match-1", []byte(text),
			"f4a9c516e3bf7af347f613d94be05201c72e19ba748437f1a8632577024e4500", "07959dcbb143911eac186a60ba05611c5e25c747ef598a5c6a867a2a120b53f3"},
		{"no text", "text-1", nil,
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "046e9406cdbf0ced6146dcbb53f4d39e8a9b25cbe5e6352a212ac14868942482"},
		{"Markdown", "markdown-1", []byte("# Title\n\ntext\n"),
			"93d69814787418d01ab787f251674c64f5547e17a602c7d3390bfb84a8c6f4d2", "587140f014bea872f31a94941906abe8967a08f0654fedd0fa3bfc7a0d51c38f"},
		{"Markdown with front matter", "markdown-1", []byte(notes),
			"ceaefaca0c0eed0beda0191b449178a431ea73395f4f96233d570defab8bdef2", "8780556503e8514cad4206175056ce6cb8fdeaea01d884a8e5fa494ea6fe5ca3"},
		{"Markdown of two", "markdown-1", []byte("---\nAIGC: {Label: '1'}\n---\n---\na: 1\n---\n"),
			"97a095385ff4fbcb85e8be17e71b10023212d8c8cda28facd3c27b760b305467", "b8d1d0ccf7c1d0fafa47b1edfbee2187d1c2d29c37fc6f64d9b1f5e1a0d8beec"},
		{"MP4", "mp4-1", video("first.mp4"),
			"8fc926de1c3a496f7e6b709141775986bd77f6ea0ac4d9947a63fe5832950671", "9766942a1acfb9314b93cf0db34e96a226e06ca02c01e007178ae83eabf152a5"},
		{"MP4 with tags", "mp4-1", video("tags.mp4"),
			"47e16f2dec8b9c01bee0016ab32d624575319d925fc21480b397a12d220f17fb", "6a21e3846831c9e608d841177bf49bb0e7fe7367c34d2fa40a139f868c5fed3a"},
		{"MP4 of fragments", "mp4-1", video("fragments-base.mp4"),
			"3195356ba8de4b53082e4f04e6719c6409638c774d3c0a9b689a29c967abf8ff", "ff8fad5400e618364c72bbe41dd502ad60e605c2989994caa2f43ccca800efad"},
		{"QuickTime", "mp4-1", video("quicktime.mov"),
			"50cda997ac02918e0d8470cdbd6b62aa64c5565498a30c424b20afe7de75c52a", "2a47175d9afa247544de12c1f58d77b94106b5ae8350fb28dd42c26684b3eca5"},
		{"DOCX", "docx-1", document(t, parts...),
			"e9b523362680de6f5def4d497bfe96708ebdc5be0c40bbed5c47c045c25b0d28", "02032dc29940b9da0cc7c3bdc398e8a827baf030496b5f7af43da6150c3c48f5"},
		{"DOCX with properties", "docx-1", customDocument(t, customHead+labelled(`{"Label":"1"}`)+client+"</Properties>"),
			"2a16f61c2aa1f4d1b38e4daf6df3f9f0df059818ee085fa6ffd9b20ed8750fa8", "0ae9f0af81bda1a979c61190d1cb0b0fa902f283c5fe23ab737669194d907f8a"},
		{"bytes", "", []byte(png),
			"fd78aae171dc7089b26e057e0dacd4483a3147e59d8460f227f48237ac741a04", "633b582ddf22eb982c976f40b9b478f775797fa2f903a968ac04e1163a3eebd6"},
	}
}

func TestFrozenCommitments(t *testing.T) {
	key, err := hex.DecodeString("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, c := range frozen(t) {
		used[c.profile] = true
		public, err := PublicCommitment(c.profile, bytes.NewReader(c.file), int64(len(c.file)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		keyed, err := KeyedCommitment(key, c.profile, bytes.NewReader(c.file), int64(len(c.file)))
		if err != nil || fmt.Sprintf("%x", public) != c.public || fmt.Sprintf("%x", keyed) != c.keyed {
			t.Errorf("%s: %x, %x, %v", c.name, public, keyed, err)
		}
		if f := c.format(); f != "" && f != Text {
			m := someMarks()
			m.BreakManifest = true
			file := writeTo(t, f, c.file, m)
			if again, err := PublicCommitment(c.profile, bytes.NewReader(file), int64(len(file))); err != nil || again != public {
				t.Errorf("%s: with a label %x, %v", c.name, again, err)
			}
		}
	}
	for _, profile := range Profiles() {
		if !used[profile] {
			t.Errorf("no value of %s is frozen", profile)
		}
	}
	if !slices.IsSorted(Profiles()) || strings.Join(Profiles(), " ") == "" {
		t.Error("the profiles have no order")
	}
}
