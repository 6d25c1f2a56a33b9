package dashboards_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/dashboards"
)

func TestExport(t *testing.T) {
	files, err := dashboards.Files()
	require.NoError(t, err)
	require.Len(t, files, 6+3)
	dir := filepath.Join(t.TempDir(), "new")

	written := func(outcomes []dashboards.Outcome) (n int) {
		for _, o := range outcomes {
			if o.Written {
				n++
			}
		}
		return n
	}
	outcomes, err := dashboards.Export(dir, false)
	require.NoError(t, err)
	require.Len(t, outcomes, len(files))
	require.Equal(t, len(files), written(outcomes))
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, f.Content, content)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o644), info.Mode().Perm())
		beside, err := os.ReadDir(filepath.Dir(path))
		require.NoError(t, err)
		for _, entry := range beside {
			require.NotContains(t, entry.Name(), ".tidemark-", "left behind")
		}
	}

	outcomes, err = dashboards.Export(dir, false)
	require.NoError(t, err)
	require.Len(t, outcomes, len(files))
	require.Zero(t, written(outcomes))

	mine := filepath.Join(dir, "dashboards", "now.json")
	gone := filepath.Join(dir, "dashboards", "host.json")
	require.NoError(t, os.WriteFile(mine, []byte("{}"), 0o600))
	require.NoError(t, os.Remove(gone))
	outcomes, err = dashboards.Export(dir, false)
	require.ErrorIs(t, err, dashboards.ErrWouldOverwrite)
	require.ErrorContains(t, err, mine)
	require.Empty(t, outcomes)
	require.NoFileExists(t, gone, "all or nothing")

	outcomes, err = dashboards.Export(dir, true)
	require.NoError(t, err)
	require.Equal(t, 2, written(outcomes))
	require.FileExists(t, gone)
}

func TestExportToWhereNothingCanBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := dashboards.Export(file, true)
	require.ErrorContains(t, err, file)
}
