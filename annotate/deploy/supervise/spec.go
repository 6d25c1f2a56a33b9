package supervise

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tidemark/tidemark/annotate/deploy/runlog"
)

// IDVariable has the id of the run in the environment of its command, and so tells
// which processes belong to it.
const IDVariable = "TIDEMARK_DEPLOY_ID"

// maxSpec is how long a spec may be, in bytes: more than arguments and environment
// may be together on any system.
const maxSpec = 16 << 20

// Spec is all that a supervisor needs to know, as it reads it from its standard
// input. It has secrets.
type Spec struct {
	// Folder is the run's own, as an absolute path.
	Folder Folder `json:"folder"`
	// Argv is the program and its arguments, and Directory where it runs.
	Argv      []string `json:"argv"`
	Directory string   `json:"directory"`
	// Env is the whole environment of the command.
	Env []string `json:"env"`
	// Log is what the command prints to, without Secrets.
	Log     runlog.File `json:"log"`
	Secrets []string    `json:"secrets,omitempty"`
	// Timeout is how long the command may take, and Grace how long after SIGTERM it
	// is killed.
	Timeout time.Duration `json:"timeout"`
	Grace   time.Duration `json:"grace"`
}

// readSpec reads a spec to the end of the input. One that was cut off is an error,
// since no beginning of an object is one.
func readSpec(in io.Reader) (Spec, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxSpec+1))
	if err != nil {
		return Spec{}, fmt.Errorf("reading what to run: %w", err)
	}
	if len(text) > maxSpec {
		return Spec{}, fmt.Errorf("what to run is longer than %d bytes", maxSpec)
	}
	var spec Spec
	if err := json.Unmarshal(text, &spec); err != nil {
		return Spec{}, errors.New("what to run came incomplete") // the text has secrets, and so might the error
	}
	if spec.Folder == "" || len(spec.Argv) == 0 {
		return Spec{}, errors.New("there is nothing to run")
	}
	return spec, nil
}

// Answer is the line that a supervisor writes to its standard output, once.
type Answer struct {
	// PID is the supervisor's. It is there where the command began, or its end is in
	// the folder already.
	PID int `json:"pid,omitempty"`
	// Claimed says that somebody else had decided whether the command runs.
	Claimed bool `json:"claimed,omitempty"`
	// Error is why nothing was begun.
	Error string `json:"error,omitempty"`
}
