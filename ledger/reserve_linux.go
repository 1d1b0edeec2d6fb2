package ledger

import (
	"fmt"
	"syscall"
)

// checkReserve refuses to write where the file system of dir has less than
// reserve bytes left: Badger maps its files, and a full disk is then a signal
// that kills the process.
func checkReserve(dir string, reserve uint64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	if free := st.Bavail * uint64(st.Bsize); free < reserve {
		return fmt.Errorf("%s has %d bytes free, %d are kept in reserve; make room and start again", dir, free, reserve)
	}
	return nil
}
