package flagfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate/flag"
)

// Source is where flags of one environment are defined.
type Source struct {
	// Path is a file, a folder, or a pattern such as flags/*.yaml.
	Path string
	// Environment is the one that they are for.
	Environment string
}

// MaxFiles is how many files one source may have.
const MaxFiles = 1000

// isPattern reports whether the path stands for those that it matches. A file of
// that very name comes first.
func (s Source) isPattern() bool { return strings.ContainsAny(s.Path, `*?[`) }

// files returns the paths of the source's files, sorted. It returns an error where
// it cannot tell, which is no reason to take any of their flags away.
func (s Source) files() ([]string, error) {
	info, err := os.Stat(s.Path)
	var paths []string
	switch {
	case err == nil && !info.IsDir():
		return []string{s.Path}, nil
	case err == nil:
		if paths, err = s.inFolder(); err != nil {
			return nil, err
		}
	case s.isPattern() && errors.Is(err, fs.ErrNotExist):
		if paths, err = filepath.Glob(s.Path); err != nil {
			return nil, fmt.Errorf("%s is no pattern: %w", s.Path, err)
		}
		paths = slices.DeleteFunc(paths, func(path string) bool { return !isFile(path) })
	default:
		return nil, fmt.Errorf("%w: the flags that it defined stay as they were", err)
	}
	switch {
	case len(paths) == 0:
		return nil, fmt.Errorf("%s has no files of flags: the flags of those that were there stay; take the entry out of flags.files to have them changed through the API", s.Path)
	case len(paths) > MaxFiles:
		return nil, fmt.Errorf("%s has %d files, and at most %d are read: put the flags into fewer", s.Path, len(paths), MaxFiles)
	}
	slices.Sort(paths)
	return paths, nil
}

func (s Source) inFolder() (paths []string, err error) {
	entries, err := os.ReadDir(s.Path)
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		path := filepath.Join(s.Path, entry.Name())
		if _, ok := flag.FormatOf(path); ok && !hidden(path) && isFile(path) {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// hidden reports whether a folder's listing leaves a file out, as it does those of
// editors, and Kubernetes' own.
func hidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// owns reports whether a file, which need not be there any more, is one of the source's.
func (s Source) owns(path string) bool {
	if path == s.Path {
		return true
	}
	if matched, err := filepath.Match(s.Path, path); err == nil && matched {
		return true
	}
	_, ok := flag.FormatOf(path)
	return ok && filepath.Dir(path) == filepath.Clean(s.Path) && !hidden(path)
}

// folders returns what has to be watched to see the source change.
func (s Source) folders() []string {
	if info, err := os.Stat(s.Path); err == nil && info.IsDir() {
		return []string{s.Path}
	}
	parent := filepath.Dir(s.Path)
	if folders, err := filepath.Glob(parent); err == nil && s.isPattern() && len(folders) > 0 {
		return folders[:min(len(folders), MaxFiles)]
	}
	return []string{parent}
}
