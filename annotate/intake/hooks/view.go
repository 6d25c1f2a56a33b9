package hooks

import (
	"unicode/utf8"

	"github.com/tidemark/tidemark/annotate"
)

// ReceiptView is a Receipt as callers get it.
type ReceiptView struct {
	Event   string       `json:"event,omitempty" doc:"What its sender calls it"`
	Changes []ChangeView `json:"changes,omitempty" doc:"The changes that it told of"`
	Ignored string       `json:"ignored,omitempty" doc:"Why it says nothing about a change"`
	Kept    int64        `json:"kept,omitempty" doc:"Its number where it, or a part of it, was not understood: it is kept, and can be read again"`
	Why     string       `json:"why,omitempty" doc:"What was not understood"`
}

// ChangeView names a change, and says what became of it.
type ChangeView struct {
	ID      string          `json:"id" doc:"The change's id"`
	Status  annotate.Status `json:"status" doc:"As it now stands in the log"`
	Outcome string          `json:"outcome" enum:"created,updated,known" doc:"Whether the log did not know it, or learned something new, or knew all of it"`
}

// View is r as callers get it.
func (r Receipt) View() ReceiptView {
	v := ReceiptView{Event: r.Event, Ignored: r.Nothing, Kept: r.Kept, Why: r.Why}
	for _, result := range r.Changes {
		outcome := "known"
		switch {
		case result.Created:
			outcome = "created"
		case result.Updated:
			outcome = "updated"
		}
		v.Changes = append(v.Changes, ChangeView{ID: result.Change.ID, Status: result.Change.Status, Outcome: outcome})
	}
	return v
}

// DeliveryView is a delivery that was not understood, as callers get it.
type DeliveryView struct {
	ID     int64             `json:"id" doc:"Its number"`
	Time   annotate.Time     `json:"time" doc:"When it came"`
	Why    string            `json:"why" doc:"What was not understood"`
	Header map[string]string `json:"header,omitempty" doc:"The headers that say what it is"`
	Body   string            `json:"body,omitempty" doc:"As it came, where it is text"`
	// Bytes is the body where it is no text, which JSON has in base64.
	Bytes []byte `json:"body_base64,omitempty" doc:"As it came in base64, where it is no text"`
}

// View is d as callers get it.
func View(d annotate.Delivery) DeliveryView {
	v := DeliveryView{ID: d.ID, Time: d.Time, Why: d.Why, Header: d.Header}
	if utf8.Valid(d.Body) {
		v.Body = string(d.Body)
	} else {
		v.Bytes = d.Body
	}
	return v
}
