package ledger

import (
	"fmt"
	"maps"
	"time"

	"tokentrail/provenance"
)

// view is the state as one admission after another sees it: a tree, and what the
// entries admitted so far have changed. Admission (SPEC(ADM-1)) is a function of
// the view, which has height and block time, and the submission. Owned by one
// goroutine.
type view struct {
	tree    stateTree
	changes map[string][]byte // by key, nil where removed; only looked up, and sorted before they are used
	changed int               // bytes of the values in changes
	size    int64             // of the log: the next entry's index
	chainID string
	height  int64 // of the block
	time    int64 // of the block, ms; before consensus that of the last one

	rules    int64 // the version that holds at height
	governed bool  // the state map has governance
	policy   provenance.Policy
	limits   provenance.Limits // by rules and policy

	providers map[string]*provenance.Provider // decoded, by id; they are not changed

	// registry finds what many values of the state say together; it is asked for
	// by acts alone. added is what the entries so far have put into it.
	registry func() (*registry, error)
	added    registryChange
}

// newView reads rules and policy for the block at height, whose time is
// blockTime, and refuses rules that this code does not know. Its error is no
// refusal: the node cannot go on.
func newView(tree stateTree, size, height int64, blockTime time.Time) (*view, error) {
	v := &view{
		tree: tree, changes: map[string][]byte{}, size: size, height: height, time: blockTime.UnixMilli(),
		providers: map[string]*provenance.Provider{},
		registry:  func() (*registry, error) { return newRegistry(tree) },
	}
	rules, err := rulesOf(tree)
	if err != nil {
		return nil, err
	}
	if err := checkRules(rules, height); err != nil {
		return nil, err
	}
	v.rules = rules.VersionAt(height)
	_, v.governed = tree.get(provenance.StateGovernance)
	policy, _, err := stateValue[provenance.Policy](tree, provenance.StatePolicy)
	v.setPolicy(policy)
	return v, err
}

// view returns the view of the block that follows the snapshot.
func (s *Snapshot) view(blockTime time.Time) (*view, error) {
	v, err := newView(s.tree, s.head.Size, s.head.Height+1, blockTime)
	if err != nil {
		return nil, err
	}
	v.chainID, v.registry = s.chainID, s.registryOf
	return v, nil
}

func rulesOf(tree stateTree) (provenance.Rules, error) {
	rules, ok, err := stateValue[provenance.Rules](tree, provenance.StateRules)
	if err == nil && !ok {
		err = fmt.Errorf("the ledger has no genesis yet")
	}
	return rules, err
}

// checkRules wants the rules that hold at a height to be known.
func checkRules(rules provenance.Rules, height int64) error {
	version := rules.VersionAt(height)
	if provenance.KnownRules(version) {
		return nil
	}
	return &RulesError{Version: version, From: max(rules.From, 0)} // SPEC(ADM-16)
}

// setPolicy takes in what the policy is now.
func (v *view) setPolicy(p provenance.Policy) { v.policy, v.limits = p, p.Limits(v.rules) }

// get returns what stands under a key as the entries so far have left it.
func (v *view) get(key string) ([]byte, bool) {
	if b, changed := v.changes[key]; changed {
		return b, b != nil
	}
	return v.tree.get(key)
}

// stateGetter is a state map, or part of one.
type stateGetter interface {
	get(key string) ([]byte, bool)
}

// stateValue decodes what stands under key; false where nothing does.
func stateValue[T provenance.StateValue](state stateGetter, key string) (value T, ok bool, err error) {
	b, ok := state.get(key)
	if !ok {
		return value, false, nil
	}
	value, err = provenance.ParseStateValue[T](b)
	if err != nil {
		err = damaged("state", key, "%v", err)
	}
	return value, true, err
}

// setState puts a value under key among changes.
func setState[T provenance.StateValue](changes map[string][]byte, key string, value T) error {
	b, err := provenance.EncodeStateValue(value)
	if err != nil {
		return fmt.Errorf("encode the state's %s: %w", key, err)
	}
	changes[key] = b
	return nil
}

// provider returns a registered provider, nil where there is none. It is not to
// be changed.
func (v *view) provider(id string) (*provenance.Provider, error) {
	if p, ok := v.providers[id]; ok {
		return p, nil
	}
	p, ok, err := stateValue[provenance.Provider](v, provenance.StateProviderKey(id))
	if err != nil || !ok {
		return nil, err
	}
	v.providers[id] = &p
	return &p, nil
}

// take takes in what an entry changes, all of it or nothing; entries have no
// other way to change the view.
func (v *view) take(changes map[string][]byte) error {
	changed := v.changed
	for key, value := range changes { // a sum: the order makes no difference
		changed += changedBytes(key, value)
		if before, there := v.changes[key]; there {
			changed -= changedBytes(key, before)
		}
	}
	if changed > MaxBlockChanged {
		// SPEC(ADM-17)
		return refuse(provenance.CodeSize, "", "with it the block's entries would change %d bytes of the state, %d are allowed; send it again, it fits a later block", changed, MaxBlockChanged)
	}
	maps.Copy(v.changes, changes)
	v.changed = changed
	v.size++
	return nil
}

// changedBytes is what a changed value counts. To remove one takes room in the
// store, too: a block could add and remove more validators than go in one
// transaction.
func changedBytes(key string, value []byte) int {
	if value == nil {
		return len(key)
	}
	return len(value)
}

// changeProvider puts a registered provider, changed, among changes.
func (v *view) changeProvider(changes map[string][]byte, id string, change func(p *provenance.Provider)) error {
	known, err := v.provider(id)
	if err != nil {
		return err
	}
	p := *known // what change touches are plain fields
	change(&p)
	return setState(changes, provenance.StateProviderKey(id), p)
}

// streamHead returns the head of a stream as the entries so far have left it;
// false for a new stream.
func (v *view) streamHead(issuer, stream string) (provenance.StreamHead, bool, error) {
	return stateValue[provenance.StreamHead](v, provenance.StateStreamKey(issuer, stream))
}
