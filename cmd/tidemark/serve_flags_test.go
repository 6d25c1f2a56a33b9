package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/ingest/store"
)

func TestRetentionFlags(t *testing.T) {
	f := func(span, size string, want store.Retention) {
		t.Helper()
		got, err := (&serveCmd{RetentionTime: span, RetentionSize: size}).retention()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	f("", "0", store.Retention{Time: 15 * 24 * time.Hour})
	f("1y", "0", store.Retention{Time: 365 * 24 * time.Hour})
	f("", "10GB", store.Retention{Size: 10 << 30})
	f("2d", "512MB", store.Retention{Time: 48 * time.Hour, Size: 512 << 20})
	for span, size := range map[string]string{"a while": "0", "": "plenty", "1d": "-1GB"} {
		_, err := (&serveCmd{RetentionTime: span, RetentionSize: size}).retention()
		require.ErrorContains(t, err, "such as")
	}
}
