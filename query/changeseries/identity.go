package changeseries

import (
	"cmp"

	"github.com/tidemark/tidemark/annotate"
)

// identity is what tells apart the series of one family: the values of its
// labels. What is no label of the family is empty.
type identity struct {
	service, environment  string
	kind, status, version string // of changes
	id, who               string
	flag, variation       string
}

// identity returns that of the series of f for s.
func (f *family) identity(s annotate.Span) identity {
	id := identity{service: s.Service, environment: s.Environment}
	switch f.name {
	case Change:
		id.kind, id.status, id.version = s.Kind, string(s.Status), s.Version
		id.id, id.who = s.ID, s.Who
	case LastChange:
		id.kind = s.Kind
	case VersionInfo:
		id.version = s.Version
	case ChangesTotal:
		id.kind, id.status = s.Kind, string(s.Status)
	}
	return id
}

// groupIdentity returns that of the series of f for g.
func (f *family) groupIdentity(g annotate.Group) identity {
	return f.identity(annotate.Span{Kind: g.Kind, Service: g.Service, Environment: g.Environment, Status: g.Status})
}

// label returns the value of the label with the name given.
func (id identity) label(name string) string {
	switch name {
	case "environment":
		return id.environment
	case "flag":
		return id.flag
	case "id":
		return id.id
	case "kind":
		return id.kind
	case "service":
		return id.service
	case "status":
		return id.status
	case "variation":
		return id.variation
	case "version":
		return id.version
	case "who":
		return id.who
	}
	return ""
}

// compare orders the series of one family.
func (id identity) compare(other identity) int {
	return cmp.Or(cmp.Compare(id.service, other.service), cmp.Compare(id.environment, other.environment),
		cmp.Compare(id.kind, other.kind), cmp.Compare(id.status, other.status), cmp.Compare(id.version, other.version),
		cmp.Compare(id.flag, other.flag), cmp.Compare(id.variation, other.variation))
}
