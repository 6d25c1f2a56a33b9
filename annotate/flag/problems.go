package flag

import (
	"errors"

	"github.com/tidemark/tidemark/annotate"
)

// maxProblems is how many things that are wrong are told at once.
const maxProblems = 50

// problems collects what is wrong with a definition.
type problems struct{ list []error }

func (p *problems) add(field string, value any, format string, args ...any) {
	if len(p.list) < maxProblems {
		p.list = append(p.list, invalid(field, value, format, args...))
	}
}

func (p *problems) addErr(err error) {
	if err != nil && len(p.list) < maxProblems {
		p.list = append(p.list, err)
	}
}

func (p *problems) any() bool { return len(p.list) > 0 }

// err returns all, joined; nil for none.
func (p *problems) err() error { return errors.Join(p.list...) }

// Problems returns each *annotate.Error that err consists of.
func Problems(err error) []*annotate.Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // each of the joined ones is looked into below
		var all []*annotate.Error
		for _, part := range joined.Unwrap() {
			all = append(all, Problems(part)...)
		}
		return all
	}
	if e, ok := errors.AsType[*annotate.Error](err); ok {
		return []*annotate.Error{e}
	}
	return nil
}

// under returns the path of what is named in what is at a path.
func under(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}
