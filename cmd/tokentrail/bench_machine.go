package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"io"
	"os"
	"runtime"
)

// A benchMachine is where the figures come from.
type benchMachine struct {
	Cores     int     `json:"cores"`
	Processor string  `json:"processor,omitempty"`
	Memory    int64   `json:"memory_bytes,omitempty"`
	OS        string  `json:"os"`
	Arch      string  `json:"arch"`
	Kernel    string  `json:"kernel,omitempty"`
	Load      float64 `json:"load"` // the mean of a minute, before anything began
	Busy      bool    `json:"busy"` // it is above half the cores
}

// A benchProgram says which build took part.
type benchProgram struct {
	Version  string `json:"version,omitempty"`
	Commit   string `json:"commit,omitempty"` // empty where the build does not say
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	SHA256   string `json:"sha256"` // of the file
}

func machineFacts() benchMachine {
	m := benchMachine{Cores: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	systemFacts(&m)
	m.Busy = m.Load > float64(m.Cores)/2
	return m
}

// programOf reads what a program's file says of its build.
func programOf(path string) (p benchProgram) {
	if f, err := os.Open(path); err == nil {
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err == nil {
			p.SHA256 = hex.EncodeToString(h.Sum(nil))
		}
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return p
	}
	p.Version, p.Go = info.Main.Version, info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			p.Commit = s.Value
		case "vcs.modified":
			p.Modified = s.Value == "true"
		}
	}
	return p
}
