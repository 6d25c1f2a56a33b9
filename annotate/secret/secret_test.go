package secret

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const token = "hunter2hunter2"

func TestASecretIsNotShown(t *testing.T) {
	type config struct{ Token Secret }
	type hidden struct{ c config }
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
	for _, secret := range []Secret{Value(token), File(file)} {
		got, err := secret.Read()
		require.NoError(t, err)
		require.Equal(t, token, got)
		text, err := json.Marshal(config{secret})
		require.NoError(t, err)
		for _, shown := range []string{
			string(text), secret.String(), fmt.Sprint(secret), fmt.Sprintf("%v %+v %#v %s %q", secret, secret, secret, secret, secret),
			fmt.Sprintf("%v %+v %#v", config{secret}, &config{secret}, hidden{config{secret}}),
		} {
			require.NotContains(t, shown, token)
		}
	}
	require.Equal(t, Value("a"), Value("a"))
	require.NotEqual(t, Value("a"), Value("b"))
	require.True(t, Secret{}.IsZero())

	for name, bad := range map[string]string{"empty": " \n", "lines": "a\nb", "long": strings.Repeat("x", maxToken+1)} {
		require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
		_, err := File(file).Read()
		require.ErrorContains(t, err, file, name)
	}
	_, err := File(file + ".none").Read()
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAFileMayHoldSeveralSecretsWhileOneIsChanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("new secret\r\n\n old secret \n"), 0o600))
	all, err := File(file).ReadLines()
	require.NoError(t, err)
	require.Equal(t, []string{"new secret", "old secret"}, all)
	all, err = Value("one").ReadLines()
	require.NoError(t, err)
	require.Equal(t, []string{"one"}, all)
	for name, bad := range map[string]string{"empty": " \n", "control": "a\tb\n", "many": strings.Repeat("x\n", maxLines+1)} {
		require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
		_, err := File(file).ReadLines()
		require.ErrorContains(t, err, file, name)
	}
}
