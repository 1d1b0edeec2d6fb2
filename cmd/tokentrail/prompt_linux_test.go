//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/term"
)

// openTerminal makes a terminal: what stands for the person, and for the program.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	var number, locked uint32
	for request, value := range map[uintptr]*uint32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatal(errno)
		}
	}
	program, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// A dialogue is the program at a terminal, and what it has shown there.
type dialogue struct {
	t       *testing.T
	cmd     *exec.Cmd
	person  *os.File
	program *os.File
	before  *term.State // of the terminal
	ended   chan error

	mu    sync.Mutex
	shown []byte
}

// talk starts the program at a terminal of its own, without a passphrase.
func talk(t *testing.T, args ...string) *dialogue {
	t.Helper()
	d := &dialogue{t: t, ended: make(chan error, 1)}
	d.person, d.program = openTerminal(t)
	var err error
	if d.before, err = term.GetState(int(d.program.Fd())); err != nil {
		t.Fatal(err)
	}
	d.cmd = exec.Command(os.Args[0], args...)
	d.cmd.Env = append(os.Environ(), asProgram+"=1", envPassphrase+"=")
	d.cmd.Stdin, d.cmd.Stdout, d.cmd.Stderr = d.program, d.program, d.program
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.cmd.Process.Kill() })
	go func() { d.ended <- d.cmd.Wait() }()
	go func() {
		piece := make([]byte, 1024)
		for {
			n, err := d.person.Read(piece)
			d.mu.Lock()
			d.shown = append(d.shown, piece[:n]...)
			d.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return d
}

// says reports whether the program has shown a text.
func (d *dialogue) says(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Contains(d.shown, []byte(text))
}

// silent reports whether the terminal does not show what is typed, or is otherwise
// not as it was.
func (d *dialogue) silent() bool {
	now, err := term.GetState(int(d.program.Fd()))
	return err == nil && !reflect.DeepEqual(now, d.before)
}

// awaits waits until the program asks for something.
func (d *dialogue) awaits(question string, silent bool) {
	d.t.Helper()
	for end := time.Now().Add(10 * time.Second); !d.says(question) || d.silent() != silent; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("nobody is asked %q: %s", question, d.all())
		}
	}
}

func (d *dialogue) all() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return string(d.shown)
}

func (d *dialogue) types(text string) {
	d.t.Helper()
	if _, err := d.person.Write([]byte(text)); err != nil {
		d.t.Fatal(err)
	}
}

// ends wants the program to end with a code and a last word, and the terminal to be
// as it was.
func (d *dialogue) ends(code int, says string) {
	d.t.Helper()
	select {
	case <-d.ended:
	case <-time.After(10 * time.Second):
		d.t.Fatalf("it does not end: %s", d.all())
	}
	if got := d.cmd.ProcessState.ExitCode(); got != code {
		d.t.Errorf("exit %d, wanted %d", got, code)
	}
	if d.silent() {
		d.t.Error("the terminal is not as it was")
	}
	for end := time.Now().Add(time.Second); !d.says(says) && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if !d.says(says) {
		d.t.Errorf("it says %q, wanted %q", d.all(), says)
	}
}

// TestInterruptedPrompt types ^C where a passphrase is asked for: the program
// ends at once, says why, and leaves the terminal as it was.
func TestInterruptedPrompt(t *testing.T) {
	d := talk(t, "key", "new", filepath.Join(t.TempDir(), "new.key"))
	d.awaits("Passphrase for", true)
	d.types("\x03")
	d.ends(exitCouldNot, "\r\ntokentrail: interrupted\r\n")
}

// TestSignAtTheTerminal: who signs sees what the act would change and is asked; only
// yes is yes, and the passphrase is not shown. SPEC(CLI-43)
func TestSignAtTheTerminal(t *testing.T) {
	g := newGovernor(t)
	file := g.proposal("p", false)
	before := contents(t, g.dir)
	sign := []string{"gov", "sign", file, "--key", filepath.Join(g.dir, "acme.key"), "--node", g.node.server.URL}
	for _, c := range []struct {
		typed string
		code  int
		says  string
	}{
		{"no\n", exitAgainst, "p was not signed\r\n"}, {"\n", exitAgainst, "p was not signed\r\n"}, {"y\n", exitAgainst, "p was not signed\r\n"},
		{"yesterday\n", exitAgainst, "p was not signed\r\n"}, {"\x04", exitAgainst, "p was not signed\r\n"}, {"\x03", exitCouldNot, "tokentrail: interrupted\r\n"},
	} {
		d := talk(t, sign...)
		d.awaits("Type yes: ", false)
		if !d.says("  - suspends acme: ") || !d.says("because") || !d.says("Sign this act as "+g.public.String()+"?") {
			t.Errorf("asked without being told what for: %s", d.all())
		}
		d.types(c.typed)
		d.ends(c.code, c.says)
		if contents(t, g.dir) != before {
			t.Fatalf("%q signed it", c.typed)
		}
	}

	d := talk(t, sign...)
	d.awaits("Type yes: ", false)
	d.types("yes\n")
	d.awaits("Passphrase for", true)
	d.types("another passphrase\n")
	d.ends(exitAgainst, "passphrase")
	if contents(t, g.dir) != before {
		t.Fatal("it was signed with a wrong passphrase")
	}

	d = talk(t, sign...)
	d.awaits("Type yes: ", false)
	d.types("yes\n")
	d.awaits("Passphrase for", true)
	d.types("a passphrase\n")
	d.ends(exitOK, "it is complete; next: tokentrail gov submit "+file)
	if d.says("a passphrase") {
		t.Errorf("the passphrase is shown: %s", d.all())
	}

	// The second time nothing is asked.
	d = talk(t, sign...)
	d.ends(exitOK, g.public.String()+" has signed this already, and "+file+" is unchanged")
	if d.says("Type yes") || d.says("Passphrase") {
		t.Errorf("asked again: %s", d.all())
	}
	g.succeeded(g.gov("submit", file))
}
