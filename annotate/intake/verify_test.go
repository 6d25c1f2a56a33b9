package intake

import (
	"cmp"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tidemark/tidemark/annotate"
)

func shuffle(reports []annotate.Report) {
	rand.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
}

// anyRun makes every run of a sender that has runs a deploy.
func anyRun(name string) *regexp.Regexp {
	for _, s := range senders() {
		if s.name == name && s.hasRuns {
			return regexp.MustCompile(".")
		}
	}
	return nil
}

const (
	theSecret    = "correct horse battery staple"
	otherSecret  = "incorrect horse battery stapl"
	signingToken = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// signing is one way in which a sender signs, done by hand.
type signing struct {
	sender string
	way    string
	secret string // theSecret where it is empty
	// sign adds to a delivery what the sender would, at the given time.
	sign func(d *Delivery, secret string, at time.Time)
	// timed says that what is signed has a time, and unbound that nothing of the body is
	// signed, because the sender just shows the secret.
	timed, unbound bool
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func signStandardWebhooks(d *Delivery, secret string, at time.Time) {
	key, err := base64.StdEncoding.DecodeString(secret[len("whsec_"):])
	if err != nil {
		panic(err)
	}
	d.Header.Set("webhook-id", "msg_1")
	d.Header.Set("webhook-timestamp", unix(at))
	mac := sum(sha256.New, string(key), "msg_1."+unix(at)+"."+string(d.Body))
	d.Header.Set("webhook-signature", "v1,bm9wZQ== v1,"+base64.StdEncoding.EncodeToString(mac))
}

func signBearer(d *Delivery, secret string, _ time.Time) {
	d.Header.Set("Authorization", "Bearer "+secret)
}

func signBasic(d *Delivery, secret string, _ time.Time) {
	d.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("tidemark:"+secret)))
}

func signURL(d *Delivery, secret string, _ time.Time) { d.Query = url.Values{"token": {secret}} }

// signHex signs the body alone, in a header.
func signHex(name, prefix string) func(d *Delivery, secret string, at time.Time) {
	return func(d *Delivery, secret string, _ time.Time) {
		d.Header.Set(name, prefix+hexOf(sum(sha256.New, secret, string(d.Body))))
	}
}

func signings() []signing {
	return []signing{
		{sender: "github", way: "X-Hub-Signature-256", sign: signHex("X-Hub-Signature-256", "sha256=")},
		{sender: "cdevents", way: "standard webhooks", secret: signingToken, sign: signStandardWebhooks, timed: true},
		{sender: "cdevents", way: "X-Signature", sign: signHex("X-Signature", "sha256=")},
		{sender: "cdevents", way: "bearer", sign: signBearer, unbound: true},
		{sender: "cdevents", way: "access_token in the URL", sign: func(d *Delivery, secret string, _ time.Time) {
			d.Query = url.Values{"access_token": {secret}}
		}, unbound: true},
		{sender: "launchdarkly", way: "X-LD-Signature", sign: signHex("X-LD-Signature", "")},
		{sender: "flagsmith", way: "X-Flagsmith-Signature", sign: signHex("X-Flagsmith-Signature", "")},
		{sender: "flagsmith", way: "in the URL", sign: signURL, unbound: true},
		{sender: "unleash", way: "Authorization", sign: func(d *Delivery, secret string, _ time.Time) { d.Header.Set("Authorization", secret) }, unbound: true},
		{sender: "unleash", way: "bearer", sign: signBearer, unbound: true},
		{sender: "go-feature-flag", way: "X-Hub-Signature-256", sign: signHex("X-Hub-Signature-256", "sha256=")},
		{sender: "go-feature-flag", way: "bearer", sign: signBearer, unbound: true},
		{sender: "generic", way: "as GitHub", sign: signHex("X-Hub-Signature-256", "sha256=")},
		{sender: "generic", way: "bare hex", sign: signHex("X-Signature", "")},
		{sender: "generic", way: "sha512", sign: func(d *Delivery, secret string, _ time.Time) {
			d.Header.Set("X-Signature", "sha512="+hexOf(sum(sha512.New, secret, string(d.Body))))
		}},
		{sender: "generic", way: "standard webhooks", secret: signingToken, sign: signStandardWebhooks, timed: true},
		{sender: "generic", way: "bearer", sign: signBearer, unbound: true},
		{sender: "generic", way: "basic", sign: signBasic, unbound: true},
		{sender: "generic", way: "in the URL", sign: signURL, unbound: true},
		{sender: "gitlab", way: "signing token", secret: signingToken, sign: signStandardWebhooks, timed: true},
		{sender: "gitlab", way: "secret token", sign: func(d *Delivery, secret string, _ time.Time) { d.Header.Set("X-Gitlab-Token", secret) }, unbound: true},
		{sender: "buildkite", way: "signature", sign: func(d *Delivery, secret string, at time.Time) {
			mac := sum(sha256.New, secret, unix(at)+"."+string(d.Body))
			d.Header.Set("X-Buildkite-Signature", "timestamp="+unix(at)+",signature="+hexOf(mac))
		}, timed: true},
		{sender: "buildkite", way: "token", sign: func(d *Delivery, secret string, _ time.Time) { d.Header.Set("X-Buildkite-Token", secret) }, unbound: true},
		{sender: "circleci", way: "v1 alone", sign: signHex("circleci-signature", "v1=")},
		{sender: "circleci", way: "v1 among others", sign: func(d *Delivery, secret string, _ time.Time) {
			d.Header.Set("circleci-signature", "v2=c29vbg,v1="+hexOf(sum(sha256.New, secret, string(d.Body))))
		}},
		{sender: "jenkins", way: "user and password of the URL", sign: signBasic, unbound: true},
		{sender: "jenkins", way: "in the URL", sign: signURL, unbound: true},
		{sender: "alertmanager", way: "bearer", sign: signBearer, unbound: true},
		{sender: "alertmanager", way: "basic", sign: signBasic, unbound: true},
		{sender: "alertmanager", way: "in the URL", sign: signURL, unbound: true},
		{sender: "flux", way: "generic-hmac", sign: signHex("X-Signature", "sha256=")},
		{sender: "flux", way: "bearer", sign: signBearer, unbound: true},
		{sender: "flux", way: "basic", sign: signBasic, unbound: true},
		{sender: "flux", way: "in the URL", sign: signURL, unbound: true},
		{sender: "flagger", way: "in the URL", sign: signURL, unbound: true},
		{sender: "flagger", way: "bearer", sign: signBearer, unbound: true},
		{sender: "argocd", way: "bearer", sign: signBearer, unbound: true},
		{sender: "argocd", way: "basic", sign: signBasic, unbound: true},
		{sender: "argocd", way: "in the URL", sign: signURL, unbound: true},
		{sender: "argorollouts", way: "bearer", sign: signBearer, unbound: true},
		{sender: "argorollouts", way: "basic", sign: signBasic, unbound: true},
		{sender: "argorollouts", way: "in the URL", sign: signURL, unbound: true},
	}
}

func TestOnlyWhoKnowsTheSecretIsHeard(t *testing.T) {
	have := map[string]bool{}
	for _, s := range signings() {
		have[s.sender] = true
		t.Run(s.sender+" "+s.way, func(t *testing.T) {
			hook, err := NewHook(HookSettings{Name: "h", Sender: s.sender, Change: map[string]string{senderGeneric: "."}[s.sender]})
			require.NoError(t, err)
			secret := cmp.Or(s.secret, theSecret)
			delivery := func(secret string, at time.Time) Delivery {
				d := Delivery{Header: http.Header{}, Body: []byte(`{"a": 1}`), Arrived: now}
				s.sign(&d, secret, at)
				return d
			}
			refused := func(d Delivery, secrets ...string) {
				t.Helper()
				err := hook.Verify(d, secrets)
				require.ErrorAs(t, err, new(*Unverified))
				for _, known := range secrets {
					if known != "" {
						require.NotContains(t, err.Error(), known)
					}
				}
			}
			good := delivery(secret, now)
			require.NoError(t, hook.Verify(good, []string{secret}))
			require.NoError(t, hook.Verify(good, []string{otherSecret, secret}), "the secret before it, while it is changed")

			refused(Delivery{Header: http.Header{}, Body: good.Body, Arrived: now}, secret)
			refused(good, otherSecret)
			refused(good, "")
			refused(good)
			if !s.unbound {
				altered := delivery(secret, now)
				altered.Body = []byte(`{"a": 2}`)
				refused(altered, secret)
				altered.Body = []byte(`{"a":1}`) // the same JSON is another body
				refused(altered, secret)
			}
			for _, aside := range []time.Duration{-maxAge - time.Second, maxAge + time.Second} {
				aged := delivery(secret, now.Add(aside))
				if s.timed {
					refused(aged, secret)
				} else {
					require.NoError(t, hook.Verify(aged, []string{secret}))
				}
			}
			for name := range good.Header {
				broken := delivery(secret, now)
				for _, garbage := range []string{"x", "sha256=", "v1,", "v1=", "Bearer ", "timestamp=1,signature=00", "\x00", fmt.Sprint(now.Unix())} {
					broken.Header.Set(name, garbage)
					if name != "Webhook-Timestamp" || garbage != fmt.Sprint(now.Unix()) {
						refused(broken, secret)
					}
				}
			}
		})
	}
	for _, name := range Senders() {
		require.True(t, have[name], "%s is in no line of this table", name)
	}
}
