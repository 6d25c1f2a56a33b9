package annotate

// Filter says which changes are asked for. Each part narrows the choice;
// within a list, any one of the values will do. The zero Filter selects all.
type Filter struct {
	// From and To select the changes that overlap the time between them, both
	// included. A zero Time leaves that side open.
	From, To Time

	Kinds []string
	// Services and Environments select with an empty value what names none.
	Services     []string
	Environments []string
	Statuses     []Status
	// Who selects by the name of the one who made the change.
	Who []string
	// Labels must all be there, with these values.
	Labels map[string]string
	// Text selects the changes that have each of its words somewhere in title,
	// text, service, environment, version, commit, flag key or who, whatever
	// their case.
	Text string
}

// List asks for one page of changes, newest start first.
type List struct {
	Filter
	// Limit is how many to return at the most, from 1 to MaxPage.
	Limit int
	// Cursor is the Next of the page before; empty for the first.
	Cursor string
}

// DefaultPage and MaxPage bound how many changes a page holds.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Page is a part of a list.
type Page struct {
	Changes []Change `json:"changes" doc:"Newest start first"`
	// Next is the cursor of the page that follows; nil on the last one.
	Next *string `json:"next" doc:"The cursor of the next page; null on the last"`
}

// Per is what the newest change is asked for each of.
type Per string

// What the newest change can be asked for each of.
const (
	// PerNothing asks for the newest of all.
	PerNothing Per = ""
	// PerService asks for that of each service.
	PerService Per = "service"
	// PerFlag asks for that of each flag, by its key, in each service and
	// environment.
	PerFlag Per = "flag"
)

// Newest is the answer to a question for the newest changes.
type Newest struct {
	Changes []Change `json:"changes" doc:"Newest start first; empty where there is none"`
	// Omitted is how many more there are than MaxNewest.
	Omitted int `json:"omitted,omitempty" doc:"How many more there are; absent where these are all"`
}

// MaxNewest bounds how many changes a Newest has.
const MaxNewest = 1000

// Event is one revision as it reached the log.
type Event struct {
	// Seq numbers the log's revisions in the order in which they were kept. It
	// only ever grows.
	Seq    int64
	Change Change
}

// Result is what became of one report.
type Result struct {
	Change Change
	// Created is true for a change that the log did not know.
	Created bool
	// Updated is true for one that it knew, and of which the report said something new.
	Updated bool
}
