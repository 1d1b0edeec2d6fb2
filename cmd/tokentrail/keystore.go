package main

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"tokentrail/provenance"
)

const (
	keySuffix    = ".key"
	publicSuffix = ".pub"

	maxKeyFile        = 4096
	maxPassphraseFile = 4096
)

// keyPath returns the key file that NAME|PATH means: a path where it has a
// separator or the suffix, else a name in the user's own key directory.
// SPEC(CLI-5)
func (a *app) keyPath(name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, keySuffix) {
		return name, nil
	}
	if !provenance.ValidNameID(name) {
		return "", usagef("key name %q: a name is 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit; for a path write one with a separator, as ./%s", name, name)
	}
	dir, err := a.userDir("XDG_CONFIG_HOME", ".config")
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "keys", name+keySuffix), nil
}

// publicPath returns where the public key of a key file stands (KEY-14).
func publicPath(path string) string { return strings.TrimSuffix(path, keySuffix) + publicSuffix }

// userDir returns the program's directory of one of the XDG kinds.
func (a *app) userDir(variable, fallback string) (string, error) {
	if dir := a.env(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, "tokentrail"), nil
	}
	home := a.env("HOME")
	if home == "" {
		return "", fmt.Errorf("neither %s nor HOME is set; say the path", variable)
	}
	return filepath.Join(home, fallback, "tokentrail"), nil
}

// createKey writes a sealed key and its public key, neither over anything.
// SPEC(KEY-13), SPEC(KEY-14)
func createKey(path string, sealed []byte, public provenance.PublicKey) error {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := createFile(path, sealed, 0o600); err != nil {
		return err
	}
	if err := createFile(publicPath(path), []byte(public.String()+"\n"), 0o644); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// keyFree says, before a passphrase is asked for, whether a key could be made.
func keyFree(path string) error {
	for _, p := range []string{path, publicPath(path)} {
		if _, err := os.Lstat(p); err == nil {
			return fmt.Errorf("%s exists and is never overwritten; choose another name, or move it away", p)
		}
	}
	return nil
}

func createFile(path string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists and is never overwritten; choose another name, or move it away", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return syncDir(filepath.Dir(path))
}

// A noKeyError says that a key's file is not there.
type noKeyError struct{ path string }

// Error says where it was looked for.
func (e *noKeyError) Error() string {
	return fmt.Sprintf("there is no key file %s; make one with: tokentrail key new", e.path)
}

// readKeyFile reads a key file that is only its owner's. SPEC(KEY-13)
func readKeyFile(path string) ([]byte, error) {
	f, err := openRegular(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &noKeyError{path}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("key file %s has mode %04o: others than its owner may use it; run: chmod 600 %s", path, mode, path)
	}
	return readBounded(f, maxKeyFile, path)
}

func readBounded(r io.Reader, most int64, what string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s has more than %d bytes", what, most)
	}
	return b, nil
}

// openKey opens the key NAME|PATH.
func (a *app) openKey(ctx context.Context, name, passphraseFile string) (crypto.Signer, error) {
	path, err := a.keyPath(name)
	if err != nil {
		return nil, err
	}
	if secret := secretName(name, path); secret != name {
		return nil, usagef("--key %s is the file of a public key; the secret one that signs is --key %s", name, secret)
	}
	file, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	if _, err := provenance.KeyFilePublic(file); err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err) // before a passphrase is asked for
	}
	passphrase, err := a.passphrase(ctx, passphraseFile, path, false)
	if err != nil {
		return nil, err
	}
	key, err := provenance.OpenKey(file, passphrase)
	clear(passphrase)
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return key, nil
}

// secretName returns the name of the secret key, where name is that of a public
// key's file, else name. A key that is called so is a secret one.
func secretName(name, path string) string {
	secret, public := strings.CutSuffix(name, publicSuffix)
	switch _, err := os.Stat(path); {
	case !public || path != name && err == nil:
		return name
	case path == name:
		return secret + keySuffix
	}
	return secret
}

// passphrase gets a key's passphrase: from the file, the environment, or the
// person at the terminal, who types that of a new key twice.
func (a *app) passphrase(ctx context.Context, file, path string, isNew bool) ([]byte, error) {
	if file != "" {
		return readPassphrase(file)
	}
	if p := a.env(envPassphrase); p != "" {
		return []byte(p), nil
	}
	tty, ok := terminal(a.stdin)
	if !ok {
		return nil, couldNotf("the passphrase of %s: there is no terminal to ask on; use --passphrase-file or set %s", path, envPassphrase)
	}
	p, err := a.prompt(ctx, tty, "Passphrase for "+path+": ")
	if err != nil || !isNew {
		return p, err
	}
	if len(p) < provenance.MinPassphrase {
		return nil, fmt.Errorf("a passphrase has at least %d bytes", provenance.MinPassphrase)
	}
	again, err := a.prompt(ctx, tty, "The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(p, again) {
		return nil, errors.New("the two passphrases differ; nothing was written")
	}
	return p, nil
}

// prompt asks for a line at the terminal, which does not show it. However it
// ends, the terminal shows again what is typed.
func (a *app) prompt(ctx context.Context, tty *os.File, text string) ([]byte, error) {
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("read the passphrase: %w", err)
	}
	if ctx.Err() != nil {
		return nil, couldNotf("interrupted")
	}
	fmt.Fprint(a.stderr, text)
	defer fmt.Fprintln(a.stderr)
	type line struct {
		text []byte
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		p, err := term.ReadPassword(fd) // after an interruption it ends with the program
		typed <- line{p, err}
	}()
	select {
	case <-ctx.Done():
		return nil, errors.Join(couldNotf("interrupted"), term.Restore(fd, before))
	case l := <-typed:
		if l.err != nil {
			return nil, fmt.Errorf("read the passphrase: %w", l.err)
		}
		return l.text, nil
	}
}

// readPassphrase reads a passphrase file: one line, not readable by the world.
func readPassphrase(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, fmt.Errorf("passphrase file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode(); mode.IsRegular() && mode.Perm()&0o007 != 0 {
		return nil, fmt.Errorf("passphrase file %s has mode %04o: everybody may use it; run: chmod 600 %s", path, mode.Perm(), path)
	}
	b, err := readBounded(f, maxPassphraseFile, "passphrase file "+path)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
	if len(b) == 0 || bytes.ContainsAny(b, "\r\n") {
		return nil, fmt.Errorf("passphrase file %s: wanted one line with the passphrase", path)
	}
	return b, nil
}
