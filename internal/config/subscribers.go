package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/publish"
	"github.com/tidemark/tidemark/annotate/secret"
)

// Subscribers is the section subscribers: who is told of changes.
type Subscribers struct{ list []subscriberConfig }

// subscriberConfig is one of them, as the file has it.
type subscriberConfig struct {
	publish.Subscriber
	value, file string
}

// maxSubscribers is how many there may be.
const maxSubscribers = 100

// read reads the whole section.
func (s *Subscribers) read(r *reader, n *yaml.Node, key string) {
	r.entries(n, key, func(name, value *yaml.Node, path string) {
		switch {
		case len(s.list) == maxSubscribers:
			r.fail(name, path, "is one too many: there may be %d", maxSubscribers)
		case !environmentPattern.MatchString(name.Value):
			r.fail(name, path, "must be called by letters, digits, '.', '_' and '-', at most 100")
		default:
			s.readOne(r, name, value, path)
		}
	})
}

func (s *Subscribers) readOne(r *reader, name, n *yaml.Node, key string) {
	c := subscriberConfig{Subscriber: publish.Subscriber{Name: name.Value, Format: publish.JSON}}
	format, statuses := string(c.Format), []string(nil)
	before := len(r.errs)
	object(map[string]read{
		"url":          text(into(&c.URL, checkTarget)),
		"secret":       text(into(&c.value, anyText)),
		"secret_file":  text(into(&c.file, anyText)),
		"format":       text(into(&format, oneOf(publish.Formats()...))),
		"kinds":        words(&c.Filter.Kinds, anyText),
		"services":     words(&c.Filter.Services, anyText),
		"environments": words(&c.Filter.Environments, anyText),
		"statuses":     words(&statuses, checkStatus),
	})(r, n, key)
	if len(r.errs) > before {
		return
	}
	c.Format = publish.Format(format)
	for _, status := range statuses {
		c.Filter.Statuses = append(c.Filter.Statuses, annotate.Status(status))
	}
	switch {
	case c.URL == "":
		r.fail(name, key, "has no url: where changes are posted to")
	case c.value != "" && c.file != "":
		r.fail(name, key, "has both secret and secret_file: give one of the two")
	case c.value == "" && c.file == "":
		r.fail(name, key, "has no secret_file: the file that holds the secret by which the subscriber knows that it is Tidemark")
	case c.value != "" && (len(strings.TrimSpace(c.value)) < minSecret || strings.IndexFunc(c.value, unicode.IsControl) >= 0):
		r.fail(name, key, "must have a secret of one line and at least %d characters, such as openssl rand -hex 20 makes", minSecret)
	default:
		s.list = append(s.list, c)
	}
}

// checkTarget refuses what nothing can be posted to. Its error does not show a URL that
// has a secret.
func checkTarget(target string) error {
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
		return fmt.Errorf("must be a URL such as https://audit.example/changes")
	}
	return nil
}

func checkStatus(status string) error {
	if !slices.Contains(annotate.Statuses(), annotate.Status(status)) {
		return fmt.Errorf("is %s, and must be planned, running, succeeded, failed, cancelled or lost", quoted(status))
	}
	return nil
}

// complete makes relative paths start at dir.
func (s *Subscribers) complete(dir string) {
	for i := range s.list {
		if file := &s.list[i].file; *file != "" && dir != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
}

// noteSecrets says which secrets cannot be read now.
func (s Subscribers) noteSecrets(note func(string)) {
	for _, one := range s.Subscribers() {
		if _, err := one.Secrets(); err != nil {
			note(fmt.Sprintf("subscribers.%s: it is not told of anything: %v", one.Name, err))
		}
	}
}

// Subscribers are what a publish.Publisher needs of this section.
func (s Subscribers) Subscribers() []publish.Subscriber {
	list := make([]publish.Subscriber, len(s.list))
	for i, c := range s.list {
		from := secret.Value(c.value)
		if c.file != "" {
			from = secret.File(c.file)
		}
		c.Secrets = func() ([]string, error) { return longEnough(from.ReadLines()) }
		list[i] = c.Subscriber
	}
	return list
}
