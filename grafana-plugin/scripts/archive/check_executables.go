package main

import (
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

const (
	// executablePrefix begins the name of a backend.
	executablePrefix = "gpx_"
	// executableMode is what lets Grafana start it.
	executableMode = 0o755
	// manifestFile lists the Go files that the backends are built from.
	manifestFile = "go_plugin_build_manifest"
	// headerBytes is as much of an executable as names its machine.
	headerBytes = 4 << 10
)

// releasePlatforms are those that a release must run on.
var releasePlatforms = []string{
	"darwin/amd64", "darwin/arm64", "linux/amd64", "linux/arm64", "windows/amd64", "windows/arm64",
}

// executableName is the file that Grafana starts on a platform.
func executableName(executable, platform string) string {
	name := executable + "_" + strings.ReplaceAll(platform, "/", "_")
	if strings.HasPrefix(platform, "windows/") {
		name += ".exe"
	}
	return name
}

// checkExecutables looks for the backend of each platform.
func (p *plugin) checkExecutables(platforms []string) []string {
	var problems []string
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if !strings.HasPrefix(p.about.Executable, executablePrefix) {
		wrong("plugin.json: executable: %q must begin with %s", p.about.Executable, executablePrefix)
	}
	wanted := make([]string, 0, len(platforms))
	for _, platform := range platforms {
		name := executableName(p.about.Executable, platform)
		wanted = append(wanted, name)
		f := p.files[name]
		if f == nil {
			wrong("%s: is missing", name)
			continue
		}
		if mode := f.Mode().Perm(); mode != executableMode {
			wrong("%s: its permissions are %o, and must be %o", name, mode, executableMode)
		}
		content, err := f.Open()
		if err != nil {
			wrong("%s: %s", name, err)
			continue
		}
		header := make([]byte, headerBytes)
		n, _ := io.ReadFull(content, header)
		content.Close()
		if got := platformOf(header[:n]); got != platform {
			wrong("%s: is built for %s", name, got)
		}
	}
	for name := range p.files {
		if strings.HasPrefix(name, executablePrefix) && !slices.Contains(wanted, name) {
			wrong("%s: is for no platform that was asked for", name)
		}
	}
	if text, err := p.read(manifestFile); err != nil {
		wrong("%s", err)
	} else if !strings.Contains(string(text), ":pkg/main.go\n") {
		wrong("%s: does not name pkg/main.go", manifestFile)
	}
	return problems
}

// platformOf reads for which platform an executable is built, from its first
// bytes. What is none of those we build is "nothing known".
func platformOf(header []byte) string {
	const unknown = "nothing known"
	if len(header) < 64 {
		return unknown
	}
	little := binary.LittleEndian
	switch {
	case string(header[:4]) == elf.ELFMAG:
		switch elf.Machine(little.Uint16(header[18:])) {
		case elf.EM_X86_64:
			return "linux/amd64"
		case elf.EM_AARCH64:
			return "linux/arm64"
		}
	case little.Uint32(header) == macho.Magic64:
		switch macho.Cpu(little.Uint32(header[4:])) {
		case macho.CpuAmd64:
			return "darwin/amd64"
		case macho.CpuArm64:
			return "darwin/arm64"
		}
	case string(header[:2]) == "MZ":
		// The file says at 60 where its PE header begins; the machine is after the four bytes "PE\0\0".
		at := int(little.Uint32(header[60:]))
		if at < 0 || at > len(header)-6 || string(header[at:at+4]) != "PE\x00\x00" {
			return unknown
		}
		switch little.Uint16(header[at+4:]) {
		case pe.IMAGE_FILE_MACHINE_AMD64:
			return "windows/amd64"
		case pe.IMAGE_FILE_MACHINE_ARM64:
			return "windows/arm64"
		}
	}
	return unknown
}
