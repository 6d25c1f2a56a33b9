package auth

import (
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
	"golang.org/x/crypto/bcrypt"
)

// Users are the users of Prometheus' web configuration file.
//
// The HTTP layer has verified a user's password already when a request gets
// here. It is verified again, because that layer reads the file for every
// request: only so a file that is being rewritten, and seems empty for a
// moment, cannot make an unverified name pass for a verified one.
type Users struct {
	path string
	now  func() time.Time

	mu       sync.Mutex
	looked   time.Time
	modified time.Time
	size     int64
	hashes   map[string]string
	readable bool
	// verified holds the digests of what was found right, since comparing
	// bcrypt hashes takes tens of milliseconds.
	verified map[[sha256.Size]byte]struct{}
}

const (
	lookAgain   = time.Second
	maxVerified = 1000
)

// OpenUsers reads the users of the file at path; an empty path has none.
func OpenUsers(path string) (*Users, error) {
	u := &Users{path: path, now: time.Now}
	if path == "" {
		return u, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.read(); err != nil {
		return nil, fmt.Errorf("read the web configuration %s: %w", path, err)
	}
	return u, nil
}

// Any reports whether there are users. A file that cannot be read counts as one
// that has some: a broken file must not open what it had closed.
func (u *Users) Any() bool {
	if u.path == "" {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.look()
	return !u.readable || len(u.hashes) > 0
}

// Verify reports whether the file has a user of that name and password.
func (u *Users) Verify(name, password string) bool {
	if u.path == "" {
		return false
	}
	u.mu.Lock()
	u.look()
	hash, ok := u.hashes[name]
	if !ok {
		u.mu.Unlock()
		return false
	}
	key := digest(name, hash, password)
	_, known := u.verified[key]
	u.mu.Unlock()
	if known {
		return true
	}
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.verified) >= maxVerified {
		clear(u.verified)
	}
	u.verified[key] = struct{}{}
	return true
}

// digest separates its parts, so that no two triples have the same.
func digest(name, hash, password string) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q", name, hash, password))
}

// look reads the file again if it changed, once a second at the most.
func (u *Users) look() {
	now := u.now()
	if now.Sub(u.looked) < lookAgain {
		return
	}
	u.looked = now
	info, err := os.Stat(u.path)
	if err == nil && u.readable && info.ModTime().Equal(u.modified) && info.Size() == u.size {
		return
	}
	if u.read() != nil {
		u.readable, u.hashes = false, nil
	}
}

func (u *Users) read() error {
	info, err := os.Stat(u.path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(u.path)
	if err != nil {
		return err
	}
	var cfg web.Config
	if err := yaml.UnmarshalStrict(content, &cfg); err != nil {
		return err
	}
	u.hashes = make(map[string]string, len(cfg.Users))
	for name, hash := range cfg.Users {
		u.hashes[name] = string(hash)
	}
	u.modified, u.size, u.readable = info.ModTime(), info.Size(), true
	u.verified = make(map[[sha256.Size]byte]struct{})
	return nil
}
