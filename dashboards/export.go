package dashboards

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrWouldOverwrite is returned by Export when files are in the way.
var ErrWouldOverwrite = errors.New("files are there already and differ")

// Outcome is what Export did about one file.
type Outcome struct {
	Path string
	// Written is false where the file was there already, the same.
	Written bool
}

// Export writes all files below dir, each of them whole or not at all. A file
// that is there with another content is overwritten only with force; without it
// nothing is written, and the error names the files. The outcomes are those up to
// an error.
func Export(dir string, force bool) ([]Outcome, error) {
	files, err := Files()
	if err != nil {
		return nil, err
	}
	differ, err := differing(dir, files)
	if err != nil {
		return nil, err
	}
	if len(differ) > 0 && !force {
		return nil, fmt.Errorf("%w: %s", ErrWouldOverwrite, strings.Join(differ, ", "))
	}
	var outcomes []Outcome
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		there, err := os.ReadFile(path)
		same := err == nil && bytes.Equal(there, f.Content)
		if !same {
			if err := replace(path, f.Content); err != nil {
				return outcomes, err
			}
		}
		outcomes = append(outcomes, Outcome{path, !same})
	}
	return outcomes, nil
}

// differing returns the paths of the files that are there and not the same.
func differing(dir string, files []File) ([]string, error) {
	var differ []string
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		there, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		case !bytes.Equal(there, f.Content):
			differ = append(differ, path)
		}
	}
	return differ, nil
}

// replace writes a file beside path and puts it in its place, so that Grafana,
// which may be watching, never reads half of one. Grafana runs as somebody else:
// everybody may read it.
func replace(path string, content []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(folder, ".tidemark-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone already when all went well
	_, err = file.Write(content)
	if err == nil {
		err = file.Chmod(0o644)
	}
	if err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
