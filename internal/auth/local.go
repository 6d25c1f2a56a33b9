package auth

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// sentByProxy says which header shows that a request came through a proxy, and
// so not from the machine that its connection came from; "" if none does.
func sentByProxy(h http.Header) string {
	for name := range h {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return name
		}
	}
	return ""
}

// isLoopback reports whether host, with or without a port, is this machine's
// own name for itself.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// fromOtherSite says in words how a browser marked the request as made by
// another web site; "" if it did not. Programs send none of these headers.
func fromOtherSite(r *http.Request) string {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return "another web site made it"
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return ""
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return "its Origin is another web site"
	}
	return ""
}

// notLocal says in words why r does not come straight from this machine; "" if
// it does.
func notLocal(r *http.Request) string {
	if proxy := sentByProxy(r.Header); proxy != "" {
		return "it came through a proxy (" + proxy + ")"
	}
	if !isLoopback(r.RemoteAddr) {
		return "it came from another machine"
	}
	// A name that an attacker's DNS points at this machine is no name of ours.
	if !isLoopback(r.Host) {
		return "its Host is not localhost"
	}
	return fromOtherSite(r)
}
