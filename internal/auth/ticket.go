package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// A ticket stands for a token where a browser can send no header, which is how
// its EventSource asks: it is part of a URL, and URLs end up in logs. So it may
// follow flags and nothing else, and it ends with the token that it is made of.
// It has no state of its own, and is the same for as long as the token lives, so
// that a browser's connection goes on across restarts of the server.

// ticketPurpose keeps what is derived from a token's hash for tickets apart from
// whatever else may be derived from it.
const ticketPurpose = "tidemark: follow flags"

// Ticket returns the ticket of the token that id showed; "" if it showed none.
func (a *Authority) Ticket(id Identity) string {
	if id.token.ID == "" {
		return ""
	}
	return id.token.ID + "." + ticketMAC(id.token)
}

// Redeem returns whom a ticket stands for: one who may evaluate flags. A ticket
// that is wrong, or whose token has ended, is an *Error.
func (a *Authority) Redeem(ticket string) (Identity, error) {
	id, mac, _ := strings.Cut(ticket, ".")
	// An unknown id takes the same way, and is refused whatever its MAC.
	token, known := a.tokens.ByID(id)
	same := hmac.Equal([]byte(mac), []byte(ticketMAC(token)))
	if !known || !same || token.Role < Evaluator {
		a.badToken.Inc()
		return Identity{}, refuse(Unauthenticated, "the ticket's token is unknown, revoked or expired; evaluate the flags again to get another ticket")
	}
	return Identity{Name: token.Name, Role: Evaluator, Kind: ByToken}, nil
}

func ticketMAC(token Token) string {
	mac := hmac.New(sha256.New, token.hash[:])
	mac.Write([]byte(ticketPurpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
