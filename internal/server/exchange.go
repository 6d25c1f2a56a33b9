package server

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/tidemark/tidemark/internal/auth"
)

// exchange is what is known of one request while it is answered.
type exchange struct {
	id    string
	began time.Time
	// route is the entry of the table that matched; nil for none.
	route *route
	who   auth.Identity
	// err is what the answer came from, where it is no success.
	err error
}

type exchangeKey struct{}

// exchangeOf returns the exchange that ctx belongs to.
func exchangeOf(ctx context.Context) *exchange {
	if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok {
		return x
	}
	return &exchange{}
}

// begin starts an exchange for the request of c.
func begin(c echo.Context, now time.Time) *exchange {
	r := c.Request()
	x := &exchange{id: requestID(r), began: now}
	c.SetRequest(r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	return x
}

// maxRequestID is how long a request id may be.
const maxRequestID = 64

// requestID returns the id that the caller gave, if it is one that can stand in
// a log, and otherwise a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get(echo.HeaderXRequestID)
	if id == "" || len(id) > maxRequestID {
		return rand.Text()
	}
	for i := range len(id) {
		switch b := id[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_', b == '.', b == ':':
		default:
			return rand.Text()
		}
	}
	return id
}
