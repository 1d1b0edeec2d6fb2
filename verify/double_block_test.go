package verify_test

import (
	"testing"

	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
)

// hashed makes a governed ledger whose headers have the hash of their blocks'
// transactions.
func hashed(t testing.TB) *ledger {
	return newLedgerWith(t, func(l *ledger, g *provenance.Genesis) {
		l.data = true
		twoOfThree(l, g)
	})
}

// transactions are the submissions that became entries, by the words of the
// specification. An entry that is nothing of the kind is its own transaction.
func transactions(entries []verify.Entry) types.Txs {
	txs := types.Txs{}
	for _, e := range entries {
		tx := types.Tx(e.Statement)
		switch kind, _ := provenance.LeafKindOf(e.Statement); {
		case kind == provenance.LeafAct:
			tx = appendBytes([]byte{0x82, 2}, e.Statement)
		case kind == provenance.LeafEquivocation && len(e.Frame) > 0:
			tx = append([]byte{0x83, 3}, e.Frame[1:]...)
		case kind == provenance.LeafStatement:
			tx = appendBytes(appendBytes([]byte{0x83, 1}, e.Statement), e.Frame)
		}
		txs = append(txs, tx)
	}
	return txs
}

// serveActs lists the acts from an entry on.
func (l *ledger) serveActs(from, limit int) []byte {
	b := []byte{}
	for _, e := range l.entries[min(from, len(l.entries)):] {
		if kind, _ := provenance.LeafKindOf(e.Statement); kind == provenance.LeafAct && limit > 0 {
			b = appendBytes(appendHead(append(b, 0x82), 0, e.Index), e.Statement)
			limit--
		}
	}
	return b
}
