package verify_test

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// sampled is where a walk over much begins, and its stride: all of it with
// TOKENTRAIL_SOAK, else one of so many, others in each run: by TOKENTRAIL_SEED or
// the clock. Whoever finds something by it says where.
func sampled(t testing.TB, stride int) (from, every int) {
	t.Helper()
	if os.Getenv("TOKENTRAIL_SOAK") != "" {
		return 0, 1
	}
	if testing.Short() {
		stride *= 4
	}
	seed, err := strconv.ParseUint(os.Getenv("TOKENTRAIL_SEED"), 10, 64)
	if err != nil {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("one of %d, from TOKENTRAIL_SEED=%d on; all with TOKENTRAIL_SOAK=1", stride, seed)
	return int(seed % uint64(stride)), stride
}
