package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

const (
	jsonType = "application/json"
	// entriesBytes is about how much an answer of /v1/entries holds.
	entriesBytes = 8 << 20
	maxStateKey  = 512 // bytes; the longest of SPEC(STA-3) is shorter
)

// status is the answer of /v1/status. SPEC(API-3)
type status struct {
	Format      int             `json:"format"`
	ChainID     string          `json:"chain_id"`
	Origin      string          `json:"origin"`
	GenesisHash provenance.Hash `json:"genesis_hash"`
	Height      int64           `json:"height"` // the newest whose app hash a signed header carries
	LogSize     int64           `json:"log_size"`
	LogRoot     provenance.Hash `json:"log_root"`
	StateRoot   provenance.Hash `json:"state_root"`
	AppHash     provenance.Hash `json:"app_hash"`
	CatchingUp  bool            `json:"catching_up"`
	Header      *headerHash     `json:"header,omitempty"`  // that carries the app hash
	P2P         string          `json:"p2p,omitempty"`     // where peers connect
	History     *missingHistory `json:"history,omitempty"` // entries that are not here yet
}

// getStatus says where the ledger is.
func (a *api) getStatus(w *response, _ *request) error {
	fresh(w)
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	h := s.Head()
	return writeJSON(w, status{
		Format: 1, ChainID: a.ChainID, Origin: a.origin, GenesisHash: a.genesisHash,
		Height: h.Height, LogSize: h.Size, LogRoot: h.LogRoot, StateRoot: h.StateRoot, AppHash: h.AppHash,
		CatchingUp: a.Engine.CatchingUp(),
		Header:     a.trustHeader(h.Height), P2P: a.Joining.P2P, History: a.missing(),
	})
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return nodeError{err}
	}
	return write(w, jsonType, append(b, '\n'))
}

// getHealth says whether the node takes submissions.
func (a *api) getHealth(w *response, _ *request) error {
	fresh(w)
	if err := a.ready(); err != nil {
		return err
	}
	if _, err := a.Log.Signed(); err != nil {
		return nodeFault(err)
	}
	return write(w, "text/plain; charset=utf-8", []byte("ok"))
}

// getGenesis answers with the genesis document, whose hash is in the origin.
func (a *api) getGenesis(w *response, r *request) error {
	if immutable(w, r, a.genesisHash.String()) {
		return nil
	}
	return write(w, jsonType, a.Genesis)
}

// getHeaders answers with the light blocks of consecutive heights; with nothing
// where the first of them is yet to come.
func (a *api) getHeaders(w *response, r *request) error {
	fresh(w)
	from, limit, err := r.page(1)
	if err != nil {
		return err
	}
	count := min(limit, a.Headers.LatestSigned()+1-from)
	w.Header().Set("Content-Type", cborSeqType)
	for height := from; height < from+count; height++ {
		block, err := a.Headers.LightBlock(height)
		if err != nil {
			return nodeFault(fmt.Errorf("signed header %d: %w", height, err))
		}
		if _, err := w.Write(provenance.AppendBytes(nil, block)); err != nil {
			return nil // the client is gone
		}
	}
	return nil
}

// getEntries answers with consecutive entries; with nothing where the first of
// them is yet to come.
func (a *api) getEntries(w *response, r *request) error {
	fresh(w)
	from, limit, err := r.page(0)
	if err != nil {
		return err
	}
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	count := min(limit, s.Head().Size-from)
	w.Header().Set("Content-Type", cborSeqType)
	sent := int64(0)
	for index := from; index < from+count; index++ {
		e, err := s.Entry(index)
		if err != nil {
			return nodeFault(err)
		}
		size := int64(len(e.Statement)) + e.FrameBytes
		if sent > 0 && sent+size > entriesBytes {
			return nil
		}
		sent += size
		item, err := encodeEntry(s, e)
		if err != nil {
			return err
		}
		if _, err := w.Write(item); err != nil {
			return nil // the client is gone
		}
	}
	return nil
}

// encodeEntry returns [index, statement, records frame, height].
func encodeEntry(s Snapshot, e *ledger.Entry) ([]byte, error) {
	frame, err := s.EntryFrame(e)
	if err != nil {
		return nil, nodeFault(err)
	}
	b := make([]byte, 0, len(e.Statement)+len(frame)+40)
	b = provenance.AppendInt(provenance.AppendArray(b, 4), e.Index)
	b = provenance.AppendBytes(provenance.AppendBytes(b, e.Statement), frame)
	return provenance.AppendInt(b, e.Height), nil
}

// getState answers with a value of the state map and its proof.
func (a *api) getState(w *response, r *request) error {
	fresh(w)
	key := r.params.Get("key")
	if key == "" || len(key) > maxStateKey {
		return refuse(provenance.CodeValue, "key", "wanted a key of 1 to %d bytes", maxStateKey)
	}
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	head := s.Head()
	value, _ := s.State(key) // no value of the state is empty: empty says absent
	b := append(provenance.AppendArray(nil, 4), head.Preimage().Encode()...)
	// SPEC(STA-4): the header of the next height carries the app hash.
	b = provenance.AppendInt(b, head.Height+1)
	b = provenance.AppendBytes(b, value)
	// SPEC(STA-2)
	return write(w, cborType, append(b, s.StateProof(key).Encode()...))
}
