package provenance

// Submissions of other types than a batch (SPEC(SUB-1)), and what tells the types
// apart. These are small, and refused by their size before anything is looked at.

// submissionHead bounds what a submission has beside its strings: the array's
// head, the type, and the strings' heads.
const submissionHead = 16

// SubmissionType returns the type of a submission, of which nothing else is looked
// at. The code of its error is "version" where the format has no such type, else
// "envelope".
func SubmissionType(b []byte) (int64, error) {
	kind, _, err := submissionType(&cursor{b: b})
	if err == nil && (kind < SubmissionBatch || kind > SubmissionEquivocation) {
		err = fail(CodeVersion, "type", "submission type %d is not known to this version", kind)
	}
	return kind, asEnvelope(err, "not a submission: ")
}

// submissionType reads the array's head and the type.
func submissionType(c *cursor) (kind int64, n uint64, err error) {
	if n, err = c.expect(majorArray); err != nil {
		return 0, 0, err
	}
	if n < 2 {
		return 0, n, fail(CodeEnvelope, "", "an array of %d, wanted 2 at least", n)
	}
	kind, err = c.integer()
	return kind, n, err
}

// openSubmission reads up to the first string of a submission of one type, which
// is an array of n.
func openSubmission(c *cursor, want int64, n uint64) error {
	kind, got, err := submissionType(c)
	switch {
	case err != nil:
		return err
	case kind != want:
		return fail(CodeVersion, "type", "submission type %d, wanted %d", kind, want)
	case got != n:
		return fail(CodeEnvelope, "", "an array of %d, wanted %d", got, n)
	}
	return nil
}

// asEnvelope is err with the code of SUB-1, unless it is about the type.
func asEnvelope(err error, what string) error {
	if e, ok := err.(*Error); ok && e.Code != CodeVersion {
		return &Error{CodeEnvelope, e.Path, e.Offset, what + e.Detail}
	}
	return err
}

// ParseActSubmission takes the submission [2, act] apart and checks the act's
// form; it has one signature at least.
func ParseActSubmission(b []byte) (*UnverifiedAct, error) { return parseActSubmission(b, ParseAct) }

// ParseActProposal is ParseActSubmission for an act that may still lack
// signatures: the file in which it travels between signers (SPEC(GOV-30)).
func ParseActProposal(b []byte) (*UnverifiedAct, error) { return parseActSubmission(b, ParseActDraft) }

func parseActSubmission(b []byte, parse func([]byte) (*UnverifiedAct, error)) (*UnverifiedAct, error) {
	// SPEC(ADM-2)
	if most := MaxActBytes + submissionHead; len(b) > most {
		return nil, fail(CodeSize, "", "the submission of an act has %d bytes, at most %d are allowed", len(b), most)
	}
	c := &cursor{b: b}
	act, err := func() ([]byte, error) {
		if err := openSubmission(c, SubmissionAct, 2); err != nil {
			return nil, err
		}
		act, err := c.bytes()
		if err == nil {
			err = c.end()
		}
		return act, err
	}()
	if err != nil {
		return nil, asEnvelope(err, "not a submission [2, act]: ")
	}
	u, err := parse(act)
	return u, within("act", err)
}

// EncodeActSubmission returns the submission of an act, a canonical COSE_Sign.
func EncodeActSubmission(act []byte) []byte {
	b := make([]byte, 0, len(act)+submissionHead)
	return AppendBytes(AppendInt(AppendArray(b, 2), SubmissionAct), act)
}

// ParseEquivocationSubmission takes the submission [3, a, b] apart and checks all
// but the signatures.
func ParseEquivocationSubmission(b []byte) (*Equivocation, error) {
	// SPEC(ADM-2)
	if len(b) > MaxEquivocationBytes {
		return nil, fail(CodeSize, "", "the submission of equivocation has %d bytes, at most %d are allowed", len(b), MaxEquivocationBytes)
	}
	open := func(c *cursor) error { return openSubmission(c, SubmissionEquivocation, 3) }
	return readEquivocation(b, open, "not a submission [3, a, b]: ")
}

// EncodeEquivocationSubmission returns the submission of equivocation.
func EncodeEquivocationSubmission(e *Equivocation) []byte {
	b := make([]byte, 0, len(e.A.raw)+len(e.B.raw)+submissionHead)
	b = AppendInt(AppendArray(b, 3), SubmissionEquivocation)
	return AppendBytes(AppendBytes(b, e.A.raw), e.B.raw)
}

// EntrySubmission returns the submission that became an entry, byte for byte as its
// block has it: there is one encoding of each. frame is the entry's records, or what
// stands in their place. Neither is looked into any further than that takes.
func EntrySubmission(leaf, frame []byte) ([]byte, error) {
	kind, _ := LeafKindOf(leaf)
	switch {
	case kind == LeafAct && len(frame) == 0:
		return EncodeActSubmission(leaf), nil
	case kind == LeafAct:
		return nil, fail(CodeForbiddenField, "records", "%d bytes, and an act has none", len(frame))
	case kind == LeafEquivocation:
		e, err := ParseEquivocation(leaf, frame)
		if err != nil {
			return nil, err
		}
		return EncodeEquivocationSubmission(e), nil
	case len(frame) == 0:
		return nil, fail(CodeMissingField, "records", "the submission of a statement has its records in it")
	}
	return encodeSubmission(leaf, frame), nil
}
