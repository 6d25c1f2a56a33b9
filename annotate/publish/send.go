package publish

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemark/tidemark/annotate"
)

// longest is how many times its first pause a pause may last.
const longest = 300

// outcome is what became of one telling.
type outcome int

const (
	delivered outcome = iota
	refused           // and would be again
	failed
)

// lasting are the answers that say that this very event will never be taken. Other
// refusals are of the subscriber's set-up, which somebody will mend.
var lasting = []int{http.StatusBadRequest, http.StatusGone, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

// send tells of an event once. after is how long the subscriber asks to wait.
func (f *follower) send(ctx context.Context, e annotate.Event) (o outcome, after time.Duration, err error) {
	turned := true
	if f.Format == CDEvents {
		if turned, err = f.turned(ctx, e); err != nil {
			return failed, 0, err
		}
	}
	contentType, body, err := f.Format.write(e, f.opts.Source, turned)
	if err != nil {
		return refused, 0, err
	}
	secrets, err := f.Secrets()
	if err == nil && len(secrets) == 0 {
		err = errors.New("there is none")
	}
	if err != nil {
		return failed, 0, fmt.Errorf("its secret cannot be read: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL, bytes.NewReader(body))
	if err != nil {
		return failed, 0, errors.New("its URL is none")
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("User-Agent", "Tidemark/"+f.opts.Version)
	sign(req.Header, eventID(e), time.Now(), body, secrets[0])
	resp, err := f.client.Do(req)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the URL, which may hold a secret
		}
		return failed, 0, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return delivered, 0, nil
	case slices.Contains(lasting, resp.StatusCode):
		return refused, 0, fmt.Errorf("it answered %s", resp.Status)
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		after = time.Duration(min(seconds, 3600)) * time.Second
	}
	return failed, after, fmt.Errorf("it answered %s", resp.Status)
}

// turned reports whether the status of a change turned with an event: what is only told in
// more detail, or corrected, is no deploy once more.
func (f *follower) turned(ctx context.Context, e annotate.Event) (bool, error) {
	if e.Change.Revision <= 1 {
		return true, nil
	}
	revisions, err := f.opts.Log.Revisions(ctx, e.Change.ID)
	if err != nil {
		return false, fmt.Errorf("reading what was before: %w", err)
	}
	for _, r := range revisions {
		if r.Revision == e.Change.Revision-1 {
			return r.Change.Status != e.Change.Status, nil
		}
	}
	return true, nil
}

// eventID is the same whenever an event is told: by it a subscriber knows one again.
func eventID(e annotate.Event) string { return e.Change.ID + "." + strconv.Itoa(e.Change.Revision) }

// sign signs a body as https://www.standardwebhooks.com says, by a secret that is base64,
// with whsec_ before it or without, or any other text.
func sign(h http.Header, id string, at time.Time, body []byte, secret string) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		key = []byte(secret)
	}
	seconds := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, seconds)
	mac.Write(body)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", seconds)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// jittered is a pause of d or less, so that not all come back at once.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
