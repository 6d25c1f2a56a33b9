package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/internal/config"
)

// keys returns the keys below path, as the error for an unknown one lists them.
func keys(path ...string) []string {
	yaml := "{no_such_key_at_all: 1}"
	for i := len(path) - 1; i > 0; i-- {
		yaml = "{" + path[i] + ": " + yaml + "}"
	}
	_, err := config.Parse([]byte(path[0]+": "+yaml), "tidemark.yml", "")
	if err == nil {
		return nil
	}
	_, list, found := strings.Cut(err.Error(), "no_such_key_at_all: unknown key; known: ")
	if !found {
		return nil
	}
	return strings.Split(list, ", ")
}

// allKeys returns the paths of all keys of Tidemark's own sections.
func allKeys() (all [][]string) {
	var walk func(path []string)
	walk = func(path []string) {
		for _, key := range keys(path...) {
			below := append(append([]string(nil), path...), key)
			if keys(below...) == nil {
				all = append(all, below)
			}
			walk(below)
		}
	}
	for _, section := range []string{"host", "changes", "auth", "ingest", "flags", "deploys", "versions"} {
		walk([]string{section})
	}
	return all
}

func TestEveryKeyIsDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	all := allKeys()
	require.Greater(t, len(all), 15)
	for _, section := range []string{"hooks", "subscribers", "kubernetes"} {
		for _, key := range keys(section, "NAME") {
			all = append(all, []string{section, "NAME", key})
		}
	}
	for _, path := range all {
		require.Contains(t, string(data), "`"+strings.Join(path, ".")+"`")
	}
}

func TestEverySenderHasItsPage(t *testing.T) {
	overview, err := os.ReadFile("../../docs/hooks.md")
	require.NoError(t, err)
	for _, sender := range intake.Senders() {
		require.Contains(t, string(overview), "(hooks/"+sender+".md)")
		page, err := os.ReadFile("../../docs/hooks/" + sender + ".md")
		require.NoError(t, err)
		require.Contains(t, string(page), "sender: "+sender+"\n")
	}
}

func TestDefaultFileShowsEveryKeyWithItsDefault(t *testing.T) {
	var file map[string]any
	require.NoError(t, yaml.Unmarshal(config.DefaultFile(), &file))
	for _, path := range allKeys() {
		at := any(file)
		for _, key := range path {
			below, ok := at.(map[string]any)
			require.True(t, ok, path)
			at, ok = below[key]
			require.True(t, ok, "%v is not in default.yml", path)
		}
	}
	inForce, builtIn := config.Default(), parse(t, "")
	inForce.Host.Enable, inForce.Host.Disable = nil, nil // written as empty lists
	require.Equal(t, builtIn.Host, inForce.Host)
	require.Equal(t, builtIn.Changes, inForce.Changes)
	require.Equal(t, builtIn.Auth, inForce.Auth)
	require.Equal(t, builtIn.Ingest, inForce.Ingest)
	inForce.Flags.RequireReason = nil // written as an empty list
	require.Equal(t, builtIn.Flags, inForce.Flags)
	inForce.Deploys.RequireReason = nil // written as an empty list
	require.Equal(t, builtIn.Deploys, inForce.Deploys)
}
