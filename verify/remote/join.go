package remote

import (
	"context"
	"encoding/json"
	"fmt"

	"tokentrail/verify"
)

// maxFrontier bounds a frontier with its light blocks (spec/node.md NOD-2,
// NOD-33).
const maxFrontier = 320 << 20

// Frontier returns what a node that joins begins with, as the node gives it.
func (n *Node) Frontier(ctx context.Context) ([]byte, error) {
	return n.get(ctx, maxFrontier, "/v1/frontier")
}

// PeerAddress returns where the node says that peers connect to it, as
// node-id@host:port; empty where it does not say.
func (n *Node) PeerAddress(ctx context.Context) (string, error) {
	b, err := n.get(ctx, maxSmall, "/v1/status")
	if err != nil {
		return "", err
	}
	var status struct {
		P2P string `json:"p2p"`
	}
	if err := json.Unmarshal(b, &status); err != nil {
		return "", fmt.Errorf("%w: %w", verify.ErrAnswer, err)
	}
	return status.P2P, nil
}
