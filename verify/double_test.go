package verify_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	cmted "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/tmhash"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"

	"tokentrail/provenance"
	"tokentrail/verify"
	"tokentrail/verify/light"
	"tokentrail/verify/remote"
)

// A ledger is a node and its four validators, without an engine and without the
// code of the real ledger: it assembles headers, commits, proofs and answers by
// the specification. Tests tamper with what it serves, or with what it commits.
type ledger struct {
	t          testing.TB
	chainID    string
	genesis    []byte
	start      time.Time
	validators *types.ValidatorSet
	private    map[string]cmted.PrivKey // by address
	nodeKey    ed25519.PrivateKey
	keys       map[string]ed25519.PrivateKey // providers'

	state    map[string][]byte
	states   []map[string][]byte // after each height
	leaves   []provenance.Hash
	heads    []provenance.Preimage // after each height, from 0
	last     types.BlockID
	previous map[string]*provenance.Hash // ids of the streams' heads
	next     map[string]int64
	tweak    func(*types.Header)           // what the validators sign of the next headers
	signers  int                           // of the validators, from the first
	sets     map[int64]*types.ValidatorSet // that take over at a height
	govern   []ed25519.PrivateKey          // governors
	acts     map[string]int64              // of each provider, and "" of governance
	data     bool                          // headers have the hash of their blocks' transactions, else any
	txs      types.Txs                     // of the block that is being made

	// What is served.
	blocks  [][]byte
	entries []verify.Entry             // with their heights
	claim   func(e verify.Entry) int64 // of an entry's height; nil: the true one
	status  func(*verify.Status)
	answer  func(path string, b []byte) []byte // nil: as it is
	replay  map[string][]byte                  // answers given without thinking
}

func seed(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newLedger makes a ledger before its first block that nobody governs.
func newLedger(t testing.TB) *ledger { return newLedgerWith(t, func(*ledger, *provenance.Genesis) {}) }

// newLedgerWith makes a ledger before its first block, of a genesis that a test
// may change.
func newLedgerWith(t testing.TB, change func(*ledger, *provenance.Genesis)) *ledger {
	l := &ledger{
		t: t, chainID: "test-1", start: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		private: map[string]cmted.PrivKey{}, nodeKey: ed25519.NewKeyFromSeed(seed("node")),
		keys:     map[string]ed25519.PrivateKey{"acme": ed25519.NewKeyFromSeed(seed("acme")), "beta": ed25519.NewKeyFromSeed(seed("beta"))},
		previous: map[string]*provenance.Hash{}, next: map[string]int64{}, signers: 1000,
		sets: map[int64]*types.ValidatorSet{}, acts: map[string]int64{},
	}
	var vals []*types.Validator
	var registry []provenance.Validator
	doc := types.GenesisDoc{GenesisTime: l.start, ChainID: l.chainID, InitialHeight: 1, ConsensusParams: types.DefaultConsensusParams()}
	for i := range 4 {
		key := cmted.GenPrivKeyFromSecret(seed(fmt.Sprint("validator", i)))
		public := key.PubKey()
		l.private[public.Address().String()] = key
		vals = append(vals, types.NewValidator(public, 10))
		doc.Validators = append(doc.Validators, types.GenesisValidator{Address: public.Address(), PubKey: public, Power: 10})
		registry = append(registry, provenance.Validator{Type: "ed25519", Key: public.Bytes(), Power: 10})
	}
	l.validators = types.NewValidatorSet(vals)
	state := provenance.Genesis{Format: 1, RuleSet: provenance.RuleVersion, Policy: provenance.Policy{Records: 64}}
	for _, id := range slices.Sorted(maps.Keys(l.keys)) {
		public, err := provenance.NewPublicKey(l.keys[id].Public())
		check(t, err)
		state.Providers = append(state.Providers, provenance.GenesisProvider{ID: id, Name: id, Jurisdictions: []string{"US"}, Keys: []string{public.String()}})
	}
	change(l, &state)
	doc.AppState = []byte(mustJSON(t, state))
	raw, err := cmtjson.MarshalIndent(doc, "", "  ")
	check(t, err)
	l.genesis = raw
	l.state, err = state.State(registry)
	check(t, err)
	l.heads = []provenance.Preimage{{LogRoot: sha256.Sum256(nil), StateRoot: naiveState(l.state)}}
	l.states = []map[string][]byte{maps.Clone(l.state)}
	return l
}

func mustJSON(t testing.TB, v any) string {
	b, err := json.Marshal(v)
	check(t, err)
	return string(b)
}

// naiveState is the root of STA-1, straight from its words.
func naiveState(state map[string][]byte) provenance.Hash {
	var leaves []provenance.StateLeaf
	for key, value := range state {
		leaves = append(leaves, provenance.StateLeaf{KeyHash: sha256.Sum256([]byte(key)), ValueHash: sha256.Sum256(value)})
	}
	return subtree(leaves, 0)
}

func subtree(leaves []provenance.StateLeaf, depth int) provenance.Hash {
	if len(leaves) == 0 {
		return provenance.Hash{}
	}
	if len(leaves) == 1 {
		return leaves[0].Hash()
	}
	left, right := split(leaves, depth)
	return provenance.StateNode(subtree(left, depth+1), subtree(right, depth+1))
}

func split(leaves []provenance.StateLeaf, depth int) (left, right []provenance.StateLeaf) {
	for _, leaf := range leaves {
		if provenance.Bit(leaf.KeyHash, depth) == 0 {
			left = append(left, leaf)
		} else {
			right = append(right, leaf)
		}
	}
	return left, right
}

func naiveProof(state map[string][]byte, key string) *provenance.StateProof {
	var leaves []provenance.StateLeaf
	for k, value := range state {
		leaves = append(leaves, provenance.StateLeaf{KeyHash: sha256.Sum256([]byte(k)), ValueHash: sha256.Sum256(value)})
	}
	kh := provenance.Hash(sha256.Sum256([]byte(key)))
	p := &provenance.StateProof{}
	for depth := 0; len(leaves) > 1; depth++ {
		left, right := split(leaves, depth)
		if provenance.Bit(kh, depth) == 0 {
			p.Siblings = append(p.Siblings, subtree(right, depth+1))
			leaves = left
		} else {
			p.Siblings = append(p.Siblings, subtree(left, depth+1))
			leaves = right
		}
	}
	if len(leaves) == 1 {
		p.Leaf = &leaves[0]
	}
	return p
}

// records makes n transfer records.
func (l *ledger) records(n int, from, to string) [][]byte {
	var out [][]byte
	for i := range n {
		r := &provenance.Record{
			Kind: provenance.Transfer, Time: 1700158546680 + int64(i)*60000, Side: new(provenance.Exporter),
			Model:   &provenance.Model{Name: "llama-2-70b", Known: provenance.Asserted},
			Usage:   &provenance.Usage{Input: int64(100 + i), Output: int64(7 + i)},
			Serving: &provenance.Place{Country: from, Known: provenance.Asserted}, Using: &provenance.Place{Country: to, Known: provenance.Asserted},
		}
		b, err := r.Encode()
		check(l.t, err)
		out = append(out, b)
	}
	return out
}

// batch makes the next entry of a stream; change may spoil what is signed.
func (l *ledger) batch(issuer, stream string, records [][]byte, change ...func(*provenance.BatchHeader)) verify.Entry {
	key := issuer + "/" + stream
	h, err := provenance.NewBatch(issuer, stream, l.next[key], l.previous[key], records)
	check(l.t, err)
	for _, c := range change {
		c(h)
	}
	s, err := h.Sign(l.keys[issuer])
	check(l.t, err)
	id := s.ID()
	l.previous[key], l.next[key] = &id, h.Sequence+1
	return verify.Entry{Statement: s.Raw(), Frame: frameOf(l.t, issuer, records)}
}

// frameOf packs records, whatever a statement says of them.
func frameOf(t testing.TB, issuer string, records [][]byte) []byte {
	h, err := provenance.NewBatch(issuer, "s", 0, nil, records)
	check(t, err)
	s, err := h.Sign(ed25519.NewKeyFromSeed(seed("frame")))
	check(t, err)
	sub, err := provenance.NewSubmission(&s.UnverifiedStatement, records)
	check(t, err)
	return sub.Frame
}

// commit makes a block of the entries, whatever they are: the validators of a
// test sign everything.
func (l *ledger) commit(entries ...verify.Entry) {
	if l.data {
		l.txs = transactions(entries)
	}
	l.header()
	l.txs = nil
	for _, e := range entries {
		e.Index, e.Height = int64(len(l.leaves)), int64(len(l.blocks))
		l.leaves = append(l.leaves, provenance.LeafHash(e.Statement))
		l.entries = append(l.entries, e)
		l.apply(e)
	}
	l.handOver()
	l.heads = append(l.heads, provenance.Preimage{Size: int64(len(l.leaves)), LogRoot: l.tree(len(l.leaves)).Root(), StateRoot: naiveState(l.state)})
	l.states = append(l.states, maps.Clone(l.state))
}

func (l *ledger) tree(size int) *provenance.Tree {
	t := &provenance.Tree{}
	for _, leaf := range l.leaves[:size] {
		t.Append(leaf)
	}
	return t
}

// header signs the next header, which carries the app hash so far.
func (l *ledger) header() {
	h := l.nextHeader()
	if l.tweak != nil {
		l.tweak(h)
	}
	l.blocks = append(l.blocks, l.sign(h, l.signers))
}

func (l *ledger) nextHeader() *types.Header {
	height := int64(len(l.blocks)) + 1
	app := l.heads[len(l.heads)-1].AppHash()
	if set := l.sets[height]; set != nil {
		l.validators = set
	}
	next := l.validators
	if set := l.sets[height+1]; set != nil {
		next = set
	}
	empty := sha256.Sum256(nil)
	data := tmhash.Sum([]byte{byte(height)})
	if l.txs != nil {
		data = l.txs.Hash()
	}
	return &types.Header{
		Version: cmtversion.Consensus{Block: 11}, ChainID: l.chainID, Height: height,
		Time: l.start.Add(time.Duration(height-1) * time.Second), LastBlockID: l.last,
		LastCommitHash: empty[:], DataHash: data, ValidatorsHash: l.validators.Hash(), NextValidatorsHash: next.Hash(),
		ConsensusHash: empty[:], AppHash: app[:], LastResultsHash: empty[:], EvidenceHash: empty[:],
		ProposerAddress: l.validators.Validators[0].Address,
	}
}

// sign has the first n validators commit a header.
func (l *ledger) sign(h *types.Header, n int) []byte {
	l.last = types.BlockID{Hash: h.Hash(), PartSetHeader: types.PartSetHeader{Total: 1, Hash: tmhash.Sum([]byte("parts"))}}
	commit := &types.Commit{Height: h.Height, BlockID: l.last}
	for i, v := range l.validators.Validators {
		if i >= n {
			commit.Signatures = append(commit.Signatures, types.NewCommitSigAbsent())
			continue
		}
		vote := &types.Vote{Type: cmtproto.PrecommitType, Height: h.Height, BlockID: l.last, Timestamp: h.Time.Add(time.Second), ValidatorAddress: v.Address, ValidatorIndex: int32(i)}
		sig, err := l.private[v.Address.String()].Sign(types.VoteSignBytes(l.chainID, vote.ToProto()))
		check(l.t, err)
		vote.Signature = sig
		commit.Signatures = append(commit.Signatures, vote.CommitSig())
	}
	block := &types.LightBlock{SignedHeader: &types.SignedHeader{Header: h, Commit: commit}, ValidatorSet: l.validators}
	return encodeBlock(l.t, block)
}

func encodeBlock(t testing.TB, block *types.LightBlock) []byte {
	pb, err := block.ToProto()
	check(t, err)
	raw, err := pb.Marshal()
	check(t, err)
	return raw
}

func decodeBlock(t testing.TB, raw []byte) *types.LightBlock {
	block := decodeBlockOrNil(raw)
	if block == nil {
		t.Fatal("not a light block")
	}
	return block
}

func decodeBlockOrNil(raw []byte) *types.LightBlock {
	var pb cmtproto.LightBlock
	if pb.Unmarshal(raw) != nil {
		return nil
	}
	block, err := types.LightBlockFromProto(&pb)
	if err != nil {
		return nil
	}
	return block
}

// small is the ledger of most tests: three blocks, four entries of two
// providers in three streams, and the empty block that carries the app hash.
func small(t testing.TB) *ledger {
	l := newLedger(t)
	l.commit(l.batch("acme", "us", l.records(2, "US", "CN")))
	l.commit(l.batch("beta", "eu", l.records(3, "DE", "US")), l.batch("acme", "us", l.records(1, "US", "IN")))
	l.commit(l.batch("acme", "jp", l.records(2, "JP", "US")))
	l.commit() // empty
	return l
}

func (l *ledger) origin() string { return provenance.Origin(l.chainID, sha256.Sum256(l.genesis)) }

// height is the newest whose app hash a header carries.
func (l *ledger) height() int { return len(l.blocks) - 1 }

func (l *ledger) head() provenance.Preimage { return l.heads[l.height()] }

// handle answers a request by spec/api.md; nil is 404.
func (l *ledger) handle(u *url.URL) []byte {
	b, known := l.replay[u.RequestURI()]
	if !known {
		b = l.honest(u)
	}
	if l.answer != nil && b != nil {
		return l.answer(u.RequestURI(), b)
	}
	return b
}

func (l *ledger) honest(u *url.URL) []byte {
	q := func(name string) int { n, _ := strconv.Atoi(u.Query().Get(name)); return n }
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	switch {
	case u.Path == "/v1/status":
		return l.serveStatus()
	case u.Path == "/v1/genesis":
		return l.genesis
	case u.Path == "/v1/headers":
		b := []byte{}
		for h := q("from"); h < q("from")+q("limit") && h <= len(l.blocks); h++ {
			b = appendBytes(b, l.blocks[h-1])
		}
		return b
	case u.Path == "/v1/validators/changes":
		return l.serveChanges(int64(q("from")))
	case u.Path == "/v1/entries":
		b := []byte{}
		for i := q("from"); i < q("from")+q("limit") && i < len(l.entries); i++ {
			b = l.appendEntry(b, l.entries[i])
		}
		return b
	case u.Path == "/v1/acts":
		return l.serveActs(q("from"), q("limit"))
	case u.Path == "/v1/state":
		key := u.Query().Get("key")
		state := l.states[l.height()]
		b := append([]byte{0x84}, l.head().Encode()...)
		b = appendHead(b, 0, int64(l.height()+1))
		return append(appendBytes(b, state[key]), naiveProof(state, key).Encode()...)
	case u.Path == "/v1/flows":
		return l.serveFlows(u.Query())
	case u.Path == "/v1/records":
		return l.serveRecords(u.Query())
	case u.Path == "/checkpoint":
		b, err := provenance.Checkpoint{Origin: l.origin(), Size: l.head().Size, Root: l.head().LogRoot}.Sign(l.nodeKey)
		check(l.t, err)
		return b
	case u.Path == "/.well-known/scitt-keys":
		public, err := provenance.NewPublicKey(l.nodeKey.Public())
		check(l.t, err)
		return provenance.EncodeKeySet(public)
	case u.Path == "/proof/inclusion":
		path, err := l.tree(q("size")).Path(int64(q("index")))
		check(l.t, err)
		return (&provenance.Inclusion{Size: int64(q("size")), Index: int64(q("index")), Path: path}).Encode()
	case u.Path == "/proof/consistency":
		return l.serveConsistency(q("from"), q("to"))
	case len(parts) == 3 && parts[1] == "providers":
		return l.serveProvider(parts[2], u.Query().Get("after"))
	case parts[0] == "entries" && len(parts) > 1 && len(parts[1]) == 64:
		return l.serveByID(parts[1], parts[2:])
	case len(parts) == 2 && parts[0] == "entries":
		return l.serveReceipt(parts[1])
	case len(parts) == 3 && parts[2] == "statement":
		i, _ := strconv.Atoi(parts[1])
		return l.entries[i].Statement
	case len(parts) == 4 && parts[2] == "records":
		return l.serveRecord(parts[1], parts[3])
	}
	return nil
}

func (l *ledger) serveStatus() []byte {
	head := l.head()
	s := verify.Status{
		Format: 1, ChainID: l.chainID, Origin: l.origin(), GenesisHash: sha256.Sum256(l.genesis), Height: int64(l.height()),
		LogSize: head.Size, LogRoot: head.LogRoot, StateRoot: head.StateRoot, AppHash: head.AppHash(),
	}
	if l.status != nil {
		l.status(&s)
	}
	return []byte(mustJSON(l.t, s))
}

func (l *ledger) serveFlows(values url.Values) []byte {
	q := provenance.FlowQuery{From: values.Get("from"), To: values.Get("to")}
	if by := values.Get("by"); by != "" {
		q.By = strings.Split(by, ",")
	}
	flows, err := provenance.NewFlows(q)
	check(l.t, err)
	size := int(l.head().Size)
	for _, e := range l.entries[:min(size, len(l.entries))] {
		s, err := provenance.ParseStatement(e.Statement)
		if err != nil {
			continue
		}
		for i := range s.Header().Totals {
			flows.Add(s.Header().Issuer, &s.Header().Totals[i])
		}
	}
	return []byte(mustJSON(l.t, verify.FlowsAnswer{
		Format: 1, Origin: l.origin(), LogSize: l.head().Size, AppHash: l.head().AppHash(),
		Query: verify.EncodeFlowsQuery(q), TotalRows: int64(flows.Len()), Rows: flows.Rows(),
	}))
}

// serveConsistency builds the path of RFC 9162 section 2.1.4.1 from its words.
func (l *ledger) serveConsistency(from, to int) []byte {
	p := &provenance.Consistency{Older: int64(from), Newer: int64(to), Path: []provenance.Hash{}}
	if from > 0 && from < to {
		p.Path = subproof(from, l.leaves[:to], true)
	}
	return p.Encode()
}

func subproof(m int, d []provenance.Hash, whole bool) []provenance.Hash {
	if m == len(d) {
		if whole {
			return nil
		}
		return []provenance.Hash{rootOf(d)}
	}
	k := 1
	for k*2 < len(d) {
		k *= 2
	}
	if m <= k {
		return append(subproof(m, d[:k], whole), rootOf(d[k:]))
	}
	return append(subproof(m-k, d[k:], false), rootOf(d[:k]))
}

func rootOf(leaves []provenance.Hash) provenance.Hash {
	t := &provenance.Tree{}
	for _, leaf := range leaves {
		t.Append(leaf)
	}
	return t.Root()
}

func (l *ledger) serveReceipt(id string) []byte {
	i, err := strconv.Atoi(id)
	if err != nil || i >= len(l.entries) {
		return nil
	}
	head := l.head()
	path, err := l.tree(int(head.Size)).Path(int64(i))
	check(l.t, err)
	entry, err := provenance.EntryID(l.entries[i].Statement)
	if err != nil {
		return nil
	}
	b, err := provenance.ReceiptSigner{Origin: l.origin(), Key: l.nodeKey}.Sign(entry,
		provenance.Inclusion{Size: head.Size, Index: int64(i), Path: path},
		provenance.Anchor{Preimage: head, LightBlock: l.blocks[l.height()]})
	check(l.t, err)
	return b
}

func (l *ledger) serveRecord(entry, record string) []byte {
	i, _ := strconv.Atoi(entry)
	j, _ := strconv.Atoi(record)
	s, err := provenance.ParseStatement(l.entries[i].Statement)
	if err != nil {
		return nil
	}
	h := s.Header()
	records, err := provenance.ExpandRecords(l.entries[i].Frame, h.Count, provenance.FormatLimits())
	if err != nil {
		return nil
	}
	tree := &provenance.Tree{}
	for k, r := range records {
		tree.Append(provenance.RecordID(h.Issuer, h.Stream, h.Sequence, k, r))
	}
	path, err := tree.Path(int64(j))
	check(l.t, err)
	return (&provenance.RecordProof{Record: records[j], Index: int64(j), Count: int64(h.Count), Path: path}).Encode()
}

func appendHead(b []byte, major byte, n int64) []byte {
	switch {
	case n < 24:
		return append(b, major<<5|byte(n))
	case n < 1<<8:
		return append(b, major<<5|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major<<5|25), uint16(n))
	}
	return binary.BigEndian.AppendUint32(append(b, major<<5|26), uint32(n))
}

func appendBytes(b, s []byte) []byte { return append(appendHead(b, 2, int64(len(s))), s...) }

// appendEntry encodes an entry with its height, or the claim that a test makes.
func (l *ledger) appendEntry(b []byte, e verify.Entry) []byte {
	if l.claim != nil {
		e.Height = l.claim(e)
	}
	parts := byte(0x84)
	if e.Height == 0 {
		parts = 0x83
	}
	b = appendHead(append(b, parts), 0, e.Index)
	b = appendBytes(appendBytes(b, e.Statement), e.Frame)
	if e.Height != 0 {
		b = appendHead(b, 0, e.Height)
	}
	return b
}

// RoundTrip makes the ledger a transport, so that the whole way from HTTP
// answers to the report is tested without sockets.
func (l *ledger) RoundTrip(r *http.Request) (*http.Response, error) {
	b := l.handle(r.URL)
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Request: r, ContentLength: int64(len(b)), Body: io.NopCloser(bytes.NewReader(b))}
	if coding := r.Header.Get("Accept-Encoding"); coding == "zstd" {
		resp.Header.Set("Content-Encoding", coding)
	}
	if b == nil {
		resp.StatusCode = 404
		resp.Header.Set("Content-Type", "application/concise-problem-details+cbor")
		resp.Body = io.NopCloser(strings.NewReader("\xa2\x20\x69Not Found\x21\x69not-found"))
	}
	return resp, nil
}

func (l *ledger) node() *remote.Node {
	n, err := remote.New("http://ledger.test", remote.Options{Client: &http.Client{Transport: l}, Retries: -1})
	check(l.t, err)
	return n
}

func (l *ledger) options() verify.Options {
	now := l.start.Add(time.Hour)
	return verify.Options{Now: func() time.Time { return now }, Seed: [32]byte{1}, Workers: 1, Patience: -1, LookUps: 2}
}

// audit audits the ledger from genesis; trust may name more.
func (l *ledger) audit(trust ...verify.Trust) *verify.Report {
	return l.auditWith(l.options(), trust...)
}

func (l *ledger) auditWith(o verify.Options, trust ...verify.Trust) *verify.Report {
	tr := verify.Trust{Genesis: new(provenance.Hash(sha256.Sum256(l.genesis)))}
	if len(trust) > 0 {
		tr = trust[0]
	}
	return light.Audit(context.Background(), l.node(), tr, o)
}

// at is the trust in the header of a height.
func (l *ledger) at(height int) verify.Trust {
	hash := decodeBlock(l.t, l.blocks[height-1]).Header.Hash()
	return verify.Trust{Height: int64(height), Hash: provenance.Hash(hash), Period: 90 * 24 * time.Hour}
}
