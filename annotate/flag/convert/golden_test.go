package convert_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	flags "github.com/tidemark/tidemark/annotate/flag"
	"github.com/tidemark/tidemark/annotate/flag/convert"
)

var update = flag.Bool("update", false, "write the golden files of testdata anew")

// Whole files as their makers export them. The golden file beside each has the
// definitions, and what is said about them.
func TestGoldenFiles(t *testing.T) {
	for file, environment := range map[string]string{
		"flagd-shop.json":        "",
		"flagd-list.yaml":        "",
		"unleash-export.json":    "production",
		"unleash-client.json":    "",
		"launchdarkly-rest.json": "production",
		"launchdarkly-file.yaml": "",
	} {
		t.Run(file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", file))
			require.NoError(t, err)
			format, _, _ := strings.Cut(file, "-")
			r := from(t, format, string(data), convert.Options{Environment: environment})
			out, err := convert.Export(r.Flags, flags.YAML)
			require.NoError(t, err)
			var b strings.Builder
			b.Write(out)
			b.WriteString("\n# left out: " + strings.Join(r.LeftOut, ", ") + "\n")
			for _, remark := range r.Remarks {
				fmt.Fprintf(&b, "# %s\n#   at %s, lost %t\n#   %s\n", remark.Flag, remark.Path, remark.Lost, remark.Text)
			}
			golden := filepath.Join("testdata", file+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), b.String())

			// What is written is read back as it was.
			for _, notation := range []flags.Format{flags.JSON, flags.YAML, flags.TOML} {
				out, err := convert.Export(r.Flags, notation)
				require.NoError(t, err)
				again := from(t, convert.GOFF, string(out), convert.Options{Notation: notation})
				once, err := convert.Export(again.Flags, flags.JSON)
				require.NoError(t, err)
				want, err := convert.Export(r.Flags, flags.JSON)
				require.NoError(t, err)
				require.JSONEq(t, string(want), string(once))
			}
		})
	}
}
