package driver

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidemark/tidemark/annotate/deploy"
	"github.com/tidemark/tidemark/annotate/deploy/supervise"
)

// ownPrefix is what the variables begin with that Tidemark gives a command.
const ownPrefix = "TIDEMARK_DEPLOY_"

// maxSecret is how long a secret may be, in bytes: longer ones are no variables on
// Linux.
const maxSecret = 100 << 10

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Check returns an error for a command that can't be run. The placeholders it leaves
// to Template.Check.
func (c *Command) Check() error {
	switch {
	case c.Shell != "" && len(c.Exec) > 0:
		return errors.New("a command has exec or shell, not both")
	case c.Shell == "" && (len(c.Exec) == 0 || c.Exec[0] == ""):
		return errors.New("a command has to say what to run, in exec or shell")
	case len(c.Exec) > 0 && !c.Exec[0].Fixed():
		return fmt.Errorf("the program %q must be without placeholders", string(c.Exec[0]))
	}
	for _, variables := range []map[string]string{c.Env, c.Secrets} {
		for _, name := range slices.Sorted(maps.Keys(variables)) {
			if err := CheckVariable(name); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		if _, also := c.Secrets[name]; also {
			return fmt.Errorf("the environment variable %s is there twice, as a secret and as none", name)
		}
		if strings.ContainsRune(c.Env[name], 0) {
			return fmt.Errorf("the environment variable %s has a NUL byte in its value", name)
		}
	}
	return nil
}

// CheckVariable returns an error for the name of an environment variable that a command
// cannot be given.
func CheckVariable(name string) error {
	if !variableName.MatchString(name) {
		return fmt.Errorf("%q is no name of an environment variable: it has letters, digits and underscores, and does not begin with a digit", name)
	}
	if strings.HasPrefix(name, ownPrefix) {
		return fmt.Errorf("the environment variable %s is Tidemark's: what begins with %s cannot be set", name, ownPrefix)
	}
	return nil
}

// spec is what the supervisor of a job is told.
func (c *Command) spec(job Job) (supervise.Spec, error) {
	if err := c.Check(); err != nil {
		return supervise.Spec{}, err
	}
	argv, err := c.argv(job.Values())
	if err != nil {
		return supervise.Spec{}, err
	}
	secrets, err := c.secrets()
	if err != nil {
		return supervise.Spec{}, err
	}
	spec := supervise.Spec{
		Argv: argv, Env: c.environment(job.Run, secrets),
		Log: job.Log, Secrets: shown(secrets),
		Timeout: job.Timeout, Grace: job.Grace,
	}
	folder, err := absolute(job.Folder)
	if err != nil {
		return supervise.Spec{}, err
	}
	spec.Folder = supervise.Folder(folder)
	if spec.Log.Path, err = absolute(job.Log.Path); err != nil {
		return supervise.Spec{}, err
	}
	spec.Directory, err = c.directory(folder)
	return spec, err
}

// directory is where the command of a run runs. In the run's own folder that is one
// below it, since a file of the command's, such as a status.json, would else be taken
// for the supervisor's.
func (c *Command) directory(folder string) (string, error) {
	if c.Directory != "" {
		return absolute(c.Directory)
	}
	work := filepath.Join(folder, "work")
	if err := os.MkdirAll(work, 0o700); err != nil {
		return "", fmt.Errorf("making the folder that a command runs in: %w", err)
	}
	return work, nil
}

// argv is the program and its arguments.
func (c *Command) argv(values map[string]string) ([]string, error) {
	if c.Shell != "" {
		return []string{"/bin/sh", "-c", c.Shell}, nil
	}
	argv := make([]string, len(c.Exec))
	for i, template := range c.Exec {
		argv[i] = template.Fill(values, withoutNUL)
		// Versions and parameters were checked, but not the reason, who asked, and
		// what was there before.
		if strings.HasPrefix(argv[i], "-") && !strings.HasPrefix(string(template), "-") {
			return nil, fmt.Errorf("the argument %s would be %q, which begins with a dash and would be taken for an option", template, argv[i])
		}
	}
	return argv, nil
}

// withoutNUL is a value as arguments and variables can have it.
func withoutNUL(value string) string { return strings.ReplaceAll(value, "\x00", "") }

// secrets reads the secrets.
func (c *Command) secrets() (map[string]string, error) {
	secrets := make(map[string]string, len(c.Secrets))
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		value, err := readSecret(c.Secrets[name])
		if err != nil {
			return nil, fmt.Errorf("the secret of the environment variable %s: %w", name, err)
		}
		secrets[name] = value
	}
	return secrets, nil
}

// shown are the secrets as a log would show them, where all lines end in LF.
func shown(secrets map[string]string) []string {
	var values []string
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		values = append(values, strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(secrets[name]))
	}
	return values
}

// readSecret reads a secret from its file.
func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err != nil {
		return "", err
	}
	value := strings.TrimRight(string(text), "\r\n")
	switch {
	case value == "":
		return "", fmt.Errorf("%s is empty", path)
	case len(text) > maxSecret:
		return "", fmt.Errorf("%s is longer than %d bytes", path, maxSecret)
	case !utf8.ValidString(value) || strings.IndexFunc(strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace(value), unicode.IsControl) >= 0:
		return "", fmt.Errorf("%s is no text, and so could not be masked in the log; encode it, with base64 for example", path)
	}
	return value, nil
}

// environment is the whole environment of a command, sorted. Tidemark's own variables
// win, since one of them tells which processes belong to the run.
func (c *Command) environment(run deploy.Run, secrets map[string]string) []string {
	env := c.base()
	maps.Copy(env, c.Env)
	maps.Copy(env, secrets)
	values := run.Values()
	maps.Copy(env, map[string]string{
		supervise.IDVariable:  run.ID,
		ownPrefix + "SERVICE": run.Service, ownPrefix + "ENVIRONMENT": run.Environment,
		ownPrefix + "VERSION": run.Version, ownPrefix + "PREVIOUS_VERSION": run.PreviousVersion,
		ownPrefix + "REASON": run.Reason, ownPrefix + "WHO": values[deploy.PlaceholderWho],
	})
	for name, value := range run.Parameters {
		env[ownPrefix+"PARAM_"+strings.ToUpper(name)] = value
	}
	return pairs(env)
}

// base is what a command gets of the server's environment, and all that its
// supervisor gets. A PATH of the command's own says where its program is found.
func (c *Command) base() map[string]string {
	env := map[string]string{}
	for _, name := range []string{"PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	if path, ok := c.Env["PATH"]; ok {
		env["PATH"] = path
	}
	return env
}

// pairs is an environment as processes have it.
func pairs(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+withoutNUL(env[name]))
	}
	return list
}
