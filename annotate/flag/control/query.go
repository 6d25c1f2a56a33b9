package control

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// The origins that a Query can ask for.
const (
	OriginAPI  = "api"
	OriginFile = "file"
)

// Query asks for one page of an environment's flags, by their keys. Each part
// narrows the choice.
type Query struct {
	Environment string
	// Service is the one that the metadata name.
	Service string
	// Origin is OriginAPI, OriginFile, or the path of a file.
	Origin string
	// Text selects the flags that have each of its words somewhere in key,
	// description, owner or service, whatever their case.
	Text string
	// Limit is how many to return at the most, from 1 to annotate.MaxPage.
	Limit int
	// Cursor is the Next of the page before; empty for the first.
	Cursor string
}

// Page is a part of a list of flags.
type Page struct {
	Flags []flag.Flag `json:"flags" doc:"In the order of their keys"`
	// Next is the cursor of the page that follows; nil on the last one.
	Next *string `json:"next" doc:"The cursor of the next page; null on the last"`
}

// List returns a page of the flags that q selects. It reads no store.
func (c *Control) List(q Query) (Page, error) {
	if q.Limit < 1 || q.Limit > annotate.MaxPage {
		return Page{}, &annotate.Error{Code: annotate.Invalid, Field: "limit", Value: q.Limit, Message: fmt.Sprintf("must be from 1 to %d", annotate.MaxPage)}
	}
	e, err := c.find(q.Environment)
	if err != nil {
		return Page{}, err
	}
	set := e.set.Load()
	keys := set.Keys()
	if q.Cursor != "" {
		last, err := base64.RawURLEncoding.DecodeString(q.Cursor)
		if err != nil {
			return Page{}, &annotate.Error{Code: annotate.Invalid, Field: "cursor", Value: q.Cursor, Message: "is not one of ours; take it unchanged from the page before, or leave it out"}
		}
		at, found := slices.BinarySearch(keys, string(last))
		if found {
			at++
		}
		keys = keys[at:]
	}
	page := Page{Flags: []flag.Flag{}}
	words := strings.Fields(strings.ToLower(q.Text))
	for _, key := range keys {
		f, _ := set.Get(key)
		if !q.selects(f, words) {
			continue
		}
		if len(page.Flags) == q.Limit {
			next := base64.RawURLEncoding.EncodeToString([]byte(page.Flags[q.Limit-1].Key))
			page.Next = &next
			break
		}
		page.Flags = append(page.Flags, f)
	}
	return page, nil
}

func (q Query) selects(f flag.Flag, words []string) bool {
	switch q.Origin {
	case "":
	case OriginAPI:
		if f.Origin != nil {
			return false
		}
	case OriginFile:
		if f.Origin == nil {
			return false
		}
	default:
		if f.Origin == nil || f.Origin.Path != q.Origin {
			return false
		}
	}
	if q.Service == "" && len(words) == 0 {
		return true
	}
	about := flag.MetadataOf(f.Definition)
	if q.Service != "" && about.Service != q.Service {
		return false
	}
	text := strings.ToLower(strings.Join([]string{f.Key, about.Description, about.Owner, about.Service}, "\n"))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// Get returns a flag, or a NotFound error. What it points to is shared: nobody may alter it.
func (c *Control) Get(id ID) (flag.Flag, error) {
	e, err := c.find(id.Environment)
	if err != nil {
		return flag.Flag{}, err
	}
	f, ok := e.set.Load().Get(id.Key)
	if !ok {
		return flag.Flag{}, errNoFlag(id)
	}
	return f, nil
}

// History returns up to limit revisions of a flag, newest first: those before the
// one numbered before, or the newest where that is 0. A flag that was deleted has
// its history still; one that never was is a NotFound error.
func (c *Control) History(ctx context.Context, id ID, before int64, limit int) ([]Revision, error) {
	if _, err := c.find(id.Environment); err != nil {
		return nil, err
	}
	documents, err := c.log.DocumentRevisions(ctx, spaceFlags, id.document(), before, limit)
	if annotate.CodeOf(err) == annotate.NotFound {
		return nil, errNoFlag(id)
	}
	if err != nil {
		return nil, unavailable(err)
	}
	revisions := make([]Revision, len(documents))
	for i, d := range documents {
		if d.Body == nil {
			revisions[i] = Revision{Deleted: true, Flag: flag.Flag{
				Key: id.Key, Environment: id.Environment, Revision: d.Revision, Updated: d.Time, By: d.By, Change: d.Change,
			}}
			continue
		}
		if revisions[i].Flag, _, err = decode(d); err != nil {
			return nil, err
		}
	}
	return revisions, nil
}
