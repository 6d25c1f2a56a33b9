package annotate

import "encoding/json"

// Mark is what is drawn for one change, or for several that began close together
// and are alike in kind, service, environment and status.
type Mark struct {
	Kind        string `json:"kind" doc:"Kind of each of its changes"`
	Service     string `json:"service" doc:"What each of its changes changed; empty where they name no service"`
	Environment string `json:"environment" doc:"Where; empty where they name none"`
	Status      Status `json:"status" doc:"How far each of its changes has come"`

	Start Time  `json:"start" doc:"The earliest start of its changes"`
	End   *Time `json:"end,omitempty" doc:"The latest end of its changes; absent while one of them goes on"`
	Count int   `json:"count" doc:"How many changes it stands for"`
	// Headline is that of Change.
	Headline string `json:"headline" doc:"What the newest of its changes did, in one line: its title, or else its kind and what it touched"`
	// Change is the newest of its changes in the JSON of a Change, as the log
	// keeps it: to read hundreds of them only to write them again would take
	// longer than to find them.
	Change json.RawMessage `json:"change" doc:"The newest of its changes, whole"`
}

// MarkQuery asks for the marks of the changes that its Filter selects. From and
// To must be there.
type MarkQuery struct {
	Filter
	// Resolution is the time, in milliseconds, that changes must be apart to be
	// told apart; 0 for a five-hundredth of the time between From and To, and at
	// least a second. It is doubled until there are no more than Limit marks.
	Resolution int64
	// Limit is how many marks to return at the most, from 1 to MaxMarks.
	Limit int
}

// DefaultMarks and MaxMarks bound how many marks one answer has.
const (
	DefaultMarks = 500
	MaxMarks     = 2000
)

// Marks answer a MarkQuery. The counts of the marks and Omitted add up to Total.
type Marks struct {
	Marks []Mark `json:"marks" doc:"Oldest start first"`
	// Resolution is the one that the marks have in the end, in milliseconds.
	Resolution int64 `json:"resolution_ms" doc:"What lasts longer is a mark of its own; of the rest, changes that are alike and begin in the same stretch of this many milliseconds, counted from the Unix epoch, are one"`
	Total      int   `json:"total" doc:"How many changes were selected"`
	// Omitted is more than 0 only where even a resolution as long as the time
	// asked for leaves more marks than the limit. Failed changes are then the
	// last to be left out, and of the others the newest.
	Omitted int `json:"omitted" doc:"How many of them no mark stands for, since there would be more marks than the limit at any resolution; failed ones are the last to go"`
}
