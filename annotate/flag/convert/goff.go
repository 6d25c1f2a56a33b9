package convert

import (
	"fmt"

	"github.com/tidemark/tidemark/annotate"
	"github.com/tidemark/tidemark/annotate/flag"
)

// fromGOFF reads GO Feature Flag's own files, which stay as they are.
// https://gofeatureflag.org/docs/configure_flag/create-flags
func fromGOFF(data []byte, options Options) (Result, error) {
	data, notation, err := written(data, options.Notation)
	if err != nil {
		return Result{}, err
	}
	defs, err := flag.ParseFile(data, notation)
	if err != nil {
		return Result{}, err
	}
	if len(defs) > MaxFlags {
		return Result{}, &annotate.Error{Code: annotate.TooMany, Message: fmt.Sprintf("the file has %d flags, and may have %d", len(defs), MaxFlags)}
	}
	return Result{Flags: defs}, nil
}
