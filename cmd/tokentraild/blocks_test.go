package main

import "syscall"

// fileBlocks is how many blocks of 512 bytes a file takes.
func fileBlocks(path string) (int64, error) {
	var st syscall.Stat_t
	err := syscall.Stat(path, &st)
	return st.Blocks, err
}
