package intake

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionOfAPackage(t *testing.T) {
	f := func(purl, version, commit string) {
		t.Helper()
		gotVersion, gotCommit := versionOfPackage(purl)
		require.Equal(t, version, gotVersion, purl)
		require.Equal(t, commit, gotCommit, purl)
	}
	const digest = "sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"
	f("pkg:golang/acme.example/shop/web@v1.42.0", "v1.42.0", "")
	f("pkg:npm/%40acme/web@2.0.1", "2.0.1", "")
	f("pkg:oci/web?tag=1.43.0", "1.43.0", "")
	f("pkg:oci/web@"+digest+"?repository_url=registry.acme.example/web&tag=1.43.0", "1.43.0", "")
	f("pkg:oci/web@"+digest, "sha256:0b31b1c02ff4", "")
	f("pkg:oci/web@sha256%3A0b31", "sha256:0b31", "")
	f("pkg:github/acme/web@f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "f95f852", "f95f852bd8fca8fcc58a9a2d6c842781e32a215e")
	f("pkg:generic/web", "", "")
	f("web-1.42.0.whl", "", "")
	f("", "", "")
}
