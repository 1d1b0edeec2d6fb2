package intake

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"tokentrail/provenance"
)

// digestAlgorithm is SHA-256 among COSE's algorithms (ENC-36).
const digestAlgorithm = -16

const digestPrefix = "sha256:"

// digestText writes a digest with its algorithm in front.
func digestText(d provenance.Digest) string {
	if d.Algorithm != digestAlgorithm {
		return fmt.Sprintf("%d:%x", d.Algorithm, d.Value)
	}
	return digestPrefix + hex.EncodeToString(d.Value)
}

func parseDigest(s string) (provenance.Digest, error) {
	digits, ok := strings.CutPrefix(s, digestPrefix)
	value, err := lowerHex(digits)
	if !ok || err != nil || len(value) != provenance.HashSize {
		return provenance.Digest{}, fmt.Errorf("%s is no digest: wanted sha256: and 64 lower-case hex digits", cited(s))
	}
	return provenance.Digest{Algorithm: digestAlgorithm, Value: value}, nil
}

func lowerHex(s string) ([]byte, error) {
	if s != strings.ToLower(s) {
		return nil, errors.New("upper-case hex")
	}
	return hex.DecodeString(s)
}

// scaledText writes a scaled number so that mantissa and exponent can be read
// back: with a point where the exponent is below 0, else with the exponent.
func scaledText(s provenance.Scaled) string {
	if s.Exponent <= 0 {
		return s.String()
	}
	sign, digits := "", strconv.FormatInt(s.Mantissa, 10)
	if s.Mantissa < 0 {
		sign, digits = "-", digits[1:]
	}
	exponent := s.Exponent + int64(len(digits)) - 1
	if len(digits) > 1 {
		digits = digits[:1] + "." + digits[1:]
	}
	return sign + digits + "e" + strconv.FormatInt(exponent, 10)
}

// parseScaled reads what scaledText writes, and other ways to write the same
// number of places: "3.8e25", "38e24". Where whole digits go beyond 64 bits, the
// zeros at their end are the exponent.
func parseScaled(s string) (provenance.Scaled, error) {
	wrong := func(why string) (provenance.Scaled, error) {
		return provenance.Scaled{}, fmt.Errorf("%s is no decimal%s: wanted a string as \"0.7351\" or \"3.8e25\"", cited(s), why)
	}
	number, power, scientific := strings.Cut(s, "e")
	exponent := int64(0)
	if scientific {
		var err error
		if exponent, err = strconv.ParseInt(power, 10, 8); err != nil {
			return wrong("")
		}
	}
	unsigned := strings.TrimPrefix(number, "-")
	whole, fraction, point := strings.Cut(unsigned, ".")
	if !allDigits(whole) || point && !allDigits(fraction) || len(whole) > 1 && whole[0] == '0' {
		return wrong("")
	}
	exponent -= int64(len(fraction))
	digits := strings.TrimSuffix(number, unsigned) + whole + fraction
	mantissa, err := strconv.ParseInt(digits, 10, 64)
	if err != nil && !point {
		short := strings.TrimRight(digits, "0")
		exponent += int64(len(digits) - len(short))
		mantissa, err = strconv.ParseInt(short, 10, 64)
	}
	if err != nil || exponent < math.MinInt8 {
		return wrong(" that fits: its digits go beyond 64 bits, signed")
	}
	return provenance.Scaled{Mantissa: mantissa, Exponent: exponent}, nil
}

func allDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// parseInstant reads RFC 3339; what is finer than a millisecond is cut off.
func parseInstant(s string) (int64, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, fmt.Errorf("%s is no time: wanted RFC 3339, as \"2023-11-16T18:15:46.680Z\", or a number of milliseconds since 1970", cited(s))
	}
	return t.UnixMilli(), nil
}

// leastMillis is 1973-03-03T09:46:40Z, and in seconds the year 5138: a number
// below it is sooner a time in seconds than one in milliseconds.
const leastMillis = 100_000_000_000

// likelyMillis refuses a number that looks like seconds, which would stand in a
// record for a day of January 1970. SPEC(CLI-8)
func likelyMillis(n int64) error {
	switch {
	case n >= leastMillis:
		return nil
	case n >= leastMillis/1000:
		return fmt.Errorf("%d: this looks like seconds; give milliseconds, %d, or RFC 3339", n, n*1000)
	}
	return fmt.Errorf("%d: this is no number of milliseconds of 1973-03-03 or later; give an earlier time as RFC 3339, as \"1970-01-01T00:00:00Z\"", n)
}

// parseHour reads the hour of a cell.
func parseHour(s string) (int64, error) {
	ms, err := parseInstant(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s is no hour: wanted RFC 3339, as \"2023-11-16T18:00:00Z\"", cited(s))
	case ms%3_600_000 != 0:
		return 0, fmt.Errorf("%s is not on a whole hour", cited(s))
	}
	return ms / 3_600_000, nil
}

// textPrefix begins bytes that are given as text.
const textPrefix = "text:"

// parseBytes reads hex, or text where a field may be given so.
func parseBytes(s, field string) ([]byte, error) {
	wanted := "lower-case hex digits, two a byte"
	if mayBeText(field) {
		if text, ok := strings.CutPrefix(s, textPrefix); ok && text != "" {
			return []byte(text), nil
		}
		wanted += ", or text: and characters, as \"text:req-1\""
	}
	b, err := lowerHex(s)
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%s: wanted %s", cited(s), wanted)
	}
	return b, nil
}

// cited shows a piece of the input, cut where it is long.
func cited(s string) string { return fmt.Sprintf("%.80q", s) }
