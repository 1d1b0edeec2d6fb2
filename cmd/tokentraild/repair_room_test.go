package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tokentrail/ledger/app"
)

// TestFullDisk fills the disk of a running node: it refuses submissions while
// there is still room for what is under way, reads go on, nothing dies, and when
// there is room again it goes on by itself. SPEC(NOD-80)
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("a disk that is full needs a mount: run the tests as root")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=384m"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Errorf("unmount %s: %v", disk, err)
		}
	})
	p := newProvider(t, "acme")
	o := &localnetOptions{dir: filepath.Join(disk, "net"), chainID: "net-1", validators: 1, providers: []string{p.flag(t)}}
	homes, err := localnetHomes(o)
	if err != nil {
		t.Fatal(err)
	}
	conf, err := app.LoadNodeConfig(homes[0])
	if err != nil {
		t.Fatal(err)
	}
	conf.Reserve = 32 << 20
	if err := app.WriteNodeConfig(homes[0], conf); err != nil {
		t.Fatal(err)
	}
	node := &validator{home: homes[0], url: "http://" + conf.HTTP}
	node.start(t)
	t.Cleanup(func() {
		if err := node.end(syscall.SIGTERM); err != nil {
			t.Errorf("%s: %v", node.home, err)
		}
	})
	node.wait(t, ctx, 0)
	subs := p.submissions(t, traceRecords(t), 50)
	balloon := filepath.Join(disk, "balloon")
	sent := 0
	submit := func() answer {
		a := post(t, node.url, subs[sent])
		if a.status == http.StatusCreated {
			sent++
		}
		return a
	}
	for round := range 2 {
		if a := submit(); a.status != http.StatusCreated {
			t.Fatalf("round %d: %d %s", round, a.status, a.body)
		}
		// Somebody else fills the disk while statements come.
		var a answer
		step := int64(16 << 20)
		for size := step; ; size += step {
			full := grow(t, balloon, size)
			if free(t, disk) < 112<<20 { // the node looks once a second
				step = 4 << 20
				time.Sleep(200 * time.Millisecond)
			}
			if a = submit(); a.status != http.StatusCreated {
				break
			}
			if full {
				t.Fatal("the disk is full, and submissions are taken")
			}
		}
		if a.status != http.StatusInsufficientStorage || !bytes.Contains(a.body, []byte("room: ")) {
			t.Fatalf("round %d: %d %s", round, a.status, a.body)
		}
		for size := int64(1 << 20); !grow(t, balloon, 384<<20+size); size += 1 << 20 {
		}
		for range 3 {
			time.Sleep(500 * time.Millisecond)
			if a := submit(); a.status != http.StatusInsufficientStorage {
				t.Fatalf("with a full disk: %d %s", a.status, a.body)
			}
			if s := status(t, node.url); s.LogSize != int64(sent) {
				t.Errorf("%d entries, %d were acknowledged", s.LogSize, sent)
			}
			if a := request(t, http.MethodGet, node.url+"/v1/entries?limit=1000", "", nil); a.status != http.StatusOK {
				t.Errorf("reads do not go on: %d", a.status)
			}
		}
		if err := os.Remove(balloon); err != nil {
			t.Fatal(err)
		}
		for a := submit(); a.status != http.StatusCreated; a = submit() {
			if ctx.Err() != nil {
				t.Fatalf("there is room again: %d %s", a.status, a.body)
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	node.wait(t, ctx, int64(sent))
	auditNode(t, node.home, node.url)
}

func free(t *testing.T, dir string) int64 {
	t.Helper()
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bavail) * st.Bsize
}

// grow makes a file of a size, as far as the disk lets it, and says that the disk is
// full.
func grow(t *testing.T, path string, size int64) (full bool) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 1<<20)
	for at := info.Size(); at < size; {
		n, err := f.Write(block[:min(int64(len(block)), size-at)])
		at += int64(n)
		if err != nil {
			if !strings.Contains(err.Error(), "no space") {
				t.Fatal(err)
			}
			return true
		}
	}
	return false
}
