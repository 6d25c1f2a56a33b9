package main

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// maxPacked and maxUnpacked bound the archive: six backends of about 30 MB
	// each, which pack to a third.
	maxPacked   = 150 << 20
	maxUnpacked = 400 << 20
	// maxText bounds what a check reads of one text file.
	maxText = 16 << 20
	// maxFiles bounds how many files a plugin may have.
	maxFiles = 500
)

// plugin is an opened archive.
type plugin struct {
	root  string
	files map[string]*zip.File // by the path under the root
	about pluginJSON
}

// check says what is wrong with an archive: nothing, when it may be published.
func check(file string, platforms []string) ([]string, error) {
	archive, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	defer archive.Close()
	p, problems := open(&archive.Reader)
	if len(problems) > 0 {
		return problems, nil
	}
	text, err := p.read("plugin.json")
	if err != nil {
		return []string{err.Error()}, nil
	}
	if p.about, err = readPluginJSON(text); err != nil {
		return []string{"plugin.json: " + err.Error()}, nil
	}
	problems = p.about.problems()
	if p.about.ID != p.root {
		problems = append(problems, fmt.Sprintf("the folder %s must be named like the plugin, %s", p.root, p.about.ID))
	}
	if want := p.about.ID + "-" + p.about.Info.Version + ".zip"; filepath.Base(file) != want {
		problems = append(problems, "the archive must be named "+want)
	}
	for _, look := range []func() []string{p.checkNamed, p.checkStray, p.checkTexts, p.checkScripts} {
		problems = append(problems, look()...)
	}
	problems = append(problems, p.checkExecutables(platforms)...)
	slices.Sort(problems)
	return problems, nil
}

// open indexes the files and refuses what could not be unpacked safely.
func open(archive *zip.Reader) (*plugin, []string) {
	p := &plugin{files: make(map[string]*zip.File)}
	var problems []string
	var packed, unpacked uint64
	for _, f := range archive.File {
		packed += f.CompressedSize64
		unpacked += f.UncompressedSize64
		root, rest, nested := strings.Cut(f.Name, "/")
		switch {
		case !fs.ValidPath(strings.TrimSuffix(f.Name, "/")) || strings.Contains(f.Name, `\`):
			problems = append(problems, fmt.Sprintf("%s: leads out of the archive", f.Name))
		case !nested:
			problems = append(problems, fmt.Sprintf("%s: is outside the plugin's folder", f.Name))
		case p.root != "" && p.root != root:
			problems = append(problems, fmt.Sprintf("%s: there must be one folder, and %s is one", f.Name, p.root))
		case f.FileInfo().IsDir():
		case !f.Mode().IsRegular():
			problems = append(problems, fmt.Sprintf("%s: is a %s, and must be a file", f.Name, f.Mode().Type()))
		default:
			p.root = root
			p.files[rest] = f
		}
	}
	if packed > maxPacked || unpacked > maxUnpacked {
		problems = append(problems, fmt.Sprintf("%d MB, %d MB unpacked: may have %d and %d", packed>>20, unpacked>>20, maxPacked>>20, maxUnpacked>>20))
	}
	if len(p.files) > maxFiles {
		problems = append(problems, fmt.Sprintf("%d files: may have %d", len(p.files), maxFiles))
	}
	return p, problems
}

// read returns a file's text.
func (p *plugin) read(name string) ([]byte, error) {
	f := p.files[name]
	if f == nil {
		return nil, fmt.Errorf("%s: is missing", name)
	}
	content, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer content.Close()
	text, err := io.ReadAll(io.LimitReader(content, maxText))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return text, nil
}

// checkNamed looks at the files that plugin.json names.
func (p *plugin) checkNamed() []string {
	var problems []string
	for key, name := range p.about.files() {
		text, err := p.read(name)
		switch {
		case name == "":
			problems = append(problems, fmt.Sprintf("plugin.json: %s: is empty", key))
		case err != nil:
			problems = append(problems, fmt.Sprintf("plugin.json: %s: %s", key, err))
		case !strings.HasPrefix(key, "includes") && !isImage(name, text):
			problems = append(problems, fmt.Sprintf("plugin.json: %s: %s is no image", key, name))
		}
	}
	return problems
}

// isImage says whether the bytes are what the name says: SVG, PNG, JPEG or GIF.
func isImage(name string, text []byte) bool {
	switch path.Ext(name) {
	case ".svg":
		return strings.Contains(string(text), "<svg") && !strings.Contains(string(text), "<script")
	case ".png":
		return strings.HasPrefix(string(text), "\x89PNG\r\n")
	case ".jpg", ".jpeg":
		return strings.HasPrefix(string(text), "\xff\xd8\xff")
	case ".gif":
		return strings.HasPrefix(string(text), "GIF8")
	default:
		return false
	}
}

// checkStray looks for what has no place in a plugin's folder.
func (p *plugin) checkStray() []string {
	var problems []string
	known := []string{"plugin.json", "README.md", "CHANGELOG.md", "LICENSE", "MANIFEST.txt", manifestFile}
	for name := range p.files {
		base, ext := path.Base(name), path.Ext(name)
		switch {
		case slices.Contains(known, name):
		case path.Dir(name) == "." && (ext == ".js" || ext == ".map" || strings.HasPrefix(base, executablePrefix)):
		case base == "LICENSE.txt" || strings.HasSuffix(base, ".js.LICENSE.txt"): // of what is bundled
		case strings.HasPrefix(name, "img/") && slices.Contains([]string{".svg", ".png", ".jpg", ".gif"}, ext):
		case strings.HasPrefix(name, "dashboards/") && ext == ".json":
		default:
			problems = append(problems, fmt.Sprintf("%s: has no place in a plugin", name))
		}
	}
	return problems
}
