//go:build linux

package faults

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"unsafe"
)

// Variables that the test binary gives to itself.
const (
	insideVariable = "TOKENTRAIL_FAULTS_INSIDE" // how this process is contained
	binVariable    = "TOKENTRAIL_FAULTS_BIN"    // the directory of the built programs
	contained      = "contained"
	bare           = "bare"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if dir := os.Getenv(ledgerChildVariable); dir != "" {
		os.Exit(ledgerChild(dir))
	}
	if lie := os.Getenv(lieVariable); lie != "" {
		os.Exit(liarChild(lie, flag.Args()))
	}
	if f := flag.Lookup("test.list"); f != nil && f.Value.String() != "" {
		os.Exit(m.Run())
	}
	switch os.Getenv(insideVariable) {
	case "":
		os.Exit(runInside())
	case contained:
		if err := settle(); err != nil {
			fmt.Fprintln(os.Stderr, "faults:", err)
			os.Exit(1)
		}
	}
	printSeed()
	os.Exit(m.Run())
}

// runInside builds the programs and runs this test binary again, contained, with
// a temporary directory that is removed however it ends.
func runInside() int {
	runtime.LockOSThread() // the child is told of this thread's death
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP)
	dir, err := os.MkdirTemp("", "tokentrail-faults-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "bin")
	if err := build(bin); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 1
	}
	select {
	case s := <-signals: // while it was building
		fmt.Fprintln(os.Stderr, "faults:", s)
		return 1
	default:
	}
	cmd := again(dir, bin, contained)
	err = cmd.Start()
	if errors.Is(err, syscall.EPERM) {
		fmt.Println("faults: not root: without namespaces, and what needs a mount fails")
		cmd = again(dir, bin, bare)
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		return 1
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // one that has ended needs none
		}
	}()
	var exit *exec.ExitError
	switch err := cmd.Wait(); {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	}
	return 1
}

// again is this test binary once more. In a process namespace it is the first
// process: when it ends, the kernel ends all others; then nobody is left in the
// mount namespace, and what was mounted is gone with its loop device.
func again(dir, bin, how string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), insideVariable+"="+how, binVariable+"="+bin, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if how == contained {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNET
		cmd.SysProcAttr.Unshareflags = syscall.CLONE_NEWNS
	}
	return cmd
}

// settle makes the namespaces habitable: a /proc of these processes, and a
// loopback that is up.
func settle() error {
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	defer syscall.Close(fd)
	request := struct { // struct ifreq of netdevice(7)
		name  [16]byte
		flags uint16
		_     [22]byte
	}{flags: syscall.IFF_UP}
	copy(request.name[:], "lo")
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("loopback: %w", errno)
	}
	return nil
}

// needMounts fails a test that cannot mount anything.
func needMounts(t testing.TB) {
	t.Helper()
	if os.Getenv(insideVariable) != contained {
		t.Fatal("this test mounts file systems, which takes root: run it as root")
	}
}
