package main

import (
	"archive/zip"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// epoch is the time of every file in the archive: two builds of one tree are
// the same bytes.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// pack writes the plugin in dist as OUT/ID-VERSION.zip, with the checksums that
// Grafana's catalogue asks for beside it, and returns the file's name.
func pack(dist, out string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dist, "plugin.json"))
	if err != nil {
		return "", err
	}
	var plugin pluginJSON
	if err := json.Unmarshal(text, &plugin); err != nil {
		return "", fmt.Errorf("plugin.json: %w", err)
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return "", err
	}
	name := filepath.Join(out, plugin.ID+"-"+plugin.Info.Version+".zip")
	sums := map[string]hash.Hash{".sha1": sha1.New(), ".sha256": sha256.New()}
	writers := make([]io.Writer, 0, len(sums)+1)
	file, err := os.Create(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	writers = append(writers, file)
	for _, sum := range sums {
		writers = append(writers, sum)
	}
	if err := writeZip(io.MultiWriter(writers...), dist, plugin.ID); err != nil {
		return "", fmt.Errorf("pack %s: %w", dist, err)
	}
	if err := file.Close(); err != nil {
		return "", err
	}
	for suffix, sum := range sums {
		line := hex.EncodeToString(sum.Sum(nil)) + "  " + filepath.Base(name) + "\n"
		if err := os.WriteFile(name+suffix, []byte(line), 0o644); err != nil {
			return "", err
		}
	}
	return name, nil
}

// writeZip writes the files of a folder, in order, under one root.
func writeZip(w io.Writer, dist, root string) error {
	archive := zip.NewWriter(w)
	err := filepath.WalkDir(dist, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dist, path)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: root + "/" + filepath.ToSlash(name), Method: zip.Deflate, Modified: epoch}
		header.SetMode(modeOf(name))
		to, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		from, err := os.Open(path)
		if err != nil {
			return err
		}
		defer from.Close()
		_, err = io.Copy(to, from)
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// modeOf is what Grafana needs of a file, whatever the builder's umask was.
func modeOf(name string) fs.FileMode {
	if strings.HasPrefix(filepath.Base(name), executablePrefix) {
		return 0o755
	}
	return 0o644
}
