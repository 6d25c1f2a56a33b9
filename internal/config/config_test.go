package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
	"github.com/tidemark/tidemark/annotate/flag/flagfile"
	"github.com/tidemark/tidemark/annotate/intake/kube"
	"github.com/tidemark/tidemark/annotate/publish"
	"github.com/tidemark/tidemark/annotate/secret"
	"github.com/tidemark/tidemark/ingest/push"
	"github.com/tidemark/tidemark/internal/auth"
	"github.com/tidemark/tidemark/internal/config"
	"github.com/tidemark/tidemark/query/watch"
)

var update = flag.Bool("update", false, "write the expected errors of testdata/invalid anew")

// files returns the files that pattern finds; there is at least one.
func files(t testing.TB, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, found, pattern)
	return found
}

func parse(t testing.TB, yaml string) *config.Config {
	t.Helper()
	cfg, err := config.Parse([]byte(yaml), "tidemark.yml", "")
	require.NoError(t, err)
	return cfg
}

func TestInvalidFiles(t *testing.T) {
	for _, file := range files(t, "testdata/invalid/*.yml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			cfg, err := config.Parse(data, "tidemark.yml", "")
			require.Error(t, err)
			require.Nil(t, cfg)
			golden := strings.TrimSuffix(file, ".yml") + ".txt"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(err.Error()+"\n"), 0o600))
			}
			want, readErr := os.ReadFile(golden)
			require.NoError(t, readErr)
			require.Equal(t, string(want), err.Error()+"\n")
		})
	}
}

func TestValidFiles(t *testing.T) {
	for _, file := range files(t, "testdata/valid/*.yml") {
		cfg, err := config.Load(file)
		require.NoError(t, err, file)
		require.NoError(t, cfg.AddEmbeddedJobs("here"), file)
	}
}

func TestEverySectionIsRead(t *testing.T) {
	cfg, err := config.Load("testdata/valid/everything.yml")
	require.NoError(t, err)
	require.Equal(t, config.Host{
		Enabled: true, JobName: "machine",
		Collectors: []string{"cpu", "loadavg"}, Enable: []string{"processes"}, Disable: []string{"loadavg"},
		Flags: map[string]string{"collector.filesystem.mount-points-exclude": "^/(dev|proc)($|/)", "path.rootfs": "/host"},
	}, cfg.Host)
	require.Equal(t, config.Changes{MaxPerRequest: 50, JoinWithin: 20 * time.Minute, Series: config.ChangeSeries{MaxChanges: 20, MaxGroups: 30}}, cfg.Changes)
	require.Equal(t, config.Auth{Anonymous: auth.None, Users: map[string]auth.Role{"ann": auth.Admin, "bob": auth.Operator}, Environments: map[string]auth.Role{"production": auth.Admin}}, cfg.Auth)
	require.Equal(t, config.Flags{
		DefaultEnvironment: "staging", Environments: []string{"staging", "production"}, RequireReason: []string{"production"}, MaxFlags: 100,
		Origins: []string{"https://shop.example", "http://localhost:3000"}, Context: map[string]any{"region": "eu", "weight": 2.0, "beta": true},
		Files: []flagfile.Source{{Path: "testdata/valid/flags/*.yaml", Environment: "production"}, {Path: "/etc/flags", Environment: "staging"}},
	}, cfg.Flags)
	require.Equal(t, push.Limits{
		MaxSamples: 1000, MaxLabels: 20, MaxLabelName: 100, MaxLabelValue: 200, MaxConcurrent: 3, MaxBody: 1 << 20,
	}, cfg.Ingest.Limits())
	deploys := cfg.Deploys.Settings([]string{"tidemark", "supervise"})
	require.Equal(t, []string{"production"}, deploys.RequireReason)
	require.Equal(t, int64(1<<20), deploys.LogBytes)
	require.Equal(t, 20, deploys.KeepRuns)
	saturday := time.Date(2026, 12, 5, 12, 0, 0, 0, time.UTC)
	require.True(t, deploys.Freezes[0].Holds(saturday))
	require.False(t, deploys.Freezes[0].Holds(saturday.AddDate(0, 0, 2)))
	require.False(t, deploys.Freezes[0].Holds(saturday.AddDate(0, 0, 28)), "another year")
	web := deploys.Targets[0]
	require.Equal(t, deploy.ID{Service: "web", Environment: "production"}, web.ID)
	require.Equal(t, 20*time.Minute, web.Timeout)
	require.True(t, web.Version.MatchString("v43"))
	require.False(t, web.Version.MatchString("43"))
	require.Equal(t, "eu", *web.Parameters["region"].Default)
	require.Equal(t, &driver.Command{
		Exec: []deploy.Template{"./deploy.sh", "{version}", "--region={region}"}, Directory: "testdata/valid/web",
		Env: map[string]string{"LANG": "C"}, Secrets: map[string]string{"KUBE_TOKEN": "testdata/valid/kube-token"},
		Self: []string{"tidemark", "supervise"},
	}, web.Driver)
	require.Equal(t, "testdata/valid", deploys.Targets[1].Driver.(*driver.Command).Directory, "where the file is")
	require.Equal(t, deploy.DefaultTimeout, deploys.Targets[1].Timeout)
	version := map[string]deploy.Template{"VERSION": "{version}"}
	require.Equal(t, &driver.GitLab{API: "https://git.example", Project: "acme/web", Ref: "main", Token: secret.File("testdata/valid/gitlab-token"), Variables: version}, deploys.Targets[2].Driver)
	require.Equal(t, &driver.Jenkins{URL: "https://ci.example", User: "bot", Job: "ops/deploy", Token: secret.Value("t"), Parameters: version}, deploys.Targets[3].Driver)
	require.Equal(t, &driver.ArgoCD{URL: "https://argo.example", Application: "web", Token: secret.File("/etc/argo"), Revision: "{version}", Prune: true, SyncOnly: true}, deploys.Targets[4].Driver)
	require.Equal(t, &driver.GitHub{Repository: "acme/web", Workflow: "deploy.yml", Ref: "main", Token: secret.File("testdata/valid/github-token"), Inputs: map[string]deploy.Template{"version": "{version}", "id": "{id}"}}, deploys.Targets[5].Driver)
	require.Equal(t, &driver.HTTP{
		URL: "https://deployer.example/{service}/{environment}", Headers: map[string]string{"X-Team": "web"}, Token: secret.File("/etc/deployer"),
		Body:       map[string]any{"tag": "{version}", "hosts": []any{1, true, "{environment}"}},
		Status:     &driver.HTTPStatus{Field: "state", Succeeded: []string{"done"}, Failed: []string{"broken"}},
		Cancelling: "https://deployer.example/{id}/cancel",
	}, deploys.Targets[6].Driver)
	require.Equal(t, []kube.Cluster{{
		Name: "eu-1", Kubeconfig: "testdata/valid/kubeconfig", Context: "eu", Namespaces: []string{"shop"}, Service: []string{"app"},
		EnvironmentLabels: []string{"env"}, Environment: "production", Labels: map[string]string{"region": "eu"},
	}}, cfg.Kubernetes.Clusters)
	audit := cfg.Subscribers.Subscribers()[0]
	audit.Secrets = nil
	require.Equal(t, publish.Subscriber{Name: "audit", URL: "https://audit.example/changes", Format: publish.CDEvents, Filter: annotate.Filter{
		Kinds: []string{"deploy"}, Services: []string{"web"}, Environments: []string{"production"}, Statuses: []annotate.Status{annotate.Failed},
	}}, audit)
	watched := watch.DefaultSettings()
	watched.Metrics, watched.Version, watched.DefaultEnvironment = "app_version", []string{"v"}, "production"
	require.Equal(t, &watched, cfg.Versions.Watched())
	require.Equal(t, "github", cfg.Hooks.Hook("github").Sender())
	require.Equal(t, "generic", cfg.Hooks.Hook("octopus").Sender())
	require.Nil(t, cfg.Hooks.Hook("gitlab"))
	setups := cfg.Hooks.Setups()
	require.Len(t, setups, 2)
	secrets, err := setups[1].Secrets()
	require.NoError(t, err)
	require.Equal(t, []string{"hunter2hunter2"}, secrets)
	_, err = setups[0].Secrets()
	require.ErrorContains(t, err, "testdata/valid/github-secret", "it is read when it is needed")
	require.Len(t, cfg.Prometheus.ScrapeConfigs, 2)
	require.Equal(t, "home", cfg.Prometheus.GlobalConfig.ExternalLabels.Get("site"))
	require.Zero(t, cfg.Prometheus.StorageConfig.TSDBConfig.OutOfOrderTimeWindow)
	require.EqualValues(t, 5, cfg.Prometheus.StorageConfig.ExemplarsConfig.MaxExemplars)
}

func TestByteOrderMarkAndCarriageReturns(t *testing.T) {
	cfg, err := config.Load("testdata/valid/bom_crlf.yml")
	require.NoError(t, err)
	require.False(t, cfg.Host.Enabled)
	require.Equal(t, model.Duration(20*time.Second), cfg.Prometheus.GlobalConfig.ScrapeInterval)
}

func TestRefusesWhatIsNoText(t *testing.T) {
	f := func(data, says string) {
		t.Helper()
		_, err := config.Parse([]byte(data), "tidemark.yml", "")
		require.ErrorContains(t, err, says)
	}
	f("\xff\xfeh\x00o\x00", "UTF-8")
	f(strings.Repeat("#", config.MaxFile+1), "file_sd_configs")
	f("host: \x00", "tidemark.yml")
	_, err := config.Load(filepath.Join(t.TempDir(), "missing.yml"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestRelativePathsStartAtTheFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tidemark.yml")
	require.NoError(t, os.WriteFile(file, []byte("rule_files: [rules/*.yml]\nhost: {enabled: false}\n"), 0o600))
	cfg, err := config.Load(file)
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "rules/*.yml")}, cfg.Prometheus.RuleFiles)
}

func TestNotesAnEmptyEnvironmentVariable(t *testing.T) {
	t.Setenv("TIDEMARK_TEST_SITE", "")
	cfg := parse(t, "global: {external_labels: {site: $TIDEMARK_TEST_SITE}}")
	require.Len(t, cfg.Notes, 1)
	require.Contains(t, cfg.Notes[0], "TIDEMARK_TEST_SITE")
}

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/valid/*.yml", "testdata/invalid/*.yml"} {
		for _, file := range files(f, pattern) {
			data, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(data)
		}
	}
	f.Add([]byte("a: &x {<<: *x}\nhost: *x"))
	f.Add([]byte("host: {}\u2028global: {}"))
	f.Add([]byte("? host\n: {enabled: false}\n? global\n: {}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := config.Parse(data, "tidemark.yml", "")
		if (cfg == nil) == (err == nil) {
			t.Fatalf("got %v and %v", cfg, err)
		}
		if cfg != nil {
			if err := cfg.AddEmbeddedJobs("here"); err != nil && len(cfg.Prometheus.ScrapeConfigFiles) == 0 {
				t.Fatal(err)
			}
		}
	})
}
