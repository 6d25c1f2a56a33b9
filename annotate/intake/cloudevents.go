package intake

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/tidemark/tidemark/annotate"
)

// cloudEvent is what is read of a CloudEvent 1.0 (cloudevents/spec, formats/json-format.md).
// Their SDK panics at a data_base64 that is no string, and what it is needed for is little.
type cloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Time        annotate.Time   `json:"time"`
	Data        json.RawMessage `json:"data"`
	DataBase64  string          `json:"data_base64"`

	err error // why it could not be read
}

// maxCloudEvents is how many events a batch may have: each may be a change.
const maxCloudEvents = 1000

// cloudEvents are the CloudEvents of a delivery in any of the three modes of their HTTP
// binding (cloudevents/spec, bindings/http-protocol-binding.md): binary, where the
// attributes are headers; structured, where they are around the data; and batch. JSON
// without any attributes is the data of an event that says all of it once more.
func cloudEvents(d Delivery) ([]cloudEvent, error) {
	mediaType, _, _ := strings.Cut(d.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(mediaType)) {
	case "application/cloudevents-batch+json":
		var batch []json.RawMessage
		if err := read(d.Body, &batch); err != nil {
			return nil, err
		}
		if len(batch) > maxCloudEvents {
			return nil, invalid("", nil, fmt.Sprintf("the batch has %d events; send at most %d at once", len(batch), maxCloudEvents))
		}
		events := make([]cloudEvent, len(batch))
		for i, one := range batch {
			events[i] = structuredEvent(one)
		}
		return events, nil
	case "application/cloudevents+json":
		one := structuredEvent(d.Body)
		return []cloudEvent{one}, one.err
	}
	one := binaryEvent(d)
	return []cloudEvent{one}, one.err
}

func structuredEvent(raw []byte) cloudEvent {
	var e cloudEvent
	if err := read(raw, &e); err != nil {
		return cloudEvent{err: err}
	}
	if e.DataBase64 != "" {
		data, err := base64.StdEncoding.DecodeString(e.DataBase64)
		if err != nil {
			return cloudEvent{err: invalid("data_base64", nil, "must be in base64: "+err.Error())}
		}
		e.Data = data
	}
	return e.checked("")
}

// binaryEvent has its attributes in headers, where what is not printable ASCII is
// percent-encoded.
func binaryEvent(d Delivery) cloudEvent {
	const prefix = "ce-"
	attribute := func(name string) string {
		value := d.Header.Get(prefix + name)
		if decoded, err := url.PathUnescape(value); err == nil {
			return decoded
		}
		return value
	}
	e := cloudEvent{SpecVersion: attribute("specversion"), ID: attribute("id"), Source: attribute("source"), Type: attribute("type"), Data: d.Body}
	if e.SpecVersion == "" && e.Type == "" {
		return e
	}
	if at := attribute("time"); at != "" {
		parsed, err := annotate.ParseTime(at)
		if err != nil {
			return cloudEvent{err: invalid(prefix+"time", at, err.Error())}
		}
		e.Time = parsed
	}
	return e.checked(prefix)
}

// checked is the event with what is wrong with its attributes, each of which is called
// by its name and prefix.
func (e cloudEvent) checked(prefix string) cloudEvent {
	if !strings.HasPrefix(e.SpecVersion, "1.") {
		e.err = invalid(prefix+"specversion", e.SpecVersion, "must be 1.0, the version of CloudEvents")
		return e
	}
	for _, must := range [][2]string{{"type", e.Type}, {"source", e.Source}, {"id", e.ID}} {
		if name := must[0]; must[1] == "" {
			e.err = invalid(prefix+name, nil, "is missing; a CloudEvent must have id, source and type")
		}
	}
	return e
}

// accessToken is the secret in the URL as the webhooks of CloudEvents have it
// (cloudevents/spec, http-webhook.md, "URI Query Parameter"), which must be taken beside
// Authorization: Bearer.
func accessToken() proof {
	const name = "access_token"
	return proof{
		what:  "the secret as ?" + name + "=SECRET in its URL",
		there: func(d Delivery) bool { return d.Query.Get(name) != "" },
		check: func(d Delivery, secret string) string {
			if !same(d.Query.Get(name), secret) {
				return wrongSecret
			}
			return ""
		},
	}
}
