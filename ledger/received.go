package ledger

// Check judges an entry that came from elsewhere by itself: that its records are
// those that its leaf commits to (SPEC(NOD-5)). That the leaf is the log's, a proof
// has to say.
func (r Received) Check() error {
	_, _, err := checkFrame(r)
	return err
}
