package index

import (
	"fmt"
	"syscall"
)

// checkRoom refuses to write where the file system of dir has less than reserve
// bytes left: the ledger needs them, and Badger maps its files, so that a full
// disk is a signal that kills the process.
func checkRoom(dir string, reserve uint64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	if free := st.Bavail * uint64(st.Bsize); free < reserve {
		return fmt.Errorf("%w: %s has %d bytes free, %d are left to the ledger; make room", errRoom, dir, free, reserve)
	}
	return nil
}
