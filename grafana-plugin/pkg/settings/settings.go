package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/gtime"
)

// The values of settings that are not set.
const (
	DefaultScrapeInterval = 15 * time.Second
	DefaultQueryTimeout   = 60 * time.Second
	DefaultMaxPoints      = 1_000_000

	// maxMaxPoints keeps a typing error from filling the memory: 16 bytes a
	// sample on the way to Grafana.
	maxMaxPoints = 50_000_000
)

// Settings are those of one data source. The zero value is of no use: Load
// makes one.
type Settings struct {
	UID string
	// URL is where this process reaches the server, PublicURL where people's
	// browsers do. Neither ends in a slash.
	URL, PublicURL string
	// Token is sent with each request; empty for none. It is a secret.
	Token string
	// TokenApart sends the token in a header of its own, because something
	// else needs the Authorization header.
	TokenApart bool
	// PerUser says that requests carry who asks, so that answers may differ
	// from one user to the next.
	PerUser bool

	// ScrapeInterval is the floor of $__interval and the base of
	// $__rate_interval.
	ScrapeInterval time.Duration
	// QueryTimeout is how long the server may work on a query, Timeout how long
	// a request may take with its answer.
	QueryTimeout, Timeout time.Duration
	// MaxPoints is how many samples one result may hold.
	MaxPoints int

	Overlay Overlay
	// ServiceLabels and EnvironmentLabels are the labels of a series that name
	// its service and its environment.
	ServiceLabels, EnvironmentLabels []string
}

// Overlay says which changes are drawn on the panels that show metrics. Empty
// lists select all.
type Overlay struct {
	Enabled bool
	// Follow draws on a panel only the changes of what it is about.
	Follow                        bool
	Kinds, Services, Environments []string
}

// stored is jsonData as far as it is read here.
type stored struct {
	TimeInterval string  `json:"timeInterval"`
	QueryTimeout string  `json:"queryTimeout"`
	PublicURL    string  `json:"publicUrl"`
	MaxPoints    int64   `json:"maxPoints"`
	Timeout      float64 `json:"timeout"` // seconds
	OAuth        bool    `json:"oauthPassThru"`
	Cookies      []any   `json:"keepCookies"`
	Overlay      struct {
		Enabled      *bool    `json:"enabled"`
		Follow       *bool    `json:"follow"`
		Kinds        []string `json:"kinds"`
		Services     []string `json:"services"`
		Environments []string `json:"environments"`
	} `json:"overlay"`
	ServiceLabels     []string `json:"serviceLabels"`
	EnvironmentLabels []string `json:"environmentLabels"`
}

// Load reads the settings of instance. An error names the setting and what
// would be right, and holds no secret.
func Load(instance backend.DataSourceInstanceSettings) (Settings, error) {
	var in stored
	if len(instance.JSONData) > 0 {
		if err := json.Unmarshal(instance.JSONData, &in); err != nil {
			return Settings{}, fmt.Errorf("the settings: %w", explain(err))
		}
	}
	s := Settings{
		UID:     instance.UID,
		PerUser: in.OAuth || len(in.Cookies) > 0,
		Overlay: Overlay{
			Enabled:      in.Overlay.Enabled == nil || *in.Overlay.Enabled,
			Follow:       in.Overlay.Follow == nil || *in.Overlay.Follow,
			Kinds:        words(in.Overlay.Kinds),
			Services:     words(in.Overlay.Services),
			Environments: words(in.Overlay.Environments),
		},
		ServiceLabels:     orDefault(words(in.ServiceLabels), "service", "service_name"),
		EnvironmentLabels: orDefault(words(in.EnvironmentLabels), "environment", "deployment_environment_name"),
	}
	var errs [7]error
	s.URL, errs[0] = base("URL", instance.URL)
	s.PublicURL, errs[1] = publicURL(in.PublicURL, s.URL)
	s.ScrapeInterval, errs[2] = duration("scrape interval", in.TimeInterval, DefaultScrapeInterval)
	s.QueryTimeout, errs[3] = duration("query timeout", in.QueryTimeout, DefaultQueryTimeout)
	s.Timeout, errs[4] = timeout(in.Timeout, s.QueryTimeout)
	s.MaxPoints, errs[5] = maxPoints(in.MaxPoints)
	s.Token, errs[6] = token(instance.DecryptedSecureJSONData["token"])
	if err := errors.Join(errs[:]...); err != nil {
		return Settings{}, err
	}
	s.TokenApart = instance.BasicAuthEnabled || in.OAuth || setsAuthorization(instance.JSONData)
	return s, nil
}

// explain says which field has the wrong type, in the form's own words.
func explain(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s is a %s; it must be a %s", wrong.Field, wrong.Value, wrong.Type)
	}
	return err
}

// base returns a server's URL without the slash at its end.
func base(name, text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", fmt.Errorf("the %s is empty; write that of the Tidemark server, such as http://localhost:9797", name)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// The text may hold a password, and url.Parse's error quotes it.
		return "", fmt.Errorf("the %s is not one; write it like http://localhost:9797", name)
	case u.User != nil:
		return "", fmt.Errorf("the %s holds a user or password; use the token or basic authentication instead", name)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", fmt.Errorf("the %s must begin with http:// or https:// and a host, like http://localhost:9797", name)
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("the %s must end before ? and #", name)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func publicURL(text, fallback string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return fallback, nil
	}
	return base("public URL", text)
}

func duration(name, text string, fallback time.Duration) (time.Duration, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return fallback, nil
	}
	d, err := gtime.ParseIntervalStringToTimeDuration(text)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("the %s %q is no duration; write it like %s", name, text, fallback)
	}
	return d, nil
}

// timeout returns how long a request may take. What is not set is a little
// more than the server takes for a query, so that the server can say itself
// that it took too long.
func timeout(seconds float64, query time.Duration) (time.Duration, error) {
	switch {
	case seconds < 0 || seconds > 24*3600:
		return 0, fmt.Errorf("the timeout of %v s must be between 0 (a little more than the query timeout) and 86400", seconds)
	case seconds == 0:
		return query + 10*time.Second, nil
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

func maxPoints(n int64) (int, error) {
	switch {
	case n < 0 || n > maxMaxPoints:
		return 0, fmt.Errorf("the most samples of a result are %d; write a number up to %d, or 0 for %d", n, maxMaxPoints, DefaultMaxPoints)
	case n == 0:
		return DefaultMaxPoints, nil
	}
	return int(n), nil
}

// token returns the token without the line break that copying may add.
func token(text string) (string, error) {
	text = strings.TrimSpace(text)
	if strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
		return "", errors.New("the token has a blank or a control character; it must be one word, as tidemark token create printed it")
	}
	return text, nil
}

// words returns texts without blanks around them and without empty ones.
func words(texts []string) []string {
	var kept []string
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			kept = append(kept, t)
		}
	}
	return kept
}

func orDefault(texts []string, fallback ...string) []string {
	if len(texts) == 0 {
		return fallback
	}
	return texts
}
