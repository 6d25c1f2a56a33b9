package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// manifest prints a line `sha256:path` for each Go file under root, in order.
// Grafana's validator holds the lines against the source that a binary is said
// to be built from.
func manifest(root string, out io.Writer) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "node_modules":
			return fs.SkipDir // npm packages carry Go files of their own
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%x:%s\n", sha256.Sum256(text), filepath.ToSlash(name))
		return err
	})
}
