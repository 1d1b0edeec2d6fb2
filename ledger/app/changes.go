package app

import (
	"bytes"
	"fmt"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
)

// HandsOver reports whether the header of a height names other validators for the
// next one than its own. Its error is ErrNoHeight for a height without a signed
// header, ledger.ErrNotHere for one that is not here yet.
func (n *Node) HandsOver(height int64) (hands bool, err error) {
	release, err := n.use()
	if err != nil {
		return false, err
	}
	defer release()
	defer recoverEngine(&err, fmt.Sprintf("header %d", height))
	if meta := n.comet.BlockStore().LoadBlockMeta(height); meta != nil {
		return !bytes.Equal(meta.Header.ValidatorsHash, meta.Header.NextValidatorsHash), nil
	}
	pb, err := n.archived(height)
	if err != nil {
		return false, err
	}
	var block cmtproto.LightBlock
	if err := block.Unmarshal(pb); err != nil || block.SignedHeader == nil || block.SignedHeader.Header == nil {
		return false, fmt.Errorf("archived header %d cannot be read: %v", height, err)
	}
	h := block.SignedHeader.Header
	return !bytes.Equal(h.ValidatorsHash, h.NextValidatorsHash), nil
}
