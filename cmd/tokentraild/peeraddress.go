package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"tokentrail/verify/remote"
)

const (
	// maxJoined is how many nodes are asked by whoever joins: each becomes a peer.
	maxJoined = 32
	// maxPeerAddress bounds a peer's address, in bytes: a node id, a host name of 253
	// and a port take less.
	maxPeerAddress = 320
	// nodeIDDigits is how long a node's id is: 20 bytes in hex.
	nodeIDDigits = 40
)

// A peerError is a peer's address that is none.
type peerError struct{ text, what string }

// Error shows no more of the address than an address can have, and no control
// bytes.
func (e *peerError) Error() string {
	text := e.text
	if len(text) > maxPeerAddress {
		text = text[:maxPeerAddress] + "…"
	}
	return fmt.Sprintf("%q: %s; want node-id@host:port", text, e.what)
}

// errNoPeer: a node does not say where peers find it.
var errNoPeer = errors.New("its status names no address for peers")

// peerOf returns where peers connect to a node. One that listens everywhere is
// found where its HTTP is. What it says goes into the configuration, and is held to
// its form (SPEC(NOD-34)).
func peerOf(ctx context.Context, n *remote.Node) (string, error) {
	text, err := n.PeerAddress(ctx)
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", errNoPeer
	}
	u, err := url.Parse(n.URL())
	if err != nil {
		return "", err
	}
	return parsePeer(text, u.Hostname())
}

// parsePeer returns a peer's address, with the host given where it names none of its
// own; an address that is none is a *peerError.
func parsePeer(text, everywhere string) (string, error) {
	if len(text) > maxPeerAddress {
		return "", &peerError{text, fmt.Sprintf("it has %d bytes, at most %d are read", len(text), maxPeerAddress)}
	}
	id, address, ok := strings.Cut(text, "@")
	if !ok || !isNodeID(id) {
		return "", &peerError{text, fmt.Sprintf("it does not begin with a node's id, %d digits of lower-case hex", nodeIDDigits)}
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", &peerError{text, "behind the id there is no host:port"}
	}
	// Digits alone: ParseUint takes a sign nowhere, and 0 is no port.
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || port[0] == '0' {
		return "", &peerError{text, "its port is not a number from 1 to 65535"}
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = everywhere
	}
	if !isHost(host) {
		return "", &peerError{text, "its host is neither an IP address nor a host's name"}
	}
	return id + "@" + net.JoinHostPort(host, port), nil
}

// checkPeers says which value of --peer is no address of a peer.
func checkPeers(peers []string) error {
	for _, text := range peers {
		if _, err := parsePeer(text, ""); err != nil {
			return usageError{fmt.Errorf("--peer %w", err)}
		}
	}
	return nil
}

// isNodeID says whether text is a node's id.
func isNodeID(text string) bool {
	return len(text) == nodeIDDigits && strings.Trim(text, "0123456789abcdef") == ""
}

// isHost says whether text is an IP address, which means the same on every machine,
// or can be a host's name.
func isHost(text string) bool {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Zone() == ""
	}
	if len(text) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(text, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}
