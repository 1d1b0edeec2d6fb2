package api

import (
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokentrail/ledger"
	"tokentrail/provenance"
)

// parseInt reads a decimal integer without sign or leading zero. name is that of
// the parameter, for the error. SPEC(API-2)
func parseInt(name, s string) (int64, error) {
	ok := s != "" && len(s) <= 19 && (s == "0" || s[0] != '0')
	for _, c := range []byte(s) {
		ok = ok && '0' <= c && c <= '9'
	}
	if ok {
		if v, err := strconv.ParseInt(s, 10, 64); err == nil {
			return v, nil
		}
	}
	return 0, refuse(provenance.CodeValue, name, "%.40q is not an integer from 0 to %d in decimal, without sign or leading zero", s, int64(math.MaxInt64))
}

// parseHash reads 64 lower-case hex digits.
func parseHash(s string) (h provenance.Hash, ok bool) {
	if len(s) != 2*provenance.HashSize || s != strings.ToLower(s) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(s))
	return h, err == nil
}

// An entryID names an entry: by its statement's id, or by its index.
type entryID struct {
	byID  bool
	id    provenance.Hash
	index int64
}

// parseID reads the {id} of a path.
func parseID(s string) (e entryID, err error) {
	if e.id, e.byID = parseHash(s); e.byID {
		return e, nil
	}
	if e.index, err = parseInt("id", s); err != nil {
		return e, refuse(provenance.CodeValue, "id", "%.80q is neither a statement id (64 hex digits in lower case) nor an index (decimal)", s)
	}
	return e, nil
}

// find returns the entry that the path's {id} names.
func find(s Snapshot, r *request) (*ledger.Entry, error) {
	id, err := parseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return id.find(s)
}

func (e entryID) find(s Snapshot) (*ledger.Entry, error) {
	index := e.index
	if e.byID {
		var err error
		if index, err = s.IndexOf(e.id); err != nil {
			return nil, nodeFault(err)
		}
	}
	entry, err := s.Entry(index)
	return entry, nodeFault(err)
}

// int reads an integer parameter; absent, it is otherwise.
func (r *request) int(name string, otherwise int64) (int64, error) {
	if !r.params.Has(name) {
		return otherwise, nil
	}
	return parseInt(name, r.params.Get(name))
}

// mustInt reads an integer parameter that has to be there.
func (r *request) mustInt(name string) (int64, error) {
	if !r.params.Has(name) {
		return 0, refuse(provenance.CodeMissingField, name, "the parameter must be given")
	}
	return parseInt(name, r.params.Get(name))
}

const maxLimit = 1000

// page reads from and limit.
func (r *request) page(first int64) (from, limit int64, err error) {
	if from, err = r.int("from", first); err != nil {
		return 0, 0, err
	}
	if from < first {
		return 0, 0, refuse(provenance.CodeValue, "from", "%d, the first is %d", from, first)
	}
	if limit, err = r.int("limit", maxLimit); err != nil {
		return 0, 0, err
	}
	if limit < 1 || limit > maxLimit {
		return 0, 0, refuse(provenance.CodeValue, "limit", "%d, wanted 1 to %d", limit, maxLimit)
	}
	return from, limit, nil
}

// list reads a parameter of values with commas between them, each once.
func (r *request) list(name string) ([]string, error) {
	if !r.params.Has(name) {
		return nil, nil
	}
	values := strings.Split(r.params.Get(name), ",")
	for i, v := range values {
		if v == "" {
			return nil, refuse(provenance.CodeValue, name, "a value is empty; wanted values with commas between them")
		}
		if slices.Contains(values[:i], v) {
			return nil, refuse(provenance.CodeValue, name, "%.40q stands twice", v)
		}
	}
	return values, nil
}

// named reads a list of names and returns what they name.
func named[T interface{ String() string }](r *request, param string, all ...T) ([]T, error) {
	values, err := r.list(param)
	var out []T
	for _, v := range values {
		i := slices.IndexFunc(all, func(t T) bool { return t.String() == v })
		if i < 0 {
			names := make([]string, len(all))
			for i := range all {
				names[i] = all[i].String()
			}
			return nil, refuse(provenance.CodeValue, param, "%.40q is not one of %s", v, strings.Join(names, ", "))
		}
		out = append(out, all[i])
	}
	return out, err
}

// time reads a moment in UTC; absent, it is zero.
func (r *request) time(name string) (time.Time, error) {
	if !r.params.Has(name) {
		return time.Time{}, nil
	}
	s := r.params.Get(name)
	t, err := time.Parse("2006-01-02T15:04:05Z", s)
	if err != nil || t.Unix() < 0 {
		return time.Time{}, refuse(provenance.CodeValue, name, "%.40q is not a time since 1970 in UTC such as 2023-11-16T18:00:00Z", s)
	}
	return t, nil
}
