package flagfile

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gitPatience is how long the questions about one folder may take together.
const gitPatience = 2 * time.Second

// maxTree is how long git's listing of a folder may be, in bytes.
const maxTree = 8 << 20

// checkout is what git says of a folder; empty where it says nothing.
type checkout struct {
	commit string
	blobs  map[string]string // the ids of the files as the commit has them, by name
}

// commits finds the commits that files are of. It is made for one look at the
// files, and asks git once for each folder.
type commits struct {
	git     string // its path; empty where there is none
	folders map[string]checkout
}

func newCommits() *commits {
	path, err := exec.LookPath("git")
	if err != nil {
		path = ""
	}
	return &commits{git: path, folders: map[string]checkout{}}
}

// of returns the commit of the checkout that holds the file c, if that has it
// exactly as it was read: a file that was edited since is of no commit.
func (g *commits) of(ctx context.Context, c content) string {
	real, err := filepath.EvalSymlinks(c.path)
	if g.git == "" || err != nil {
		return ""
	}
	folder, name := filepath.Split(real)
	of, asked := g.folders[folder]
	if !asked {
		of = g.ask(ctx, folder)
		g.folders[folder] = of
	}
	id := of.blobs[name]
	if id == "" || id != blobID(c.data, len(id)) {
		return ""
	}
	return of.commit
}

// blobID is how Git names a file with the content data, by SHA-1 or SHA-256,
// whichever is that long in hex.
func blobID(data []byte, length int) string {
	object := append(fmt.Appendf(nil, "blob %d\x00", len(data)), data...)
	if length == 2*sha256.Size {
		sum := sha256.Sum256(object)
		return hex.EncodeToString(sum[:])
	}
	sum := sha1.Sum(object)
	return hex.EncodeToString(sum[:])
}

func (g *commits) ask(ctx context.Context, folder string) checkout {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	commit, err := g.run(ctx, folder, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	if err != nil {
		return checkout{}
	}
	tree, err := g.run(ctx, folder, "ls-tree", "-z", strings.TrimSpace(commit))
	if err != nil {
		return checkout{}
	}
	of := checkout{commit: strings.TrimSpace(commit), blobs: map[string]string{}}
	for entry := range strings.SplitSeq(tree, "\x00") {
		what, name, ok := strings.Cut(entry, "\t")
		if fields := strings.Fields(what); ok && len(fields) == 3 && fields[1] == "blob" {
			of.blobs[name] = fields[2]
		}
	}
	return of
}

// run asks git something that only reads. No lock, no hook and no program that the
// repository names is involved, nothing is fetched, and it does not matter whose
// folder it is: checkouts are often another user's.
func (g *commits) run(ctx context.Context, folder string, args ...string) (string, error) {
	args = append([]string{
		"-C", folder, "-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false",
	}, args...)
	cmd := exec.CommandContext(ctx, g.git, args...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "GIT_") { // such as another repository's GIT_DIR
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
	cmd.WaitDelay = time.Second
	out := &limited{}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("asking git: %w", err)
	}
	return out.String(), nil
}

// limited is a buffer that takes no more than maxTree.
type limited struct{ bytes.Buffer }

var errTooLong = errors.New("git says too much")

// Write implements io.Writer.
func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxTree {
		return 0, errTooLong
	}
	return l.Buffer.Write(p)
}
