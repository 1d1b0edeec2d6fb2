package api

import (
	"tokentrail/provenance"
)

// getActs answers with the log's acts from an entry on; with nothing where there are
// none, or none yet. Where they stand the totals know, which have passed every entry.
func (a *api) getActs(w *response, r *request) error {
	fresh(w)
	from, limit, err := r.page(0)
	if err != nil {
		return err
	}
	s, err := a.Log.Signed()
	if err != nil {
		return nodeFault(err)
	}
	if err := a.Totals.CatchUp(r.Context(), s); err != nil {
		return nodeFault(err)
	}
	w.Header().Set("Content-Type", cborSeqType)
	sent, count, size := 0, int64(0), s.Head().Size
	for _, index := range a.Totals.View().Bare(from) {
		if count == limit || index >= size {
			return nil
		}
		if err := r.Context().Err(); err != nil {
			return err
		}
		e, err := s.Entry(index)
		if err != nil {
			return nodeFault(err)
		}
		if e.Kind() != provenance.LeafAct {
			continue
		}
		if sent > 0 && sent+len(e.Statement) > entriesBytes {
			return nil
		}
		item := provenance.AppendInt(provenance.AppendArray(nil, 2), index)
		if _, err := w.Write(provenance.AppendBytes(item, e.Statement)); err != nil {
			return nil // the client is gone
		}
		sent, count = sent+len(e.Statement), count+1
	}
	return nil
}
