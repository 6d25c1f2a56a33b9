package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/intake"
	"github.com/tidemark/tidemark/annotate/intake/hooks"
	"github.com/tidemark/tidemark/annotate/secret"
)

// Hooks is the section hooks: the webhooks by which other tools tell of changes.
type Hooks struct{ list []hookConfig }

// hookConfig is one of them, as the file has it.
type hookConfig struct {
	hook        *intake.Hook
	value, file string
}

// maxHooks is how many hooks there may be.
const maxHooks = 200

// minSecret is how short a secret may be: it can be guessed by whoever reaches the server.
const minSecret = 8

// read reads the whole section.
func (h *Hooks) read(r *reader, n *yaml.Node, key string) {
	r.entries(n, key, func(name, value *yaml.Node, path string) {
		if len(h.list) == maxHooks {
			r.fail(name, path, "is one too many: there may be %d", maxHooks)
			return
		}
		if !environmentPattern.MatchString(name.Value) {
			r.fail(name, path, "must be called by letters, digits, '.', '_' and '-', at most 100: it is the end of a path, /hooks/NAME")
			return
		}
		h.readHook(r, name, value, path)
	})
}

// readHook reads one hook.
func (h *Hooks) readHook(r *reader, name, n *yaml.Node, key string) {
	before := len(r.errs)
	var c hookConfig
	s := intake.HookSettings{Name: name.Value}
	object(map[string]read{
		"sender":           text(into(&s.Sender, anyText)),
		"secret":           text(into(&c.value, anyText)),
		"secret_file":      text(into(&c.file, anyText)),
		"change":           text(into(&s.Change, anyText)),
		"signature_header": text(into(&s.SignatureHeader, checkHeader)),
		"service":          text(into(&s.Service, anyText)),
		"environment":      text(into(&s.Environment, checkEnvironment)),
		"runs":             text(readRuns(&s.Runs)),
		"labels":           changeLabels(&s.Labels),
	})(r, n, key)
	if len(r.errs) > before {
		return
	}
	fail := func(field, format string, args ...any) {
		at := lookup(resolve(n), field)
		if at == nil {
			at = name
		}
		r.fail(at, key, format, args...)
	}
	if s.Sender == "" {
		fail("sender", "does not say who sends: give sender, one of %s", strings.Join(intake.Senders(), ", "))
		return
	}
	switch {
	case c.value != "" && c.file != "":
		fail("secret", "has both secret and secret_file: give one of the two")
	case c.value == "" && c.file == "":
		fail("secret_file", "has no secret_file: the file that holds the secret that its sender knows, too")
	case c.value != "" && (len(strings.TrimSpace(c.value)) < minSecret || strings.IndexFunc(c.value, unicode.IsControl) >= 0):
		fail("secret", "must have a secret of one line and at least %d characters, such as openssl rand -hex 20 makes", minSecret)
	}
	hook, err := intake.NewHook(s)
	if wrong, ok := errors.AsType[*annotate.Error](err); ok {
		at := lookup(resolve(n), wrong.Field)
		if at == nil {
			at = name
		}
		r.fail(at, key+"."+wrong.Field, "%s", wrong.Message)
		return
	}
	c.hook = hook
	h.list = append(h.list, c)
}

// changeLabels reads labels that changes get.
func changeLabels(target *map[string]string) read {
	return pairs(func(label, value string) error {
		if !annotate.IsLabelName(label) {
			return errors.New("is no label: its name must have letters, digits, '_', '.' and '-', beginning with a letter or '_'")
		}
		if *target == nil {
			*target = map[string]string{}
		}
		(*target)[label] = value
		return nil
	})
}

// readRuns reads which runs are deploys.
func readRuns(target **regexp.Regexp) func(string) error {
	return func(value string) error {
		compiled, err := regexp.Compile(value)
		if err != nil {
			return fmt.Errorf("is %s, and must be a regular expression such as ^deploy-(?P<service>.+)$: %w", quoted(value), err)
		}
		for _, name := range compiled.SubexpNames() {
			if name != "" && name != "service" && name != "environment" && name != "version" {
				return fmt.Errorf("has a group %s; there are service, environment and version", name)
			}
		}
		*target = compiled
		return nil
	}
}

// complete makes relative paths start at dir.
func (h *Hooks) complete(dir string) {
	for i := range h.list {
		if file := &h.list[i].file; *file != "" && dir != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
}

// Setups are what hooks.Hooks need of this section.
func (h Hooks) Setups() []hooks.Setup {
	setups := make([]hooks.Setup, len(h.list))
	for i, c := range h.list {
		from := secret.Value(c.value)
		if c.file != "" {
			from = secret.File(c.file)
		}
		setups[i] = hooks.Setup{Hook: c.hook, Secrets: func() ([]string, error) { return longEnough(from.ReadLines()) }}
	}
	return setups
}

// longEnough refuses secrets that somebody could guess.
func longEnough(secrets []string, err error) ([]string, error) {
	for _, s := range secrets {
		if len(s) < minSecret {
			return nil, fmt.Errorf("a secret of a hook has fewer than %d characters; take a longer one, such as openssl rand -hex 20 makes", minSecret)
		}
	}
	return secrets, err
}

// noteSecrets says which secrets cannot be read now.
func (h Hooks) noteSecrets(note func(string)) {
	for i, s := range h.Setups() {
		if _, err := s.Secrets(); err != nil {
			note(fmt.Sprintf("hooks.%s: what is sent to it will be refused: %v", h.list[i].hook.Name(), err))
		}
	}
}

// Hook returns the hook of a name; nil for none.
func (h Hooks) Hook(name string) *intake.Hook {
	for _, c := range h.list {
		if c.hook.Name() == name {
			return c.hook
		}
	}
	return nil
}
