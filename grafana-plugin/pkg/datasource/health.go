package datasource

import (
	"context"
	"fmt"
	"strings"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
)

// CheckHealth implements backend.CheckHealthHandler: what "Save & test" says.
func (d *DataSource) CheckHealth(ctx context.Context, _ *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	f, err := d.inspect(ctx)
	if err != nil {
		return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: sentence(err.Error())}, nil
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: f.String()}, nil
}

// String says what was found, as in "Tidemark v1.2.3: 2 jobs up, 14 changes,
// last: deploy web v42".
func (f found) String() string {
	text := fmt.Sprintf("Tidemark %s: %s up, %s", f.Version, counted(f.Jobs, "job"), counted(f.Changes, "change"))
	if f.Last != "" {
		text += ", last: " + f.Last
	}
	return text
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// sentence begins text with a capital, unless that is a URL.
func sentence(text string) string {
	if text == "" || strings.HasPrefix(text, "http") {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
