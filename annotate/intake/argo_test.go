package intake

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// templatesOf are the bodies that the templates of a page of docs/hooks send, by their
// names.
func templatesOf(t *testing.T, page string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../../docs/hooks/" + page + ".md")
	require.NoError(t, err)
	_, block, found := strings.Cut(string(raw), "```yaml\napiVersion")
	require.True(t, found, "the page has no ConfigMap")
	block, _, _ = strings.Cut(block, "```")
	var configMap struct {
		Data map[string]string `yaml:"data"`
	}
	require.NoError(t, yaml.Unmarshal([]byte("apiVersion"+block), &configMap))
	bodies := map[string]string{}
	for key, value := range configMap.Data {
		require.NoError(t, yaml.Unmarshal([]byte(value), new(any)), key)
		name, is := strings.CutPrefix(key, "template.")
		if !is {
			continue
		}
		var sends struct {
			Webhook map[string]struct{ Method, Body string }
		}
		require.NoError(t, yaml.Unmarshal([]byte(value), &sends))
		require.Equal(t, "POST", sends.Webhook["tidemark"].Method)
		require.Contains(t, configMap.Data["service.webhook.tidemark"], "https://tidemark.example/hooks/"+page)
		bodies[name] = sends.Webhook["tidemark"].Body
	}
	return bodies
}

// What the pages say to paste into Argo's notifications makes what is understood here.
func TestTemplatesOfThePagesAreUnderstood(t *testing.T) {
	functions := template.FuncMap{ // of sprig, which Argo's templates have
		"now": func() time.Time { return now },
		"toJson": func(v any) (string, error) {
			raw, err := json.Marshal(v)
			return string(raw), err
		},
	}
	for page, example := range map[string]string{"argocd": "healthy", "argorollouts": "completed"} {
		d := payload(t, "testdata/hooks/"+page+"/"+example+".http")
		var objects map[string]any
		require.NoError(t, json.Unmarshal(d.Body, &objects))
		objects["context"] = map[string]string{"argocdUrl": "https://argocd.example"}
		templates := templatesOf(t, page)
		require.NotEmpty(t, templates, page)
		for name, text := range templates {
			var body bytes.Buffer
			require.NoError(t, template.Must(template.New(name).Funcs(functions).Parse(text)).Execute(&body, objects))
			d.Body = body.Bytes()
			got := readingOf(t, hookOf(t, page, d.Header), d)
			require.Empty(t, got.Failures, name)
			require.NotEmpty(t, got.Changes, name)
		}
	}
}
