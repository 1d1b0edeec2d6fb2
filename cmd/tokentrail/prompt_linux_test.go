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

// TestInterruptedPrompt types ^C where a passphrase is asked for: the program
// ends at once, says why, and leaves the terminal as it was.
func TestInterruptedPrompt(t *testing.T) {
	person, program := openTerminal(t)
	before, err := term.GetState(int(program.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "key", "new", filepath.Join(t.TempDir(), "new.key"))
	cmd.Env = append(os.Environ(), asProgram+"=1", envPassphrase+"=")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var mu sync.Mutex
	var shown []byte
	says := func(text string) bool {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Contains(shown, []byte(text))
	}
	go func() {
		piece := make([]byte, 1024)
		for {
			n, err := person.Read(piece)
			mu.Lock()
			shown = append(shown, piece[:n]...)
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	silent := func() bool {
		now, err := term.GetState(int(program.Fd()))
		return err == nil && !reflect.DeepEqual(now, before)
	}
	for end := time.Now().Add(10 * time.Second); !says("Passphrase for") || !silent(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			cmd.Process.Kill()
			t.Fatalf("nobody is asked: %q", shown)
		}
	}
	if _, err := person.Write([]byte{3}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		cmd.Process.Kill()
		t.Fatal("it does not end")
	}
	if code := cmd.ProcessState.ExitCode(); code != exitCouldNot {
		t.Errorf("exit %d, wanted %d", code, exitCouldNot)
	}
	if silent() {
		t.Error("the terminal is not as it was")
	}
	for end := time.Now().Add(time.Second); !says("interrupted") && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if !says("\r\ntokentrail: interrupted\r\n") {
		t.Errorf("it says %q", shown)
	}
}
