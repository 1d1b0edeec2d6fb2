//go:build linux

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// diskBytes is the size of a disk: a node leaves a reserve free, 256 MiB by
// default. The image is sparse.
const diskBytes = 1 << 30

// A disk is an ext4 file system in an image file on a loop device, mounted at a
// directory. What its programs wrote and did not sync is in the page cache of the
// mounted file system and not in the image.
type disk struct {
	image, dir string
	mounted    bool
}

// newDisk makes and mounts a disk; it goes with the test.
func newDisk(t testing.TB, size int64) *disk {
	t.Helper()
	needMounts(t)
	base := t.TempDir()
	d := &disk{image: filepath.Join(base, "image"), dir: filepath.Join(base, "disk")}
	f, err := os.Create(d.image)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Close(), os.Mkdir(d.dir, 0o700))
	}
	if err != nil {
		t.Fatal(err)
	}
	// No blocks for root alone, and nothing that the kernel would still write in
	// the background.
	command(t, "mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", d.image)
	t.Cleanup(func() { d.unmount(t) })
	d.mount(t)
	return d
}

// mount mounts the image, which plays back its journal. The loop device goes with
// the mount.
func (d *disk) mount(t testing.TB) {
	t.Helper()
	command(t, "mount", "-o", "loop,noatime", d.image, d.dir)
	d.mounted = true
}

// unmount writes to the image whatever is left. Nobody may use the disk any more.
func (d *disk) unmount(t testing.TB) {
	t.Helper()
	if d.mounted {
		command(t, "umount", d.dir)
		d.mounted = false
	}
}

// replace puts another image in the place of the disk's, which must not be
// mounted.
func (d *disk) replace(t testing.TB, image string) {
	t.Helper()
	if err := os.Rename(image, d.image); err != nil {
		t.Fatal(err)
	}
}

func command(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// moveTo moves a node's home to a disk, as durable as init left it.
func (n *node) moveTo(t testing.TB, d *disk) {
	t.Helper()
	to := filepath.Join(d.dir, "home")
	command(t, "cp", "-a", "--sparse=always", n.home, to)
	command(t, "sync", "-f", to)
	if err := os.RemoveAll(n.home); err != nil {
		t.Fatal(err)
	}
	n.home = to
}

// snapshot copies the disk's image as it is at one moment. The kernel may write
// pages back while it copies, also those of stopped programs: then two readings
// differ, and it copies anew.
func (d *disk) snapshot(t testing.TB, to string) {
	t.Helper()
	for range 20 {
		err := copyHoles(d.image, to)
		if err != nil {
			t.Fatal(err)
		}
		same, err := sameFiles(d.image, to)
		if err != nil {
			t.Fatal(err)
		}
		if same {
			return
		}
	}
	t.Fatalf("%s is written to all the time", d.image)
}

// Whence values of lseek(2) that package io lacks.
const (
	seekData = 3
	seekHole = 4
)

// dataRanges calls visit with each range of f that is not a hole.
func dataRanges(f *os.File, visit func(from, to int64) error) error {
	for at := int64(0); ; {
		from, err := f.Seek(at, seekData)
		if errors.Is(err, syscall.ENXIO) {
			return nil
		}
		if err != nil {
			return err
		}
		if at, err = f.Seek(from, seekHole); err != nil {
			return err
		}
		if err := visit(from, at); err != nil {
			return err
		}
	}
}

// copyHoles copies a file and leaves its holes out.
func copyHoles(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	err = dataRanges(source, func(at, end int64) error {
		_, err := io.Copy(io.NewOffsetWriter(target, at), io.NewSectionReader(source, at, end-at))
		return err
	})
	return errors.Join(err, target.Truncate(info.Size()), target.Close())
}

// sameFiles compares what one file has outside its holes with the other.
func sameFiles(one, other string) (bool, error) {
	a, err := os.Open(one)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := os.Open(other)
	if err != nil {
		return false, err
	}
	defer b.Close()
	errOther := errors.New("they differ")
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	err = dataRanges(a, func(at, end int64) error {
		for at < end {
			n := min(int64(len(x)), end-at)
			_, err1 := a.ReadAt(x[:n], at)
			_, err2 := b.ReadAt(y[:n], at)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			if !bytes.Equal(x[:n], y[:n]) {
				return errOther
			}
			at += n
		}
		return nil
	})
	if errors.Is(err, errOther) {
		return false, nil
	}
	return err == nil, err
}

// freeze stops the node's process with SIGSTOP; it returns when none of its
// threads runs any more.
func (n *node) freeze(t testing.TB) {
	t.Helper()
	n.signal(syscall.SIGSTOP)
	pid := n.cmd.Process.Pid
	for range 1000 {
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(stats) == 0 {
			t.Fatalf("%s: its threads cannot be seen: %v", n.home, err)
		}
		stopped := 0
		for _, path := range stats {
			b, err := os.ReadFile(path)
			// "pid (name) state …": the name may hold anything but ends with ")".
			if end := bytes.LastIndexByte(b, ')'); err == nil && end > 0 && len(b) > end+2 && b[end+2] == 'T' {
				stopped++
			}
		}
		if stopped == len(stats) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s does not stop", n.home)
}
