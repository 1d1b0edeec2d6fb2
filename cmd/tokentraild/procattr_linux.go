package main

import "syscall"

// childAttr puts a child into a process group of its own, so that an interrupt
// of the terminal reaches only this process, which passes it on once; and ends
// the child should this process be killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
