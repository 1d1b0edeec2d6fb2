package main

import (
	"fmt"
	"strings"
)

// text says what happened to the stream, what of the journal the ledger does not
// have, and what to do.
func (f *fork) text() string {
	var b strings.Builder
	switch {
	case f.onItsWord():
		fmt.Fprintf(&b, "that another statement waits for this place of the stream %s/%s is the word of a node alone: no entry has it, and the ledger has not closed the stream. "+
			"Where it is true something else signs in the stream, and the ledger closes it, for ever, as soon as it has both statements for one place.\n", f.issuer, f.stream)
	case f.closed == nil:
		fmt.Fprintf(&b, "something else signs in the stream %s/%s: nothing that this journal has behind that statement can follow in it. "+
			"The ledger has not closed the stream; it does, for ever, as soon as it has both statements for one place.\n", f.issuer, f.stream)
	default:
		fmt.Fprintf(&b, "the stream %s/%s is closed for ever: two statements were signed for one place of it, and entry %d keeps both as evidence\n", f.issuer, f.stream, *f.closed)
	}
	f.writeSides(&b)
	f.writeQueue(&b)
	f.writeNext(&b)
	return strings.TrimSuffix(b.String(), "\n")
}

// onItsWord says whether nothing but a node's refusal speaks of a fork.
func (f *fork) onItsWord() bool { return f.closed == nil && !f.taken }

func (f *fork) writeSides(b *strings.Builder) {
	if f.unread != nil {
		fmt.Fprintf(b, "  which two could not be read now: %v; tokentrail inspect shows the entry\n", f.unread)
	}
	for _, side := range f.sides {
		whose, where := "not of this journal", "only evidence: its records do not count"
		if side.mine {
			whose = "of this journal"
		}
		if side.entry != nil {
			where = fmt.Sprintf("entry %d, which stays and counts", *side.entry)
		}
		fmt.Fprintf(b, "  sequence %d: statement %s, %s, signed with %s; %s\n", f.sequence, side.id, whose, side.key, where)
	}
}

func (f *fork) writeQueue(b *strings.Builder) {
	if len(f.pending) > 0 && f.onItsWord() {
		fmt.Fprintf(b, "What has a receipt stays and counts. What is signed in the journal %s as %s has none yet.\n", f.journal, sequences(f.pending))
		return
	}
	if len(f.pending) > 0 {
		fmt.Fprintf(b, "What has a receipt stays and counts. What is signed in the journal %s as %s has none and is not sent any more: this stream never takes it.\n",
			f.journal, sequences(f.pending))
		return
	}
	fmt.Fprintf(b, "What has a receipt stays and counts; the journal %s holds nothing else that is signed.\n", f.journal)
}

func sequences(all []int64) string {
	if len(all) == 1 {
		return fmt.Sprintf("sequence %d", all[0])
	}
	return fmt.Sprintf("sequences %d to %d", all[0], all[len(all)-1])
}

// writeNext says what to do. SPEC(JRN-8)
func (f *fork) writeNext(b *strings.Builder) {
	first := "To run the same command again does not help. Do this:"
	if f.onItsWord() {
		first = "Run the same command again, with other nodes (--node) if there are any: it goes on if what the node says is not true. If no node takes the statement, do this:"
	}
	fmt.Fprintf(b, first+"\n"+
		"  1. find what signed the other statement: most often a second system, or one with a copy of this journal, that submits to %s/%s; stop it\n"+
		"  2. if it was none of yours, the key is stolen: have it revoked, and sign with another one (tokentrail gov propose key-revoke %s KEY)\n"+
		"  3. go on in a new stream (--stream) with what the ledger does not have, in a file of its own: what it has would be counted twice\n", f.issuer, f.stream, f.issuer)
	for _, r := range f.rest {
		fmt.Fprintf(b, "     %s: the ledger has %s of it from this stream; the rest: tail -c +%d %s > REST\n", printable(r.name), plural(r.records, "record"), r.offset+1, shellWord(r.name))
	}
	if len(f.sides) > 0 || f.closed == nil {
		fmt.Fprintf(b, "     look before what the other system has submitted: where it is the same records, they count already\n")
	}
}

// shellWord quotes a file's name for a command that people copy.
func shellWord(name string) string {
	return "'" + strings.ReplaceAll(printable(name), "'", `'\''`) + "'"
}
