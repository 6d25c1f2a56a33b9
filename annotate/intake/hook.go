package intake

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"github.com/tidemark/tidemark/annotate"
)

// Delivery is one call of a webhook, as it came.
type Delivery struct {
	Header http.Header
	Query  url.Values
	Body   []byte
	// Arrived is when it came, by Tidemark's clock.
	Arrived time.Time
}

// Told is what a delivery says.
type Told struct {
	// Event is what the sender calls it, such as deployment_status.
	Event string
	// Reports are what it says of changes. Several of the same external_id are of the
	// same change.
	Reports []annotate.Report
	// Nothing says why there are no reports, where it is not about a change.
	Nothing string
	// Failures are the parts of it that could not be understood, each an Invalid error.
	Failures []error
}

// Changes are those that a log would have after the reports, which knew none of them
// before.
func (t Told) Changes(now time.Time) ([]annotate.Change, error) {
	var changes []annotate.Change
	var order []string
	said := map[string][]annotate.Said{}
	for _, r := range t.Reports {
		if r.At.IsZero() || r.ExternalID == "" {
			changes = append(changes, r.New(now))
			continue
		}
		one, err := annotate.NewSaid(r)
		if err != nil {
			return nil, fmt.Errorf("encoding what was said: %w", err)
		}
		if said[r.ExternalID] == nil {
			order = append(order, r.ExternalID)
		}
		said[r.ExternalID] = append(said[r.ExternalID], one)
	}
	for _, id := range order {
		arranged, err := annotate.Arrange(said[id])
		if err != nil {
			return nil, fmt.Errorf("encoding what was said: %w", err)
		}
		changes = append(changes, annotate.Fold(arranged))
	}
	return changes, nil
}

// nothing is what a delivery says that is not about a change.
func nothing(event, why string) Told { return Told{Event: event, Nothing: why} }

// sender is a tool that tells of changes by webhook.
type sender struct {
	name string
	// proofs are the ways in which it shows that a delivery is its own; of those that a
	// delivery has, the first counts.
	proofs []proof
	// runs says which of the sender's runs are deploys, where the hook does not: runs
	// are pipelines, builds and the like, most of which deploy nothing. Nil for none.
	runs *regexp.Regexp
	// hasRuns says that the sender tells of runs.
	hasRuns bool
	// read makes reports of a delivery. Their source, and what the hook says where the
	// sender does not, is filled in later.
	read func(*Hook, Delivery) (Told, error)
}

// senders are all there are.
func senders() []sender {
	return []sender{
		alertmanagerSender(),
		argocdSender(),
		argorolloutsSender(),
		buildkiteSender(),
		cdeventsSender(),
		circleciSender(),
		flaggerSender(),
		flagsmithSender(),
		fluxSender(),
		genericSender(),
		githubSender(),
		gitlabSender(),
		goffSender(),
		jenkinsSender(),
		launchDarklySender(),
		unleashSender(),
	}
}

// Senders are the names of all senders, in order.
func Senders() []string {
	var names []string
	for _, s := range senders() {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names
}

// deploying is what the runs of a tool are called that deploy something, where nobody
// said which do.
var deploying = regexp.MustCompile(`(?i)deploy|release|rollout|ship`)

// HookSettings say what a Hook is.
type HookSettings struct {
	// Name is the hook's own, by which its changes are told from those of others.
	Name string
	// Sender is one of Senders.
	Sender string
	// Runs matches the names of the runs (pipelines, builds and the like) that are
	// deploys; its groups service, environment and version say which of what. Nil for the
	// sender's default.
	Runs *regexp.Regexp
	// Change is the generic sender's: a program of jq that makes changes of a body.
	Change string
	// SignatureHeader is where the generic sender's signature is; empty for the usual ones.
	SignatureHeader string
	// Service, Environment and Labels are of all changes of which the sender says none.
	Service, Environment string
	Labels               map[string]string
}

// Hook takes the deliveries of one sender, as it was set up. All its methods may be
// called at the same time.
type Hook struct {
	settings HookSettings
	sender   sender
	program  *gojq.Code
	running  chan struct{} // has one for each program that runs
}

// NewHook returns the hook of the settings. Its error is Invalid, and names the setting
// as the configuration calls it.
func NewHook(s HookSettings) (*Hook, error) {
	all := senders()
	at := slices.IndexFunc(all, func(known sender) bool { return known.name == s.Sender })
	if at < 0 {
		return nil, invalid("sender", s.Sender, fmt.Sprintf("is %q, which is none that is known; take one of %s", Clip(s.Sender, 60), strings.Join(Senders(), ", ")))
	}
	h := &Hook{settings: s, sender: all[at], running: make(chan struct{}, maxPrograms)}
	if s.Runs != nil && !h.sender.hasRuns {
		return nil, invalid("runs", nil, s.Sender+" tells of no runs: leave it out")
	}
	if h.settings.Runs == nil {
		h.settings.Runs = h.sender.runs
	}
	if s.SignatureHeader != "" {
		if s.Sender != senderGeneric {
			return nil, invalid("signature_header", nil, "is known of "+s.Sender+": leave it out")
		}
		h.sender.proofs = []proof{signed(s.SignatureHeader, "")}
	}
	return h, h.compile()
}

// compile makes the program of a hook of the generic sender.
func (h *Hook) compile() (err error) {
	switch generic := h.settings.Sender == senderGeneric; {
	case generic && h.settings.Change == "":
		return invalid("change", nil, "is missing; say in jq what change a body tells of, such as {kind: \"deploy\", service: .app, version: .tag}")
	case !generic && h.settings.Change != "":
		return invalid("change", nil, "is the generic sender's alone: "+h.settings.Sender+" is understood without it")
	case generic:
		h.program, err = compileProgram(h.settings.Change)
	}
	return err
}

// Name is the hook's own.
func (h *Hook) Name() string { return h.settings.Name }

// Sender is the name of the hook's sender.
func (h *Hook) Sender() string { return h.settings.Sender }

// Read says what a delivery tells of, in reports that the log can keep: what is too long
// is cut, since its sender will not write it otherwise. An error is Invalid: that
// delivery could not be understood at all.
func (h *Hook) Read(d Delivery) (Told, error) {
	told, err := h.sender.read(h, d)
	if err != nil {
		return told, err
	}
	if len(told.Reports) == 0 && len(told.Failures) == 0 && told.Nothing == "" {
		return told, invalid("", nil, "the delivery says nothing that is known here")
	}
	var good []annotate.Report
	for i := range told.Reports {
		r := &told.Reports[i]
		if r.ExternalID == "" && d.id() != "" { // it may come again
			r.ExternalID = externalID("delivery", d.id(), strconv.Itoa(i))
		}
		h.complete(r, told.Event, d.Arrived)
		if ahead := r.At.Sub(d.Arrived); ahead > maxAhead {
			told.Failures = append(told.Failures, invalid("at", r.At, fmt.Sprintf("is %s ahead of Tidemark's clock: set one of the clocks right", ahead.Round(time.Second))))
			continue
		}
		good = append(good, *r)
	}
	told.Reports = good
	return told, nil
}

// maxAhead is how far a sender's clock may be ahead. What it says is put in order by that
// clock alone.
const maxAhead = time.Hour

// id is the sender's own name for a delivery, which a retry of it has, too; empty where it
// has none.
func (d Delivery) id() string {
	return cmp.Or(d.Header.Get("webhook-id"), d.Header.Get("Idempotency-Key"), d.Header.Get("X-GitHub-Delivery"))
}

// complete fills in what is the same in all reports of a hook.
func (h *Hook) complete(r *annotate.Report, event string, arrived time.Time) {
	s := h.settings
	r.Source = s.Name
	r.Service = cmp.Or(r.Service, s.Service)
	r.Environment = cmp.Or(r.Environment, s.Environment)
	for name, value := range s.Labels {
		if _, said := r.Labels[name]; !said {
			if r.Labels == nil {
				r.Labels = map[string]string{}
			}
			r.Labels[name] = value
		}
	}
	if r.ExternalID == "" {
		r.At = annotate.Time{} // there is nothing to put in order
	}
	if len(r.Evidence) == 0 && !r.At.IsZero() {
		r.Evidence = evidence(event)
	}
	for i := range r.Evidence {
		e := &r.Evidence[i]
		e.Source = cmp.Or(e.Source, s.Name)
		if e.Time.IsZero() {
			e.Time = r.At
		}
		if e.Time.IsZero() {
			e.Time = annotate.At(arrived)
		}
	}
	settle(r, arrived)
	fit(r)
}

// run returns a report of what a run's name says, and whether that run is a deploy.
func (h *Hook) run(name string) (annotate.Report, bool) {
	runs := h.settings.Runs
	if runs == nil {
		return annotate.Report{}, false
	}
	m := runs.FindStringSubmatch(name)
	if m == nil {
		return annotate.Report{}, false
	}
	group := func(name string) string {
		if i := runs.SubexpIndex(name); i >= 0 {
			return m[i]
		}
		return ""
	}
	return annotate.Report{Kind: "deploy", Service: group("service"), Environment: group("environment"), Version: group("version")}, true
}

// noRun is what a delivery says that is about a run that is no deploy.
func noRun(event, name string) Told {
	return nothing(event, fmt.Sprintf("%q is no deploy by its name: runs of the hook says which are", Clip(name, 100)))
}

// heading makes a title of a text, and the rest; of no text it makes nothing.
func heading(text string) (title, rest string) {
	if text = strings.TrimSpace(text); text == "" {
		return "", ""
	}
	return split(text)
}

// evidence is what the sender said, in one line; who said it and when is filled in.
func evidence(text string) []annotate.Evidence {
	if text == "" {
		return nil
	}
	return []annotate.Evidence{{Text: text}}
}

// ShownHeaders are the headers of a delivery that say what it is, by their names in small
// letters: none that could hold a secret, or that says who carried it.
func ShownHeaders(h http.Header) map[string]string {
	shown := map[string]string{}
	for name := range h {
		lower := strings.ToLower(name)
		if tellingHeader.MatchString(lower) && !secretHeader.MatchString(lower) {
			shown[lower] = h.Get(name)
		}
	}
	return shown
}

var (
	tellingHeader = regexp.MustCompile(`^content-type$|^user-agent$|^idempotency-key$|^ce-|^gotk-|event|delivery|instance$`)
	secretHeader  = regexp.MustCompile(`token|secret|signature|auth|cookie|password|api-?key`)
)

// HeadersOf are the headers that ShownHeaders made of them.
func HeadersOf(shown map[string]string) http.Header {
	h := http.Header{}
	for name, value := range shown {
		h.Set(name, value)
	}
	return h
}
