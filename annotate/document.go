package annotate

import "context"

// Document is one revision of something that a control keeps beside the log,
// such as a flag. Each is committed together with the change that tells of it,
// so that nothing alters without a line in the log.
type Document struct {
	// Space and Key name it: "flag", "production/new-checkout".
	Space, Key string
	// Revision counts from 1 within the key, and goes on when one that was
	// deleted is there again.
	Revision int64
	// Time is the log's clock at the revision, and By who made it.
	Time Time
	By   string
	// Change is the id of the change that tells of it; empty for none.
	Change string
	// Body is JSON; nil says that this revision deleted it.
	Body []byte
}

// The limits of a document.
const (
	// MaxDocument is how long a body may be, in bytes.
	MaxDocument = 256 << 10
	// MaxDocumentRevisions is how many revisions of a document are kept; the
	// oldest go first.
	MaxDocumentRevisions = 1000
	// MaxDocumentName is how long a space, and a key, may be, in bytes: two names
	// and what joins them.
	MaxDocumentName = 2*MaxName + 1
)

// Tx is a transaction in the change log: what is done through one Tx is kept
// together or not at all. It is of no use after the function that got it returned.
type Tx interface {
	// Record takes a report in, as the log's own Record does.
	Record(ctx context.Context, by string, r Report) (Result, error)
	// Observe takes in what was said of changes, as the log's own Observe does.
	Observe(ctx context.Context, by string, reports []Report) ([]Result, error)
	// Document returns the newest revision, or a NotFound error where there is
	// none, or where it was deleted.
	Document(ctx context.Context, space, key string) (Document, error)
	// PutDocument keeps d as the revision after the one numbered d.Revision,
	// which must be the newest, and returns it as it was kept, with the log's clock.
	// d.Revision is 0 where there is none, or where it was deleted. Where it is not
	// the newest, or would delete what is not there, it returns a Conflict error that
	// says who made the newest, and when.
	PutDocument(ctx context.Context, d Document) (Document, error)
}
