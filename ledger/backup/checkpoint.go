package backup

import (
	"fmt"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	checkpointFormat = "tokentrail/backup/checkpoint/v1"
	// maxCheckpoint bounds a checkpoint as nodes hand it out: the frontier and four
	// messages of the engine beside it.
	maxCheckpoint = ledger.MaxFrontierBytes + 4*maxLightBlock + 64
)

// A Checkpoint is what a ledger can go on from: its state after a height, and what
// the engine has to know of that height and the next.
type Checkpoint struct {
	Raw        []byte // as nodes hand it out (SPEC(NOD-33)), with all that follows in it
	Frontier   *ledger.Frontier
	LightBlock []byte // of height Frontier.Head().Height + 1

	firstHeader int64 // the height of the backup's first light block
}

// Reading is how a backup's messages of the engine are read, which this package
// does not know. All of it must be there.
type Reading struct {
	// Founders returns the hash of the validators that a genesis document names.
	Founders func(genesis []byte) (provenance.Hash, error)
	// Header decodes a light block and refuses one that is not signed by its own
	// validators.
	Header func(lightBlock []byte) (Header, error)
	// Checkpoint decodes a checkpoint and refuses one whose parts do not belong
	// together.
	Checkpoint func(raw []byte) (*Checkpoint, error)
}

// writeCheckpoint adds a checkpoint's file (SPEC(NOD-61), SPEC(NOD-64)).
func writeCheckpoint(dir string, genesis provenance.Hash, c *Checkpoint) (name string, size int64, err error) {
	height := c.Frontier.Head().Height
	w, err := create(dir, fileName(checkpointPrefix, height))
	if err != nil {
		return "", 0, err
	}
	defer w.abandon()
	b := provenance.AppendInt(provenance.AppendArray(nil, 6), itemHead)
	b = provenance.AppendText(b, checkpointFormat)
	b = provenance.AppendInt(provenance.AppendBytes(b, genesis[:]), height)
	if err := w.write(sealItem(provenance.AppendInt(b, c.firstHeader))); err != nil {
		return "", 0, err
	}
	b = provenance.AppendInt(provenance.AppendArray(nil, 3), itemBody)
	if err := w.write(sealItem(provenance.AppendBytes(b, c.Raw))); err != nil {
		return "", 0, err
	}
	return w.name, w.bytes, w.close(provenance.AppendInt(provenance.AppendArray(nil, 2), itemEnd))
}

func readCheckpoint(dir string, genesis provenance.Hash, height int64, reading Reading) (*Checkpoint, error) {
	f, r, err := openFile(dir, fileName(checkpointPrefix, height))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r.begun(6, checkpointFormat, genesis, height)
	firstHeader := r.integer()
	r.check()
	if n, kind := r.begin(); r.err == nil && (n != 3 || kind != itemBody) {
		r.fail("an item of %d elements and kind %d is no checkpoint", n, kind)
	}
	raw := r.bytes(maxCheckpoint)
	r.check()
	if n, kind := r.begin(); r.err == nil && (n != 2 || kind != itemEnd) {
		r.fail("an item of %d elements and kind %d is not the end", n, kind)
	}
	r.end()
	if r.err != nil {
		return nil, r.err
	}
	c, _, err := openCheckpoint(raw, reading)
	if err == nil && c.Frontier.Head().Height != height {
		err = fmt.Errorf("its frontier is of height %d", c.Frontier.Head().Height)
	}
	if err != nil {
		return nil, &DamageError{r.name, 0, err.Error()}
	}
	c.firstHeader = firstHeader
	return c, nil
}

// openCheckpoint decodes a checkpoint and wants its light block to be that of the
// next height, with the frontier's app hash.
func openCheckpoint(raw []byte, reading Reading) (*Checkpoint, Header, error) {
	c, err := reading.Checkpoint(raw)
	if err != nil {
		return nil, Header{}, err
	}
	c.Raw = raw
	head := c.Frontier.Head()
	h, err := reading.Header(c.LightBlock)
	switch {
	case err != nil:
		return nil, h, fmt.Errorf("the light block behind height %d: %w", head.Height, err)
	case h.Height != head.Height+1:
		return nil, h, fmt.Errorf("the light block behind height %d is of height %d", head.Height, h.Height)
	case h.AppHash != head.AppHash:
		// SPEC(STA-4)
		return nil, h, fmt.Errorf("the header of height %d carries the app hash %s, the frontier has %s", h.Height, h.AppHash, head.AppHash)
	}
	return c, h, nil
}
