package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/net/http/httpguts"

	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/driver"
	"github.com/tidemark/tidemark/annotate/secret"
)

// credentials are the token for another tool.
type credentials struct{ token, file string }

// fields adds the keys of the token.
func (c *credentials) fields(fields map[string]read) map[string]read {
	fields["token"] = text(into(&c.token, anyText))
	fields["token_file"] = text(into(&c.file, anyText))
	return fields
}

func (c *credentials) check(fail func(path, format string, args ...any)) {
	switch {
	case c.token != "" && c.file != "":
		fail(".token", "is there beside token_file: give one of the two")
	case c.token == "" && c.file == "":
		fail("", "has no token_file: the file that holds the token")
	}
}

func (c *credentials) resolve(absolute func(string) string, _ string) { c.file = absolute(c.file) }

func (c *credentials) secret() secret.Secret {
	if c.file != "" {
		return secret.File(c.file)
	}
	return secret.Value(c.token)
}

// checkURL refuses what is no server's URL.
func checkURL(server string) error {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("is %s, and must be a server's URL such as https://ci.example", quoted(server))
	}
	return nil
}

// templates reads a mapping of names to texts with placeholders.
func templates(target *map[string]deploy.Template) read {
	return pairs(func(name, value string) error {
		if *target == nil {
			*target = map[string]deploy.Template{}
		}
		(*target)[name] = deploy.Template(value)
		return nil
	})
}

// template reads a text with placeholders.
func template(target *deploy.Template) read {
	return text(func(value string) error {
		*target = deploy.Template(value)
		return nil
	})
}

// checkTemplates fails the placeholders that are none, and needed keys that are not
// there. Each is by its path below the driver's key.
func checkTemplates(parameters map[string]deploy.Parameter, all map[string]deploy.Template, fail func(path, format string, args ...any)) {
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if err := all[path].Check(parameters); err != nil {
			fail(path, "%v", err)
		}
	}
}

// belowPath puts paths in front of the templates of a mapping.
func belowPath(path string, list map[string]deploy.Template) map[string]deploy.Template {
	out := make(map[string]deploy.Template, len(list))
	for name, value := range list {
		out[path+"."+name] = value
	}
	return out
}

// need fails for a key that is not there.
func need(fail func(path, format string, args ...any), values map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if strings.TrimSpace(values[key]) == "" {
			fail("", "has no %s", key)
		}
	}
}

// gitlabConfig is a pipeline of GitLab.
type gitlabConfig struct {
	credentials
	d driver.GitLab
}

func (c *gitlabConfig) fields() map[string]read {
	return c.credentials.fields(map[string]read{
		"url":       text(into(&c.d.API, checkURL)),
		"project":   text(into(&c.d.Project, anyText)),
		"ref":       template(&c.d.Ref),
		"variables": templates(&c.d.Variables),
	})
}

func (c *gitlabConfig) check(parameters map[string]deploy.Parameter, fail func(path, format string, args ...any)) {
	c.credentials.check(fail)
	need(fail, map[string]string{"project": c.d.Project, "ref": string(c.d.Ref)})
	checkTemplates(parameters, map[string]deploy.Template{".ref": c.d.Ref}, fail)
	checkTemplates(parameters, belowPath(".variables", c.d.Variables), fail)
	if _, own := c.d.Variables["TIDEMARK_DEPLOY_ID"]; own {
		fail(".variables.TIDEMARK_DEPLOY_ID", "is Tidemark's own: call it otherwise")
	}
}

func (c *gitlabConfig) driver([]string) driver.Driver {
	d := c.d
	d.Token = c.secret()
	return &d
}

// jenkinsConfig is a job of Jenkins.
type jenkinsConfig struct {
	credentials
	d driver.Jenkins
}

func (c *jenkinsConfig) fields() map[string]read {
	return c.credentials.fields(map[string]read{
		"url":        text(into(&c.d.URL, checkURL)),
		"user":       text(into(&c.d.User, anyText)),
		"job":        text(into(&c.d.Job, anyText)),
		"parameters": templates(&c.d.Parameters),
	})
}

func (c *jenkinsConfig) check(parameters map[string]deploy.Parameter, fail func(path, format string, args ...any)) {
	c.credentials.check(fail)
	need(fail, map[string]string{"url": c.d.URL, "user": c.d.User, "job": c.d.Job})
	checkTemplates(parameters, belowPath(".parameters", c.d.Parameters), fail)
}

func (c *jenkinsConfig) driver([]string) driver.Driver {
	d := c.d
	d.Token = c.secret()
	return &d
}

// argocdConfig is a sync of Argo CD.
type argocdConfig struct {
	credentials
	d       driver.ArgoCD
	healthy bool
}

func (c *argocdConfig) fields() map[string]read {
	return c.credentials.fields(map[string]read{
		"url":          text(into(&c.d.URL, checkURL)),
		"application":  text(into(&c.d.Application, anyText)),
		"namespace":    text(into(&c.d.Namespace, anyText)),
		"project":      text(into(&c.d.Project, anyText)),
		"revision":     template(&c.d.Revision),
		"prune":        boolean(&c.d.Prune),
		"wait_healthy": boolean(&c.healthy),
	})
}

func (c *argocdConfig) check(parameters map[string]deploy.Parameter, fail func(path, format string, args ...any)) {
	c.credentials.check(fail)
	need(fail, map[string]string{"url": c.d.URL, "application": c.d.Application})
	checkTemplates(parameters, map[string]deploy.Template{".revision": c.d.Revision}, fail)
}

func (c *argocdConfig) driver([]string) driver.Driver {
	d := c.d
	d.Token, d.SyncOnly = c.secret(), !c.healthy
	return &d
}

// githubConfig is a workflow of GitHub Actions.
type githubConfig struct {
	credentials
	d driver.GitHub
}

func (c *githubConfig) fields() map[string]read {
	return c.credentials.fields(map[string]read{
		"url":        text(into(&c.d.API, checkURL)),
		"repository": text(into(&c.d.Repository, checkRepository)),
		"workflow":   text(into(&c.d.Workflow, anyText)),
		"ref":        template(&c.d.Ref),
		"inputs":     templates(&c.d.Inputs),
	})
}

func checkRepository(name string) error {
	owner, repository, ok := strings.Cut(name, "/")
	if !ok || owner == "" || repository == "" || strings.Contains(repository, "/") {
		return fmt.Errorf("is %s, and must be a repository such as acme/web", quoted(name))
	}
	return nil
}

func (c *githubConfig) check(parameters map[string]deploy.Parameter, fail func(path, format string, args ...any)) {
	c.credentials.check(fail)
	need(fail, map[string]string{"repository": c.d.Repository, "workflow": c.d.Workflow, "ref": string(c.d.Ref)})
	checkTemplates(parameters, map[string]deploy.Template{".ref": c.d.Ref}, fail)
	checkTemplates(parameters, belowPath(".inputs", c.d.Inputs), fail)
}

func (c *githubConfig) driver([]string) driver.Driver {
	d := c.d
	d.Token = c.secret()
	return &d
}

// httpConfig is an HTTP call.
type httpConfig struct {
	credentials
	d      driver.HTTP
	status *driver.HTTPStatus
}

func (c *httpConfig) fields() map[string]read {
	return c.credentials.fields(map[string]read{
		"url":          template(&c.d.URL),
		"method":       text(into(&c.d.Method, oneOf("POST", "PUT", "PATCH"))),
		"headers":      pairs(c.addHeader),
		"token_header": text(into(&c.d.TokenHeader, checkHeader)),
		"body":         c.readBody,
		"status":       c.readStatus,
		"cancel_url":   template(&c.d.Cancelling),
		"page":         template(&c.d.Page),
	})
}

func (c *httpConfig) addHeader(name, value string) error {
	if err := checkHeader(name); err != nil {
		return err
	}
	if !httpguts.ValidHeaderFieldValue(value) {
		return fmt.Errorf("is %s, and must be a header's value: one line", quoted(value))
	}
	if c.d.Headers == nil {
		c.d.Headers = map[string]string{}
	}
	c.d.Headers[name] = value
	return nil
}

func checkHeader(name string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return fmt.Errorf("%s is no name of a header", quoted(name))
	}
	return nil
}

func (c *httpConfig) readBody(r *reader, n *yaml.Node, key string) {
	if err := n.Decode(&c.d.Body); err != nil {
		r.fail(n, key, "cannot be read: %v", err)
		return
	}
	if _, err := json.Marshal(c.d.Body); err != nil {
		r.fail(n, key, "cannot be sent as JSON: its keys must be text")
	}
}

func (c *httpConfig) readStatus(r *reader, n *yaml.Node, key string) {
	c.status = &driver.HTTPStatus{}
	object(map[string]read{
		"url":       template(&c.status.URL),
		"field":     text(into(&c.status.Field, anyText)),
		"succeeded": words(&c.status.Succeeded, anyText),
		"failed":    words(&c.status.Failed, anyText),
		"cancelled": words(&c.status.Cancelled, anyText),
		"log":       text(into(&c.status.Log, anyText)),
	})(r, n, key)
}

func (c *httpConfig) check(parameters map[string]deploy.Parameter, fail func(path, format string, args ...any)) {
	if c.token != "" && c.file != "" {
		c.credentials.check(fail)
	}
	all := map[string]deploy.Template{".url": c.d.URL, ".cancel_url": c.d.Cancelling, ".page": c.d.Page}
	if c.status != nil {
		all[".status.url"] = c.status.URL
		if c.status.Field == "" || len(c.status.Succeeded) == 0 || len(c.status.Failed) == 0 {
			fail(".status", "needs field, succeeded and failed: where the status is, and what it is at the end")
		}
	}
	checkTemplates(parameters, all, fail)
	walkStrings(c.d.Body, func(text string) {
		if err := deploy.Template(text).Check(parameters); err != nil {
			fail(".body", "%v", err)
		}
	})
	if err := c.d.Check(); err != nil {
		fail("", "%v", err)
	}
}

// walkStrings visits the strings of a document.
func walkStrings(document any, visit func(string)) {
	switch v := document.(type) {
	case string:
		visit(v)
	case []any:
		for _, below := range v {
			walkStrings(below, visit)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			walkStrings(v[name], visit)
		}
	}
}

func (c *httpConfig) driver([]string) driver.Driver {
	d := c.d
	d.Status = c.status
	if c.token != "" || c.file != "" {
		d.Token = c.secret()
	}
	return &d
}
