package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const goodJSON = `{
  "$schema": "https://raw.githubusercontent.com/grafana/grafana/main/docs/sources/developers/plugins/plugin.schema.json",
  "type": "datasource", "id": "acme-wall-datasource", "name": "Wall", "category": "tsdb",
  "backend": true, "executable": "gpx_wall", "metrics": true, "annotations": true, "alerting": true, "streaming": true,
  "includes": [{"type": "dashboard", "name": "Now", "path": "dashboards/now.json"}],
  "info": {
    "description": "The wall.", "author": {"name": "Acme", "url": "https://acme.example"}, "keywords": ["wall"],
    "logos": {"small": "img/logo.svg", "large": "img/logo.svg"},
    "links": [{"name": "Source", "url": "https://acme.example/wall"}],
    "screenshots": [{"name": "Wall", "path": "img/wall.png"}],
    "version": "1.2.3", "updated": "2026-11-23"
  },
  "dependencies": {"grafanaDependency": ">=11.6.0", "plugins": []}
}`

// header makes the first bytes of an executable for a platform.
func header(platform string) string {
	b := make([]byte, 256)
	switch machine := map[string]uint32{
		"linux/amd64": uint32(elf.EM_X86_64), "linux/arm64": uint32(elf.EM_AARCH64),
		"darwin/amd64": uint32(macho.CpuAmd64), "darwin/arm64": uint32(macho.CpuArm64),
		"windows/amd64": pe.IMAGE_FILE_MACHINE_AMD64, "windows/arm64": pe.IMAGE_FILE_MACHINE_ARM64,
	}[platform]; platform[:5] {
	case "linux":
		copy(b, elf.ELFMAG)
		binary.LittleEndian.PutUint16(b[18:], uint16(machine))
	case "darwi":
		binary.LittleEndian.PutUint32(b, macho.Magic64)
		binary.LittleEndian.PutUint32(b[4:], machine)
	default:
		copy(b, "MZ")
		b[60] = 128
		copy(b[128:], "PE\x00\x00")
		binary.LittleEndian.PutUint16(b[132:], uint16(machine))
	}
	return string(b)
}

// good is a plugin's folder with nothing wrong: path to content.
func good() map[string]string {
	files := map[string]string{
		"plugin.json":         goodJSON,
		"module.js":           `define(["react"],function(){})`,
		"module.js.map":       `{"sources":["module.ts"],"sourcesContent":["export {}"]}`,
		"README.md":           "# Wall\n\n" + strings.Repeat("What the wall shows. ", 40) + "[More](https://acme.example).\n",
		"CHANGELOG.md":        "# Changelog\n\n## 1.2.3\n\nThe first.\n",
		"LICENSE":             "Apache License\nVersion 2.0, January 2004\n",
		"img/logo.svg":        `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"img/wall.png":        "\x89PNG\r\n\x1a\n",
		"dashboards/now.json": "{}",
		manifestFile:          "00:pkg/main.go\n",
	}
	for _, platform := range releasePlatforms {
		files[executableName("gpx_wall", platform)] = header(platform)
	}
	return files
}

// packed writes the files to a folder and packs it.
func packed(t *testing.T, files map[string]string) string {
	t.Helper()
	dist := filepath.Join(t.TempDir(), "dist")
	for name, content := range files {
		file := filepath.Join(dist, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	}
	file, err := pack(dist, t.TempDir())
	require.NoError(t, err)
	return file
}

func TestAGoodArchiveHasNothingWrong(t *testing.T) {
	file := packed(t, good())
	require.Equal(t, "acme-wall-datasource-1.2.3.zip", filepath.Base(file))
	problems, err := check(file, releasePlatforms)
	require.NoError(t, err)
	require.Empty(t, problems)

	content, err := os.ReadFile(file)
	require.NoError(t, err)
	sum := sha256.Sum256(content)
	line, err := os.ReadFile(file + ".sha256")
	require.NoError(t, err)
	require.Equal(t, hex.EncodeToString(sum[:])+"  acme-wall-datasource-1.2.3.zip\n", string(line))
	require.FileExists(t, file+".sha1")

	again, err := os.ReadFile(packed(t, good()))
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, again), "the same folder makes the same bytes")
}

// TestEachCheckFails takes a good plugin, spoils one thing, and sees it found.
func TestEachCheckFails(t *testing.T) {
	replace := func(file, old, changed string) func(map[string]string) {
		return func(files map[string]string) {
			if !strings.Contains(files[file], old) {
				panic(file + " has no " + old)
			}
			files[file] = strings.ReplaceAll(files[file], old, changed)
		}
	}
	inJSON := func(old, changed string) func(map[string]string) { return replace("plugin.json", old, changed) }
	set := func(file, content string) func(map[string]string) {
		return func(files map[string]string) { files[file] = content }
	}
	remove := func(file string) func(map[string]string) {
		return func(files map[string]string) { delete(files, file) }
	}
	for _, c := range []struct {
		name  string
		spoil func(files map[string]string)
		want  string
	}{
		{"a key that is not known", inJSON(`"backend"`, `"backand": true, "backend"`), `unknown field "backand"`},
		{"another type", inJSON(`"type": "datasource"`, `"type": "panel"`), `type: "panel" must be datasource`},
		{"an id in upper case", inJSON("acme-wall-datasource", "Acme-wall-datasource"), "id: "},
		{"an id without its type", inJSON("acme-wall-datasource", "acme-wall"), "id: "},
		{"no name", inJSON(`"name": "Wall", "category"`, `"name": "", "category"`), "name: is empty"},
		{"no backend", inJSON(`"backend": true`, `"backend": false`), "executable: "},
		{"no queries", inJSON(`"metrics": true`, `"metrics": false`), "metrics: "},
		{"no author", inJSON("Acme", ""), "info.author.name: is empty"},
		{"no description", inJSON("The wall.", ""), "info.description: is empty"},
		{"no keywords", inJSON(`["wall"]`, `[]`), "info.keywords: is empty"},
		{"no links", inJSON(`[{"name": "Source", "url": "https://acme.example/wall"}]`, `[]`), "info.links: is empty"},
		{"a link without TLS", inJSON("https://acme.example/wall", "http://acme.example/wall"), "info.links: "},
		{"no screenshots", inJSON(`[{"name": "Wall", "path": "img/wall.png"}]`, `[]`), "info.screenshots: is empty"},
		{"a version that was not put in", inJSON("1.2.3", "%VERSION%"), "info.version: "},
		{"a date that was not put in", inJSON("2026-11-23", "%TODAY%"), "info.updated: "},
		{"no range of Grafana", inJSON(">=11.6.0", "new"), "dependencies.grafanaDependency: "},
		{"an include of another type", inJSON(`"type": "dashboard"`, `"type": "page"`), "includes: "},
		{"an executable that Grafana does not look for", inJSON("gpx_wall", "wall"), "executable: "},
		{"no logo", remove("img/logo.svg"), "info.logos.large: img/logo.svg: is missing"},
		{"a logo that is no image", set("img/logo.svg", "404"), "img/logo.svg is no image"},
		{"a logo that runs", set("img/logo.svg", "<svg><script/></svg>"), "img/logo.svg is no image"},
		{"no screenshot", remove("img/wall.png"), "info.screenshots[0].path: img/wall.png: is missing"},
		{"a screenshot of another format", set("img/wall.png", "<svg/>"), "img/wall.png is no image"},
		{"a dashboard that is not there", remove("dashboards/now.json"), "includes[0].path"},
		{"no README", remove("README.md"), "README.md: is missing"},
		{"a README that says nothing", set("README.md", "# Wall\n"), "README.md: 7 bytes"},
		{"the template's README", replace("README.md", "# Wall", "This is a template for a plugin"), "is left of the template"},
		{"a relative link in the README", replace("README.md", "https://acme.example", "docs/wall.md"), "docs/wall.md is relative"},
		{"no changelog", remove("CHANGELOG.md"), "CHANGELOG.md: is missing"},
		{"a changelog of another version", replace("CHANGELOG.md", "1.2.3", "1.2.2"), "CHANGELOG.md: says nothing of 1.2.3"},
		{"no licence", remove("LICENSE"), "LICENSE: is missing"},
		{"another licence", set("LICENSE", "All rights reserved."), "LICENSE: is not"},
		{"no module", remove("module.js"), "module.js: is missing"},
		{"a module that Grafana does not load", set("module.js", "export {}"), "is no AMD module"},
		{"no source map", remove("module.js.map"), "module.js.map: is missing"},
		{"a chunk without a source map", set("editor.js", "0"), "editor.js.map: is missing"},
		{"a source map without its script", set("old.js.map", "{}"), "old.js.map: has no script"},
		{"a source map without sources", set("module.js.map", `{"sources":["module.ts"]}`), "holds the source of 0 of 1"},
		{"no backend for a platform", remove("gpx_wall_linux_arm64"), "gpx_wall_linux_arm64: is missing"},
		{"a backend for another platform", set("gpx_wall_linux_arm64", header("linux/amd64")), "is built for linux/amd64"},
		{"a backend that is none", set("gpx_wall_windows_amd64.exe", "MZ"), "is built for nothing known"},
		{"a backend without .exe", set("gpx_wall_windows_amd64", header("windows/amd64")), "is for no platform"},
		{"no list of Go files", remove(manifestFile), manifestFile + ": is missing"},
		{"a list of other Go files", set(manifestFile, "00:cmd/main.go\n"), "does not name pkg/main.go"},
		{"source code", set("module.ts", ""), "module.ts: has no place"},
		{"packages", set("node_modules/react/index.js", ""), "node_modules/react/index.js: has no place"},
		{"a hidden file", set(".DS_Store", ""), ".DS_Store: has no place"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := good()
			c.spoil(files)
			file := packed(t, files)
			problems, err := check(file, releasePlatforms)
			require.NoError(t, err)
			require.True(t, slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, c.want) }),
				"nobody says %q:\n%s", c.want, strings.Join(problems, "\n"))
			require.Error(t, report(file, releasePlatforms))
		})
	}
}

// TestWhatTheArchiveItselfHoldsWrong writes archives that pack would not.
func TestWhatTheArchiveItselfHoldsWrong(t *testing.T) {
	type entry struct {
		name string
		mode fs.FileMode
	}
	for _, c := range []struct {
		name    string
		file    string
		entries []entry
		want    string
	}{
		{"two folders", "", []entry{{"a/x", 0o644}, {"b/x", 0o644}}, "there must be one folder"},
		{"a file beside the folder", "", []entry{{"plugin.json", 0o644}}, "outside the plugin's folder"},
		{"a way out", "", []entry{{"a/../../etc/passwd", 0o644}}, "leads out"},
		{"a link", "", []entry{{"a/x", fs.ModeSymlink | 0o777}}, "must be a file"},
		{"nothing", "", nil, "plugin.json: is missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a-1.0.0.zip")
			to, err := os.Create(file)
			require.NoError(t, err)
			archive := zip.NewWriter(to)
			for _, e := range c.entries {
				h := &zip.FileHeader{Name: e.name}
				h.SetMode(e.mode)
				_, err := archive.CreateHeader(h)
				require.NoError(t, err)
			}
			require.NoError(t, archive.Close())
			require.NoError(t, to.Close())
			problems, err := check(file, releasePlatforms)
			require.NoError(t, err)
			require.Contains(t, strings.Join(problems, "\n"), c.want)
		})
	}
	t.Run("another name", func(t *testing.T) {
		file := packed(t, good())
		renamed := filepath.Join(t.TempDir(), "wall.zip")
		require.NoError(t, os.Rename(file, renamed))
		problems, err := check(renamed, releasePlatforms)
		require.NoError(t, err)
		require.Contains(t, problems, "the archive must be named acme-wall-datasource-1.2.3.zip")
	})
	t.Run("a backend that may not run", func(t *testing.T) {
		file := packed(t, good())
		from, err := zip.OpenReader(file)
		require.NoError(t, err)
		defer from.Close()
		spoiled := filepath.Join(t.TempDir(), filepath.Base(file))
		to, err := os.Create(spoiled)
		require.NoError(t, err)
		archive := zip.NewWriter(to)
		for _, f := range from.File {
			f.SetMode(0o644)
			require.NoError(t, archive.Copy(f))
		}
		require.NoError(t, archive.Close())
		require.NoError(t, to.Close())
		problems, err := check(spoiled, releasePlatforms)
		require.NoError(t, err)
		require.Contains(t, problems, "gpx_wall_linux_amd64: its permissions are 644, and must be 755")
	})
	t.Run("no archive", func(t *testing.T) {
		_, err := check(filepath.Join(t.TempDir(), "none.zip"), releasePlatforms)
		require.Error(t, err)
	})
}

func TestManifestNamesEachGoFile(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"pkg/main.go", "node_modules/x/x.go", "tests/react19/node_modules/y/y.go", "README.md"} {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte("package x\n"), 0o600))
	}
	var out bytes.Buffer
	require.NoError(t, manifest(root, &out))
	sum := sha256.Sum256([]byte("package x\n"))
	require.Equal(t, hex.EncodeToString(sum[:])+":pkg/main.go\n", out.String())
}
